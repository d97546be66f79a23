"""The quadratic problem of DeepOBS: normal points, and a matrix of few large eigenvalues.

Reference:
    Schneider, Balles & Hennig, "DeepOBS: A Deep Learning Optimizer Benchmark Suite", 2019, problem
    ``quadratic_deep``; in 100 dimensions the numbers are theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

CASES, SPREAD = 1000, 0.6
LARGE = 0.1
"""Share of the eigenvalues that lie between 30 and 60; the others lie between 0 and 1."""

SEEDS = {"train": 42, "test": 43}


def points(dimensions: int, part: str) -> NDArray[np.float32]:
    """The points of one part, shape ``(1000, dimensions)``."""
    generator = np.random.RandomState(SEEDS[part])
    return generator.normal(0.0, SPREAD, (CASES, dimensions)).astype(np.float32)


def root(dimensions: int) -> Array:
    r"""A matrix A with :math:`A^T A = Q`: the loss is :math:`\frac12 |A (\theta - x)|^2`.

    Eigenvalues, then a rotation that is uniform over all of them (Diaconis & Shahshahani 1987),
    both from the same draws.
    """
    generator = np.random.RandomState(SEEDS["train"])
    few = round(LARGE * dimensions)
    values = np.concatenate(
        [generator.uniform(0.0, 1.0, dimensions - few), generator.uniform(30.0, 60.0, few)]
    )
    angle = 2 * np.pi * generator.uniform()
    turned = np.array(
        [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], dtype=np.float64
    )
    for size in range(2, dimensions):
        direction = generator.normal(size=(size + 1, 1))
        direction /= np.linalg.norm(direction)
        first = np.eye(size + 1)[:, :1]
        mirror = (first - direction) / np.linalg.norm(first - direction)
        block = np.eye(size + 1)
        block[1:, 1:] = turned
        turned = block - 2 * np.outer(mirror, mirror.T @ block)
    rotation: Array = -turned
    stretched: Array = np.sqrt(values)[:, None] * rotation
    return stretched
