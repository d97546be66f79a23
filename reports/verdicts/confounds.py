"""Confounds: differences between arms beyond those that the study compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.identity import canonical
from harness.spec import label
from reports import wording
from reports.verdicts.groups import grouped

if TYPE_CHECKING:
    from reports.frames import Results


def confounds(results: Results) -> list[str]:
    """A sentence for each setting that differs from the baseline's though nobody declared it.

    Compared is what the trials were trained with, defaults included, but for factors and tuned
    hyperparameters: a default that follows from a level changes with it.
    """
    base = results.settings.get(results.baseline.index)
    if base is None:
        return []
    names = {name for settings in results.settings.values() for name in settings}
    return [
        sentence
        for name in sorted(names - _declared(results))
        if (sentence := _differing(results, name, base.get(name)))
    ]


def _differing(results: Results, name: str, usual: object) -> str:
    """Sentence on the arms that deviate from the baseline in a setting; empty if none does."""
    values = {arm: settings.get(name) for arm, settings in results.settings.items()}
    held: dict[str, list[int]] = {}
    for arm, value in values.items():
        if canonical(value) != canonical(usual):
            held.setdefault(canonical(value), []).append(arm)
    if not held:
        return ""
    told = [
        f"{_said(values[arms[0]])} with "
        f"{wording.listed(grouped(results.arms, results.study.factors, arms))}"
        for arms in held.values()
    ]
    return (
        f"Arms differ in a setting that is no factor: {name.replace('_', ' ')} is {_said(usual)} "
        f"with {results.baseline.label}, and {wording.listed(told)}. A verdict is about both at "
        f"once; {name} in [fixed], or its place in [tune.space], keeps them apart."
    )


def _declared(results: Results) -> set[str]:
    """Settings that are meant to differ, or that all arms are given alike."""
    study = results.study
    searched = study.tune.space if study.tune else {}
    # Such as the learning rate, where every optimizer that is compared names its own.
    inside = [
        set.intersection(*({*level} if isinstance(level, dict) else set() for level in levels))
        for levels in study.factors.values()
    ]
    return {*study.factors, *study.fixed, *searched}.union(*inside)


def _said(value: object) -> str:
    return "none" if value is None else label(value)  # type: ignore[arg-type]
