"""Similarity of what two layers make of the same cases."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.floating]

FEWEST = 512
"""Cases below which chance alone moves the index visibly."""

FLAT = 1e-7
"""Spread, relative to the size of features, below which they do not vary."""


def cka(first: Array, second: Array) -> float | None:
    """Linear centred kernel alignment, by the unbiased estimator.

    ``HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))`` of ``K = XX'`` and ``L = YY'``, with the diagonals
    of both set to zero:

        ``HSIC(K, L) = [tr(KL) + (1'K1)(1'L1) / ((n-1)(n-2)) - 2 1'KL1 / (n-2)] / (n(n-3))``

    It is 1 for features that are rotated, scaled as a whole or moved, near 0 for independent ones,
    often a little below, and is not cut off there. The biased estimator is about ``p / (n + p)``
    for independent features of width ``p``: two random layers of 512 units would look two thirds
    alike on 256 cases.

    Args:
        first: features of shape ``(n, p)``.
        second: features of the same cases in the same order, shape ``(n, q)``.

    Returns:
        ``None`` of fewer than ``FEWEST`` cases, or where one of the two does not vary.

    Raises:
        ValueError: if the two are not of as many cases.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(512, 8))
        >>> round(cka(x, 3 * x[:, ::-1] + 1), 9)
        1.0

    Reference:
        Kornblith et al., "Similarity of Neural Network Representations Revisited", 2019; Song et
        al., "Feature Selection via Dependence Maximization", 2012.
    """
    found = float(ckas([first, second])[0, 1])
    return None if math.isnan(found) else found


def ckas(features: Sequence[Array]) -> NDArray[np.float64]:
    """``cka`` of every two of several layers.

    Args:
        features: of the same cases in the same order, each of shape ``(n, width)``.

    Returns:
        A symmetric matrix, NaN where it is not available.

    Raises:
        ValueError: if they are not of as many cases.
    """
    counts = [len(one) for one in features]
    if len({*counts}) > 1:
        raise ValueError(
            f"expected features of the same cases. Received: {min(counts)} and {max(counts)} cases."
        )
    moved = [_centred(one) if len(one) >= FEWEST else None for one in features]
    own = [0.0 if one is None else _hsic(one, one) for one in moved]
    found = np.full((len(moved), len(moved)), np.nan)
    for first, second in combinations_with_replacement(range(len(moved)), 2):
        x, y = moved[first], moved[second]
        if x is not None and y is not None and min(own[first], own[second]) > 0:
            value = _hsic(x, y) / math.sqrt(own[first] * own[second])
            found[first, second] = found[second, first] = value
    return found


def _hsic(x: Array, y: Array) -> float:
    """The unbiased estimate, without the factor that it shares with the others.

    Where features are fewer than cases, sums over pairs of features give the same number and no
    array of all pairs of cases is made.
    """
    cases = len(x)
    if max(x.shape[1], y.shape[1]) <= cases:
        of_x, of_y = np.sum(x**2, axis=1), np.sum(y**2, axis=1)
        trace = np.sum((x.T @ y) ** 2) - of_x @ of_y
        rows_x, rows_y = (one @ one.sum(axis=0) - np.sum(one**2, axis=1) for one in (x, y))
    else:
        k, m = (one @ one.T for one in (x, y))
        np.fill_diagonal(k, 0)
        np.fill_diagonal(m, 0)
        trace, rows_x, rows_y = np.sum(k * m), k.sum(axis=1), m.sum(axis=1)
    ends = rows_x.sum() * rows_y.sum() / ((cases - 1) * (cases - 2))
    return float(trace + ends - 2 * rows_x @ rows_y / (cases - 2))


def _centred(features: Array) -> Array | None:
    """Features without their mean, of mean square one; ``None`` where they do not vary."""
    exact = np.asarray(features, np.float64)
    centred = exact - exact.mean(axis=0)
    scale, known = np.sqrt(np.mean(centred**2)), np.sqrt(np.mean(exact**2))
    if not np.isfinite(scale) or scale <= FLAT * known:
        return None
    return np.asarray(centred / scale)
