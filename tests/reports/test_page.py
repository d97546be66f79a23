"""Tests of the page: the same bytes, nothing from outside, nobody else's code."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from synthetic import Maker, Script

from harness import studyfile
from harness.errors import DiskError, NothingToReportError, StoreError
from reports import figures, frames, page, tables, verdicts
from reports.page.facts import facts, outlook, study_file
from reports.page.markup import grid, typeset

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
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.tags.append(tag)
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


@pytest.fixture(scope="module")
def rendered(shared: Path) -> str:
    """The page of the plain two-factor study, for tests that only read it."""
    return page.render(shared)


def test_same_store_same_bytes(shared: Path, rendered: str) -> None:
    """Rendering twice gives the same page."""
    assert page.render(shared) == rendered


def test_the_order_of_completion_does_not_show(make: Maker) -> None:
    """Stores filled in different orders give the same page but for training times."""
    one, two = (page.render(make(Script(order=order))) for order in (1, 2))
    times = re.compile(r'data-key="[\d.]+">[\d.]+ s</td>|stored [\d: -]+ UTC')
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
    assert not set(reader.tags) & {"img", "b", "i", "u", "iframe", "object", "link"}
    assert reader.tags.count("script") == 1
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    assert HOSTILE in "".join(reader.text)


def test_nothing_is_loaded_from_outside(rendered: str) -> None:
    """The policy allows inline styles and the one script; links lead to files beside the page."""
    content = rendered
    reader = read(content)
    (script,) = re.findall(r"<script>(.*?)</script>", content, flags=re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = next(value for _, _, value in reader.attributes if value.startswith("default-src"))
    assert policy.startswith(
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
    )
    assert reader.tags.count("script") == 1
    for tag, name, value in reader.attributes:
        if name in {"src", "href", "xlink:href", "action", "srcset"}:
            assert re.fullmatch(r"#[\w-]+|(figures/)?\w+\.(csv|toml|svg|png)", value), (tag, value)
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


def test_ids_are_unique_and_references_meet_them(rendered: str) -> None:
    """No two elements share an id, and what refers to one finds it."""
    content = rendered
    ids = re.findall(r'\bid="([^"]+)"', content)
    assert len(ids) == len(set(ids))
    referred = re.findall(r'(?:href="#|url\(#)([^")]+)', content)
    assert referred
    assert set(referred) <= set(ids)


def test_figures_follow_the_theme_and_can_be_heard(rendered: str) -> None:
    """Every figure is labelled, and no sentinel color or font of the drawing remains."""
    content = rendered
    openings = re.findall(r"<svg [^>]*>", content)
    assert len(openings) == 2 * 5  # each for a wide page and for a phone
    assert all('role="img"' in opening and "aria-label=" in opening for opening in openings)
    assert "#010203" not in content
    for color in figures.SERIES:  # on dark ground each has a brighter form
        assert f"--c-{color[1:]}: #" in content
    assert "DejaVu" not in content
    assert "currentColor" in content
    assert "prefers-color-scheme: dark" in content
    assert "viewport" in content


def test_the_answer_stands_first(rendered: str) -> None:
    """Question, answer, verdicts, figures, provenance and method, in this order."""
    content = rendered
    places = [
        content.index(text)
        for text in (
            "<h1>Which activation trains a small network best?</h1>",
            "None of the 5 alternatives beats the baseline, relu, glorot_uniform",
            "Decided by",
            "Contents",
            "<h2>Verdicts</h2>",
            "Test details",
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


@pytest.mark.parametrize(
    "status", ["diverged", pytest.param("failed", marks=pytest.mark.slow), "pending"]
)
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
        assert "<h2>Failures</h2>" in content
        assert ("enter no estimate" in content) == (status != "diverged")


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
    content = page.render(folder)
    assert file.read_text(encoding="utf-8") == content
    assert (file.parent / "verdicts.csv").is_file()
    links = {value for _, name, value in read(content).attributes if name == "href"}
    files = {link for link in links if not link.startswith("#")}
    beside = {path.relative_to(file.parent).as_posix() for path in file.parent.rglob("*.*")}
    assert beside == files | {"index.html"}
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


def test_files_of_figures_are_the_same_twice(make: Maker) -> None:
    """Pictures beside the page are white, complete and reproducible."""
    file = page.write(make(tune=None, factors={"activation": ["relu", "tanh"]}))
    first = {path.name: path.read_bytes() for path in (file.parent / "figures").iterdir()}
    assert {"forest.svg", "forest.png", "curves.svg", "spread.png"} <= set(first)
    assert first["forest.png"].startswith(b"\x89PNG")
    assert b'fill="white"' in first["forest.svg"]
    assert b"#010203" not in first["forest.svg"]
    page.write(file.parent.parent)
    assert first == {path.name: path.read_bytes() for path in (file.parent / "figures").iterdir()}


def test_every_figure_is_on_the_page(make: Maker) -> None:
    """What `export` draws, the page shows, and the other way round."""
    folder = make()
    results = frames.read(folder)
    names = {re.sub("^sensitivity.*", "sensitivity", one) for one in exported(results)}
    files = {file.stem for file in (page.write(folder).parent / "figures").glob("*.svg")}
    assert {re.sub("^sensitivity.*", "sensitivity", one) for one in files} == names
    assert names >= {"forest", "curves", "spread", "cells", "sensitivity"}


def exported(results: frames.Results) -> set[str]:
    """Names of the figures of a study."""
    return {*figures.every(results, verdicts.judge(results))}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tune": None, "margin": 0.01, "baseline": {"activation": "tanh"}, "question": HOSTILE},
        {"fixed": {"optimizer": {"name": "sgd", "momentum": 0.9}, "units": [8, 8]}},
    ],
)
def test_the_study_file_runs_again(make: Maker, changes: dict[str, object]) -> None:
    """What is shown as a file is the study."""
    results = frames.read(make(replicates=2, **changes))
    assert studyfile.parse(study_file(results)) == results.study


def test_the_page_holds_the_study_file(shared: Path, rendered: str) -> None:
    """The text that is shown is the text of the file."""
    (shown,) = re.findall(r"<pre>(.*?)</pre>", rendered, flags=re.DOTALL)
    assert html.unescape(shown) == study_file(frames.read(shared))


@pytest.mark.parametrize(
    ("dataset", "left"),
    [
        ("/home/ann/thesis/x.npz", 'dataset = "x.npz"'),
        ("data/x.npz", 'dataset = "data/x.npz"'),
        ({"file": "/home/ann/a.csv", "target": "y"}, 'file = "a.csv"'),
        ({"folder": "/home/ann/flowers"}, 'folder = "flowers"'),
        ("", "given from Python"),
    ],
)
def test_the_study_file_names_no_folder_of_a_person(make: Maker, dataset, left: str) -> None:
    """Absolute paths keep their last part; what a person wrote in relation stays."""
    text = study_file(frames.read(make(dataset=dataset, tune=None, replicates=1)))
    assert left in text
    assert "/ann" not in text


def told(folder: Path) -> dict[str, str]:
    """The facts of a store by name."""
    results = frames.read(folder)
    return {item.name: item.value for item in facts(results, verdicts.judge(results))}


def test_facts_name_data_network_and_days(shared: Path, make: Maker) -> None:
    """Classes by their names, the chance level, sizes and epochs, each where it is known."""
    found = told(shared)
    assert found["Data"] == "digits, 1,797 images, 359 of them to test"
    assert found["Network"] == "mlp, 5,000 to 5,005 parameters"
    assert found["Epochs"] == "6"
    assert re.fullmatch(r"\d+ \w+ \d{4}.*, within \d+ min", found["Trained"])
    assert "Chance level" not in found
    card = {"classes": ["cat", "dog"], "counts": [30, 10], "outputs": 2, "shape": [4]}
    found = told(make(Script(card=card), tune=None, replicates=2))
    assert found["Classes"] == "cat and dog"
    assert found["Chance level"] == "75.0 %"
    assert found["Data"] == "digits, 1,797 examples, 359 of them to test"


def ahead(folder: Path) -> str:
    """What would tell more about a store."""
    results = frames.read(folder)
    return " ".join(outlook(results, verdicts.judge(results)))


def test_next_steps_come_from_the_numbers(make: Maker) -> None:
    """Replicates that would decide or resolve, and trials to train."""
    noisy = Script(value=lambda arm, r: 0.9 + 0.01 * arm + 0.01 * ((r * 7 + arm * r) % 5))
    two = {"tune": None, "factors": {"activation": ["relu", "tanh"]}}
    text = ahead(make(noisy, replicates=8, **two))
    assert re.search(r"would decide, were the truth as seen: tanh \(about \d+\)", text)
    assert re.search(
        r"About \d+ replicates would resolve [\d.]+ points? of test accuracy, where 8 ", text
    )
    assert "another seed" in text
    few = ahead(make(noisy, tune=None, replicates=3))
    assert "At least 8 replicates are needed to decide 5 comparisons." in few
    clear = Script(value=lambda arm, r: 0.5 + 0.1 * arm + 0.001 * r)
    assert not ahead(make(clear, replicates=8, **two))
    lost = Script(status=lambda arm, *_: None if arm else "completed")
    assert "trains what is missing" in ahead(make(lost, **two))


def test_ranges_are_widened_where_choices_lie_at_their_end(make: Maker) -> None:
    """The bound is named, and the arms that reached it."""
    folder = make(tune={"trials": 3, "space": {"learning_rate": {"min": 1e-2, "max": 0.1}}})
    text, edges = ahead(folder), tables.edges(frames.read(folder))
    assert edges
    for end, told_as in (("lower", "below 0.01"), ("upper", "above 0.1")):
        found = any(end in edge for edge in edges.values())
        assert (f"Widen learning_rate {told_as}" in text) == found


@pytest.mark.parametrize(
    ("text", "name", "key"),
    [
        ("-1.5 to +0.2", "95 % interval", "-1.5"),
        ("below -1.0", "95 % interval", "-1"),
        ("1,234", "Parameters", "1234"),
        ("x403", "Difference (%)", "40200"),
        ("<0.001", "Adjusted p", "0.000999"),
        ("0.001", "Adjusted p", "0.001"),
        ("2/10 diverged", "Mean", "2"),
        ("", "Mean", ""),
        ("better, size open", "Verdict", "0"),
        ("relu2", "Level", ""),
    ],
)
def test_cells_are_sorted_by_their_number(text: str, name: str, key: str) -> None:
    """The first number of a cell, with its sign and in the unit of its column."""
    (row,) = grid(pd.DataFrame({"Arm": ["a"], name: [text]})).rows
    assert row.cells[-1].key == key


@pytest.mark.slow
def test_eighty_arms_stay_a_page_that_can_be_sent(make: Maker) -> None:
    """Less than five megabytes."""
    levels = {"a": [f"level{index}" for index in range(40)], "b": ["x", "y"]}
    content = page.render(make(factors=levels, tune=None, replicates=8))
    assert len(content) < 5_000_000
