"""Shares of dead and saturated units, and sharpness, over the epochs of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

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
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged

LAYERS = 6
"""Layers that a figure shows at most, evenly spread over the depth."""

_ACROSS, _HEIGHT, _TALL = 3, 120.0, 230.0


def spread_out(names: Sequence[str], most: int) -> list[str]:
    """Some of the names, the first and the last among them.

    Example:
        >>> spread_out(["a", "b", "c", "d", "e"], 3)
        ['a', 'c', 'e']
    """
    if len(names) <= most:
        return [*names]
    return [names[place] for place in np.linspace(0, len(names) - 1, most).round().astype(int)]


def shares(results: Results, judged: Judged, quantity: str) -> Figure | None:
    """A share of the units of each layer over epochs, a panel per layer and a line per arm.

    Args:
        results: that were read.
        judged: their verdicts.
        quantity: ``dead`` or ``saturated``.

    Returns:
        ``None`` where it was measured once at most, or is zero everywhere.
    """
    rows = _rows(results, judged, quantity)
    rows = rows[rows["layer"] != NETWORK]
    if rows["epochs"].nunique() < 2 or not rows["value"].any():
        return None
    layers = spread_out(diagnostics.layers(rows), LAYERS)
    colors = line_colors(judged)
    with styled():
        figure, drawn = lanes(layers, _ACROSS, _HEIGHT, diagnostics.diagnostic(quantity).words)
        lasts: list[dict[int, float]] = []
        for axes, layer in zip(drawn, layers, strict=True):
            last = {}
            for arm, own in rows[rows["layer"] == layer].groupby("arm"):
                band = quartiles(own, "epochs")
                draw_band(axes, band, colors[int(str(arm))], f"median-{arm}", log=False)
                last[int(str(arm))] = float(band["median"].iloc[-1])
            lasts.append(last)
        drawn[0].set_ylim(-0.02, max(0.1, min(1.02, 1.1 * float(rows["value"].max()))))
        drawn[0].yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        drawn[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
        _epochs(figure)
        for place in last_in_row(layers, _ACROSS):
            name_lines(drawn[place], lasts[place], colors, judged)
    return figure


def sharpness(results: Results, judged: Judged) -> Figure | None:
    """The largest eigenvalue of the Hessian over epochs; dashed, 2 / learning rate of plain SGD.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where it was measured once at most, or has no positive value.
    """
    rows = _rows(results, judged, "sharpness")
    if rows["epochs"].nunique() < 2:
        return None
    arms = sorted(rows["arm"].unique().tolist())
    colors, edges = line_colors(judged), stable(results, arms)
    with styled():
        figure, (axes,) = lanes([""], 1, _TALL, "sharpness")
        values, last = [*edges.values()], {}
        for arm, own in rows.groupby("arm"):
            band = quartiles(own, "epochs")
            draw_band(axes, band, colors[int(str(arm))], f"median-{arm}", log=True)
            values += band.to_numpy().ravel().tolist()
            last[int(str(arm))] = float(band["median"].iloc[-1])
        if not fit_log(axes, values):
            return None
        for arm, edge in edges.items():
            axes.axhline(edge, color=colors[arm], lw=1.1, ls=(0, (5, 3)), gid=f"edge-{arm}")
        _epochs(figure)
        name_lines(axes, last, colors, judged)
    return figure


def stable(results: Results, arms: Sequence[int]) -> dict[int, float]:
    """The sharpness up to which gradient descent is stable, 2 / learning rate, by arm.

    Arms with momentum, a schedule, or another optimizer have other limits and are left out.
    """
    found = {}
    for arm in arms:
        settings = results.settings.get(arm, {})
        rate = settings.get("learning_rate")
        if is_plain(settings) and isinstance(rate, int | float) and rate > 0:
            found[arm] = 2 / rate
    return found


def is_plain(settings: Mapping[str, Any]) -> bool:
    """True for gradient descent without momentum at a constant learning rate."""
    optimizer = settings.get("optimizer")
    named = optimizer if isinstance(optimizer, dict) else {"name": optimizer}
    schedule = settings.get("schedule")
    planned = schedule if isinstance(schedule, dict) else {"name": schedule}
    constant = planned.get("name") in {None, "constant"} and not planned.get("warmup")
    return named.get("name") == "sgd" and not named.get("momentum") and constant


def _rows(results: Results, judged: Judged, quantity: str) -> pd.DataFrame:
    """Rows of a quantity, of the arms that lines are drawn of."""
    rows = results.inside
    if rows.empty:
        return rows.reindex(columns=["arm", "layer", "epochs", "value"])
    return rows[(rows["quantity"] == quantity) & rows["arm"].isin(ranged(judged, LINES))]


def _epochs(figure: Figure) -> None:
    figure.axes[0].xaxis.set_major_locator(MaxNLocator(5, integer=True))
    for axes in figure.axes:
        if axes.xaxis.get_tick_params()["labelbottom"]:
            axes.set_xlabel("epochs trained", labelpad=3)
