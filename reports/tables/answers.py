"""The verdict table: one row per arm, in the order of the study."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness.spec import label
from reports import estimates, frames, verdicts, wording
from reports.tables.provenance import statuses, timing_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reports.frames import Results
    from reports.verdicts import Comparison, Judged, Verdict

_COMPARED: Mapping[str, Callable[[Comparison], float]] = {
    "pairs": lambda found: found.pairs,
    "difference": lambda found: found.difference,
    "typical": lambda found: found.typical,
    "low": lambda found: found.low,
    "high": lambda found: found.high,
    "t_low": lambda found: found.described.low,
    "t_high": lambda found: found.described.high,
    "p": lambda found: found.p,
    "p_adjusted": lambda found: found.adjusted,
    "p_floor": lambda found: found.floor,
    "effect": lambda found: found.effect,
    "superiority": lambda found: found.superiority.share,
    "superiority_low": lambda found: found.superiority.low,
    "superiority_high": lambda found: found.superiority.high,
    "pairing": lambda found: found.pairing,
    "correlation": lambda found: found.correlation,
    "wins": lambda found: found.wins,
    "losses": lambda found: found.losses,
    "ties": lambda found: found.ties,
}
_COUNTS = ("pairs", "wins", "losses", "ties")


def verdict_table(results: Results, judged: Judged) -> pd.DataFrame:
    """Everything that is known of each arm of a study, as numbers.

    Returns:
        The columns of ``comparison_table``, with levels, statuses and costs. No column but
        ``attempts`` and ``seconds`` depends on how the trials were executed.
    """
    table, levels = comparison_table(judged), pd.DataFrame(_levels(results))
    counts = statuses(results)[["completed", "diverged", "failed", "unfinished"]]
    parts = [table[["arm", "label"]], levels, table.drop(columns=["arm", "label", "diverged"])]
    return pd.concat([*parts, counts, _executed(results)], axis="columns")


def comparison_table(judged: Judged) -> pd.DataFrame:
    """Table of the findings on each arm, as numbers.

    Differences and their limits are on the declared scale (column ``scale``): in the metric's
    unit, or differences of natural logarithms. Means are in the metric's unit, geometric on a
    log scale, and missing where a trial diverged; the median counts diverged as worst.

    Returns:
        One row per arm.
    """
    there = ~np.isnan(judged.grid.cells) | judged.grid.diverged
    frame = pd.DataFrame(
        {
            "arm": range(len(judged.labels)),
            "label": pd.Series(judged.labels, dtype="str"),
            "n": there.sum(axis=1),
            "mean": [interval.mean for interval in judged.means],
            "mean_low": [interval.low for interval in judged.means],
            "mean_high": [interval.high for interval in judged.means],
            "median": _medians(judged),
        }
    )
    diverged = pd.Series(judged.grid.diverged.sum(axis=1), name="diverged")
    return pd.concat([frame, _compared(judged), diverged], axis="columns")


def formatted(judged: Judged) -> pd.DataFrame:
    """The verdict table for people: the columns that carry the answer, as text."""
    units, level = judged.units, wording.percent(judged.rule.confidence)
    table, found = comparison_table(judged), judged.by_arm
    unit = f" ({units.unit})" if units.unit else ""
    rows = [
        {
            "Arm": row.label,
            "Verdict": _verdict(found.get(row.arm)),
            f"Difference{unit}": _difference(found.get(row.arm), judged),
            f"{level} simultaneous interval": _interval(found.get(row.arm), judged),
            "Adjusted p": wording.p_value(row.p_adjusted),
            "Mean": _mean(row, judged),
            "n": str(row.n),
        }
        for row in table.itertuples()
    ]
    return pd.DataFrame(rows, dtype="str")


def details(results: Results, judged: Judged) -> pd.DataFrame:
    """Details behind each verdict, as text; columns that say nothing are left out."""
    rows = [
        {
            "Trials": _counted(row),
            "Parameters": "" if pd.isna(row.parameters) else f"{row.parameters:,}",
            "Training": "" if np.isnan(row.seconds) else f"{row.seconds:.3g} s",
            "Chosen hyperparameters": row.hyperparameters,
        }
        for row in verdict_table(results, judged).itertuples()
    ]
    frame = pd.concat([tested(judged), pd.DataFrame(rows, dtype="str")], axis="columns")
    return frame.loc[:, (frame != "").any()]


def tested(judged: Judged) -> pd.DataFrame:
    """Findings of the tests behind each verdict, as text; columns that say nothing are left out."""
    level, found = wording.percent(judged.rule.confidence), judged.by_arm
    rows = [
        {
            "Arm": row.label,
            "Decided by": row.decided_by,
            "Won / lost / tied": ""
            if pd.isna(row.wins)
            else f"{row.wins} / {row.losses} / {row.ties}",
            "Probability of being better": _probability(row),
            "Effect (d)": "" if np.isnan(row.effect) else f"{row.effect:+.2f}",
            "Typical difference": _typical(found.get(row.arm), judged),
            "Raw p": wording.p_value(row.p),
            "Smallest possible p": wording.p_value(row.p_floor),
            "Pairing worth": "" if np.isnan(row.pairing) else f"x{row.pairing:.2f}",
            "Replicates needed": "" if pd.isna(row.needed) else f"about {row.needed}",
            "Failed": _failed(row),
            f"{level} interval of the mean": judged.units.values(row.mean_low, row.mean_high),
            "Median": judged.units.value(row.median),
        }
        for row in comparison_table(judged).itertuples()
    ]
    return pd.DataFrame(rows, dtype="str").loc[:, lambda frame: (frame != "").any()]


def caption(judged: Judged) -> str:
    """Caption of the printed table: the quantity shown, and the direction that is better."""
    mean = "geometric means" if judged.rule.scale == "log" else "means"
    better = "higher" if judged.rule.maximize else "lower"
    text = (
        f"{judged.units.name} ({better} is better), {mean} of {judged.replicates} paired "
        f"replicates; diff to {judged.labels[judged.baseline]}"
    )
    cells = [_interval(verdict, judged) for verdict in judged.verdicts]
    described = "; intervals in parentheses assume normal differences and decide nothing"
    return f"{text}{described}" if any(cell.startswith("(") for cell in cells) else text


def printed(judged: Judged) -> pd.DataFrame:
    """The verdict table for a terminal of 100 columns, as text."""
    units, found = judged.units, judged.by_arm
    unit = f" ({units.unit})" if units.unit else ""
    rows = [
        {
            "arm": row.label,
            "n": str(row.n),
            f"mean{' (%)' if units.percent else ''}": _mean(row, judged, unit=""),
            f"diff{unit}": _difference(found.get(row.arm), judged),
            f"{wording.percent(judged.rule.confidence)} interval": _interval(
                found.get(row.arm), judged
            ),
            "adj. p": wording.p_value(row.p_adjusted),
            "verdict": _verdict(found.get(row.arm)),
        }
        for row in comparison_table(judged).itertuples()
    ]
    return pd.DataFrame(rows, dtype="str")


def _levels(results: Results) -> dict[str, list[str]]:
    return {
        frames.column(factor): [label(arm.levels[factor]) for arm in results.arms]
        for factor in results.study.factors
    }


def _medians(judged: Judged) -> list[float]:
    """Medians in the metric's unit, diverged trials counted as worst; NaN where one is median."""
    found = []
    for scores in verdicts.scored(judged.grid, judged.rule):
        there = np.sort(scores.numbers[~np.isnan(scores.numbers)])
        middle = (
            there[[(len(there) - 1) // 2, len(there) // 2]] if len(there) else np.array([np.nan])
        )
        median = float(middle.mean()) if np.isfinite(middle).all() else np.nan
        found.append(float(np.exp(median)) if judged.rule.scale == "log" else median)
    return found


def _compared(judged: Judged) -> pd.DataFrame:
    """The columns that a baseline does not have."""
    found = judged.by_arm
    texts = ("decided_by", "verdict", "size", "reading")
    rows: list[dict[str, Any]] = []
    for arm in range(len(judged.labels)):
        if arm == judged.baseline:
            rows.append(dict.fromkeys(texts, "") | {"verdict": "baseline"})
            continue
        verdict = found[arm]
        numbers = {name: take(verdict.comparison) for name, take in _COMPARED.items()}
        rows.append(
            {
                **numbers,
                "decided_by": verdict.comparison.decided_by,
                "verdict": verdict.word,
                "size": verdict.size,
                "needed": verdict.needed,
                "reading": verdict.reading,
            }
        )
    frame = pd.DataFrame(rows, columns=[*_COMPARED, "needed", *texts])
    floats = dict.fromkeys(set(_COMPARED) - set(_COUNTS), "float64")
    frame = frame.astype({**floats, **dict.fromkeys((*_COUNTS, "needed"), "Int64")})
    frame.insert(5, "scale", judged.rule.scale)
    return frame


def _executed(results: Results) -> pd.DataFrame:
    """Facts about the trials of each arm: their size, their settings and their cost."""
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


def _verdict(verdict: Verdict | None) -> str:
    return verdict.text if verdict else "baseline"


def _difference(verdict: Verdict | None, judged: Judged) -> str:
    """Mean difference, or the typical one where a pair is infinite."""
    if verdict is None:
        return ""
    found = verdict.comparison
    if np.isfinite(found.difference):
        return judged.units.number(found.difference)
    return f"~{judged.units.number(found.typical)}" if np.isfinite(found.typical) else ""


def _interval(verdict: Verdict | None, judged: Judged) -> str:
    """Exact interval; Student's in parentheses, where the exact one is open."""
    if verdict is None:
        return ""
    found, units = verdict.comparison, judged.units
    exact = units.differences(found.low, found.high)
    if exact or verdict.word == "no difference observed":
        return exact
    described = units.differences(found.described.low, found.described.high)
    return f"({described})" if described else ""


def _mean(row: Any, judged: Judged, unit: str = " %") -> str:
    """Mean of an arm, or the reason why it has none."""
    if row.diverged:
        return f"{row.diverged}/{row.n} diverged"
    return judged.units.value(row.mean, unit)


def _typical(verdict: Verdict | None, judged: Judged) -> str:
    """Hodges and Lehmann's estimate, where the mean is made by a few replicates."""
    if verdict is None:
        return ""
    found = verdict.comparison
    if np.isnan(found.difference) or abs(found.difference - found.typical) > found.half / 2:
        return judged.units.number(found.typical)
    return ""


def _probability(row: Any) -> str:
    """The probability of superiority with its exact limits."""
    if np.isnan(row.superiority):
        return ""
    ends = [f"{100 * share:.0f}" for share in (row.superiority_low, row.superiority_high)]
    return f"{100 * row.superiority:.0f} % ({' to '.join(ends)})"


def _failed(row: Any) -> str:
    """Number of trainings that diverged, and the rates that this number is compatible with."""
    if not row.n:
        return ""
    found = estimates.share(row.diverged, row.n, 0.95)
    if not row.diverged:
        return f"0 of {row.n} (up to {wording.percent_of(found.high)})"
    ends = " to ".join(wording.percent_of(share) for share in (found.low, found.high))
    return f"{row.diverged} of {row.n} ({ends})"


def _counted(row: Any) -> str:
    """The statuses of an arm's confirm trials."""
    names = ("completed", "diverged", "failed", "unfinished")
    return ", ".join(f"{getattr(row, name)} {name}" for name in names if getattr(row, name))
