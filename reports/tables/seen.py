"""Answers of networks for test cases, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reports import seen, wording

if TYPE_CHECKING:
    from reports.frames import Results
    from reports.seen import Difference
    from reports.verdicts import Judged

DECIDED = frozenset({"better", "worse"})
"""Verdicts on classes that tables for people show."""


def confusions(results: Results) -> pd.DataFrame:
    """A row per arm, class and class that it was taken for: mean share of the class."""
    found = seen.classes(results)
    if found is None:
        return pd.DataFrame()
    arms, true, taken = np.nonzero(np.nan_to_num(found.taken))
    names = np.array(found.names, dtype=object)
    return pd.DataFrame(
        {
            "arm": [results.arms[arm].label for arm in arms],
            "class": names[true],
            "taken_for": names[taken],
            "share": found.taken[arms, true, taken].astype(np.float64),
        }
    )


def class_accuracies(results: Results) -> pd.DataFrame:
    """A row per arm and class that has a test case: how often it is told, over replicates.

    Returns:
        Columns ``arm``, ``class``, ``cases`` (of the test split), ``replicates``, ``mean`` and
        ``sd``.
    """
    found = seen.classes(results)
    if found is None:
        return pd.DataFrame()
    rows = []
    for arm in results.arms:
        for one in found.present:
            values = found.right[arm.index, :, one]
            values = values[~np.isnan(values)]
            if len(values):
                spread = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
                cases = int(found.totals[one])
                rows.append(
                    (arm.label, found.names[one], cases, len(values), values.mean(), spread)
                )
    return pd.DataFrame(rows, columns=["arm", "class", "cases", "replicates", "mean", "sd"])


def class_differences(results: Results, judged: Judged) -> pd.DataFrame:
    """A row per arm and class: the arm against the baseline, as numbers.

    Intervals hold together over this table.
    """
    rows = [
        (
            results.arms[one.comparison.arm].label,
            results.card.class_name(one.number),
            one.comparison.pairs,
            one.comparison.difference,
            one.comparison.low,
            one.comparison.high,
            one.comparison.adjusted,
            one.word,
        )
        for one in seen.differences(results, judged)
    ]
    names = ["arm", "class", "pairs", "difference", "low", "high", "p_adjusted", "verdict"]
    return pd.DataFrame(rows, columns=names)


def formatted_class_differences(
    results: Results, judged: Judged, most: int | None = None
) -> pd.DataFrame:
    """Table of the classes on which an arm is better or worse than the baseline, for people.

    Args:
        results: that were read.
        judged: their verdicts.
        most: rows at most, those with the largest differences. Default: all.
    """
    found = [one for one in seen.differences(results, judged) if one.word in DECIDED]
    found.sort(key=lambda one: -abs(_size(one)))
    units = wording.Units(name="share told", percent=True, relative=False)
    level = wording.percent(judged.rule.confidence)
    rows = [
        {
            "Arm": results.arms[one.comparison.arm].label,
            "Class": results.card.class_name(one.number),
            "Verdict": one.word,
            "Difference (points)": units.number(one.comparison.difference),
            f"{level} simultaneous interval": units.differences(
                one.comparison.low, one.comparison.high
            ),
            "Adjusted p": wording.p_value(one.comparison.adjusted),
        }
        for one in found[:most]
    ]
    return pd.DataFrame(rows, dtype="str")


def _size(one: Difference) -> float:
    """The difference, or the typical one where a training diverged."""
    known = (one.comparison.difference, one.comparison.typical)
    return next((number for number in known if np.isfinite(number)), np.inf)


def hard_cases(results: Results) -> pd.DataFrame:
    """A row per test case that most replicates of most arms get wrong.

    Returns:
        Columns ``case`` (its place in the test split, from 0), ``class``, ``taken_for``, ``wrong``
        (share of all trainings) and ``arms`` (of which most replicates get it wrong).
    """
    rows = [
        (
            one.case,
            results.card.class_name(one.true),
            results.card.class_name(one.taken),
            one.share,
            one.arms,
        )
        for one in seen.hardest(results)
    ]
    return pd.DataFrame(rows, columns=["case", "class", "taken_for", "wrong", "arms"])


def formatted_hard_cases(results: Results, most: int | None = None) -> pd.DataFrame:
    """Table of the hardest test cases, for people.

    Args:
        results: that were read.
        most: rows at most. Default: all.
    """
    rows = [
        {
            "Test case": str(row.case),
            "Class": row[2],
            "Taken for": row.taken_for,
            "Wrong in": wording.percent_of(row.wrong),
            "Arms": f"{row.arms} of {len(results.arms)}",
        }
        for row in hard_cases(results).head(most).itertuples()
    ]
    return pd.DataFrame(rows, dtype="str")


def roc_curves(results: Results) -> pd.DataFrame:
    """Share of anomalies found, by share of false alarms: quartiles over replicates."""
    parts = []
    for one in seen.scored(results):
        grid = np.linspace(0, 1, len(one.curve.median))
        columns = {"false_alarms": grid, "low": one.curve.low, "found": one.curve.median}
        part = pd.DataFrame({**columns, "high": one.curve.high})
        part.insert(0, "arm", seen.labelled(results, one.index))
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def score_histograms(results: Results) -> pd.DataFrame:
    """Shares of normal cases and of anomalies by score, in units of the median score."""
    parts = []
    for one in seen.scored(results):
        found = seen.histogram(one)
        columns = {"from": found.edges[:-1], "to": found.edges[1:], "normal": found.normal}
        part = pd.DataFrame({**columns, "anomalous": found.anomalous})
        part.insert(0, "arm", seen.labelled(results, one.index))
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def extreme_cases(results: Results) -> pd.DataFrame:
    """The least and the most anomalous test cases of a replicate, by arm and other method."""
    rows = [
        (
            seen.labelled(results, index),
            "least" if place < one.least else "most",
            case,
            one.scores[place],
            one.anomalous[place],
        )
        for index, one in seen.extremes(results).items()
        for place, case in enumerate(one.cases)
    ]
    return pd.DataFrame(rows, columns=["arm", "end", "case", "score", "anomaly"])


def picture_errors(results: Results) -> pd.DataFrame:
    """Mean squared error of every test case that is shown, by arm and other method."""
    found = seen.pictures(results)
    if found is None:
        return pd.DataFrame()
    rows = [
        (seen.labelled(results, index), case, error)
        for index in found.restored
        for case, error in enumerate(found.error(index))
    ]
    return pd.DataFrame(rows, columns=["arm", "case", "mean_squared_error"])


def codes(results: Results) -> pd.DataFrame:
    """Codes of test cases, by arm and other method: two numbers, and the class where it has one."""
    parts = []
    for one in seen.codes(results):
        part = pd.DataFrame(one.points, columns=["x", "y"])
        if one.classes is not None:
            part["class"] = [results.card.class_name(number) for number in one.classes.tolist()]
        part.insert(0, "arm", seen.labelled(results, one.index))
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def predictions(results: Results) -> pd.DataFrame:
    """Predicted and true numbers of test cases: mean, lowest and highest over replicates."""
    parts = [
        pd.DataFrame(
            {
                "arm": results.arms[one.arm].label,
                "case": one.cases,
                "true": one.true,
                "predicted": one.mean,
                "low": one.predicted.min(axis=0),
                "high": one.predicted.max(axis=0),
            }
        )
        for one in seen.fitted(results)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
