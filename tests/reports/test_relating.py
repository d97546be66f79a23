"""Early numbers against the result: inside arms, over arms, and beyond the early loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reports import estimates

GENERATOR = np.random.default_rng


def drawn(
    studies: int, arms: int, replicates: int, rho: float, shared: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Normal pairs whose arms lie far apart, a share of their variance common to a replicate."""
    generator = GENERATOR(seed)
    own = generator.normal(size=(2, studies, arms, replicates))
    common = generator.normal(size=(2, studies, 1, replicates))
    noise = np.sqrt(1 - shared) * own + np.sqrt(shared) * common
    apart = np.arange(arms)[:, None]
    return noise[0] + 10 * apart, rho * noise[0] + np.sqrt(1 - rho**2) * noise[1] + 20 * apart


def test_simpson() -> None:
    """Over all arms strongly positive, inside each of them negative."""
    steps = np.arange(8.0)
    early = steps + 10 * np.arange(4)[:, None]
    result = -steps + 10 * np.arange(4)[:, None]
    inside, over = (
        estimates.within(early, result, 0.95),
        estimates.pooled(early, result, 0.95),
    )
    assert inside.r == pytest.approx(-1)
    assert inside.high < 0
    assert over.r > 0.8
    assert over.low > 0
    assert inside.n == over.n == 32


@pytest.mark.parametrize(("arms", "replicates"), [(4, 6), (3, 10), (1, 12)])
@pytest.mark.parametrize("rho", [0.0, 0.6])
@pytest.mark.parametrize("shared", [0.0, 0.6])
def test_the_interval_inside_arms_covers(
    arms: int, replicates: int, rho: float, shared: float
) -> None:
    """At least 94 % of 95 % intervals hold the truth, also where replicates share their luck."""
    early, result = drawn(1000, arms, replicates, rho, shared, seed=arms)
    found = estimates.within(early, result, 0.95)
    truth = 6 / np.pi * np.arcsin(rho / 2)  # of the ranks of a normal pair
    covered = np.mean((found.low <= truth) & (truth <= found.high))
    assert 0.94 <= covered <= 0.995
    assert np.mean(found.r) == pytest.approx(truth, abs=0.06)


def test_luck_that_replicates_share_needs_the_wider_interval() -> None:
    """Without it, arms would count as so many independent trainings, and a tenth would fail."""
    early, result = drawn(1000, 6, 8, 0.0, 0.8, seed=1)
    found = estimates.within(early, result, 0.95)
    half = 1.96 * np.sqrt((1 + found.r**2 / 2) / (48 - 6 - 2))
    plain = np.mean(np.abs(np.arctanh(found.r)) <= half)
    assert plain < 0.85
    assert np.mean((found.low <= 0) & (found.high >= 0)) > 0.92


def test_what_the_early_loss_tells_is_taken_out() -> None:
    """A diagnostic that only follows the early loss goes with nothing once that is held."""
    generator = GENERATOR(5)
    loss = generator.normal(size=(400, 4, 12))
    early, result = (loss + generator.normal(0, 0.5, loss.shape) for _ in range(2))
    assert np.mean(estimates.within(early, result, 0.95).r) > 0.6
    partial = estimates.within(early, result, 0.95, loss)
    assert abs(np.mean(partial.r)) < 0.05
    assert np.mean((partial.low <= 0) & (partial.high >= 0)) > 0.94


@given(seed=st.integers(0, 2**16), ties=st.integers(2, 9))
@settings(max_examples=25, deadline=None)
def test_one_arm_is_spearman(seed: int, ties: int) -> None:
    """Of a single arm, and over all, r is scipy's, ties included."""
    values = GENERATOR(seed).integers(0, ties, (2, 1, 15)).astype(float)
    expected = stats.spearmanr(values[0, 0], values[1, 0]).statistic
    for relate in (estimates.within, estimates.pooled):
        found = relate(values[0], values[1], 0.95)
        assert found.r == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_trainings_without_a_number_are_left_out() -> None:
    """As if they had not been; n says so."""
    early, result = (part[0] for part in drawn(1, 3, 8, 0.5, 0.0, seed=3))
    early[1, 7] = np.nan
    result[0, 7] = result[2, 7] = np.inf
    found = estimates.within(early, result, 0.95)
    fewer = estimates.within(early[:, :7], result[:, :7], 0.95)
    assert found.n == 21
    assert [*map(float, found)] == pytest.approx([*map(float, fewer)])


def test_too_few_have_no_interval() -> None:
    """Three replicates have an r, and no limits; what does not vary has neither."""
    early, result = (part[0] for part in drawn(1, 4, 3, 0.5, 0.0, seed=3))
    found = estimates.within(early, result, 0.95)
    assert np.isfinite(found.r)
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(estimates.within(np.ones((2, 8)), np.ones((2, 8)), 0.95).r)
