"""Number of replicates that it takes to show a difference of a given size."""

from __future__ import annotations

from math import ceil

from scipy import special

from harness.pairs import fewest_pairs

MOST = 10_000
"""Replicates beyond which no number is given."""


def replicates_to_resolve(spread: float, size: float, level: float, family: int) -> int | None:
    """About how many pairs make the interval so narrow that it reaches ``size`` to each side.

    Args:
        spread: standard deviation of the differences.
        size: half-width that is wanted, on the scale of the differences.
        level: of the family.
        family: number of comparisons.

    Returns:
        Pairs, by Student's interval at the simultaneous level and never fewer than the exact
        test needs; ``None`` where ``MOST`` would not do.

    Example:
        >>> replicates_to_resolve(1.0, 0.5, 0.05, 1)
        18
    """
    low, high = max(2, fewest_pairs(family, level)), MOST
    while low < high:
        middle = (low + high) // 2
        half = -float(special.stdtrit(middle - 1, level / (2 * family))) * spread / middle**0.5
        low, high = (low, middle) if half <= size else (middle + 1, high)
    if low == MOST:
        return None
    return low if low < 100 else ceil(low / 10) * 10
