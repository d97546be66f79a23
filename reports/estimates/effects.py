"""Figures beside a difference: its size against the noise, wins, failures, gain by pairing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


class Share(NamedTuple):
    """A share of ``n`` cases, with exact limits."""

    share: float
    low: float
    high: float


def correlation(treated: ArrayLike, control: ArrayLike) -> float:
    """Pearson's correlation over pairs.

    Args:
        treated: shape ``(n,)``.
        control: shape ``(n,)``; pairs that are not finite in both are left out.

    Returns:
        NaN below three pairs, or where one side does not vary.

    Example:
        >>> round(correlation([1, 2, 3], [2, 4, 7]), 4)
        0.9934
    """
    pairs = _finite(treated, control)
    if pairs.shape[1] < 3 or not np.ptp(pairs, axis=1).all():
        return float("nan")
    return float(np.asarray(np.corrcoef(pairs))[0, 1])


def pairing_gain(treated: ArrayLike, control: ArrayLike) -> float:
    """Replicates for the same precision without pairs, as a multiple of those with pairs.

    ``(Var A + Var B) / Var(A - B)``: 1 where pairing gains nothing, below 1 where it costs.

    Args:
        treated: shape ``(n,)``.
        control: shape ``(n,)``; pairs that are not finite in both are left out.

    Returns:
        NaN below three pairs, or where the differences do not vary.

    Example:
        >>> round(pairing_gain([1, 2, 3, 4], [1, 3, 3, 5]), 3)
        13.0
    """
    pairs = _finite(treated, control)
    if pairs.shape[1] < 3:
        return float("nan")
    spread = float(np.var(pairs[0] - pairs[1], ddof=1))
    apart = float(np.var(pairs, axis=1, ddof=1).sum())
    return apart / spread if spread > 1e-12 * apart else float("nan")


def standardized(differences: ArrayLike) -> float:
    """Cohen's d of paired differences, ``mean / sd``: the effect in units of its own noise.

    Args:
        differences: shape ``(n,)``.

    Returns:
        NaN below two differences, where one is infinite, or where they do not vary.

    Example:
        >>> standardized([1, 2, 3])
        2.0
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.size < 2 or not np.isfinite(values).all():
        return float("nan")
    spread = float(values.std(ddof=1))
    return float(values.mean()) / spread if spread > 0 else float("nan")


def superiority(wins: int, ties: int, pairs: int, confidence: float) -> Share:
    """The probability that the arm is better in a pair, ties counted as halves.

    Args:
        wins: pairs in which it is better.
        ties: pairs in which neither is.
        pairs: all of them.
        confidence: of the limits (Clopper and Pearson's, ties counted against either claim).

    Example:
        >>> [round(part, 3) for part in superiority(9, 0, 10, 0.95)]
        [0.9, 0.555, 0.997]
    """
    if not pairs:
        return Share(np.nan, np.nan, np.nan)
    low = share(wins, pairs, confidence).low
    high = share(wins + ties, pairs, confidence).high
    return Share((wins + ties / 2) / pairs, low, high)


def share(hits: int, cases: int, confidence: float) -> Share:
    """A share with Clopper and Pearson's exact limits.

    Where there was no hit, or nothing but hits, the one limit that is open is one-sided: after 0
    of 20, ``1 - 0.05^(1/20)``, or 14 %, is still possible.

    Args:
        hits: of ``cases``.
        cases: NaN without any.
        confidence: such as 0.95.

    Example:
        >>> [round(part, 3) for part in share(0, 20, 0.95)]
        [0.0, 0.0, 0.139]

    Reference:
        Clopper and Pearson, "The Use of Confidence or Fiducial Limits", Biometrika 1934.
    """
    if not cases:
        return Share(np.nan, np.nan, np.nan)
    tail = 1 - confidence if hits in {0, cases} else (1 - confidence) / 2
    low = float(special.betaincinv(hits, cases - hits + 1, tail)) if hits else 0.0
    high = float(special.betainccinv(hits + 1, cases - hits, tail)) if hits < cases else 1.0
    return Share(hits / cases, low, high)


def _finite(treated: ArrayLike, control: ArrayLike) -> Array:
    pairs = np.array([treated, control], dtype=np.float64)
    return pairs[:, np.isfinite(pairs).all(axis=0)]
