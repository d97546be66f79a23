"""Choices about the data that a study makes itself, and those that it leaves to the data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness import catalog
from harness.card import view_digest
from harness.design import classes
from harness.design.parts import parted
from harness.errors import StudyError
from harness.spec import Metric, Quantity

if TYPE_CHECKING:
    from harness.card import Card
    from harness.spec import Level, Study


def settle(study: Study, card: Card) -> Study:
    """Fill in everything that a study leaves to its data."""
    task = catalog.TASKS[card.task]
    decides, fit = (
        task.otherwise if task.otherwise and catalog.METRICS[name].misfit(card) else name
        for name in (task.decides, task.fit)
    )
    chooses = Quantity.parse(study.best) if study.best else Quantity(split="val", name=fit)
    best = str(_known(chooses.at("best")).quantity)
    tune = study.tune
    if tune:
        aim = tune.aim if tune.objective else chooses.at("best")
        tune = tune.model_copy(update={"objective": str(_known(aim))})
    decided = Quantity(split="test", name=decides).at("best")
    metric = str(_known(study.deciding if study.metric else decided))
    return study.model_copy(update={"best": best, "metric": metric, "tune": tune})


def _known(metric: Metric) -> Metric:
    """Metric under its name in the catalogue."""
    name = catalog.named(catalog.METRICS, metric.name) or metric.name
    return metric.model_copy(update={"name": name})


def viewed(study: Study, card: Card, draw: int = 0) -> Card:
    """Data as study and template take it.

    Some of its classes, where the study says so; an autoencoder reconstructs inputs, whatever the
    labels.

    Args:
        study: says what is made of the data.
        card: of the whole.
        draw: of its classes, where each replicate has its own.
    """
    card = parted(study.dataset, card, study.seed, draw)
    built_in = catalog.TEMPLATES.get(study.template)
    wanted = [key for key in ("normal", "denoise") if getattr(study, key)]
    asked = study.task or ("reconstruction" if wanted else "")
    makes = built_in.makes if built_in else asked
    if (makes or asked) and card.inputs:
        raise StudyError(
            f"expected data with one input, to {_verb(makes)} it. Received: several ({card.form}). "
            "Give the data as a single array x.",
            key=wanted[0] if wanted else "task" if study.task else "template",
        )
    if study.task and study.task != makes:
        raise StudyError(
            f"expected a template that gives back its inputs, for task = {study.task!r}: "
            f"'autoencoder', or one of your own. Received: {study.template!r}. Change 'template', "
            "or leave 'task' out.",
            key="task",
        )
    if not wanted:
        return replace(card, task=makes) if makes else card
    if len(wanted) > 1:
        raise StudyError(
            "expected either 'normal' (detect anomalies) or 'denoise' (remove noise). "
            "Received: both. Leave one of them out.",
            key="denoise",
        )
    if makes != "reconstruction":
        aim = "detect anomalies" if study.normal else "remove noise"
        raise StudyError(
            f"expected a template that gives back its inputs, to {aim}: 'autoencoder', or one of "
            f"your own. Received: {study.template!r}. Change 'template', or leave {wanted[0]!r} "
            "out.",
            key=wanted[0],
        )
    if study.denoise:
        return _noisy(card, study.denoise)
    return _only_normal(card, study.normal)


def _verb(makes: str) -> str:
    return "generate" if makes and catalog.TASKS[makes].generates else "reconstruct"


def filled(study: Study, card: Card) -> Card:
    """Data with a note if most cases end in a token that the study could declare as padding."""
    built_in = catalog.TEMPLATES.get(study.template)
    space = study.tune.space if study.tune else {}
    given = {*study.fixed, *study.factors, *space}
    if not built_in or "padding" not in built_in.arguments:
        return card
    if card.largest >= TOKENS and len(card.shape) == 1 and not {"vocabulary"} & given:
        note = (
            f"inputs are whole numbers of 0..{card.largest}, taken for quantities: if they are "
            f"tokens, say vocabulary = {card.largest + 1} in [fixed]"
        )
        return replace(card, notes=(*card.notes, note))
    if card.tail < 0 or "vocabulary" not in given or "padding" in given:
        return card
    what = "zeros" if card.tail == 0 else f"a run of {card.tail}"
    note = f"most cases end in {what}: if that is padding, say padding = {card.tail} in [fixed]"
    return replace(card, notes=(*card.notes, note))


TOKENS = 3
"""Largest whole number of a sequence from which it is more likely of tokens than of switches."""


def _noisy(card: Card, corruption: Level) -> Card:
    """Data with noisy validation and test inputs, and the clean ones as targets."""
    try:
        chosen = catalog.choice("corruption", corruption)
    except StudyError as error:
        raise StudyError(error.message, key="denoise") from None
    if chosen.name == "none":
        raise StudyError(
            f"expected a kind of noise to remove. Received: {chosen.name!r}. See `keras-harness "
            "catalog corruption`, or leave 'denoise' out.",
            key="denoise",
        )
    made = replace(card, task="denoising", noise=chosen.setting())
    return replace(made, digest=view_digest(card.digest, made.view))


def _only_normal(card: Card, named: tuple[str | int, ...]) -> Card:
    """Data with only the normal classes to train on; the test split holds the anomalies."""
    if not card.counts:
        raise StudyError(
            "expected data with classes, of which 'normal' names some. "
            f"Received: {card.task} data. Leave 'normal' out.",
            key="normal",
        )
    try:
        normal = tuple(sorted({classes.number(card, one) for one in named}))
    except StudyError as error:
        raise StudyError(error.message, key="normal") from None
    if len(normal) == card.outputs:
        raise StudyError(
            f"expected fewer than all {card.outputs} classes, because the others count as "
            f"anomalies. Received: {[*named]}. Remove at least one.",
            key="normal",
        )
    cases = sum(card.counts[one] for one in normal)
    notes = card.notes
    if 2 * cases < sum(card.counts):
        minority = f"the normal classes have {cases:,} of {sum(card.counts):,} cases, a minority"
        notes += (f"{minority}: if these are the anomalies, name the others in 'normal'",)
    made = replace(
        card,
        task="anomaly",
        cases=cases,
        normal=normal,
        notes=notes,
        copies=(),  # counted among all classes
        spare=max(card.spare, card.grain - 1),
        grain=1,
    )
    return replace(made, digest=view_digest(card.digest, made.view))
