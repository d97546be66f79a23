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
from reports.tables.budgets import budgets, formatted_budgets, leaders
from reports.tables.collection import collect
from reports.tables.diagnosing import (
    alarms,
    estimates,
    formatted_alarms,
    formatted_estimates,
    formatted_relations,
    relations,
)
from reports.tables.factors import (
    cells,
    effects,
    formatted_effects,
    formatted_interactions,
    formatted_shares,
    marginals,
    variance_shares,
)
from reports.tables.others import best_others, formatted_others, others
from reports.tables.provenance import (
    formatted_history,
    formatted_skipped,
    history,
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
from reports.tables.savings import formatted_savings, saved, savings, unsaved
from reports.tables.sources import formatted_sources, sources
from reports.tables.tuning import (
    formatted_bias,
    formatted_tuning,
    selection_bias,
    tuning,
)
from reports.verdicts import edges

__all__ = [
    "alarms",
    "best_others",
    "budgets",
    "caption",
    "cells",
    "collect",
    "comparison_table",
    "details",
    "edges",
    "effects",
    "estimates",
    "formatted",
    "formatted_alarms",
    "formatted_bias",
    "formatted_budgets",
    "formatted_effects",
    "formatted_estimates",
    "formatted_history",
    "formatted_interactions",
    "formatted_others",
    "formatted_references",
    "formatted_relations",
    "formatted_savings",
    "formatted_shares",
    "formatted_skipped",
    "formatted_sources",
    "formatted_tuning",
    "history",
    "leaders",
    "marginals",
    "notes",
    "others",
    "printed",
    "printed_references",
    "provenance",
    "references",
    "relations",
    "saved",
    "savings",
    "selection_bias",
    "skipped",
    "sources",
    "statuses",
    "tested",
    "timing_problem",
    "tuning",
    "unsaved",
    "variance_shares",
    "verdict_table",
]
