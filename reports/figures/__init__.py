"""Estimates as figures: each function returns a Matplotlib figure, drawn but never saved.

No global setting is touched. A figure is laid out for ``styled()``, the context to save it in.
"""

from reports.figures.cells import cells
from reports.figures.courses import LAYERS
from reports.figures.curves import curved, curves, decided
from reports.figures.every import every
from reports.figures.forest import forest
from reports.figures.heat import PANELS
from reports.figures.inside import INSIDE, inside
from reports.figures.labels import TOGETHER, labels
from reports.figures.lines import LINES
from reports.figures.outputs import ROWS
from reports.figures.samples import developing, replicated
from reports.figures.sensitivity import searched, sensitivity
from reports.figures.spread import spread
from reports.figures.style import (
    COLORS,
    INK,
    MOST,
    NARROW,
    PAPER,
    SERIES,
    SIZE,
    laid_out,
    shown,
    styled,
)

__all__ = [
    "COLORS",
    "INK",
    "INSIDE",
    "LAYERS",
    "LINES",
    "MOST",
    "NARROW",
    "PANELS",
    "PAPER",
    "ROWS",
    "SERIES",
    "SIZE",
    "TOGETHER",
    "cells",
    "curved",
    "curves",
    "decided",
    "developing",
    "every",
    "forest",
    "inside",
    "labels",
    "laid_out",
    "replicated",
    "searched",
    "sensitivity",
    "shown",
    "spread",
    "styled",
]
