"""Similarities of layers and of networks, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from reports import layers, wording
from reports.estimates import FEWEST

if TYPE_CHECKING:
    from reports.frames import Results

_PAIRS = {
    "same arm, other replicate": (True, False),
    "other arm, same replicate": (False, True),
    "other arm, other replicate": (False, False),
}
"""Kinds of pairs of networks: whether arm and replicate are the same."""


def layer_similarities(results: Results) -> pd.DataFrame:
    """Linear CKA of every two layers of an arm's networks; see ``layers.within``."""
    return layers.within(results, range(len(results.arms)))


def network_similarities(results: Results) -> pd.DataFrame:
    """Linear CKA of every two networks in the layer that they are compared by.

    Returns:
        Columns of ``layers.between``, behind ``first_label`` and ``second_label``.
    """
    rows = layers.between(results, range(len(results.arms)))
    for place, end in enumerate(("first", "second")):
        labels = [results.arms[arm].label for arm in rows[f"{end}_arm"]]
        rows.insert(place, f"{end}_label", pd.Series(labels, dtype="str"))
    return rows


def formatted_similarities(rows: pd.DataFrame) -> pd.DataFrame:
    """Networks within an arm against those of other arms: means, least and largest.

    Args:
        rows: ``network_similarities``.

    Returns:
        One row per kind of pair, and ``n/a`` where none is available.
    """
    if rows.empty:
        return pd.DataFrame()
    arm = rows["first_arm"] == rows["second_arm"]
    replicate = rows["first_replicate"] == rows["second_replicate"]
    found = []
    for name, kind in _PAIRS.items():
        own = rows[(arm == kind[0]) & (replicate == kind[1])]
        if own.empty:
            continue
        known = own["cka"].dropna()
        found.append(
            {
                "Networks": name,
                "Pairs": str(len(own)),
                "Mean CKA": f"{known.mean():.3f}" if len(known) else "n/a",
                "Least": f"{known.min():.3f}" if len(known) else "n/a",
                "Largest": f"{known.max():.3f}" if len(known) else "n/a",
            }
        )
    return pd.DataFrame(found, dtype="str")


def available(rows: pd.DataFrame, alone: pd.DataFrame) -> str:
    """Sentence on what similarities are of: cases, units, and what was left out.

    Args:
        rows: ``network_similarities``.
        alone: ``layer_similarities``.
    """
    if alone.empty:
        return "Similarities are not available: no features were kept."
    cases = _range(alone["cases"])
    widths = _range(pd.concat([alone["first_width"], alone["second_width"]]))
    told = f"n = {cases} cases; p = {widths} units."
    if alone["cka"].isna().all():
        return (
            f"{told} Similarities are not available: they take at least {FEWEST} cases that "
            "every network was asked about, and features that vary."
        )
    lost = int(rows["cka"].isna().sum())
    if lost:
        told += (
            f" {wording.count(lost, 'pair')} of networks cannot be compared, because their data "
            "differ, or a layer does not vary."
        )
    return told


def _range(numbers: pd.Series) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low}" if low == high else f"{low} to {high}"
