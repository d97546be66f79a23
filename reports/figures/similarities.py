"""Similarities of layers within an arm, and of networks with each other, as heat maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports import layers
from reports.figures.style import (
    COLORS,
    GREY,
    full_width,
    is_narrow,
    place,
    ranged,
    sheet,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts import Judged

ARMS = 6
"""Arms that similarities are shown of: the baseline and those with the best means."""

_ENDS = ("first", "second")
_GAP, _TITLE, _NAMES, _MOST = 14.0, 34.0, 70.0, 250.0


def layered(results: Results, judged: Judged) -> Figure | None:
    """Linear CKA of every two layers, one heat map per arm; means over replicates.

    Returns:
        ``None`` where no features were kept.
    """
    arms = ranged(judged, ARMS)
    rows = layers.within(results, arms)
    found = [arm for arm in arms if arm in set(rows["arm"])]
    if not found:
        return None
    across = min(len(found), 1 if is_narrow() else 2)
    side = min((full_width() - across * (_NAMES + _GAP)) / across, _MOST)
    down = -(-len(found) // across)
    with styled():
        figure = sheet(down * (side + _TITLE + _NAMES))
        for index, arm in enumerate(found):
            row, column = divmod(index, across)
            own = rows[rows["arm"] == arm]
            names = [*dict.fromkeys(own["first"])]
            left = column * (side + _NAMES + _GAP) + _NAMES
            axes = place(figure, left, row * (side + _TITLE + _NAMES) + _TITLE, side, side)
            _heat(axes, _square(own, names), names)
            axes.set_title(wrapped(judged.labels[arm], int(side / 6.5)), size=9.5, pad=5)
    return figure


def networks(results: Results, judged: Judged) -> Figure | None:
    """Linear CKA of every two networks that were kept, in the layer that they are compared by.

    Returns:
        ``None`` where fewer than two were kept.
    """
    arms = ranged(judged, ARMS)
    rows = layers.between(results, arms)
    if rows.empty:
        return None
    ends = [list(zip(rows[f"{end}_arm"], rows[f"{end}_replicate"], strict=True)) for end in _ENDS]
    places = [*dict.fromkeys(ends[0] + ends[1])]
    values = np.ones((len(places), len(places)))
    for first, second, value in zip(*ends, rows["cka"], strict=True):
        row, column = places.index(first), places.index(second)
        values[row, column] = values[column, row] = value
    names = [f"{wrapped(judged.labels[arm], 14, lines=1)} {replicate}" for arm, replicate in places]
    room = 14 + 5.4 * max(map(len, names))
    side = min(full_width() - room - 8, 30 + 34.0 * len(places), 480.0)
    with styled():
        figure = sheet(side + 6 + room)
        axes = place(figure, room, 6, side, side)
        _heat(axes, values, names)
        last = [arm for arm, _ in places]
        for edge in (at for at in range(1, len(last)) if last[at] != last[at - 1]):
            axes.axhline(edge - 0.5, color=GREY, lw=1)
            axes.axvline(edge - 0.5, color=GREY, lw=1)
    return figure


def _square(rows: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    values = np.full((len(names), len(names)), np.nan)
    for row in rows.itertuples():
        first, second = names.index(row.first), names.index(row.second)
        values[first, second] = values[second, first] = row.cka
    return values


def _heat(axes: Axes, values: NDArray[np.float64], names: Sequence[str]) -> None:
    """Cells, the more alike the fuller, each with its number where there is room."""
    color = COLORS["better"]
    picture = np.zeros((*values.shape, 4))
    picture[..., :3] = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    picture[..., 3] = 0.85 * np.clip(np.nan_to_num(values), 0, 1)
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    axes.spines[:].set(visible=True, color=GREY, linewidth=0.5)
    axes.set_xticks(range(len(names)), names, rotation=90, size=8.5)
    axes.set_yticks(range(len(names)), names, size=8.5)
    axes.tick_params(length=0)
    if len(names) > 12:
        return
    for row, column in np.ndindex(*values.shape):
        value = values[row, column]
        text = f"{value:.2f}".replace("-", "\u2212") if np.isfinite(value) else "n/a"
        axes.text(column, row, text, ha="center", va="center", size=8)
