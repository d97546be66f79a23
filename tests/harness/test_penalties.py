"""Penalties and constraints are those of Keras, also where their numbers are variables."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from harness.blocks import layers, penalties

KERNEL = np.random.default_rng(0).normal(size=(12, 7)).astype(np.float32)
FILTERS = np.random.default_rng(1).normal(size=(3, 3, 4, 7)).astype(np.float32)


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_the_orthogonal_penalty_is_that_of_keras(mode):
    """For matrices; Keras has none for convolutions."""
    kernel = keras.ops.convert_to_tensor(KERNEL)
    theirs = keras.regularizers.OrthogonalRegularizer(0.3, mode)(kernel)
    for factor in (0.3, keras.Variable(0.3)):
        ours = penalties.Orthogonal(factor, mode)(kernel)
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_the_orthogonal_penalty_takes_filters_as_columns():
    """A convolution's kernel is a matrix of inputs by filters; one alone has no penalty."""
    penalty = penalties.Orthogonal(1.0, "columns")
    flat = penalty(keras.ops.reshape(FILTERS, (-1, 7)))
    assert float(penalty(keras.ops.convert_to_tensor(FILTERS))) == pytest.approx(float(flat))
    assert float(penalty(keras.ops.ones((5, 1)))) == 0
    assert float(penalty(keras.ops.eye(5))) == 0


@pytest.mark.parametrize(
    ("level", "theirs"),
    [
        ({"name": "max_norm", "max_value": 1.5}, lambda axis: keras.constraints.MaxNorm(1.5, axis)),
        ("unit_norm", keras.constraints.UnitNorm),
        (
            {"name": "min_max_norm", "min_value": 3, "max_value": 4, "rate": 0.5},
            lambda axis: keras.constraints.MinMaxNorm(3, 4, 0.5, axis),
        ),
        ("non_neg", lambda axis: keras.constraints.NonNeg()),
    ],
)
@pytest.mark.parametrize(("weight", "axes"), [(KERNEL, 0), (FILTERS, [0, 1, 2])])
def test_a_constraint_is_that_of_keras(level, theirs, weight, axes):
    """On the weights into each unit or filter, whatever the rank."""
    expected = np.asarray(theirs(axes)(keras.ops.convert_to_tensor(weight)))
    numbers = dict(level) if isinstance(level, dict) else {"name": level}
    variables = {
        key: part if key == "name" else keras.Variable(float(part)) for key, part in numbers.items()
    }
    for given in (numbers, variables):
        found = np.asarray(layers.constraint(given)(keras.ops.convert_to_tensor(weight)))
        assert found == pytest.approx(expected, rel=1e-6)
    assert not np.array_equal(expected, weight)
