"""A quantity of every layer at every measurement as a heat map, a panel per arm."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.records import NETWORK
from reports import diagnostics
from reports.figures.style import (
    GREY,
    PANELS,
    full_width,
    is_narrow,
    log_axis,
    place,
    ranged,
    sheet,
    short,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts import Judged

    Array = NDArray[np.float64]

_DECADES = 30.0
"""Ratio of the largest to the smallest value from which on colors are logarithmic."""

_COLORS = "viridis"
_ROW, _ROWS, _TITLE, _GAP, _KEY, _BELOW = 17.0, 12, 32.0, 14.0, 44.0, 34.0


def heated(results: Results, judged: Judged, quantity: str) -> Figure | None:
    """Medians over replicates; layers run down from the input, measurements to the right.

    Args:
        results: that were read.
        judged: their verdicts.
        quantity: its name.

    Returns:
        ``None`` where fewer than two layers were measured, or only one moment.
    """
    rows = results.inside
    if rows.empty:
        return None
    rows = rows[(rows["quantity"] == quantity) & (rows["layer"] != NETWORK)]
    rows = rows[rows["arm"].isin(ranged(judged, PANELS))]
    layers, epochs = diagnostics.layers(rows), sorted(rows["epochs"].unique().tolist())
    if len(layers) < 2 or len(epochs) < 2:
        return None
    medians = {
        int(str(arm)): _medians(own, layers, epochs) for arm, own in rows.groupby("arm", sort=True)
    }
    norm = _norm(np.concatenate([one.ravel() for one in medians.values()]))
    if norm is None:
        return None
    with styled():
        return _draw(medians, layers, epochs, norm, judged, quantity)


def _medians(rows: pd.DataFrame, layers: list[str], epochs: list[int]) -> Array:
    wide = rows.pivot_table(index="layer", columns="epochs", values="value", aggfunc="median")
    return np.asarray(wide.reindex(index=layers, columns=epochs), dtype=np.float64)


def _norm(values: Array) -> Normalize | None:
    """Scale of the colors; a value of zero has none on a logarithmic one."""
    found = values[np.isfinite(values)]
    positive = found[found > 0]
    if not positive.size:
        return None
    low, high = float(positive.min()), float(positive.max())
    if (found >= 0).all() and high / low >= _DECADES:
        return LogNorm(low, high)
    low = float(found.min())
    return Normalize(low, high if high > low else low + 1)


def _draw(
    medians: dict[int, Array],
    layers: list[str],
    epochs: list[int],
    norm: Normalize,
    judged: Judged,
    quantity: str,
) -> Figure:
    narrow = is_narrow()
    left = min(20 + 6.0 * max(map(len, layers)), 120.0)
    across = 1 if narrow else min(len(medians), 3)
    across = ceil(len(medians) / ceil(len(medians) / across))  # rows of like length
    width = (full_width() - left - 12 - _GAP * (across - 1)) / across
    tall = len(layers) * _ROW if len(layers) <= _ROWS else max(_ROWS * _ROW, 5.0 * len(layers))
    down = ceil(len(medians) / across)
    figure = sheet(_KEY + down * (tall + _TITLE + 6) + _BELOW)
    for index, (arm, values) in enumerate(medians.items()):
        row, column = divmod(index, across)
        x, y = left + column * (width + _GAP), _KEY + row * (tall + _TITLE + 6) + _TITLE
        axes = place(figure, x, y, width, tall)
        _panel(axes, values, norm, f"heat-{arm}")
        axes.set_title(wrapped(judged.labels[arm], int(width / 6.2)), size=9.5, linespacing=1.05)
        step = ceil(len(layers) / _ROWS)
        names = [wrapped(name, 18, lines=1) for name in layers[::step]]
        axes.set_yticks(range(0, len(layers), step), names if column == 0 else [""] * len(names))
        lowest = index + across >= len(medians)
        _columns(axes, epochs, int(width / 42), labelled=lowest)
    _key(figure, norm, left, quantity)
    return figure


def _panel(axes: Axes, values: Array, norm: Normalize, gid: str) -> None:
    picture = axes.imshow(values, cmap=_COLORS, norm=norm, aspect="auto", interpolation="nearest")
    picture.set_gid(gid)
    axes.spines[:].set(visible=True, color=GREY, linewidth=0.5)
    axes.tick_params(length=0, labelsize=9)


def _columns(axes: Axes, epochs: list[int], most: int, *, labelled: bool) -> None:
    step = ceil(len(epochs) / max(most, 2))
    places = range(0, len(epochs), step)
    axes.set_xticks(places, [str(epochs[at]) if labelled else "" for at in places])
    if labelled:
        axes.set_xlabel("epochs trained", labelpad=2, size=9.5)


def _key(figure: Figure, norm: Normalize, left: float, quantity: str) -> None:
    """The scale of the colors above the panels."""
    low, high = float(norm.vmin or 0), float(norm.vmax or 1)
    axes = place(figure, left, 22, min(260.0, full_width() - left - 20), 7)
    log = isinstance(norm, LogNorm)
    steps = np.geomspace(low, high, 64) if log else np.linspace(low, high, 64)
    axes.pcolormesh(
        np.append(steps, high), [0, 1], norm(steps)[None, :], cmap=_COLORS, vmin=0, vmax=1,
        rasterized=True, edgecolors="none", linewidth=0,
    )  # fmt: skip
    if log:
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        log_axis(axes.xaxis, low, high)
    else:
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(labelsize=9, length=2)
    words = diagnostics.diagnostic(quantity).words
    axes.set_title(words, size=9.5, weight="normal", pad=3)
