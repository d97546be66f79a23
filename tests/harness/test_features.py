"""Frozen layers are asked once where that is exact, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from harness import datasets, design
from harness.program import features
from harness.spec import Study
from harness.train import Trainer

SMALL = {
    "mlp": {"units": [8, 6]},
    "cnn": {"filters": [3, 4], "units": [6]},
    "rnn": {"units": [5, 4]},
}

OWN = """
import keras


def layers(shape):
    inputs = keras.Input(shape)
    flat = keras.layers.Flatten()(inputs)
    first = keras.layers.Dense(6, activation="tanh", name="first")
    return inputs, flat, first(flat), keras.layers.Dense(5, activation="tanh", name="second")


def branched(shape, outputs):
    inputs, flat, x, second = layers(shape)
    both = keras.layers.Concatenate()([second(x), x])
    return keras.Model(inputs, keras.layers.Dense(outputs, name="last")(both))


def around(shape, outputs):
    inputs, flat, x, second = layers(shape)
    both = keras.layers.Concatenate()([second(x), flat])
    return keras.Model(inputs, keras.layers.Dense(outputs, name="last")(both))


def twice(shape, outputs):
    inputs, flat, x, second = layers(shape)
    x = second(x)
    again = keras.layers.Dense(6, activation="tanh", name="third")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, name="last")(second(again)))


class Unseeded(keras.layers.Dense):
    def call(self, x, training=False):
        x = super().call(x)
        return x + keras.random.normal(keras.ops.shape(x)) if training else x


class Rounded(keras.layers.Dense):
    def call(self, x, training=False):
        x = super().call(x)
        return keras.ops.round(x) if training else x


def own(kind, shape, outputs):
    inputs, flat, x, second = layers(shape)
    x = kind(5, name="between")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, name="last")(second(x)))


def unseeded(shape, outputs):
    return own(Unseeded, shape, outputs)


def rounded(shape, outputs):
    return own(Rounded, shape, outputs)


def within(shape, outputs, kind=Rounded):
    inputs, flat, x, second = layers(shape)
    part = keras.Input((6,))
    inner = keras.Model(part, kind(7, name="inner")(part), name="backbone")
    return keras.Model(inputs, keras.layers.Dense(outputs, name="last")(second(inner(x))))


def plain_within(shape, outputs):
    return within(shape, outputs, keras.layers.Dense)


def normalized_within(shape, outputs):
    return within(shape, outputs, lambda size, name: keras.layers.BatchNormalization())


def split(shape, outputs):
    inputs, flat, x, second = layers(shape)
    steps = keras.layers.Reshape((2, 3))(x)
    outs, state = keras.layers.GRU(4, return_state=True, name="gru")(steps)
    both = keras.layers.Concatenate()([outs, state])
    return keras.Model(inputs, keras.layers.Dense(outputs, name="last")(both))


def open_ended(shape, outputs):
    inputs = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(3, 3, activation="relu", name="first")(inputs)
    x = keras.layers.Conv2D(2, 3, activation="relu", name="second")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, name="last")(x))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a module of a user's."""
    made = tmp_path_factory.mktemp("own")
    (made / "ownnets.py").write_text(OWN)
    return made


@pytest.fixture
def lay(images, folder):
    """A plan of one arm whose first layers stay as they are drawn."""

    def laid(template="mlp", frozen=1, **fixed):
        template = template if template in SMALL else f"ownnets:{template}"
        usual = {"epochs": 2, "batch_size": 32, "learning_rate": 0.01, **SMALL.get(template, {})}
        study = Study(
            name="small",
            template=template,
            dataset=str(images),
            factors={"frozen_layers": [frozen]},
            fixed=usual | fixed,
        )
        return design.plan(study, datasets.describe(study.dataset, []), [folder])

    return laid


def trained(laid, folder, trainer=None, replicate=0):
    """Everything that a trial measures, its weights, and its features."""
    trainer = trainer or Trainer(laid.card, [folder])
    trial = laid.trial(laid.arms[0], {}, "confirm", replicate)
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    (compiled,) = trainer.programs[design.program_key(trial, laid.card)]
    found = {
        f"{name} {one.epoch}": number
        for one in outcome.curve
        for name, number in one.quantities.items()
    }
    weights = {one.path: one.numpy() for one in compiled.network.model.weights}
    return found, weights, compiled.program.learner.features


@pytest.fixture
def compare(folder, monkeypatch):
    """Trains with features, where there are any, and without; these."""

    def compared(laid):
        found, weights, kept = trained(laid, folder)
        with monkeypatch.context() as patch:
            patch.setattr(features, "ROOM", 0)
            plain, expected, none = trained(laid, folder)
        assert none is None
        assert found == pytest.approx(plain, abs=1e-6, rel=1e-6)
        for path, array in expected.items():
            np.testing.assert_allclose(weights[path], array, atol=1e-6, err_msg=path)
        return kept

    return compared


slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("template", "frozen", "fixed", "shape"),
    [
        pytest.param("mlp", 1, {"normalization": "batch"}, (8,), marks=slow),
        pytest.param("mlp", "all", {}, (6,), marks=slow),
        ("cnn", 2, {"normalization": "batch", "dropout": 0.3, "block_dropout": 0.0}, (16,)),
        pytest.param("cnn", "all", {"dropout": 0.3}, (6,), marks=slow),
        pytest.param("cnn", 2, {"block_dropout": 0.2}, (4, 4, 3), marks=slow),
        pytest.param("cnn", 3, {"block": "residual", "normalization": "batch"}, None, marks=slow),
        pytest.param("branched", 1, {}, (6,), marks=slow),
        pytest.param("twice", 1, {}, (6,), marks=slow),
        pytest.param("plain_within", 2, {}, (7,), marks=slow),
        pytest.param("normalized_within", 1, {}, (6,), marks=slow),
        pytest.param("split", 2, {}, (2, 3), marks=slow),
        pytest.param(
            "mlp", 1, {"activity_regularizer": {"name": "l2", "l2": 0.1}}, (8,), marks=slow
        ),
    ],
)
def test_features_change_nothing(lay, compare, template, frozen, fixed, shape):
    """All quantities of all epochs and all weights; what draws is behind them."""
    kept = compare(lay(template, frozen, **fixed))
    assert kept is not None
    assert shape is None or kept.shape == shape


def built(laid, folder):
    """Features of a network that is only built."""
    trial = laid.trial(laid.arms[0], {}, "tune", 0)
    ((_, learner),) = Trainer(laid.card, [folder])._programs.build(trial)
    return learner.features


@pytest.mark.parametrize(
    ("template", "fixed"),
    [
        ("cnn", {"flip": 0.5}),
        ("cnn", {"shift": 1}),
        ("mlp", {"input_dropout": 0.2}),
        ("mlp", {"noise": 0.2}),
        ("rnn", {"dropout": 0.2}),
        ("rnn", {"activity_regularizer": {"name": "l1", "l1": 0.1}}),
        ("around", {}),
        ("open_ended", {}),
    ],
)
def test_where_nothing_is_kept(lay, folder, template, fixed):
    """Augmentation, noise, another way to the inputs, sizes that nobody knows."""
    assert built(lay(template, 1, **fixed), folder) is None


@pytest.mark.parametrize(("template", "name"), [("unseeded", "between"), ("rounded", "between"),
                                                ("within", "backbone")])  # fmt: skip
def test_layers_of_your_own_are_asked_in_every_step(lay, folder, template, name):
    """What they do in training, and what they draw without a seed, is not known."""
    kept = built(lay(template, 2), folder)
    assert kept.shape == (6,)
    assert name in [layer.name for layer in kept.rest.layers]


@pytest.mark.parametrize("frozen", [1, pytest.param("all", marks=slow)])
def test_masked_steps_stay_masked(tmp_path, folder, frozen):
    """A frozen embedding bears the mask, which its features would lose."""
    x = np.random.default_rng(0).integers(1, 6, (90, 5))
    x[:, 3:] = 0
    np.savez(tmp_path / "tokens.npz", x=x, y=np.arange(90) % 2)
    study = Study(
        name="small",
        template="rnn",
        dataset=str(tmp_path / "tokens.npz"),
        factors={"frozen_layers": [frozen]},
        fixed={"units": [4], "padding": 0, "vocabulary": 6, "embedding": 3, "batch_size": 20},
    )
    laid = design.plan(study, datasets.describe(study.dataset, []), [])
    assert built(laid, folder) is None


def test_another_trial_has_features_of_its_own(lay, folder):
    """Two replicates in one program; the second is as it is alone."""
    laid = lay("mlp", 1)
    alone, weights, _ = trained(laid, folder, replicate=1)
    trainer = Trainer(laid.card, [folder])
    first, _, kept = trained(laid, folder, trainer)
    after, found, again = trained(laid, folder, trainer, replicate=1)
    assert kept is again is not None
    assert after == alone != first
    for path, array in weights.items():
        np.testing.assert_array_equal(found[path], array)


def test_features_of_data_that_stays_in_its_file(lay, folder):
    """The same as of data in memory, to the last bit."""
    laid = lay("mlp", 1)
    whole, weights, _ = trained(laid, folder)
    apart, found, kept = trained(laid, folder, Trainer(laid.card, [folder], 1, chunk=4096))
    assert kept is not None
    assert apart == whole
    for path, array in weights.items():
        np.testing.assert_array_equal(found[path], array)


def test_too_many_features_are_not_kept(lay, folder, monkeypatch):
    """By the bytes of all cases, whatever the machine has."""
    cases = 150
    monkeypatch.setattr(features, "ROOM", cases * 8 * 4)
    assert built(lay("mlp", 1), folder) is not None
    monkeypatch.setattr(features, "ROOM", cases * 8 * 4 - 1)
    assert built(lay("mlp", 1), folder) is None
