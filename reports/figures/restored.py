"""Inputs beside what every arm and every other method makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports.figures.confusion import picture
from reports.figures.style import (
    GREY,
    SERIES,
    full_width,
    is_narrow,
    place,
    sheet,
    shown,
    styled,
    wrapped,
)
from reports.seen import labelled, pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.seen import Pictures
    from reports.verdicts import Judged

    Array = NDArray[np.float64]

METHODS = 12
"""Arms that are shown at most; other methods are shown beside them."""

_NARROW, _GAP = 4, 5.0


def restored(results: Results, judged: Judged) -> Figure | None:
    """Test cases in columns: as they are, as networks see them, and what methods make of them.

    A method that leaves the noise as it is has no row of its own.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where nothing was kept.
    """
    found = pictures(results)
    if found is None:
        return None
    chosen = {*shown(judged, METHODS)}
    rows = {"clean" if found.noisy is not None else "original": found.original}
    if found.noisy is not None:
        rows["noisy"] = found.noisy
    for index, part in found.restored.items():
        repeats = found.noisy is not None and np.array_equal(part, found.noisy)
        if (index in chosen or index >= len(results.arms)) and not repeats:
            rows[_name(rows, labelled(results, index))] = part
    return _drawn(rows, found)


def _name(rows: dict[str, Array], name: str) -> str:
    """A name of its own for every row."""
    return name if name not in rows else _name(rows, f"{name} ")


def _drawn(rows: dict[str, Array], found: Pictures) -> Figure:
    narrow, flat = is_narrow(), found.original.ndim == 2
    across = min(len(found.original), _NARROW if narrow or flat else len(found.original))
    left, above = (0.0, 17.0) if narrow else (150.0, 0.0)
    width = (full_width() - 2 - left - _GAP * (across - 1)) / across
    ratio = 0.6 if flat else found.original.shape[1] / found.original.shape[2]
    width = min(width, 96.0 if not flat else width)
    height = width * ratio
    low, high = found.range
    with styled():
        figure = sheet(4 + len(rows) * (height + _GAP + above))
        for row, (name, cases) in enumerate(rows.items()):
            top = 2 + row * (height + _GAP + above) + above
            for column in range(across):
                axes = place(figure, left + column * (width + _GAP), top, width, height)
                if flat:
                    line(axes, cases[column], found.original[column] if row else None, found.range)
                else:
                    picture(axes, (cases[column] - low) / (high - low or 1.0))
                if column == 0:
                    named(axes, name.rstrip(), width)
    return figure


def named(axes: Axes, name: str, width: float) -> None:
    """Write the name of a row beside its first picture, on a phone above it.

    Args:
        axes: of the first picture.
        name: of the row.
        width: of the picture, in CSS pixels.
    """
    narrow = is_narrow()
    at = (0.0, 1.02) if narrow else (-8 / width, 0.5)
    axes.text(
        *at,
        wrapped(name, 56 if narrow else 23, lines=1 if narrow else 3),
        transform=axes.transAxes,
        ha="left" if narrow else "right",
        va="bottom" if narrow else "center",
        size=9.5,
    )


def line(axes: Axes, numbers: Array, beside: Array | None, limits: tuple[float, float]) -> None:
    """Draw a row of numbers as a line, another one grey behind it, without scales."""
    low, high = limits
    room = 0.05 * (high - low or 1.0)
    axes.set(xticks=[], yticks=[], ylim=(low - room, high + room))
    axes.spines[:].set(visible=True, color=GREY, linewidth=0.5)
    if beside is not None:
        axes.plot(beside, color=GREY, linewidth=1.6, alpha=0.7)
    axes.plot(numbers, color=SERIES[0], linewidth=1.1)
