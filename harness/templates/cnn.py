"""The convolutional network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from harness.blocks import layers
from harness.blocks.noise import Flip, Shift
from harness.blocks.placing import Coordinates
from harness.blocks.style import Style
from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Sequence


def cnn(
    shape: Sequence[int],
    outputs: int,
    style: Style = Style(),
    *,
    filters: Sequence[int] = (16, 32),
    block: str = "plain",
    kernel_size: int = 3,
    downsampling: str = "pool",
    pool: str = "max",
    head: str = "flatten",
    coordinates: bool = False,
    units: Sequence[int] = (64,),
    block_dropout: Any = 0.0,
    flip: Any = 0.0,
    shift: Any = 0.0,
) -> keras.Model:
    """Blocks of convolutions, then dense layers.

    Every convolution (same padding) is followed by normalization -> activation, every block by
    2x2 pooling -> dropout.

    Args:
        shape: of one case, (height, width) or (height, width, channels).
        outputs: number of linear outputs.
        style: of the inputs, the convolutions and the dense layers; its rate of dropout is that
            behind dense layers.
        filters: number of filters in each block.
        block: ``"plain"`` (one convolution), ``"vgg"`` (two) or ``"residual"`` (two, and the input
            of the block, through a 1x1 convolution where shapes differ, added before the last
            activation).
        kernel_size: height and width of the filters.
        downsampling: how a block halves its image: ``"pool"``, ``"stride"`` or ``"none"``.
        pool: ``"max"`` or ``"mean"``, where blocks pool.
        head: ``"flatten"``, or ``"mean"`` over each map.
        coordinates: whether row and column of each pixel are two more channels of the image.
        units: width of each dense layer before the outputs.
        block_dropout: rate behind every block, of the style's kind.
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
    inputs = keras.Input(tuple(shape), name="inputs")
    x = keras.layers.Reshape((*shape, 1), name="channel")(inputs) if len(shape) == 2 else inputs
    x = layers.disturbance(Flip, flip, "flip")(x)
    x = layers.disturbance(Shift, shift, "shift")(x)
    x = style.disturbed(x)
    x = Coordinates(name="coordinates")(x) if coordinates else x
    stride = 2 if downsampling == "stride" else 1
    for index, width in enumerate(filters, start=1):
        name = f"conv_{index}"
        x = _block(style, block, x, width, kernel_size, stride, name)
        if downsampling == "pool":
            x = _POOLS[pool](2, name=f"{name}_pool")(x)
        x = layers.dropout(block_dropout, f"{name}_dropout", style.dropout_kind)(x)
    x = _HEADS[head](name=head)(x)
    for index, width in enumerate(units, start=1):
        name = f"hidden_{index}"
        x = style.behind(style.dense(width, name)(x), name)
    return keras.Model(inputs, style.linear(outputs, "outputs")(x), name="cnn")


_POOLS = {"max": keras.layers.MaxPooling2D, "mean": keras.layers.AveragePooling2D}
_HEADS = {"flatten": keras.layers.Flatten, "mean": keras.layers.GlobalAveragePooling2D}


def _block(style: Style, kind: str, x: Any, width: int, size: int, stride: int, name: str) -> Any:
    """One block, without pooling; its first convolution has the stride."""
    first = name if kind == "plain" else f"{name}_1"
    y = style.activated(style.convolution(width, size, stride, first)(x), first)
    if kind == "plain":
        return y
    second = f"{name}_2"
    y = style.convolution(width, size, 1, second)(y)
    if kind == "vgg":
        return style.activated(y, second)
    if x.shape != y.shape:
        x = style.convolution(width, 1, stride, f"{name}_shortcut")(x)
    return style.activated(y, second, added=x)
