"""How many replicates a comparison that is undecided would need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from harness.pairs import fewest_pairs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

POWER = 0.8
MOST = 1000
"""Replicates beyond which no number is given."""

_STUDIES = 1000
_STEP = 1.15
_SEED = 1925


def replicates_needed(
    differences: ArrayLike,
    level: float,
    family: int,
    margin: tuple[float, float] | None = None,
) -> int | None:
    """About how many pairs would decide a comparison, were the truth what these pairs show.

    Studies of growing size are drawn from the observed differences, with replacement; the
    answer is the first size at which ``POWER`` of them are decided: their interval excludes
    zero, or lies within the margin. Limits are Student's at the same simultaneous level, which
    at such sizes are close to those of the exact test, and never below the number of pairs that
    the exact test needs.

    Args:
        differences: finite, shape ``(n,)``.
        level: of the family.
        family: number of comparisons.
        margin: lower and upper, on the scale of the differences.

    Returns:
        Pairs, rounded up to two digits; ``None`` where ``MOST`` would not do, or fewer than
        three differences tell nothing.

    Example:
        >>> replicates_needed([-1, 2, 3, -2, 3, 4, -1, 1], 0.05, 1)
        34
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.size < 3 or not np.isfinite(values).all() or np.ptp(values) == 0:
        return None
    generator = np.random.default_rng(_SEED)
    pairs = max(values.size + 1, fewest_pairs(family, level))
    while pairs <= MOST:
        drawn = generator.choice(values, size=(_STUDIES, pairs))
        means = drawn.mean(axis=1)
        errors = drawn.std(axis=1, ddof=1) / np.sqrt(pairs)
        halves = float(stats.t.isf(level / (2 * family), pairs - 1)) * errors
        decided = np.abs(means) > halves
        if margin is not None:
            decided |= (means - halves > margin[0]) & (means + halves < margin[1])
        if decided.mean() >= POWER:
            return _rounded(pairs)
        pairs = int(np.ceil(pairs * _STEP))
    return None


def _rounded(pairs: int) -> int:
    """Up to two digits: more would be a promise."""
    return pairs if pairs < 100 else int(np.ceil(pairs / 10) * 10)
