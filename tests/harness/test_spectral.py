"""Spectral normalization in the form of its paper."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.blocks import spectral
from harness.blocks.adversarial import Bounded
from harness.blocks.spectral import Spectral
from harness.errors import TemplateError

LAYERS = {
    "dense": (lambda: keras.layers.Dense(7, use_bias=False), (5, 12)),
    "convolution": (
        lambda: keras.layers.Conv2D(7, 3, strides=2, padding="same", use_bias=False),
        (5, 8, 8, 4),
    ),
}


@pytest.fixture(params=LAYERS)
def both(request):
    """A spectral layer with a kernel of known values, and inputs for it."""
    make, shape = LAYERS[request.param]
    layer = Spectral(make(), name="outer")
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=shape).astype(np.float32)
    layer.build(shape)
    layer.layer.kernel.assign(2.5 * generator.normal(size=layer.layer.kernel.shape))
    layer.u.assign(generator.normal(size=7))
    return layer, inputs


def iterated(matrix, u):
    """Algorithm 1 of the paper, whose matrix is transposed to that of Keras."""
    v = matrix @ u
    v /= np.linalg.norm(v)
    u = matrix.T @ v
    u /= np.linalg.norm(u)
    return u, v, v @ matrix @ u


def matrix_of(layer):
    return np.asarray(layer.layer.kernel, np.float64).reshape(-1, 7)


def test_every_iteration_is_that_of_the_paper(both):
    """The vector u, and the number that outputs are divided by, with a bias added."""
    layer, inputs = both
    layer.bias.assign(np.arange(7.0))
    u = np.asarray(layer.u, np.float64)
    for _ in range(3):
        following, _, sigma = iterated(matrix_of(layer), u)
        expected = np.asarray(layer.layer(inputs)) / sigma + np.arange(7.0)
        assert np.asarray(layer(inputs, training=True)) == pytest.approx(expected, abs=1e-5)
        assert np.asarray(layer.u) == pytest.approx(u, abs=1e-6)
        layer.iterate()
        assert np.asarray(layer.u) == pytest.approx(following, abs=1e-6)
        u = following


def test_the_largest_singular_value_becomes_one(both):
    """By singular value decomposition, once u has followed the kernel."""
    layer, _ = both
    before = matrix_of(layer)
    for _ in range(300):
        layer.iterate()
    assert np.array_equal(matrix_of(layer), before)
    divided = before / float(layer._iterated()[1])
    assert np.linalg.svd(divided, compute_uv=False)[0] == pytest.approx(1, abs=1e-3)
    assert np.linalg.svd(before, compute_uv=False)[0] > 2


def test_the_gradient_flows_through_the_singular_value(both):
    """As in equation 12, with both vectors held; and as finite differences have it."""
    layer, inputs = both
    weights = np.random.default_rng(1).normal(size=layer(inputs).shape).astype(np.float32)
    u, v, sigma = iterated(matrix_of(layer), np.asarray(layer.u, np.float64))
    kernel = layer.layer.kernel

    def plain():
        return tf.reduce_sum(layer.layer(inputs) * weights)

    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_sum(layer(inputs) * weights)
        linear = plain()
    found = np.asarray(tape.gradient(loss, kernel.value)).reshape(-1, 7)
    inner = np.asarray(tape.gradient(linear, kernel.value), np.float64).reshape(-1, 7)
    expected = inner / sigma - float(linear) / sigma**2 * np.outer(v, u)
    assert found == pytest.approx(expected, abs=1e-4)

    start, step = np.asarray(kernel, np.float64), 1e-2
    for place in [(0, 0), (3, 2), (11, 6)]:
        moved = np.zeros_like(expected)
        moved[place] = step
        losses = []
        for sign in (1, -1):
            kernel.assign(start + sign * moved.reshape(start.shape))
            losses.append(float(plain()) / (v @ matrix_of(layer) @ u))
        slope = (losses[0] - losses[1]) / (2 * step)
        assert found[place] == pytest.approx(slope, rel=2e-2, abs=2e-2)
    kernel.assign(start)


def test_calls_change_nothing(both):
    """In training neither: only ``iterate`` does."""
    layer, inputs = both
    before = layer.get_weights()
    for training in (True, False):
        layer(inputs, training=training)
    assert all(map(np.array_equal, before, layer.get_weights()))


def test_nested_layers_are_found():
    """All layers of a model, once each; a model may have none."""
    inner = keras.Sequential([keras.Input((3,)), Spectral(keras.layers.Dense(3, use_bias=False))])
    outer = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(1)])
    before = [np.asarray(one) for one in outer.variables]
    spectral.iterate(outer)
    changed = [
        not np.array_equal(old, new) for old, new in zip(before, outer.variables, strict=True)
    ]
    assert [one.name for one, new in zip(outer.variables, changed, strict=True) if new] == ["u"]
    spectral.iterate(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]))


@pytest.mark.parametrize("wrong", [{"use_bias": True}, {"use_bias": False, "activation": "relu"}])
def test_a_layer_that_is_not_linear_is_refused(wrong):
    """Its outputs cannot be divided in place of its kernel."""
    with pytest.raises(TemplateError, match=r"expected a layer with use_bias = False.*'inner'"):
        Spectral(keras.layers.Dense(3, name="inner", **wrong))


def test_a_layer_is_made_again_from_its_settings():
    """With its inner layer and the constraint of its bias."""
    layer = Spectral(
        keras.layers.Dense(3, use_bias=False), bias_constraint=Bounded(0.5), name="outer"
    )
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    again.build((None, 2))
    assert again.bias.constraint.limit == 0.5
    assert len(again.weights) == 3
