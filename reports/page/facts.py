"""Study in one line, file that repeats it, and advice on what would tell more."""

from __future__ import annotations

from math import expm1, floor, isfinite, log1p, log10
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from harness import catalog, studyfile
from harness.spec import Arrays, Columns, Images, Part, Range, Whole, whole
from harness.targets import names_code
from reports import estimates, tables, wording
from reports.page.markup import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from harness.card import Card
    from harness.spec import Study
    from reports.frames import Results
    from reports.verdicts import Judged, Verdict
    from reports.wording import Units

_NAMED = 12
"""Number of classes that are named."""


def facts(results: Results, judged: Judged) -> list[Item]:
    """The study in a few words and numbers."""
    study, card, better = results.study, results.card, "higher" if judged.rule.maximize else "lower"
    found = {
        "Decided by": f"{judged.units.axis} ({better} is better)",
        "Baseline": results.arms[judged.baseline].label,
        "Arms": str(len(results.arms)),
        "Paired replicates": str(study.replicates),
        "Data": f"{_data(results)}, {_cases(card)}",
        **_classes(card),
        "Network": f"{study.template}{_parameters(results)}",
        **_epochs(results),
        **({"Tuning": f"{study.tune.trials} candidates per arm"} if study.tune else {}),
        **({"Trained": _when(*results.trained)} if results.trained else {}),
    }
    return [Item(name=name, value=value) for name, value in found.items()]


def _data(results: Results) -> str:
    return results.card.label.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _cases(card: Card) -> str:
    """Number of cases, called images where they have three axes and the last is thin."""
    image = len(card.shape) == 3 and card.shape[2] <= 4
    noun = "image" if image else "example"
    return f"{card.cases + card.tests:,} {noun}s, {card.tests:,} of them to test"


def _classes(card: Card) -> Mapping[str, str]:
    """Names of the classes, and the accuracy of a guess that looks at no input."""
    found = {}
    if card.classes and not all(name.isdecimal() for name in card.classes):
        found["Classes"] = wording.listed(card.classes, most=_NAMED)
    elif card.task == "classification":
        found["Classes"] = str(card.outputs)
    counts = card.test_counts or card.counts
    chance = max(counts) / sum(counts) if sum(counts) else card.chance
    if chance and catalog.TASKS[card.task].classes:
        found["Chance level"] = f"{100 * chance:.1f} %"
    return found


def _parameters(results: Results) -> str:
    known = results.confirm["parameters"].dropna()
    return f", {_span(known)} parameters" if len(known) else ""


def _epochs(results: Results) -> Mapping[str, str]:
    """Number of epochs of the completed trainings, a range where patience ended some early."""
    confirm = results.confirm
    whole = confirm.loc[confirm["status"] == "completed", ["arm", "replicate"]]
    rows = results.epochs[results.epochs["phase"] == "confirm"].merge(whole)
    last = rows.groupby(["arm", "replicate"])["epoch"].max()
    return {"Epochs": _span(last + 1)} if len(last) else {}


def _span(numbers: Iterable[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _when(first: datetime, last: datetime) -> str:
    """Days of the results, and the time between the first and the last, pauses included.

    Example:
        >>> from datetime import datetime
        >>> _when(datetime(2026, 3, 1, 9), datetime(2026, 3, 1, 9, 4))
        '1 March 2026, within 4 min'
        >>> _when(datetime(2026, 3, 1, 9), datetime(2026, 3, 2, 9, 4))
        '1 March 2026 to 2 March 2026, within 24 h'
    """
    days = [f"{moment.day} {moment:%B %Y}" for moment in (first, last)]
    minutes = max(1, round((last - first).total_seconds() / 60))
    span = f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
    return f"{' to '.join(dict.fromkeys(days))}, within {span}"


def study_file(results: Results) -> str:
    """The study as a file that can be run again, without the folders of this machine."""
    study = results.study
    remarks = ["# keras-harness run study.toml"]
    source = whole(study.dataset)
    if not source or (isinstance(source, Arrays) and not source.file):
        remarks.append("# Its data were given from Python; name their file as dataset.")
    if names_code(study.template):
        remarks.append(f"# Needs {study.template.partition(':')[0]}.py beside it.")
    return "\n".join([*remarks, studyfile.dump(_without_folders(study))])


def _without_folders(study: Study) -> Study:
    """Study with absolute paths cut to their last part, as they show where a person works."""
    source = study.dataset
    shown = _shown(whole(source))
    if isinstance(source, Part):
        return study.model_copy(update={"dataset": source.model_copy(update={"name": shown})})
    return study.model_copy(update={"dataset": shown})


def _shown(source: Whole) -> Whole:
    match source:
        case Columns():
            changes = {"file": _last(source.file), "test": _last(source.test)}
        case Images():
            changes = {"folder": _last(source.folder)}
        case Arrays():
            changes = {"file": _last(source.file)}
        case _:
            return _last(str(source))
    return source.model_copy(update=changes)


def _last(path: str) -> str:
    return PurePath(path).name if path.startswith(("/", "~")) else path


def outlook(results: Results, judged: Judged) -> list[str]:
    """Advice, with numbers, on what would tell more; empty where nothing is open."""
    if judged.missing:
        return ["Run the study again: it trains what is missing and nothing else."]
    undecided = [verdict for verdict in judged.verdicts if verdict.word == "undecided"]
    replicates = [*_deciding(undecided, results, judged), *_resolving(undecided, judged)]
    if replicates:
        replicates.append(
            "More replicates belong to a new study with another seed, whose number is fixed "
            "beforehand: adding some because an answer looked close makes wrong verdicts likelier."
        )
    return [*replicates, *_widening(results)]


def _deciding(undecided: list[Verdict], results: Results, judged: Judged) -> list[str]:
    """Advice on the number of replicates that would decide what is undecided."""
    rule = judged.rule
    if undecided and all(verdict.comparison.pairs < rule.fewest for verdict in undecided):
        family = wording.count(rule.family, "comparison")
        return [f"At least {rule.fewest} replicates are needed to decide {family}."]
    known = sorted((verdict.needed, verdict.arm) for verdict in undecided if verdict.needed)
    if not known:
        return []
    parts = [f"{results.arms[arm].label} (about {number})" for number, arm in known]
    return [f"Replicates that would decide, were the truth as seen: {wording.listed(parts)}."]


def _resolving(undecided: list[Verdict], judged: Judged) -> list[str]:
    """Advice on the number of replicates that would show smaller differences than these do."""
    found = [verdict.comparison for verdict in undecided]
    found = [one for one in found if np.isfinite(one.differences).all() and isfinite(one.half)]
    half = float(np.median([one.half for one in found])) if found else 0.0
    if not half or any(one.pairs < 3 for one in found):
        return []
    units, rule = judged.units, judged.rule
    shown = _rounder(abs(_printed(half, units)))
    size = log1p(shown / 100) if units.relative else shown / (100 if units.percent else 1)
    spread = float(np.median([np.std(one.differences, ddof=1) for one in found]))
    number = estimates.replicates_to_resolve(spread, size, rule.level, rule.family)
    if not number:
        return []
    unit = "point" if units.unit == "points" and shown == 1 else units.unit
    text, now = f"{shown:g} {unit}".strip(), f"{abs(_printed(half, units)):.2g}"
    pairs = f"where {min(one.pairs for one in found)} resolve {now}"
    return [f"About {number} replicates would resolve {text} of {units.name}, {pairs}."]


def _printed(half: float, units: Units) -> float:
    """A half-width as people read it."""
    return 100 * expm1(half) if units.relative else half * (100 if units.percent else 1)


def _rounder(number: float) -> float:
    """The next smaller of 1, 2, 5, 10, ..., well below a number.

    Example:
        >>> _rounder(0.9), _rounder(3.0), _rounder(12.0)
        (0.5, 1.0, 5.0)
    """
    wanted = 0.6 * number
    power = 10.0 ** floor(log10(wanted))
    return float(f"{max(step for step in (1, 2, 5) if step * power <= wanted) * power:.3g}")


def _widening(results: Results) -> list[str]:
    """Search ranges at whose ends choices lie."""
    space = results.study.tune.space if results.study.tune else {}
    found: dict[tuple[str, str], list[str]] = {}
    for arm, text in tables.edges(results).items():
        for part in text.split(", "):
            name, _, end = part.removesuffix(" end").rpartition(" at its ")
            found.setdefault((name, end), []).append(results.arms[arm].label)
    sentences = []
    for (name, end), arms in sorted(found.items()):
        bounds = space[name]
        assert isinstance(bounds, Range)
        where = f"below {bounds.min:g}" if end == "lower" else f"above {bounds.max:g}"
        tried = "lowest" if end == "lower" else "highest"
        sentences.append(
            f"Widen {name} {where}: of the values that were tried, {wording.listed(arms)} chose "
            f"the {tried}."
        )
    return sentences
