"""Everything that a study can sweep, as literal tables.

Each entry says which of its numbers are *values* (inputs of a compiled program, so that
trials which differ only there share it) and which are *structure* (part of the program).
Nothing here imports Keras: planning reads these tables, training resolves their targets.
"""

from __future__ import annotations

from harness.catalog.choices import Choice, check_argument, choice
from harness.catalog.entries import Argument, Entry, Loss, Metric, Number, Template
from harness.catalog.listing import ARGUMENTS, LEGEND, Row, rows
from harness.catalog.tables import (
    ACTIVATIONS,
    CLIPS,
    DEFAULT_LOSS,
    FAMILIES,
    FIT,
    INITIALIZERS,
    LOSSES,
    METRICS,
    NORMALIZATIONS,
    OPTIMIZERS,
    REGULARIZERS,
    SCHEDULES,
    SETTINGS,
    TASK_METRICS,
    TEMPLATES,
)

__all__ = [
    "ACTIVATIONS",
    "ARGUMENTS",
    "CLIPS",
    "DEFAULT_LOSS",
    "FAMILIES",
    "FIT",
    "INITIALIZERS",
    "LEGEND",
    "LOSSES",
    "METRICS",
    "NORMALIZATIONS",
    "OPTIMIZERS",
    "REGULARIZERS",
    "SCHEDULES",
    "SETTINGS",
    "TASK_METRICS",
    "TEMPLATES",
    "Argument",
    "Choice",
    "Entry",
    "Loss",
    "Metric",
    "Number",
    "Row",
    "Template",
    "check_argument",
    "choice",
    "rows",
]
