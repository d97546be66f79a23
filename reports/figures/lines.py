"""Lines of arms side by side: their colors, their bands, and their names at their ends."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from reports.figures.style import (
    INK,
    SERIES,
    full_width,
    is_narrow,
    log_axis,
    place,
    ranged,
    separated,
    sheet,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.verdicts import Judged

LINES = 7
"""Arms that lines with names at their ends can show."""

_LEFT, _GAP, _TITLE, _BELOW = 58.0, 22.0, 20.0, 42.0


class End(NamedTuple):
    """A name at the end of a line, at a height between 0 and 1 of its axes."""

    height: float
    text: str
    color: str
    bold: bool


def line_colors(judged: Judged) -> dict[int, str]:
    """Colors of the arms that lines are drawn of, the same in all figures."""
    return arm_colors(ranged(judged, LINES), judged)


def arm_colors(arms: Sequence[int], judged: Judged) -> dict[int, str]:
    """Ink for the baseline, a color for each other arm."""
    others = [arm for arm in arms if arm != judged.baseline]
    return {judged.baseline: INK, **dict(zip(others, SERIES, strict=False))}


def name_ends(axes: Axes, ends: Sequence[End]) -> None:
    """Name lines at their ends, moved apart where they would overlap."""
    tall = 4 + 12 * max((end.text.count("\n") + 1 for end in ends), default=1)
    heights = separated([end.height for end in ends], tall / axes.get_window_extent().height)
    for end, y in zip(ends, heights, strict=True):
        axes.text(
            1.02,
            y,
            end.text,
            transform=axes.transAxes,
            color=end.color,
            weight="bold" if end.bold else "normal",
            va="center",
            size=10,
            linespacing=1.05,
            clip_on=False,
        )


def lanes(
    titles: Sequence[str], across: int, height: float, words: str
) -> tuple[Figure, list[Axes]]:
    """Panels with common axes, with room for names behind the last one of each row.

    Args:
        titles: one per panel.
        across: panels in a row at most; one on a phone.
        height: of a panel, in CSS pixels.
        words: what the vertical axes show.
    """
    across = _across(titles, across)
    down, right = ceil(len(titles) / across), 118.0 if is_narrow() else 150.0
    width = (full_width() - _LEFT - right - _GAP * (across - 1)) / across
    figure = sheet(down * (height + _TITLE) + (down - 1) * 8 + _BELOW)
    found: list[Axes] = []
    for index, title in enumerate(titles):
        row, column = divmod(index, across)
        shared = {"sharex": found[0], "sharey": found[0]} if found else {}
        x, y = _LEFT + column * (width + _GAP), row * (height + _TITLE + 8) + _TITLE
        axes = place(figure, x, y, width, height, **shared)
        axes.tick_params(labelleft=column == 0, labelbottom=index + across >= len(titles))
        axes.grid(visible=True, axis="y")
        axes.set_title(wrapped(title, int(width / 6.0), lines=1), size=9.5)
        found.append(axes)
    middle = 0.5 + (_BELOW - _TITLE) / 2 / (72 * figure.get_figheight())
    size = min(10.5, (72 * figure.get_figheight() - 20) / (0.56 * len(words)))
    figure.text(11 / full_width(), middle, words, rotation=90, va="center", ha="center", size=size)
    return figure, found


def _across(titles: Sequence[str], most: int) -> int:
    """Panels in a row, so that rows are of like length."""
    most = 1 if is_narrow() else min(most, len(titles))
    return ceil(len(titles) / ceil(len(titles) / most))


def last_in_row(titles: Sequence[str], across: int) -> list[int]:
    """Places of the panels of ``lanes`` that lines are named behind."""
    across = _across(titles, across)
    ends = range(across - 1, len(titles), across)
    return sorted({*ends, len(titles) - 1})


def quartiles(rows: pd.DataFrame, along: str) -> pd.DataFrame:
    """Median and middle half over replicates.

    Args:
        rows: columns ``along`` and ``value``.
        along: column of the axis.

    Returns:
        Columns ``low``, ``median`` and ``high`` by the values of ``along``.
    """
    grouped = rows.groupby(along)["value"]
    shares = {"low": 0.25, "median": 0.5, "high": 0.75}
    return pd.DataFrame({name: grouped.quantile(share) for name, share in shares.items()})


def draw_band(axes: Axes, band: pd.DataFrame, color: str, gid: str, *, log: bool) -> None:
    """A line of medians in a band, points at what was measured; zeros have no logarithm."""
    if log:
        band = band.where(band > 0)
    at = band.index.to_numpy(dtype=np.float64)
    low, high = band["low"].to_numpy(), band["high"].to_numpy()
    axes.fill_between(at, low, high, color=color, alpha=0.16, lw=0)
    marker = "o" if len(at) < 13 else ""
    axes.plot(at, band["median"].to_numpy(), lw=1.8, color=color, gid=gid, marker=marker, ms=3.2)


def name_lines(
    axes: Axes, medians: Mapping[int, float], colors: Mapping[int, str], judged: Judged
) -> None:
    """Name arms behind the last panel, at the height of their last medians."""
    to_axes = axes.transData + axes.transAxes.inverted()
    low, high = sorted(axes.get_ylim())
    width, lines = (17, 2) if is_narrow() else (23, 3)
    ends = []
    for arm, value in medians.items():
        there = float(np.clip(value, low, high)) if np.isfinite(value) else low
        height = float(np.clip(to_axes.transform((1, there))[1], 0, 1))
        text = wrapped(judged.labels[arm], width, lines)
        ends.append(End(height, text, colors[arm], arm == judged.baseline))
    name_ends(axes, ends)


def fit_log(axes: Axes, values: Sequence[float]) -> bool:
    """A logarithmic vertical axis around positive values; false where there are none."""
    found = np.array([value for value in values if np.isfinite(value) and value > 0])
    if not found.size:
        return False
    low, high = float(found.min()), float(found.max())
    low, high = (low / 1.3, high * 1.3) if high / low < 1.7 else (low / 1.15, high * 1.15)
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    log_axis(axes.yaxis, low, high)
    return True
