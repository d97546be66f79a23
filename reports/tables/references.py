"""The arms against methods that train no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from reports import wording

if TYPE_CHECKING:
    from reports.frames import Results
    from reports.verdicts import Judged

_COLUMNS = (
    "reference",
    "reference_mean",
    "arm",
    "mean",
    "pairs",
    "difference",
    "low",
    "high",
    "p_adjusted",
    "verdict",
    "scale",
)


def references(results: Results, judged: Judged) -> pd.DataFrame:
    """One row per method and arm that it is meant for, as numbers.

    Differences are of the arm to the method, on the declared scale (column ``scale``), paired by
    replicate; their intervals hold together over this table.
    """
    rows = [
        (
            results.references[one.reference - len(results.arms)].label,
            one.mean.mean,
            results.arms[verdict.arm].label,
            judged.means[verdict.arm].mean,
            verdict.comparison.pairs,
            verdict.comparison.difference,
            verdict.comparison.low,
            verdict.comparison.high,
            verdict.comparison.adjusted,
            verdict.word,
            judged.rule.scale,
        )
        for one in judged.references
        for verdict in one.verdicts
    ]
    return pd.DataFrame(rows, columns=[*_COLUMNS])


def printed_references(results: Results, judged: Judged) -> pd.DataFrame:
    """For a terminal of 100 columns: a row per arm, a column per method, difference and verdict.

    Methods that are meant for one level each share a column.
    """
    units = judged.units
    columns: dict[str, dict[int, str]] = {}
    unit = f" ({units.unit})" if units.unit else ""
    for one in judged.references:
        reference = results.references[one.reference - len(results.arms)]
        name = reference.label
        if reference.levels:
            name = f"{reference.shared} by {', '.join(reference.levels)}"
        else:
            name = f"{name}: {units.value(one.mean.mean)}"
        for verdict in one.verdicts:
            difference = units.number(verdict.comparison.difference)
            cell = f"{difference} {verdict.word}".strip()
            columns.setdefault(name, {})[verdict.arm] = cell
    if not columns:
        return pd.DataFrame()
    rows = {
        name: [cells.get(arm.index, "") for arm in results.arms] for name, cells in columns.items()
    }
    arms = {f"diff{unit}": [arm.label for arm in results.arms]}
    return pd.DataFrame({**arms, **rows}, dtype="str")


def formatted_references(results: Results, judged: Judged) -> pd.DataFrame:
    """Table of the references, for people."""
    units, level = judged.units, wording.percent(judged.rule.confidence)
    unit = f" ({units.unit})" if units.unit else ""
    rows = [
        {
            "Reference": row.reference,
            "Its mean": units.value(row.reference_mean),
            "Arm": row.arm,
            "Verdict": row.verdict,
            f"Difference{unit}": units.number(row.difference),
            f"{level} simultaneous interval": units.differences(row.low, row.high),
            "Adjusted p": wording.p_value(row.p_adjusted),
            "Mean": units.value(row.mean),
        }
        for row in references(results, judged).itertuples()
    ]
    return pd.DataFrame(rows, dtype="str")
