"""Histograms of the outputs of bounded activations, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports import diagnostics
from reports.figures.courses import LAYERS, spread_out
from reports.figures.style import (
    COLORS,
    GREY,
    INK,
    full_width,
    place,
    ranged,
    sheet,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged

ROWS = 8
"""Arms that the figure shows at most, the first of those with bounded activations."""

_LABEL, _GAP, _TITLE, _HEIGHT, _BELOW = 120.0, 8.0, 20.0, 58.0, 18.0


def outputs(results: Results, judged: Judged) -> Figure | None:
    """Shares of outputs between the lowest and the highest that an activation can have.

    Filled: at the end; outlined: before the first step. Medians over replicates.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where no activation is bounded, or nothing was measured.

    Reference:
        Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural
        Networks", 2010, figure 4.
    """
    rows = results.inside
    if rows.empty:
        return None
    rows = rows[rows["quantity"].str.startswith("hist_")]
    if rows.empty:
        return None
    arms = ranged(judged, ROWS, {*rows["arm"]})
    rows = rows[rows["arm"].isin(arms)]
    rows = rows.assign(bin=rows["quantity"].str.removeprefix("hist_").astype(int))
    layers = spread_out(diagnostics.layers(rows), LAYERS)
    start, end = (diagnostics.at(results, rows, moment) for moment in ("start", "end"))
    with styled():
        return _draw(start, end, arms, layers, judged)


def _draw(
    start: pd.DataFrame, end: pd.DataFrame, arms: list[int], layers: list[str], judged: Judged
) -> Figure:
    left = _LABEL if full_width() > 500 else 4.0
    above = 4.0 if left > 4 else 18.0
    width = (full_width() - left - 8 - _GAP * (len(layers) - 1)) / len(layers)
    step = _HEIGHT + above + 10
    figure = sheet(_TITLE + len(arms) * step + _BELOW)
    for row, arm in enumerate(arms):
        top = _TITLE + row * step + above
        for column, layer in enumerate(layers):
            axes = place(figure, left + column * (width + _GAP), top, width, _HEIGHT)
            _histogram(axes, _bins(end, arm, layer), _bins(start, arm, layer), f"{arm}-{layer}")
            if row == 0:
                axes.set_title(wrapped(layer, int(width / 6), lines=1), size=9, pad=4 + above)
            if column == 0:
                at = (-0.06, 0.5) if left > 4 else (0.0, 1.06)
                axes.text(
                    *at,
                    wrapped(judged.labels[arm], 18 if left > 4 else 56, lines=3),
                    transform=axes.transAxes,
                    ha="right" if left > 4 else "left",
                    va="center" if left > 4 else "bottom",
                    size=9.5,
                )
    figure.text(
        (left + (full_width() - left) / 2) / full_width(),
        5 / (72 * figure.get_figheight()),
        "output, from the lowest to the highest possible",
        ha="center",
        size=9.5,
    )
    return figure


def _bins(rows: pd.DataFrame, arm: int, layer: str) -> pd.Series:
    own = rows[(rows["arm"] == arm) & (rows["layer"] == layer)]
    return own.groupby("bin")["value"].median()


def _histogram(axes: Axes, end: pd.Series, start: pd.Series, gid: str) -> None:
    count = max(len(end), len(start))
    axes.set(xticks=[], yticks=[])
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    if not count:
        axes.text(
            0.5, 0.5, "not available", size=8, ha="center", va="center", transform=axes.transAxes
        )
        return
    edges = np.linspace(0, 1, count + 1)
    if len(end):
        axes.stairs(end.to_numpy(), edges, fill=True, color=COLORS["better"], alpha=0.75, gid=gid)
    if len(start):
        axes.stairs(start.to_numpy(), edges, color=INK, lw=1.0, gid=f"{gid}-start")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.05 * max([*end, *start, 1e-9]))
