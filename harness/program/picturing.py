"""Pictures of the inside of a network: first filters, feature maps, and what codes stand for."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from harness.program.taking import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.floating]
    Pictures = NDArray[np.uint8]

ROOM = 28_000
"""Bytes of pictures of one kind."""

FILTERS, CHANNELS, SHOWN = 16, 8, 2
"""Filters and feature maps at most, the first ones, and cases that maps are shown of."""

CODES, DIMENSIONS = 4, 4
"""Cases whose code is moved, and dimensions in which it is."""

STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Distances that a code is moved by, in standard deviations of that dimension over the probe."""


def filters(model: Any, shape: Sequence[int]) -> Pictures | None:
    """Kernels of the layer that is given images, as pictures with zero in the middle of the scale.

    Args:
        model: functional or sequential.
        shape: of an image.

    Returns:
        Shape ``(filters, height, width, channels)``; ``None`` where the first layer with a kernel
        is no convolution of images and no dense layer that is given every pixel.
    """
    if not is_image(shape):
        return None
    layer = next((one for one in model.layers if hasattr(one, "kernel")), None)
    if layer is None:
        return None
    kernel = layer.kernel.numpy()
    channels = shape[2] if len(shape) > 2 else 1
    if isinstance(layer, keras.layers.Dense) and kernel.shape[0] == prod(shape):
        kernel = kernel.reshape(*shape[:2], channels, -1)
    elif not isinstance(layer, keras.layers.Conv2D) or kernel.shape[2] != channels:
        return None
    pictures = np.moveaxis(kernel, -1, 0)
    return quantized(pictures[: _fitting(pictures[0].size, FILTERS)], around_zero=True)


def maps(outputs: Mapping[str, Array]) -> dict[str, Pictures]:
    """Feature maps of a few cases in the first and in the last layer that has any.

    Args:
        outputs: by layer, of the cases; those of shape ``(cases, height, width, channels)`` count.

    Returns:
        By layer, shape ``(cases, height, width, maps)``; the first channels, each case by itself
        on its scale.
    """
    names = [name for name, one in outputs.items() if one.ndim == 4 and min(one.shape[1:3]) > 1]
    found = {}
    for name in dict.fromkeys([*names[:1], *names[-1:]]):
        one = outputs[name][:SHOWN]
        channels = _fitting(2 * one[..., 0].size, CHANNELS)
        found[name] = np.stack([quantized(case) for case in one[..., :channels]])
    return found


def traversals(model: Any, codes: Array) -> Pictures | None:
    """Images that a decoder makes of codes which are moved along one dimension after another.

    Args:
        model: an autoencoder with a layer ``code``.
        codes: of the probe, shape ``(cases, ...)``.

    Returns:
        Shape ``(cases, dimensions, steps, height, width, channels)``, from 0 to 1; ``None`` where
        outputs are no images, or are not made of the code alone.
    """
    decoder = decoding(model)
    if decoder is None or not np.isfinite(codes).all():
        return None
    shape = decoder.output_shape[1:]
    flat = codes.reshape(len(codes), -1)
    dimensions = min(DIMENSIONS, flat.shape[1])
    some = flat[: _fitting(dimensions * len(STEPS) * prod(shape), CODES)]
    spread = flat.std(axis=0)
    moves = np.eye(flat.shape[1])[:dimensions, None] * np.array(STEPS)[:, None] * spread
    moved = (some[:, None, None] + moves).astype(np.float32)
    images = decoder(moved.reshape(-1, *codes.shape[1:]), training=False)
    made = np.clip(images.numpy(), 0, 1) * 255
    pictures: Pictures = made.round().astype(np.uint8)
    return pictures.reshape(*moved.shape[:3], *shape[:2], -1)


def is_image(shape: Sequence[int]) -> bool:
    """True for the shape of an image that can be looked at: grey or in three colors."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in {1, 3})


def quantized(numbers: Array, *, around_zero: bool = False) -> Pictures:
    """Numbers as 8 bits: the least as 0 and the largest as 255, or zero in the middle.

    Example:
        >>> quantized(np.array([-1.0, 0.0, 0.5]), around_zero=True).tolist()
        [0, 128, 191]
    """
    low, high = float(numbers.min()), float(numbers.max())
    if around_zero:
        high = max(abs(low), abs(high))
        low = -high
    width = high - low
    shares = (numbers - low) / width if width > 0 else np.full_like(numbers, 0.5)
    return np.asarray((shares * 255).round().astype(np.uint8))


def decoding(model: Any) -> Any:
    """The part behind the layer ``code``, as a model.

    Returns:
        ``None`` where there is none, its outputs are no images, or they have another way to the
        inputs than through the code.
    """
    code = code_of(model)
    if code is None or len(model.outputs) != 1 or not is_image(model.outputs[0].shape[1:]):
        return None
    try:
        return keras.Model(code, model.outputs[0])
    except ValueError:
        return None


def _fitting(size: int, most: int) -> int:
    """Number of pictures of some size that there is room for, one at least."""
    return max(1, min(most, ROOM // max(size, 1)))
