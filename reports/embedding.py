"""Features in the plane, so that they can be looked at."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating]

CASES = 400
"""Cases that are embedded at most, the first ones."""

STEPS = 400
"""Of t-SNE, of which 250 keep the groups apart; more change no neighbour of so few cases."""

PERPLEXITY = 30.0
"""Of t-SNE: about as many neighbours as a case keeps near; fewer, where cases are few."""


def principal(features: Array) -> Array:
    """The first two principal components, each with its largest score above zero.

    Args:
        features: shape ``(cases, width)``; the first ``CASES`` are used.

    Returns:
        Shape ``(cases, 2)``; zeros where there is no second direction.
    """
    some = features[:CASES] - features[:CASES].mean(axis=0)
    left, values, _ = np.linalg.svd(some, full_matrices=False)
    scores = (left * values)[:, :2]
    largest = np.take_along_axis(scores, np.abs(scores).argmax(axis=0)[None], axis=0)
    found = np.zeros((len(some), 2))
    found[:, : scores.shape[1]] = scores * np.where(largest < 0, -1, 1)
    return found


def neighbours(features: Array) -> Array:
    """t-SNE: cases that are near stay near; distances between groups mean nothing.

    Args:
        features: shape ``(cases, width)``; the first ``CASES`` are used.

    Returns:
        Shape ``(cases, 2)``, the same for the same features.

    Reference:
        van der Maaten & Hinton, "Visualizing Data using t-SNE", 2008.
    """
    some = np.ascontiguousarray(features[:CASES], np.float64)
    return _embedded(some.tobytes(), some.shape)


@lru_cache(maxsize=64)
def _embedded(content: bytes, shape: tuple[int, int]) -> Array:
    """t-SNE, made once for a figure that is drawn for several widths."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    some = np.frombuffer(content).reshape(shape)
    near = min(PERPLEXITY, (len(some) - 1) / 3)
    # One thread: the same to the last bit, and safe in a fork.
    with threadpool_limits(1):
        tsne = TSNE(perplexity=near, init=principal(some) / 1e4, max_iter=STEPS, random_state=0)
        made: Array = tsne.fit_transform(some)
    return made
