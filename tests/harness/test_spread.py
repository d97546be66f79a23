"""Every layer of Keras that has weights starts with the spread that Keras gives it."""

from __future__ import annotations

import functools
import inspect

import keras
import numpy as np
import pytest

from harness import initial
from harness.program.weights import Recording

L = keras.layers
IMAGE, VOLUME, STEPS, MATRIX = (2, 8, 8, 3), (2, 6, 6, 6, 3), (2, 7, 5), (2, 12)
FILM = (2, 4, 6, 6, 3)
LAYERS = {
    "Attention": (lambda: L.Attention(use_scale=True, score_mode="concat"), [STEPS, STEPS]),
    "AdditiveAttention": (L.AdditiveAttention, [STEPS, STEPS]),
    "BatchNormalization": (L.BatchNormalization, IMAGE),
    "Bidirectional": (lambda: L.Bidirectional(L.LSTM(6)), STEPS),
    "Conv1D": (lambda: L.Conv1D(7, 3), STEPS),
    "Conv1DTranspose": (lambda: L.Conv1DTranspose(7, 3), STEPS),
    "Conv2D": (lambda: L.Conv2D(7, 3, groups=1, kernel_initializer="he_normal"), IMAGE),
    "Conv2DTranspose": (lambda: L.Conv2DTranspose(9, 3, kernel_initializer="he_normal"), IMAGE),
    "Conv3D": (lambda: L.Conv3D(4, 2), VOLUME),
    "Conv3DTranspose": (lambda: L.Conv3DTranspose(4, 2), VOLUME),
    "ConvLSTM1D": (lambda: L.ConvLSTM1D(4, 3), IMAGE),
    "ConvLSTM2D": (lambda: L.ConvLSTM2D(4, 3), FILM),
    "ConvLSTM3D": (lambda: L.ConvLSTM3D(2, 2), (2, 3, 4, 4, 4, 2)),
    "Dense": (lambda: L.Dense(9, kernel_initializer="lecun_uniform"), MATRIX),
    "DepthwiseConv1D": (lambda: L.DepthwiseConv1D(3, depth_multiplier=2), STEPS),
    "DepthwiseConv2D": (lambda: L.DepthwiseConv2D(3, depth_multiplier=2), IMAGE),
    "EinsumDense": (lambda: L.EinsumDense("abc,cde->abde", (None, 4, 6), bias_axes="de"), STEPS),
    "Embedding": (lambda: L.Embedding(20, 6), (2, 5)),
    "GRU": (lambda: L.GRU(6), STEPS),
    "GroupNormalization": (lambda: L.GroupNormalization(groups=1), IMAGE),
    "GroupQueryAttention": (lambda: L.GroupQueryAttention(4, 4, 2), [STEPS, STEPS]),
    "LSTM": (lambda: L.LSTM(6), STEPS),
    "LayerNormalization": (L.LayerNormalization, STEPS),
    "MultiHeadAttention": (lambda: L.MultiHeadAttention(4, 4), [STEPS, STEPS]),
    "Normalization": (L.Normalization, MATRIX),
    "PReLU": (lambda: L.PReLU(alpha_initializer="he_uniform"), MATRIX),
    "ReversibleEmbedding": (lambda: L.ReversibleEmbedding(20, 6, tie_weights=False), (2, 5)),
    "RMSNormalization": (L.RMSNormalization, STEPS),
    "RNN": (lambda: L.RNN([L.LSTMCell(4), L.GRUCell(5)]), STEPS),
    "SeparableConv1D": (lambda: L.SeparableConv1D(6, 3, depth_multiplier=2), STEPS),
    "SeparableConv2D": (lambda: L.SeparableConv2D(6, 3, depth_multiplier=2), IMAGE),
    "SimpleRNN": (lambda: L.SimpleRNN(6), STEPS),
    "SpectralNormalization": (lambda: L.SpectralNormalization(L.Dense(6)), MATRIX),
    "TimeDistributed": (lambda: L.TimeDistributed(L.Dense(6)), STEPS),
}
"""A layer of every class that makes weights, and the shape of what it is given."""

ELSEWHERE = {"GRUCell", "LSTMCell", "SimpleRNNCell", "STFTSpectrogram"}
"""Parts of recurrent layers, which are in the table; and a Fourier transform, which is none that
is drawn."""

SEEDS = 20


def built(name):
    """A layer of the table, called once, and what a recording has noted of it."""
    maker, shape = LAYERS[name]
    keras.utils.set_random_seed(0)
    recording = Recording(compares=False)
    with recording.on():
        layer = maker()
        shapes = shape if isinstance(shape, list) else [shape]
        inputs = [np.zeros(one, np.float32) for one in shapes]
        layer(inputs) if name in {"Attention", "AdditiveAttention"} else layer(*inputs)
    return recording.weights(Holder(layer), name)


def stock(initializer, variable):
    """Keras' own draws, from many seeds."""
    config = initializer.get_config()
    if "seed" not in config:
        return np.stack([np.asarray(initializer(variable.shape, dtype="float32"))] * SEEDS)
    made = [type(initializer).from_config({**config, "seed": seed}) for seed in range(SEEDS)]
    return np.stack([np.asarray(one(variable.shape, dtype="float32")) for one in made])


class Holder:
    """What a recording asks of a model."""

    def __init__(self, layer):
        self.weights = layer.weights


@pytest.mark.parametrize("name", LAYERS)
def test_mean_and_spread_are_those_of_keras(plan, name):
    """Of every weight, over many draws; what is not random is equal."""
    weights = built(name)
    assert weights
    laid = plan()
    trials = [laid.trial(laid.arms[0], {}, "confirm", replicate) for replicate in range(SEEDS)]
    drawn = zip(*(initial.draw(weights, trial) for trial in trials), strict=True)
    for weight, ours in zip(weights, drawn, strict=True):
        first, path = np.stack(ours), weight.variable.path
        own = weight.variable.numpy()
        if not hasattr(weight.initializer, "get_config"):  # a function, such as of a forget gate
            assert all(np.array_equal(one, own) for one in ours), path
            continue
        second = stock(weight.initializer, weight.variable)
        spread, count = float(second.std()), second.size
        if np.ptp(second, axis=0).max() == 0:
            assert all(np.array_equal(one, own) for one in ours), path
            continue
        # Both are samples of so many numbers. What Keras has put into the layer is one of few.
        error = 6 * spread * (2 / count) ** 0.5
        assert float(first.mean()) == pytest.approx(float(second.mean()), abs=error), path
        assert float(first.std()) == pytest.approx(spread, abs=error), path
        assert float(own.std()) == pytest.approx(spread, rel=6 * own.size**-0.5), path


def test_no_layer_is_left_out():
    """Whatever makes weights with ``add_weight``, itself or in a class that it is made of."""
    making, source = set(), functools.cache(inspect.getsource)
    for kind in vars(keras.layers).values():
        if inspect.isclass(kind) and issubclass(kind, L.Layer):
            above = [
                one
                for one in kind.__mro__
                if one.__module__.startswith("keras.src.layers") and one is not L.Layer
            ]
            if any("self.add_weight(" in source(one) for one in above):
                making.add(kind.__name__)
    assert making - LAYERS.keys() - ELSEWHERE == set()


def test_a_query_kernel_is_as_wide_as_in_keras(plan):
    """Its inputs are the first axis alone: .125 for 64 inputs of which four heads take 16."""
    recording = Recording(compares=False)
    with recording.on():
        layer = L.MultiHeadAttention(4, 16)
        layer(*[np.zeros((2, 3, 64), np.float32)] * 2)
    weights = recording.weights(Holder(layer), "attention")
    laid = plan()
    drawn = initial.draw(weights, laid.trial(laid.arms[0], {}, "confirm", 0))
    (query,) = [
        values
        for one, values in zip(weights, drawn, strict=True)
        if one.variable.path.endswith("query/kernel")
    ]
    assert query.shape == (64, 4, 16)
    assert query.std() == pytest.approx(0.125, rel=0.03)
