"""Tables of features: probes, ranks and neighbours by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from reports import layers

if TYPE_CHECKING:
    from reports.frames import Results

_SHARES = {"Linear probe (%)": "probe_accuracy", "Same class near (%)": "purity"}


def learned(results: Results) -> pd.DataFrame:
    """Quantities of the features of layers; see ``layers.profiles``."""
    return layers.profiles(results)


def formatted_learned(results: Results) -> pd.DataFrame:
    """Table of ``learned`` for people: medians over replicates, behind those before training.

    Returns:
        One row per arm and layer; ``n/a`` where something could not be measured.
    """
    rows = layers.profiles(results)
    if rows.empty:
        return pd.DataFrame()
    wide = rows.pivot_table("median", ["arm", "depth", "layer"], ["quantity", "trained"])
    label = dict(zip(rows["arm"], rows["label"], strict=True))

    def told(place: object, quantity: str, form: str, factor: float = 1) -> str:
        both = [wide.get((quantity, trained)) for trained in (False, True)]
        before, after = (
            "n/a" if one is None or pd.isna(one[place]) else format(factor * one[place], form)
            for one in both
        )
        return f"{before} \u2192 {after}" if {before, after} != {"n/a"} else "n/a"

    found = []
    for place in wide.index:
        arm, _, layer = place
        row = {"Arm": label[arm], "Layer": layer}
        row |= {name: told(place, one, ".1f", 100) for name, one in _SHARES.items()}
        row["Effective rank"] = told(place, "effective_rank", ".1f")
        row["Permuted"] = told(place, "effective_rank_permuted", ".1f")
        found.append(row)
    return pd.DataFrame(found, dtype="str")
