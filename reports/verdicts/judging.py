"""From the frames of a study to its verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness import catalog
from reports import estimates, frames, wording
from reports.estimates import Interval
from reports.verdicts.factors import factorial
from reports.verdicts.judged import Bias, Judged, Measured, Verdict
from reports.verdicts.missing import absent
from reports.verdicts.readings import reading
from reports.verdicts.rules import Rule, Scores, compare, decide, sized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts.rules import Comparison
    from reports.wording import Units

    Array = NDArray[np.float64]


def judge(results: Results) -> Judged:
    """Compare every arm with the baseline; while trials are missing, without any verdict."""
    entry, missing = catalog.METRICS[results.metric.name], tuple(absent(results))
    negative = entry.scale == "log" and _below_zero(results)
    rule = _rule(results, entry, negative=negative)
    scores = scored(results, rule)
    baseline = results.baseline.index
    comparisons = [
        compare(arm.index, scores[arm.index], scores[baseline], rule)
        for arm in results.arms
        if arm.index != baseline
    ]
    halves = [comparison.half for comparison in comparisons]
    units = wording.units(
        results.metric, entry, halves, results.card.target, relative=rule.scale == "log"
    )
    labels = [arm.label for arm in results.arms]
    return Judged(
        rule=rule,
        units=units,
        baseline=baseline,
        verdicts=tuple(
            _verdict(comparison, labels, baseline, rule, units, final=not missing)
            for comparison in comparisons
        ),
        means=tuple(_mean(one, rule) for one in scores),
        biases=_biases(results),
        references=_references(results, rule, scores, units),
        missing=missing,
        negative=negative,
        factorial=factorial(
            results.study.factors, results.baseline.levels, scores, rule, whole=not missing
        ),
    )


def scored(results: Results, rule: Rule) -> list[Scores]:
    """The deciding metric on the declared scale, arm by arm."""
    grid = frames.grid(results, str(results.metric))
    values = np.where(grid.diverged, rule.worst, estimates.on_scale(grid.cells, rule.scale))
    return [Scores(*pair) for pair in zip(values, grid.diverged, strict=True)]


def _below_zero(results: Results) -> bool:
    """Whether a value has no logarithm; a loss of a user's model may be anything."""
    arms = frames.grid(results, str(results.metric)).cells
    others = frames.reference_cells(results, str(results.metric))
    return bool((arms < 0).any() or (others < 0).any())


def _rule(results: Results, entry: catalog.Metric, *, negative: bool) -> Rule:
    study = results.study
    return Rule(
        maximize=entry.direction == "maximize",
        scale="identity" if negative else entry.scale,
        level=round(1 - study.confidence, 12),
        family=max(1, len(results.arms) - 1),
        margin=None if negative or study.margin is None else _margin(study.margin, entry),
    )


def _margin(margin: float, entry: catalog.Metric) -> tuple[float, float]:
    """Both ends; five percent of a loss are log(0.95) and log(1.05)."""
    if entry.scale == "log":
        return float(np.log1p(-margin)), float(np.log1p(margin))
    return -margin, margin


def _mean(scores: Scores, rule: Rule) -> Interval:
    """An arm's mean with Student's interval, back in the metric's unit."""
    there = scores.numbers[~np.isnan(scores.numbers)]
    if not there.size or scores.diverged.any():
        return Interval(np.nan, np.nan, np.nan)
    if not np.isfinite(there).all():
        return Interval(0.0, np.nan, np.nan)  # the geometric mean of losses with a zero
    parts = estimates.t_interval(there, rule.confidence)
    return Interval(*(float(np.exp(part)) for part in parts)) if rule.scale == "log" else parts


def _references(
    results: Results, rule: Rule, scores: Sequence[Scores], units: Units
) -> tuple[Measured, ...]:
    """Every arm against the methods that are meant for it, as a family of their own."""
    cells = frames.reference_cells(results, str(results.metric))
    measured = [
        Scores(row, np.zeros(row.shape, dtype=np.bool_))
        for row in estimates.on_scale(cells, rule.scale)
    ]
    pairs = [[arm for arm in results.arms if one.meets(arm)] for one in results.references]
    rule = replace(rule, family=max(1, sum(map(len, pairs))))
    labels = [*(arm.label for arm in results.arms), *(one.label for one in results.references)]
    found = []
    for one, theirs, arms in zip(results.references, measured, pairs, strict=True):
        comparisons = [compare(arm.index, scores[arm.index], theirs, rule) for arm in arms]
        final = [compared.pairs == results.study.replicates for compared in comparisons]
        verdicts = [
            _verdict(compared, labels, one.index, rule, units, final=whole)
            for compared, whole in zip(comparisons, final, strict=True)
        ]
        found.append(
            Measured(reference=one.index, mean=_mean(theirs, rule), verdicts=tuple(verdicts))
        )
    return tuple(found)


def _verdict(
    comparison: Comparison,
    labels: Sequence[str],
    baseline: int,
    rule: Rule,
    units: Units,
    *,
    final: bool,
) -> Verdict:
    word = decide(comparison, rule) if final else "no verdict"
    names = labels[comparison.arm], labels[baseline]
    needed = None
    if word == "undecided":
        needed = estimates.replicates_needed(
            comparison.differences, rule.level, rule.family, rule.margin
        )
    size = sized(comparison, rule) if final else ""
    told = reading(comparison, word, size, needed, names, rule, units)
    return Verdict(comparison=comparison, word=word, size=size, needed=needed, reading=told)


def _biases(results: Results) -> tuple[Bias, ...]:
    """Selection bias of every arm whose confirm trials all completed."""
    tune = results.study.tune
    if tune is None or tune.objective not in results.trials:
        return ()
    name = catalog.METRICS[tune.objective.partition("/")[2].partition("@")[0]]
    sign = 1.0 if name.direction == "minimize" else -1.0
    tried = results.tune[results.tune["counted"]].groupby(["arm", "candidate"])[tune.objective]
    tuned = tried.agg(lambda column: column.mean(skipna=False)).to_dict()
    grid = frames.grid(results, tune.objective)
    found = []
    for arm, candidate in frames.chosen(results).items():
        fresh = grid.cells[arm][~np.isnan(grid.cells[arm])]
        before = tuned.get((arm, candidate), np.nan)
        if not fresh.size or grid.diverged[arm].any() or np.isnan(before):
            continue
        mean = float(fresh.mean())
        found.append(
            Bias(
                arm=arm,
                candidate=candidate,
                tuned=float(before),
                fresh=mean,
                optimism=sign * (mean - float(before)),
                replicates=len(fresh),
            )
        )
    return tuple(found)
