"""Number of pairs that it takes to decide anything."""

from __future__ import annotations

from math import ceil, log2

_ROUNDING = 1e-9  # of levels such as 1 - 0.95


def fewest_pairs(family: int, level: float) -> int:
    """Pairs below which no exact test of signs decides anything: ``ceil(log2(2 m / a))``.

    With ``n`` pairs the smallest p of such a test is ``2 / 2^n``, and ``m`` comparisons that
    share the level ``a`` need one of ``a / m``.

    Args:
        family: number of comparisons ``m``.
        level: of the family ``a``, such as 0.05.

    Example:
        >>> [fewest_pairs(m, 0.05) for m in (1, 4, 11, 25, 50, 100)]
        [6, 8, 9, 10, 11, 12]
    """
    return ceil(log2(2 * family / level) - _ROUNDING)
