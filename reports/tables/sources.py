"""Trainings that arms start from, and how well each does on its own data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from harness import catalog
from harness.spec import Quantity
from reports import wording

if TYPE_CHECKING:
    from collections.abc import Hashable

    from reports.frames import Results


def sources(results: Results) -> pd.DataFrame:
    """Mean of what decides between such trainings, of the source's own test cases.

    It is the study's metric, or of a classifier that generators are judged by, its accuracy.

    Returns:
        A row per source: ``source``, ``data``, ``cases`` (to train and validate on), ``arms`` (that
        need it), ``trained`` (completed trainings), ``missing`` (all others), ``metric``, and its
        ``mean`` and ``deviation`` over trainings at their best epoch. Empty for a study without
        sources.
    """
    rows, found = results.sources, []
    for name, card in results.card.sources.items():
        own = rows[rows["source"] == name]
        done = own[own["status"] == "completed"]
        metric = _metric(results, name)
        values = done[metric] if metric in done else pd.Series(dtype="float64")
        found.append(
            {
                "source": name,
                "data": card.label,
                "cases": card.cases,
                "arms": _arms(results, name),
                "trained": len(done),
                "missing": len(own) - len(done),
                "metric": metric,
                "mean": values.mean(),
                "deviation": values.std(),
            }
        )
    return pd.DataFrame(found)


def formatted_sources(results: Results) -> pd.DataFrame:
    """Table of ``sources`` for people."""
    table = sources(results)
    if table.empty:
        return table
    shown = {
        "Source": table["source"],
        "Data": table["data"],
        "Cases": [f"{cases:,}" for cases in table["cases"]],
        "Arms": table["arms"],
        "Trained": table["trained"],
        "Its own result": [_told(results, row) for row in table.to_dict("records")],
    }
    return pd.DataFrame(shown).astype("str")


def _told(results: Results, row: dict[Hashable, Any]) -> str:
    if pd.isna(row["mean"]):
        return ""
    metric = Quantity.parse(row["metric"]).at("best")
    units = wording.units(metric, catalog.METRICS[metric.name], (), results.card.target)
    return f"{units.name} {units.value(row['mean'])}"


def _metric(results: Results, name: str) -> str:
    """The quantity that a source is described by."""
    known = name in results.study.sources
    own = catalog.TASKS[results.card.sources[name].task].decides
    return f"test/{results.metric.name if known else own}"


def _arms(results: Results, name: str) -> int:
    """Number of arms that need a source; a classifier serves all."""
    if name not in results.study.sources:
        return len(results.arms)
    given = [{**results.study.fixed, **arm.levels}.get("source") for arm in results.arms]
    return given.count(name)
