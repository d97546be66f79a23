"""The small convolutional network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from harness import layers
from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.spec import Value


def cnn(
    shape: Sequence[int],
    outputs: int,
    *,
    filters: Sequence[int] = (16, 32),
    kernel_size: int = 3,
    units: Sequence[int] = (64,),
    activation: Value = "relu",
    initializer: Any = "glorot_uniform",
    regularizer: Any = None,
    normalization: Value = "none",
    dropout: Any = 0.0,
) -> keras.Model:
    """Convolutions with max-pooling, then dense layers.

    Every block is convolution (same padding) -> normalization -> activation -> 2x2 pooling;
    every dense layer behind them is dense -> normalization -> activation -> dropout.

    Args:
        shape: of one case, (height, width) or (height, width, channels).
        outputs: number of linear outputs.
        filters: number of filters of each convolution.
        kernel_size: height and width of the filters.
        units: width of each dense layer before the outputs.
        activation: of all hidden layers, a catalogue entry.
        initializer: of all kernels.
        regularizer: of all kernels but the last.
        normalization: ``"none"``, ``"batch"`` (which replaces the bias) or ``"layer"``.
        dropout: rate behind every dense layer, a number or a scalar variable.

    Raises:
        TemplateError: if pooling leaves nothing of the image.

    Example:
        >>> cnn((8, 8), 10, filters=(4,), units=()).count_params()
        690
    """
    if min(shape[:2]) < 2 ** len(filters):
        raise TemplateError(
            f"template 'cnn': expected images of at least {2 ** len(filters)} pixels a side, "
            f"because each of the {len(filters)} filters halves them. Received: {tuple(shape)}. "
            "Shorten 'filters'."
        )
    inputs = keras.Input(tuple(shape), name="inputs")
    x = keras.layers.Reshape((*shape, 1), name="channel")(inputs) if len(shape) == 2 else inputs
    shared = {
        "use_bias": layers.has_bias(normalization),
        "kernel_initializer": initializer,
        "kernel_regularizer": regularizer,
    }
    for index, width in enumerate(filters, start=1):
        name = f"conv_{index}"
        x = keras.layers.Conv2D(
            layers.width(width, activation), kernel_size, padding="same", name=name, **shared
        )(x)
        x = layers.normalization(normalization, f"{name}_normalization")(x)
        x = layers.activation(activation, f"{name}_activation")(x)
        x = keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for index, width in enumerate(units, start=1):
        name = f"hidden_{index}"
        x = keras.layers.Dense(layers.width(width, activation), name=name, **shared)(x)
        x = layers.normalization(normalization, f"{name}_normalization")(x)
        x = layers.activation(activation, f"{name}_activation")(x)
        x = layers.dropout(dropout, f"{name}_dropout")(x)
    x = keras.layers.Dense(outputs, kernel_initializer=initializer, name="outputs")(x)
    return keras.Model(inputs, x, name="cnn")
