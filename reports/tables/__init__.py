"""Verdicts and estimates as tables: of numbers for machines, of text for people."""

from reports.tables.answers import details, formatted, printed, verdict_table
from reports.tables.collection import collect
from reports.tables.factors import cells, complete, marginals
from reports.tables.provenance import notes, provenance, skipped, statuses, timing_problem
from reports.tables.tuning import edges, selection_bias, tuning

__all__ = [
    "cells",
    "collect",
    "complete",
    "details",
    "edges",
    "formatted",
    "marginals",
    "notes",
    "printed",
    "provenance",
    "selection_bias",
    "skipped",
    "statuses",
    "timing_problem",
    "tuning",
    "verdict_table",
]
