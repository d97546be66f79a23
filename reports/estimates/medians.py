"""Medians, with limits that assume nothing and bear infinite values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from reports.estimates.exact import Tested

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_ROUNDING = 1e-9  # of levels such as 1 - 0.95


def median(values: ArrayLike, level: float, family: int) -> Tested:
    """The sign test of a median, inverted: limits are the ``k``-th values from either end.

    Let ``B`` be binomial with ``n`` trials and chance 1/2. Then ``k`` is the largest number with
    ``P(B < k) <= a / (2 m)``.

    Args:
        values: shape ``(n,)``; infinite where a training diverged.
        level: of the family ``a``, such as 0.05.
        family: number of comparisons ``m``.

    Returns:
        The median (NaN where it is not finite), its limits, and p of the test that it is zero.

    Example:
        >>> found = median([1, 2, 3, 4, 5, np.inf], 0.05, 1)
        >>> found.estimate, found.low, found.high, found.p
        (3.5, 1.0, inf, 0.03125)

    Reference:
        Conover, "Practical Nonparametric Statistics", 1999, section 3.2.
    """
    found = np.sort(np.asarray(values, dtype=np.float64))
    count = found.size
    if not count:
        return Tested(np.nan, -np.inf, np.inf, 1.0, 1.0)
    tails = special.bdtr(np.arange(count), count, 0.5)
    rank = int(np.count_nonzero(tails <= level / (2 * family) * (1 + _ROUNDING)))
    low, high = (float(found[rank - 1]), float(found[-rank])) if rank else (-np.inf, np.inf)
    fewest = min(np.count_nonzero(found <= 0), np.count_nonzero(found >= 0))
    p = min(1.0, 2 * float(special.bdtr(fewest, count, 0.5)))
    middle = found[[(count - 1) // 2, count // 2]]
    estimate = float(middle.mean()) if np.isfinite(middle).all() else float("nan")
    return Tested(estimate, low, high, p, min(1.0, family * p))
