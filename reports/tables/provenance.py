"""Origin of the numbers, and the cautions to know before trusting them."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import pandas as pd

from harness import catalog
from harness.spec import Range, label
from reports import wording

if TYPE_CHECKING:
    from reports.frames import Results
    from reports.verdicts import Judged

    Rows = list[tuple[str, str]]


def statuses(results: Results) -> pd.DataFrame:
    """Confirm trials by arm and status; ``unfinished`` are all that may still get a result.

    Returns:
        Columns ``arm``, ``label``, ``planned``, ``completed``, ``diverged``, ``failed`` and
        ``unfinished``; the last four sum to ``planned``.
    """
    confirm = results.confirm
    frame = pd.DataFrame(
        {
            "arm": [arm.index for arm in results.arms],
            "label": [arm.label for arm in results.arms],
            "planned": results.study.replicates,
        }
    )
    counted = {
        "completed": (confirm["status"] == "completed") & confirm["counted"],
        "diverged": confirm["status"] == "diverged",
        "failed": (confirm["status"] == "failed")
        | ((confirm["status"] == "completed") & ~confirm["counted"]),
    }
    for name, rows in counted.items():
        frame[name] = (
            confirm.loc[rows, "arm"].value_counts().reindex(frame["arm"], fill_value=0).to_numpy()
        )
    frame["unfinished"] = frame["planned"] - frame[list(counted)].sum(axis="columns")
    return frame


def skipped(results: Results) -> pd.DataFrame:
    """Trials that enter no estimate, each with why."""
    frame = results.skipped[["label", "phase", "candidate", "replicate", "status", "why"]]
    return frame.assign(why=frame["why"].map(wording.without_folders))


def formatted_skipped(results: Results) -> pd.DataFrame:
    """Trials that enter no estimate, for people: alike ones in one row."""
    frame = skipped(results)
    keys = ["phase", "label", "why"]
    grouped = frame.groupby(keys, sort=False).size().reset_index(name="trials")
    grouped = grouped.astype({"trials": "str"})[["label", "phase", "trials", "why"]]
    names = {"label": "Arm", "phase": "Phase", "trials": "Trials", "why": "Why"}
    return grouped.rename(columns=names)


def timing_problem(results: Results) -> str:
    """Reason why training times must not be compared; empty if they may be.

    A time depends on what else the machine was doing. Only trials with the same number of
    workers, in the same environment, compiled in the same way, are comparable.
    """
    rows = results.confirm[results.confirm["status"] == "completed"]
    conditions = {
        "workers": "with different numbers of workers",
        "environment": "in different environments",
        "xla": "with and without XLA",
        "route": "by different routes",
    }
    found = [text for name, text in conditions.items() if len(rows[name].unique()) > 1]
    return f"trained {wording.listed(found)}" if found else ""


def notes(results: Results) -> list[str]:
    """Reservations that concern the measurements rather than the verdicts."""
    found = [wording.sentence(note) for note in results.notes]
    if len(results.environments) > 1:
        found.append(
            f"The trials were trained in {len(results.environments)} different environments: "
            "the last digits of their results may depend on where each was trained."
        )
    if len(results.engines) > 1:
        found.append("The trials were trained by different versions of the engine.")
    fallback = int((results.trials["route"] == "fit").sum())
    if fallback:
        found.append(
            f"{wording.count(fallback, 'trial')} could not be compiled as a program and went "
            "through keras.Model.fit: the same training, only slower."
        )
    problem = timing_problem(results)
    if problem:
        found.append(f"Training times are left out: they were {problem}.")
    return found


def provenance(results: Results, judged: Judged) -> pd.DataFrame:
    """Everything that the results depend on, as two columns of text."""
    rows = [*_question(results), *_method(results, judged), *_execution(results)]
    return pd.DataFrame(rows, columns=["item", "value"], dtype="str")


def _question(results: Results) -> Rows:
    study, card = results.study, results.card
    rows = [
        ("study", study.name),
        *_stored(results),
        ("template", study.template),
        *([("code digest", results.code[:16])] if results.code else []),
        ("data set", PurePath(card.label).name),
        ("data digest", card.digest[:16]),
        ("cases", f"{card.cases} to train and validate, {card.tests} to test"),
    ]
    rows += list(card.lines().items())
    if card.noise:
        rows.append(("noise on validation and test inputs", label(dict(card.noise))))
    rows += [(f"reference {place}", one.label) for place, one in enumerate(results.references, 1)]
    rows += [
        (f"factor {name}", "; ".join(map(label, levels))) for name, levels in study.factors.items()
    ]
    rows += [(f"fixed {name}", label(level)) for name, level in study.fixed.items()]
    if study.tune:
        each = wording.count(study.tune.replicates, "training")
        rows.append(("tuning", f"{study.tune.trials} candidates per arm, {each} each"))
        rows.append(("tuning objective", study.tune.objective))
        rows.append(("tuning oracle", study.tune.oracle))
        rows += [(f"searched {name}", _space(space)) for name, space in study.tune.space.items()]
    return rows


def _stored(results: Results) -> Rows:
    """Digest of the definition, with its time and the trials by then; also of the first one."""
    rows = []
    first, *_, last = (*results.revisions[:1], *results.revisions)
    for name, one in {"first definition": first, "definition": last}.items():
        trained = wording.count(one.finished, "finished trial")
        when = f"after {trained}" if one.finished else "before the first training"
        if name == "definition" or one is not last:
            rows.append((name, f"{one.short}, stored {one.time}, {when}"))
    return rows


def history(results: Results) -> pd.DataFrame:
    """Definitions that the study had.

    Returns:
        Columns ``revision``, ``digest``, ``stored`` (time), ``finished`` (trials with a result by
        then) and ``changed`` (keys, separated by commas).
    """
    rows = [
        (one.number, one.digest, one.at, one.finished, ", ".join(one.changed))
        for one in results.revisions
    ]
    return pd.DataFrame(rows, columns=["revision", "digest", "stored", "finished", "changed"])


def formatted_history(results: Results) -> pd.DataFrame:
    """Definitions that the study had, for people; empty where it was never changed."""
    if len(results.revisions) < 2:
        return pd.DataFrame()
    rows = [
        {
            "Digest": one.short,
            "Stored": one.time,
            "Trials finished by then": str(one.finished),
            "Changed": ", ".join(one.changed),
        }
        for one in results.revisions
    ]
    return pd.DataFrame(rows, dtype="str")


def _space(space: object) -> str:
    if isinstance(space, Range):
        return f"{space.min:g} to {space.max:g}, {space.scale} scale"
    return "; ".join(label(value) for value in getattr(space, "values", ()))


def _method(results: Results, judged: Judged) -> Rows:
    study, rule = results.study, judged.rule
    entry = catalog.METRICS[results.metric.name]
    scale = "difference of logarithms (a ratio)" if rule.scale == "log" else "difference"
    single = 1 - rule.level / rule.family
    rows = [
        ("metric", str(results.metric)),
        ("direction", entry.direction),
        ("scale of differences", scale),
        ("best epoch", f"by {study.best}"),
        ("baseline", results.arms[judged.baseline].label),
        ("arms", str(len(results.arms))),
        ("replicates", str(study.replicates)),
        ("comparisons in the family", str(len(judged.verdicts))),
        ("confidence, all together", wording.percent(rule.confidence)),
        ("confidence, each interval", f"{100 * single:.4g} %"),
    ]
    if rule.margin:
        rows.append(("equivalence margin", judged.units.margin(rule.margin)))
    return [*rows, ("seed", str(study.seed)), ("threads per training", str(study.threads))]


def _execution(results: Results) -> Rows:
    counted = results.trials[results.trials["counted"]]
    workers = sorted(counted["workers"].dropna().unique())
    xla = counted["xla"].dropna()
    by_xla = "all" if xla.all() else ("some" if xla.any() else "none")
    rows = [
        ("route", ", ".join(sorted(set(counted["route"]) - {""}))),
        ("engine version", ", ".join(map(str, results.engines))),
        ("programs compiled by XLA", by_xla),
        ("workers", ", ".join(str(number) for number in workers)),
    ]
    for index, environment in enumerate(results.environments.values(), start=1):
        which = f" ({index})" if len(results.environments) > 1 else ""
        named = {"keras-harness": environment.harness, **environment.versions}
        named["processor"] = environment.processor
        if environment.accelerator:
            named["accelerator"] = environment.accelerator
        rows += [
            (f"{name}{which}", text) for name, text in (named | dict(environment.flags)).items()
        ]
    return rows
