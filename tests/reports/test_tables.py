"""Tests of the tables: their numbers, and what they must not depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic import ENVIRONMENT, Maker, Script, accuracy

from reports import estimates, figures, frames, page, tables, verdicts

if TYPE_CHECKING:
    from pathlib import Path

TIMES = ["seconds", "attempts"]


def judged(folder: Path) -> tuple[frames.Results, verdicts.Judged]:
    """A store, read and judged."""
    results = frames.read(folder)
    return results, verdicts.judge(results)


def test_verdict_table_holds_means_and_differences(shared: Path) -> None:
    """Each row has the arm's own mean and interval, and the difference to the baseline."""
    results, found = judged(shared)
    table = tables.verdict_table(results, found)
    assert len(table) == 6
    values = [[accuracy(arm, replicate) for replicate in range(6)] for arm in range(6)]
    assert table["mean"].tolist() == pytest.approx(np.mean(values, axis=1))
    assert table["median"].tolist() == pytest.approx(np.median(values, axis=1))
    low, high = stats.t.interval(0.95, 5, np.mean(values[2]), stats.sem(values[2]))
    assert table.loc[2, ["mean_low", "mean_high"]].tolist() == pytest.approx([low, high])
    assert table["verdict"].tolist()[0] == "baseline"
    assert np.isnan(table.loc[0, "difference"])
    assert table.loc[3, "difference"] == pytest.approx(np.mean(values[3]) - np.mean(values[0]))
    assert table["activation"].tolist() == ["relu", "relu", "tanh", "tanh", "sigmoid", "sigmoid"]
    assert table["hyperparameters"].str.startswith("learning_rate = ").all()
    assert table["parameters"].tolist() == [5000 + arm for arm in range(6)]


def test_log_scale_table_is_geometric(make: Maker) -> None:
    """On a log scale the mean is geometric and the difference one of logarithms."""
    results, found = judged(make(metric="test/loss@best", tune=None))
    table = tables.verdict_table(results, found)
    logs = np.log([[accuracy(arm, replicate) for replicate in range(6)] for arm in range(6)])
    assert table["mean"].tolist() == pytest.approx(np.exp(logs.mean(axis=1)))
    assert table.loc[1, "difference"] == pytest.approx((logs[1] - logs[0]).mean())
    assert set(table["scale"]) == {"log"}


@pytest.mark.parametrize(
    "script", [Script(workers=0), Script(workers=2, order=9), Script(order=4, killed=20)]
)
def test_execution_does_not_change_the_verdict_table(make: Maker, script: Script) -> None:
    """Other workers, another order, or a killed and resumed run: the same table, byte for byte."""
    reference = tables.verdict_table(*judged(make()))
    table = tables.verdict_table(*judged(make(script)))
    pd.testing.assert_frame_equal(
        table.drop(columns=TIMES), reference.drop(columns=TIMES), check_exact=True
    )


def test_attempts_are_counted(make: Maker) -> None:
    """A trial that was started twice counts two attempts."""
    results, found = judged(make(Script(killed=66)))
    assert tables.verdict_table(results, found)["attempts"].tolist() == [12] * 6


def test_times_of_like_conditions_are_compared(make: Maker) -> None:
    """The median training time stands in the table where all conditions were the same."""
    results, found = judged(make(tune=None))
    table = tables.verdict_table(results, found)
    assert (
        table["seconds"].tolist()
        == results.confirm.groupby("arm")["seconds_train"].median().tolist()
    )
    assert tables.timing_problem(results) == ""


def test_times_of_other_conditions_are_left_blank(make: Maker) -> None:
    """Times measured in two environments are not compared, and the note says why."""
    other = ENVIRONMENT.model_copy(update={"processor": "Another"})
    script = Script(environment=lambda arm, _: other if arm == 2 else ENVIRONMENT)
    results, found = judged(make(script))
    assert tables.verdict_table(results, found)["seconds"].isna().all()
    notes = " ".join(tables.notes(results))
    assert "2 different environments" in notes
    assert "Training times are left out: they were trained in different environments." in notes
    items = tables.provenance(results, found)["item"].tolist()
    assert {"processor (1)", "processor (2)"} <= set(items)


def test_statuses_sum_to_what_was_planned(make: Maker) -> None:
    """Every planned confirm trial has exactly one status."""
    names = ["completed", "diverged", "failed", None, "running", "interrupted"]
    script = Script(
        status=lambda arm, phase, _candidate, replicate: (
            names[(arm + replicate) % 6] if phase == "confirm" else "completed"
        )
    )
    results, found = judged(make(script))
    counts = tables.statuses(results)
    kinds = ["completed", "diverged", "failed", "unfinished"]
    assert counts[kinds].sum(axis=1).tolist() == [6] * 6
    assert counts.loc[0, kinds].tolist() == [1, 1, 1, 3]
    table = tables.verdict_table(results, found)
    assert table["n"].tolist() == (table["completed"] + table["diverged"]).tolist()


def test_a_diverged_arm_has_a_median_but_no_mean(make: Maker) -> None:
    """Diverged counts as worst: a minority leaves a median, a majority leaves none."""
    script = Script(
        status=lambda arm, _phase, _candidate, replicate: (
            "diverged"
            if (arm == 1 and replicate < 2) or (arm == 2 and replicate < 4)
            else "completed"
        )
    )
    results, found = judged(make(script, tune=None))
    table = tables.verdict_table(results, found)
    assert table["mean"].isna().tolist() == [False, True, True, False, False, False]
    assert table["median"].isna().tolist() == [False, False, True, False, False, False]
    survivors = sorted(accuracy(1, replicate) for replicate in range(2, 6))
    assert table.loc[1, "median"] == pytest.approx((survivors[0] + survivors[1]) / 2)
    assert tables.formatted(found)["Mean"].tolist()[1] == "2/6 diverged"
    assert tables.marginals(results, found).empty
    assert np.isnan(tables.cells(results, found).to_numpy()[0, 1])


def test_marginal_means_are_means_of_arm_means(shared: Path) -> None:
    """A level's mean is over all arms that have it; cells are the arms themselves."""
    results, found = judged(shared)
    table = tables.verdict_table(results, found)
    marginals = tables.marginals(results, found)
    for row in marginals.itertuples():
        assert row.mean == pytest.approx(table[table[row.factor] == row.level]["mean"].mean())
    assert marginals["arms"].tolist() == [2, 2, 2, 3, 3]
    cells = tables.cells(results, found)
    assert cells.loc["tanh", "he_normal"] == table.loc[3, "mean"]


def test_tuning_table_has_every_candidate(make: Maker) -> None:
    """All candidates are listed, one per arm is chosen, a diverged one has no objective."""
    script = Script(
        status=lambda _arm, phase, candidate, _: (
            "diverged" if phase == "tune" and candidate == 2 else "completed"
        )
    )
    results, _ = judged(make(script))
    table = tables.tuning(results)
    assert len(table) == 6 * 5
    assert table.groupby("arm")["chosen"].sum().tolist() == [1] * 6
    assert table.loc[table["candidate"] == 2, "objective"].isna().all()
    assert not table.loc[table["candidate"] == 2, "chosen"].any()
    best = table.loc[table.groupby("arm")["objective"].idxmin()]
    assert best["chosen"].all()


def test_objective_is_the_mean_over_tune_replicates(make: Maker) -> None:
    """A candidate counts by its mean, and has none if one of its trainings diverged."""
    space = {"learning_rate": {"min": 1e-4, "max": 1e-1}}
    script = Script(
        status=lambda arm, phase, candidate, replicate: (
            "diverged" if (arm, phase, candidate, replicate) == (0, "tune", 1, 1) else "completed"
        )
    )
    results, _ = judged(make(script, tune={"trials": 3, "replicates": 2, "space": space}))
    table = tables.tuning(results).set_index(["arm", "candidate"])
    rows = results.tune[(results.tune["arm"] == 1) & (results.tune["candidate"] == 1)]
    assert table.loc[(1, 1), "objective"] == pytest.approx(rows["val/loss@best"].mean())
    assert np.isnan(table.loc[(0, 1), "objective"])
    assert table.loc[(0, 1), "diverged"] == 1


def test_a_failed_replicate_excludes_its_candidate(make: Maker) -> None:
    """One rule: no mean, no choice, a cross in the figure, and a sentence on the page."""
    space = {"learning_rate": {"min": 1e-4, "max": 1e-1, "scale": "log"}}
    script = Script(
        status=lambda arm, phase, candidate, replicate: (
            "failed" if (arm, phase, candidate, replicate) == (0, "tune", 1, 1) else "completed"
        )
    )
    folder = make(script, tune={"trials": 3, "replicates": 2, "space": space})
    results, found = judged(folder)
    row = tables.tuning(results).set_index(["arm", "candidate"]).loc[(0, 1)]
    assert np.isnan(row["objective"])
    assert (row["replicates"], row["diverged"], row["failed"]) == (1, 0, 1)
    assert not row["chosen"]
    figure = figures.sensitivity(results, found, "learning_rate")
    assert figure is not None
    (crosses,) = [line for line in figure.axes[0].lines if line.get_gid() == "diverged"]
    assert crosses.get_xdata().tolist() == [row["learning_rate"]]
    assert tables.formatted_tuning(results)["Failed"].tolist() == ["1", *"00000"]
    assert "1 candidate could not be chosen" in page.render(folder)


@pytest.mark.parametrize(("low", "high", "end"), [(0.01, 0.1, "lower"), (1e-6, 1e-4, "upper")])
def test_a_choice_at_the_edge_is_flagged(
    make: Maker, monkeypatch: pytest.MonkeyPatch, low: float, high: float, end: str
) -> None:
    """Where the optimum lies outside the range, the chosen candidate is nearest to that bound."""
    import synthetic

    def proposals(asked: object, arm: int) -> list[dict[str, float]]:
        rates = np.random.default_rng([7, arm]).uniform(np.log(low), np.log(high), size=5)
        return [{"learning_rate": float(np.exp(rate))} for rate in rates]

    monkeypatch.setattr(synthetic, "_proposals", proposals)
    space = {"learning_rate": {"min": low, "max": high, "scale": "log"}}
    results, _ = judged(make(tune={"trials": 5, "space": space}))
    assert tables.edges(results) == dict.fromkeys(range(6), f"learning_rate at its {end} end")
    assert tables.formatted_tuning(results)["At an edge"].str.contains(end).all()


def test_a_choice_inside_is_not_flagged(make: Maker) -> None:
    """An optimum between other candidates is no edge, and no column says so."""
    space = {"learning_rate": {"min": 1e-4, "max": 1e-1, "scale": "log"}}
    results, _ = judged(make(tune={"trials": 12, "space": space}))
    assert tables.edges(results) == {}
    assert "At an edge" not in tables.formatted_tuning(results)


def test_printed_fits_a_terminal(make: Maker) -> None:
    """The terminal form is text, and fits 100 columns beside ordinary labels."""
    folder = make(
        factors={"activation": ["relu", "leaky_relu"], "initializer": ["lecun_uniform", "he"]}
    )
    printed = tables.printed(judged(folder)[1])
    widths = [max(len(name), *(len(text) for text in printed[name])) for name in printed.columns]
    assert sum(widths) + 3 * len(widths) + 1 <= 100
    assert all(isinstance(text, str) for text in printed.to_numpy().ravel())
    assert printed["verdict"].tolist()[0] == "baseline"


def test_formatted_numbers_are_those_of_the_table(shared: Path) -> None:
    """What people read is the machine's number, rounded."""
    results, found = judged(shared)
    table, formatted = tables.verdict_table(results, found), tables.formatted(found)
    shown = formatted["Difference (points)"].iloc[1:].astype(float) / 100
    assert shown.tolist() == pytest.approx(table["difference"].iloc[1:].tolist(), abs=5e-5)
    assert formatted["Verdict"].tolist() == table["verdict"].tolist()


def test_skipped_trials_are_grouped_without_paths(make: Maker) -> None:
    """Alike failures are one row, and folders of the machine do not appear."""
    script = Script(
        status=lambda arm, phase, *_: "failed" if arm == 1 and phase == "confirm" else "completed",
        reason="FileNotFoundError: '/home/ann/x/weights.npz'",
    )
    results, _ = judged(make(script))
    table = tables.formatted_skipped(results)
    assert table["Trials"].tolist() == ["6"]
    assert table["Why"].tolist() == ["failed: FileNotFoundError: '.../weights.npz'"]


def test_provenance_names_method_and_machine(shared: Path) -> None:
    """Versions, processor, seed, family and confidence are listed."""
    table = tables.provenance(*judged(shared))
    items = dict(zip(table["item"], table["value"], strict=True))
    assert items["keras"] == "3.15.1"
    assert items["processor"] == "Some Processor 6 85"
    assert items["comparisons in the family"] == "5"
    assert items["confidence, each interval"] == "99 %"
    assert items["data digest"] == "d" * 16
    assert items["seed"] == "1"


def test_collected_tables_are_complete(shared: Path) -> None:
    """Every table with rows is exported, and none without."""
    found = tables.collect(*judged(shared))
    expected = {"verdicts", "statuses", "tuning", "selection_bias", "marginal_means", "cell_means"}
    expected |= {"factor_effects", "variance_shares", "history", "budgets"}
    assert set(found) == expected | {"provenance", "trials"}
    assert estimates.smallest_p(6) == found["verdicts"]["p_floor"].iloc[1]
