"""Every layer of Keras that has weights starts with the spread that Keras gives it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from harness import initial
from harness.program.weights import Recording
from harness.spec import Trial

L = keras.layers
IMAGE, VOLUME, STEPS, MATRIX = (2, 8, 8, 3), (2, 6, 6, 6, 3), (2, 7, 5), (2, 12)
FILM = (2, 4, 6, 6, 3)
LAYERS = {
    "Attention": (lambda: L.Attention(use_scale=True, score_mode="concat"), [STEPS, STEPS]),
    "AdditiveAttention": (lambda: L.AdditiveAttention(), [STEPS, STEPS]),
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
    "GroupedQueryAttention": (lambda: L.GroupQueryAttention(4, 4, 2), [STEPS, STEPS]),
    "LSTM": (lambda: L.LSTM(6), STEPS),
    "LayerNormalization": (L.LayerNormalization, STEPS),
    "MultiHeadAttention": (lambda: L.MultiHeadAttention(4, 4), [STEPS, STEPS]),
    "Normalization": (L.Normalization, MATRIX),
    "PReLU": (lambda: L.PReLU(alpha_initializer="he_uniform"), MATRIX),
    "RMSNormalization": (L.RMSNormalization, STEPS),
    "RNN": (lambda: L.RNN([L.LSTMCell(4), L.GRUCell(5)]), STEPS),
    "SeparableConv1D": (lambda: L.SeparableConv1D(6, 3, depth_multiplier=2), STEPS),
    "SeparableConv2D": (lambda: L.SeparableConv2D(6, 3, depth_multiplier=2), IMAGE),
    "SimpleRNN": (lambda: L.SimpleRNN(6), STEPS),
    "SpectralNormalization": (lambda: L.SpectralNormalization(L.Dense(6)), MATRIX),
    "TimeDistributed": (lambda: L.TimeDistributed(L.Dense(6)), STEPS),
}
"""A layer of every class that makes weights, and the shape of what it is given."""

WITHOUT = {
    "BackendVariable",
    "Discretization",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "JaxLayer",
    "FlaxLayer",
    "TFSMLayer",
    "StringLookup",
    "TextVectorization",
    "TorchModuleWrapper",
    "STFTSpectrogram",
    "MelSpectrogram",
}
SEEDS = 40


def made(name, seed):
    """A layer of Keras' own draw, called once."""
    keras.utils.set_random_seed(seed)
    maker, shape = LAYERS[name]
    layer = maker()
    shapes = shape if isinstance(shape, list) else [shape]
    layer(*(np.zeros(one, np.float32) for one in shapes))
    return layer


class Holder:
    """What a recording asks of a model."""

    def __init__(self, layer):
        self.weights = layer.weights


@pytest.mark.parametrize("name", LAYERS)
def test_mean_and_spread_are_those_of_keras(plan, name):
    """Of every weight, over many draws; what is not random is equal."""
    recording = Recording(compares=False)
    with recording.on():
        layer = made(name, 0)
    weights = recording.weights(Holder(layer), name)
    assert weights
    places = [[id(one) for one in layer.weights].index(id(one.variable)) for one in weights]
    laid = plan()
    trials = [laid.trial(laid.arms[0], {}, "confirm", replicate) for replicate in range(SEEDS)]
    ours = list(zip(*(initial.draw(weights, trial) for trial in trials), strict=True))
    stock = [[np.array(one) for one in made(name, seed).weights] for seed in range(SEEDS)]
    for number, place in enumerate(places):
        path = weights[number].variable.path
        first, second = np.stack(ours[number]), np.stack([one[place] for one in stock])
        assert first.shape == second.shape, path
        if np.ptp(second, axis=0).max() == 0:
            assert np.array_equal(first, second), path
            continue
        # Both are samples: of so many numbers, twice, with room for dependence among them.
        spread, count = second.std(), second.size
        assert first.mean() == pytest.approx(second.mean(), abs=6 * spread * (2 / count) ** 0.5), (
            path
        )
        kurtosis = ((second - second.mean()) ** 4).mean() / spread**4
        error = (max(kurtosis - 1, 0.1) / 4 * 2 / count) ** 0.5
        assert first.std() == pytest.approx(spread, rel=6 * error), path


def test_no_layer_is_left_out():
    """A class of ``keras.layers`` that makes weights by ``add_weight`` stands in the table."""
    import inspect

    kinds = {
        name: one
        for name, one in vars(keras.layers).items()
        if inspect.isclass(one) and issubclass(one, keras.layers.Layer)
    }
    making = set()
    for name, one in kinds.items():
        sources = [
            inspect.getsource(base)
            for base in one.__mro__
            if base.__module__.startswith("keras.src.layers") and base.__name__ != "Layer"
        ]
        if any("self.add_weight(" in source for source in sources):
            making.add(name)
    print(sorted(making - set(LAYERS)))
    assert making - set(LAYERS) - WITHOUT == set()


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
