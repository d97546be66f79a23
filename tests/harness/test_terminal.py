"""Text of other people's on a terminal: shown, never obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from harness.printable import printable
from harness.terminal import Terminal

HOSTILE = "\x1b]0;title\x07 [/bold][red]x :bomb: \r\u202eabc\x9b2J\x00"


@given(st.text())
def test_only_plain_characters_are_left(text):
    """No control character but line feeds and tabs, and no override of the reading direction."""
    shown = printable(text)
    assert not {one for one in shown if ord(one) < 32 or 127 <= ord(one) < 160} - {"\n", "\t"}
    assert not {*shown} & {"\u202e", "\u2066", "\u200f"}
    assert printable(shown) == shown


def test_plain_text_stays():
    """Of any language, on several lines."""
    assert printable("Größe\n\t測試 50 %") == "Größe\n\t測試 50 %"


@pytest.mark.parametrize("stderr", [True, False])
def test_a_terminal_prints_text_as_it_is(capsys, stderr):
    """Markup and emoji codes are text; control sequences are shown."""
    terminal = Terminal(stderr=stderr)
    terminal.print(HOSTILE, style="bold", soft_wrap=True)
    said = capsys.readouterr()[stderr]
    assert r"\x1b]0;title\x07 [/bold][red]x :bomb: \r\u202eabc\x9b2J\x00" in said
    assert "\x1b" not in said


def test_titles_and_cells_are_text_too(capsys):
    """They are laid out by the width that they are shown with."""
    table = Table(title=HOSTILE, box=None)
    table.add_column(HOSTILE)
    table.add_row("[red]\x1b[31m|")
    Terminal().print(table)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert r"[red]\x1b[31m|" in said
