"""Correlation of an early number with the result, with arms kept apart or thrown together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

FEWEST = 4
"""Replicates below which there is no interval: three do not say how much one of them matters."""


class Relation(NamedTuple):
    """A rank correlation with its approximate interval; NaN where there are too few values.

    Args:
        r: between -1 and 1, shape ``(...)``.
        low: end of its interval.
        high: the other end.
        n: trainings that have all the numbers.
    """

    r: Array
    low: Array
    high: Array
    n: NDArray[np.int64]


def within(
    early: ArrayLike,
    result: ArrayLike,
    confidence: float,
    given: ArrayLike | None = None,
) -> Relation:
    r"""Rank correlation inside arms: do trainings of one arm that differ early end differently?

    Values are centred by arm, ranked all together, and the ranks centred by arm, so that no
    difference between arms is left; then Pearson's correlation of the ranks. Its interval is
    Fisher's, :math:`\tanh(\operatorname{artanh} r \pm q \sqrt{(1 + r^2 / 2) / (f - 2)})` with
    ``f = n - arms`` degrees of freedom, one fewer with ``given``; or wider, where leaving out each
    replicate in turn says so: replicates share their random streams across arms, so that the arms
    of a replicate are no independent trainings. It is approximate, and there is none below
    ``FEWEST`` replicates.

    Args:
        early: shape ``(..., arms, replicates)``; NaN where there is none. On the scale on which
            differences between trainings of an arm are to be compared.
        result: the same.
        confidence: of the interval, such as 0.95.
        given: what both may owe their agreement to; it is held constant (partial correlation).

    Example:
        >>> early = np.array([[1.0, 2, 3, 4, 5, 6], [11, 12, 13, 14, 15, 16]])
        >>> float(within(early, -early, 0.95).r)
        -1.0

    Reference:
        Fisher, "On the Probable Error of a Coefficient of Correlation", Metron 1921; Bonett and
        Wright, "Sample Size Requirements for Estimating Correlations", Psychometrika 2000, for the
        variance of ranks; Efron and Stein, "The Jackknife Estimate of Variance", 1981.
    """
    return _related(_together(early, result, given), confidence, apart=True)


def pooled(early: ArrayLike, result: ArrayLike, confidence: float) -> Relation:
    """Rank correlation over all trainings of all arms: mostly the difference between arms.

    Args:
        early: shape ``(..., arms, replicates)``; NaN where there is none.
        result: the same.
        confidence: of the interval, with ``n - 1`` degrees of freedom, as of ``within``.

    Example:
        >>> float(pooled([[1.0, 2.0], [3.0, 4.0]], [[2.0, 1.0], [4.0, 3.0]], 0.95).r)
        0.6
    """
    return _related(_together(early, result, None), confidence, apart=False)


def _together(*columns: ArrayLike | None) -> Array:
    """Columns stacked in front, NaN wherever one of them has no number."""
    given = [np.asarray(column, dtype=np.float64) for column in columns if column is not None]
    values = np.stack(np.broadcast_arrays(*given))
    return np.where(np.isfinite(values).all(axis=0), values, np.nan)


def _related(values: Array, confidence: float, *, apart: bool) -> Relation:
    there = ~np.isnan(values[0])
    n = there.sum(axis=(-2, -1))
    r = _correlation(values, apart=apart)
    arms = there.any(axis=-1).sum(axis=-1) if apart else 1
    freedom = np.asarray(n - arms - (len(values) - 2) - 2, dtype=np.float64)
    z = _fisher(r, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(freedom > 0, np.sqrt((1 + r**2 / 2) / freedom), np.nan)
    tail = (1 - confidence) / 2
    half = -special.ndtri(tail) * error
    half = np.maximum(half, _jackknifed(values, n, tail, apart=apart))
    return Relation(r, np.tanh(z - half), np.tanh(z + half), n)


def _correlation(values: Array, *, apart: bool) -> Array:
    """Correlation of the first two columns, the third held constant; NaN where one is constant."""
    ranks = [_ranked(column, apart=apart) for column in values]
    r = _product(ranks[0], ranks[1])
    if len(ranks) == 2:
        return r
    first, second = _product(ranks[0], ranks[2]), _product(ranks[1], ranks[2])
    left = (1 - first**2) * (1 - second**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 1e-12, (r - first * second) / np.sqrt(left), np.nan)


def _ranked(values: Array, *, apart: bool) -> Array:
    """Average ranks of what is left of the arms' means, or of the values themselves."""
    values = _centred(values) if apart else values
    flat = values.reshape(*values.shape[:-2], -1)
    ranks = _average_ranks(flat).reshape(values.shape)
    return _centred(ranks) if apart else ranks - _mean(ranks, (-2, -1))


def _average_ranks(values: Array) -> Array:
    """Ranks along the last axis from 1, equal values sharing their mean rank; NaN stays."""
    order = np.argsort(values, axis=-1)
    ordered, place = np.take_along_axis(values, order, -1), np.arange(values.shape[-1])
    new = np.ones(values.shape, dtype=bool)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    last = np.roll(new, -1, axis=-1)
    last[..., -1] = True
    begins = np.maximum.accumulate(np.where(new, place, 0), axis=-1)
    ends = np.minimum.accumulate(np.where(last, place, place[-1])[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty_like(values)
    np.put_along_axis(ranks, order, (begins + ends) / 2 + 1, axis=-1)
    return np.where(np.isnan(values), np.nan, ranks)


def _centred(values: Array) -> Array:
    return values - _mean(values, (-1,))


def _mean(values: Array, axes: tuple[int, ...]) -> Array:
    """Mean of the numbers that are there, 0 without any."""
    count = (~np.isnan(values)).sum(axis=axes, keepdims=True)
    total = np.nansum(values, axis=axes, keepdims=True)
    return np.asarray(total / np.maximum(count, 1), dtype=np.float64)


def _product(first: Array, second: Array) -> Array:
    def total(values: Array) -> Array:
        return np.asarray(np.nansum(values, axis=(-2, -1)), dtype=np.float64)

    size = np.sqrt(total(first**2) * total(second**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 1e-9, np.clip(total(first * second) / size, -1, 1), np.nan)


def _fisher(r: Array, n: NDArray[np.int64]) -> Array:
    """Fisher's transform; perfect agreement of few ranks is no certainty."""
    most = 1 - 1 / np.maximum(n, 2) ** 2.0
    return np.arctanh(np.clip(r, -most, most))


def _jackknifed(values: Array, n: NDArray[np.int64], tail: float, *, apart: bool) -> Array:
    """Half-width of an interval by leaving out each replicate in all arms; NaN below ``FEWEST``."""
    used = (~np.isnan(values[0])).any(axis=-2)
    count = used.sum(axis=-1)
    left = []
    for replicate in range(values.shape[-1]):
        without = values.copy()
        without[..., replicate] = np.nan
        z = _fisher(_correlation(without, apart=apart), n)
        left.append(np.where(used[..., replicate], z, np.nan))
    found = np.stack(left, axis=-1)
    known = (~np.isnan(found)).sum(axis=-1)
    mean = np.nansum(found, axis=-1) / np.maximum(known, 1)
    squares = np.nansum((found - mean[..., None]) ** 2, axis=-1)
    error = np.sqrt((count - 1) / np.maximum(count, 1) * squares)
    quantile = -special.stdtrit(np.maximum(count - 1, 1), tail)
    return np.where(count >= FEWEST, quantile * error, np.nan)
