"""Tests of labels saved: the estimator by hand and by simulation, its table, figure and page."""

from __future__ import annotations

import math
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import Maker, Script
from test_figures import drawn, judged, lines, touching

from reports import export, figures, page, tables, verdicts
from reports.estimates import isotonic, savings

if TYPE_CHECKING:
    from pathlib import Path

    from reports.estimates import Saving

COUNTS = [5, 10, 20, 40]
TWO = {"activation": ["relu", "tanh"], "cases_per_class": COUNTS}


def rng() -> np.random.Generator:
    """The same draws in every test."""
    return np.random.default_rng(3)


def found(
    treated: object, control: object, counts: object = COUNTS, **more: object
) -> list[Saving]:
    """Savings of curves given as one row of means, or as scores."""
    rows = [np.asarray(one, dtype=np.float64) for one in (treated, control)]
    rows = [one[:, None] if one.ndim == 1 else one for one in rows]
    return savings(counts, *rows, rng(), **({"maximize": True} | more))


def test_a_shifted_curve_saves_what_it_is_shifted_by() -> None:
    """One step of doubled labels to the left is a factor of 2, a bound where the range ends."""
    one = found([0.5, 0.6, 0.7, 0.8], [0.4, 0.5, 0.6, 0.7])
    assert [part.factor for part in one] == pytest.approx([2, 2, 2, 1])
    assert [part.needed for part in one] == pytest.approx([10, 20, 40, 40])
    assert [part.bound for part in one] == ["", "", "", "above"]


def test_between_two_counts_the_logarithm_is_straight() -> None:
    """Half way up from 10 to 40 labels lie 20; a quarter of the way, 10 times the root of 2."""
    one = found([0.55, 0.6], [0.5, 0.7], [10, 40])
    assert one[0].needed == pytest.approx(10 * 2**0.5)
    assert one[1].needed == pytest.approx(20)
    assert [part.factor for part in one] == pytest.approx([2**0.5, 0.5])


def test_never_reached_is_a_lower_bound() -> None:
    """Better with 5 labels than the control with 40: more than 8 times."""
    one = found([0.9, 0.91, 0.92, 0.93], [0.1, 0.2, 0.3, 0.4])
    assert [part.factor for part in one] == pytest.approx([8, 4, 2, 1])
    assert {part.bound for part in one} == {"above"}


def test_worse_everywhere_is_below_one() -> None:
    """The same the other way round: below 1, and known where the control has been there."""
    one = found([0.2, 0.3, 0.4, 0.5], [0.3, 0.4, 0.5, 0.6])
    assert [part.bound for part in one] == ["below", "", "", ""]
    assert [part.factor for part in one] == pytest.approx([1, 0.5, 0.5, 0.5])


def test_losses_are_better_when_small() -> None:
    """A loss is turned round: half the labels for the same loss."""
    one = found([3.0, 2.0, 1.0, 0.5], [4.0, 3.0, 2.0, 1.0], maximize=False)
    assert [part.factor for part in one] == pytest.approx([2, 2, 2, 1])


def test_a_dent_is_levelled() -> None:
    """10 and 20 labels share a mean, which is reached with the fewer of them by either arm."""
    one = found([0.4, 0.6, 0.5, 0.7], [0.4, 0.6, 0.5, 0.7])
    assert [part.own for part in one] == pytest.approx([5, 10, 10, 40])
    assert [part.factor for part in one] == pytest.approx([1, 1, 1, 1])
    assert {part.bound for part in one} == {""}


def test_isotonic_means_are_those_of_scikit_learn() -> None:
    """The max-min formula against another implementation."""
    regression = pytest.importorskip("sklearn.isotonic")
    values = rng().normal(size=(50, 7))
    for row, fitted in zip(values, isotonic(values), strict=True):
        expected = regression.IsotonicRegression().fit_transform(np.arange(7), row)
        assert fitted == pytest.approx(expected)


SCORES = st.lists(st.lists(st.floats(0, 1), min_size=8, max_size=8), min_size=4, max_size=4)


@given(SCORES)
def test_equal_arms_save_nothing(values: list[list[float]]) -> None:
    """The factor is 1, and no bound, whatever the curve: flat, falling, or with a dent."""
    for part in found(values, values):
        assert part.factor == pytest.approx(1)
        assert part.bound == ""
        assert part.low <= 1 <= part.high


@given(SCORES, SCORES, st.floats(0, 1))
def test_a_better_arm_needs_no_fewer_of_the_other(
    treated: list[list[float]], control: list[list[float]], gain: float
) -> None:
    """Higher scores never make the factor smaller, and estimates lie in the tried range."""
    before, after = found(treated, control), found(np.array(treated) + gain, control)
    for one, other in zip(before, after, strict=True):
        assert other.needed >= one.needed * (1 - 1e-9)
        assert COUNTS[0] * (1 - 1e-9) <= one.needed <= COUNTS[-1] * (1 + 1e-9)
        assert one.low <= one.factor * (1 + 1e-9)
        assert one.factor <= one.high * (1 + 1e-9)


@given(st.permutations(range(8)), st.floats(0.1, 10))
def test_order_and_unit_do_not_matter(order: list[int], unit: float) -> None:
    """Estimates depend neither on the order of replicates nor on the unit of the scores."""
    scores = np.sort(rng().normal(size=(2, 4, 8)), axis=1)
    one, other = found(*scores), found(*(unit * scores[..., order]))
    assert [part.factor for part in one] == pytest.approx([part.factor for part in other])


def test_the_interval_holds_the_estimate_and_opens_beyond_the_range() -> None:
    """Ends lie around the factor; a bound has no end on its own side."""
    noise = rng().normal(0, 0.02, size=(2, 4, 8))
    rise = np.array([0.4, 0.5, 0.6, 0.7])[:, None]
    one = found(rise + 0.1 + noise[0], rise + noise[1])
    assert all(part.low <= part.factor <= part.high for part in one)
    assert one[-1].bound == "above"
    assert one[-1].high == np.inf
    back = found(rise + noise[1], rise + 0.1 + noise[0])
    assert back[0].bound == "below"
    assert back[0].low == 0


def test_replicates_are_drawn_as_pairs() -> None:
    """A shift that a replicate gives to both arms and all counts widens nothing."""
    noise, rise = rng().normal(0, 0.005, size=(2, 4, 8)), np.array([0.4, 0.5, 0.6, 0.7])[:, None]
    blocks = rng().normal(0, 1.0, size=8)
    one = found(rise + 0.1 + noise[0], rise + noise[1])[0]
    other = found(rise + 0.1 + noise[0] + blocks, rise + noise[1] + blocks)[0]
    assert other.low == pytest.approx(one.low)
    assert other.high == pytest.approx(one.high)


def test_few_replicates_have_no_interval() -> None:
    """Below six pairs there is none of 95 %, as there is no verdict."""
    rise = np.array([0.4, 0.5, 0.6, 0.7])[:, None] + rng().normal(0, 0.01, size=(4, 6))
    assert np.isnan(found(rise[:, :5] + 0.1, rise[:, :5])[0].low)
    assert np.isfinite(found(rise + 0.1, rise)[0].low)


def test_a_diverged_training_leaves_its_count_out() -> None:
    """No mean, no saving there; the other counts stay, with a straight line across the hole."""
    treated = np.array([0.5, 0.6, 0.7, 0.8])[:, None] * np.ones(6)
    control = treated - 0.1
    treated[1, 2] = control[2, 0] = -np.inf
    one = found(treated, control)
    assert np.isnan(one[1].factor)
    assert [one[place].needed for place in (0, 2)] == pytest.approx([10, 40])
    assert {part.replicates for part in one} == {6}


def test_a_missing_replicate_is_left_out_in_both_arms() -> None:
    """What is left is what the other replicates give by themselves."""
    scores = np.sort(rng().normal(size=(2, 4, 8)), axis=1)
    gone = scores.copy()
    gone[0, 2, 5] = np.nan
    one = found(*gone)
    assert one == found(*np.delete(scores, 5, axis=2))
    assert one[0].replicates == 7


def test_nothing_in_common_says_nothing() -> None:
    """No replicate that is finished in both arms: no factor."""
    scores = np.ones((2, 4, 2))
    scores[0, :, 0] = scores[1, :, 1] = np.nan
    assert all(np.isnan(part.factor) and part.replicates == 0 for part in found(*scores))


@pytest.mark.parametrize(
    ("counts", "shape"), [([5, 5], (2, 3)), ([0, 5], (2, 3)), ([5, 10], (3, 3))]
)
def test_counts_rise_and_shapes_agree(counts: list[int], shape: tuple[int, int]) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="Received"):
        savings(counts, np.ones(shape), np.ones(shape), rng(), maximize=True)


@pytest.mark.slow
@pytest.mark.parametrize("replicates", [6, 10, 20])
@pytest.mark.parametrize("saving", [1, 2])
def test_intervals_cover_at_the_nominal_rate(replicates: int, saving: int) -> None:
    """Equal arms, and arms shifted by a factor of 2: about 95 % of the intervals hold it.

    A rate of 0.95 in 400 studies has a standard error of 0.011; coverage is approximate, so that
    0.90 is what is held.
    """
    generator, rise = np.random.default_rng(replicates), 0.15 * np.log(COUNTS)[:, None]
    hits = []
    for _ in range(400):
        noise = generator.normal(0, 0.03, size=(2, 4, replicates))
        noise += generator.normal(0, 0.03, size=replicates)
        treated = rise + 0.15 * np.log(saving)
        told = savings(COUNTS, treated + noise[0], rise + noise[1], generator, maximize=True)
        hits.append([part.low <= saving <= part.high for part in told[:3]])
    rates = np.mean(hits, axis=0)
    assert rates.min() > 0.90
    assert rates.mean() < 0.99


def value(gains: list[float], counts: list[int] = COUNTS):
    """Accuracy that rises with the logarithm of labels, arms worth so many times as many."""

    def accuracy(arm: int, replicate: int) -> float:
        place, step = divmod(arm, len(counts))
        noise = np.random.default_rng([arm, replicate]).normal(0, 0.01)
        block = np.random.default_rng(replicate).normal(0, 0.01)
        return 0.2 + 0.1 * math.log(counts[step] * gains[place]) + noise + block

    return accuracy


@pytest.fixture
def two(make: Maker) -> Path:
    """Two activations, the second worth twice the labels."""
    return make(Script(value([1, 2])), factors=TWO, replicates=8, tune=None)


def test_the_table_says_what_is_saved(two: Path) -> None:
    """A row per arm and count, close to the factor that was put in."""
    results, found_ = judged(two)
    table = tables.savings(results, found_)
    assert table["arm"].tolist() == ["tanh"] * 4
    assert table["labels"].tolist() == COUNTS
    assert table["saving"][:2].tolist() == pytest.approx([2, 2], rel=0.2)
    assert table["mean"].tolist() == [found_.means[arm].mean for arm in range(4, 8)]
    shown = tables.formatted_savings(results, found_)
    assert shown["Baseline needs"].tolist()[-1] == "> 40"
    assert shown["Times fewer labels"].tolist()[-1] == "> 1"
    assert shown["95 % interval"].tolist()[-1].startswith("above ")
    (sentence,) = tables.saved(results, found_)
    assert sentence.startswith("tanh with 5 labels per class does what relu does with ")
    assert "times fewer labels (95 % interval " in sentence
    assert tables.unsaved(results, found_) == []
    assert "label_savings" in tables.collect(results, found_)
    assert "label_savings" in export.readable(results, found_)


def test_the_baseline_is_the_one_of_the_study(make: Maker) -> None:
    """The arm that others are compared with has the baseline's levels of the other factors."""
    baseline = {"activation": "tanh", "cases_per_class": 10}
    script = Script(value([1, 2]))
    made = make(script, factors=TWO, baseline=baseline, replicates=8, tune=None)
    results, found_ = judged(made)
    assert tables.savings(results, found_)["arm"].tolist() == ["relu"] * 4
    (sentence,) = tables.saved(results, found_)
    assert "relu with 10 labels per class does what tanh does with " in sentence
    assert "times as many." in sentence


def test_losses_keep_their_scale(make: Maker) -> None:
    """A loss is judged by logarithms, and lower is better."""
    accuracy = value([1, 2])
    script = Script(lambda arm, replicate: math.exp(-4 * accuracy(arm, replicate)))
    made = make(script, factors=TWO, replicates=8, tune=None, metric="test/loss@best")
    table = tables.savings(*judged(made))
    assert table["saving"][:2].tolist() == pytest.approx([2, 2], rel=0.2)


def test_what_is_left_out_is_said(make: Maker) -> None:
    """A divergence has no mean and a reason; a failure costs the replicate; nothing is silent."""
    kinds = {(6, 1): "diverged", (1, 0): "diverged", (2, 3): "failed"}
    script = Script(
        value([1, 2]), lambda arm, _p, _c, replicate: kinds.get((arm, replicate), "completed")
    )
    results, found_ = judged(make(script, factors=TWO, replicates=8, tune=None))
    table = tables.savings(results, found_)
    assert np.isnan(table["saving"][2])
    assert table["replicates"].tolist() == [7] * 4
    told = " ".join(tables.unsaved(results, found_))
    assert "relu with 10 (1 of 8 diverged) and tanh with 20 (1 of 8 diverged)" in told
    assert "at least 7 of 8" in told
    figure = figures.labels(results, found_)
    assert figure is not None
    (means,) = lines(figure.axes[0], "mean-tanh")
    assert np.isnan(means[2, 1])
    (crosses,) = lines(figure.axes[0], "diverged-tanh")
    assert len(crosses) == 1


def test_two_replicates_say_why_there_is_no_interval(make: Maker) -> None:
    """Factors stand alone, without a column of intervals."""
    results, found_ = judged(make(Script(value([1, 2])), factors=TWO, replicates=2, tune=None))
    assert "95 % interval" not in tables.formatted_savings(results, found_)
    assert "No interval with fewer than 6 replicates" in tables.unsaved(results, found_)[0]
    assert "interval" not in tables.saved(results, found_)[0]


def test_three_factors_are_lines_of_their_combinations(make: Maker) -> None:
    """The number of labels may stand anywhere among the factors, in any order."""
    factors = {
        "activation": ["relu", "tanh"],
        "cases_per_class": [20, 5, 10],
        "initializer": ["he_normal", "orthogonal"],
    }
    results, found_ = judged(make(factors=factors, replicates=6, tune=None))
    ladders = verdicts.ladders(results)
    assert [one.label for one in ladders] == [
        "relu, he_normal",
        "relu, orthogonal",
        "tanh, he_normal",
        "tanh, orthogonal",
    ]
    for one in ladders:
        assert one.counts == (5, 10, 20)
        for count, arm in zip(one.counts, one.arms, strict=True):
            assert results.arms[arm].levels["cases_per_class"] == count
    assert set(tables.savings(results, found_)["arm"]) == {one.label for one in ladders[1:]}


def test_the_figure_draws_the_means(two: Path) -> None:
    """Each line has the arm's means, at its labels but for the small step aside."""
    results, found_ = judged(two)
    figure = figures.labels(results, found_)
    assert figure is not None
    (axes,) = figure.axes
    for place, name in enumerate(["relu", "tanh"]):
        (points,) = lines(axes, f"mean-{name}")
        assert points[:, 0] == pytest.approx(COUNTS, rel=0.05)
        means = [found_.means[arm].mean for arm in range(4 * place, 4 * place + 4)]
        assert points[:, 1] == pytest.approx(means)
    assert axes.get_xscale() == "log"


@pytest.mark.slow
@pytest.mark.parametrize("width", [figures.NARROW, 720])
def test_many_arms_have_a_panel_each(make: Maker, width: float) -> None:
    """24 arms are 24 panels; no text covers another, on a phone neither."""
    factors = {
        "activation": ["relu", "tanh", "sigmoid", "elu", "gelu", "silu"],
        "initializer": [
            "he_normal",
            "orthogonal",
            "glorot_uniform",
            {"name": "truncated_normal", "stddev": 0.05},
        ],
        "cases_per_class": [2, 4, 8, 100, 1000],
    }
    script = Script(value([1 + arm for arm in range(24)], [2, 4, 8, 100, 1000]))
    results, found_ = judged(make(script, factors=factors, replicates=2, tune=None))
    with figures.laid_out(width):
        figure = figures.labels(results, found_)
        assert figure is not None
        assert len(figure.axes) == 24
        assert touching(drawn(figure)) == []
    assert tables.saved(results, found_) == []


@pytest.mark.parametrize(
    "factors",
    [
        {"activation": ["relu", "tanh"], "cases_per_class": [5]},
        {"cases_per_class": [5, 10]},
        {"activation": ["relu", "tanh"], "initializer": ["he_normal", "orthogonal"]},
    ],
)
def test_other_studies_have_no_such_section(
    make: Maker, factors: dict[str, list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a byte of their page, and no table and no figure, comes from it."""
    folder = make(factors=factors, replicates=3, tune=None)
    results, found_ = judged(folder)
    assert "label_savings" not in tables.collect(results, found_)
    assert "label_savings" not in export.readable(results, found_)
    assert figures.labels(results, found_) is None
    assert tables.saved(results, found_) == tables.unsaved(results, found_) == []
    whole = page.render(folder)
    monkeypatch.setattr(import_module("reports.page.sections"), "_labels", lambda *_: None)
    assert page.render(folder) == whole


def test_the_page_has_the_section(two: Path) -> None:
    """Figure, sentences and table stand on the page, the same twice."""
    text = page.render(two)
    assert 'id="labels"' in text
    assert "Labels saved" in text
    assert "tanh with 5 labels per class does what relu does with" in text
    assert text == page.render(two)


@pytest.mark.slow
def test_the_terminal_says_it_too(two: Path) -> None:
    """The sentences of the page stand below the verdicts."""
    command = [sys.executable, "-m", "harness", "report", str(two)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    told = " ".join(ended.stdout.split())
    assert "tanh with 5 labels per class does what relu does with" in told
