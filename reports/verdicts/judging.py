"""From the frames of a study to its verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness import catalog
from reports import estimates, frames, wording
from reports.estimates import Interval
from reports.verdicts.judged import Bias, Judged, Measured, Verdict
from reports.verdicts.rules import Rule, compare, decide
from reports.verdicts.sentences import reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts.rules import Comparison
    from reports.wording import Units

    Array = NDArray[np.float64]


def judge(results: Results) -> Judged:
    """Compare every arm with the baseline."""
    entry = catalog.METRICS[results.metric.name]
    rule = _rule(results, entry)
    values = scaled(results, rule)
    baseline = results.baseline.index
    comparisons = [
        compare(arm.index, values[arm.index], values[baseline], rule)
        for arm in results.arms
        if arm.index != baseline
    ]
    halves = [(comparison.high - comparison.low) / 2 for comparison in comparisons]
    units = wording.units(results.metric, entry, halves, results.card.target)
    labels = [arm.label for arm in results.arms]
    return Judged(
        rule=rule,
        units=units,
        baseline=baseline,
        verdicts=tuple(
            _verdict(comparison, labels, baseline, rule, units) for comparison in comparisons
        ),
        means=tuple(_mean(row, rule) for row in values),
        biases=_biases(results),
        references=_references(results, rule, values, units),
    )


def scaled(results: Results, rule: Rule) -> Array:
    """The deciding metric on the declared scale.

    Returns:
        Shape ``(arms, replicates)``: infinite where a trial diverged, NaN where there is none.
    """
    grid = frames.grid(results, str(results.metric))
    return np.where(grid.diverged, rule.worst, estimates.on_scale(grid.cells, rule.scale))


def _rule(results: Results, entry: catalog.Metric) -> Rule:
    study = results.study
    margin = study.margin
    if margin is not None and entry.scale == "log":
        margin = float(np.log1p(margin))
    return Rule(
        maximize=entry.direction == "maximize",
        scale=entry.scale,
        confidence=study.confidence,
        family=max(1, len(results.arms) - 1),
        margin=margin,
        seed=abs(study.seed),
    )


def _mean(row: Array, rule: Rule) -> Interval:
    """An arm's mean with Student's interval, back in the metric's unit."""
    there = row[~np.isnan(row)]
    if not there.size or not np.isfinite(there).all():
        return Interval(np.nan, np.nan, np.nan)
    parts = estimates.t_interval(there, rule.confidence)
    return Interval(*(float(np.exp(part)) for part in parts)) if rule.scale == "log" else parts


def _references(results: Results, rule: Rule, values: Array, units: Units) -> tuple[Measured, ...]:
    """Every arm against the methods that are meant for it, as a family of their own."""
    cells = frames.reference_cells(results, str(results.metric))
    scores = estimates.on_scale(cells, rule.scale)
    pairs = [[arm for arm in results.arms if one.meets(arm)] for one in results.references]
    rule = replace(rule, family=max(1, sum(map(len, pairs))))
    labels = [*(arm.label for arm in results.arms), *(one.label for one in results.references)]
    return tuple(
        Measured(
            reference=one.index,
            mean=_mean(row, rule),
            verdicts=tuple(
                _verdict(
                    compare(arm.index, values[arm.index], row, rule), labels, one.index, rule, units
                )
                for arm in arms
            ),
        )
        for one, row, arms in zip(results.references, scores, pairs, strict=True)
    )


def _verdict(
    comparison: Comparison, labels: Sequence[str], baseline: int, rule: Rule, units: Units
) -> Verdict:
    word = decide(comparison, rule)
    names = labels[comparison.arm], labels[baseline]
    return Verdict(
        comparison=comparison, word=word, reading=reading(comparison, word, names, rule, units)
    )


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
