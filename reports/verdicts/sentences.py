"""Verdicts in plain English: one sentence per comparison, a few for the whole study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports import estimates, wording
from reports.verdicts.cautions import cautions
from reports.verdicts.rules import FEWEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reports.frames import Results
    from reports.verdicts.judged import Judged
    from reports.verdicts.rules import Comparison, Rule, Word
    from reports.wording import Units

_OPENINGS: Mapping[Word, str] = {
    "better": "better than {baseline} on {name}",
    "worse": "worse than {baseline}",
    "equivalent": "equivalent to {baseline} within the study's margin",
    "undecided": "undecided against {baseline}",
    "no difference observed": "without any observed difference from {baseline}",
}

_STANDINGS: Mapping[Word, str] = {
    "better": "better than the baseline",
    "worse": "nevertheless worse than the baseline, by paired replicates",
    "equivalent": "equivalent to the baseline within the margin",
    "undecided": "not told apart from the baseline",
    "no difference observed": "the same as the baseline's in every replicate",
}


def reading(
    comparison: Comparison, word: Word, names: tuple[str, str], rule: Rule, units: Units
) -> str:
    """A comparison as one sentence: the verdict, then the numbers behind it.

    Args:
        comparison: the numbers.
        word: the verdict.
        names: labels of the arm and of the baseline.
        rule: how it was judged.
        units: how the metric is written.
    """
    return _Reading(comparison, word, *names, rule, units).sentence()


def headline(results: Results, judged: Judged) -> list[str]:
    """The answer of the study in a few sentences, each about comparisons that were tested."""
    labels = [arm.label for arm in results.arms]
    found: dict[Word, list[str]] = {}
    for verdict in judged.verdicts:
        found.setdefault(verdict.word, []).append(labels[verdict.arm])
    counted = [
        _counted(word, found[word], labels[judged.baseline], judged)
        for word in _OPENINGS
        if word in found
    ]
    if judged.verdicts and "better" not in found:
        counted.insert(0, f"No arm is shown to be better than {labels[judged.baseline]}.")
    return [
        *counted,
        *_leader(judged, labels),
        *_against(judged),
        *_reservations(results, judged),
        *cautions(results, judged),
    ]


def _counted(word: Word, arms: list[str], baseline: str, judged: Judged) -> str:
    """How many arms got one verdict, and which."""
    opening = _OPENINGS[word].format(baseline=baseline, name=judged.units.name)
    total = len(judged.verdicts)
    if total == 1:
        return f"{arms[0]} is {opening}."
    if len(arms) == total:
        every = "Both" if total == 2 else f"All {total}"
        return f"{every} other arms are {opening}: {wording.listed(arms)}."
    verb = "is" if len(arms) == 1 else "are"
    # Which arms are undecided is no answer; a few may be named.
    names = "" if word == "undecided" and len(arms) > 3 else f": {wording.listed(arms)}"
    return f"{len(arms)} of {total} other arms {verb} {opening}{names}."


@dataclass(frozen=True, slots=True)
class _Reading:
    """One comparison as a sentence."""

    comparison: Comparison
    word: Word
    arm: str
    baseline: str
    rule: Rule
    units: Units

    def sentence(self) -> str:
        """The verdict, then the numbers behind it."""
        found = self.comparison
        if found.pairs < FEWEST:
            return (
                f"{self.arm} against {self.baseline} is undecided: "
                f"{wording.count(found.pairs, 'pair')} of finished replicates, at least "
                f"{FEWEST} are needed."
            )
        return f"{self._opening()}: {self._numbers()}."

    def _opening(self) -> str:
        match self.word:
            case "better" | "worse":
                by = " by ranks" if self.comparison.decided_by == "ranks" else ""
                return f"{self.arm} is {self.word} than {self.baseline}{by}"
            case "equivalent":
                margin = self.units.difference(self.rule.margin or 0.0).lstrip("+")
                return f"{self.arm} is equivalent to {self.baseline} within {margin}"
            case "undecided":
                return f"{self.arm} and {self.baseline} are not told apart"
            case _:
                return f"no difference observed between {self.arm} and {self.baseline}"

    def _numbers(self) -> str:
        found, end = self.comparison, f"n = {self.comparison.pairs}"
        if found.decided_by == "":
            if found.diverged == found.pairs:
                return f"both arms diverged in every pair ({end})"
            return f"all {found.pairs} differences are zero ({end})"
        end += f", adjusted {wording.p_equals(found.adjusted)}"
        if found.decided_by == "ranks":
            return f"{self._ranks()} ({end}{self._unreachable()})"
        interval = self.units.differences(found.low, found.high)
        level = wording.percent(self.rule.confidence)
        effect = self.units.effect(found.difference)
        text = f"{effect} ({level} simultaneous interval {interval}, {end})"
        if self.word == "equivalent" and found.adjusted < self.rule.level:
            return f"{text}; the difference is small but not zero"
        return text

    def _ranks(self) -> str:
        found = self.comparison
        score = f"it wins {found.wins}, loses {found.losses} and ties {found.ties}"
        if found.diverged:
            pairs = "pair holds" if found.diverged == 1 else "pairs hold"
            return f"{found.diverged} of {found.pairs} {pairs} a diverged trial; {score}"
        if not np.isfinite(found.difference):
            return f"a loss of zero has no ratio; {score}"
        effect = self.units.effect(found.difference)
        return f"{effect} in every pair, without any spread to make an interval from"

    def _unreachable(self) -> str:
        """Whether this number of pairs could have decided at all."""
        best = estimates.adjusted(self.comparison.floor, self.rule.family)
        if best < self.rule.level:
            return ""
        return f"; ranks cannot go below {best:.2g} with so few pairs"


def _leader(judged: Judged, labels: list[str]) -> list[str]:
    """The best mean, and what may be said about it."""
    rule, units = judged.rule, judged.units
    means = np.array([interval.mean for interval in judged.means])
    if np.isnan(means).all():
        return ["Every arm holds a diverged trial: there is no mean to compare."]
    best = int(np.nanargmax(means) if rule.maximize else np.nanargmin(means))
    value = units.value(float(means[best]))
    if not judged.verdicts:
        return [f"{labels[best]} has a mean {units.name} of {value}."]
    if best == judged.baseline:
        return [f"The baseline itself has the best mean, {value}."]
    standing = _STANDINGS[judged.by_arm[best].word]
    caution = " Whether it also beats the other arms was not tested." if len(labels) > 2 else ""
    return [f"The best mean is that of {labels[best]}, {value}; it is {standing}.{caution}"]


def _against(judged: Judged) -> list[str]:
    """How the arms stand against methods that train no network."""
    words = [verdict.word for one in judged.references for verdict in one.verdicts]
    if not words:
        return []
    counts = [f"{words.count(word)} {word}" for word in _OPENINGS if word in words]
    pairs = wording.count(len(words), "comparison")
    return [f"Against methods that train no network, of {pairs}: {wording.listed(counts)}."]


def _disagreements(results: Results, judged: Judged) -> list[str]:
    """Undecided by t, although hardly any exchange of signs does as well: skewed differences."""
    found = [
        verdict
        for verdict in judged.verdicts
        if verdict.word == "undecided"
        and verdict.comparison.decided_by == "paired t"
        and estimates.adjusted(verdict.comparison.sign_flip, judged.rule.family) < judged.rule.level
    ]
    return [
        f"Look closer at {results.arms[verdict.arm].label}: it wins {verdict.comparison.wins} and "
        f"loses {verdict.comparison.losses} of {verdict.comparison.pairs} pairs (exact sign-flip "
        f"{wording.p_equals(estimates.adjusted(verdict.comparison.sign_flip, judged.rule.family))}"
        ", adjusted), but the size of its differences varies so much that the interval holds zero."
        for verdict in found
    ]


def _reservations(results: Results, judged: Judged) -> list[str]:
    """What a reader must know before trusting the answer."""
    sentences = []
    confirm = results.confirm
    planned = len(results.arms) * results.study.replicates
    missing = planned - int(confirm["counted"].sum())
    if missing:
        sentences.append(
            f"{missing} of {planned} confirm trials have no result: the answer is provisional."
        )
    sentences += _disagreements(results, judged)
    diverged = confirm.loc[confirm["status"] == "diverged", "arm"].value_counts()
    if len(diverged):
        arms = [results.arms[arm].label for arm in sorted(diverged.index)]
        trials = wording.count(int(diverged.sum()), "confirm trial")
        sentences.append(
            f"{trials} diverged ({wording.listed(arms)}); ranks decide there, diverged is worst."
        )
    if judged.verdicts and all(verdict.comparison.pairs < FEWEST for verdict in judged.verdicts):
        sentences.append("With fewer than two finished pairs nothing can be decided.")
    return sentences
