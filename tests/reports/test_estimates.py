"""Tests of the estimators: reference values, the libraries, and what must not change them."""

from __future__ import annotations

from itertools import chain, combinations, product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from harness.pairs import fewest_pairs
from reports import estimates
from reports.estimates import exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from reports.estimates import Tested

FINITE = st.floats(-100, 100).map(lambda value: round(value, 3))
SAMPLES = st.lists(FINITE, min_size=1, max_size=10)
LEVELS = st.sampled_from([0.2, 0.05, 0.01])


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


def _subsets(values: list[float]) -> np.ndarray:
    parts = chain.from_iterable(combinations(values, size) for size in range(1, len(values) + 1))
    return np.sort([np.mean(part) for part in parts])


@given(values=SAMPLES, level=LEVELS, family=st.integers(1, 20))
def test_sign_flips_are_the_typical_values_of_all_subsets(
    values: list[float], level: float, family: int
) -> None:
    """Limits are the k-th subset means from either end, k = floor(a 2^n / 2 m)."""
    found = estimates.sign_flips(values, level, family)
    means, rank = _subsets(values), int(level * 2 ** len(values) / (2 * family) + 1e-9)
    assert found.estimate == pytest.approx(np.mean(values), abs=1e-9)
    if rank < 1:
        assert (found.low, found.high) == (-np.inf, np.inf)
    else:
        expected = means[rank - 1], means[len(means) - rank]
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


@given(values=SAMPLES)
def test_sign_flip_p_is_the_share_of_all_assignments(values: list[float]) -> None:
    """Twice the smaller share of 2^n signs whose sum is as far on one side as the observed one."""
    sums = np.array(list(product([-1, 1], repeat=len(values)))) @ values
    shares = [np.mean(side * sums >= side * sum(values) - 1e-9) for side in (-1, 1)]
    assert estimates.sign_flips(values, 0.05, 1).p == pytest.approx(min(1, 2 * min(shares)))


@pytest.mark.parametrize("pairs", [2, 5, 9, 12])
def test_sign_flips_equal_scipy(pairs: int) -> None:
    """The p is that of scipy's permutation test of samples, ties and all."""
    values = np.round(np.random.default_rng(pairs).normal(0.4, 1, size=pairs), 1)
    reference = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert estimates.sign_flips(values, 0.05, 1).p == pytest.approx(reference.pvalue)


@pytest.mark.parametrize("test", [estimates.sign_flips, estimates.signed_ranks])
@given(
    values=st.lists(st.one_of(FINITE, st.just(0.5)), min_size=1, max_size=11),
    level=LEVELS,
    family=st.integers(1, 40),
)
def test_interval_and_adjusted_p_agree(
    test: Callable[..., Tested], values: list[float], level: float, family: int
) -> None:
    """The interval excludes zero exactly when the adjusted p is at or below the level."""
    found = test(values, level, family)
    assert (found.low > 0 or found.high < 0) == (found.adjusted <= level * (1 + 1e-9))
    assert found.low <= found.high
    assert found.adjusted == min(1.0, family * found.p)


@pytest.mark.parametrize("test", [estimates.sign_flips, estimates.signed_ranks])
@pytest.mark.parametrize(("family", "fewest"), [(1, 6), (4, 8), (11, 9), (25, 10), (50, 11)])
def test_fewest_pairs_is_where_a_test_can_decide(
    test: Callable[..., Tested], family: int, fewest: int
) -> None:
    """Differences of one sign are decided with so many pairs, and with no fewer."""
    assert fewest_pairs(family, 0.05) == fewest
    assert test(np.arange(1.0, fewest + 1), 0.05, family).low == 1.0
    assert test(np.arange(1.0, fewest), 0.05, family).low == -np.inf
    assert estimates.smallest_p(fewest) == test(np.arange(1.0, fewest + 1), 0.05, family).p


def test_equal_differences_have_an_interval_of_no_width() -> None:
    """No spread needs no rule of its own: enough equal pairs decide, fewer do not."""
    found = estimates.sign_flips([0.1] * 6, 0.05, 1)
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))
    assert found.p == 2 / 2**6
    assert estimates.sign_flips([0.1] * 5, 0.05, 1).low == -np.inf


def test_drawn_subsets_agree_with_all_of_them() -> None:
    """Limits and p of the drawn subsets are those of all, within the error of the draw."""
    values = np.random.default_rng(5).normal(0.5, 1, size=16)
    whole = estimates.sign_flips(values, 0.05, 1)
    drawn = estimates.sign_flips(values, 0.05, 1, exact=5)
    assert drawn != whole
    assert drawn.p == pytest.approx(whole.p, abs=5 * np.sqrt(whole.p / exact.DRAWS))
    assert (drawn.low, drawn.high) == pytest.approx((whole.low, whole.high), abs=0.02)
    assert drawn == estimates.sign_flips(values[::-1], 0.05, 1, exact=5)


@pytest.mark.parametrize("pairs", [21, 40, 101])
def test_more_pairs_than_can_be_enumerated(pairs: int) -> None:
    """Beyond twenty pairs the answer is close to Student's for normal differences."""
    values = np.random.default_rng(pairs).normal(0.2, 1, size=pairs)
    found, student = estimates.sign_flips(values, 0.05, 1), estimates.t_interval(values, 0.95)
    assert (found.low, found.high) == pytest.approx((student.low, student.high), abs=0.06)
    assert found.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)


def test_signed_ranks_equal_wilcoxon_and_hodges_lehmann() -> None:
    """p is scipy's exact Wilcoxon; the estimate is the median of the Walsh averages."""
    for pairs in (6, 10, 15):
        values = np.random.default_rng(pairs).normal(0.5, 1, size=pairs)
        found = estimates.signed_ranks(values, 0.05, 1)
        assert found.p == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)
        averages = [(a + b) / 2 for i, a in enumerate(values) for b in values[i:]]
        assert found.estimate == pytest.approx(np.median(averages))


def test_signed_ranks_reference_interval() -> None:
    """Ten pairs: the 95 % interval ends at the 9th Walsh averages, as the tables have it."""
    values = np.random.default_rng(1).normal(size=10)
    averages = np.sort([(a + b) / 2 for i, a in enumerate(values) for b in values[i:]])
    found = estimates.signed_ranks(values, 0.05, 1)
    assert (found.low, found.high) == (averages[8], averages[-9])


def test_infinite_differences_are_the_largest() -> None:
    """Whatever stands for infinity, if it is large enough, gives the same test."""
    found = estimates.signed_ranks([-np.inf, 1, 2, 3, 4, 5, 6, 7], 0.2, 1)
    large = estimates.signed_ranks([-1e6, 1, 2, 3, 4, 5, 6, 7], 0.2, 1)
    assert (found.p, found.high, found.estimate) == (large.p, large.high, large.estimate)
    worst = estimates.signed_ranks([-np.inf] * 10, 0.05, 1)
    assert (worst.low, worst.high, worst.p) == (-np.inf, -np.inf, 2 / 2**10)
    assert np.isnan(worst.estimate)


def test_opposite_infinities_support_no_claim() -> None:
    """Failures on both sides leave both ends open."""
    found = estimates.signed_ranks([-np.inf] * 4 + [np.inf] * 4, 0.05, 1)
    assert (found.low, found.high, found.p) == (-np.inf, np.inf, 1.0)


@given(
    values=st.lists(FINITE, min_size=2, max_size=12),
    place=st.integers(0, 11),
    family=st.integers(1, 20),
)
def test_a_failure_never_raises_a_limit(values: list[float], place: int, family: int) -> None:
    """Under signed ranks a pair that fails moves both ends down, or not at all."""
    failed = list(values)
    failed[place % len(values)] = -np.inf
    before = estimates.signed_ranks(values, 0.05, family)
    after = estimates.signed_ranks(failed, 0.05, family)
    assert after.low <= before.low
    assert after.high <= before.high


@pytest.mark.parametrize("test", [estimates.sign_flips, estimates.signed_ranks])
@given(values=SAMPLES, order=st.randoms(use_true_random=False))
def test_neither_order_nor_direction_matters(
    test: Callable[..., Tested], values: list[float], order: object
) -> None:
    """A permutation of the pairs changes nothing; -D has the mirrored interval."""
    shuffled = list(values)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = test(values, 0.05, 2), test(shuffled, 0.05, 2)
    assert one == two
    mirror = test(-np.array(values), 0.05, 2)
    assert (one.low, one.high) == pytest.approx((-mirror.high, -mirror.low))
    assert one.p == mirror.p


@given(values=SAMPLES, data=st.data())
def test_a_common_block_changes_no_paired_result(values: list[float], data: st.DataObject) -> None:
    """What is added to both arms of a replicate cancels."""
    size = len(values)
    other = data.draw(st.lists(FINITE, min_size=size, max_size=size))
    block = data.draw(st.lists(st.integers(-10, 10), min_size=size, max_size=size))
    plain = estimates.differences(values, other)
    moved = estimates.differences(np.add(values, block), np.add(other, block))
    tested = [estimates.sign_flips(part, 0.05, 2, tolerance=1e-9) for part in (plain, moved)]
    assert tested[0] == pytest.approx(tested[1], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("pairs", [6, 10, 16])
def test_sign_flips_keep_their_level(pairs: int) -> None:
    """Symmetric differences without effect are called different at most as often as promised."""
    random = np.random.default_rng(pairs)
    draws = random.choice([-1, 1], size=(1500, pairs)) * random.lognormal(0, 1, (1500, pairs))
    wrong = [estimates.sign_flips(row, 0.05, 1).p <= 0.05 for row in draws]
    assert 0.01 < np.mean(wrong) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1500)


def test_log_scale_makes_ratios() -> None:
    """Differences on the log scale are ratios; a loss of zero is the best possible."""
    found = estimates.differences(
        estimates.on_scale([2.0, 4.0], "log"), estimates.on_scale([1.0, 2.0], "log")
    )
    assert np.exp(found) == pytest.approx([2.0, 2.0])
    assert estimates.on_scale([0.0], "log")[0] == -np.inf
    assert estimates.on_scale([0.3], "identity")[0] == 0.3


def test_nothing_below_zero_has_a_logarithm() -> None:
    """It is refused, and not taken for a loss of zero."""
    with pytest.raises(ValueError, match=r"Received: -1\.5"):
        estimates.on_scale([-1.5, 2.0], "log")


def test_diverged_trials_tie_with_each_other() -> None:
    """An infinite difference is a pair with one diverged trial; two of them tie."""
    found = estimates.differences([np.inf, 1.0, np.inf, 5.0], [0.0, 3.0, np.inf, 4.0])
    assert found.tolist() == [np.inf, -2.0, 0.0, 1.0]


def test_tolerance_is_the_rounding_of_single_precision() -> None:
    """Float32 numbers that differ equally differ by less than the tolerance from that."""
    first = np.float32([0.97, 0.95, 0.92]).astype(float)
    second = np.float32([0.96, 0.94, 0.91]).astype(float)
    found = first - second
    assert 0 < np.ptp(found) < estimates.tolerance([first, second], "identity") < 1 / 60_000
    assert estimates.tolerance([0.0, 1e-3], "log") == estimates.RESOLUTION


def test_correlation_equals_numpy_and_ignores_diverged_pairs() -> None:
    """Only finite pairs count, and no variation has no correlation."""
    first, second = np.random.default_rng(0).normal(size=(2, 8))
    expected = np.corrcoef(first, second)[0, 1]
    with_diverged = np.append(first, np.inf), np.append(second, 1.0)
    assert estimates.correlation(*with_diverged) == pytest.approx(expected)
    assert np.isnan(estimates.correlation([1, 1, 1], [1, 2, 3]))
    assert np.isnan(estimates.correlation([1, 2], [1, 2]))


def test_pairing_is_worth_what_its_correlation_saves() -> None:
    """Independent arms gain nothing; a shared block of the noise's size doubles the worth."""
    random = np.random.default_rng(0)
    block, one, two = random.normal(size=(3, 4000))
    assert estimates.pairing_gain(one, two) == pytest.approx(1, abs=0.1)
    assert estimates.pairing_gain(block + one, block + two) == pytest.approx(2, abs=0.2)
    assert np.isnan(estimates.pairing_gain([1, 2, 3], [2, 3, 4]))
    assert np.isnan(estimates.pairing_gain([1, 2], [2, 4]))


@pytest.mark.parametrize(("hits", "cases"), [(0, 20), (3, 20), (10, 10), (1, 1)])
def test_shares_have_clopper_and_pearsons_limits(hits: int, cases: int) -> None:
    """They are statsmodels'; one-sided where nothing was seen on one side."""
    found = estimates.share(hits, cases, 0.95)
    alpha = 0.1 if hits in {0, cases} else 0.05
    assert found[1:] == pytest.approx(proportion_confint(hits, cases, alpha, method="beta"))
    assert np.isnan(estimates.share(0, 0, 0.95)).all()


@pytest.mark.parametrize(("cases", "possible"), [(20, 0.14), (10, 0.26), (8, 0.31)])
def test_a_failure_that_was_not_seen_is_still_possible(cases: int, possible: float) -> None:
    """``1 - 0.05^(1/n)``."""
    assert estimates.share(0, cases, 0.95).high == pytest.approx(1 - 0.05 ** (1 / cases))
    assert estimates.share(0, cases, 0.95).high == pytest.approx(possible, abs=0.005)


def test_superiority_counts_ties_as_halves_and_against_either_claim() -> None:
    """Ties move the estimate to one half and widen the interval on both sides."""
    plain, tied = estimates.superiority(8, 0, 10, 0.95), estimates.superiority(6, 4, 10, 0.95)
    assert (plain.share, tied.share) == (0.8, 0.8)
    assert tied.low < plain.low
    assert tied.high > plain.high


@pytest.mark.parametrize("pairs", [21, 24, 29])
def test_drawn_subsets_have_the_means_of_their_members(pairs: int) -> None:
    """Sums from tables of eight values equal sums over all members."""
    values = np.random.default_rng(pairs).normal(size=pairs)
    members, sizes = exact._drawn(pairs)
    chosen = np.unpackbits(members.T, axis=1, bitorder="little")[:, :pairs].astype(bool)
    assert len(sizes) == exact.DRAWS - 1
    assert (chosen.sum(axis=1) == sizes).all()
    assert 0.49 < chosen.mean() < 0.51
    assert exact._drawn_means(values)[:50] == pytest.approx(
        [values[row].mean() for row in chosen[:50]]
    )


def test_effect_is_cohens_d_of_differences() -> None:
    """Mean over standard deviation; none without spread or with a failure."""
    assert estimates.standardized([1, 2, 3]) == 2.0
    assert np.isnan(estimates.standardized([1, 1]))
    assert np.isnan(estimates.standardized([1, np.inf]))


def test_replicates_needed_are_those_of_a_t_test() -> None:
    """Normal differences of half their spread need 34 pairs for a power of 80 %."""
    values = stats.norm.ppf((np.arange(12) + 0.5) / 12)
    values = 0.5 + values / values.std()
    small = estimates.replicates_needed(values, 0.05, 1)
    assert small is not None
    assert 25 <= small <= 45
    more = estimates.replicates_needed(values, 0.05, 11)
    assert more is not None
    assert more > small


def test_replicates_needed_are_those_of_studies_drawn_one_by_one() -> None:
    """Counts of the draws tell the same mean and deviation as the draws themselves."""
    values = np.array([0.2, -1.0, 2.0, 0.4, -0.3, 1.1, 0.9, -0.2])
    generator, pairs, found = np.random.default_rng(1925), len(values) + 1, None
    while found is None:
        drawn = generator.choice(values, size=(1000, pairs))
        halves = stats.t.isf(0.025, pairs - 1) * stats.sem(drawn, axis=1)
        found = pairs if (np.abs(drawn.mean(axis=1)) > halves).mean() >= 0.8 else None
        pairs = int(np.ceil(pairs * 1.15))
    for _ in range(2):  # the second time from what is kept
        assert estimates.replicates_needed(values, 0.05, 1) == found


def test_no_number_of_replicates_decides_about_nothing() -> None:
    """A difference of zero needs a margin to be decided."""
    values = [-1.0, 1.0, -2.0, 2.0, -0.5, 0.5]
    assert estimates.replicates_needed(values, 0.05, 1) is None
    assert estimates.replicates_needed(values, 0.05, 1, (-1.0, 1.0)) is not None
    assert estimates.replicates_needed([0.0, 0.0, 0.0], 0.05, 1) is None
    assert estimates.replicates_needed([np.inf, 1.0, 2.0], 0.05, 1) is None


def test_band_counts_diverged_replicates_as_worst() -> None:
    """The median ends where half of the replicates have diverged, not with the last survivor."""
    curves = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, np.nan], [3.0, np.nan, np.nan]])
    band = estimates.band(curves, np.inf)
    assert band.median.tolist() == pytest.approx([3.0, 2.0, np.nan], nan_ok=True)
    assert band.low.tolist() == pytest.approx([3.0, 2.0, np.nan], nan_ok=True)
    full = np.random.default_rng(0).normal(size=(7, 4))
    assert estimates.band(full, np.inf).low == pytest.approx(np.quantile(full, 0.25, axis=0))
