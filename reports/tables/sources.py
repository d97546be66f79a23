"""Trainings that arms start from, and how well each does on its own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from harness import catalog
from reports import wording

if TYPE_CHECKING:
    from reports.frames import Results


def sources(results: Results) -> pd.DataFrame:
    """Mean of the decisive quantity on the source's own test cases, at its best epoch.

    Returns:
        A row per source, ``source``, ``data``, ``cases`` (to train and validate on), ``arms`` (that
        start there), ``trained`` (completed trainings), ``missing`` (all others), ``mean`` and
        ``deviation`` over replicates; NaN where the quantity is not measured. Empty for a study
        without sources.
    """
    rows, quantity = results.sources, f"test/{results.metric.name}"
    found = []
    for name, card in results.card.sources.items():
        own = rows[rows["source"] == name] if len(rows) else rows
        done = own[own["status"] == "completed"] if len(own) else own
        values = done[quantity] if quantity in done else pd.Series(dtype="float64")
        given = [{**results.study.fixed, **arm.levels}.get("source") for arm in results.arms]
        found.append(
            {
                "source": name,
                "data": card.label,
                "cases": card.cases,
                "arms": given.count(name),
                "trained": len(done),
                "missing": len(own) - len(done),
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
    metric = results.metric.model_copy(update={"split": "test"})
    units = wording.units(metric, catalog.METRICS[metric.name], (), results.card.target)
    means = ["" if pd.isna(row.mean) else units.value(row.mean) for row in table.itertuples()]
    return pd.DataFrame(
        {
            "Source": table["source"],
            "Data": table["data"],
            "Cases": [f"{cases:,}" for cases in table["cases"]],
            "Arms": table["arms"].astype(str),
            "Trained": table["trained"].astype(str),
            f"Its own {units.name}": means,
        },
        dtype="str",
    )
