"""Cases where a network has put them, in the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports import embedding, layers
from reports.figures.style import (
    GREY,
    INK,
    PAPER,
    SERIES,
    full_width,
    is_narrow,
    place,
    ranged,
    sheet,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.layers import Kept
    from reports.verdicts import Judged

ARMS = 4
"""Arms that are shown: the baseline and those with the best means."""

FEWEST = 10
"""Cases below which there is nothing to see."""

DOTS = 200
"""Pixels along each side of a panel; dots are drawn as a picture, which stays small."""

COLORS = (*SERIES[:7], "#4d4d4d", "#7fb5d5", "#e3a06b", "#6cc5ab", "#d8a7ce")
"""Colors of classes; further ones begin anew, and every class bears its name."""

_GAP, _TITLE, _LABEL = 10.0, 20.0, 80.0


def embedded(results: Results, judged: Judged) -> Figure | None:
    """Features of the layer that networks are compared by, of every arm's first replicate.

    Above their principal components, below t-SNE; a color per class, whose name stands where the
    middle of its cases is.

    Returns:
        ``None`` where no features were kept.
    """
    found = {arm: layers.kept(results, arm, 0) for arm in ranged(judged, ARMS)}
    known = {arm: one for arm, one in found.items() if one and len(one.layers[one.told]) >= FEWEST}
    if not known:
        return None
    ways = {"principal components": embedding.principal, "t-SNE": embedding.neighbours}
    names = results.card.classes
    across = 2 if is_narrow() else len(known)
    side = min((full_width() - _GAP * across) / across, 230.0)
    with styled():
        down = -(-len(known) // across) * len(ways)
        figure = sheet(down * (side + 2 * _TITLE))
        for row, (way, embed) in enumerate(ways.items()):
            for index, (arm, one) in enumerate(known.items()):
                under, column = divmod(index, across)
                line = row * (down // len(ways)) + under
                top = line * (side + 2 * _TITLE) + 1.5 * _TITLE
                axes = place(
                    figure, column * (side + _GAP) + 2, top, side, side, xticks=[], yticks=[]
                )
                _draw(axes, embed(one.layers[one.told]), one, names)
                fits = int(side / 5.6)
                lines = (judged.labels[arm], f"{one.told}, {way}")
                title = "\n".join(wrapped(line, fits, lines=1) for line in lines)
                axes.set_title(title, size=8.5, weight="normal")
    return figure


def _draw(axes: Axes, points: NDArray[np.floating], one: Kept, names: tuple[str, ...]) -> None:
    axes.spines[:].set(visible=True, color=GREY, linewidth=0.5)
    low, high = points.min(axis=0), points.max(axis=0)
    shares = (points - low) / np.where(high > low, high - low, 1)
    at = 0.04 + 0.92 * shares
    labels = one.labels[: len(points)] if one.labels is not None else np.zeros(len(points), int)
    axes.imshow(_dots(at, labels), extent=(0, 1, 0, 1), interpolation="nearest", aspect="auto")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    classes = np.unique(labels)
    if len(classes) < 2 or len(classes) > 30:
        return
    for one_class in classes.tolist():
        middle = np.median(at[labels == one_class], axis=0)
        name = names[one_class] if one_class < len(names) else str(one_class)
        axes.text(
            float(middle[0]),
            float(middle[1]),
            wrapped(name, 10, lines=1),
            color=INK,
            size=8.5,
            weight="bold",
            ha="center",
            va="center",
            clip_on=True,
            bbox={"boxstyle": "round,pad=0.15", "fc": PAPER, "ec": "none", "alpha": 0.75},
        )


def _dots(at: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Dots of three pixels, those of later cases in front."""
    picture = np.zeros((DOTS, DOTS, 4))
    for (x, y), label in zip(at.tolist(), labels.tolist(), strict=True):
        color = COLORS[label % len(COLORS)]
        column, row = round(x * (DOTS - 1)), round((1 - y) * (DOTS - 1))
        red, green, blue = (int(color[part : part + 2], 16) / 255 for part in (1, 3, 5))
        picture[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = [red, green, blue, 1]
    return picture
