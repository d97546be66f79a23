"""The metrics that do not decide: means of every arm, described and not tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness import catalog
from reports import frames, wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from harness.catalog import Metric as Entry
    from reports.frames import Results
    from reports.wording import Units

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """One metric of all arms: its cells by arm and replicate, and what becomes of them."""

    quantity: str
    name: str
    entry: Entry
    cells: Array
    means: Array
    spreads: Array

    @property
    def says(self) -> bool:
        """True if any of its numbers differ between trainings."""
        known = self.cells[~np.isnan(self.cells)]
        return bool(np.isfinite(self.means).any() and np.ptp(known) > 0)


def others(results: Results) -> pd.DataFrame:
    """Mean and spread over replicates of other metrics, at the deciding metric's split and epoch.

    Returns:
        Column ``arm`` and two per metric: the mean, named ``split/name@epoch`` (geometric on a
        log scale), and the standard deviation, the same with ``sd`` behind it. NaN for an arm of
        which a replicate is missing or has diverged. Empty if nothing else was measured.
    """
    found = {}
    for one in _measured(results):
        found[one.quantity] = one.means
        found[f"{one.quantity} sd"] = one.spreads
    if not found:
        return pd.DataFrame()
    return pd.DataFrame({"arm": [arm.label for arm in results.arms], **found})


def formatted_others(results: Results) -> pd.DataFrame:
    """Table of the other metrics for people, without those that are the same in all trainings.

    Returns:
        Text such as ``97.1 % (0.4)``, the spread in parentheses.
    """
    shown = {}
    for one in _measured(results):
        if one.says:
            units = _units(results, one)
            pairs = zip(one.means.tolist(), one.spreads.tolist(), strict=True)
            shown[_head(one, units)] = [_cell(mean, spread, units) for mean, spread in pairs]
    if not shown:
        return pd.DataFrame()
    return pd.DataFrame({"Arm": [arm.label for arm in results.arms], **shown}, dtype="str")


def best_others(results: Results) -> set[tuple[int, str]]:
    """Rows and columns of ``formatted_others`` that hold the best mean of a metric, as printed."""
    found = set()
    for one in _measured(results):
        if one.says:
            units = _units(results, one)
            best = np.nanmin if one.entry.minimize else np.nanmax
            wanted = units.value(float(best(one.means)))
            printed = [units.value(mean) for mean in one.means.tolist()]
            rows = [row for row, text in enumerate(printed) if text == wanted]
            found |= {(row, _head(one, units)) for row in rows}
    return found


def _measured(results: Results) -> Iterator[_Measured]:
    """Measured metrics other than the deciding one."""
    decides = results.metric
    for name, entry in catalog.METRICS.items():
        quantity = f"{decides.split}/{name}@{decides.epoch}"
        if name in {decides.name, "loss"} or quantity not in results.trials:
            continue
        cells = frames.grid(results, quantity).cells
        yield _Measured(
            quantity=quantity,
            name=name,
            entry=entry,
            cells=cells,
            means=np.array([_mean(row, entry.scale) for row in cells]),
            spreads=np.array([np.std(row, ddof=1) if len(row) > 1 else np.nan for row in cells]),
        )


def _mean(values: Array, scale: str) -> float:
    if np.isnan(values).any():
        return float("nan")
    if scale == "log" and (values > 0).all():
        return float(np.exp(np.mean(np.log(values))))
    return float(np.mean(values))


def _units(results: Results, one: _Measured) -> Units:
    metric = results.metric.model_copy(update={"name": one.name})
    return wording.units(metric, one.entry, one.spreads.tolist(), results.card.target)


def _head(one: _Measured, units: Units) -> str:
    """The name of a metric, and what it is counted in; the split is the deciding metric's."""
    return f"{one.name.replace('_', ' ')}{units.axis.removeprefix(units.name)}"


def _cell(mean: float, spread: float, units: Units) -> str:
    if not np.isfinite(mean):
        return ""
    text = units.value(mean)
    if not np.isfinite(spread):
        return text
    digits = f"{100 * spread:.{units.decimals}f}" if units.percent else f"{spread:.2g}"
    return f"{text} ({digits})"
