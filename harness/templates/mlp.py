"""The multilayer perceptron."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import keras

from harness.blocks import layers
from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.spec import Value


def mlp(
    shape: Sequence[int],
    outputs: int,
    *,
    units: Sequence[int] = (64, 64),
    residual: bool = False,
    activation: Value = "relu",
    initializer: Any = "glorot_uniform",
    regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    constraint: Any = None,
    normalization: Value = "none",
    normalization_order: str = "before",
    dropout: Any = 0.0,
    dropout_kind: Value = "standard",
    input_dropout: Any = 0.0,
    noise: Any = 0.0,
) -> keras.Model:
    """Dense layers on the flattened input.

    Every hidden layer is dense -> normalization -> activation -> dropout. Rates, amounts and the
    numbers of choices may be scalar variables.

    Args:
        shape: of one case, any number of axes.
        outputs: number of linear outputs.
        units: width of each hidden layer; an empty list gives a linear model.
        residual: whether the input of a hidden layer is added to its output, where both are
            equally wide.
        activation: of the hidden layers, a catalogue entry.
        initializer: of all kernels.
        regularizer: of the hidden kernels.
        bias_regularizer: of the hidden biases.
        activity_regularizer: of what the activations give.
        constraint: of the hidden kernels.
        normalization: a catalogue entry; ``"batch"`` right behind a layer replaces its bias.
        normalization_order: ``"before"`` or ``"after"`` the activation.
        dropout: rate behind every hidden layer.
        dropout_kind: of that dropout, a catalogue entry.
        input_dropout: rate of standard dropout of the inputs.
        noise: standard deviation of normal noise on the inputs.

    Raises:
        TemplateError: if groups of a normalization do not divide a width, or if there is nothing
            that a residual network could add.

    Example:
        >>> mlp((8, 8), 10, units=(32,)).count_params()
        2410
    """
    if residual and not any(first == second for first, second in pairwise(units)):
        raise TemplateError(
            "template 'mlp': expected two hidden layers of equal width one after another, because "
            f"residual = true adds the input of a layer to its output. Received: {list(units)}."
        )
    hidden = layers.Hidden(activation, normalization, normalization_order, activity_regularizer)
    kernel = layers.kernel(hidden, initializer, regularizer, bias_regularizer, constraint)
    inputs = keras.Input(tuple(shape), name="inputs")
    x = layers.disturbed(inputs, input_dropout, noise)
    x = keras.layers.Flatten(name="flatten")(x)
    for index, width in enumerate(units, start=1):
        name, before = f"hidden_{index}", x
        x = keras.layers.Dense(layers.width(width, activation), name=name, **kernel)(x)
        x = hidden(x, name)
        x = layers.dropout(dropout, f"{name}_dropout", dropout_kind)(x)
        if residual and index > 1 and before.shape == x.shape:
            x = keras.layers.Add(name=f"{name}_add")([before, x])
    x = keras.layers.Dense(outputs, kernel_initializer=initializer, name="outputs")(x)
    return keras.Model(inputs, x, name="mlp")
