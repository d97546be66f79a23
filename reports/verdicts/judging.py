"""Judging of a study: from its frames to its verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness import catalog
from reports import frames, wording
from reports.frames import Grid
from reports.verdicts.comparing import judge_grid, margin_ends, mean, scored, verdict
from reports.verdicts.factors import factorial
from reports.verdicts.judged import Bias, Measured
from reports.verdicts.missing import absent
from reports.verdicts.rules import Rule, compare

if TYPE_CHECKING:
    from reports.frames import Results
    from reports.verdicts.judged import Judged


def judge(results: Results) -> Judged:
    """Compare every arm with the baseline; while trials are missing, without any verdict."""
    metric, entry = results.metric, catalog.METRICS[results.metric.name]
    negative = entry.scale == "log" and _below_zero(results)
    rule = _rule(results, entry, negative=negative)
    judged = judge_grid(
        frames.grid(results, str(metric)),
        [arm.label for arm in results.arms],
        results.baseline.index,
        rule,
        lambda halves: wording.units(
            metric, entry, halves, results.card.target, relative=rule.scale == "log"
        ),
        replicates=results.study.replicates,
        missing=tuple(absent(results)),
    )
    return replace(
        judged,
        biases=_biases(results),
        references=_references(results, judged),
        negative=negative,
        factorial=factorial(
            results.study.factors,
            results.baseline.levels,
            scored(judged.grid, rule),
            rule,
            whole=not judged.missing,
        ),
    )


def _below_zero(results: Results) -> bool:
    """True if some value has no logarithm, as the loss of a user's model may be negative."""
    arms = frames.grid(results, str(results.metric)).cells
    others = frames.reference_cells(results, str(results.metric))
    return bool((arms < 0).any() or (others < 0).any())


def _rule(results: Results, entry: catalog.Metric, *, negative: bool) -> Rule:
    study = results.study
    return Rule(
        maximize=not entry.minimize,
        scale="identity" if negative else entry.scale,
        level=round(1 - study.confidence, 12),
        family=max(1, len(results.arms) - 1),
        margin=None if negative or study.margin is None else margin_ends(study.margin, entry.scale),
    )


def _references(results: Results, judged: Judged) -> tuple[Measured, ...]:
    """Every arm against the methods that are meant for it, as a family of their own."""
    cells = frames.reference_cells(results, str(results.metric))
    scores = scored(judged.grid, judged.rule)
    measured = scored(Grid(cells=cells, diverged=np.zeros(cells.shape, np.bool_)), judged.rule)
    pairs = [[arm for arm in results.arms if one.meets(arm)] for one in results.references]
    rule = replace(judged.rule, family=max(1, sum(map(len, pairs))))
    found = []
    for one, theirs, arms in zip(results.references, measured, pairs, strict=True):
        comparisons = [compare(arm.index, scores[arm.index], theirs, rule) for arm in arms]
        final = [compared.pairs == judged.replicates for compared in comparisons]
        verdicts = [
            verdict(compared, (arm.label, one.label), rule, judged.units, final=whole)
            for arm, compared, whole in zip(arms, comparisons, final, strict=True)
        ]
        found.append(
            Measured(
                reference=one.index,
                label=one.label,
                mean=mean(theirs, rule),
                verdicts=tuple(verdicts),
            )
        )
    return tuple(found)


def _biases(results: Results) -> tuple[Bias, ...]:
    """Selection bias of every arm whose confirm trials all completed."""
    tune = results.study.tune
    if tune is None or tune.objective not in results.trials:
        return ()
    sign = catalog.METRICS[tune.aim.name].sign
    tuned = results.candidates.set_index(["arm", "candidate"])["objective"].to_dict()
    grid = frames.grid(results, tune.objective)
    found = []
    for arm, candidate in results.chosen.items():
        fresh = grid.cells[arm][~np.isnan(grid.cells[arm])]
        before = tuned.get((arm, candidate), np.nan)
        if not fresh.size or grid.diverged[arm].any() or np.isnan(before):
            continue
        after = float(fresh.mean())
        found.append(
            Bias(
                arm=arm,
                candidate=candidate,
                tuned=float(before),
                fresh=after,
                optimism=sign * (after - float(before)),
                replicates=len(fresh),
            )
        )
    return tuple(found)
