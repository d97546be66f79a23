"""Predicted numbers against the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports.figures.style import GREY, SERIES, panels, shown, styled
from reports.seen import fitted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged

ARMS = 6
"""Arms that are shown at most."""


def predictions(results: Results, judged: Judged) -> Figure | None:
    """A dot per test case: its mean prediction; a line spans all replicates. A panel per arm.

    Args:
        results: that were read.
        judged: their verdicts.

    Returns:
        ``None`` where nothing was kept.
    """
    found = [one for one in fitted(results) if one.arm in {*shown(judged, ARMS)}]
    if not found:
        return None
    target = results.card.target or "target"
    every = np.concatenate([part.ravel() for one in found for part in (one.true, one.predicted)])
    low, high = float(every.min()), float(every.max())
    with styled():
        figure, axes = panels([judged.labels[one.arm] for one in found], 3, 210.0)
        for each, one in zip(axes, found, strict=True):
            each.plot([low, high], [low, high], color=GREY, linewidth=0.9)
            ends = one.predicted.min(axis=0), one.predicted.max(axis=0)
            each.vlines(one.true, *ends, color=SERIES[0], linewidth=0.8, alpha=0.3)
            each.scatter(one.true, one.mean, s=11, color=SERIES[0], alpha=0.75, linewidths=0)
        figure.supxlabel(f"true {target}", size=10, y=0.0, va="bottom")
        figure.supylabel(f"predicted {target}", size=10, x=0.0, ha="left")
    return figure
