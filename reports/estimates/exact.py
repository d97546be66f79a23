"""Exact paired tests and their inversion: an interval and a p that cannot contradict each other.

Both tests rest on one assumption: were the two arms alike, exchanging them within a pair would
change nothing, so that the sign of every difference is a fair coin. Nothing is assumed of the
distribution of the differences. Both decide nothing below ``harness.pairs.fewest_pairs``.
"""

from __future__ import annotations

from functools import lru_cache
from math import floor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

EXACT = 20
"""Pairs up to which all subsets are enumerated: 2^20 of them."""

DRAWS = 2**17
"""Subsets that stand for all of them beyond that, the empty one included."""

_SEED = 1969
_CHUNK = 2**14
_BITS = 8
_ROUNDING = 1e-9  # of levels such as 1 - 0.95


class Tested(NamedTuple):
    """An estimate, its simultaneous interval, and the p that belongs to it.

    Args:
        estimate: of the difference.
        low: end of the interval, minus infinity where nothing is excluded; 0 exactly where it
            cannot be told from zero.
        high: the other end.
        p: two-sided, never 0.
        adjusted: the same for the whole family, ``min(1, m p)``.
    """

    estimate: float
    low: float
    high: float
    p: float
    adjusted: float


def smallest_p(pairs: int) -> float:
    """The smallest two-sided p that so many pairs can reach: ``2 / 2^n``.

    Example:
        >>> smallest_p(5), smallest_p(0)
        (0.0625, 1.0)
    """
    return min(1.0, 2.0 ** (1 - pairs))


def sign_flips(
    differences: ArrayLike, level: float, family: int, tolerance: float = 0.0, exact: int = EXACT
) -> Tested:
    """The sign-flip test of a mean difference, inverted.

    Let ``M`` be the sorted means of all ``2^n - 1`` subsets of the differences that are not
    empty, and ``k = floor(a 2^n / (2 m))``. The interval is ``[M_(k), M_(2^n - k)]``, and
    ``p = 2 min(1 + #{M <= 0}, 1 + #{M >= 0}) / 2^n``: the interval excludes zero exactly when
    ``m p <= a``. Differences that are symmetric about their mean make both exact; by
    Bonferroni's inequality all ``m`` intervals hold together.

    Args:
        differences: finite, shape ``(n,)``.
        level: of the family ``a``, such as 0.05.
        family: number of comparisons ``m``.
        tolerance: a mean no larger than this counts as zero.
        exact: differences up to which all subsets are enumerated, such as fewer where there are
            hundreds of comparisons.

    Returns:
        The mean, its limits, and p. Beyond ``exact`` differences, a fixed draw of ``DRAWS - 1``
        subsets stands for all of them, in limits and p alike.

    Example:
        >>> found = sign_flips([1, 2, 3, 4, 5, 6], 0.05, 1)
        >>> found.low, found.high, found.p
        (1.0, 6.0, 0.03125)

    Reference:
        Fisher, "The Design of Experiments", 1935, section 21; Hartigan, "Using Subsample Values
        as Typical Values", JASA 1969.
    """
    values = np.sort(np.asarray(differences, dtype=np.float64))  # no order of replicates matters
    if not values.size:
        return Tested(np.nan, -np.inf, np.inf, 1.0, 1.0)
    # Sums of numbers that cancel are rounding, not zero.
    tolerance = max(tolerance, 1e-12 * float(np.abs(values).max()))
    means = _subset_means(values, exact)
    total = means.size + 1
    p = 2 * min(_count(means <= tolerance), _count(means >= -tolerance)) / total
    rank = floor(level * total / (2 * family) * (1 + _ROUNDING))
    low, high = _ends(means, rank, tolerance)
    mean = float(values.mean())
    return Tested(0.0 if abs(mean) <= tolerance else mean, low, high, *_adjusted(p, family))


def signed_ranks(
    differences: ArrayLike, level: float, family: int, tolerance: float = 0.0
) -> Tested:
    """Wilcoxon's signed-rank test, inverted: for differences of which some are infinite.

    The estimate is Hodges and Lehmann's: the median of all ``n (n + 1) / 2`` Walsh averages
    ``(d_i + d_j) / 2``. Limits are the ``k``-th from either end, where ``k`` is the largest rank
    with ``P(W+ < k) <= a / (2 m)``; p is ``2 P(W+ <= c)``, where ``c`` is the smaller of the
    numbers of averages that are not above and not below zero. An average of minus and plus
    infinity counts against every claim. Ties make the test careful, never bold.

    Args:
        differences: shape ``(n,)``, infinite where one of the two arms diverged (or reached a
            loss of zero), 0 where both did.
        level: of the family ``a``, such as 0.05.
        family: number of comparisons ``m``.
        tolerance: an average no larger than this counts as zero.

    Returns:
        The typical difference (NaN where it is not finite), its limits, and p.

    Example:
        >>> found = signed_ranks([-np.inf, 1, 2, 3, 4, 5, 6, 7], 0.05, 1)
        >>> found.low, found.estimate, found.high
        (-inf, 3.5, 6.0)

    Reference:
        Hodges and Lehmann, "Estimates of Location Based on Rank Tests", Annals of Mathematical
        Statistics 1963; Wilcoxon, "Individual Comparisons by Ranking Methods", 1945.
    """
    values = np.sort(np.asarray(differences, dtype=np.float64))
    if not values.size:
        return Tested(np.nan, -np.inf, np.inf, 1.0, 1.0)
    sizes = np.abs(values[np.isfinite(values)])
    tolerance = max(tolerance, 1e-12 * float(np.max(sizes, initial=0.0)))
    averages = _walsh(values)
    unclear = np.isnan(averages)
    lower, upper = np.where(unclear, -np.inf, averages), np.where(unclear, np.inf, averages)
    known = _null(values.size)
    fewest = min(_count(lower <= tolerance), _count(upper >= -tolerance)) - 1
    p = min(1.0, 2 * float(known[min(fewest, known.size - 1)]))
    rank = int(np.count_nonzero(known <= level / (2 * family) * (1 + _ROUNDING)))
    low, _ = _ends(lower, rank, tolerance)
    _, high = _ends(upper, rank, tolerance)
    return Tested(typical(values), low, high, *_adjusted(p, family))


def typical(differences: ArrayLike) -> float:
    """Hodges and Lehmann's estimate: the median of the Walsh averages; NaN where infinite.

    Example:
        >>> typical([1, 2, 30])
        8.75
    """
    values = np.asarray(differences, dtype=np.float64)
    averages = np.sort(_walsh(values)) if values.size else values
    averages = averages[~np.isnan(averages)]
    if not averages.size:
        return float("nan")
    middle = averages[[(averages.size - 1) // 2, averages.size // 2]]
    return float(middle.mean()) if np.isfinite(middle).all() else float("nan")


def _count(hits: NDArray[np.bool_]) -> int:
    """Number of hits plus one, since the observed assignment, or the empty subset, counts too."""
    return 1 + int(np.count_nonzero(hits))


def _adjusted(p: float, family: int) -> tuple[float, float]:
    p = min(1.0, p)
    return p, min(1.0, family * p)


def _ends(values: Array, rank: int, tolerance: float) -> tuple[float, float]:
    """Ranked value from either end; a value that cannot be told from zero is zero."""
    if rank < 1:
        return -np.inf, np.inf
    # One place at a time: NumPy is slower at two.
    low, high = (float(np.partition(values, place)[place]) for place in (rank - 1, -rank))
    return (
        0.0 if abs(low) <= tolerance else low,
        0.0 if abs(high) <= tolerance else high,
    )


def _subset_means(values: Array, exact: int) -> Array:
    if values.size > exact:
        return _drawn_means(values)
    means = _subset_sums(values)[1:]
    means /= _sizes(values.size)
    return means


def _subset_sums(values: Array) -> Array:
    """Sums of all subsets: first those without a value, then the same with it, value by value."""
    sums = np.zeros(2**values.size)
    for index, value in enumerate(values):
        half = 2**index
        np.add(sums[:half], value, out=sums[half : 2 * half])
    return sums


@lru_cache(maxsize=EXACT)
def _sizes(pairs: int) -> NDArray[np.float32]:
    """Sizes of all non-empty subsets, in the order in which their sums are formed."""
    return _subset_sums(np.ones(pairs))[1:].astype(np.float32)


def _drawn_means(values: Array) -> Array:
    """Means of random subsets, the same subsets for every comparison of so many pairs."""
    members, sizes = _drawn(values.size)
    padded = np.pad(values, (0, -values.size % _BITS)).reshape(-1, _BITS)
    sums = np.zeros(sizes.size)
    for part, chosen in zip(padded, members, strict=True):
        sums += _subset_sums(part)[chosen]
    return sums / sizes


@lru_cache(maxsize=2)
def _drawn(pairs: int) -> tuple[NDArray[np.uint8], Array]:
    """Subsets drawn at random, none of them empty.

    Returns:
        Their members, shape ``(pairs / 8, DRAWS - 1)``, a bit for each of eight pairs in turn;
        and their sizes.
    """
    generator, parts, sizes = np.random.default_rng(_SEED), [], []
    for _ in range(DRAWS // _CHUNK):
        bits = np.frombuffer(generator.bytes(_CHUNK * pairs // 8), dtype=np.uint8)
        chosen = np.unpackbits(bits).reshape(_CHUNK, pairs)
        chosen = chosen[chosen.any(axis=1)]
        sizes.append(chosen.sum(axis=1, dtype=np.float64))
        parts.append(np.packbits(chosen, axis=1, bitorder="little"))
    members = np.ascontiguousarray(np.concatenate(parts)[: DRAWS - 1].T)
    return members, np.concatenate(sizes)[: DRAWS - 1]


def _walsh(values: Array) -> Array:
    """Averages of all pairs, a value with itself included; NaN of opposite infinities."""
    first, second = np.triu_indices(values.size)
    with np.errstate(invalid="ignore"):
        return (values[first] + values[second]) / 2


@lru_cache(maxsize=64)
def _null(pairs: int) -> Array:
    """``P(W+ <= w)`` for ``w`` from 0: the sum of ranks whose coins show heads."""
    ways = np.ones(1)
    for rank in range(1, pairs + 1):
        ways = (np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))) / 2
    return np.cumsum(ways)
