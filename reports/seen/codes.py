"""Codes of test cases, in a plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports.seen.arrays import first

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.frames import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Codes of one arm or reference.

    Args:
        index: of the arm; references are counted behind the arms.
        points: shape ``(cases, 2)``; a code of one number has zeros beside it.
        classes: of the cases; ``None`` where they have none.
        width: numbers of a code; of more than two, points lie on their principal axes.
    """

    index: int
    points: NDArray[np.float64]
    classes: NDArray[np.int64] | None
    width: int


def codes(results: Results) -> list[Code]:
    """Codes of the first replicate of every arm and reference that has left some."""
    found = []
    for index, arrays in first(results, "code", "code_width").items():
        points = arrays["code"].astype(np.float64)
        if points.ndim != 2 or not points.size or not np.isfinite(points).all():
            continue
        if points.shape[1] < 2:
            points = np.column_stack([points, np.zeros(len(points))])
        told = arrays.get("code_classes")
        fits = told is not None and len(told) == len(points)
        found.append(
            Code(
                index=index,
                points=points[:, :2],
                classes=told.astype(np.int64) if told is not None and fits else None,
                width=int(arrays["code_width"]),
            )
        )
    return found
