"""Similarity of representations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.estimates.similarity import cka, ckas


def normal(*shape, seed=0):
    """Independent normal features."""
    return np.random.default_rng(seed).normal(size=shape)


def plain(x, y):
    """The unbiased estimator as it is written down, on arrays of all pairs of cases."""
    n = len(x)
    ones = np.ones(n)

    def hsic(k, m):
        k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
        total = np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
        return (total - 2 / (n - 2) * ones @ k @ m @ ones) / (n * (n - 3))

    k, m = x @ x.T, y @ y.T
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


def biased(x, y):
    """The estimator that most code uses."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return np.sum((x.T @ y) ** 2) / np.sqrt(np.sum((x.T @ x) ** 2) * np.sum((y.T @ y) ** 2))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(-10, 10))
def test_rotation_scale_and_offset_change_nothing(seed, scale, offset):
    """The two are the same features, turned, scaled and moved."""
    x = normal(512, 20, seed=seed) * np.linspace(0.2, 2, 20)
    turned = np.linalg.qr(normal(20, 20, seed=seed + 1))[0]
    assert cka(x, scale * x @ turned + offset) == pytest.approx(1, abs=1e-9)


def test_other_linear_maps_change_it():
    """It is no measure of what can be decoded."""
    x = normal(512, 20)
    assert cka(x, x * np.geomspace(1, 30, 20)) < 0.9


def test_independent_features_are_not_alike():
    """The reason for this estimator: the biased one is p / (n + p), here a half."""
    found = [(normal(512, 512, seed=seed), normal(512, 512, seed=seed + 100)) for seed in range(4)]
    assert [cka(*pair) for pair in found] == pytest.approx([0] * 4, abs=0.02)
    assert [biased(*pair) for pair in found] == pytest.approx([0.5] * 4, abs=0.02)


def test_it_may_be_negative():
    """Chance goes both ways; it is not cut off at zero."""
    found = [cka(normal(512, 8, seed=s), normal(512, 8, seed=s + 50)) for s in range(12)]
    assert min(found) < 0 < max(found)


@pytest.mark.parametrize("widths", [(3, 7), (600, 5), (600, 700), (512, 512)])
def test_it_is_the_plain_formula(widths):
    """Whether or not an array of all pairs of cases is made."""
    x = normal(512, widths[0])
    y = normal(512, widths[1], seed=1) + x[:, :1]
    assert cka(x, y) == pytest.approx(plain(x, y), abs=1e-9)
    assert cka(x, y) == pytest.approx(cka(y, x), abs=1e-12)


def test_a_far_offset_costs_no_digits():
    """Features are centred before anything is multiplied."""
    x, y = normal(512, 6), normal(512, 6, seed=1) + normal(512, 6)
    assert cka(x + 1e6, y) == pytest.approx(cka(x, y), abs=1e-6)


def test_not_available():
    """Too few cases, or features that do not vary, have no similarity; zero would be one."""
    x = normal(512, 6)
    assert cka(x[:511], x[:511]) is None
    assert cka(x, np.full((512, 3), 0.1)) is None
    assert cka(np.zeros((512, 3)), x) is None
    with pytest.raises(ValueError, match=r"(512 and 511|511 and 512) cases"):
        cka(x, x[:511])


def test_every_two_of_several():
    """Each as by itself; what is not available stands between the others."""
    some = [normal(512, 5, seed=1), np.zeros((512, 3)), normal(512, 700, seed=2)]
    some.append(some[0][:, :2] + normal(512, 2, seed=3))
    found = ckas(some)
    for first, second in np.ndindex(4, 4):
        alone = cka(some[first], some[second])
        expected = np.nan if alone is None else alone
        assert found[first, second] == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert np.isnan(found[1]).all()
    assert not np.isnan(found[0, [0, 2, 3]]).any()
