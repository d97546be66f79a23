"""The multilayer perceptron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from harness import layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.spec import Value


def mlp(
    shape: Sequence[int],
    outputs: int,
    *,
    units: Sequence[int] = (64, 64),
    activation: Value = "relu",
    initializer: Any = "glorot_uniform",
    regularizer: Any = None,
    normalization: Value = "none",
    dropout: Any = 0.0,
) -> keras.Model:
    """Dense layers on the flattened input.

    Every hidden layer is dense -> normalization -> activation -> dropout.

    Args:
        shape: of one case, any number of axes.
        outputs: number of linear outputs.
        units: width of each hidden layer; an empty list gives a linear model.
        activation: of the hidden layers, a catalogue entry.
        initializer: of all kernels.
        regularizer: of the hidden kernels.
        normalization: ``"none"``, ``"batch"`` (which replaces the bias) or ``"layer"``.
        dropout: rate behind every hidden layer, a number or a scalar variable.

    Example:
        >>> mlp((8, 8), 10, units=(32,)).count_params()
        2410
    """
    inputs = keras.Input(tuple(shape), name="inputs")
    x = keras.layers.Flatten(name="flatten")(inputs)
    for index, width in enumerate(units, start=1):
        name = f"hidden_{index}"
        x = keras.layers.Dense(
            layers.width(width, activation),
            use_bias=layers.has_bias(normalization),
            kernel_initializer=initializer,
            kernel_regularizer=regularizer,
            name=name,
        )(x)
        x = layers.normalization(normalization, f"{name}_normalization")(x)
        x = layers.activation(activation, f"{name}_activation")(x)
        x = layers.dropout(dropout, f"{name}_dropout")(x)
    x = keras.layers.Dense(outputs, kernel_initializer=initializer, name="outputs")(x)
    return keras.Model(inputs, x, name="mlp")
