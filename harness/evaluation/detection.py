"""Measures of how well scores tell a class from the rest, or anomalies from what is normal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.generic]
    Scores = NDArray[np.floating]


def areas(positive: NDArray[np.bool_], scores: Scores) -> NDArray[np.floating]:
    """Area under the ROC curve of each column, Mann and Whitney's statistic as a share of pairs."""
    many = positive.sum(axis=0)
    ranks = np.sum(rankdata(scores, axis=0), axis=0, where=positive)
    shares: NDArray[np.floating] = (ranks - many * (many + 1) / 2) / (many * (len(scores) - many))
    return shares


def area(positive: NDArray[np.bool_], scores: Scores) -> float:
    """Area under the ROC curve of one score; NaN where all cases are alike."""
    if positive.all() or not positive.any():
        return float("nan")
    return float(areas(positive[:, None], scores[:, None])[0])


def average_precision(positive: NDArray[np.bool_], scores: Scores) -> float:
    """Sum over thresholds of the gain in recall, times the precision there.

    NaN where all cases are alike.
    """
    if positive.all() or not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(positive[order])[last_of_ties]
    found = (np.arange(len(scores)) + 1)[last_of_ties]
    gained = np.diff(hits, prepend=0) / int(positive.sum())
    return float((gained * hits / found).sum())
