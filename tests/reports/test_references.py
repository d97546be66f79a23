"""Arms against methods that train no network: a table of their own, in one family."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from harness import store
from harness.coordinator import run
from harness.spec import Study
from harness.store import Store
from reports import estimates, export, frames, tables, verdicts
from reports.page import render

STUDY = {
    "name": "against",
    "template": "autoencoder",
    "factors": {"code": [1, 3], "activation": ["relu", "tanh"]},
    "fixed": {"epochs": 2, "units": [], "batch_size": 20, "learning_rate": 0.01},
    "references": ["pca", {"name": "pca", "components": 2}],
    "replicates": 9,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A real study with references, small."""
    generator = np.random.default_rng(0)
    data = generator.normal(size=(120, 5)), np.arange(120) % 3
    study = Study(**STUDY)
    return run(study, data=data, root=tmp_path_factory.mktemp("against"), workers=0).folder


@pytest.fixture
def read(finished):
    """Results and what they mean."""
    results = frames.read(finished)
    return results, verdicts.judge(results)


def test_arms_stay_what_they_are(read):
    """References enter neither the trials of arms nor their family of comparisons."""
    results, judged = read
    assert len(results.arms) == 4
    assert set(results.trials["arm"]) == {0, 1, 2, 3}
    assert judged.rule.family == 3
    assert [one.label for one in results.references] == [
        "pca(components=1)",
        "pca(components=3)",
        "pca(components=2)",
    ]
    assert len(results.measured) == 3 * 9


def test_every_arm_meets_the_methods_that_are_meant_for_it(read):
    """By the exact test, over the family of this table."""
    results, judged = read
    met = [[verdict.arm for verdict in one.verdicts] for one in judged.references]
    assert met == [[0, 1], [2, 3], [0, 1, 2, 3]]
    quantity = "test/mean_squared_error@best"
    arms = np.log(frames.grid(results, quantity).cells)
    methods = np.log(frames.reference_cells(results, quantity))
    table = tables.references(results, judged)
    assert len(table) == 8
    for row, (method, arm) in zip(
        table.itertuples(),
        [(0, 0), (0, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (2, 3)],
        strict=True,
    ):
        mean, low, high, _, p = estimates.sign_flips(arms[arm] - methods[method], 0.05, 8)
        assert (row.difference, row.low, row.high, row.p_adjusted) == pytest.approx(
            (mean, low, high, p)
        )
        assert row.reference_mean == pytest.approx(np.exp(methods[method].mean()))
        if row.verdict == "worse":
            assert low > 0


def test_a_method_that_is_better_is_said_to_be(read):
    """Two epochs of training do not reach principal components."""
    _, judged = read
    words = {verdict.word for one in judged.references for verdict in one.verdicts}
    assert "worse" in words
    assert "better" not in words
    reading = judged.references[0].verdicts[0].reading
    assert "pca(components=1)" in reading


def test_page_terminal_and_files_have_them(finished, read):
    """A section, a printed table, a CSV file, a sentence at the top."""
    results, judged = read
    page = render(finished)
    assert 'id="references"' in page
    assert "8 intervals share a confidence of 95" in page
    assert "pca(components=3)" in page
    printed = tables.printed_references(results, judged)
    mean = judged.units.value(judged.references[2].mean.mean)
    assert list(printed.columns) == ["diff (%)", "pca by code", f"pca(components=2): {mean}"]
    assert list(printed["diff (%)"]) == [arm.label for arm in results.arms]
    word = judged.references[1].verdicts[0].word
    assert printed["pca by code"][2].endswith(word)
    assert "references" in tables.collect(results, judged)
    assert export.csv(tables.references(results, judged)).startswith("reference,reference_mean,arm")
    (line,) = [one for one in verdicts.headline(results, judged) if "train no network" in one]
    assert "of 8 comparisons" in line


def test_a_reference_that_failed_is_told(finished, tmp_path):
    """Its comparisons get no verdict, and the page says why."""
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    with store.reading(folder) as db:
        rows = db.execute("SELECT trial FROM member WHERE arm = 4").fetchall()
    with Store(folder) as opened, opened._write() as db:
        for (key,) in rows:
            db.execute("UPDATE trial SET status = 'failed' WHERE key = ?", (key,))
            db.execute("DELETE FROM fact WHERE trial = ?", (key,))
            failed = (
                "UPDATE attempt SET status = 'failed', reason = 'out of memory' WHERE trial = ?"
            )
            db.execute(failed, (key,))
    results = frames.read(folder)
    judged = verdicts.judge(results)
    assert {one.word for one in judged.references[0].verdicts} == {"no verdict"}
    assert "pca(components=1) is missing replicates: out of memory." in render(folder)


def test_a_study_without_references_has_no_such_section(shared):
    """Nothing about them anywhere."""
    results = frames.read(shared)
    judged = verdicts.judge(results)
    assert judged.references == ()
    assert tables.references(results, judged).empty
    assert "train no network" not in render(shared)
