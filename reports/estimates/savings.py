"""Labels that one way of training saves another, read off two curves of score against labels."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import special

from harness.pairs import fewest_pairs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

RESAMPLES = 2000
"""Draws of replicates behind an interval."""


class Saving(NamedTuple):
    """Labels that the control needs over those that the treated arm needs, for the same score.

    Args:
        labels: per class.
        own: fewest labels with which the treated arm scores as with ``labels``: fewer
            where more of them did not help.
        needed: labels with which the control scores the same.
        factor: ``needed / own``; NaN where the treated arm has no mean, or the control none at all.
        bound: ``above`` where the control never scores as much, so that ``needed`` is the largest
            count and the factor a lower bound; ``below`` where it scores more with the fewest
            labels already; empty where the factor is known.
        low: of the interval of the factor, 0 where it is open; NaN with too few replicates.
        high: its other end, infinite where it is open.
        replicates: behind all of this.
    """

    labels: float
    own: float
    needed: float
    factor: float
    bound: Literal["", "above", "below"]
    low: float
    high: float
    replicates: int


class _Ratios(NamedTuple):
    """Logarithms of factors, from ``low`` to ``high``: the same where the factor is known."""

    own: Array
    low: Array
    high: Array


def savings(
    counts: ArrayLike,
    treated: ArrayLike,
    control: ArrayLike,
    generator: np.random.Generator,
    *,
    maximize: bool,
    confidence: float = 0.95,
) -> list[Saving]:
    """Times that the treated arm needs fewer labels, at each count.

    Let ``a`` and ``b`` be the mean scores of the treated arm and of the control, made monotone by
    isotonic regression over the counts and joined by straight lines over ``log n``, and let
    ``a'(t)`` and ``b'(t)`` be the fewest labels with which they reach a score ``t``. The saving at
    ``n`` labels is ``b'(a(n)) / a'(a(n))``: 1 for equal arms, and its inverse for exchanged ones.

    The interval draws whole replicates, the same ones for both arms and all counts, and takes
    quantiles of the factor, a bound counting as everything that it leaves open. With ``R``
    replicates the tails hold ``Phi(-sqrt(R / (R - 1)) t)``, where ``t`` is Student's quantile:
    plain ones of a few replicates would be too narrow.

    Coverage is approximate. In simulations (500 studies each; 6, 10 and 20 replicates; six counts,
    2 to 2.5 times apart; normal and exponential noise) intervals of 95 % held the truth in 91 to
    100 % of studies where arms were equal or the curve straight over ``log n``. Where it bends
    between two counts, the factor is off by what the bend is worth, and more replicates do not
    help: 89 to 100 % on a curve that saturates, least with 20 replicates. Where the curve is flat,
    intervals are wide or open.

    Args:
        counts: labels per class, rising, shape ``(counts,)``.
        treated: scores, shape ``(counts, replicates)``, on the scale that means are taken on.
            Infinite for a diverged trial: the arm has no mean there, and its curve leaves that
            count out. NaN for one that is missing: that replicate is left out in both arms.
        control: the same of the arm compared with.
        generator: of the draws.
        maximize: whether larger scores are better.
        confidence: of each interval by itself.

    Returns:
        One per count. Intervals are NaN below ``harness.pairs.fewest_pairs`` replicates, with
        which no draw can be surprising enough.

    Raises:
        ValueError: if the counts do not rise, or shapes differ.

    Example:
        >>> scores = np.array([[0.4], [0.6], [0.8]])
        >>> found = savings([10, 20, 40], scores + 0.2, scores, np.random.default_rng(1),
        ...                 maximize=True)
        >>> [(round(one.factor, 6), one.bound) for one in found]
        [(2.0, ''), (2.0, ''), (1.0, 'above')]

    Reference:
        Barlow, Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions",
        1972; Hesterberg, "What Teachers Should Know About the Bootstrap", The American
        Statistician 2015, for the wider quantiles.
    """
    numbers = np.asarray(counts, dtype=np.float64)
    sign = 1.0 if maximize else -1.0
    ours, theirs = (sign * np.asarray(one, dtype=np.float64) for one in (treated, control))
    _check(numbers, ours, theirs)
    mine, other = _measured(ours), _measured(theirs)
    whole = ~np.isnan(np.concatenate([ours[mine], theirs[other]])).any(axis=0)
    replicates = int(whole.sum())
    empty = [Saving(n, np.nan, np.nan, np.nan, "", np.nan, np.nan, replicates) for n in numbers]
    if not (mine.any() and other.any() and replicates):
        return empty
    sides = [
        (np.log(numbers[at]), rows[at][:, whole]) for at, rows in ((mine, ours), (other, theirs))
    ]
    weights = np.full((1, replicates), 1 / replicates)
    point = _Ratios(*(part[0] for part in _ratios(sides, weights)))
    low, high = _interval(sides, point, generator, 1 - confidence)
    for row, place in enumerate(np.flatnonzero(mine).tolist()):
        ends = (float(point.low[row]), float(point.high[row]))
        bound: Literal["", "above", "below"] = ""
        if ends[0] < ends[1]:
            bound = "above" if np.isinf(ends[1]) else "below"
        factor, own = np.exp(ends[1] if bound == "below" else ends[0]), np.exp(point.own[row])
        empty[place] = Saving(
            labels=float(numbers[place]),
            own=float(own),
            needed=float(factor * own),
            factor=float(factor),
            bound=bound,
            low=float(low[row]),
            high=float(high[row]),
            replicates=replicates,
        )
    return empty


def isotonic(means: ArrayLike) -> Array:
    """The rising sequence closest to some means, in squares.

    ``max over i <= k of min over j >= k of mean(i..j)``, for every place ``k``.

    Args:
        means: finite, shape ``(..., counts)``.

    Returns:
        The same shape, not falling along the last axis.

    Example:
        >>> isotonic([1.0, 3.0, 2.0, 4.0]).tolist()
        [1.0, 2.5, 2.5, 4.0]

    Reference:
        Barlow et al., "Statistical Inference under Order Restrictions", 1972.
    """
    values = np.asarray(means, dtype=np.float64)
    number = values.shape[-1]
    found = np.full(values.shape, -np.inf)
    for start in range(number):
        sums = np.cumsum(values[..., start:], axis=-1)
        averages = sums / np.arange(1, number - start + 1)
        least = np.minimum.accumulate(averages[..., ::-1], axis=-1)[..., ::-1]
        found[..., start:] = np.maximum(found[..., start:], least)
    return found


def _check(counts: Array, treated: Array, control: Array) -> None:
    if counts.ndim != 1 or (np.diff(counts) <= 0).any() or (counts <= 0).any():
        raise ValueError(f"expected counts that rise from above 0. Received: {counts.tolist()}.")
    if treated.ndim != 2 or treated.shape != control.shape or len(treated) != len(counts):
        raise ValueError(
            f"expected scores of shape ({len(counts)}, replicates), the same for both arms. "
            f"Received: {treated.shape} and {control.shape}."
        )


def _measured(scores: Array) -> NDArray[np.bool_]:
    """Counts at which an arm has a mean."""
    missing = np.isinf(scores).any(axis=1) | np.isnan(scores).all(axis=1)
    return np.asarray(~missing)


def _ratios(sides: list[tuple[Array, Array]], weights: Array) -> _Ratios:
    """Factors with the replicates weighted, for every row of weights."""
    (places, ours), (others, theirs) = sides
    # Sums replicate by replicate, in the same order for both: equal arms have equal means.
    curve, against = (isotonic(np.einsum("br,cr->bc", weights, rows)) for rows in (ours, theirs))
    own, _ = _reaching(curve, places, curve)
    low, high = _reaching(against, others, curve)
    return _Ratios(own, low - own, high - own)


def _reaching(curve: Array, places: Array, wanted: Array) -> tuple[Array, Array]:
    """Places at which curves reach scores, lowest and highest: one is infinite beyond the ends.

    Args:
        curve: not falling, shape ``(draws, counts)``.
        places: of its points, shape ``(counts,)``.
        wanted: scores, shape ``(draws, scores)``.
    """
    short = (curve[:, None, :] < wanted[:, :, None]).sum(axis=-1)
    after = np.minimum(short, len(places) - 1)
    before = np.maximum(after - 1, 0)
    start, end = (np.take_along_axis(curve, at, axis=1) for at in (before, after))
    rise = np.where(end > start, end - start, 1.0)
    part = np.where(end > start, (wanted - start) / rise, 1.0)
    inside = places[before] + np.clip(part, 0.0, 1.0) * (places[after] - places[before])
    never, always = short == len(places), (short == 0) & (wanted < curve[:, :1])
    inside = np.where(never, places[-1], np.where(short == 0, places[0], inside))
    return np.where(always, -np.inf, inside), np.where(never, np.inf, inside)


def _interval(
    sides: list[tuple[Array, Array]], point: _Ratios, generator: np.random.Generator, level: float
) -> tuple[Array, Array]:
    """Ends of the interval of every factor, which always hold the estimate."""
    replicates = sides[0][1].shape[1]
    if replicates < fewest_pairs(1, level):
        nothing = np.full(len(point.own), np.nan)
        return nothing, nothing
    drawn = generator.multinomial(replicates, np.full(replicates, 1 / replicates), size=RESAMPLES)
    found = _ratios(sides, drawn / replicates)
    student = float(special.stdtrit(replicates - 1, level / 2))
    tail = float(special.ndtr((replicates / (replicates - 1)) ** 0.5 * student))
    rank = max(1, floor(tail * (RESAMPLES + 1)))
    low = np.minimum(np.sort(found.low, axis=0)[rank - 1], point.low)
    high = np.maximum(np.sort(found.high, axis=0)[-rank], point.high)
    return np.exp(low), np.exp(high)
