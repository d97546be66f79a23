"""Power that replicates had, and number of them that an undecided comparison would need."""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from harness.pairs import fewest_pairs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

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
    """Estimate how many pairs would decide a comparison if these pairs showed the truth.

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
    studies = _studies(values.size, max(values.size + 1, fewest_pairs(family, level)))
    for step in count():
        pairs, counts = studies.grown(step)
        if pairs > MOST:
            return None
        if _decided(values, pairs, counts, level / family, margin) >= POWER:
            return _rounded(pairs)
    raise AssertionError


def power(differences: ArrayLike, level: float, family: int) -> float:
    """Share of studies as large as this one that would find a difference like the observed one.

    Studies are drawn and decided as in ``replicates_needed``. What the observed differences say of
    their own power is rough; it tells a study that could not decide from one that could.

    Args:
        differences: shape ``(n,)``.
        level: of the family.
        family: number of comparisons.

    Returns:
        From 0 to 1; 0 below the number of pairs that the exact test needs, NaN where a difference
        is not finite.

    Example:
        >>> power([-1, 2, 3, -2, 3, 4, -1, 1], 0.05, 1) < 0.5, power([3, 4, 3, 5, 4, 3], 0.05, 1)
        (True, 1.0)
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.size < fewest_pairs(family, level):
        return 0.0
    if not np.isfinite(values).all():
        return float("nan")
    _, counts = _studies(values.size, values.size).grown(0)
    return _decided(values, values.size, counts, level / family, None)


def _decided(
    values: Array, pairs: int, counts: Array, level: float, margin: tuple[float, float] | None
) -> float:
    """Share of drawn studies whose interval excludes zero, or lies within the margin."""
    centred = values - values.mean()
    first, second = (counts @ np.stack([centred, centred**2], axis=1) / pairs).T
    means = first + values.mean()
    errors = np.sqrt(np.maximum(second - first**2, 0.0) / (pairs - 1))
    halves = -float(special.stdtrit(pairs - 1, level / 2)) * errors
    decided = np.abs(means) > halves
    if margin is not None:
        decided |= (means - halves > margin[0]) & (means + halves < margin[1])
    return float(decided.mean())


class _Studies:
    """Draws with replacement, the same ones for every comparison of so many pairs.

    Args:
        values: number of observed differences to draw from.
        pairs: size of the smallest study.
    """

    def __init__(self, values: int, pairs: int) -> None:
        self._generator = np.random.default_rng(_SEED)
        self._values, self._next = values, pairs
        self._drawn: list[tuple[int, Array]] = []

    def grown(self, step: int) -> tuple[int, Array]:
        """Pairs of a study after some steps of growth, and how often each difference is drawn.

        Returns:
            The counts have shape ``(studies, values)``; none are drawn beyond ``MOST`` pairs.
        """
        while len(self._drawn) <= step:
            self._drawn.append((self._next, self._counts(self._next)))
            self._next = int(np.ceil(self._next * _STEP))
        return self._drawn[step]

    def _counts(self, pairs: int) -> Array:
        if pairs > MOST:
            return np.empty((0, self._values))
        drawn = self._generator.integers(0, self._values, size=(_STUDIES, pairs))
        cells = drawn + self._values * np.arange(_STUDIES)[:, np.newaxis]
        counted = np.bincount(cells.ravel(), minlength=_STUDIES * self._values)
        return counted.reshape(_STUDIES, self._values).astype(np.float64)


@lru_cache(maxsize=4)
def _studies(values: int, pairs: int) -> _Studies:
    return _Studies(values, pairs)


def _rounded(pairs: int) -> int:
    """Number rounded up to two digits; more would promise too much."""
    return pairs if pairs < 100 else int(np.ceil(pairs / 10) * 10)
