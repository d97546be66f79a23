"""Means, and intervals that assume normal values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Interval(NamedTuple):
    """An estimate and the interval around it; NaN where there are too few values."""

    mean: float
    low: float
    high: float


def t_interval(values: ArrayLike, confidence: float) -> Interval:
    """Student's interval of a mean: ``mean +- t(1 - a/2, n - 1) * sd / sqrt(n)``.

    Its coverage is exact for normal values and approximate otherwise.

    Args:
        values: finite, shape ``(n,)``.
        confidence: ``1 - a``, such as 0.95.

    Returns:
        Mean and limits, in the unit of ``values``; the limits are NaN below two values, and
        the mean too without any.

    Example:
        >>> [round(x, 4) for x in t_interval([1, 2, 3, 4, 5], 0.95)]
        [3.0, 1.0368, 4.9632]
    """
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        return Interval(np.nan, np.nan, np.nan)
    mean = float(values.mean())
    if values.size == 1:
        return Interval(mean, np.nan, np.nan)
    error = float(values.std(ddof=1) / np.sqrt(values.size))
    half = -float(special.stdtrit(values.size - 1, (1 - confidence) / 2)) * error
    return Interval(mean, mean - half, mean + half)
