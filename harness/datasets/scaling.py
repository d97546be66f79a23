"""Scaling of the inputs before training, and the line that tells people about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.datasets.rows import Rows

WHITES = (255, 65535)
"""Largest values of pixels of 8 and of 16 bits."""

COLOURS = (1, 3, 4)
SIDE, OBLONG = 8, 3
"""Bounds of images without a channel axis: shortest side, and largest ratio of the sides."""

WIDER = 100
"""Ratio to the median column's spread beyond which a wide column is worth a note."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Summary of the inputs after one pass over them.

    Args:
        low: smallest number at each place of the last axis.
        high: largest number there.
        whole: whether all are whole numbers.
        bad: how many are not finite.
        first: the first case with one of these.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    whole: bool
    bad: int = 0
    first: int = 0

    def __or__(self, other: Extent) -> Extent:
        """Extent of both together."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Extent(low, high, self.whole and other.whole)

    def __str__(self) -> str:
        """The whole range, such as ``-3.2..1680``."""
        return f"{self.low.min():.4g}..{self.high.max():.4g}"


def extent(rows: Rows) -> Extent:
    """Look at all rows."""
    whole, bad, first = True, 0, len(rows)
    counted = rows.array.dtype.kind in "biu"  # whole numbers by type, not by a look at each
    low = np.full(rows.shape[-1], np.inf, np.float32)
    high = -low
    for start, block in rows.blocks():
        flat = block.reshape(-1, block.shape[-1])
        low, high = np.minimum(low, flat.min(axis=0)), np.maximum(high, flat.max(axis=0))
        if not np.isfinite([low, high]).all():  # NaN makes the minimum NaN
            cases = np.argwhere(~np.isfinite(block))[:, 0]
            bad += len(cases)
            first = min(first, start + int(cases[0])) if len(cases) else first
        whole = whole and (counted or bool((block == np.rint(block)).all()))
    return Extent(low, high, whole, bad, first)


def white(seen: Extent, rows: Rows, source: str, *, scale: bool | None) -> int:
    """Number that is scaled to 1: for pixels the largest one possible, otherwise 1 itself.

    The type of a file does not decide: the same pixels are scaled alike as 8-bit numbers, as
    32-bit ones and as real ones.

    Args:
        seen: summary of all inputs.
        rows: inputs of the training cases.
        source: name of the data in error messages.
        scale: whether they are pixels; None: if they look like a picture, and some are bright.

    Raises:
        DataError: if they are to be scaled and cannot be pixels.
    """
    brightest = seen.high.max()
    pixels = seen.whole and seen.low.min() >= 0 and brightest <= WHITES[-1]
    if scale:
        if not pixels and not (seen.low.min() >= 0 and brightest <= 1):
            raise DataError(
                f"{source}: expected pixels, whole numbers of 0..255 or 0..65535, for "
                f"scale = true. Received: {seen}. standardize = true scales any numbers.",
                key="dataset",
            )
        if rows.array.dtype.kind == "u" and rows.array.dtype.itemsize <= 2:
            return WHITES[rows.array.dtype.itemsize - 1]
        return next(most for most in (1, *WHITES) if brightest <= most)
    if scale is False or not pixels or not looks_like_pictures(rows.shape[1:]):
        return 1
    return next((most for most in WHITES if most / 2 < brightest <= most), 1)


def looks_like_pictures(shape: Sequence[int]) -> bool:
    """True if cases have the shape of images, either grey or with channels last."""
    if len(shape) == 3:
        return shape[-1] in COLOURS
    return len(shape) == 2 and min(shape) >= SIDE and max(shape) <= OBLONG * min(shape)


def line(
    seen: Extent,
    most: int,
    *,
    standardized: bool,
    axes: int,
    columns: Sequence[str] = (),
    asked: bool = False,
) -> str:
    """Describe the scaling of the inputs in one line.

    Args:
        seen: summary of all inputs.
        most: number that is scaled to 1.
        standardized: whether they are.
        axes: of a case.
        columns: names of the numbers of a case.
        asked: whether somebody wants them as they are.
    """
    if standardized:
        return f"{seen} -> {STANDARDIZED}"
    if most > 1:
        return f"0..{most} -> 0..1"
    wide = _wide(seen, columns) if axes == 1 else ""
    if wide:
        return f"{seen}, not scaled: {wide}; standardize = true makes them alike"
    top = next((most for most in WHITES if most / 2 < seen.high.max() <= most), 0)
    if top and not asked and seen.whole and seen.low.min() >= 0:
        return f"{seen}, not scaled: these may be tokens or counts; scale = true divides by {top}"
    return f"{seen}, not scaled"


STANDARDIZED = "mean 0 and deviation 1 over the training cases of each replicate"


def _wide(seen: Extent, columns: Sequence[str]) -> str:
    """The column that is far wider than the others, if there is one."""
    widths = (seen.high - seen.low).astype(np.float64)
    usual = float(np.median(widths[widths > 0])) if (widths > 0).any() else 0.0
    widest = int(widths.argmax())
    if not usual or widths[widest] < WIDER * usual:
        return ""
    name = repr(columns[widest]) if columns else str(widest)
    return f"column {name} is {widths[widest] / usual:,.0f} times wider than most"
