"""Every figure of a study, by the name of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.figures.anomalies import extreme_cases, roc, score_histograms
from reports.figures.cells import cells
from reports.figures.codes import code
from reports.figures.confusion import class_accuracy, confusion, hard_cases
from reports.figures.curves import curves
from reports.figures.embeddings import embedded
from reports.figures.filters import filters
from reports.figures.fitted import predictions
from reports.figures.forest import forest
from reports.figures.inside import inside
from reports.figures.labels import labels
from reports.figures.maps import maps
from reports.figures.profiles import profile
from reports.figures.restored import restored
from reports.figures.samples import developing, replicated
from reports.figures.sensitivity import searched, sensitivity
from reports.figures.similarities import layered, networks
from reports.figures.spread import spread
from reports.figures.traversals import traversals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged

_SEEN = (
    confusion,
    class_accuracy,
    hard_cases,
    restored,
    roc,
    score_histograms,
    extreme_cases,
    code,
    predictions,
)


def every(results: Results, judged: Judged) -> dict[str, Figure]:
    """Those that the study has something for."""
    found = {
        "forest": forest(judged),
        "curves": curves(results, judged),
        "spread": spread(judged),
        "cells": cells(results, judged),
        "samples": developing(results, judged),
        "samples_replicates": replicated(results, judged),
        "labels": labels(results, judged),
        "probe_accuracy": profile(results, judged, "probe_accuracy"),
        "effective_rank": profile(results, judged, "effective_rank"),
        "purity": profile(results, judged, "purity"),
        "layers": layered(results, judged),
        "networks": networks(results, judged),
        "embedding": embedded(results, judged),
        "filters": filters(results, judged),
        "feature_maps": maps(results, judged),
        "traversals": traversals(results, judged),
    }
    for draw in _SEEN:
        found[draw.__name__] = draw(results, judged)
    for name in searched(results):
        found[f"sensitivity_{name}"] = sensitivity(results, judged, name)
    found |= inside(results, judged)
    return {name: figure for name, figure in found.items() if figure is not None}
