"""Classes: what they are taken for, how often they are told, and the cases that are not."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from reports.figures.lines import arm_colors
from reports.figures.style import (
    COLORS,
    GREY,
    full_width,
    is_narrow,
    place,
    sheet,
    shown,
    styled,
    wrapped,
)
from reports.seen import classes, hardest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.seen import Classes, Hard
    from reports.verdicts import Judged

    Array = NDArray[np.float64]

ARMS = 6
"""Arms that a figure of classes shows at most."""

CLASSES = 20
"""Classes that a figure shows at most: those with the most errors."""

HARDEST = 12
"""Cases that are shown at most."""

_MARKERS = ("o", "s", "^", "D", "v", "P")
_UPRIGHT = 2  # letters of a class that fit above a column
_NAME = 14  # letters of a class that fit beside a matrix


def confusion(results: Results, judged: Judged) -> Figure | None:
    """Matrices of what the classes are taken for: one per arm, the mean over replicates.

    Rows are true classes. Errors are orange, the darker the more frequent, on one scale for all
    arms; the diagonal says in percent how many are told.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where nothing was kept.
    """
    found = classes(results)
    if found is None or not found.present:
        return None
    some = found.confused(CLASSES)
    arms = _arms(found, judged)
    parts = [found.taken[arm][np.ix_(some, some)] for arm in arms]
    names = [_short(found.names[one]) for one in some]
    across = 1 if is_narrow() else min(len(arms), 2 if len(some) > 12 else 3)
    longest = max(map(len, names))
    heads = 16.0 if longest <= _UPRIGHT else 10 + 5.8 * longest
    left, gap, above = 16 + 6.2 * longest, 14.0, 30 + heads
    side = min((full_width() - across * (left + gap)) / across, 300.0)
    down = ceil(len(arms) / across)
    top = 16.0
    tall = above + side + 14
    most = max(float(np.nanmax(_errors(part))) for part in parts) or 1.0
    with styled():
        figure = sheet(top + down * tall)
        for index, (arm, part) in enumerate(zip(arms, parts, strict=True)):
            row, column = divmod(index, across)
            x, y = column * (left + side + gap) + left, top + row * tall + above
            axes = place(figure, x, y, side, side)
            _matrix(axes, part, names, side / len(some), most)
            fits = int((left + side) / 6.6)
            axes.set_title(
                wrapped(judged.labels[arm], fits, lines=2), size=9.5, x=-left / side, pad=heads + 6
            )
        text = f"Rows: true class. Columns: taken for. Darkest: {100 * most:.2g} % of a class."
        figure.text(0.0, 1.0, text if not is_narrow() else wrapped(text, 60), va="top", size=9)
    return figure


def _arms(found: Classes, judged: Judged) -> list[int]:
    return [arm for arm in shown(judged, ARMS) if not np.isnan(found.accuracy[arm]).all()]


def _errors(part: Array) -> Array:
    """A matrix without its diagonal."""
    return np.where(np.eye(len(part), dtype=bool), 0.0, np.nan_to_num(part))


def _matrix(axes: Axes, part: Array, names: list[str], cell: float, most: float) -> None:
    shades = LinearSegmentedColormap.from_list("errors", ["#f3f1ec", COLORS["worse"], "#6b2f04"])
    axes.imshow(_errors(part), cmap=shades, vmin=0, vmax=most, aspect="auto")
    size = min(cell * 0.42, 9.0)
    for row, column in np.ndindex(*part.shape):
        share = 100 * part[row, column]
        if row == column:
            axes.add_patch(Rectangle((row - 0.5, row - 0.5), 1, 1, facecolor="#cfe0ec"))
        if cell >= 15 and np.isfinite(share) and (row == column or share >= 1):
            dark = row != column and share > 45 * most
            axes.text(
                column,
                row,
                f"{share:.0f}",
                ha="center",
                va="center",
                size=size,
                color="#ffffff" if dark else "#15181c",
            )
    ticks = range(len(names))
    upright = max(map(len, names)) <= _UPRIGHT
    axes.set_xticks(ticks, names, rotation=0 if upright else 90)
    axes.set_yticks(ticks, names)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=3, labelsize=min(9.0, max(cell * 0.75, 5.5)))
    axes.spines[:].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}\u2026"


def class_accuracy(results: Results, judged: Judged) -> Figure | None:
    """Shares of every class that are told, a mark per arm: the mean over replicates.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where nothing was kept.
    """
    found = classes(results)
    if found is None or not found.present:
        return None
    some, arms = found.confused(CLASSES), _arms(found, judged)
    names = [_short(found.names[one]) for one in some]
    colors = arm_colors(arms, judged)
    left, width = 20 + 6.4 * max(map(len, names)), full_width()
    across = 1 if is_narrow() else 3
    legend = 8 + 15.0 * ceil(len(arms) / across)
    tall = 22.0 * len(some)
    with styled():
        figure = sheet(legend + tall + 42)
        axes = place(figure, left, legend, width - left - 14, tall)
        low = 0.0
        for index, arm in enumerate(arms):
            values = 100 * found.accuracy[arm][some]
            axes.plot(
                values,
                np.arange(len(some)) + _apart(index, len(arms)),
                marker=_MARKERS[index],
                linestyle="none",
                markersize=6.5,
                color=colors[arm],
                markerfacecolor="none" if arm == judged.baseline else colors[arm],
                label=wrapped(judged.labels[arm], 34 if across > 1 else 52, lines=1),
            )
            low = min(low, float(np.nanmin(values)))
        axes.set_yticks(range(len(some)), names)
        axes.set_ylim(len(some) - 0.5, -0.5)
        axes.set_xlabel("share of the class that is told (%)")
        axes.grid(visible=True, axis="x")
        axes.tick_params(axis="y", length=0)
        for line in range(len(some) - 1):
            axes.axhline(line + 0.5, color=GREY, linewidth=0.4, alpha=0.4)
        figure.legend(
            loc="upper left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=across,
            frameon=False,
            fontsize=9,
            handletextpad=0.2,
            borderaxespad=0.0,
            columnspacing=1.2,
        )
    return figure


def _apart(index: int, count: int) -> float:
    """Place of a mark within its row, so that equal ones can be seen beside each other."""
    return 0.0 if count == 1 else 0.5 * (index / (count - 1) - 0.5)


def hard_cases(results: Results, judged: Judged) -> Figure | None:  # noqa: ARG001, as all figures
    """Pictures of the test cases that most replicates of most arms get wrong.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where there are none, or where cases are no pictures.
    """
    found = [one for one in hardest(results) if one.picture is not None][:HARDEST]
    if not found:
        return None
    across = 3 if is_narrow() else 6
    gap, below = 14.0, 44.0
    side = min((full_width() - gap * (across - 1)) / across, 100.0)
    step = (full_width() + gap) / across
    with styled():
        figure = sheet(ceil(len(found) / across) * (side + below))
        for index, one in enumerate(found):
            row, column = divmod(index, across)
            axes = place(figure, column * step, row * (side + below), side, side)
            picture(axes, one.picture)
            axes.text(
                0,
                -0.05,
                _told(results, one),
                transform=axes.transAxes,
                va="top",
                size=8.5,
                linespacing=1.15,
            )
    return figure


def _told(results: Results, one: Hard) -> str:
    true, taken = (_short(results.card.class_name(number)) for number in (one.true, one.taken))
    return f"case {one.case}, {true}\ntaken for {taken}\n{100 * one.share:.0f} % wrong"


def picture(axes: Axes, pixels: Array | None) -> None:
    """Draw an image of numbers between 0 and 1, without a scale."""
    assert pixels is not None
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=GREY, linewidth=0.5)
    bounded = np.clip(pixels, 0, 1)
    axes.imshow(bounded, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
