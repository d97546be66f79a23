"""Everything that a study can sweep, as literal tables.

Each entry says which of its numbers are *values* (inputs of a compiled program, so that
trials which differ only there share it) and which are *structure* (part of the program).
Nothing here imports Keras: planning reads these tables, training resolves their targets.
"""

from __future__ import annotations

from harness.catalog.activations import ACTIVATIONS
from harness.catalog.autoencoding import BOTTLENECKS, CORRUPTIONS
from harness.catalog.choices import Choice, as_table, check_argument, choice, named, settled
from harness.catalog.counterparts import references
from harness.catalog.entries import Argument, Entry, Loss, Metric, Number, Template
from harness.catalog.families import FAMILIES, OPEN
from harness.catalog.initializers import INITIALIZERS, TRANSPOSED
from harness.catalog.listing import ARGUMENTS, LEGEND, Row, markdown, rows
from harness.catalog.objectives import LOSSES, METRICS, TASK_METRICS
from harness.catalog.optimizers import CLIPS, OPTIMIZERS, SCHEDULES
from harness.catalog.recurrent import CELLS, GATE_BIASES, POOLINGS
from harness.catalog.references import REFERENCES, SPLITTING
from harness.catalog.regularization import CONSTRAINTS, DROPOUTS, NORMALIZATIONS, REGULARIZERS
from harness.catalog.tasks import TASKS, Task
from harness.catalog.templates import SETTINGS, TEMPLATES, may_bring
from harness.catalog.training import Training, Updates, training, updates
from harness.catalog.transfer import TRANSFER
from harness.catalog.trunks import TRUNKS, Trunk

__all__ = [
    "ACTIVATIONS",
    "ARGUMENTS",
    "BOTTLENECKS",
    "CELLS",
    "CLIPS",
    "CONSTRAINTS",
    "CORRUPTIONS",
    "DROPOUTS",
    "FAMILIES",
    "GATE_BIASES",
    "INITIALIZERS",
    "LEGEND",
    "LOSSES",
    "METRICS",
    "NORMALIZATIONS",
    "OPEN",
    "OPTIMIZERS",
    "POOLINGS",
    "REFERENCES",
    "REGULARIZERS",
    "SCHEDULES",
    "SETTINGS",
    "SPLITTING",
    "TASKS",
    "TASK_METRICS",
    "TEMPLATES",
    "TRANSFER",
    "TRANSPOSED",
    "TRUNKS",
    "Argument",
    "Choice",
    "Entry",
    "Loss",
    "Metric",
    "Number",
    "Row",
    "Task",
    "Template",
    "Training",
    "Trunk",
    "Updates",
    "as_table",
    "check_argument",
    "choice",
    "markdown",
    "may_bring",
    "named",
    "references",
    "rows",
    "settled",
    "training",
    "updates",
]
