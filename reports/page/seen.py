"""Sections on what networks said of test cases."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from reports import figures, seen, tables, wording
from reports.page.markup import Fold, Plate, Section, grid
from reports.page.markup import plate as _laid

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.seen import Classes
    from reports.verdicts import Judged

    Draw = Callable[[Results, Judged], Figure | None]

_ROWS = 12
"""Rows of a table on the page; the file beside it has all of them."""


def sections(results: Results, judged: Judged) -> list[Callable[[], Section | None]]:
    """Functions that give a section each, or ``None`` where it has no content."""
    parts = (_classes, _hardest, _restored, _anomalies, _codes, _predictions, _unavailable)
    return [partial(part, results, judged) for part in parts]


def _unavailable(results: Results, judged: Judged) -> Section | None:  # noqa: ARG001, as all parts
    """Say that nothing was kept, where something could have been."""
    parts = (seen.classes, seen.pictures, seen.scored, seen.extremes, seen.codes, seen.fitted)
    if not seen.expected(results) or any(part(results) for part in parts):
        return None
    text = (
        "Not available: these trainings have left no excerpt of what they said of test cases, or "
        "its files are gone. Trainings of this version leave one; finished ones are not repeated "
        "for it."
    )
    return Section(id="seen", title="What networks say of test cases", texts=(text,))


def _classes(results: Results, judged: Judged) -> Section | None:
    found = seen.classes(results)
    if found is None:
        return None
    left = _left_out(judged, figures.CLASS_ARMS) + _classes_left_out(found)
    partly = (
        " Of each training only the most frequent confusions were kept." if found.partly else ""
    )
    plates = _plates(
        _plate(
            results,
            judged,
            figures.confusion,
            "confusion",
            "What classes are taken for",
            "Mean over replicates, each row of all classes adding up to 100 %. Blue: told "
            "correctly. Orange: errors, the darker the more frequent, on one scale for all arms; "
            f"in numbers from 1 % on, where there is room.{partly}{left}",
        ),
        _plate(
            results,
            judged,
            figures.class_accuracy,
            "class_accuracy",
            "Class by class",
            "Share of the test cases of each class that is told correctly, mean over replicates. "
            f"Hollow: the baseline.{left}",
        ),
    )
    table = tables.formatted_class_differences(results, judged, _ROWS)
    return Section(
        id="classes",
        title="Class by class",
        texts=(_which_epoch(results), *_absent(found), *_differing(results, judged, found)),
        figures=plates,
        tables=() if table.empty else (grid(table),),
    )


def _differing(results: Results, judged: Judged, found: Classes) -> list[str]:
    """Sentences on the classes where arms differ from the baseline."""
    every = seen.differences(results, judged)
    if not every:
        return []
    base, level = judged.labels[judged.baseline], wording.percent(judged.rule.confidence)
    if judged.missing:
        return ["Results are missing: nothing is decided about single classes."]
    decided = [one for one in every if one.word in tables.DECIDED]
    pairs = min(one.comparison.pairs for one in every)
    told = (
        f"On single classes {wording.count(len(decided), 'difference')} from {base} can be told "
        f"from chance, of {wording.count(len(every), 'comparison')} (arms times classes). They are "
        f"made pair by pair, by the same exact test as the verdicts, and share a confidence of "
        f"{level}."
    )
    fewest = replace(judged.rule, family=len(every)).fewest
    if pairs < fewest:
        told += f" So many comparisons need {fewest} pairs to decide anything; there are {pairs}."
    if len(decided) > _ROWS:
        told += f" The {_ROWS} largest are shown; class_differences.csv has all."
    most = float(np.nanmax(found.totals))
    few = f" Classes are small: the largest has {most:.0f} test cases." if most < 100 else ""
    return [told + few]


def _absent(found: Classes) -> list[str]:
    names = found.absent
    if not names:
        return []
    return [f"Without a test case, and left out: {wording.listed(names, most=12)}."]


def _which_epoch(results: Results) -> str:
    """Sentence on the weights, which may be other than those that the verdicts are about."""
    text = "What the network of the best epoch says of the test cases."
    if results.metric.epoch == "last":
        text += " The verdicts are about the last epoch, which may be another."
    return text


def _hardest(results: Results, judged: Judged) -> Section | None:
    if seen.classes(results) is None or results.card.task != "classification":
        return None
    found = seen.hardest(results)
    title = "The hardest test cases"
    if not found:
        text = "No test case is taken for another class by most replicates of most arms."
        return Section(id="hardest", title=title, texts=(text,))
    number = wording.count(len(found), "test case") + (" is" if len(found) == 1 else " are")
    text = (
        f"{number} taken for another class by more than half of the replicates of more than half "
        "of the arms. Such a case is hard for reasons that no arm changes: it may be unlike all "
        "others, or its label may be wrong. It is worth looking at."
    )
    stride = seen.stride(results)
    if stride > 1:
        text += f" One of every {stride} test cases was looked at."
    plates = _plates(
        _plate(
            results,
            judged,
            figures.hard_cases,
            "hard_cases",
            "The hardest test cases",
            "Place in the test split from 0, class, what it is most often taken for, and in how "
            "many of all trainings. Shown are those of which a training has kept a picture.",
        )
    )
    table = grid(tables.formatted_hard_cases(results, _ROWS))
    more = len(found) > _ROWS
    rest = (f"The first {_ROWS}; hard_cases.csv has all {len(found)}.",) if more else ()
    fold = Fold(title="As a table", texts=rest, tables=(table,))
    return Section(
        id="hardest",
        title=title,
        texts=(text,),
        figures=plates,
        tables=() if plates else (table,),
        folds=(fold,) if plates else (),
    )


def _restored(results: Results, judged: Judged) -> Section | None:
    denoises = bool(results.card.noise)
    told = (
        "The same test images clean, as every method was shown them, and as it gave them back."
        if denoises
        else "The same test cases, and what is left of them behind the code of every arm. A method "
        "for one size of the code stands under the arms of that size."
    )
    rows = " Grey: the original." if len(results.card.shape) == 1 else ""
    plates = _plates(
        _plate(
            results,
            judged,
            figures.restored,
            "restored",
            "What comes back",
            f"The first test cases, in the first replicate.{rows} All are drawn on one scale."
            + _left_out(judged, figures.METHODS),
        )
    )
    if not plates:
        return None
    return Section(id="restored", title="What comes back", texts=(told,), figures=plates)


def _anomalies(results: Results, judged: Judged) -> Section | None:
    left = _left_out(judged, figures.ANOMALY_ARMS)
    plates = _plates(
        _plate(
            results,
            judged,
            figures.roc,
            "roc",
            "How many anomalies are found, at what price",
            "For every threshold of the score: share of anomalies above it, and of normal "
            "cases that raise a false alarm. Median over replicates; band: the middle half. Grey: "
            f"chance, and methods that train no network.{left}",
        ),
        _plate(
            results,
            judged,
            figures.score_histograms,
            "score_histograms",
            "How scores are spread",
            "Blue, filled: normal test cases; orange outline: anomalies; each of the same area, of "
            "all replicates. The less they overlap, the better. The outermost bins hold all that "
            f"lies beyond.{left}",
        ),
        _plate(
            results,
            judged,
            figures.extreme_cases,
            "extreme_cases",
            "The most and the least anomalous test cases",
            "In the first replicate, the most extreme first on both sides. "
            f"Bold: where the method is wrong.{left}",
        ),
    )
    if not plates:
        return None
    text = (
        "Each test case has a score, such as the error of its reconstruction; a threshold makes an "
        "alarm of it. The area under the curve of alarms is the auroc."
    )
    return Section(
        id="anomalies",
        title="What raises an alarm",
        texts=(text, _which_epoch(results)),
        figures=plates,
    )


def _codes(results: Results, judged: Judged) -> Section | None:
    plates = _plates(
        _plate(
            results,
            judged,
            figures.code,
            "code",
            "The code",
            "Codes of some test cases in the first replicate, every name in the middle of its "
            "class. A code of more than two numbers is shown on its two principal axes, which may "
            "hide what lies behind. Axes of different panels mean different things."
            + _left_out(judged, figures.CODE_ARMS)
            + _unnamed(results),
        )
    )
    if not plates:
        return None
    text = (
        "A dot is a test case. Classes that are apart can be told from the code alone, although no "
        "label was used in training."
    )
    return Section(id="code", title="The code", texts=(text,), figures=plates)


def _unnamed(results: Results) -> str:
    more = results.card.outputs - figures.NAMED
    return f" The {figures.NAMED} most frequent classes are named, others grey." if more > 0 else ""


def _predictions(results: Results, judged: Judged) -> Section | None:
    plates = _plates(
        _plate(
            results,
            judged,
            figures.predictions,
            "predictions",
            "Predicted and true",
            "A dot per test case: the mean of its predictions over replicates; a line spans all of "
            "them. On the diagonal a prediction is right." + _left_out(judged, figures.FITTED_ARMS),
        )
    )
    if not plates:
        return None
    return Section(
        id="predictions",
        title="Predicted and true",
        texts=(_which_epoch(results),),
        figures=plates,
    )


def _plate(
    results: Results, judged: Judged, draw: Draw, name: str, title: str, caption: str
) -> Plate | None:
    """A figure, laid out for a desk and a phone; ``None`` where there is nothing to draw."""
    figure = draw(results, judged)
    if figure is None:
        return None
    with figures.laid_out(figures.NARROW):
        small = draw(results, judged)
    return _laid(figure, name, title, caption, small)


def _plates(*drawn: Plate | None) -> tuple[Plate, ...]:
    return tuple(one for one in drawn if one is not None)


def _left_out(judged: Judged, most: int) -> str:
    """Sentence on the arms that a figure leaves out; empty if it shows all."""
    number = len(judged.labels) - most
    if number <= 0:
        return ""
    return (
        f" Shown are the baseline and the {most - 1} arms with the best means; "
        f"{wording.count(number, 'other')} are in the tables beside this page."
    )


def _classes_left_out(found: Classes) -> str:
    number = len(found.present) - figures.CLASSES
    if number <= 0:
        return ""
    return (
        f" Of {len(found.present)} classes the {figures.CLASSES} with the most errors are shown; "
        "the tables beside this page have all."
    )
