"""Tests of the frames: nothing lost, nothing invented, and in a fixed order."""

from __future__ import annotations

import sqlite3
from itertools import product
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic import EPOCHS, Maker, Script, accuracy, study, write

from harness import records
from harness.errors import NothingToReportError, StoreError
from harness.store import FILE
from reports import frames

if TYPE_CHECKING:
    from pathlib import Path

STATUSES = [*get_args(records.Status), "running", None]


def test_declared_columns_have_their_types(shared: Path) -> None:
    """Every declared column is there, first, and of its declared type."""
    results = frames.read(shared)
    for frame, columns in ((results.trials, frames.TRIALS), (results.epochs, frames.EPOCHS)):
        assert list(frame.columns[: len(columns)]) == [column.name for column in columns]
        for column in columns:
            assert str(frame[column.name].dtype) == column.dtype


def test_trials_hold_what_was_stored(shared: Path) -> None:
    """Metrics, levels and hyperparameters stand in the row of their trial."""
    results = frames.read(shared)
    confirm = results.confirm
    expected = [accuracy(row.arm, row.replicate) for row in confirm.itertuples()]
    assert confirm["test/accuracy@best"].tolist() == expected
    assert results.tune["test/accuracy@best"].isna().all()
    arm = results.trials[results.trials["arm"] == 3]
    assert set(arm["activation"]) == {"tanh"}
    assert set(arm["initializer"]) == {"he_normal"}
    assert results.trials["learning_rate"].between(1e-4, 1e-1).all()
    assert (results.trials["attempts"] == 1).all()


def test_curves_with_and_without_gaps_are_read_alike(make: Maker) -> None:
    """A value that is missing in one epoch is missing there, and nothing else moves."""
    folder = make()
    whole = frames.read(folder)
    with sqlite3.connect(folder / FILE) as db:
        key = whole.confirm["trial"].iloc[0]
        db.execute(
            "DELETE FROM fact WHERE trial = ? AND epoch = 1 AND quantity = 'val/loss'", (key,)
        )
    found = frames.read(folder).epochs
    first = whole.confirm.iloc[0]
    gap = (found["arm"] == first["arm"]) & (found["phase"] == "confirm") & (found["epoch"] == 1)
    gap &= found["replicate"] == first["replicate"]
    assert found.loc[gap, "val/loss"].isna().tolist() == [True]
    expected = whole.epochs.copy()
    expected.loc[gap, "val/loss"] = np.nan
    pd.testing.assert_frame_equal(found, expected)


def test_arms_are_the_full_factorial(shared: Path) -> None:
    """Arms count with the last factor fastest, as members do."""
    arms = frames.read(shared).arms
    levels = product(*study().factors.values())
    assert [tuple(arm.levels.values()) for arm in arms] == list(levels)
    assert [arm.index for arm in arms] == list(range(6))


def test_baseline_takes_first_levels_where_the_study_says_nothing(make: Maker) -> None:
    """A partly named baseline is completed with first levels."""
    results = frames.read(make(baseline={"activation": "sigmoid"}))
    assert results.baseline.label == "sigmoid, glorot_uniform"


def test_rows_do_not_depend_on_when_trials_finished(make: Maker) -> None:
    """Frames of two stores filled in different orders are equal but for times."""
    one, two = (frames.read(make(Script(order=order))) for order in (1, 2))
    pd.testing.assert_frame_equal(
        one.trials.drop(columns="seconds_train"), two.trials.drop(columns="seconds_train")
    )
    pd.testing.assert_frame_equal(one.epochs, two.epochs)
    places = list(zip(*(one.trials[name] for name in frames.PLACE), strict=True))
    assert places == sorted(places, key=lambda place: (place[0], place[1] != "tune", *place[2:]))


def test_epochs_have_one_row_each(make: Maker) -> None:
    """A completed trial has all epochs, a diverged one those before, a failed one none."""
    ends = {0: "completed", 1: "diverged", 2: "failed"}
    script = Script(status=lambda _arm, _phase, _candidate, replicate: ends[replicate])
    results = frames.read(make(script, tune=None, replicates=3))
    lengths = results.epochs.groupby(["arm", "replicate"]).size()
    assert set(lengths.xs(0, level="replicate")) == {EPOCHS}
    assert set(lengths.xs(1, level="replicate")) == {2}
    assert 2 not in lengths.index.get_level_values("replicate")
    row = results.epochs.iloc[0]
    assert row["val/loss"] > row["train/loss"] - 5
    assert not results.epochs[["train/loss", "val/loss", "val/accuracy"]].isna().any().any()


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=st.lists(st.sampled_from(STATUSES), min_size=12, max_size=12))
def test_frames_conserve_trials(make: Maker, drawn: list[str | None]) -> None:
    """Every place of the study is either counted or listed as skipped, with a reason."""

    def status(arm: int, phase: str, candidate: int, replicate: int) -> str | None:
        if (arm, phase, replicate) == (0, "confirm", 0):
            return "completed"
        return drawn[(arm * 5 + candidate * 3 + replicate + (phase == "tune")) % 12]

    factors = {"activation": ["relu", "tanh"]}
    tune = {"trials": 2, "space": {"learning_rate": {"min": 1e-4, "max": 1e-1}}}
    results = frames.read(make(Script(status=status), factors=factors, tune=tune, replicates=3))
    assert len(results.trials) == 2 * (2 + 3)
    assert results.trials["counted"].sum() + len(results.skipped) == len(results.trials)
    assert (results.skipped["why"] != "").all()
    final = results.trials["status"].isin(["completed", "diverged"])
    assert (results.trials["counted"] == final).all()
    measured = results.trials["val/loss@best"].notna()
    assert (measured == (results.trials["status"] == "completed")).all()


def test_a_missing_metric_is_listed(make: Maker) -> None:
    """A completed trial without the deciding metric is skipped by name, never imputed."""
    folder = make(tune=None)
    with sqlite3.connect(folder / FILE) as db:
        (key,) = db.execute(
            "SELECT trial FROM member WHERE arm = 2 AND phase = 'confirm' AND replicate = 4"
        ).fetchone()
        db.execute("DELETE FROM fact WHERE trial = ? AND quantity LIKE 'test/%'", (key,))
    results = frames.read(folder)
    assert results.skipped["why"].tolist() == ["completed, but test/accuracy@best was not measured"]
    assert np.isnan(frames.grid(results, "test/accuracy@best").cells[2, 4])


def test_nothing_to_report_before_the_first_confirm_trial(make: Maker) -> None:
    """A store without a finished confirm trial is told apart, with what it does hold."""
    script = Script(status=lambda _arm, phase, *_: "completed" if phase == "tune" else None)
    with pytest.raises(NothingToReportError, match=r"no finished confirm trial.*36 pending"):
        frames.read(make(script))


def test_only_the_newest_revision_counts(make: Maker) -> None:
    """Members of an older definition do not enter."""
    folder = make(tune=None, replicates=6)
    write(folder, study(tune=None, replicates=2, seed=5), Script())
    results = frames.read(folder)
    assert results.study.seed == 5
    assert len(results.trials) == 12
    assert len(results.epochs) == 12 * EPOCHS


def test_a_store_that_contradicts_itself_is_refused(make: Maker) -> None:
    """A trial of an arm that the study does not have is an error, not a row."""
    folder = make(tune=None)
    with sqlite3.connect(folder / FILE) as db:
        db.execute("UPDATE member SET arm = 17 WHERE arm = 5")
    with pytest.raises(StoreError, match="arm 17"):
        frames.read(folder)


def test_names_that_are_taken_get_a_suffix(make: Maker) -> None:
    """A factor called like a column of ours does not overwrite it."""
    results = frames.read(make(factors={"status": ["a", "b"]}, tune=None))
    assert set(results.trials["status"]) == {"completed"}
    assert set(results.trials["status (setting)"]) == {"a", "b"}


def test_chosen_is_found_by_hyperparameters(shared: Path) -> None:
    """The chosen candidate is the one whose hyperparameters confirm trials have."""
    results = frames.read(shared)
    best = results.tune.loc[results.tune.groupby("arm")["val/loss@best"].idxmin()]
    assert results.chosen == dict(zip(best["arm"], best["candidate"], strict=True))


def test_categorical_hyperparameters_are_text(make: Maker) -> None:
    """A searched name becomes a text column; a searched number stays a number."""
    space = {"units": {"values": [8, 16]}, "learning_rate": {"min": 1e-4, "max": 1e-1}}
    results = frames.read(make(tune={"trials": 2, "space": space}))
    assert results.trials["learning_rate"].dtype == "float64"
    assert "units" in results.trials


def test_a_metric_that_is_no_longer_known_is_named(make: Maker) -> None:
    """A store of another version is refused by name, not by a failure further on."""
    folder = make(tune=None)
    with sqlite3.connect(folder / FILE) as db:
        db.execute("UPDATE study SET metric = 'test/acuity@best'")
    with pytest.raises(StoreError, match=r"Received: 'acuity'.*version of keras-harness"):
        frames.read(folder)


def test_a_shared_trial_has_a_row_in_every_place(make: Maker) -> None:
    """Two places with the same training both get its results."""
    folder = make(tune=None)
    with sqlite3.connect(folder / FILE) as db:
        (key,) = db.execute("SELECT trial FROM member WHERE arm = 0 AND replicate = 1").fetchone()
        db.execute("UPDATE member SET trial = ? WHERE arm = 1 AND replicate = 1", (key,))
    results = frames.read(folder)
    same = results.trials[results.trials["trial"] == key]
    assert same["arm"].tolist() == [0, 1]
    assert len(set(same["test/accuracy@best"])) == 1
    assert len(results.epochs) == 36 * EPOCHS


def test_factors_keep_the_order_of_the_study(make: Maker) -> None:
    """Arms are labelled by the study's own order of factors, not by an alphabetical one."""
    factors = {"initializer": ["zeros", "ones"], "activation": ["relu", "tanh", "elu"]}
    arms = frames.read(make(factors=factors, tune=None)).arms
    assert [arm.label for arm in arms[:3]] == ["zeros, relu", "zeros, tanh", "zeros, elu"]
