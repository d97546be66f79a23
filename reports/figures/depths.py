"""Quantities over the depth of a network, and gradients over the distance to the loss in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from harness.records import NETWORK
from reports import diagnostics
from reports.figures.lines import (
    LINES,
    draw_band,
    fit_log,
    lanes,
    last_in_row,
    line_colors,
    name_lines,
    quartiles,
)
from reports.figures.style import ranged, styled

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged

LAYERS = 2
"""Recurrent layers whose gradients through time a figure shows at most."""

_HEIGHT = 190.0


def deep(results: Results, judged: Judged, quantity: str) -> Figure | None:
    """A quantity over depth, before the first step and at the end, a line per arm.

    Args:
        results: that were read.
        judged: their verdicts.
        quantity: its name.

    Returns:
        ``None`` where fewer than two layers were measured.
    """
    rows = results.inside
    if rows.empty:
        return None
    rows = rows[(rows["quantity"] == quantity) & (rows["layer"] != NETWORK)]
    rows = rows[rows["depth"].notna() & rows["arm"].isin(ranged(judged, LINES))]
    if rows["depth"].nunique() < 2:
        return None
    found = {
        diagnostics.WHEN[moment]: diagnostics.at(results, rows, moment)
        for moment in ("start", "end")
    }
    words = diagnostics.diagnostic(quantity).words
    return _over(found, judged, "depth", "layer, from the input to the output", words)


def through_time(results: Results, judged: Judged) -> Figure | None:
    """Norm of the gradient with respect to the state, by steps before the last one.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where no network is recurrent.
    """
    rows = results.inside
    if rows.empty:
        return None
    rows = rows[rows["quantity"].str.startswith("time_") & rows["arm"].isin(ranged(judged, LINES))]
    if rows.empty:
        return None
    rows = rows.assign(step=rows["quantity"].str.removeprefix("time_").astype(int))
    found = {
        f"{layer}, {diagnostics.WHEN[moment]}": diagnostics.at(
            results, rows[rows["layer"] == layer], moment
        )
        for layer in diagnostics.layers(rows)[:LAYERS]
        for moment in ("start", "end")
    }
    return _over(found, judged, "step", "steps before the last one", "norm of the gradient")


def _over(
    found: Mapping[str, pd.DataFrame], judged: Judged, along: str, label: str, words: str
) -> Figure | None:
    """A panel per moment, a line per arm; logarithmic."""
    found = {title: rows for title, rows in found.items() if len(rows)}
    if not found:
        return None
    colors = line_colors(judged)
    with styled():
        figure, drawn = lanes([*found], 2, _HEIGHT, words)
        values: list[float] = []
        lasts: list[dict[int, float]] = []
        for axes, rows in zip(drawn, found.values(), strict=True):
            last = {}
            for arm, own in rows.groupby("arm"):
                band = quartiles(own, along)
                draw_band(axes, band, colors[int(str(arm))], f"median-{arm}", log=True)
                values += band.to_numpy().ravel().tolist()
                last[int(str(arm))] = float(band["median"].iloc[-1])
            lasts.append(last)
        if not fit_log(drawn[0], values):
            return None
        drawn[0].xaxis.set_major_locator(MaxNLocator(8, integer=True))
        for place in last_in_row([*found], 2):
            name_lines(drawn[place], lasts[place], colors, judged)
        for axes in drawn:
            if axes.xaxis.get_tick_params()["labelbottom"]:
                axes.set_xlabel(label, labelpad=3)
    return figure
