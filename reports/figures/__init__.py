"""Estimates as figures: each function returns a Matplotlib figure, drawn but never saved.

No global setting is touched. A figure is laid out for ``styled()``, the context to save it in.
"""

from reports.figures.cells import cells
from reports.figures.curves import curved, curves, decided
from reports.figures.embeddings import ARMS as EMBEDDED
from reports.figures.embeddings import embedded
from reports.figures.every import every
from reports.figures.filters import filters
from reports.figures.forest import forest
from reports.figures.labels import TOGETHER, labels
from reports.figures.maps import maps
from reports.figures.mosaic import ROWS
from reports.figures.profiles import PANELS, profile
from reports.figures.samples import developing, replicated
from reports.figures.sensitivity import searched, sensitivity
from reports.figures.similarities import ARMS as SIMILAR
from reports.figures.similarities import layered, networks
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
from reports.figures.traversals import traversals

__all__ = [
    "COLORS",
    "EMBEDDED",
    "INK",
    "MOST",
    "NARROW",
    "PANELS",
    "PAPER",
    "ROWS",
    "SERIES",
    "SIMILAR",
    "SIZE",
    "TOGETHER",
    "cells",
    "curved",
    "curves",
    "decided",
    "developing",
    "embedded",
    "every",
    "filters",
    "forest",
    "labels",
    "laid_out",
    "layered",
    "maps",
    "networks",
    "profile",
    "replicated",
    "searched",
    "sensitivity",
    "shown",
    "spread",
    "styled",
    "traversals",
]
