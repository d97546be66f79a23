"""Generated cases: how they develop in every arm, and what each replicate came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports.figures.mosaic import mosaic
from reports.figures.style import COLORS, GREY, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts import Judged

    Arrays = Mapping[str, NDArray[np.float32]]

BINS = 96
"""Cells along each side of a picture of points."""

ACROSS = 8
"""Replicates that a figure shows at most, and images along each side of a picture of images."""


def developing(results: Results, judged: Judged) -> Figure | None:
    """Cases that every arm generates in its first replicate, epoch by epoch.

    They are made of the same random numbers in every epoch and every arm. Of points, a picture
    shows where they are (blue) over where real ones are (grey); of more numbers, images.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where nothing was generated, or nothing that can be looked at.
    """
    first = {arm: results.generated(arm, 0) for arm in shown(judged) if (arm, 0) in results.samples}
    found = {arm: arrays for arm, arrays in first.items() if arrays}
    if not found or not _visible(results):
        return None
    epochs = sorted({epoch for arrays in found.values() for epoch in _epochs(arrays)})
    titles = ["real", *(f"epoch {epoch + 1}" for epoch in epochs)]
    rows = {}
    for arm, arrays in found.items():
        names = ["real", *(f"epoch_{epoch}" for epoch in epochs)]
        rows[judged.labels[arm]] = [
            _picture(arrays, name, results.card.shape) if name in arrays else None for name in names
        ]
    return mosaic(rows, titles)


def replicated(results: Results, judged: Judged) -> Figure | None:
    """Cases that each replicate generates after the last of the epochs that were kept.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        As of ``developing``.
    """
    count = min(judged.replicates, ACROSS)
    rows = {}
    for arm in shown(judged):
        found = [results.generated(arm, replicate) for replicate in range(count)]
        if any(found):
            rows[judged.labels[arm]] = [
                _picture(one, f"epoch_{_epochs(one)[-1]}", results.card.shape) if one else None
                for one in found
            ]
    if not rows or not _visible(results):
        return None
    return mosaic(rows, [f"replicate {replicate}" for replicate in range(count)])


def _visible(results: Results) -> bool:
    """True for points in a plane, and for images."""
    shape = results.card.shape
    return shape == (2,) or len(shape) == 2 or (len(shape) == 3 and shape[-1] in {1, 3})


def _epochs(arrays: Arrays) -> list[int]:
    return sorted(int(name.partition("_")[2]) for name in arrays if name != "real")


def _picture(arrays: Arrays, name: str, shape: Sequence[int]) -> NDArray[np.float64]:
    """Colors of shape ``(height, width, 4)``."""
    if tuple(shape) == (2,):
        return _points(arrays["real"], arrays[name], only_real=name == "real")
    return _images(arrays[name], shape)


def _points(
    real: NDArray[np.float32], made: NDArray[np.float32], *, only_real: bool
) -> NDArray[np.float64]:
    low, high = real.min(axis=0), real.max(axis=0)
    # Around the real ones there is room for some that are not.
    low, high = low - 0.15 * (high - low), high + 0.15 * (high - low)
    sides = [np.linspace(low[axis], high[axis], BINS + 1) for axis in (0, 1)]
    found = np.zeros((BINS, BINS, 4))
    found[_wider(_where(real, sides))] = [*_rgb(GREY), 0.55]
    if not only_real:
        found[_where(made, sides)] = [*_rgb(COLORS["better"]), 0.95]
    return found


def _where(points: NDArray[np.float32], sides: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
    there, *_ = np.histogram2d(points[:, 0], points[:, 1], bins=sides)
    return (there.T > 0)[::-1]


def _wider(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells and their neighbours, so that a narrow mode can be seen."""
    found = cells.copy()
    for axis in (0, 1):
        found |= np.roll(found, 1, axis) | np.roll(found, -1, axis)
    return found


def _images(cases: NDArray[np.float32], shape: Sequence[int]) -> NDArray[np.float64]:
    """Images side by side, each scaled like all others of its kind."""
    height, width, *channels = shape
    side = int(np.sqrt(len(cases)))
    tiles = cases[: side * side].reshape(side, side, height, width, -1)
    tiles = np.clip(np.nan_to_num(tiles), 0, 1)
    whole = tiles.transpose(0, 2, 1, 3, 4).reshape(side * height, side * width, -1)
    colors = np.repeat(whole, 3, axis=-1) if channels != [3] else whole
    return np.concatenate([colors, np.ones_like(colors[..., :1])], axis=-1)


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
