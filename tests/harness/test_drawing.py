"""Random numbers of a game: those of Keras, with XLA and without."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.blocks import drawing

SHAPES = [(256, 16), (7, 3), (5,), (1,), (4, 1, 1)]
"""Also odd numbers of draws, of which the last one comes from half a pair."""

CLOSE = {"uniform": 0.0, "normal": 2e-6}
"""Logarithms and sines differ in the last digits between the two compilers, words do not."""


def drawn(name, shape, seed, *, xla):
    """Two draws, one after the other, inside a graph; and the state that they leave."""
    stream = keras.random.SeedGenerator(seed)
    draw = getattr(drawing, name)
    both = tf.function(
        lambda: (draw(shape, stream), draw(shape, stream)), jit_compile=xla, autograph=False
    )
    return np.stack([one.numpy() for one in both()]), stream.state.numpy().tolist()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CLOSE)
def test_draws_are_those_of_keras(name, shape):
    """From the same state, for seeds up to the largest; the state moves on alike."""
    for seed in (1, 2**31 - 1):
        stream = keras.random.SeedGenerator(seed)
        expected = [getattr(keras.random, name)(shape, seed=stream).numpy() for _ in range(2)]
        found, state = drawn(name, shape, seed, xla=False)
        assert np.abs(found - np.stack(expected)).max() <= CLOSE[name]
        assert state == stream.state.numpy().tolist() == [seed, 2]
        assert not np.array_equal(*found)


@pytest.mark.parametrize("name", CLOSE)
def test_draws_are_the_same_under_xla(name):
    """Which of TensorFlow's own is not so: it takes other bits of a word."""
    for shape in SHAPES[:3]:
        found, state = drawn(name, shape, 3, xla=True)
        expected, moved = drawn(name, shape, 3, xla=False)
        assert np.abs(found - expected).max() <= CLOSE[name]
        assert state == moved
    stock, seed = getattr(tf.random, f"stateless_{name}"), tf.constant([1, 2])
    both = [
        tf.function(lambda seed: stock((9,), seed, alg="philox"), jit_compile=xla)(seed).numpy()
        for xla in (True, False)
    ]
    assert not np.allclose(*both, atol=0.01)


@pytest.mark.parametrize("count", [4, 5])
def test_the_number_of_draws_may_be_open(count):
    """As in a model that was saved: its number of cases is known only when it is called."""
    stream, alike = keras.random.SeedGenerator(1), keras.random.SeedGenerator(1)
    ask = tf.function(lambda count: drawing.normal((count, 3), stream), autograph=False)
    expected = drawing.normal((count, 3), alike).numpy()
    assert ask(tf.constant(count)).numpy() == pytest.approx(expected, abs=2e-6)


def test_numbers_stay_within_their_range():
    """Zero can be drawn, and its logarithm is finite; the mean is where it belongs."""
    stream = keras.random.SeedGenerator(5)
    places = drawing.uniform((100_000,), stream).numpy()
    assert places.min() >= 0
    assert places.max() < 1
    assert places.mean() == pytest.approx(0.5, abs=0.005)
    numbers = drawing.normal((100_000,), stream).numpy()
    assert np.isfinite(numbers).all()
    assert numbers.mean() == pytest.approx(0, abs=0.02)
    assert numbers.std() == pytest.approx(1, abs=0.01)
