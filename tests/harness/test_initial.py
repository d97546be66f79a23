"""Initial draws have Keras' distributions, and arms share what lies beneath them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import stats

from harness import catalog, initial
from harness.layers import Drawn, resolve
from harness.program import Weight

SHAPES = [(300, 200), (3, 3, 40, 60)]


class Variable:
    """The shape and type of a weight."""

    def __init__(self, shape):
        self.shape, self.dtype = shape, "float32"


def drawn(plan, level, shape, replicate=0):
    """What one weight starts from, for an initializer level."""
    laid = plan(factors={"initializer": [level]})
    trial = laid.trial(laid.arms[0], {}, "confirm", replicate)
    (values,) = initial.draw([Weight(Variable(shape), Drawn())], trial)
    return values


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", sorted(set(catalog.INITIALIZERS) - {"orthogonal"}))
def test_same_distribution_as_keras(plan, name, shape):
    """Every family has the quantiles of Keras' own draws."""
    ours = drawn(plan, name, shape).ravel()
    entry = catalog.INITIALIZERS[name]
    defaults = {key: number.default for key, number in entry.numbers.items()}
    random = isinstance(resolve(entry.target)(), keras.initializers.Initializer) and name not in {
        "zeros",
        "ones",
        "constant",
    }
    made = resolve(entry.target)(**defaults, **({"seed": 3} if random else {}))
    theirs = np.asarray(made(shape)).ravel()
    if not random:
        assert np.array_equal(ours, theirs)
        return
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-4
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    far = [np.quantile(abs(values), 0.999) for values in (ours, theirs)]
    assert far[0] == pytest.approx(far[1], rel=0.1)


@pytest.mark.parametrize("shape", [(40, 20), (20, 40), (3, 3, 4, 5)])
def test_orthogonal_is_orthogonal(plan, shape):
    """The matrix has orthonormal rows or columns, times the gain."""
    values = drawn(plan, {"name": "orthogonal", "gain": 2.0}, shape)
    matrix = values.reshape(-1, shape[-1]).astype(float)
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    assert small == pytest.approx(4 * np.eye(len(small)), abs=1e-5)


def test_arms_share_their_draws(plan):
    """Families of one shape are monotone maps of the same uniforms: ranks agree."""
    normal = drawn(plan, "he_normal", (50, 40)).ravel()
    uniform = drawn(plan, "glorot_uniform", (50, 40)).ravel()
    assert stats.spearmanr(normal, uniform).statistic == pytest.approx(1.0)


def test_replicates_and_occurrences_differ(plan):
    """Another replicate, or a second weight of the same shape, is another draw."""
    laid = plan(factors={"initializer": ["he_normal"]})
    weights = [Weight(Variable((20, 20)), Drawn()) for _ in range(2)]
    first, second = initial.draw(weights, laid.trial(laid.arms[0], {}, "confirm", 0))
    other, _ = initial.draw(weights, laid.trial(laid.arms[0], {}, "confirm", 1))
    tuned, _ = initial.draw(weights, laid.trial(laid.arms[0], {}, "tune", 0))
    for values in (second, other, tuned):
        assert not np.array_equal(first, values)


def test_deterministic_weights_do_not_shift_the_draws(plan):
    """An arm with extra zeros and ones (a normalization) keeps its kernels paired."""
    laid = plan(factors={"initializer": ["he_normal"]})
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    kernel = Weight(Variable((20, 20)), Drawn())
    scale = Weight(Variable((20, 20)), keras.initializers.Ones())
    (alone,) = initial.draw([kernel], trial)
    _, behind = initial.draw([scale, kernel], trial)
    assert np.array_equal(alone, behind)


def test_a_users_seed_does_not_make_replicates_one(plan):
    """A seed fixed inside a user's initializer is replaced by the replicate's stream."""
    laid = plan()
    weights = [Weight(Variable((5, 5)), keras.initializers.HeNormal(seed=3))]
    draws = [
        initial.draw(weights, laid.trial(laid.arms[0], {}, "confirm", replicate))[0]
        for replicate in range(2)
    ]
    assert not np.array_equal(*draws)


def test_unknown_initializers_are_seeded_and_leave_the_callers_state(plan):
    """A function that draws from global generators is repeatable, and disturbs nobody."""
    laid = plan()

    def noisy(shape, dtype=None):
        return keras.random.normal(shape, dtype=dtype)

    weights = [Weight(Variable((5, 5)), noisy)]
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    np.random.seed(1)  # noqa: NPY002, the state of a user's program
    expected = np.random.RandomState(1).rand()
    (first,), (second,) = initial.draw(weights, trial), initial.draw(weights, trial)
    assert np.array_equal(first, second)
    assert np.random.rand() == expected  # noqa: NPY002
