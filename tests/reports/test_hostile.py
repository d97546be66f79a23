"""Questions and names that are code for a terminal, a page or a figure: they stay text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import cli
from reports.page import render

if TYPE_CHECKING:
    from synthetic import Maker

QUESTION = "[/b] [red]Is <script>alert(1)</script> \x1b[2J \u202e $x^$ & better?"
LEVELS = ["[/red]", "<b>bold</b>", "$\\frac$", "a\x1b[31m", "{{ 7 * 7 }}", "100 %$"]


def test_a_terminal_shows_them(make: Maker, capsys, monkeypatch) -> None:
    """After the training is no time to fail; escapes are shown, brackets stay."""
    folder = make(question=QUESTION, factors={"kind": LEVELS}, tune=None)
    monkeypatch.setattr("sys.argv", ["keras-harness", "report", str(folder)])
    assert cli.main() == 0
    said = capsys.readouterr().out
    assert "[/b] [red]Is <script>alert(1)</script> \\x1b[2J" in said
    assert "\x1b" not in said
    assert "[/red]" in said
    monkeypatch.setattr("sys.argv", ["keras-harness", "status", str(folder)])
    assert cli.main() == 0


def test_a_page_shows_them(make: Maker) -> None:
    """No tag, no expression and no formula of theirs is carried out."""
    page = render(make(question=QUESTION, factors={"kind": LEVELS}, tune=None))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<script") == 1
    assert "<b>bold" not in page
    assert "{{ 7 * 7 }}" in page
    for acting in ("\x1b", "\u202e"):
        assert acting not in page


@pytest.mark.parametrize("reason", ["\x1b[31m[/red] <i>boom</i>"])
def test_stored_reasons_are_text_too(make: Maker, reason, capsys, monkeypatch) -> None:
    """What an exception said is printed by ``report`` and on the page."""
    from synthetic import Script

    script = Script(status=lambda *_: "failed", reason=reason)
    folder = make(script, tune=None)
    monkeypatch.setattr("sys.argv", ["keras-harness", "report", str(folder)])
    assert cli.main() == 5
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert r"\x1b[31m[/red] <i>boom</i>" in said
