"""Labels saved: what the baseline needs to do what another arm does with fewer."""

from __future__ import annotations

from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness.pairs import fewest_pairs
from reports import estimates, verdicts, wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.estimates import Saving
    from reports.frames import Results
    from reports.verdicts import Judged, Ladder

_SEED = 1972
_TOLD = 6
"""Most arms that a sentence each is written about."""


def savings(results: Results, judged: Judged) -> pd.DataFrame:
    """Labels that every arm of the other factors saves, compared with the baseline's.

    Returns:
        Columns ``arm`` (levels of the other factors), ``labels`` (per class), ``mean`` (of the
        deciding metric, in its unit; NaN where a training diverged), ``reached_with`` (fewest
        labels with which the arm does as well), ``baseline_needs``, ``saving``, ``bound``
        (``above`` or ``below`` where the saving is a bound), ``low``, ``high`` (0 and infinity
        where open) and ``replicates``. Empty unless the study varies the number of labels and
        something else.
    """
    found = verdicts.ladders(results)
    if not found:
        return pd.DataFrame()
    scores = [one.numbers for one in verdicts.scored(judged.grid, judged.rule)]
    control, *others = (np.array([scores[arm] for arm in one.arms]) for one in found)
    rows = []
    for ladder, treated in zip(found[1:], others, strict=True):
        told = estimates.savings(
            ladder.counts,
            treated,
            control,
            np.random.default_rng(_SEED),
            maximize=judged.rule.maximize,
            confidence=judged.rule.confidence,
        )
        rows += [_row(ladder, place, one, judged) for place, one in enumerate(told)]
    return pd.DataFrame(rows)


def _row(ladder: Ladder, place: int, one: Saving, judged: Judged) -> dict[str, object]:
    return {
        "arm": ladder.label,
        "labels": ladder.counts[place],
        "mean": judged.means[ladder.arms[place]].mean,
        "reached_with": one.own,
        "baseline_needs": one.needed,
        "saving": one.factor,
        "bound": one.bound,
        "low": one.low,
        "high": one.high,
        "replicates": one.replicates,
    }


def formatted_savings(results: Results, judged: Judged) -> pd.DataFrame:
    """Table of ``savings`` for people; numbers of labels that do equally well share a row.

    Without a column of intervals where there are too few replicates for any.
    """
    table = savings(results, judged)
    if table.empty:
        return table
    level = wording.percent(judged.rule.confidence)
    own = table["reached_with"].fillna(table["labels"])
    shown = [
        {
            "Arm": first.arm,
            "Labels per class": _span(rows["labels"].tolist()),
            "Baseline needs": _factor(first.baseline_needs, first.bound),
            "Times fewer labels": _factor(first.saving, first.bound),
            f"{level} interval": _interval(first.low, first.high),
        }
        for _, rows in table.groupby([table["arm"], own], sort=False)
        for first in rows.head(1).itertuples()
    ]
    found = pd.DataFrame(shown, dtype="str")
    return found if table["low"].notna().any() else found.iloc[:, :-1]


def saved(results: Results, judged: Judged) -> list[str]:
    """Saving of every other arm as a sentence, unless there are many.

    Told is the one with the fewest labels for which there is more than a bound.
    """
    table, found = savings(results, judged), verdicts.ladders(results)
    if len(found) - 1 > _TOLD or not found:
        return []
    known = table[table["saving"].notna()].sort_values(
        "bound", key=lambda one: one != "", kind="stable"
    )
    known = known.drop_duplicates("arm").sort_index()
    level = wording.percent(judged.rule.confidence)
    return [_told(row, found[0].label, level) for row in known.itertuples()]


def unsaved(results: Results, judged: Judged) -> list[str]:
    """Sentences on what savings leave out: numbers without a mean, replicates, intervals."""
    found, table = verdicts.ladders(results), savings(results, judged)
    if not found:
        return []
    texts = []
    holes = [hole for ladder in found for hole in _holes(ladder, judged)]
    if holes:
        texts.append(
            f"Without a mean, and so left out of the curves: {wording.listed(holes, most=8)}. "
            "The curve goes straight from the number before to the one after, as if the trainings "
            "that failed there had done as well as their neighbours."
        )
    used, fewest = int(table["replicates"].min()), fewest_pairs(1, judged.rule.level)
    if used < judged.replicates:
        texts.append(
            f"Savings use the replicates that are finished in both arms, at least {used} of "
            f"{judged.replicates}."
        )
    if used < fewest:
        texts.append(
            f"No interval with fewer than {wording.count(fewest, 'replicate')}: so few cannot bear "
            f"one of {wording.percent(judged.rule.confidence)}."
        )
    return texts


def _holes(ladder: Ladder, judged: Judged) -> list[str]:
    """Numbers of labels at which an arm has no mean, and why."""
    found = []
    for count, arm in zip(ladder.counts, ladder.arms, strict=True):
        diverged, cells = judged.grid.diverged[arm], judged.grid.cells[arm]
        why = ""
        if diverged.any():
            why = f"{diverged.sum()} of {judged.replicates} diverged"
        elif np.isnan(cells).all():
            why = "not trained"
        elif judged.rule.scale == "log" and (cells == 0).any():
            why = "a loss of zero"
        if why:
            found.append(f"{ladder.label} with {count} ({why})")
    return found


def _told(row: Any, baseline: str, level: str) -> str:
    """One saving as a sentence."""
    labels = wording.count(int(row.labels), "label")
    start = f"{row.arm} with {labels} per class"
    interval = _interval(row.low, row.high)
    behind = f" ({level} interval {interval})" if interval else ""
    number = _factor(row.baseline_needs, "")
    if row.bound == "above":
        times = _factor(row.saving, "above").lstrip("> ")
        return (
            f"{start} does better than {baseline} with any number tried, up to {number}: more "
            f"than {times} times fewer labels{behind}."
        )
    if row.bound == "below":
        return (
            f"{start} does worse than {baseline} with {number}: a factor below "
            f"{_factor(row.saving, 'below').lstrip('< ')}{behind}."
        )
    times = f"{_factor(row.saving, '')} times fewer labels"
    if row.saving < 1:
        more = _factor(1 / row.saving, "")
        factor = f"a factor of {_factor(row.saving, '')}{behind}"
        return f"{start} does what {baseline} does with {number}: {factor}, {more} times as many."
    return f"{start} does what {baseline} does with {number}: {times}{behind}."


def _span(labels: Sequence[int]) -> str:
    return f"{labels[0]}" if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"


def _factor(number: float, bound: str) -> str:
    """A factor with two digits, a bound rounded to the side on which it stays true.

    Example:
        >>> _factor(4.2345, ""), _factor(12.56, "above"), _factor(0.333, "below")
        ('4.2', '> 12', '< 0.34')
    """
    if not isfinite(number):
        return ""
    power = max(1 - floor(log10(number)), 0)
    scaled = number * 10**power
    rounding = {"above": lambda x: floor(x + 1e-9), "below": lambda x: ceil(x - 1e-9)}
    whole = rounding.get(bound, round)(scaled)
    sign = {"above": "> ", "below": "< "}.get(bound, "")
    found = whole / 10**power
    return f"{sign}{found:g}" if bound else f"{found:.{power}f}"


def _interval(low: float, high: float) -> str:
    """Ends of an interval; empty without one."""
    if np.isnan(low):
        return ""
    if isfinite(high):
        end = _factor(high, "")
        return f"{_factor(low, '')} to {end}" if low > 0 else f"below {end}"
    return f"above {_factor(low, '')}" if low > 0 else "open"
