"""The verdict table: one row per arm, in the order of the study."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness.spec import label
from reports import frames, verdicts, wording
from reports.tables.provenance import statuses, timing_problem

if TYPE_CHECKING:
    from reports.frames import Results
    from reports.verdicts import Judged, Verdict

_COMPARED = {
    "pairs": "pairs",
    "difference": "difference",
    "low": "low",
    "high": "high",
    "p": "p",
    "p_adjusted": "adjusted",
    "p_sign_flip": "sign_flip",
    "p_floor": "floor",
    "correlation": "correlation",
    "wins": "wins",
    "losses": "losses",
    "ties": "ties",
    "decided_by": "decided_by",
}
_COUNTS = ("pairs", "wins", "losses", "ties")


def verdict_table(results: Results, judged: Judged) -> pd.DataFrame:
    """Everything that is known of each arm, as numbers.

    Differences and their limits are on the declared scale (column ``scale``): in the metric's
    unit, or differences of natural logarithms. Means are in the metric's unit, geometric on a
    log scale, and missing where a trial diverged; the median counts diverged as worst.

    Returns:
        One row per arm. No column but ``attempts`` and ``seconds`` depends on how the trials
        were executed.
    """
    frame = pd.DataFrame(
        {
            "arm": [arm.index for arm in results.arms],
            "label": [arm.label for arm in results.arms],
            **_levels(results),
        }
    )
    counts = statuses(results).set_index("arm")
    frame["n"] = counts["completed"].to_numpy() + counts["diverged"].to_numpy()
    frame["mean"] = [interval.mean for interval in judged.means]
    frame["mean_low"] = [interval.low for interval in judged.means]
    frame["mean_high"] = [interval.high for interval in judged.means]
    frame["median"] = _medians(results, judged)
    frame = pd.concat([frame, _compared(results, judged)], axis="columns")
    for status in ("completed", "diverged", "failed", "unfinished"):
        frame[status] = counts[status].to_numpy()
    return pd.concat([frame, _executed(results)], axis="columns")


def formatted(results: Results, judged: Judged) -> pd.DataFrame:
    """The verdict table for people: the columns that carry the answer, as text."""
    units, level = judged.units, wording.percent(judged.rule.confidence)
    table, found = verdict_table(results, judged), judged.by_arm
    unit = f" ({units.unit})" if units.unit else ""
    rows = [
        {
            "Arm": row.label,
            "Verdict": row.verdict,
            f"Difference{unit}": _difference(found.get(row.arm), judged),
            f"{level} simultaneous interval": units.differences(row.low, row.high),
            "Adjusted p": wording.p_value(row.p_adjusted),
            "Mean": _mean(row, judged),
            "n": str(row.n),
        }
        for row in table.itertuples()
    ]
    return pd.DataFrame(rows, dtype="str")


def details(results: Results, judged: Judged) -> pd.DataFrame:
    """What stands behind each verdict, as text."""
    level = wording.percent(judged.rule.confidence)
    rows = [
        {
            "Arm": row.label,
            "Decided by": row.decided_by,
            "Pairs": "" if pd.isna(row.pairs) else str(row.pairs),
            "Won / lost / tied": ""
            if pd.isna(row.wins)
            else f"{row.wins} / {row.losses} / {row.ties}",
            "Correlation of pairs": "" if np.isnan(row.correlation) else f"{row.correlation:.2f}",
            "Raw p": wording.p_value(row.p),
            "Sign-flip p": wording.p_value(row.p_sign_flip),
            "Smallest possible": wording.p_value(row.p_floor),
            f"{level} interval of the mean": judged.units.values(row.mean_low, row.mean_high),
            "Median": judged.units.value(row.median),
            "Trials": _counted(row),
            "Parameters": "" if pd.isna(row.parameters) else f"{row.parameters:,}",
            "Training": "" if np.isnan(row.seconds) else f"{row.seconds:.3g} s",
            "Chosen hyperparameters": row.hyperparameters,
        }
        for row in verdict_table(results, judged).itertuples()
    ]
    return pd.DataFrame(rows, dtype="str").loc[:, lambda frame: (frame != "").any()]


def caption(results: Results, judged: Judged) -> str:
    """One line above the printed table: what is shown, and which way is better."""
    mean = "geometric means" if judged.rule.scale == "log" else "means"
    better = "higher" if judged.rule.maximize else "lower"
    return (
        f"{judged.units.name} ({better} is better), {mean} of {results.study.replicates} paired "
        f"replicates; diff to {results.arms[judged.baseline].label}"
    )


def printed(results: Results, judged: Judged) -> pd.DataFrame:
    """The verdict table for a terminal of 100 columns, as text."""
    units, found = judged.units, judged.by_arm
    unit = f" ({units.unit})" if units.unit else ""
    rows = [
        {
            "arm": row.label,
            "n": str(row.n),
            f"mean{' (%)' if units.percent else ''}": _mean(row, judged, unit=""),
            f"diff{unit}": _difference(found.get(row.arm), judged),
            f"{wording.percent(judged.rule.confidence)} interval": units.differences(
                row.low, row.high
            ),
            "adj. p": wording.p_value(row.p_adjusted),
            "verdict": row.verdict,
        }
        for row in verdict_table(results, judged).itertuples()
    ]
    return pd.DataFrame(rows, dtype="str")


def _levels(results: Results) -> dict[str, list[str]]:
    return {
        frames.column(factor): [label(arm.levels[factor]) for arm in results.arms]
        for factor in results.study.factors
    }


def _medians(results: Results, judged: Judged) -> list[float]:
    """Medians in the metric's unit, diverged trials counted as worst; NaN where that decides."""
    found = []
    for row in verdicts.scaled(results, judged.rule):
        there = np.sort(row[~np.isnan(row)])
        middle = (
            there[[(len(there) - 1) // 2, len(there) // 2]] if len(there) else np.array([np.nan])
        )
        median = float(middle.mean()) if np.isfinite(middle).all() else np.nan
        found.append(float(np.exp(median)) if judged.rule.scale == "log" else median)
    return found


def _compared(results: Results, judged: Judged) -> pd.DataFrame:
    """The columns that a baseline does not have."""
    found = judged.by_arm
    rows: list[dict[str, Any]] = []
    for arm in results.arms:
        if arm.index == judged.baseline:
            rows.append({"verdict": "baseline", "decided_by": "", "reading": ""})
            continue
        verdict = found[arm.index]
        numbers = {name: getattr(verdict.comparison, field) for name, field in _COMPARED.items()}
        rows.append({**numbers, "verdict": verdict.word, "reading": verdict.reading})
    frame = pd.DataFrame(rows, columns=[*_COMPARED, "verdict", "reading"])
    floats = dict.fromkeys(set(_COMPARED) - {*_COUNTS, "decided_by"}, "float64")
    frame = frame.astype({**floats, **dict.fromkeys(_COUNTS, "Int64")})
    frame.insert(4, "scale", judged.rule.scale)
    return frame


def _executed(results: Results) -> pd.DataFrame:
    """What the trials of each arm were: their size, their settings, and their cost."""
    confirm = results.confirm
    first = confirm.drop_duplicates("arm").set_index("arm")
    arms = pd.RangeIndex(len(results.arms), name="arm")
    completed = confirm[confirm["status"] == "completed"].groupby("arm")
    seconds = completed["seconds_train"].median().reindex(arms)
    texts = first["hyperparameters"].map(_settings).reindex(arms).fillna("")
    return pd.DataFrame(
        {
            "parameters": confirm.groupby("arm")["parameters"].max().reindex(arms).to_numpy(),
            "hyperparameters": texts.to_numpy(),
            "attempts": confirm.groupby("arm")["attempts"]
            .sum()
            .reindex(arms, fill_value=0)
            .to_numpy(),
            "seconds": np.nan if timing_problem(results) else seconds.to_numpy(),
        }
    )


def _settings(text: str) -> str:
    """Hyperparameters as people write them."""
    return ", ".join(
        f"{name} = {value:.3g}" if isinstance(value, float) else f"{name} = {label(value)}"
        for name, value in json.loads(text).items()
    )


def _difference(verdict: Verdict | None, judged: Judged) -> str:
    """The mean difference, or what stands in its place."""
    if verdict is None:
        return ""
    if not np.isnan(verdict.comparison.difference):
        return judged.units.number(verdict.comparison.difference)
    return "by ranks" if verdict.comparison.decided_by == "ranks" else ""


def _mean(row: Any, judged: Judged, unit: str = " %") -> str:
    """An arm's mean, or why it has none."""
    if row.diverged:
        return f"{row.diverged}/{row.n} diverged"
    return judged.units.value(row.mean, unit)


def _counted(row: Any) -> str:
    """The statuses of an arm's confirm trials."""
    names = ("completed", "diverged", "failed", "unfinished")
    return ", ".join(f"{getattr(row, name)} {name}" for name in names if getattr(row, name))
