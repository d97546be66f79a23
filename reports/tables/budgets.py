"""Rankings at several budgets: a shorter training may have had another winner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness import catalog
from reports import wording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.frames import Results

BUDGETS = 5
"""Budgets that are compared, evenly spaced, the whole training included."""


def budgets(results: Results) -> pd.DataFrame:
    """Mean of the deciding metric on validation cases, after so many epochs.

    Every replicate counts with its value after exactly that epoch, which a schedule of learning
    rates made for the whole training may not suit.

    Returns:
        Column ``arm``, and one per budget, named ``after N epochs``; NaN for an arm of which a
        replicate did not get so far. Empty where the metric is not measured in every epoch, or the
        trainings were of fewer than five epochs.
    """
    quantity, rows = f"val/{results.metric.name}", results.epochs
    if quantity not in rows:
        return pd.DataFrame()
    rows = rows[rows["phase"] == "confirm"]
    longest = int(rows["epoch"].max()) + 1 if len(rows) else 0
    if longest < BUDGETS:
        return pd.DataFrame()
    arms = range(len(results.arms))
    replicates = results.confirm.groupby("arm")["replicate"].nunique().reindex(arms)
    found: dict[str, object] = {"arm": [arm.label for arm in results.arms]}
    for part in range(1, BUDGETS + 1):
        epochs = -(-longest * part // BUDGETS)
        there = rows[rows["epoch"] == epochs - 1].groupby("arm")[quantity]
        whole = there.count().reindex(arms) == replicates
        found[f"after {epochs} epochs"] = there.mean().reindex(arms).where(whole).to_numpy()
    return pd.DataFrame(found)


def formatted_budgets(results: Results) -> pd.DataFrame:
    """Table of ``budgets`` for people.

    Returns:
        Text such as ``0.720 (1)``, the rank in parentheses.
    """
    table = budgets(results)
    if table.empty:
        return table
    metric = results.metric.model_copy(update={"split": "val"})
    entry = catalog.METRICS[metric.name]
    units = wording.units(metric, entry, (), results.card.target)
    shown = {"Arm": table["arm"].tolist()}
    for name in table.columns[1:]:
        means = table[name].to_numpy(dtype=np.float64)
        ranks = _ranks(means * entry.sign)
        shown[name.capitalize()] = [
            f"{units.value(mean)} ({rank})" if np.isfinite(mean) else ""
            for mean, rank in zip(means.tolist(), ranks, strict=True)
        ]
    return pd.DataFrame(shown, dtype="str")


def leaders(results: Results) -> dict[str, str]:
    """The arm with the best mean at every budget, by the name of its column in ``budgets``."""
    table, sign = budgets(results), catalog.METRICS[results.metric.name].sign
    found = {}
    for name in table.columns[1:]:
        means = table[name].to_numpy(dtype=np.float64) * sign
        if np.isfinite(means).any():
            found[name] = str(table["arm"].iloc[int(np.nanargmin(means))])
    return found


def _ranks(scores: NDArray[np.float64]) -> list[int]:
    """Place of each score, the smallest first; equal ones share the better place."""
    return [int((scores < score).sum()) + 1 for score in scores]
