"""Quantities measured inside networks: their words, and the scale that they are compared on.

Diagnostics are explored, not decided by: none of them is a metric, and none has a better side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.records import NETWORK
from reports import estimates

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from reports.estimates import Scale
    from reports.frames import Results

    Array = NDArray[np.float64]

Moment = Literal["start", "first", "end"]
"""Before the first step; after the first epochs that were measured; at the end."""

WHEN: Mapping[Moment, str] = {
    "start": "at the start",
    "first": "early",
    "end": "at the end",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One quantity.

    Args:
        words: name for people.
        scale: of differences between arms: ``log`` for what spans decades.
        share: whether it lies between 0 and 1.
    """

    words: str
    scale: Scale = "identity"
    share: bool = False


DIAGNOSTICS: Mapping[str, Diagnostic] = {
    "weight_gradient_rms": Diagnostic(words="RMS gradient of the weights", scale="log"),
    "weight_gradient_variance": Diagnostic(words="variance of the weights' gradient", scale="log"),
    "preactivation_gradient_rms": Diagnostic(words="RMS back-propagated gradient", scale="log"),
    "preactivation_gradient_variance": Diagnostic(
        words="variance of the back-propagated gradient", scale="log"
    ),
    "gradient_ratio": Diagnostic(
        words="back-propagated variance, first hidden layer over last", scale="log"
    ),
    "update_ratio": Diagnostic(words="size of a step, relative to the weights", scale="log"),
    "weight_norm": Diagnostic(words="norm of the weights", scale="log"),
    "spectral_norm": Diagnostic(words="largest singular value of the weights", scale="log"),
    "activation_mean": Diagnostic(words="mean output"),
    "activation_spread": Diagnostic(words="spread of the outputs", scale="log"),
    "saturated": Diagnostic(words="share of saturated outputs", share=True),
    "dead": Diagnostic(words="share of dead units", share=True),
    "dead_units": Diagnostic(words="number of dead units"),
    "probe_accuracy": Diagnostic(words="accuracy of a linear probe", share=True),
    "effective_rank": Diagnostic(words="effective rank", scale="log"),
    "effective_rank_permuted": Diagnostic(words="effective rank, permuted", scale="log"),
    "purity": Diagnostic(words="purity of nearest neighbours", share=True),
    "loss": Diagnostic(words="loss on the probe", scale="log"),
    "sharpness": Diagnostic(words="sharpness (largest eigenvalue)", scale="log"),
    "sharpness_residual": Diagnostic(words="residual of the sharpness", scale="log"),
}
"""Those that have words of their own; others are shown by their name, and compared as they are."""

SHAPES = ("hist_", "time_")
"""Beginnings of quantities that are parts of a picture, and compared by none of their numbers."""


def diagnostic(quantity: str) -> Diagnostic:
    """The entry of a quantity.

    Example:
        >>> diagnostic("dead").words, diagnostic("new_thing").words
        ('share of dead units', 'new thing')
    """
    return DIAGNOSTICS.get(quantity, Diagnostic(words=quantity.replace("_", " ")))


def measured(results: Results) -> pd.DataFrame:
    """Rows of ``results.inside`` that are numbers to compare, and no parts of a picture."""
    rows = results.inside
    return rows if rows.empty else rows[~rows["quantity"].str.startswith(SHAPES)]


def at(results: Results, rows: pd.DataFrame, moment: Moment) -> pd.DataFrame:
    """Rows of one moment of every training.

    Args:
        results: that the rows are part of.
        rows: of ``results.inside``.
        moment: the end is that of trainings that completed; what a diverged one was like before it
            diverged is none.
    """
    if rows.empty or moment == "start":
        return rows if rows.empty else rows[rows["epochs"] == 0]
    rows = rows[rows["epochs"] > 0]
    place = [rows["arm"], rows["replicate"]]
    if moment == "first":
        return rows[rows["epochs"] == rows["epochs"].groupby(place).transform("min")]
    confirm = results.confirm
    whole = confirm.loc[confirm["status"] == "completed", ["arm", "replicate"]]
    ends = rows[rows["epochs"] == rows["epochs"].groupby(place).transform("max")]
    return ends.merge(whole, on=["arm", "replicate"])


def cells(results: Results, rows: pd.DataFrame) -> dict[tuple[str, str], Array]:
    """Values by quantity and layer, replicates side by side.

    Args:
        results: that the rows are part of.
        rows: of one moment.

    Returns:
        By ``(quantity, layer)``, in the order of depth, the network as a whole last: shape
        ``(arms, replicates)``, NaN where nothing was measured.
    """
    count = results.study.replicates
    rows = rows[rows["replicate"] < count]
    found: dict[tuple[str, str], Array] = {}
    for name, layer in rows[["quantity", "layer"]].drop_duplicates().itertuples(index=False):
        found[name, layer] = np.full((len(results.arms), count), np.nan)
    for row in rows[["quantity", "layer", "arm", "replicate", "value"]].itertuples(index=False):
        found[row[0], row[1]][row[2], row[3]] = row[4]
    depth = layers(rows)
    rank = {name: place for place, name in enumerate(DIAGNOSTICS)}

    def place(key: tuple[str, str]) -> tuple[int, str, int]:
        return rank.get(key[0], len(rank)), key[0], depth.index(key[1])

    return {key: found[key] for key in sorted(found, key=place)}


def layers(rows: pd.DataFrame) -> list[str]:
    """Names of layers from the first to the last, the network as a whole behind them.

    Where networks differ in depth, a layer stands where the deepest of them has it: the outputs
    of a shallow network do not come between the layers of a deep one.
    """
    depths = rows["depth"].to_numpy(dtype=np.float64, na_value=np.inf).tolist()
    last: dict[str, float] = {}
    for name, depth in zip(rows["layer"].tolist(), depths, strict=True):
        last[name] = max(depth, last.get(name, -np.inf))
    return sorted(last, key=lambda name: (name == NETWORK, last[name]))


def compared_on(values: Array, quantity: str) -> Scale:
    """Scale of differences: logarithms only where nothing lies below zero.

    Example:
        >>> compared_on(np.array([1.0, -0.5]), "sharpness"), compared_on(np.ones(2), "sharpness")
        ('identity', 'log')
    """
    scale = diagnostic(quantity).scale
    return "identity" if scale == "log" and bool((values < 0).any()) else scale


def scaled(values: Array, quantity: str) -> Array:
    """Values on the scale that they are compared on."""
    return estimates.on_scale(values, compared_on(values, quantity))
