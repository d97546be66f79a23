"""Tests of the page: the same bytes, nothing from outside, nobody else's code."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from synthetic import Maker, Script

from harness.errors import DiskError, NothingToReportError, StoreError
from reports import page
from reports.page.markup import typeset

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "</script><script>alert(1)</script>"
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Reader(HTMLParser):
    """Checks that elements nest, and collects what a browser would act on."""

    def __init__(self) -> None:
        """Nothing read yet."""
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text.append(data)


def read(content: str) -> Reader:
    """A page, parsed."""
    reader = Reader()
    reader.feed(content)
    reader.close()
    assert reader.open == []
    return reader


def test_same_store_same_bytes(shared: Path) -> None:
    """Rendering twice gives the same page."""
    assert page.render(shared) == page.render(shared)


def test_the_order_of_completion_does_not_show(make: Maker) -> None:
    """Stores filled in different orders give the same page but for training times."""
    one, two = (page.render(make(Script(order=order))) for order in (1, 2))
    times = re.compile(r"[\d.]+ s</td>|stored [\d: -]+ UTC")
    assert times.sub("", one) == times.sub("", two)


def test_hostile_names_are_text(make: Maker) -> None:
    """Scripts in questions, levels, factors and reasons are shown, not run."""
    script = Script(
        status=lambda arm, phase, *_: "failed" if arm == 2 and phase == "confirm" else "completed",
        reason=HOSTILE,
    )
    levels = [HOSTILE, '" onload="alert(2)', "--><b>", "'><img src=x onerror=alert(3)>"]
    content = page.render(
        make(script, question=HOSTILE, factors={HOSTILE: levels, "<i>": [1, 2]}, fixed={"x": "<u>"})
    )
    reader = read(content)
    assert not reader.tags & {"script", "img", "b", "i", "u", "iframe", "object", "link"}
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    assert HOSTILE in "".join(reader.text)


def test_nothing_is_loaded_from_outside(shared: Path) -> None:
    """The policy forbids everything but inline styles, and no address stands in the page."""
    content = page.render(shared)
    reader = read(content)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("meta", "content", policy) in reader.attributes
    assert "script" not in reader.tags
    for tag, name, value in reader.attributes:
        if name in {"src", "href", "xlink:href", "action", "srcset"}:
            assert value.startswith("#"), (tag, name, value)
        elif not name.startswith("xmlns"):
            assert "//" not in value, (tag, name, value)
    css = content[content.index("<style>") : content.index("</style>")]
    assert "url(" not in css
    assert "@import" not in css


def test_no_paths_of_the_machine(make: Maker) -> None:
    """Neither the store's folder nor a user's paths are published."""
    script = Script(
        status=lambda arm, phase, *_: "failed" if arm == 2 and phase == "confirm" else "completed",
        reason="no such file: /home/ann/thesis/x.npz",
    )
    folder = make(script)
    content = page.render(folder)
    assert str(folder.parent) not in content
    assert "/home/ann" not in content
    assert "x.npz" in content


def test_ids_are_unique_and_references_meet_them(shared: Path) -> None:
    """No two elements share an id, and what refers to one finds it."""
    content = page.render(shared)
    ids = re.findall(r'\bid="([^"]+)"', content)
    assert len(ids) == len(set(ids))
    referred = re.findall(r'(?:href="#|url\(#)([^")]+)', content)
    assert referred
    assert set(referred) <= set(ids)


def test_figures_follow_the_theme_and_can_be_heard(shared: Path) -> None:
    """Every figure is labelled, and no sentinel color or font of the drawing remains."""
    content = page.render(shared)
    figures = re.findall(r"<svg [^>]*>", content)
    assert len(figures) == 5
    assert all('role="img"' in opening and "aria-label=" in opening for opening in figures)
    assert "#010203" not in content
    assert "DejaVu" not in content
    assert "currentColor" in content
    assert "prefers-color-scheme: dark" in content
    assert "viewport" in content


def test_the_answer_stands_first(shared: Path) -> None:
    """Question, answer, verdicts, figures, provenance and method, in this order."""
    content = page.render(shared)
    places = [
        content.index(text)
        for text in (
            "<h1>Which activation trains a small network best?</h1>",
            "None of the 5 alternatives beats the baseline, relu, glorot_uniform",
            "<h2>Verdicts</h2>",
            "<h2>Differences from the baseline</h2>",
            "<h2>Learning curves</h2>",
            "<h2>Every replicate</h2>",
            "<h2>Tuning inside every arm</h2>",
            "<h2>Factors</h2>",
            "<h2>Selection bias</h2>",
            "<h2>Provenance</h2>",
            "<h2>How to read this page</h2>",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "changes",
    [
        {"tune": None},
        {"tune": None, "factors": {"activation": ["relu"]}},
        {"metric": "test/loss@best", "task": "regression", "margin": 0.1},
        {"replicates": 1, "question": ""},
        {"factors": {"a": ["x", "y"], "b": ["x", "y"], "c": [1, 2]}, "replicates": 2},
        {
            "tune": {
                "trials": 3,
                "space": {"units": {"values": ["a", "b"]}, "p": {"min": 0, "max": 1}},
            }
        },
    ],
)
def test_every_kind_of_study_has_a_page(make: Maker, changes: dict[str, object]) -> None:
    """Studies without tuning, with one arm, of losses, with one replicate, of three factors."""
    read(page.render(make(**changes)))


@pytest.mark.parametrize("status", ["diverged", "failed", "pending"])
def test_a_page_with_lost_trials(make: Maker, status: str) -> None:
    """A page is made whatever happened to whole arms, or to the baseline."""
    for lost in (0, 1):
        script = Script(
            status=lambda arm, phase, *_, lost=lost: (
                ({"pending": None}.get(status, status))
                if arm == lost and phase == "confirm"
                else "completed"
            )
        )
        content = page.render(make(script, replicates=3))
        read(content)
        assert ("Trials left out" in content) == (status != "diverged")


def test_everything_diverged(make: Maker) -> None:
    """A study in which every training diverged still has a page, without a mean."""
    content = page.render(make(Script(status=lambda *_: "diverged"), replicates=3))
    read(content)
    assert "Every arm holds a diverged trial" in content


def test_write_puts_tables_beside_the_page(make: Maker, tmp_path: Path) -> None:
    """The page and a file per table are written where they were asked for."""
    folder = make()
    file = page.write(folder)
    assert file == folder / "report" / "index.html"
    assert file.read_text(encoding="utf-8") == page.render(folder)
    assert (file.parent / "verdicts.csv").is_file()
    other = page.write(folder, tmp_path / "elsewhere" / "page.html")
    assert other.read_bytes() == file.read_bytes()
    assert (tmp_path / "elsewhere" / "trials.csv").is_file()


def test_errors_are_ours(make: Maker, tmp_path: Path) -> None:
    """No store, nothing finished, a refusing disk: each ends in its own error."""
    with pytest.raises(StoreError):
        page.render(tmp_path / "nowhere")
    with pytest.raises(NothingToReportError):
        page.render(make(Script(status=lambda *_: None)))
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError):
        page.write(make(tune=None), tmp_path / "file" / "page.html")


def test_typesetting_keeps_meaning() -> None:
    """Minus signs before numbers only, escaped text, and units on their line."""
    assert typeset("-1.5 to +2, a-3, x -y") == "\u22121.5 to +2, a-3, x -y"
    assert typeset("<b> 5 %") == "&lt;b&gt; 5\u202f%"
