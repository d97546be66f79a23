"""The section on what layers have learned: probes, ranks, similarities, and pictures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reports import figures, layers, tables, wording
from reports.page.markup import Fold, Section, grid, plate

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.page.markup import Plate
    from reports.verdicts import Judged

    Draw = Callable[[], Figure | None]

_TITLE = "What the layers have learned"
_BAND = "Lines: medians over replicates; bands: the middle half."
_FEATURES = (
    "Features are what a layer with weights gives, behind its activation: of images the mean over "
    "all places, of a recurrent layer its last state. Layers that normalize by the batch do so; "
    "nothing else is as in training. Numbers describe and were not tested."
)
_PROBES = (
    "Classes that a ridge classifier reads off a layer, on cases that it was not fitted to; the "
    "same cases and penalties for all layers. Look for the depth at which training adds to what "
    "random weights give. Dotted: fitted to permuted labels."
)
_RANKS = (
    "Directions that features spread over: the exponential of the entropy of the covariance's "
    "eigenvalues. Look for layers in which training lets it fall. Dotted: the same columns, "
    "permuted, which is as much as so many cases can show."
)
_PURITY = (
    "Of the ten nearest cases, the share of a case's own class. Look for a rise with depth. "
    "Dotted: of pairs at random."
)
_LAYERS = (
    "Linear CKA of every two layers after training, means over the replicates that were kept. "
    "Blocks of full color are layers that add little to each other."
)
_NETWORKS = (
    "the number behind an arm is the replicate. Arms differ in what they learn where their own "
    "replicates are more alike than they are to those of other arms."
)
_PLANE = (
    "A dot per case, a color per class, its name in the middle of its cases. Principal components "
    "keep distances; t-SNE keeps neighbours, and the distances between its groups mean nothing."
)
_FILTERS = (
    "Weights as pictures; of grey images, blue is above zero and orange below, on one scale per "
    "network."
)
_MAPS = (
    "The same two cases for all, and some channels of a layer for each, on one scale. A map of a "
    "single grey sees nothing in the case."
)
_CODES = (
    "In every row a case, in the middle as it is restored; to the left and right its code is moved "
    "by one and two standard deviations of that dimension. One without effect is not used."
)


def learned(results: Results, judged: Judged) -> Section | None:
    """Everything that was measured or kept of features; none where there is nothing."""
    shown = tables.formatted_learned(results)
    plates = [one for one in _plates(results, judged) if one is not None]
    if shown.empty and not plates:
        return None
    texts = [_FEATURES]
    similar = tables.network_similarities(results)
    compared = tables.formatted_similarities(similar)
    if results.features:
        texts.append(
            "Similarities are linear CKA by the unbiased estimator: 1 for the same features turned "
            "and scaled, about 0, and at times below, for unrelated ones. "
            f"{tables.available(similar, tables.layer_similarities(results))}{_reduced(results)}"
        )
    elif plates:
        texts.append("Similarities and pictures are not available: no features were kept.")
    return Section(
        id="learned",
        title=_TITLE,
        texts=tuple(texts),
        figures=tuple(plates),
        tables=() if compared.empty else (grid(compared),),
        folds=() if shown.empty else (Fold(title="Layer by layer", tables=(grid(shown),)),),
    )


def _plates(results: Results, judged: Judged) -> list[Plate | None]:
    """All figures of the section, ``None`` in place of those without content."""
    place, first = f" {_BAND} {_places(results)}", "Of the first replicate of each arm. "
    draws: list[tuple[str, str, str, int, Draw]] = [
        (
            "probe_accuracy",
            "Linear probes by depth",
            f"{_PROBES}{place}",
            figures.PANELS,
            partial(figures.profile, results, judged, "probe_accuracy"),
        ),
        (
            "effective_rank",
            "Effective rank by depth",
            f"{_RANKS}{place}",
            figures.PANELS,
            partial(figures.profile, results, judged, "effective_rank"),
        ),
        (
            "purity",
            "Near cases of the same class",
            f"{_PURITY}{place}",
            figures.PANELS,
            partial(figures.profile, results, judged, "purity"),
        ),
        (
            "layers",
            "Similarity of layers",
            _LAYERS,
            figures.SIMILAR,
            partial(figures.layered, results, judged),
        ),
        (
            "networks",
            "Similarity of networks",
            f"Linear CKA of {_told(results)} in every two networks; {_NETWORKS}",
            figures.SIMILAR,
            partial(figures.networks, results, judged),
        ),
        (
            "embedding",
            "Cases in the plane",
            f"{first}{_PLANE}",
            figures.EMBEDDED,
            partial(figures.embedded, results, judged),
        ),
        (
            "filters",
            "Filters of the first layer",
            _FILTERS,
            figures.PICTURED,
            partial(figures.filters, results, judged),
        ),
        (
            "feature_maps",
            "Feature maps",
            f"{first}{_MAPS}",
            figures.PICTURED,
            partial(figures.maps, results, judged),
        ),
        (
            "traversals",
            "Dimensions of the code",
            f"{first}{_CODES}",
            figures.PICTURED,
            partial(figures.traversals, results, judged),
        ),
    ]
    return [
        _plate(name, title, caption + _left_out(judged, most), draw)
        for name, title, caption, most, draw in draws
    ]


def _plate(name: str, title: str, caption: str, draw: Draw) -> Plate | None:
    figure = draw()
    if figure is None:
        return None
    with figures.laid_out(figures.NARROW):
        narrow = draw()
    return plate(figure, name, title, caption, narrow)


def _places(results: Results) -> str:
    """Sentence on the layers behind the numbers of an axis."""
    rows = layers.profiles(results)
    if rows.empty:
        return ""
    named = rows[["depth", "layer"]].drop_duplicates().sort_values("depth")
    if named["depth"].duplicated().any() or len(named) > figures.PANELS:
        return "Layers are named in the table below."
    told = [f"{row.depth} {row.layer}" for row in named.itertuples()]
    return f"Layers: {', '.join(told)}."


def _told(results: Results) -> str:
    """The layers that networks are compared by."""
    kept = (layers.kept(results, *place) for place in sorted(results.features))
    return wording.listed([*dict.fromkeys(one.told for one in kept if one)])


def _reduced(results: Results) -> str:
    """Sentence on layers of which only leading principal components were kept."""
    kept = [layers.kept(results, *place) for place in sorted(results.features)]
    shares = [share for one in kept if one for share in one.shares.values() if share < 1]
    if not shares:
        return ""
    return (
        " Of layers with many units the leading principal components were kept, with at least "
        f"{wording.percent(min(shares))} of their variance."
    )


def _left_out(judged: Judged, most: int) -> str:
    """Sentence on the arms that a figure leaves out; empty if it shows all."""
    left = len(judged.labels) - most
    if left <= 0:
        return ""
    return (
        f" Shown are the baseline and {most - 1} arms from the best mean to the worst; "
        f"{wording.count(left, 'other')} in the files only."
    )
