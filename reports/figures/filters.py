"""Weights of the first layer, as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import layers
from reports.figures.mosaic import ROWS, mosaic, tiled
from reports.figures.style import ranged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged

LARGEST = 160.0
"""Width of the filters of a network, in CSS pixels."""


def filters(results: Results, judged: Judged) -> Figure | None:
    """The first filters of every arm, of each replicate that was kept.

    Returns:
        ``None`` where the first layer is given no image.
    """
    rows, columns = {}, set()
    for arm in ranged(judged, ROWS):
        found = {}
        for replicate in sorted(other for one, other in results.features if one == arm):
            one = layers.kept(results, arm, replicate)
            if one and "filters" in one.pictures:
                found[replicate] = tiled(one.pictures["filters"], signed=True)
        if found:
            rows[judged.labels[arm]] = found
            columns |= {*found}
    if not rows:
        return None
    order = sorted(columns)
    shown_rows = {name: [found.get(one) for one in order] for name, found in rows.items()}
    return mosaic(shown_rows, [f"replicate {one}" for one in order], most=LARGEST)
