"""Anybody's table of runs, judged by the rule of a study."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import Script

from harness.errors import UsageError
from reports import frames, page, runs, tables, verdicts


def written(tmp_path, rows, head="arm,replicate,value"):
    """A table in a file."""
    file = tmp_path / "results.csv"
    file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return file


def plain(replicates=10):
    """Two arms, of which the second is better by about 0.1."""
    return [
        f"{arm},{replicate},{0.5 + 0.01 * replicate + gain * (1 + 0.01 * (replicate % 3))}"
        for replicate in range(replicates)
        for arm, gain in (("a", 0.0), ("b", 0.1))
    ]


def test_a_table_is_judged_as_the_study_that_it_comes_from(make, tmp_path):
    """The same numbers give the same words, intervals and p, also where a training diverged."""
    lost = {(2, "confirm", 3), (1, "confirm", 5)}
    script = Script(status=lambda a, p, c, r: "diverged" if (a, p, r) in lost else "completed")
    results = frames.read(make(script, replicates=10, margin=0.01))
    theirs = verdicts.judge(results)
    grid = theirs.grid
    rows = [
        f'"{label}",{replicate},{"" if grid.diverged[arm, replicate] else repr(float(cell))}'
        for arm, label in enumerate(theirs.labels)
        for replicate, cell in enumerate(grid.cells[arm])
    ]
    ours = runs.judge(runs.read(written(tmp_path, rows)), margin=0.01)
    assert [one.word for one in ours.verdicts] == [one.word for one in theirs.verdicts]
    assert {"sign flips", "signed ranks"} == {one.comparison.decided_by for one in ours.verdicts}
    for our, their in zip(ours.verdicts, theirs.verdicts, strict=True):
        for name in ("low", "high", "p", "adjusted", "difference", "typical"):
            np.testing.assert_equal(
                getattr(our.comparison, name), getattr(their.comparison, name), err_msg=name
            )


def test_lower_turns_the_word_and_log_the_unit(tmp_path):
    """Direction and scale are what the command says, not what the file is called."""
    table = runs.read(written(tmp_path, plain()))
    (up,) = runs.judge(table).verdicts
    (down,) = runs.judge(table, maximize=False).verdicts
    assert (up.word, down.word) == ("better", "worse")
    judged = runs.judge(table, log=True)
    assert judged.units.unit == "%"
    (ratio,) = judged.verdicts
    assert ratio.comparison.difference == pytest.approx(
        np.mean(np.log(table.grid.cells[1]) - np.log(table.grid.cells[0]))
    )


def test_the_baseline_can_be_named_and_is_told_where_it_is_not(tmp_path):
    """Otherwise the first arm serves."""
    table = runs.read(written(tmp_path, plain()))
    judged = runs.judge(table, baseline="b")
    assert judged.verdicts[0].word == "worse"
    assert "No baseline was named" not in " ".join(runs.headline(judged, declared=True))
    assert "No baseline was named: the first arm, a," in " ".join(
        runs.headline(runs.judge(table), declared=False)
    )


def test_what_is_missing_leaves_everything_undecided(tmp_path):
    """A run that another arm has is missing, and named; a failed one is there."""
    rows = [row for row in plain() if row.partition(",0.")[0] not in {"b,4", "b,7"}]
    table = runs.read(written(tmp_path, rows))
    assert table.missing == ("b, replicates 4 and 7: not in the table",)
    judged = runs.judge(table)
    assert [one.word for one in judged.verdicts] == ["no verdict"]
    assert "2 of 20 runs have no result" in runs.headline(judged, declared=True)[0]
    for text in ("", "nan", "inf", "-inf"):
        failed = [f"b,4,{text}" if row.startswith("b,4,") else row for row in plain()]
        table = runs.read(written(tmp_path, failed))
        assert not table.missing
        assert table.grid.diverged.sum() == 1


def test_small_and_large_values_keep_their_digits(tmp_path):
    """A difference of a billionth is not printed as zero."""
    rows = [
        f"{arm},{r},{1e-9 * (1 + 0.1 * r + gain + 0.01 * (r % 3) * gain)}"
        for r in range(8)
        for arm, gain in (("a", 0.0), ("b", 0.5))
    ]
    shown = tables.printed(runs.judge(runs.read(written(tmp_path, rows))))
    assert float(shown["diff"][1]) == pytest.approx(5e-10, rel=0.05)


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        (["a,1,2"], "arm,replicate,score", "line 1: expected the columns arm, replicate and value"),
        (["a,1,2,3"], "arm,replicate,value,seed", "Received: 'arm', 'replicate', 'value', 'seed'"),
        (["a,1,2", "b,1,2", "a,1,3"], None, "line 4.*'a', replicate '1', which is also in line 2"),
        (["a,1,2", "a,2,2"], None, "two arms or more.*only 'a'"),
        ([], None, "no run at all"),
        (["a,1,2", "b,1,high"], None, "line 3: expected a number.*'high'"),
        (["a,1,2", "b,1"], None, "line 3: expected 3 cells. Received: 2"),
        (["a,1,2", ",1,2"], None, "line 3: expected a name of the arm"),
        (["a,1,2", '"b,1,2'], None, "expected CSV"),
    ],
)
def test_bad_tables_are_refused_with_their_line(tmp_path, rows, head, said):
    """Nothing is guessed."""
    file = written(tmp_path, rows, head or "arm,replicate,value")
    with pytest.raises(UsageError, match=said):
        runs.read(file)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"baseline": "bb"}, "Did you mean|Valid"),
        ({"confidence": 95.0}, "such as 0.95"),
        ({"margin": -0.1}, "margin above 0"),
        ({"margin": 2.0, "log": True}, "between 0 and 1"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path, options, said):
    """Before anything is computed."""
    with pytest.raises(UsageError, match=said):
        runs.judge(runs.read(written(tmp_path, plain())), **options)


def test_no_logarithm_of_a_value_below_zero(tmp_path):
    """The run is named."""
    table = runs.read(written(tmp_path, [*plain(), "a,x,-1", "b,x,1"]))
    with pytest.raises(UsageError, match="-1 for arm 'a', replicate 'x'"):
        runs.judge(table, log=True)


def test_the_page_says_what_pairs_are(tmp_path):
    """Answer, table, figures and method; nothing of trainings that it cannot know."""
    table = runs.read(written(tmp_path, [*plain(), "<b>x</b>,0,1"]))
    judged = runs.judge(table)
    text = page.lay_out_runs(table, judged, tmp_path / "p.html", declared=False).read_text()
    assert "The table cannot show whether they do" in text
    assert 'id="differences"' in text
    assert 'id="replicates"' in text
    assert "<b>x</b>" not in text
    assert "Learning curves" not in text
    assert table.digest[:16] in text
