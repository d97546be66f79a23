"""One arm against the baseline: the rule, the numbers, and the word they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from harness.pairs import fewest_pairs
from reports import estimates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.estimates import Interval, Scale, Share, Tested

    Array = NDArray[np.float64]

Word = Literal["better", "worse", "equivalent", "undecided", "no difference observed", "no verdict"]
Size = Literal["", "by less than the margin", "by more than the margin", "size open"]
Decider = Literal["sign flips", "signed ranks", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Rule for judging comparisons, declared in the study before any result.

    Args:
        maximize: whether larger values of the metric are better.
        scale: of the differences.
        level: probability of any wrong claim in the family, such as 0.05.
        family: number of comparisons.
        margin: lowest and highest difference that counts as equivalent, on the declared scale.
    """

    maximize: bool
    scale: Scale
    level: float
    family: int
    margin: tuple[float, float] | None

    @property
    def confidence(self) -> float:
        """Confidence of all intervals together."""
        return 1 - self.level

    @property
    def worst(self) -> float:
        """Value that stands for a diverged trial."""
        return -np.inf if self.maximize else np.inf

    @property
    def fewest(self) -> int:
        """Number of pairs below which nothing is decided."""
        return fewest_pairs(self.family, self.level)


class Scores(NamedTuple):
    """One arm's results on the declared scale.

    Args:
        numbers: shape ``(replicates,)``; infinite where diverged (and minus infinity for a loss
            of zero on a log scale), NaN where there is no result.
        diverged: shape ``(replicates,)``.
    """

    numbers: Array
    diverged: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One arm against the baseline, replicate by replicate, in numbers.

    Args:
        arm: index of the arm.
        pairs: replicates that are final in both arms.
        diverged: of these, those in which the arm diverged.
        diverged_baseline: those in which the baseline did.
        zeros: those that hold a loss of zero, which has no ratio.
        differences: arm minus baseline on the declared scale, by replicate; infinite where
            one of the two diverged (or reached zero), 0 where both did.
        difference: their mean; NaN if one is infinite.
        typical: Hodges and Lehmann's estimate; NaN if it is infinite.
        low: of the simultaneous interval; infinite where nothing is excluded.
        high: of the simultaneous interval.
        p: two-sided, of the test that decides.
        adjusted: the same, for the whole family.
        floor: smallest p that so many pairs could reach.
        described: mean and Student's interval at the same simultaneous level, which assumes
            normal differences; it decides nothing.
        effect: mean difference in standard deviations of the differences.
        superiority: probability that the arm is better in a pair.
        pairing: how many times more replicates the same precision would cost unpaired.
        correlation: of the pairs.
        wins: pairs in which the arm is better.
        losses: pairs in which it is worse.
        ties: the rest.
        decided_by: the test behind interval and p; empty where all differences are zero.
    """

    arm: int
    pairs: int
    diverged: int
    diverged_baseline: int
    zeros: int
    differences: tuple[float, ...]
    difference: float
    typical: float
    low: float
    high: float
    p: float
    adjusted: float
    floor: float
    described: Interval
    effect: float
    superiority: Share
    pairing: float
    correlation: float
    wins: int
    losses: int
    ties: int
    decided_by: Decider

    @property
    def half(self) -> float:
        """Half the width of the interval; of Student's, or the spread, where it is open."""
        found = np.array(self.differences)
        widths = self.high - self.low, self.described.high - self.described.low
        spread = 2 * float(np.std(found[np.isfinite(found)])) if np.isfinite(found).any() else 0.0
        return next((width for width in widths if np.isfinite(width)), spread) / 2

    @property
    def sign(self) -> int:
        """Sign of every difference in the interval; 0 where it holds zero."""
        return int(self.low > 0) - int(self.high < 0)


def compare(arm: int, treated: Scores, control: Scores, rule: Rule) -> Comparison:
    """One arm against the baseline.

    Args:
        arm: its index.
        treated: its scores.
        control: the baseline's.
        rule: how to judge.
    """
    both = ~(np.isnan(treated.numbers) | np.isnan(control.numbers))
    ours, theirs = treated.numbers[both], control.numbers[both]
    found = estimates.differences(ours, theirs)
    rounding = estimates.tolerance([ours, theirs], rule.scale)
    found[np.abs(found) <= rounding] = 0.0
    gains = found if rule.maximize else -found
    wins, losses = int(np.count_nonzero(gains > 0)), int(np.count_nonzero(gains < 0))
    ties = len(found) - wins - losses
    failed, failed_there = treated.diverged[both], control.diverged[both]
    tested, decider = _test(found, rule, rounding)
    low, high = (_settled(limit, rule, rounding) for limit in (tested.low, tested.high))
    finite = bool(np.isfinite(found).all())
    level = rule.level / rule.family
    return Comparison(
        arm=arm,
        pairs=len(found),
        diverged=int(np.count_nonzero(failed)),
        diverged_baseline=int(np.count_nonzero(failed_there)),
        zeros=int(np.count_nonzero(np.isinf(ours) & ~failed | np.isinf(theirs) & ~failed_there)),
        differences=tuple(found.tolist()),
        difference=float(found.mean()) if finite and found.size else float("nan"),
        typical=estimates.typical(found),
        low=low,
        high=high,
        p=tested.p,
        adjusted=tested.adjusted,
        floor=estimates.smallest_p(len(found)),
        described=estimates.t_interval(found if finite else [], 1 - level),
        effect=estimates.standardized(found),
        superiority=estimates.superiority(wins, ties, len(found), rule.confidence),
        pairing=estimates.pairing_gain(ours, theirs),
        correlation=estimates.correlation(ours, theirs),
        wins=wins,
        losses=losses,
        ties=ties,
        decided_by=decider,
    )


def decide(comparison: Comparison, rule: Rule) -> Word:
    """The verdict on a comparison; being equivalent takes precedence over being different.

    It is read off the interval alone: within the margin, without zero, or neither.
    """
    if comparison.pairs > 1 and comparison.decided_by == "":
        return "no difference observed"
    if rule.margin and rule.margin[0] < comparison.low and comparison.high < rule.margin[1]:
        return "equivalent"
    if not comparison.sign:
        return "undecided"
    return "better" if (comparison.sign > 0) == rule.maximize else "worse"


def sized(comparison: Comparison, rule: Rule) -> Size:
    """Comparison of a real difference with the margin; empty without either."""
    if rule.margin is None or not comparison.sign:
        return ""
    if rule.margin[0] < comparison.low and comparison.high < rule.margin[1]:
        return "by less than the margin"
    beyond = comparison.low >= rule.margin[1] or comparison.high <= rule.margin[0]
    return "by more than the margin" if beyond else "size open"


def _test(found: Array, rule: Rule, rounding: float) -> tuple[Tested, Decider]:
    """The exact test that suits the differences, and its name."""
    if not np.isfinite(found).all():
        tested = estimates.signed_ranks(found, rule.level, rule.family, rounding)
        return tested, "signed ranks"
    tested = estimates.sign_flips(found, rule.level, rule.family, rounding)
    return tested, "sign flips" if found.any() else ""


def _settled(limit: float, rule: Rule, rounding: float) -> float:
    """Limit of an interval, moved onto the margin where the two cannot be told apart."""
    close = [bound for bound in rule.margin or () if abs(limit - bound) <= rounding]
    return close[0] if close else limit
