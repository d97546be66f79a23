"""The pure part of judging: a grid of numbers, a rule, and the verdicts that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports import estimates
from reports.estimates import Interval
from reports.verdicts.judged import Judged, Verdict
from reports.verdicts.readings import reading
from reports.verdicts.rules import Scores, compare, decide, sized

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reports.estimates import Scale
    from reports.frames import Grid
    from reports.verdicts.rules import Comparison, Rule
    from reports.wording import Units


def judge_grid(
    grid: Grid,
    labels: Sequence[str],
    baseline: int,
    rule: Rule,
    units: Callable[[Sequence[float]], Units],
    *,
    replicates: int,
    missing: tuple[str, ...] = (),
) -> Judged:
    """Compare every row of a grid with that of the baseline.

    Args:
        grid: results by arm and replicate.
        labels: of the arms.
        baseline: index of the arm that the others are compared with.
        rule: how to judge.
        units: how the metric is written, given half-widths of the intervals.
        replicates: that were planned for each arm.
        missing: results that are not there, in words; with any, nothing is decided.
    """
    scores = scored(grid, rule)
    comparisons = [
        compare(arm, scores[arm], scores[baseline], rule)
        for arm in range(len(labels))
        if arm != baseline
    ]
    written = units([comparison.half for comparison in comparisons])
    return Judged(
        labels=tuple(labels),
        grid=grid,
        replicates=replicates,
        rule=rule,
        units=written,
        baseline=baseline,
        verdicts=tuple(
            verdict(one, (labels[one.arm], labels[baseline]), rule, written, final=not missing)
            for one in comparisons
        ),
        means=tuple(mean(one, rule) for one in scores),
        missing=missing,
    )


def scored(grid: Grid, rule: Rule) -> list[Scores]:
    """A grid on the declared scale, arm by arm."""
    values = np.where(grid.diverged, rule.worst, estimates.on_scale(grid.cells, rule.scale))
    return [Scores(*pair) for pair in zip(values, grid.diverged, strict=True)]


def margin_ends(margin: float, scale: Scale) -> tuple[float, float]:
    """Both ends of a margin on the declared scale; five percent are log(0.95) and log(1.05).

    Example:
        >>> margin_ends(0.5, "identity"), [round(end, 3) for end in margin_ends(0.05, "log")]
        ((-0.5, 0.5), [-0.051, 0.049])
    """
    if scale == "log":
        return float(np.log1p(-margin)), float(np.log1p(margin))
    return -margin, margin


def mean(scores: Scores, rule: Rule) -> Interval:
    """An arm's mean with Student's interval, back in the metric's unit."""
    there = scores.numbers[~np.isnan(scores.numbers)]
    if not there.size or scores.diverged.any():
        return Interval(np.nan, np.nan, np.nan)
    if not np.isfinite(there).all():
        return Interval(0.0, np.nan, np.nan)  # the geometric mean of losses with a zero
    parts = estimates.t_interval(there, rule.confidence)
    return Interval(*(float(np.exp(part)) for part in parts)) if rule.scale == "log" else parts


def verdict(
    comparison: Comparison, names: tuple[str, str], rule: Rule, units: Units, *, final: bool
) -> Verdict:
    """Judge a comparison; nothing is decided before it is final.

    Args:
        comparison: the numbers.
        names: labels of the arm and of what it is compared with.
        rule: how to judge.
        units: how the metric is written.
        final: whether every planned result is there.
    """
    word = decide(comparison, rule) if final else "no verdict"
    needed = None
    if word == "undecided":
        needed = estimates.replicates_needed(
            comparison.differences, rule.level, rule.family, rule.margin
        )
    size = sized(comparison, rule) if final else ""
    told = reading(comparison, word, size, needed, names, rule, units)
    return Verdict(comparison=comparison, word=word, size=size, needed=needed, reading=told)
