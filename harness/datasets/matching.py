"""Images of one data set in the shape of another: colours, size and range by fixed rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.datasets.rows import Lazy

    Array = NDArray[np.float32]

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey level (ITU-R BT.601), as in Pillow and TensorFlow."""


@dataclass(frozen=True, slots=True)
class Matched:
    """An array of images that are brought to another shape when they are taken.

    Args:
        array: images as they are kept, of shape ``(cases, height, width)``, perhaps with channels.
        sides: height and width that they are brought to, and channels if there are any.
    """

    array: NDArray[np.generic] | Lazy
    sides: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all images after it."""
        return (self.array.shape[0], *self.sides)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of what is taken."""
        return np.dtype(np.float32)

    def __getitem__(self, rows: NDArray[np.integer]) -> NDArray[np.generic]:
        """Take images in the new shape."""
        return matched(self.array[rows], self.sides)


def matched(images: NDArray[np.generic], shape: Sequence[int]) -> Array:
    """Bring images to a shape; their range stays.

    Colours become grey levels by ``LUMINANCE``, grey levels three equal colours. Sizes change by
    bilinear interpolation between pixel centres, without smoothing beforehand, as
    ``keras.ops.image.resize`` does.

    Args:
        images: of shape ``(cases, height, width)`` or ``(cases, height, width, channels)``, with
            1, 3 or 4 channels, of which the fourth, opacity, is left out.
        shape: of one image afterwards: height, width, and channels (1 or 3) if it has any.

    Returns:
        Single precision, shape ``(cases, *shape)``.

    Example:
        >>> matched(np.array([[[0, 10], [20, 30]]]), (1, 1, 3))
        array([[[[15., 15., 15.]]]], dtype=float32)
    """
    found = np.asarray(images, np.float32)
    found = found[..., None] if found.ndim == 3 else found
    wanted = shape[2] if len(shape) == 3 else 1
    found = _coloured(found, wanted)
    for axis in (1, 2):
        found = _resized(found, axis, shape[axis - 1])
    return found.reshape(len(found), *shape)


def _coloured(images: Array, channels: int) -> Array:
    images = images[..., :3]
    if images.shape[-1] == channels:
        return images
    if channels == 1:
        grey: Array = images @ np.array(LUMINANCE, np.float32)
        return grey[..., None]
    return np.repeat(images, channels, axis=-1)


def _resized(images: Array, axis: int, size: int) -> Array:
    before = images.shape[axis]
    if before == size:
        return images
    places = (np.arange(size) + 0.5) * (before / size) - 0.5
    places = places.clip(0, before - 1)
    low = np.floor(places).astype(int)
    share = (places - low).astype(np.float32)
    share = share.reshape([-1 if one == axis else 1 for one in range(images.ndim)])
    below, above = (
        images.take(index, axis=axis) for index in (low, np.minimum(low + 1, before - 1))
    )
    found: Array = below * (1 - share) + above * share
    return found
