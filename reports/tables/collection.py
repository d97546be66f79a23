"""All tables of a study by name: what the page shows and what is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.tables.answers import verdict_table
from reports.tables.budgets import budgets
from reports.tables.diagnosing import alarms, estimates, relations
from reports.tables.factors import cells, effects, marginals, variance_shares
from reports.tables.learned import learned
from reports.tables.others import others
from reports.tables.provenance import history, provenance, skipped, statuses
from reports.tables.references import references
from reports.tables.savings import savings
from reports.tables.seen import (
    class_accuracies,
    class_differences,
    codes,
    confusions,
    extreme_cases,
    hard_cases,
    picture_errors,
    predictions,
    roc_curves,
    score_histograms,
)
from reports.tables.similarities import layer_similarities, network_similarities
from reports.tables.sources import sources
from reports.tables.tuning import selection_bias, tuning

if TYPE_CHECKING:
    import pandas as pd

    from reports.frames import Results
    from reports.verdicts import Judged


def collect(results: Results, judged: Judged) -> dict[str, pd.DataFrame]:
    """Every table of numbers, by the name of its file; those without rows are left out."""
    found = {
        "verdicts": verdict_table(results, judged),
        "statuses": statuses(results),
        "tuning": tuning(results),
        "selection_bias": selection_bias(results, judged),
        "marginal_means": marginals(results, judged),
        "factor_effects": effects(judged),
        "variance_shares": variance_shares(results, judged),
        "cell_means": cells(results, judged).reset_index(),
        "references": references(results, judged),
        "other_metrics": others(results),
        "budgets": budgets(results),
        "label_savings": savings(results, judged),
        "class_accuracy": class_accuracies(results),
        "class_differences": class_differences(results, judged),
        "confusion": confusions(results),
        "hard_cases": hard_cases(results),
        "restored": picture_errors(results),
        "roc": roc_curves(results),
        "score_histograms": score_histograms(results),
        "extreme_cases": extreme_cases(results),
        "code": codes(results),
        "predictions": predictions(results),
        "sources": sources(results),
        "inside": results.inside,
        "inside_estimates": estimates(results, judged),
        "inside_relations": relations(results, judged),
        "alarms": alarms(results),
        "features": learned(results),
        "layer_similarities": layer_similarities(results),
        "network_similarities": network_similarities(results),
        "skipped": skipped(results),
        "history": history(results),
        "provenance": provenance(results, judged),
        "trials": results.trials,
    }
    return {name: table for name, table in found.items() if len(table)}
