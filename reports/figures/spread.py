"""The confirm results themselves: every replicate of every arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports.figures.style import (
    COLORS,
    GREY,
    INK,
    canvas,
    full_width,
    gutter,
    is_narrow,
    log_axis,
    shown,
    styled,
    value_axis,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.verdicts import Judged

_ROW, _TALL, _RIGHT, _BOTTOM, _LEGEND = 26.0, 52.0, 92.0, 46.0, 24.0
_MARKERS = ("D", "^", "s", "v", "P", "X")
"""Markers of references, one per method."""

_STACK = 0.08
"""Distance of equal values from each other, in rows."""

_PAIRED = 8
"""Arms up to which lines join the replicates."""


def spread(judged: Judged, *, ax: Axes | None = None) -> Figure:
    """One row per arm: a dot per replicate, the mean with its interval, diverged ones counted.

    With few arms, lines join what shares its random streams. Hollow marks are the means of methods
    that train no network, in the rows of the arms that they are meant for.

    In a narrow figure labels stand above their rows.

    Args:
        judged: the verdicts.
        ax: axes to draw into. Default: a figure of its own.
    """
    arms = shown(judged)
    grid = judged.grid
    narrow = ax is None and is_narrow()
    labels = [wrapped(judged.labels[arm], 34) for arm in arms]
    left, right = (12.0, 12.0) if narrow else (gutter(labels), _RIGHT)
    with styled():
        tall, wide = (_TALL if narrow else _ROW) * len(arms), full_width() - left - right
        height = 8 + tall + _BOTTOM + _LEGEND * bool(judged.references)
        figure, axes = canvas(ax, height, left, 8, wide, tall)
        values = grid.cells[arms]
        if len(arms) <= _PAIRED:
            axes.plot(values, np.arange(len(arms)), lw=0.7, color=GREY, alpha=0.4, zorder=1)
        _dots(axes, arms, values, judged)
        for row, arm in enumerate(arms):
            lost = int(grid.diverged[arm].sum())
            _mean(axes, row, arm, judged)
            _lost(axes, row, lost, judged)
            text = (
                f"{lost}/{len(grid.diverged[arm])} diverged"
                if lost
                else judged.units.value(judged.means[arm].mean)
            )
            bold = "bold" if arm == judged.baseline and not lost else "normal"
            _beside(axes, row, text, weight=bold, narrow=narrow)
        _rows(axes, arms, labels, judged, narrow=narrow)
        known = [*values[np.isfinite(values)], *_references(figure, axes, arms, judged)]
        _across(axes, np.array(known), judged)
    return figure


def _references(figure: Figure, axes: Axes, arms: list[int], judged: Judged) -> list[float]:
    """Draw the means of the references with a mark for each method, and return their places."""
    names = list(dict.fromkeys(one.label.partition("(")[0] for one in judged.references))
    found, marks = [], {}
    for one in judged.references:
        name, mean = one.label.partition("(")[0], one.mean.mean
        rows = [arms.index(verdict.arm) for verdict in one.verdicts if verdict.arm in arms]
        if np.isfinite(mean) and rows:
            mark = _MARKERS[names.index(name) % len(_MARKERS)]
            (marks[name.replace("_", " ")],) = axes.plot(
                [mean] * len(rows), rows, mark, ms=6.5, mew=1.1, mfc="none", mec=INK, zorder=3
            )
            found.append(float(mean))
    if marks:
        figure.legend(
            [*marks.values()],
            [*marks],
            loc="lower left",
            ncols=len(marks),
            frameon=False,
            fontsize=10,
        )
    return found


def _color(arm: int, judged: Judged) -> str:
    return INK if arm == judged.baseline else COLORS[judged.by_arm[arm].word]


def _dots(axes: Axes, arms: list[int], values: NDArray[np.float64], judged: Judged) -> None:
    for row, arm in enumerate(arms):
        there = np.sort(values[row][np.isfinite(values[row])])
        axes.plot(
            there,
            row + _stacked(there),
            "o",
            ms=4.6,
            mew=0,
            color=_color(arm, judged),
            alpha=0.5,
            gid=f"replicates-{arm}",
        )


def _stacked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offsets that put equal values on top of each other, centred on their row.

    Example:
        >>> _stacked(np.array([0.9, 0.9, 0.95])).tolist()
        [-0.04, 0.04, 0.0]
    """
    offsets = np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        step = min(_STACK, 0.7 / len(same))
        offsets[same] = (np.arange(len(same)) - (len(same) - 1) / 2) * step
    return np.round(offsets, 9)


def _mean(axes: Axes, row: int, arm: int, judged: Judged) -> None:
    interval, color = judged.means[arm], _color(arm, judged)
    if np.isfinite(interval.low):
        axes.plot([interval.low, interval.high], [row, row], lw=2.4, color=color, zorder=4)
    if np.isfinite(interval.mean):
        axes.plot([interval.mean] * 2, [row - 0.3, row + 0.3], lw=2.4, color=color, zorder=4)


def _lost(axes: Axes, row: int, diverged: int, judged: Judged) -> None:
    """Draw a cross at the worse edge where replicates diverged."""
    if not diverged:
        return
    edge = 0.0 if judged.rule.maximize else 1.0
    axes.plot(
        [edge],
        [row],
        "x",
        ms=6,
        mew=1.6,
        color=COLORS["worse"],
        transform=axes.get_yaxis_transform(),
        clip_on=False,
        zorder=5,
    )


def _beside(axes: Axes, row: int, text: str, *, weight: str, narrow: bool) -> None:
    axes.text(
        1.0 if narrow else 1.02,
        row - 0.4 * narrow,
        text,
        ha="right" if narrow else "left",
        transform=axes.get_yaxis_transform(),
        va="center",
        size=10,
        weight=weight,
        clip_on=False,
    )


def _rows(axes: Axes, arms: list[int], labels: list[str], judged: Judged, *, narrow: bool) -> None:
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_yticks(range(len(arms)), [""] * len(arms) if narrow else labels)
    for row, arm in enumerate(arms if narrow else ()):
        x, weight = axes.get_yaxis_transform(), "bold" if arm == judged.baseline else "normal"
        name = wrapped(judged.labels[arm], 38, lines=1)
        axes.text(0, row - 0.4, name, transform=x, va="center", size=9.5, weight=weight)
    for text, arm in zip(axes.get_yticklabels(), arms, strict=True):
        text.set(weight="bold" if arm == judged.baseline else "normal", linespacing=1.0, size=9.5)
    axes.tick_params(axis="y", length=0, pad=8)
    axes.spines["left"].set_visible(False)
    axes.set_ylabel("")


def _across(axes: Axes, known: NDArray[np.float64], judged: Judged) -> None:
    baseline = judged.means[judged.baseline].mean
    if np.isfinite(baseline):
        axes.axvline(baseline, color=INK, lw=0.9, ls=(0, (4, 3)), alpha=0.6, zorder=0)
    axes.set_xlabel(judged.units.axis, labelpad=8)
    if judged.rule.scale == "log" and known.size and known.min() > 0:
        margin = max(float(known.max() / known.min()) ** 0.06, 1.02)
        low, high = float(known.min()) / margin, float(known.max()) * margin
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        log_axis(axes.xaxis, low, high, most=7)
    else:
        value_axis(axes.xaxis, judged.units)
