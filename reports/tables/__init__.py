"""Verdicts and estimates as tables: of numbers for machines, of text for people."""

from reports.tables.answers import (
    caption,
    comparison_table,
    details,
    formatted,
    printed,
    tested,
    verdict_table,
)
from reports.tables.collection import collect
from reports.tables.factors import cells, complete, formatted_marginals, marginals
from reports.tables.others import formatted_others, others
from reports.tables.provenance import (
    formatted_skipped,
    notes,
    provenance,
    skipped,
    statuses,
    timing_problem,
)
from reports.tables.references import (
    formatted_references,
    printed_references,
    references,
)
from reports.tables.tuning import (
    edges,
    formatted_bias,
    formatted_tuning,
    selection_bias,
    tuning,
)

__all__ = [
    "caption",
    "cells",
    "collect",
    "comparison_table",
    "complete",
    "details",
    "edges",
    "formatted",
    "formatted_bias",
    "formatted_marginals",
    "formatted_others",
    "formatted_references",
    "formatted_skipped",
    "formatted_tuning",
    "marginals",
    "notes",
    "others",
    "printed",
    "printed_references",
    "provenance",
    "references",
    "selection_bias",
    "skipped",
    "statuses",
    "tested",
    "timing_problem",
    "tuning",
    "verdict_table",
]
