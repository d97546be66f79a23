"""Codes of test cases in a plane, by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports.figures.style import (
    GREY,
    INK,
    PAPER,
    SERIES,
    full_width,
    is_narrow,
    place,
    sheet,
    shown,
    styled,
    wrapped,
)
from reports.seen import codes, labelled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.seen import Code
    from reports.verdicts import Judged

ARMS = 6
"""Arms whose codes are shown at most; other methods are shown beside them."""

NAMED = 20
"""Classes that have a color and a name at most; the rest is grey."""

_MARKERS = ("o", "^", "s")


def code(results: Results, judged: Judged) -> Figure | None:
    """Codes as dots, the classes named where their middle is; a panel per arm and method.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where nothing was kept.
    """
    chosen = {*shown(judged, ARMS)}
    found = [one for one in codes(results) if one.index in chosen or one.index >= len(judged.means)]
    if not found:
        return None
    across = 1 if is_narrow() else min(len(found), 2)
    gap, title = 20.0, 32.0
    side = min((full_width() - gap * (across - 1)) / across, 350.0)
    down = -(-len(found) // across)
    with styled():
        figure = sheet(down * (title + side * 0.8 + 8))
        for index, one in enumerate(found):
            row, column = divmod(index, across)
            top = row * (title + side * 0.8 + 8) + title
            axes = place(figure, column * (side + gap), top, side, side * 0.8, xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color=GREY, linewidth=0.5)
            _scatter(axes, one, results)
            name = labelled(results, one.index)
            seen = f"{name}: code of {one.width}" + (", two main axes" if one.width > 2 else "")
            axes.set_title(wrapped(seen, int(side / 6.2), lines=2), size=9.5, linespacing=1.05)
    return figure


def _scatter(axes: Axes, one: Code, results: Results) -> None:
    if one.classes is None:
        axes.scatter(
            one.points[:, 0], one.points[:, 1], s=12, color=SERIES[0], alpha=0.7, linewidths=0
        )
        return
    numbers, counts = np.unique(one.classes, return_counts=True)
    named = sorted(numbers[np.argsort(-counts, kind="stable")][:NAMED].tolist())
    rest = ~np.isin(one.classes, named)
    axes.scatter(one.points[rest, 0], one.points[rest, 1], s=8, color=GREY, alpha=0.4, linewidths=0)
    colors = SERIES[:-1]
    for rank, number in enumerate(named):
        points = one.points[one.classes == number]
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=14,
            marker=_MARKERS[rank // len(colors) % len(_MARKERS)],
            color=colors[rank % len(colors)],
            alpha=0.6,
            linewidths=0,
        )
    for number in named:
        middle = np.median(one.points[one.classes == number], axis=0)
        axes.annotate(
            wrapped(results.card.class_name(number), 14, lines=1),
            middle,
            ha="center",
            va="center",
            size=10,
            weight="bold",
            color=INK,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": PAPER, "edgecolor": "none"},
        )
