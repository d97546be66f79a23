"""Anomalies: how many are found at what price, how scores are spread, and the cases at the ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import NullFormatter

from reports.figures.confusion import picture
from reports.figures.restored import line, named
from reports.figures.style import (
    COLORS,
    GREY,
    INK,
    SERIES,
    full_width,
    is_narrow,
    panels,
    place,
    sheet,
    shown,
    styled,
    wrapped,
)
from reports.seen import extremes, histogram, labelled, meant, scored

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.seen import Extreme, Scored
    from reports.verdicts import Judged

ARMS = 6
"""Arms that a figure of anomalies shows at most; other methods are shown beside them."""

_STYLES = ("-", "--", "-.", ":")


def roc(results: Results, judged: Judged) -> Figure | None:
    """Share of anomalies found against the share of false alarms: median and middle half.

    A panel per arm, with grey lines of the methods that train no network and are meant for it.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where nothing was kept, or all test cases are alike.
    """
    found = _some(results, judged)
    arms = [one for one in found if one.index < len(results.arms)]
    others = [one for one in found if one.index >= len(results.arms)]
    if not arms:
        return None
    grid = np.linspace(0, 1, len(arms[0].curve.median))
    with styled():
        figure, axes = panels([judged.labels[one.index] for one in arms], 3, 170.0, above=4)
        for each, one in zip(axes, arms, strict=True):
            each.plot([0, 1], [0, 1], color=GREY, linewidth=0.7, alpha=0.6)
            for index, other in enumerate(others):
                if not meant(results, other.index, one.index):
                    continue
                each.plot(
                    grid,
                    other.curve.median,
                    color=GREY,
                    linewidth=1.3,
                    linestyle=_STYLES[1 + index % 3],
                    label=labelled(results, other.index),
                )
            each.fill_between(
                grid, one.curve.low, one.curve.high, color=SERIES[0], alpha=0.25, linewidth=0
            )
            each.plot(grid, one.curve.median, color=SERIES[0], linewidth=1.8)
            each.set(xlim=(0, 1), ylim=(0, 1.02), xticks=[0.2, 0.4, 0.6, 0.8])
            if others:
                each.legend(loc="lower right", frameon=False, fontsize=8, handlelength=2.2)
        figure.supxlabel("share of normal cases that raise an alarm", size=10, y=0.0, va="bottom")
        figure.supylabel("share of anomalies found", size=10, x=0.0, ha="left")
    return figure


def score_histograms(results: Results, judged: Judged) -> Figure | None:
    """Scores of normal cases and of anomalies, a panel per arm and method.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        As of ``roc``.
    """
    found = _some(results, judged)
    if not found:
        return None
    across = 2 if is_narrow() else 3
    down = -(-len(found) // across)
    gap, title, tall, below, legend = 18.0, 30.0, 96.0, 24.0, 20.0
    width = (full_width() - gap * (across - 1)) / across
    with styled():
        figure = sheet(legend + down * (title + tall + below) + 16)
        for index, one in enumerate(found):
            row, column = divmod(index, across)
            top = legend + row * (title + tall + below) + title
            axes = place(figure, column * (width + gap), top, width - 2, tall)
            _bars(axes, one)
            name = wrapped(labelled(results, one.index), int(width / 6.4), lines=2)
            axes.set_title(name, size=9.5, linespacing=1.05)
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(),
            loc="upper left",
            bbox_to_anchor=(0, 1),
            ncols=2,
            frameon=False,
            fontsize=9.5,
            borderaxespad=0,
        )
        text = "score, in units of the median score"
        figure.text(0.5, 0, text, ha="center", va="bottom", size=10)
    return figure


def _bars(axes: Axes, one: Scored) -> None:
    """Two histograms of one area, filled and outlined, so that no color is needed."""
    found = histogram(one)
    axes.stairs(found.normal, found.edges, fill=True, color=SERIES[0], alpha=0.45, label="normal")
    axes.stairs(
        found.anomalous, found.edges, color=COLORS["worse"], linewidth=1.7, label="anomalies"
    )
    if found.logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(lambda number, _: f"{number:g}")
    axes.set(yticks=[], ylim=(0, None))
    axes.spines["left"].set_visible(False)


def extreme_cases(results: Results, judged: Judged) -> Figure | None:
    """The most and the least anomalous test cases, by every arm and every other method.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where nothing was kept.
    """
    found = extremes(results)
    chosen = {*shown(judged, ARMS)}
    rows = {
        index: one for index, one in found.items() if index in chosen or index >= len(results.arms)
    }
    if not rows:
        return None
    narrow = is_narrow()
    left, gap, middle, above = (0.0, 4.0, 10.0, 18.0) if narrow else (150.0, 6.0, 26.0, 0.0)
    count = max(len(one.cases) for one in rows.values())
    width = (full_width() - 2 - left - middle - gap * (count - 2)) / count
    flat = next(iter(rows.values())).pictures.ndim == 2
    height = width * (0.8 if flat else 1.0)
    title, under = 20.0, 15.0
    with styled():
        figure = sheet(title + len(rows) * (height + under + above))
        for row, (index, one) in enumerate(rows.items()):
            top = title + row * (height + under + above) + above
            for column in range(len(one.cases)):
                right = middle - gap if column >= one.least else 0
                x = left + column * (width + gap) + right
                axes = place(figure, x, top, width, height)
                _case(axes, one, column, flat=flat)
                if row == 0 and column in {0, one.least}:
                    text = "least anomalous" if column == 0 else "most anomalous"
                    at = (x / full_width(), 1.0)
                    figure.text(*at, text, va="top", size=10, weight="bold")
                if column == 0:
                    named(axes, labelled(results, index), width)
    return figure


def _case(axes: Axes, one: Extreme, column: int, *, flat: bool) -> None:
    low, high = float(one.pictures.min()), float(one.pictures.max())
    if flat:
        line(axes, one.pictures[column], None, (low, high))
    else:
        picture(axes, (one.pictures[column] - low) / (high - low or 1.0))
    wrong = one.anomalous[column] == (column < one.least)
    axes.text(
        0,
        -0.03,
        "anomaly" if one.anomalous[column] else "normal",
        transform=axes.transAxes,
        va="top",
        size=8 if not is_narrow() else 7,
        weight="bold" if wrong else "normal",
        color=COLORS["worse"] if wrong else INK,
    )


def _some(results: Results, judged: Judged) -> list[Scored]:
    """Scores of the arms that are shown, and of all other methods."""
    chosen = {*shown(judged, ARMS)}
    return [one for one in scored(results) if one.index in chosen or one.index >= len(results.arms)]
