"""The metrics that do not decide: means of every arm, described and not tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness import catalog
from reports import frames, wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from reports.frames import Results


def others(results: Results) -> pd.DataFrame:
    """Mean over replicates of every other metric, at the deciding metric's split and epoch.

    Returns:
        Columns ``arm`` and one per metric, named ``split/name@epoch``; geometric means on a log
        scale, NaN for an arm of which a replicate is missing or has diverged. Empty if nothing
        else was measured.
    """
    found = {
        quantity: [_mean(row, scale) for row in frames.grid(results, quantity).cells]
        for quantity, _, scale in _quantities(results)
    }
    if not found:
        return pd.DataFrame()
    return pd.DataFrame({"arm": [arm.label for arm in results.arms], **found})


def formatted_others(results: Results) -> pd.DataFrame:
    """The same for people."""
    table = others(results)
    if table.empty:
        return table
    shown = {"Arm": table["arm"]}
    for quantity, name, _ in _quantities(results):
        entry = catalog.METRICS[name]
        metric = results.metric.model_copy(update={"name": name})
        units = wording.units(metric, entry, [])
        shown[name.replace("_", " ")] = table[quantity].map(units.value)
    return pd.DataFrame(shown, dtype="str")


def _quantities(results: Results) -> Iterator[tuple[str, str, str]]:
    """Quantity, metric and scale of what else was measured."""
    decides = results.metric
    for name, entry in catalog.METRICS.items():
        quantity = f"{decides.split}/{name}@{decides.epoch}"
        if name not in {decides.name, "loss"} and quantity in results.trials:
            yield quantity, name, entry.scale


def _mean(values: NDArray[np.float64], scale: str) -> float:
    if np.isnan(values).any():
        return float("nan")
    if scale == "log" and (values > 0).all():
        return float(np.exp(np.mean(np.log(values))))
    return float(np.mean(values))
