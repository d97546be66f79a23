"""Images of one or two simple shapes: nine classes, as in Shapeset-3x2.

A class is a shape (triangle, parallelogram, ellipse) or an unordered pair of them. Position, size,
rotation and grey level are drawn anew for every shape; of two, the one in front covers at most
half of the other.

Reference:
    Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    2010. Theirs is an endless stream of images; sizes and greys here are our own.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating]

SINGLES = ((0,), (1,), (2,))
KINDS = (*SINGLES, *combinations_with_replacement(range(3), 2))
"""Shapes in an image, by class: 0 a triangle, 1 a parallelogram, 2 an ellipse."""

CLASSES = len(KINDS)
RADIUS = (0.15, 0.3)
"""Range of radii of the circle around a shape, in sides of the image."""

RATIO, GREY = (0.5, 1.0), (0.4, 1.0)
FINER = 2
"""Points per pixel and axis, whose mean softens the edges."""

COVERED = 0.5
BLOCK = 500


def draw(
    labels: NDArray[np.integer], side: int, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """One image per label.

    Args:
        labels: classes, 0 to 8.
        side: pixels a side.
        generator: of the draws.

    Returns:
        Shape ``(cases, side, side)``, 0 to 255; the background is 0.
    """
    blocks = [labels[start : start + BLOCK] for start in range(0, len(labels), BLOCK)]
    return np.concatenate([_block(block, side, generator) for block in blocks])


def _block(
    labels: NDArray[np.integer], side: int, generator: np.random.Generator
) -> NDArray[np.uint8]:
    kinds = [KINDS[label] for label in labels]
    swapped = generator.random(len(labels)) < 0.5
    pairs = [kind[::-1] if swap else kind for kind, swap in zip(kinds, swapped, strict=True)]
    two = np.array([len(pair) == 2 for pair in pairs])
    behind = _masks(np.array([pair[0] for pair in pairs]), side, generator)
    front = np.zeros_like(behind)
    second = np.array([pair[-1] for pair in pairs])
    left = np.flatnonzero(two)
    while len(left):
        front[left] = _masks(second[left], side, generator)
        covered = (front[left] & behind[left]).sum(axis=(1, 2))
        left = left[covered > COVERED * behind[left].sum(axis=(1, 2))]
    greys = _between(generator, GREY, (2, len(labels), 1, 1))
    fine = np.where(front, greys[1], np.where(behind, greys[0], 0.0))
    shape = (len(labels), side, FINER, side, FINER)
    pixels: Array = fine.reshape(shape).mean(axis=(2, 4))
    return np.rint(255 * pixels).astype(np.uint8)


def _masks(
    kinds: NDArray[np.integer], side: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Mask of one shape per case, on the finer grid."""
    count = len(kinds)
    radius = _between(generator, RADIUS, count)
    centre = radius + generator.random((2, count)) * (1 - 2 * radius)
    angle, ratio = 2 * np.pi * generator.random(count), _between(generator, RATIO, count)
    places = (np.arange(side * FINER) + 0.5) / (side * FINER)
    across = places[None, None, :] - centre[0][:, None, None]
    down = places[None, :, None] - centre[1][:, None, None]
    cos, sin = (turn(angle)[:, None, None] for turn in (np.cos, np.sin))
    scale = radius[:, None, None]
    u, v = (cos * across + sin * down) / scale, (cos * down - sin * across) / scale
    flat = ratio[:, None, None]
    inside = np.stack([_triangle(u, v), _parallelogram(u, v, flat), _ellipse(u, v, flat)])
    chosen: NDArray[np.bool_] = inside[kinds, np.arange(count)]
    return chosen


def _triangle(u: Array, v: Array) -> NDArray[np.bool_]:
    """With three equal sides, inside the circle of radius 1."""
    root = np.sqrt(3)
    inside: NDArray[np.bool_] = (v > -0.5) & (root * u + v < 1) & (v - root * u < 1)
    return inside


def _parallelogram(u: Array, v: Array, ratio: Array) -> NDArray[np.bool_]:
    """Slanted by 30 degrees, inside the circle of radius 1."""
    height, slant = 0.5 * ratio, np.tan(np.pi / 6)
    inside: NDArray[np.bool_] = (np.abs(v) < height) & (np.abs(u - slant * v) < 0.5)
    return inside


def _ellipse(u: Array, v: Array, ratio: Array) -> NDArray[np.bool_]:
    return np.square(u) + np.square(v / ratio) < 1


def _between(
    generator: np.random.Generator, ends: tuple[float, float], shape: int | tuple[int, ...]
) -> Array:
    low, high = ends
    return low + (high - low) * generator.random(shape)
