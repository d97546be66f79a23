"""Images that a decoder makes of codes which are moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports import layers
from reports.figures.mosaic import ROWS, mosaic, tiled
from reports.figures.style import ranged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged


def traversals(results: Results, judged: Judged) -> Figure | None:
    """A few cases, each in a row, whose code is moved along one dimension after another.

    Returns:
        ``None`` where there is no decoder, or it makes no images.
    """
    found = {arm: layers.kept(results, arm, 0) for arm in ranged(judged, ROWS)}
    rows = {}
    for arm, one in found.items():
        if one is not None and "traversals" in one.pictures:
            made = one.pictures["traversals"]
            rows[judged.labels[arm]] = [
                tiled(made[:, at].reshape(-1, *made.shape[3:]), made.shape[2])
                for at in range(made.shape[1])
            ]
    if not rows:
        return None
    dimensions = int(np.max([len(row) for row in rows.values()]))
    drawn = {name: [*row, *[None] * (dimensions - len(row))] for name, row in rows.items()}
    return mosaic(drawn, [f"dimension {at + 1}" for at in range(dimensions)])
