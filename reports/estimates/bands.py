"""Learning curves of several replicates as one band."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


class Band(NamedTuple):
    """Quartiles over replicates, each of shape ``(epochs,)``; NaN where not finite."""

    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def band(curves: ArrayLike, worst: float) -> Band:
    """Median and middle half over replicates, epoch by epoch.

    Args:
        curves: shape ``(replicates, epochs)``; NaN from where a replicate has diverged.
        worst: the infinity that stands for a diverged replicate, so that the survivors do
            not speak for it.

    Returns:
        Quartiles of shape ``(epochs,)``, NaN where they fall on a diverged replicate.

    Example:
        >>> band([[1.0, 1.0], [2.0, np.nan], [3.0, np.nan]], np.inf).median.tolist()
        [2.0, nan]
    """
    filled = np.where(np.isnan(curves), worst, np.asarray(curves, dtype=np.float64))
    ordered = np.sort(filled, axis=0)
    low, median, high = (_quantile(ordered, share) for share in (0.25, 0.5, 0.75))
    return Band(median, low, high)


def _quantile(ordered: Array, share: float) -> Array:
    """A quantile along the first axis; NumPy's own makes NaN next to an infinity."""
    position = share * (len(ordered) - 1)
    below, above = int(np.floor(position)), int(np.ceil(position))
    weight = position - below
    found = ordered[below]
    if weight:
        found = found * (1 - weight) + ordered[above] * weight
    return np.where(np.isfinite(found), found, np.nan)
