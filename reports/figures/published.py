"""Published numbers beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.figures.style import (
    COLORS,
    GREY,
    INK,
    full_width,
    gutter,
    log_axis,
    place,
    sheet,
    short,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.reproduction import Beside, Reproduction

_ROW, _TITLE, _BELOW, _TOP, _RIGHT = 34.0, 24.0, 34.0, 26.0, 24.0
_DECADES = 20.0
"""Ratio of the largest number to the smallest from which on an axis is logarithmic."""


def published(found: Reproduction) -> Figure | None:
    """Published numbers with their spread (grey) and ours with their interval (blue).

    A panel per kind of number, a row per arm. Ours are Student's intervals of the mean.

    Args:
        found: the published comparison, judged.

    Returns:
        ``None`` where no number was published.
    """
    groups: dict[tuple[str, str], list[Beside]] = {}
    for one in found.numbers:
        groups.setdefault((one.value.name, one.value.quantity), []).append(one)
    if not groups:
        return None
    labels = [wrapped(one.label, 32) for one in found.numbers]
    left = min(gutter(labels), full_width() / 2)
    heights = [_TITLE + _ROW * len(rows) + _BELOW for rows in groups.values()]
    with styled():
        figure = sheet(_TOP + sum(heights))
        top = _TOP
        for ((name, _), rows), height in zip(groups.items(), heights, strict=True):
            wide = full_width() - left - _RIGHT
            axes = place(figure, left, top + _TITLE, wide, _ROW * len(rows))
            _panel(axes, name, rows)
            top += height
        _legend(figure)
    return figure


def _panel(axes: Axes, name: str, rows: list[Beside]) -> None:
    for row, one in enumerate(rows):
        spread = one.value.spread or 0.0
        axes.plot(
            [one.value.value - spread, one.value.value + spread], [row - 0.16] * 2, color=GREY
        )
        axes.plot([one.value.value], [row - 0.16], "D", ms=6, mew=0, color=GREY, gid="published")
        axes.plot([one.ours.low, one.ours.high], [row + 0.16] * 2, lw=3, color=COLORS["better"])
        axes.plot(
            [one.ours.mean], [row + 0.16], "o", ms=7, mew=0, color=COLORS["better"], gid="ours"
        )
    axes.set_yticks(range(len(rows)), [wrapped(one.label, 32) for one in rows], size=9.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title(name)
    ends = np.array([(one.value.value, one.ours.low, one.ours.high) for one in rows]).ravel()
    ends = ends[np.isfinite(ends)]
    if ends.min() > 0 and ends.max() / ends.min() > _DECADES:
        low, high = ends.min() / 1.5, ends.max() * 1.5
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        log_axis(axes.xaxis, low, high)
    else:
        axes.margins(x=0.1)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def _legend(figure: Figure) -> None:
    """Both marks in words, in one line above the panels."""
    high = figure.get_figheight() * 72
    for left, mark, color, text in (
        (12.0, "\u25c6", GREY, "published"),
        (120.0, "\u25cf", COLORS["better"], "ours"),
    ):
        x, y = left / full_width(), 1 - 14 / high
        figure.text(x, y, mark, color=color, va="center")
        figure.text(x + 14 / full_width(), y, text, color=INK, va="center", size=9.5)
