"""One arm against the baseline: the rule, the numbers, and the word they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from reports import estimates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.estimates import Scale

    Array = NDArray[np.float64]

Word = Literal["better", "worse", "equivalent", "undecided", "no difference observed"]
Decider = Literal["paired t", "ranks", ""]

FEWEST = 2
"""Pairs below which nothing is decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How comparisons are judged; declared in the study, before any result.

    Args:
        maximize: whether larger values of the metric are better.
        scale: of the differences.
        confidence: of all intervals together.
        family: number of comparisons.
        margin: on the declared scale, below which arms are equivalent.
        seed: of random sign flips, needed above ``estimates.EXACT`` pairs.
    """

    maximize: bool
    scale: Scale
    confidence: float
    family: int
    margin: float | None
    seed: int

    @property
    def level(self) -> float:
        """The adjusted p below which arms differ."""
        return 1 - self.confidence

    @property
    def worst(self) -> float:
        """What stands for a diverged trial."""
        return -np.inf if self.maximize else np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One arm against the baseline, replicate by replicate, in numbers.

    Args:
        arm: index of the arm.
        pairs: replicates that are final in both arms.
        diverged: pairs that hold a diverged trial.
        differences: arm minus baseline on the declared scale, by replicate; infinite where
            one of the two diverged, 0 where both did.
        difference: their mean; NaN if a pair holds a diverged trial.
        low: of the simultaneous interval; NaN where there is none.
        high: of the simultaneous interval.
        p: raw; of the paired t, or of the signed ranks.
        adjusted: the same, for the whole family.
        sign_flip: exact p of the mean (or of the signed ranks) under sign flips.
        floor: smallest p that sign flips could reach with so many pairs.
        correlation: of the pairs.
        wins: pairs in which the arm is better.
        losses: pairs in which it is worse.
        ties: the rest.
        decided_by: the method behind ``p``; empty where nothing could be tested.
    """

    arm: int
    pairs: int
    diverged: int
    differences: tuple[float, ...]
    difference: float
    low: float
    high: float
    p: float
    adjusted: float
    sign_flip: float
    floor: float
    correlation: float
    wins: int
    losses: int
    ties: int
    decided_by: Decider


def compare(arm: int, treated: Array, control: Array, rule: Rule) -> Comparison:
    """One arm against the baseline.

    Args:
        arm: its index.
        treated: shape ``(replicates,)``, on the declared scale; infinite where diverged, NaN
            where there is no result.
        control: the same of the baseline.
        rule: how to judge.
    """
    both = ~(np.isnan(treated) | np.isnan(control))
    treated, control = treated[both], control[both]
    found = estimates.differences(treated, control)
    gains = found if rule.maximize else -found
    difference, low, high, p, adjusted, sign_flip, decider = _test(found, treated, control, rule)
    return Comparison(
        arm=arm,
        pairs=len(found),
        diverged=int(np.count_nonzero(np.isinf(treated) | np.isinf(control))),
        differences=tuple(found.tolist()),
        difference=difference,
        low=low,
        high=high,
        p=p,
        adjusted=adjusted,
        sign_flip=sign_flip,
        floor=estimates.smallest_p(len(found)),
        correlation=estimates.correlation(treated, control),
        wins=int(np.count_nonzero(gains > 0)),
        losses=int(np.count_nonzero(gains < 0)),
        ties=int(np.count_nonzero(gains == 0)),
        decided_by=decider,
    )


def decide(comparison: Comparison, rule: Rule) -> Word:
    """The verdict on a comparison; being equivalent takes precedence over being different."""
    if comparison.pairs < FEWEST:
        return "undecided"
    if comparison.decided_by == "":
        return "no difference observed"
    if rule.margin is not None and -rule.margin < comparison.low <= comparison.high < rule.margin:
        return "equivalent"
    if not comparison.adjusted < rule.level:
        return "undecided"
    if comparison.decided_by == "paired t":
        above = comparison.difference > 0
    else:
        above = bool(estimates.signed_ranks(comparison.differences).sum() > 0)
    return "better" if above == rule.maximize else "worse"


_Tested = tuple[float, float, float, float, float, float, Decider]


def _test(found: Array, treated: Array, control: Array, rule: Rule) -> _Tested:
    """Mean, limits, p, adjusted p, sign-flip p, and what decided."""
    nan = float("nan")
    finite = bool(np.isfinite(treated).all() and np.isfinite(control).all())
    mean = float(found.mean()) if finite and found.size else nan
    if found.size < FEWEST:
        return mean, nan, nan, nan, nan, nan, ""
    generator = np.random.default_rng(rule.seed)
    if finite:
        magnitude = max(np.abs(treated).max(), np.abs(control).max())
        if not estimates.are_equal(found, magnitude):
            test = estimates.paired_t(found, rule.confidence, rule.family)
            return *test, estimates.sign_flip_p(found, generator), "paired t"
        if abs(mean) <= estimates.RESOLUTION * magnitude:
            return mean, nan, nan, 1.0, 1.0, 1.0, ""
    p = estimates.sign_flip_p(estimates.signed_ranks(found), generator)
    if not found.any():
        return mean, nan, nan, 1.0, 1.0, 1.0, ""
    return mean, nan, nan, p, estimates.adjusted(p, rule.family), p, "ranks"
