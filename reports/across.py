"""Several studies side by side: a table of all arms, and the differences between two studies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness import catalog
from harness.spec import label
from reports import verdicts, wording
from reports.frames import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.spec import Study
    from reports.frames import Results
    from reports.verdicts import Judged

UNPAIRED = "not paired: no verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A study with its verdicts, under the name that tables give it."""

    name: str
    results: Results
    judged: Judged


def compared(studies: Sequence[Told]) -> pd.DataFrame:
    """All arms of several studies, as text.

    Every arm is compared with its own baseline, and with that of the first study where both
    studies pair their trainings. All comparisons across studies share one level.

    Args:
        studies: two or more.
    """
    first = studies[0]
    partners = _partners(studies)
    joint = _joint(partners)
    against = f"Against {first.name}: {first.judged.labels[first.judged.baseline]}"
    levels = [wording.percent(study.judged.rule.confidence) for study in studies]
    same = levels[0] if len(set(levels)) == 1 else "Own"
    rows: list[dict[str, str]] = []
    start = 0
    for study, level in zip(studies, levels, strict=True):
        judged = study.judged
        paired = study in partners
        for arm, name in enumerate(judged.labels):
            mean = judged.means[arm]
            spread = judged.units.values(mean.low, mean.high)
            aside = f" ({level})" if spread and level != same else ""
            rows.append(
                {
                    "Study": study.name,
                    "Arm": name,
                    "n": str(int(_there(judged.grid)[arm].sum())),
                    "Mean": _mean(judged, arm),
                    f"{same} interval of the mean": f"{spread}{aside}",
                    "In its study": _word(judged, arm),
                    against: _word(joint, start + arm) if paired else UNPAIRED,
                }
            )
        start += len(judged.labels) if paired else 0
    return pd.DataFrame(rows, dtype="str")


def notes(studies: Sequence[Told]) -> list[str]:
    """Notes for a reader of the table: why studies are not paired, and in what they differ."""
    first, found = studies[0], []
    for study in studies[1:]:
        why = reasons(first, study)
        if why:
            found.append(f"{study.name} is not paired with {first.name}: {wording.listed(why)}.")
            continue
        rows = settings(first.results, study.results)["Setting"].tolist()
        others = [name for name in rows if name not in {"name", "question"}]
        if others:
            found.append(
                f"{study.name} also differs from {first.name} in {wording.listed(others, most=8)}: "
                "a verdict across them is on all that differs."
            )
    partners = _partners(studies)
    if len(partners) > 1:
        family = sum(len(study.judged.labels) for study in partners) - 1
        level = wording.percent(first.judged.rule.confidence)
        found.append(
            f"The {wording.count(family, 'comparison')} across studies share a confidence of "
            f"{level}; 'In its study' is a family of each study."
        )
    found.append("Intervals of means are Student's, each for itself: they decide nothing.")
    return found


def reasons(one: Told, other: Told) -> list[str]:
    """Reasons why replicates of two studies do not form pairs; empty if they do."""
    ours, theirs = one.results, other.results
    same = {
        "other data": (_view(ours), _view(theirs)),
        "another seed": (ours.study.seed, theirs.study.seed),
        "another split": (_share(ours.study), _share(theirs.study)),
        "another number of replicates": (ours.study.replicates, theirs.study.replicates),
        "another metric": (str(ours.metric), str(theirs.metric)),
        "another best epoch": (ours.study.best, theirs.study.best),
        "another scale of differences": (one.judged.rule.scale, other.judged.rule.scale),
        "another version of the engine": (ours.engines, theirs.engines),
        "other versions of Python or its packages": (_versions(ours), _versions(theirs)),
    }
    found = [reason for reason, (left, right) in same.items() if left != right]
    unfinished = [told.name for told in (one, other) if told.judged.missing]
    return [*found, *(f"{name} is not finished" for name in dict.fromkeys(unfinished))]


def settings(one: Results, other: Results) -> pd.DataFrame:
    """Every setting in which two studies differ.

    Returns:
        Columns ``Setting`` and the two studies, ``First`` and ``Second``, as text.
    """
    ours, theirs = dict(_settings(one)), dict(_settings(other))
    rows = [
        {"Setting": key, "First": ours.get(key, "not set"), "Second": theirs.get(key, "not set")}
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key) != theirs.get(key)
    ]
    return pd.DataFrame(rows, columns=["Setting", "First", "Second"], dtype="str")


def changed_verdicts(one: Judged, other: Judged) -> pd.DataFrame:
    """Every arm with another verdict in two studies.

    Returns:
        Columns ``Arm`` and the two studies, ``First`` and ``Second``, as text.
    """
    ours, theirs = (
        {name: _word(judged, arm) for arm, name in enumerate(judged.labels)}
        for judged in (one, other)
    )
    rows = [
        {
            "Arm": name,
            "First": ours.get(name, "no such arm"),
            "Second": theirs.get(name, "no such arm"),
        }
        for name in dict.fromkeys([*ours, *theirs])
        if ours.get(name) != theirs.get(name)
    ]
    return pd.DataFrame(rows, columns=["Arm", "First", "Second"], dtype="str")


def _partners(studies: Sequence[Told]) -> list[Told]:
    """The first study, and those whose replicates pair with its own."""
    first, *rest = studies
    return [first, *(study for study in rest if not reasons(first, study))]


def _joint(partners: Sequence[Told]) -> Judged:
    """All arms of paired studies against the baseline of the first, as one family."""
    first = partners[0].judged
    grids = [study.judged.grid for study in partners]
    labels = [name for study in partners for name in study.judged.labels]
    return verdicts.judge_grid(
        Grid(
            cells=np.concatenate([grid.cells for grid in grids]),
            diverged=np.concatenate([grid.diverged for grid in grids]),
        ),
        labels,
        first.baseline,
        replace(first.rule, family=max(1, len(labels) - 1)),
        lambda _: first.units,
        replicates=first.replicates,
        missing=first.missing,
    )


def _there(grid: Grid) -> Any:
    return ~np.isnan(grid.cells) | grid.diverged


def _mean(judged: Judged, arm: int) -> str:
    lost = int(judged.grid.diverged[arm].sum())
    if lost:
        return f"{lost}/{int(_there(judged.grid)[arm].sum())} diverged"
    return judged.units.value(judged.means[arm].mean)


def _word(judged: Judged, arm: int) -> str:
    return "baseline" if arm == judged.baseline else judged.by_arm[arm].text


def _view(results: Results) -> tuple[Any, ...]:
    """Identity of the data and of its use for training, testing and noise."""
    study = results.study
    return results.card.digest, study.normal, label(study.denoise or ""), results.card.task


def _share(study: Study) -> object:
    """Share of validation cases; a value of the study's own where its arms differ in that share."""
    if "validation" in {*study.factors, *(study.tune.space if study.tune else ())}:
        return study.name
    return study.fixed.get("validation", catalog.SETTINGS["validation"].default)


def _versions(results: Results) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted(one.versions.items())) for one in results.environments.values()}


def _settings(results: Results) -> Iterator[tuple[str, str]]:
    content = results.study.model_dump(mode="json", by_alias=True)
    yield from _flat(content, "")
    yield "content of the data", results.card.digest[:16]
    if results.code:
        yield "content of your code", results.code[:16]


def _flat(content: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for key, part in content.items():
        if part is None or part == {}:
            continue
        if isinstance(part, dict) and "name" not in part:
            yield from _flat(part, f"{before}{key}.")
        elif isinstance(part, list) and before == "factors.":
            yield f"{before}{key}", "; ".join(map(label, part))
        else:
            yield f"{before}{key}", label(part)
