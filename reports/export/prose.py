"""The methods of a study as a paragraph of plain English, for a paper."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from harness.spec import Range, label
from reports import wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.frames import Results
    from reports.verdicts import Judged


def methods(results: Results, judged: Judged) -> str:
    """Description of what was done, in the order of a methods section."""
    return " ".join(
        [
            *_design(results, judged),
            *_tuning(results),
            *_judging(results, judged),
            *_execution(results),
        ]
    )


def _design(results: Results, judged: Judged) -> Iterator[str]:
    study, card = results.study, results.card
    factors = [
        f"{name.replace('_', ' ')} ({', '.join(label(level) for level in levels)})"
        for name, levels in study.factors.items()
    ]
    arms = wording.count(len(results.arms), "arm")
    data = PurePath(card.label.replace("\\", "/")).name
    yield (
        f"We compared {arms}, all combinations of {wording.listed(factors, most=20)}, in a "
        f"network of the template {study.template} on {data} ({card.cases:,} cases to train and "
        f"validate on, {card.tests:,} test cases)."
    )
    yield (
        f"Every arm was trained in {study.replicates} paired replicates: a replicate fixes the "
        "split into training and validation cases, the underlying initial draws and the order of "
        "batches for all arms."
    )
    if results.metric.split == "test":
        yield "The test split is fixed, and was used only after all choices were made."
    fixed = [f"{name.replace('_', ' ')} {label(level)}" for name, level in study.fixed.items()]
    if fixed:
        yield f"Settings that all arms share were {wording.listed(fixed, most=30)}."
    yield f"The baseline was {judged.labels[judged.baseline]}."


def _tuning(results: Results) -> Iterator[str]:
    tune = results.study.tune
    if tune is None:
        yield "No hyperparameter was tuned."
        return
    spaces = [f"{name.replace('_', ' ')} ({_space(space)})" for name, space in tune.space.items()]
    each = wording.count(tune.replicates, "training")
    yield (
        f"Inside every arm, {wording.listed(spaces, most=20)} was tuned by {tune.oracle} search "
        f"over {wording.count(tune.trials, 'candidate')} ({each} each), by {tune.objective} on "
        "validation data; the chosen candidate was trained anew with fresh random streams, and "
        "only these trainings were compared."
    )


def _space(space: object) -> str:
    if isinstance(space, Range):
        return f"{space.min:g} to {space.max:g} on a {space.scale} scale"
    return ", ".join(label(value) for value in getattr(space, "values", ()))


def _judging(results: Results, judged: Judged) -> Iterator[str]:
    rule, metric = judged.rule, results.metric
    which = (
        f"the best epoch by {results.study.best}" if metric.epoch == "best" else "the last epoch"
    )
    scale = " on the log scale, as ratios," if rule.scale == "log" else ""
    yield f"The deciding metric was {judged.units.name} at {which}."
    if not judged.verdicts:
        return
    family = wording.count(rule.family, "comparison")
    shared = f", shared by {family} (Bonferroni)" if rule.family > 1 else ""
    yield (
        f"Each arm was compared with the baseline by the mean of its paired differences{scale} "
        "with the exact sign-flip test, and intervals are that test inverted, at a level of "
        f"{100 * rule.level:.3g} %{shared}."
    )
    if rule.margin:
        yield f"Arms within {judged.units.margin(rule.margin)} of the baseline are equivalent."
    diverged = int(judged.grid.diverged.sum())
    if diverged:
        trainings = wording.count(diverged, "training")
        yield (
            f"{trainings} diverged and counted as the worst result; such comparisons were decided "
            "by the exact signed-rank test at the same level."
        )
    if judged.missing:
        yield "Results are incomplete, and nothing was decided."


def _execution(results: Results) -> Iterator[str]:
    confirm, tune = len(results.confirm), len(results.tune)
    parts = [f"{tune:,} to tune", f"{confirm:,} to compare"] if tune else []
    split = f" ({wording.listed(parts)})" if parts else ""
    yield f"The study holds {wording.count(confirm + tune, 'training')}{split}."
    for environment in results.environments.values():
        named = {"keras-harness": environment.harness, **environment.versions}
        versions = wording.listed([f"{name} {text}" for name, text in named.items()], most=20)
        place = environment.accelerator or environment.processor
        yield f"Software: {versions}, on {place}."
