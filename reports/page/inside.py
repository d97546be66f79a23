"""The section on what was measured inside networks, and that of alarms."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from harness import catalog
from harness.spec.diagnostics import CASES
from reports import diagnostics, figures, tables, verdicts, wording
from reports.page.markup import Fold, Section, grid, narrow, plate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from reports.frames import Results
    from reports.page.markup import Plate
    from reports.verdicts import Judged

_ROWS, _RELATIONS = 30, 12
"""Rows of comparisons and of relations that the page shows; files beside it have all."""

_LOOK: Mapping[str, tuple[str, str]] = {
    "depth_preactivation_gradient_rms": (
        "Back-propagated gradients over depth",
        "Look for lines that fall towards the input (gradients vanish) or rise (they explode): a "
        "level line hands every layer the same signal.",
    ),
    "depth_weight_gradient_rms": (
        "Gradients of the weights over depth",
        "Look for layers that get a small part of what others get: they learn last, unless the "
        "optimizer makes up for it.",
    ),
    "depth_activation_spread": (
        "Spread of the outputs over depth",
        "Look for a spread that shrinks from layer to layer: what tells cases apart is then lost "
        "on the way.",
    ),
    "through_time": (
        "Gradients through time",
        "Look at where a line has fallen by a factor of a thousand: from there on back, the "
        "network cannot learn what happened.",
    ),
    "outputs": (
        "Outputs of bounded activations",
        "Filled: at the end; outlined: before the first step. Look for mass at either end "
        "(saturated units, which pass no gradient) and for a single peak in the middle (a layer "
        "that is almost linear).",
    ),
    "share_dead": (
        "Dead units",
        "Share of units that are zero for every case of the probe. Look for lines that rise: a "
        "dead unit gets no gradient and seldom comes back.",
    ),
    "share_saturated": (
        "Saturated outputs",
        "Look for lines that rise early and in the first layers; in the last one they only say "
        "that the network is sure.",
    ),
    "sharpness": (
        "Sharpness",
        "Largest eigenvalue of the Hessian of the loss. Dashed: 2 / learning rate, for plain "
        "gradient descent without momentum. Look for lines that rise and then hover about theirs; "
        "with small batches they may stay below it.",
    ),
    "heat_preactivation_gradient_rms": (
        "Back-propagated gradients, layer by layer",
        "Look for rows that grow dark from one measurement to the next: these layers stop learning.",
    ),
    "heat_update_ratio": (
        "Size of a step relative to the weights",
        "About a thousandth is usual. Look for rows that differ by decades: one learning rate does "
        "not suit all layers.",
    ),
    "heat_activation_spread": (
        "Spread of the outputs, layer by layer",
        "Look for rows that fade (cases become alike) or grow without end.",
    ),
}
"""By figure: its title, and one sentence or two on what to look for."""

_MEASURED: Mapping[str, frozenset[str]] = {
    "gradients": frozenset({"weight_gradient_rms", "preactivation_gradient_rms", "update_ratio"}),
    "activations": frozenset({"activation_mean", "activation_spread", "dead", "saturated"}),
    "features": frozenset({"probe_accuracy", "effective_rank", "purity"}),
    "sharpness": frozenset({"sharpness"}),
}
"""Quantities by measure of a study; where none of them is there, the measure is not available."""

_BOUND: Mapping[str, str] = {
    "saturated": "their activations have no end to saturate at",
    "dead": "none of their units can be zero for good",
}


def inside(results: Results, judged: Judged) -> Section | None:
    """Figures and tables of the inside of networks; none where nothing was measured there."""
    rows = results.inside
    if rows.empty:
        return None
    plates = [one for name in figures.INSIDE for one in _plates(name, results, judged)]
    return Section(
        id="inside",
        title="Inside the networks",
        texts=(_probe(results), *_absent(results)),
        figures=tuple(plates),
        folds=tuple(_folds(results, judged)),
    )


def alarmed(results: Results) -> Section | None:
    """Alarms with their evidence; none without any."""
    table = tables.formatted_alarms(results)
    if table.empty:
        return None
    text = (
        "Signs of known illnesses, each in a quarter of an arm's replicates or more. They are "
        "remarks: they change no status and no verdict, and an arm that alarms may still be the "
        "best. Definitions and thresholds: docs/diagnostics.md."
    )
    unlooked = "" if len(results.inside) else (
        " Nothing was measured inside the networks of this study."
    )  # fmt: skip
    return Section(id="alarms", title="Alarms", texts=(text + unlooked,), tables=(grid(table),))


def _plates(name: str, results: Results, judged: Judged) -> Iterator[Plate]:
    draw = partial(figures.INSIDE[name], results, judged)
    figure = draw()
    if figure is None:
        return
    title, look = _LOOK[name]
    over = {
        "heat": "Medians",
        "outp": "Medians",
        "thro": "Lines: medians",
        "shar": "Lines: medians",
    }
    medians = f"{over.get(name[:4], 'Lines: medians')} over replicates"
    bands = "" if medians.startswith("Medians") else "; bands: their middle half"
    caption = f"{look} {medians}{bands}; inference mode, {_cases(results)}."
    yield plate(figure, name, title, caption + _left_out(name, results, judged), narrow(draw))


def _left_out(name: str, results: Results, judged: Judged) -> str:
    """Sentences on arms and layers that a figure leaves out; empty if it shows all."""
    most = {"heat": figures.PANELS, "outp": figures.ROWS}.get(name[:4], figures.LINES)
    text, more = "", len(judged.labels) - most
    if more > 0:
        text = (
            f" Shown are the baseline and the {most - 1} arms with the best means; "
            f"{wording.count(more, 'other')} in the tables only."
        )
    if name.startswith(("share", "outputs")):
        quantity = name.removeprefix("share_") if name != "outputs" else "hist_00"
        rows = results.inside
        count = rows.loc[rows["quantity"] == quantity, "layer"].nunique()
        if count > figures.LAYERS:
            text += f" {figures.LAYERS} of {count} layers are shown, evenly spread."
    return text


def _cases(results: Results) -> str:
    """The probe in words."""
    asked = results.study.diagnostics
    if asked is not None and asked.cases is not None:
        return f"a probe of {asked.cases:,} training cases"
    return f"a probe of {CASES:,} training cases, or all where there are fewer"


def _probe(results: Results) -> str:
    rows = results.inside
    epochs = sorted(rows["epochs"].unique().tolist())
    when = ["before the first step"] if 0 in epochs else []
    later = [epoch for epoch in epochs if epoch]
    when += [f"after {wording.ranges(later, most=8)} epochs"] if later else []
    layers = wording.count(rows.loc[rows["depth"].notna(), "layer"].nunique(), "layer")
    return (
        f"Measured of {layers} {' and '.join(when)}, on {_cases(results)}, in inference mode "
        "(no dropout; batch normalization by its moving averages). The probe stays the same, and "
        "measuring changes no training. These numbers are explored: they decide nothing, and none "
        "of them has a better side."
    )


def _absent(results: Results) -> list[str]:
    """Sentences on measures that the study asked for and no network could give."""
    asked = results.study.diagnostics
    there = {*results.inside["quantity"]}
    lost = [one for one in (asked.measures if asked else ()) if not _MEASURED[one] & there]
    found = [f"Not available: {wording.listed(lost)}."] if lost else []
    for quantity, why in _BOUND.items():
        rows = results.inside[results.inside["quantity"] == quantity]
        arms = {*rows["arm"]}
        without = [arm.label for arm in results.arms if arm.index not in arms]
        if arms and without:
            words = diagnostics.diagnostic(quantity).words
            found.append(f"Not available: {words} of {wording.listed(without)}; {why}.")
    return found


def _folds(results: Results, judged: Judged) -> Iterator[Fold]:
    contrasts = [one for one in verdicts.contrasts(results, judged) if one.word != "baseline"]
    if contrasts:
        table = tables.formatted_estimates(results, contrasts)
        yield Fold(
            title="Against the baseline",
            texts=_compared(contrasts, judged),
            tables=(grid(table.head(_ROWS)),),
        )
    relations = tables.relations(results, judged)
    shown = tables.formatted_relations(results, relations, _RELATIONS)
    if len(shown):
        yield Fold(
            title="What goes with the result",
            texts=_related(results, relations),
            tables=(grid(shown),),
        )


def _compared(contrasts: list[verdicts.Contrast], judged: Judged) -> tuple[str, ...]:
    families = len({(one.quantity, one.layer, one.moment) for one in contrasts})
    clear = sum(one.word in {"higher", "lower"} for one in contrasts)
    level = judged.rule.level
    text = (
        f"{wording.count(len(contrasts), 'comparison')} by the same exact test as the verdicts: "
        f"each of {families} combinations of quantity, layer and moment is a family of its own "
        f"over the arms, and nothing is held across them. Of {families} families without any "
        f"difference, up to {max(1, round(level * families))} would show one by chance; here "
        f"{clear} of the comparisons are clear. Ratios (x) where a quantity spans decades."
    )
    more = len(contrasts) - _ROWS
    cut = (f"Shown are the {_ROWS} clearest; all are in inside_estimates.csv.",) if more > 0 else ()
    return (text, *cut)


def _related(results: Results, relations: pd.DataFrame) -> tuple[str, ...]:
    metric, looks = results.metric, int(relations["looks"].max())
    entry = catalog.METRICS[metric.name]
    good = "worse" if entry.minimize else "better"
    clear = int(relations.loc[relations["kind"] == "within", "clear"].sum())
    return (
        (
            f"Rank correlations of early diagnostics with {metric.split} "
            f"{metric.name.replace('_', ' ')} of the end: a positive one means that a larger "
            f"number went with a {good} result. Within arms: trainings of the same arm, each arm "
            "centred by itself. Over all arms: mostly the difference between arms, which may have "
            "other reasons and even the opposite sign. Early loss held constant: beyond what the "
            "training loss of the first epoch told already."
        ),
        (
            f"{looks} were looked at. Intervals are approximate (Fisher's, for ranks, widened where "
            "single replicates matter) and each by itself; the last column says whether it would "
            f"hold for all looks together: {clear or 'none'} of them "
            f"{'does' if clear in {0, 1} else 'do'}. All are in inside_relations.csv."
        ),
    )
