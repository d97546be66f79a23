"""One comparison as a sentence of plain English: the verdict, then the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports import wording

if TYPE_CHECKING:
    from reports.verdicts.rules import Comparison, Rule, Size, Word
    from reports.wording import Units


def reading(
    comparison: Comparison,
    word: Word,
    size: Size,
    needed: int | None,
    names: tuple[str, str],
    rule: Rule,
    units: Units,
) -> str:
    """A comparison as one sentence.

    Args:
        comparison: the numbers.
        word: the verdict.
        size: how the difference compares with the margin.
        needed: replicates that would decide it.
        names: labels of the arm and of the baseline.
        rule: how it was judged.
        units: how the metric is written.
    """
    return _Reading(comparison, word, size, needed, *names, rule, units).sentence()


@dataclass(frozen=True, slots=True)
class _Reading:
    """One comparison as a sentence."""

    comparison: Comparison
    word: Word
    size: Size
    needed: int | None
    arm: str
    baseline: str
    rule: Rule
    units: Units

    def sentence(self) -> str:
        """The verdict, then the numbers behind it."""
        if not self.comparison.pairs:
            return f"{self.arm} and {self.baseline} have no finished replicate in common."
        parts = [f"{self._opening()}: {self._numbers()}", self._failures(), self._outlook()]
        return f"{'; '.join(part for part in parts if part)}."

    def _opening(self) -> str:
        aside = f", {self.size}" if self.size else ""
        match self.word:
            case "better" | "worse":
                return f"{self.arm} is {self.word} than {self.baseline}{aside}"
            case "equivalent":
                margin = self.units.margin(self.rule.margin)
                real = ", with a real but negligible difference" if self.comparison.sign else ""
                return f"{self.arm} is equivalent to {self.baseline} within {margin}{real}"
            case "undecided":
                return (
                    f"{self.arm} and {self.baseline} are statistically indistinguishable at this "
                    "sample size"
                )
            case "no difference observed":
                return f"no difference observed between {self.arm} and {self.baseline}"
            case _:
                return f"no verdict yet on {self.arm} against {self.baseline}"

    def _numbers(self) -> str:
        found, count = self.comparison, f"n = {self.comparison.pairs}"
        if found.decided_by == "":
            if found.diverged == found.pairs:
                return f"both arms diverged in every pair ({count})"
            return f"all {found.pairs} differences are zero ({count})"
        if self.word == "no verdict":
            return f"so far {self._estimate()}{self._described()} ({count})"
        level = wording.percent(self.rule.confidence)
        interval = self.units.differences(found.low, found.high)
        p = f"adjusted {wording.p_equals(found.adjusted)}"
        if interval:
            return f"{self._estimate()} ({level} simultaneous interval {interval}, {count}, {p})"
        return f"{self._estimate()}{self._described()} ({count}, {p})"

    def _estimate(self) -> str:
        """Mean difference, or the typical difference where there is no mean."""
        found = self.comparison
        if np.isfinite(found.difference):
            return self.units.effect(found.difference)
        wins = f"it wins {found.wins}, loses {found.losses} and ties {found.ties}"
        if np.isfinite(found.typical):
            return f"typically {self.units.effect(found.typical)}; {wins}"
        return wins

    def _described(self) -> str:
        """Student's interval, where no exact one is bounded."""
        described = self.comparison.described
        if not np.isfinite(described.low):
            return ""
        interval = self.units.differences(described.low, described.high)
        return f", or {interval} if differences were normal"

    def _failures(self) -> str:
        """Sentence on how often either arm diverged, or reached a loss that has no ratio."""
        found, parts = self.comparison, []
        if found.decided_by == "":
            return ""
        for name, number in (
            (self.arm, found.diverged),
            (self.baseline, found.diverged_baseline),
        ):
            if number:
                parts.append(f"{name} fails in {number} of {found.pairs}")
        if found.zeros:
            pairs = "pair holds" if found.zeros == 1 else "pairs hold"
            parts.append(f"{found.zeros} {pairs} a loss of zero, which has no ratio")
        return "; ".join(parts)

    def _outlook(self) -> str:
        """Clause on what it would take to decide."""
        if self.word != "undecided":
            return ""
        found, fewest = self.comparison, self.rule.fewest
        if found.pairs < fewest:
            pairs = wording.count(found.pairs, "pair")
            family = wording.count(self.rule.family, "comparison")
            return f"{pairs} cannot decide {family}; {fewest} can"
        return f"about {self.needed} replicates would decide it" if self.needed else ""
