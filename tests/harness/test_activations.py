"""Activations with numbers that are inputs are those of Keras, and so are all the others."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import catalog
from harness.blocks import activations, layers
from harness.blocks.style import Style
from harness.errors import TemplateError
from harness.templates.cnn import cnn
from harness.templates.mlp import mlp

POINTS = np.linspace(-4, 4, 41, dtype=np.float32).reshape(1, -1)
POINTS_AND_FAR = np.append(POINTS, [[-100, 100]], axis=1).astype(np.float32)
OWN = {"leaky_relu": "negative_slope", "elu": "alpha"}


def both(function):
    """Values and slopes at all points."""
    inputs = tf.constant(POINTS_AND_FAR)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(inputs)
    return outputs.numpy(), tape.gradient(outputs, inputs).numpy()


@pytest.mark.parametrize("number", [0.0, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("name", OWN)
def test_our_formula_is_that_of_keras(name, number):
    """Equal values and slopes, with a number and with a variable, at the ends too."""
    given = {OWN[name]: number}
    stock = both(lambda x: getattr(keras.activations, name)(x, **given))
    variable = keras.Variable(number)
    for found in (
        both(lambda x: getattr(activations, name)(x, **given)),
        both(lambda x: getattr(activations, name)(x, **{OWN[name]: variable})),
    ):
        assert found[0] == pytest.approx(stock[0], rel=1e-6, abs=1e-7)
        assert found[1] == pytest.approx(stock[1], rel=1e-6, abs=1e-7)


OF_KERAS = [name for name in sorted(catalog.ACTIVATIONS) if hasattr(keras.activations, name)]


@pytest.mark.parametrize("name", ["prelu", *OF_KERAS])
def test_an_activation_is_that_of_keras(name):
    """By name, with the defaults of Keras where it has defaults."""
    numbers = catalog.choice("activation", name).numbers
    if name == "prelu":
        stock, ours = keras.layers.PReLU(), layers.activation(name, "a")
    else:
        taken = {"threshold": numbers} if name == "threshold" else {}
        function = getattr(keras.activations, name)
        stock = lambda x: function(x, **taken.get(name, {}))  # noqa: E731
        ours = layers.activation(name, "a")
    inputs = POINTS_AND_FAR[:, :42]  # an even number, for gates
    assert np.asarray(ours(inputs)) == pytest.approx(
        np.asarray(stock(inputs)), rel=1e-6, nan_ok=True
    )


@pytest.mark.parametrize("name", sorted(catalog.ACTIVATIONS))
def test_an_activation_is_finite_and_bends_something(name):
    """Around zero, in value and in slope; the value is not the same everywhere."""
    near = tf.constant(POINTS[:, :40].reshape(20, 2))
    with tf.GradientTape() as tape:
        tape.watch(near)
        values = layers.activation(name, "a")(near)
    assert np.isfinite(values).all()
    assert np.isfinite(tape.gradient(values, near)).all()
    assert np.ptp(values) > 0


def test_a_saved_model_calls_nothing_of_others():
    """What a file names is looked for in Keras and in this package alone."""
    with pytest.raises(ValueError, match="of Keras or harness"):
        activations.Given.from_config({"function": "os:system"})("true")


def test_all_of_keras_is_listed():
    """Every function of ``keras.activations`` has an entry, or is another name of one."""
    names = {"serialize", "deserialize", "get"}
    offered = {
        name
        for name, one in vars(keras.activations).items()
        if inspect.isfunction(one) and not name.startswith("_")
    }
    known = {alias for entry in catalog.ACTIVATIONS.values() for alias in entry.aliases}
    assert offered - names <= catalog.ACTIVATIONS.keys() | known
    assert len(offered) > 30


def test_prelu_learns_one_slope_per_unit_or_feature_map():
    """Not one for each pixel, as Keras' layer would by default."""
    dense = mlp((8, 8), 3, Style(activation={"name": "prelu", "alpha": 0.25}), units=(5,))
    image = cnn((8, 8), 3, Style(activation="prelu"), filters=(4,), units=())
    (slopes,) = dense.get_layer("hidden_1_activation").get_weights()
    assert slopes.tolist() == [0.25] * 5
    assert image.get_layer("conv_1_activation").get_weights()[0].shape == (1, 1, 4)


def test_a_gate_leaves_the_width_that_was_asked_for():
    """The layer before it is twice as wide."""
    model = mlp((8, 8), 3, Style(activation="glu"), units=(5,))
    assert model.get_layer("hidden_1").output.shape == (None, 10)
    assert model.get_layer("hidden_1_activation").output.shape == (None, 5)
    model = cnn((8, 8), 3, Style(activation="glu"), filters=(4,), units=(5,))
    assert model.get_layer("conv_1_activation").output.shape == (None, 8, 8, 4)


def test_a_cell_has_no_place_for_weights_of_an_activation():
    """The error says what was received."""
    with pytest.raises(TemplateError, match=r"a function\. Received: 'prelu', which is a layer"):
        layers.activation_function("prelu")
