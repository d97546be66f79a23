"""Pictures in rows, one row per arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports.figures.style import COLORS, GREY, full_width, place, sheet, styled, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Pictures = NDArray[np.uint8]
    Picture = NDArray[np.float64]

ROWS = 6
"""Arms that pictures are shown of."""

_LEAST = 24
"""Pixels along the longer side of a picture."""

_LABEL, _GAP, _TITLE = 110.0, 6.0, 18.0


def mosaic(
    rows: Mapping[str, Sequence[Picture | None]], titles: Sequence[str], *, most: float = 720
) -> Figure:
    """Pictures in rows that bear names, under titles.

    Args:
        rows: by name, pictures of shape ``(height, width, 4)``, drawn as large as fits.
        titles: of the columns.
        most: width of a picture at most, in CSS pixels.
    """
    across = len(titles)
    left = _LABEL if full_width() > 500 else 0.0
    side = min((full_width() - left - _GAP * across) / across, most)
    above = 0.0 if left else _TITLE
    known = [one.shape for pictures in rows.values() for one in pictures if one is not None]
    tall = side * max((height / width for height, width, _ in known), default=1.0)
    with styled():
        figure = sheet(_TITLE + len(rows) * (tall + _GAP + above))
        for row, (name, pictures) in enumerate(rows.items()):
            top = _TITLE + row * (tall + _GAP + above) + above
            for column, picture in enumerate(pictures):
                x = left + column * (side + _GAP)
                axes = place(figure, x, top, side, tall, xticks=[], yticks=[])
                axes.spines[:].set(visible=True, color=GREY, linewidth=0.5)
                if picture is not None:
                    axes.imshow(picture, interpolation="nearest", aspect="equal")
                    axes.set_anchor("NW")
                if row == 0:
                    axes.set_title(titles[column], size=9 if left else 7, pad=3 + above)
                if column == 0:
                    at = (-6 / side, 0.5) if left else (0.0, 1 + 4 / tall)
                    axes.text(
                        *at,
                        wrapped(name, 16 if left else 60, lines=4),
                        transform=axes.transAxes,
                        ha="right" if left else "left",
                        va="center" if left else "bottom",
                        size=9.5,
                    )
    return figure


def tiled(pictures: Pictures, across: int = 0, *, signed: bool = False) -> Picture:
    """Pictures side by side with a gap, as colors.

    Args:
        pictures: shape ``(pictures, height, width, channels)``; of one channel or three.
        across: pictures in a row; 0: as many as make a square.
        signed: whether the middle of the scale is zero: orange below, blue above.

    Returns:
        Shape ``(height, width, 4)``; the gaps are transparent.
    """
    # Enlarged, so that the gap is small beside a picture of few pixels.
    factor = max(1, _LEAST // max(pictures.shape[1:3]))
    pictures = pictures.repeat(factor, axis=1).repeat(factor, axis=2)
    count, height, width, _ = pictures.shape
    across = across or int(np.ceil(np.sqrt(count)))
    down = -(-count // across)
    found = np.zeros((down * (height + 1) - 1, across * (width + 1) - 1, 4))
    for index, picture in enumerate(pictures):
        top, left = (height + 1) * (index // across), (width + 1) * (index % across)
        found[top : top + height, left : left + width] = _colors(picture / 255, signed=signed)
    return found


def _colors(picture: NDArray[np.floating], *, signed: bool) -> Picture:
    opaque = np.ones((*picture.shape[:2], 1))
    if picture.shape[-1] == 3:
        return np.concatenate([picture, opaque], axis=-1)
    if not signed:
        return np.concatenate([np.repeat(picture, 3, axis=-1), opaque], axis=-1)
    strength = 2 * picture - 256 / 255
    ends = np.where(strength > 0, _rgb(COLORS["better"]), _rgb(COLORS["worse"]))
    mixed = 1 + np.minimum(np.abs(strength), 1) * (ends - 1)
    return np.concatenate([mixed, opaque], axis=-1)


def _rgb(color: str) -> NDArray[np.floating]:
    return np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
