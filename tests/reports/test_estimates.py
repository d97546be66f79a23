"""Tests of the estimators: reference values, the libraries, and what must not change them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from reports import estimates

FINITE = st.floats(-100, 100).filter(lambda value: value == 0 or abs(value) > 1e-6)
SAMPLES = st.lists(FINITE, min_size=2, max_size=10)


def generator() -> np.random.Generator:
    """A fresh generator with a fixed seed."""
    return np.random.default_rng(0)


def test_t_interval_reference() -> None:
    """The interval of 1..5 is the published one, and statsmodels' and scipy's."""
    interval = estimates.t_interval([1, 2, 3, 4, 5], 0.95)
    assert interval == pytest.approx((3, 1.0368, 4.9632), abs=5e-5)
    assert interval[1:] == pytest.approx(DescrStatsW([1, 2, 3, 4, 5]).tconfint_mean(0.05))
    found = stats.ttest_1samp([1, 2, 3, 4, 5], 0).confidence_interval(0.95)
    assert interval[1:] == pytest.approx((found.low, found.high))


def test_t_interval_of_too_few_values() -> None:
    """One value has a mean and no interval; none has neither."""
    assert estimates.t_interval([2.0], 0.95).mean == 2.0
    assert np.isnan(estimates.t_interval([2.0], 0.95)[1:]).all()
    assert np.isnan(estimates.t_interval([], 0.95)).all()


@given(first=SAMPLES, data=st.data(), family=st.integers(1, 40))
def test_paired_t_equals_scipy(first: list[float], data: st.DataObject, family: int) -> None:
    """Estimate, raw p and interval are scipy's paired test at Bonferroni's level."""
    second = data.draw(st.lists(FINITE, min_size=len(first), max_size=len(first)))
    found = estimates.differences(first, second)
    assume(np.ptp(found) > 1e-3)
    test = estimates.paired_t(found, 0.95, family)
    reference = stats.ttest_rel(first, second)
    assert test.difference == pytest.approx(np.mean(first) - np.mean(second), abs=1e-9)
    assert test.p == pytest.approx(reference.pvalue, rel=1e-6)
    limits = reference.confidence_interval(1 - 0.05 / family)
    assert (test.low, test.high) == pytest.approx((limits.low, limits.high), rel=1e-6, abs=1e-9)
    assert test.adjusted == pytest.approx(min(1, family * reference.pvalue), rel=1e-6)


@given(values=SAMPLES, family=st.integers(1, 40), confidence=st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_and_adjusted_p_agree(values: list[float], family: int, confidence: float) -> None:
    """The interval excludes zero exactly when the adjusted p is below 1 - confidence."""
    assume(np.ptp(values) > 1e-3)
    test = estimates.paired_t(values, confidence, family)
    assume(min(abs(test.low), abs(test.high)) > 1e-9)
    assert (test.low > 0 or test.high < 0) == (test.adjusted < 1 - confidence)


def test_paired_t_has_no_interval_without_spread() -> None:
    """Equal differences give no interval of width zero and no p of zero."""
    test = estimates.paired_t([0.5, 0.5, 0.5], 0.95, 1)
    assert test.difference == 0.5
    assert np.isnan(test[1:]).all()


def test_sign_flip_reference() -> None:
    """1..5 has p = 0.0625, the smallest that five pairs can reach."""
    assert estimates.sign_flip_p([1, 2, 3, 4, 5], generator()) == 0.0625
    assert estimates.smallest_p(5) == 0.0625


@pytest.mark.parametrize(("pairs", "floor"), [(3, 0.25), (4, 0.125), (6, 0.03125), (10, 2 / 1024)])
def test_smallest_p(pairs: int, floor: float) -> None:
    """The floor is what the test gives for differences of one sign."""
    assert estimates.smallest_p(pairs) == floor
    assert estimates.sign_flip_p(np.arange(1, pairs + 1), generator()) == floor


@given(values=st.lists(st.integers(-20, 20), min_size=2, max_size=8))
def test_sign_flip_equals_all_assignments(values: list[int]) -> None:
    """The half that is enumerated gives the share of all 2^n assignments."""
    signs = np.array(list(product([-1, 1], repeat=len(values))))
    share = np.mean(np.abs(signs @ values) >= abs(sum(values)))
    assert estimates.sign_flip_p(values, generator()) == pytest.approx(share)


def test_sign_flip_equals_scipy() -> None:
    """The p is that of scipy's permutation test of samples."""
    values = np.random.default_rng(3).normal(0.4, 1, size=9)
    reference = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert estimates.sign_flip_p(values, generator()) == pytest.approx(reference.pvalue)


def test_drawn_flips_agree_with_enumerated_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Monte Carlo and enumeration give the same p within Monte Carlo error."""
    values = np.random.default_rng(5).normal(0.5, 1, size=14)
    exact = estimates.sign_flip_p(values, generator())
    monkeypatch.setattr(estimates, "EXACT", 5)
    drawn = estimates.sign_flip_p(values, generator())
    assert drawn != exact
    assert drawn == pytest.approx(exact, abs=5 * np.sqrt(exact / estimates.DRAWS))
    assert drawn == estimates.sign_flip_p(values[::-1], generator())
    assert estimates.sign_flip_p(np.arange(1.0, 41), generator()) > 0


def test_signed_ranks_equal_wilcoxon() -> None:
    """Sign flips of signed ranks are Wilcoxon's exact test."""
    values = np.random.default_rng(8).normal(0.5, 1, size=10)
    p = estimates.sign_flip_p(estimates.signed_ranks(values), generator())
    assert p == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)
    assert estimates.sign_flip_p(estimates.signed_ranks([1, 2, 3, 4, 5]), generator()) == 0.0625


def test_diverged_pairs_rank_largest_and_tie_with_each_other() -> None:
    """An infinite difference outranks every finite one; two diverged trials tie."""
    found = estimates.differences([np.inf, 1.0, np.inf, 5.0], [0.0, 3.0, np.inf, 4.0])
    assert found.tolist() == [np.inf, -2.0, 0.0, 1.0]
    assert estimates.signed_ranks(found).tolist() == [3.0, -2.0, 0.0, 1.0]


def test_a_missing_difference_is_refused() -> None:
    """NaN is not ranked silently."""
    with pytest.raises(ValueError, match="NaN"):
        estimates.signed_ranks([1.0, np.nan])


@given(values=SAMPLES, order=st.randoms(use_true_random=False))
def test_estimates_do_not_depend_on_the_order_of_replicates(
    values: list[float], order: object
) -> None:
    """A permutation of the pairs changes nothing."""
    assume(np.ptp(values) > 1e-3)
    shuffled = list(values)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = (estimates.paired_t(part, 0.95, 3) for part in (values, shuffled))
    assert one == pytest.approx(two, rel=1e-6, abs=1e-9)
    ones, twos = (estimates.sign_flip_p(part, generator()) for part in (values, shuffled))
    assert ones == twos


@given(values=SAMPLES)
def test_turning_the_comparison_around_flips_the_sign(values: list[float]) -> None:
    """D and -D have opposite estimates and limits, and the same p."""
    assume(np.ptp(values) > 1e-3)
    one = estimates.paired_t(values, 0.95, 3)
    two = estimates.paired_t(-np.array(values), 0.95, 3)
    assert (one.difference, one.low, one.high) == pytest.approx(
        (-two.difference, -two.high, -two.low)
    )
    assert one.p == pytest.approx(two.p)
    assert estimates.sign_flip_p(values, generator()) == estimates.sign_flip_p(
        -np.array(values), generator()
    )


@given(values=SAMPLES, data=st.data())
def test_a_common_block_changes_no_paired_result(values: list[float], data: st.DataObject) -> None:
    """What is added to both arms of a replicate cancels."""
    other = data.draw(st.lists(FINITE, min_size=len(values), max_size=len(values)))
    block = data.draw(st.lists(st.floats(-10, 10), min_size=len(values), max_size=len(values)))
    assume(np.ptp(np.subtract(values, other)) > 1e-3)
    plain = estimates.paired_t(estimates.differences(values, other), 0.95, 2)
    moved = estimates.paired_t(
        estimates.differences(np.add(values, block), np.add(other, block)), 0.95, 2
    )
    assert plain == pytest.approx(moved, rel=1e-5, abs=1e-8)


def test_log_scale_makes_ratios() -> None:
    """Differences on the log scale are ratios; a loss of zero is the best possible."""
    found = estimates.differences(
        estimates.on_scale([2.0, 4.0], "log"), estimates.on_scale([1.0, 2.0], "log")
    )
    assert np.exp(found) == pytest.approx([2.0, 2.0])
    assert estimates.on_scale([0.0], "log")[0] == -np.inf
    assert estimates.on_scale([0.3], "identity")[0] == 0.3


def test_correlation_equals_numpy_and_ignores_diverged_pairs() -> None:
    """Only finite pairs count, and no variation has no correlation."""
    first, second = np.random.default_rng(0).normal(size=(2, 8))
    expected = np.corrcoef(first, second)[0, 1]
    with_diverged = np.append(first, np.inf), np.append(second, 1.0)
    assert estimates.correlation(*with_diverged) == pytest.approx(expected)
    assert np.isnan(estimates.correlation([1, 1, 1], [1, 2, 3]))
    assert np.isnan(estimates.correlation([1, 2], [1, 2]))


def test_band_counts_diverged_replicates_as_worst() -> None:
    """The median ends where half of the replicates have diverged, not with the last survivor."""
    curves = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, np.nan], [3.0, np.nan, np.nan]])
    band = estimates.band(curves, np.inf)
    assert band.median.tolist() == pytest.approx([3.0, 2.0, np.nan], nan_ok=True)
    assert band.low.tolist() == pytest.approx([3.0, 2.0, np.nan], nan_ok=True)
    full = np.random.default_rng(0).normal(size=(7, 4))
    assert estimates.band(full, np.inf).low == pytest.approx(np.quantile(full, 0.25, axis=0))


def test_equal_differences_are_seen_through_single_precision() -> None:
    """Differences of float32 numbers that are equal up to rounding count as equal."""
    first = np.float32([0.97, 0.95, 0.92]).astype(float)
    second = np.float32([0.96, 0.94, 0.91]).astype(float)
    found = first - second
    assert np.ptp(found) > 0
    assert estimates.are_equal(found, 1.0)
    assert not estimates.are_equal(np.add(found, [0, 0, 1 / 360]), 1.0)


@pytest.mark.parametrize("pairs", [3, 5, 10])
def test_t_interval_covers(pairs: int) -> None:
    """A 95 % interval of normal values covers their mean 95 times in 100."""
    draws = np.random.default_rng(11).normal(size=(2000, pairs))
    hits = [
        interval.low < 0 < interval.high
        for interval in (estimates.t_interval(row, 0.95) for row in draws)
    ]
    assert np.mean(hits) == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 2000))
