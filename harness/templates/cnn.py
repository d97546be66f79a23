"""The convolutional network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from harness.blocks import layers
from harness.blocks.noise import Flip, Shift
from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.spec import Value


def cnn(
    shape: Sequence[int],
    outputs: int,
    *,
    filters: Sequence[int] = (16, 32),
    block: str = "plain",
    kernel_size: int = 3,
    downsampling: str = "pool",
    pool: str = "max",
    head: str = "flatten",
    units: Sequence[int] = (64,),
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
    block_dropout: Any = 0.0,
    input_dropout: Any = 0.0,
    noise: Any = 0.0,
    flip: Any = 0.0,
    shift: Any = 0.0,
) -> keras.Model:
    """Blocks of convolutions, then dense layers.

    Every convolution (same padding) is followed by normalization -> activation, every block by
    2x2 pooling -> dropout; every dense layer behind them is dense -> normalization -> activation
    -> dropout. Rates, amounts and the numbers of choices may be scalar variables.

    Args:
        shape: of one case, (height, width) or (height, width, channels).
        outputs: number of linear outputs.
        filters: number of filters in each block.
        block: ``"plain"`` (one convolution), ``"vgg"`` (two) or ``"residual"`` (two, and the input
            of the block, through a 1x1 convolution where shapes differ, added before the last
            activation).
        kernel_size: height and width of the filters.
        downsampling: how a block halves its image: ``"pool"``, ``"stride"`` or ``"none"``.
        pool: ``"max"`` or ``"mean"``, where blocks pool.
        head: ``"flatten"``, or ``"mean"`` over each map.
        units: width of each dense layer before the outputs.
        activation: of all hidden layers, a catalogue entry.
        initializer: of all kernels.
        regularizer: of all kernels but the last.
        bias_regularizer: of all biases but the last.
        activity_regularizer: of what the activations give.
        constraint: of all kernels but the last.
        normalization: a catalogue entry; ``"batch"`` right behind a layer replaces its bias.
        normalization_order: ``"before"`` or ``"after"`` the activation.
        dropout: rate behind every dense layer.
        dropout_kind: of that dropout and of the blocks', a catalogue entry.
        block_dropout: rate behind every block.
        input_dropout: rate of standard dropout of the inputs.
        noise: standard deviation of normal noise on the inputs.
        flip: probability that an image is mirrored in training.
        shift: pixels that an image is moved at most in training.

    Raises:
        TemplateError: if nothing is left of the image, or groups of a normalization do not divide
            a number of filters or units.

    Example:
        >>> cnn((8, 8), 10, filters=(4,), units=()).count_params()
        690
    """
    if downsampling != "none" and min(shape[:2]) < 2 ** len(filters):
        raise TemplateError(
            f"template 'cnn': expected images of at least {2 ** len(filters)} pixels a side, "
            f"because each of the {len(filters)} filters halves them. Received: {tuple(shape)}. "
            "Shorten 'filters', or set downsampling = 'none'."
        )
    hidden = layers.Hidden(activation, normalization, normalization_order, activity_regularizer)
    kernel = layers.kernel(hidden, initializer, regularizer, bias_regularizer, constraint)
    stride = 2 if downsampling == "stride" else 1
    convolutions = _Convolutions(hidden, kernel_size, stride, kernel)
    inputs = keras.Input(tuple(shape), name="inputs")
    x = keras.layers.Reshape((*shape, 1), name="channel")(inputs) if len(shape) == 2 else inputs
    x = _augmented(x, flip, shift)
    x = layers.disturbed(x, input_dropout, noise)
    for index, width in enumerate(filters, start=1):
        name = f"conv_{index}"
        x = convolutions.block(block, x, layers.width(width, activation), name)
        if downsampling == "pool":
            x = _POOLS[pool](2, name=f"{name}_pool")(x)
        x = layers.dropout(block_dropout, f"{name}_dropout", dropout_kind)(x)
    x = _HEADS[head](name=head)(x)
    for index, width in enumerate(units, start=1):
        name = f"hidden_{index}"
        x = keras.layers.Dense(layers.width(width, activation), name=name, **kernel)(x)
        x = hidden(x, name)
        x = layers.dropout(dropout, f"{name}_dropout", dropout_kind)(x)
    x = keras.layers.Dense(outputs, kernel_initializer=initializer, name="outputs")(x)
    return keras.Model(inputs, x, name="cnn")


_POOLS = {"max": keras.layers.MaxPooling2D, "mean": keras.layers.AveragePooling2D}
_HEADS = {"flatten": keras.layers.Flatten, "mean": keras.layers.GlobalAveragePooling2D}


def _augmented(x: Any, flip: Any, shift: Any) -> Any:
    x = layers.disturbance(Flip, flip, "flip")(x)
    return layers.disturbance(Shift, shift, "shift")(x)


@dataclass(frozen=True, slots=True)
class _Convolutions:
    """What all blocks of a network have in common.

    Args:
        hidden: what follows a convolution.
        size: of its filters.
        stride: of the first convolution of a block.
        kernel: all else that a convolution is given.
    """

    hidden: layers.Hidden
    size: int
    stride: int
    kernel: Mapping[str, Any]

    def block(self, kind: str, x: Any, width: int, name: str) -> Any:
        """One block, without pooling."""
        if kind == "plain":
            return self.hidden(self._one(x, width, name, self.stride), name)
        first = f"{name}_1"
        y = self.hidden(self._one(x, width, first, self.stride), first)
        second = f"{name}_2"
        y = self._one(y, width, second)
        if kind == "vgg":
            return self.hidden(y, second)
        return self.hidden(y, second, added=self._shortcut(x, y, width, name))

    def _one(self, x: Any, width: int, name: str, stride: int = 1) -> Any:
        made = keras.layers.Conv2D(
            width, self.size, strides=stride, padding="same", name=name, **self.kernel
        )
        return made(x)

    def _shortcut(self, x: Any, y: Any, width: int, name: str) -> Any:
        """The input of a block in the shape of its output."""
        if x.shape == y.shape:
            return x
        made = keras.layers.Conv2D(
            width, 1, strides=self.stride, padding="same", name=f"{name}_shortcut", **self.kernel
        )
        return made(x)
