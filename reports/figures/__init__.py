"""Estimates as figures: each function returns a Matplotlib figure, drawn but never saved.

No global setting is touched. A figure is laid out for ``styled()``, the context to save it in.
"""

from reports.figures.anomalies import ARMS as ANOMALY_ARMS
from reports.figures.anomalies import extreme_cases, roc, score_histograms
from reports.figures.cells import cells
from reports.figures.codes import ARMS as CODE_ARMS
from reports.figures.codes import NAMED, code
from reports.figures.confusion import ARMS as CLASS_ARMS
from reports.figures.confusion import CLASSES, class_accuracy, confusion, hard_cases
from reports.figures.courses import LAYERS
from reports.figures.curves import curved, curves, decided
from reports.figures.embeddings import ARMS as EMBEDDED
from reports.figures.embeddings import embedded
from reports.figures.every import every
from reports.figures.filters import filters
from reports.figures.fitted import ARMS as FITTED_ARMS
from reports.figures.fitted import predictions
from reports.figures.forest import forest
from reports.figures.inside import INSIDE, inside
from reports.figures.labels import TOGETHER, labels
from reports.figures.lines import LINES
from reports.figures.maps import maps
from reports.figures.mosaic import ROWS as PICTURED
from reports.figures.outputs import ROWS
from reports.figures.profiles import profile
from reports.figures.published import published
from reports.figures.restored import METHODS, restored
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
    PANELS,
    PAPER,
    SERIES,
    SIZE,
    laid_out,
    ranged,
    shown,
    styled,
)
from reports.figures.traversals import traversals

__all__ = [
    "ANOMALY_ARMS",
    "CLASSES",
    "CLASS_ARMS",
    "CODE_ARMS",
    "COLORS",
    "EMBEDDED",
    "FITTED_ARMS",
    "INK",
    "INSIDE",
    "LAYERS",
    "LINES",
    "METHODS",
    "MOST",
    "NAMED",
    "NARROW",
    "PANELS",
    "PAPER",
    "PICTURED",
    "ROWS",
    "SERIES",
    "SIMILAR",
    "SIZE",
    "TOGETHER",
    "cells",
    "class_accuracy",
    "code",
    "confusion",
    "curved",
    "curves",
    "decided",
    "developing",
    "embedded",
    "every",
    "extreme_cases",
    "filters",
    "forest",
    "hard_cases",
    "inside",
    "labels",
    "laid_out",
    "layered",
    "maps",
    "networks",
    "predictions",
    "profile",
    "published",
    "ranged",
    "replicated",
    "restored",
    "roc",
    "score_histograms",
    "searched",
    "sensitivity",
    "shown",
    "spread",
    "styled",
    "traversals",
]
