"""The winning arm of a study, and the standing of all others beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING

from harness import catalog
from reports.verdicts.comparing import scored
from reports.verdicts.rules import compare, decide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reports.frames import Results
    from reports.verdicts.judged import Judged
    from reports.verdicts.rules import Word

RULE = (
    "the best mean of the deciding metric among the arms that are better than the baseline; the "
    "baseline, if none is"
)
"""Rule that finds the winner, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """The winner of a study.

    Args:
        arm: its index.
        word: its verdict against the baseline; ``None`` if it is the baseline.
        others: what every other arm is, compared with the winner, by index. With the baseline it
            is the study's verdict; comparisons of alternatives share the level with those of all
            pairs of them, so that they hold although the same results chose the winner.
    """

    arm: int
    word: Word | None
    others: Mapping[int, Word]

    @property
    def unbeaten(self) -> tuple[int, ...]:
        """Arms that are not worse than the winner, as far as could be told."""
        return tuple(arm for arm, word in self.others.items() if word != "worse")


def winner(results: Results, judged: Judged) -> Winner:
    """Find the winner of a study that has all its results.

    A diverged training leaves an arm without a mean, so that such an arm wins only if no other
    is better than the baseline.
    """
    minimize = catalog.METRICS[results.metric.name].minimize
    better = [verdict.arm for verdict in judged.verdicts if verdict.word == "better"]
    found = min(
        better or [judged.baseline],
        key=lambda arm: _rank(judged.means[arm].mean, minimize=minimize),
    )
    if found == judged.baseline:
        return Winner(arm=found, word=None, others={one.arm: one.word for one in judged.verdicts})
    return Winner(arm=found, word="better", others=_beside(found, judged))


def _beside(found: int, judged: Judged) -> dict[int, Word]:
    """Verdicts on all other arms, compared with an alternative that beats the baseline."""
    scores = scored(judged.grid, judged.rule)
    alternatives = len(judged.verdicts)
    rule = replace(judged.rule, family=max(1, alternatives * (alternatives - 1) // 2))
    words: dict[int, Word] = {judged.baseline: "worse"}
    for verdict in judged.verdicts:
        if verdict.arm != found:
            compared = compare(verdict.arm, scores[verdict.arm], scores[found], rule)
            words[verdict.arm] = decide(compared, rule)
    return dict(sorted(words.items()))


def _rank(mean: float, *, minimize: bool) -> tuple[bool, float]:
    """Sort key of an arm's mean: smaller is better, and no mean comes last."""
    unknown = isnan(mean)
    return unknown, 0.0 if unknown else mean if minimize else -mean
