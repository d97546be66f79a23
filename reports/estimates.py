"""Named estimators and intervals: pure functions of arrays.

Differences are taken replicate by replicate on the metric's declared scale, where a positive
or negative infinity stands for a comparison with a diverged trial. Randomness comes from a
generator that the caller passes in.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

Scale = Literal["identity", "log"]
"""On which differences are judged."""

EXACT = 16
"""Pairs up to which sign flips are enumerated: 2^15 of them, by symmetry."""

DRAWS = 100_000
"""Random sign flips beyond that."""

_CHUNK = 20_000
"""Flips drawn at once; with any number of pairs, a whole number of bytes."""

RESOLUTION = 4 * float(np.finfo(np.float32).eps)
"""Relative differences below this are rounding of the single-precision training."""


class Interval(NamedTuple):
    """A mean and the interval around it; NaN where there are too few values."""

    mean: float
    low: float
    high: float


class PairedT(NamedTuple):
    """A paired t test, its interval simultaneous over a family of comparisons."""

    difference: float
    low: float
    high: float
    p: float
    adjusted: float


class Band(NamedTuple):
    """Quartiles over replicates, each of shape ``(epochs,)``; NaN where not finite."""

    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def on_scale(values: ArrayLike, scale: Scale) -> Array:
    """Values on the scale that differences are judged on.

    Args:
        values: any shape, in the metric's unit.
        scale: ``log`` for losses: differences of logarithms are ratios. A loss of zero becomes
            minus infinity, the best that a loss can be.

    Returns:
        The same shape.

    Example:
        >>> on_scale([1.0, 0.0], "log").tolist()
        [0.0, -inf]
    """
    values = np.asarray(values, dtype=np.float64)
    if scale == "identity":
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(values <= 0, -np.inf, np.log(values)), dtype=np.float64)


def t_interval(values: ArrayLike, confidence: float) -> Interval:
    """Student's interval of a mean: ``mean +- t(1 - a/2, n - 1) * sd / sqrt(n)``.

    Its coverage is exact for normal values and approximate otherwise; below about twenty values
    it is much better than 1.96 standard errors or a percentile bootstrap.

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
    half = float(stats.t.isf((1 - confidence) / 2, values.size - 1) * _standard_error(values))
    return Interval(mean, mean - half, mean + half)


def differences(treated: ArrayLike, control: ArrayLike) -> Array:
    """Differences replicate by replicate; two diverged trials (equal infinities) tie.

    Args:
        treated: shape ``(n,)``; an infinity is a diverged trial.
        control: shape ``(n,)``, the same replicates.

    Returns:
        ``treated - control``, shape ``(n,)``, with 0 for two equal infinities.

    Example:
        >>> differences([1.0, np.inf, np.inf], [0.5, 1.0, np.inf]).tolist()
        [0.5, inf, 0.0]
    """
    treated = np.asarray(treated, dtype=np.float64)
    control = np.asarray(control, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(treated == control, 0.0, treated - control)


def are_equal(differences: ArrayLike, magnitude: float) -> bool:
    """Whether differences agree up to the rounding of single precision.

    Their spread then says nothing about chance: a t interval of zero width, and a p of zero,
    would be false precision.

    Args:
        differences: finite, shape ``(n,)``.
        magnitude: largest absolute value that was subtracted.

    Example:
        >>> are_equal([0.1, 0.1 + 1e-9], 1.0), are_equal([0.1, 0.2], 1.0)
        (True, False)
    """
    spread = float(np.ptp(np.asarray(differences, dtype=np.float64)))
    return spread <= RESOLUTION * magnitude


def paired_t(differences: ArrayLike, confidence: float, family: int) -> PairedT:
    """Paired t with a Bonferroni interval that agrees with its adjusted p.

    The interval has level ``1 - (1 - confidence) / m`` and the adjusted p is ``min(1, m p)``, so
    that the interval excludes zero exactly when the adjusted p is below ``1 - confidence``.
    All ``m`` intervals hold together with at least the stated confidence, however the
    comparisons depend on each other (they share the baseline, so they do).

    Args:
        differences: finite, shape ``(n,)``, on the declared scale.
        confidence: of the family as a whole.
        family: number of comparisons ``m``, at least 1.

    Returns:
        Mean difference, limits, raw and adjusted p. All but the mean are NaN below two
        differences, and where the differences have no spread at all.

    Example:
        >>> [round(x, 5) for x in paired_t([1, 2, 3, 4, 5], 0.95, 1)]
        [3.0, 1.03676, 4.96324, 0.01324, 0.01324]

    Reference:
        Dunn, "Multiple Comparisons Among Means", JASA 1961.
    """
    values = np.asarray(differences, dtype=np.float64)
    mean, low, high = t_interval(values, 1 - (1 - confidence) / family)
    error = _standard_error(values) if values.size > 1 else 0.0
    if error == 0:
        return PairedT(mean, np.nan, np.nan, np.nan, np.nan)
    p = float(2 * stats.t.sf(abs(mean) / error, values.size - 1))
    return PairedT(mean, low, high, p, adjusted(p, family))


def adjusted(p: float, family: int) -> float:
    """Bonferroni's p: ``min(1, m p)``.

    Example:
        >>> adjusted(0.01, 5), adjusted(0.5, 5)
        (0.05, 1.0)
    """
    return float(np.minimum(1.0, family * p))


def sign_flip_p(differences: ArrayLike, generator: np.random.Generator) -> float:
    """Two-sided p of the mean difference under random exchange of the two arms in each pair.

    The share of all ``2^n`` sign assignments whose mean is at least as far from zero as the
    observed one. Exact up to ``EXACT`` pairs; beyond, ``DRAWS`` random assignments, the observed
    one counted among them.

    Args:
        differences: finite, shape ``(n,)``.
        generator: used above ``EXACT`` pairs only.

    Returns:
        p, never 0; NaN without differences.

    Example:
        >>> sign_flip_p([1, 2, 3, 4, 5], np.random.default_rng(0))
        0.0625

    Reference:
        Fisher, "The Design of Experiments", 1935, section 21.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not values.size:
        return float("nan")
    # Sorted sizes: the p must not depend on the order of the replicates, drawn signs or not.
    sizes = np.sort(np.abs(values))
    observed = abs(float(values.sum())) - 1e-9 * float(sizes.sum())
    if values.size <= EXACT:
        return float(np.mean(np.abs(_signs(values.size) @ sizes) >= observed))
    hits, total = 0, float(sizes.sum())
    for _ in range(DRAWS // _CHUNK):
        drawn = np.frombuffer(generator.bytes(_CHUNK * values.size // 8), dtype=np.uint8)
        kept = np.unpackbits(drawn).reshape(_CHUNK, values.size) @ sizes
        hits += int(np.count_nonzero(np.abs(2 * kept - total) >= observed))
    return (hits + 1) / (DRAWS + 1)


def signed_ranks(differences: ArrayLike) -> Array:
    """Wilcoxon's signed ranks: infinite differences rank largest, zero differences have none.

    Args:
        differences: shape ``(n,)``, infinite where a trial diverged, never NaN.

    Returns:
        Shape ``(n,)``: average ranks of the absolute non-zero differences, with their signs.

    Raises:
        ValueError: if a difference is NaN.

    Example:
        >>> signed_ranks([0.2, -np.inf, 0.0, 0.1]).tolist()
        [2.0, -3.0, 0.0, 1.0]

    Reference:
        Wilcoxon, "Individual Comparisons by Ranking Methods", 1945.
    """
    values = np.asarray(differences, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError("expected differences without NaN. Received: NaN.")
    ranks, there = np.zeros_like(values), values != 0
    ranks[there] = stats.rankdata(np.abs(values[there])) * np.sign(values[there])
    return ranks


def smallest_p(pairs: int) -> float:
    """The smallest two-sided p that sign flips or signed ranks can reach: ``2 / 2^n``.

    Example:
        >>> smallest_p(5), smallest_p(0)
        (0.0625, 1.0)
    """
    return min(1.0, 2.0 ** (1 - pairs))


def correlation(treated: ArrayLike, control: ArrayLike) -> float:
    """Pearson's correlation over pairs: how much pairing gains.

    Args:
        treated: shape ``(n,)``.
        control: shape ``(n,)``; pairs that are not finite in both are left out.

    Returns:
        NaN below three pairs, or where one side does not vary.

    Example:
        >>> round(correlation([1, 2, 3], [2, 4, 7]), 4)
        0.9934
    """
    pairs = np.array([treated, control], dtype=np.float64)
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    if pairs.shape[1] < 3 or not np.ptp(pairs, axis=1).all():
        return float("nan")
    return float(np.asarray(np.corrcoef(pairs))[0, 1])


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


@lru_cache(maxsize=EXACT)
def _signs(pairs: int) -> Array:
    """Half of all sign assignments; the other half are their negatives."""
    codes = np.arange(2 ** (pairs - 1))[:, np.newaxis] >> np.arange(pairs - 1)
    free = 1.0 - 2.0 * (codes & 1)
    return np.hstack([np.ones((len(free), 1)), free])


def _standard_error(values: Array) -> float:
    return float(values.std(ddof=1) / np.sqrt(values.size))
