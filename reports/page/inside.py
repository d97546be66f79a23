"""The section on what was measured inside networks, and that of alarms."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

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


class _Look(NamedTuple):
    """Title of a figure, and a sentence on what to look for."""

    title: str
    text: str


_LOOK: Mapping[str, _Look] = {
    "depth_preactivation_gradient_rms": _Look(
        "Back-propagated gradients over depth",
        "Look for lines that fall towards the input (gradients vanish) or rise (they explode); a "
        "level line hands every layer the same signal.",
    ),
    "depth_weight_gradient_rms": _Look(
        "Gradients of the weights over depth",
        "Look for layers that get a small part of what others get: they learn last, unless the "
        "optimizer makes up for it.",
    ),
    "depth_activation_spread": _Look(
        "Spread of the outputs over depth",
        "Look for a spread that shrinks from layer to layer: what tells cases apart is then lost.",
    ),
    "through_time": _Look(
        "Gradients through time",
        "Look for the step at which a line has fallen by a factor of a thousand: from there on "
        "back, nothing is learned.",
    ),
    "outputs": _Look(
        "Outputs of bounded activations",
        "Look for mass at either end (saturated units, which pass no gradient) and for one peak in "
        "the middle (a layer that is almost linear). Filled: at the end; outlined: at the start.",
    ),
    "share_dead": _Look(
        "Dead units",
        "Look for lines that rise: a unit that is zero for every case of the probe gets no "
        "gradient and seldom comes back.",
    ),
    "share_saturated": _Look(
        "Saturated outputs",
        "Look for lines that rise early and in the first layers; in the last one they only say "
        "that the network is sure.",
    ),
    "sharpness": _Look(
        "Sharpness, the largest eigenvalue of the Hessian of the loss",
        "Look for lines that rise and then hover about the dashed one, 2 / learning rate, which is "
        "drawn for plain gradient descent; with small batches they may stay below.",
    ),
    "heat_preactivation_gradient_rms": _Look(
        "Back-propagated gradients, layer by layer",
        "Look for rows that grow dark from one measurement to the next: these layers stop "
        "learning.",
    ),
    "heat_update_ratio": _Look(
        "Size of a step relative to the weights",
        "Look for rows that differ by decades, where one learning rate does not suit all layers; "
        "about a thousandth is usual.",
    ),
    "heat_activation_spread": _Look(
        "Spread of the outputs, layer by layer",
        "Look for rows that fade (cases become alike) or grow without end.",
    ),
}
"""By figure: its title, and one sentence or two on what to look for."""

_MEASURED: Mapping[str, frozenset[str]] = {
    "gradients": frozenset({"weight_gradient_rms", "preactivation_gradient_rms"}),
    "activations": frozenset({"activation_mean", "activation_spread", "dead", "saturated"}),
    "features": frozenset({"probe_accuracy", "effective_rank", "purity"}),
    "sharpness": frozenset({"sharpness"}),
    "weights": frozenset({"weight_norm"}),
}
"""Quantities by measure of a study; where none of them is there, the measure is not available."""

_BOUND: Mapping[str, str] = {
    "saturated": "an activation without a limit has none",
}


def inside(results: Results, judged: Judged) -> Section | None:
    """Texts and tables of the inside of networks; none where a study asks for nothing there."""
    title = "Inside the networks"
    if results.inside.empty:
        if results.study.diagnostics is None:
            return None
        text = "Not available: the study asks for diagnostics, and no network could be looked into."
        return Section(id="inside", title=title, texts=(text,))
    return Section(
        id="inside",
        title=title,
        texts=(_probe(results), *_absent(results)),
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


def plated(name: str, results: Results, judged: Judged) -> Plate | None:
    """One of ``figures.INSIDE`` with its caption; none where there is nothing to draw."""
    draw = partial(figures.INSIDE[name], results, judged)
    figure = None if results.inside.empty else draw()
    if figure is None:
        return None
    title, look = _LOOK[name]
    bands = "" if name.startswith(("heat", "outputs")) else "; bands: their middle half"
    how = f"Medians over replicates{bands}; no dropout, {_cases(results)}."
    caption = f"{look} {how}{_left_out(name, results, judged)}"
    return plate(figure, name, title, caption, narrow(draw))


def _left_out(name: str, results: Results, judged: Judged) -> str:
    """Sentences on arms and layers that a figure leaves out; empty if it shows all."""
    rows = results.inside
    most = figures.PANELS if name.startswith("heat") else figures.LINES
    text, more = "", len(judged.labels) - most
    if name == "outputs":
        bounded = rows.loc[rows["quantity"] == "hist_00", "arm"].nunique()
        more = bounded - figures.ROWS
        text = (
            f" Shown are {figures.ROWS} of {bounded} arms, from the best mean to the worst."
            if more > 0
            else ""
        )
    elif more > 0:
        text = (
            f" Shown are the baseline and {most - 1} arms from the best mean to the worst; "
            f"{wording.count(more, 'other')} in the tables only."
        )
    if name.startswith(("share", "outputs")):
        quantity = name.removeprefix("share_") if name != "outputs" else "hist_00"
        count = rows.loc[rows["quantity"] == quantity, "layer"].nunique()
        if count > figures.LAYERS:
            text += f" {figures.LAYERS} of {count} layers are shown, evenly spread."
    return text


def _cases(results: Results) -> str:
    """The probe in words."""
    asked = results.study.diagnostics
    if asked is not None and asked.cases is not None:
        return f"a probe of {asked.cases:,} training cases"
    return f"a probe of at most {CASES:,} training cases"


def _probe(results: Results) -> str:
    rows = results.inside
    epochs = sorted(rows["epochs"].unique().tolist())
    when = ["before the first step"] if 0 in epochs else []
    later = [epoch for epoch in epochs if epoch]
    when += [f"after {wording.ranges(later, most=8)} epochs"] if later else []
    layers = wording.count(rows.loc[rows["depth"].notna(), "layer"].nunique(), "layer")
    return (
        f"Measured of {layers} {' and '.join(when)}, on {_cases(results)}, without "
        "dropout and noise, and with normalization by the batch as in training. The cases are the "
        "same in all arms and epochs of a replicate, and measuring changes no training. These "
        "numbers are explored: they decide nothing, and none of them has a better side."
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
    shown = tables.formatted_relations(relations, _RELATIONS)
    if len(shown):
        yield Fold(
            title="What goes with the result",
            texts=_related(results, relations),
            tables=(grid(shown),),
        )


def _compared(contrasts: list[verdicts.Contrast], judged: Judged) -> tuple[str, ...]:
    families, fewest = len({(one.quantity, one.layer, one.moment) for one in contrasts}), ""
    if judged.replicates < judged.rule.fewest:
        fewest = (
            f" With {wording.count(judged.replicates, 'replicate')} none can be decided; "
            f"{judged.rule.fewest} can."
        )
    clear = sum(one.word in {"higher", "lower"} for one in contrasts)
    level = judged.rule.level
    text = (
        f"{wording.count(len(contrasts), 'comparison')} by the same exact test as the verdicts: "
        f"each of {families} combinations of quantity, layer and moment is a family of its own "
        f"over the arms, and nothing is held across them. Of {families} families without any "
        f"difference, up to {max(1, round(level * families))} would show one by chance; here "
        f"{clear} of the comparisons are clear.{fewest} Ratios (x) where a quantity spans decades."
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
            "other reasons and even the opposite sign. Early loss held: beyond what the training "
            "loss of the first epoch told already. Early: after the first measured epochs."
        ),
        (
            f"{looks} were looked at. Intervals are approximate (Fisher's, for ranks, widened "
            "where single replicates matter) and each by itself; the last column says whether it "
            f"would hold for all looks together: {clear or 'none'} of them "
            f"{'does' if clear in {0, 1} else 'do'}. All are in inside_relations.csv."
        ),
    )
