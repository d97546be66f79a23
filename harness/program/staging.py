"""Stages of a template: checked, frozen in part, and started from the stage before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.errors import TemplateError, nearest
from harness.players import Player, Stage, owner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.program.weights import Weight
    from harness.spec import Trial


NAMED = 6
"""Layers that a sentence names."""

SOURCE = "source"
"""Name of the stage that stands for the trial which another one needs."""


def stages(made: Any, template: str) -> tuple[Stage, ...]:
    """Stages that a template has returned, each with its players; a model alone is one stage.

    Raises:
        TemplateError: if a tuple holds something else, or names do not tell its stages apart.
    """
    if not isinstance(made, tuple):
        made = (made if isinstance(made, Stage) else Stage(model=made),)
    others = [type(one).__name__ for one in made if not isinstance(one, Stage)]
    if others or not made:
        raise TemplateError(
            f"template {template!r}: expected a tuple of harness.players.Stage. Received: "
            f"{f'one that holds {others[0]}' if others else 'an empty one'}."
        )
    names = [stage.name for stage in made]
    if len(names) > 1 and (len({*names}) < len(names) or not all(map(str.isidentifier, names))):
        raise TemplateError(
            f"template {template!r}: expected stages of different names, each a single word. "
            f"Received: {', '.join(map(repr, names))}."
        )
    return tuple(
        stage if stage.players else replace(stage, players=(Player(name=stage.name),))
        for stage in made
    )


def check(stages: Sequence[Stage], trial: Trial) -> None:
    """Make sure that stages are told apart by their layers, and say nothing that is not there.

    Args:
        stages: their models built.
        trial: any trial of the structure.

    Raises:
        TemplateError: if a turn, a layer or a setting of a study names what is not there, if
            stages share a weight, or if one is trained for no epoch.
    """
    _check_players(stages, trial)
    _check_apart(stages, trial.template)
    for stage in stages:
        _check_names(stage, trial.template)
        epochs = stage.epochs
        if epochs is not None and (not isinstance(epochs, int) or epochs < 1):
            raise TemplateError(
                f"{_where(stage, trial.template)}: expected a whole number of epochs above 0. "
                f"Received: {epochs!r}."
            )


def freeze(stage: Stage, template: str) -> None:
    """Set the frozen layers of a stage so that they are not trained.

    Raises:
        TemplateError: if there is no such layer, or if a player is left with nothing to train.
    """
    layers = _layers(stage)
    for name in stage.frozen:
        if name not in layers:
            raise TemplateError(
                f"{_where(stage, template)}: expected frozen to name layers with weights. "
                f"Received: {name!r}. {nearest(name, layers)}"
            )
        layers[name].trainable = False
    for player in stage.players:
        if stage.frozen and not trained(stage, player):
            raise TemplateError(
                f"{_where(stage, template)}: expected layers to train. Received: none, "
                f"because {', '.join(map(repr, stage.frozen))} are frozen. Leave one out."
            )


def trained(stage: Stage, player: Player) -> list[Any]:
    """Variables that a player of a stage updates."""
    if not player.layers:
        return list(stage.model.trainable_variables)
    layers = [stage.model.get_layer(name) for name in player.layers]
    return [variable for layer in layers for variable in layer.trainable_variables]


def taken(weights: Sequence[Weight], stages: Sequence[Stage], template: str) -> tuple[Weight, ...]:
    """Weights of the last of some stages, those that it takes over with where they come from.

    Args:
        weights: all of that stage.
        stages: it, and all before it.
        template: its name, for messages.

    Raises:
        TemplateError: if fewer layers are found than it asks for, in the same shapes.
    """
    *earlier, stage = stages
    if not stage.takes:
        return tuple(weights)
    if not earlier:
        raise TemplateError(
            f"{_where(stage, template)}: expected takes in a stage that has one before it. "
            f"Received: {', '.join(map(repr, stage.takes))} in the first one."
        )
    here, there = _layers(stage), _layers(earlier[-1])
    problems = [
        problem
        for name in stage.takes
        if (problem := _unlike(name, stage.name, here, earlier[-1].name, there))
    ]
    if problems:
        raise TemplateError(
            f"{_where(stage, template)}: expected {len(stage.takes)} layers to take over from "
            f"stage {earlier[-1].name!r}. Received: {len(stage.takes) - len(problems)}. "
            f"{' '.join(problems)}"
        )
    pairs = [
        pair
        for name in stage.takes
        for pair in zip(here[name].weights, there[name].weights, strict=True)
    ]
    sources = {id(own): source for own, source in pairs}
    return tuple(replace(one, taken=sources.get(id(one.variable))) for one in weights)


def notes(weights: Sequence[Weight], stages: Sequence[Stage]) -> tuple[str, ...]:
    """A sentence on what the last of some stages takes over and freezes; none if it does not."""
    stage, name = stages[-1], stages[-1].name
    found = []
    if stage.takes:
        count = sum(one.taken is not None for one in weights)
        before = stages[-2].name
        who = f"stage {name!r}" if name else "the network"
        epoch = (
            "best epoch of its source" if before == SOURCE else f"last epoch of stage {before!r}"
        )
        found.append(
            f"{who} starts with {count} of {len(weights)} weights from the {epoch} "
            f"(layers {_few(stage.takes)}), and with a new optimizer"
        )
    if stage.frozen:
        where = f" in stage {name!r}" if name else ""
        found.append(f"layers that are not trained{where}: {_few(stage.frozen)}")
    return tuple(found)


def _few(names: Sequence[str]) -> str:
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest


def _unlike(
    name: str, own: str, here: Mapping[str, Any], other: str, there: Mapping[str, Any]
) -> str:
    """Reason why a layer cannot be taken over; empty if it can."""
    for stage, layers in ((own, here), (other, there)):
        if name not in layers:
            return f"Stage {stage!r} has no layer {name!r} with weights. {nearest(name, layers)}"
    shapes, wanted = (
        [tuple(weight.shape) for weight in layers[name].weights] for layers in (there, here)
    )
    if shapes == wanted:
        return ""
    return (
        f"Layer {name!r} has weights of shapes {_told(shapes)} in stage {other!r} and of "
        f"{_told(wanted)} in stage {own!r}."
    )


def _told(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "1" for shape in shapes)


def _layers(stage: Stage) -> dict[str, Any]:
    """Layers of a stage that have weights, by name."""
    return {layer.name: layer for layer in stage.model.layers if layer.weights}


def _where(stage: Stage, template: str) -> str:
    return f"template {template!r}{f', stage {stage.name!r}' if stage.name else ''}"


def _check_names(stage: Stage, template: str) -> None:
    """A single name without its comma is no tuple, and would be read letter by letter."""
    for key in ("takes", "frozen"):
        names = getattr(stage, key)
        if isinstance(names, str):
            raise TemplateError(
                f"{_where(stage, template)}: expected a tuple of names. Received: {names!r}. "
                f"Write {key}=({names!r},)."
            )


def _check_players(stages: Sequence[Stage], trial: Trial) -> None:
    known = {player.name for stage in stages for player in stage.players}
    for stage in stages:
        names = [player.name for player in stage.players]
        layers = {layer.name for layer in stage.model.layers}
        missing = [
            *({turn.player for turn in stage.turns} - {*names}),
            *({layer for player in stage.players for layer in player.layers} - layers),
            *({owner(key) for key in trial.settings} - {"", *known}),
        ]
        if missing or len({*names}) < len(names):
            raise TemplateError(
                f"{_where(stage, trial.template)}: expected players "
                f"({', '.join(names) or 'none'}) of different names, with layers of the model "
                f"({', '.join(sorted(layers))}). Received: "
                f"{', '.join(map(repr, sorted(missing))) or 'names that are not'}."
            )
        if stage.simultaneous and len({*stage.order}) < len(stage.order):
            raise TemplateError(
                f"{_where(stage, trial.template)}: expected one turn per player, because they are "
                f"simultaneous. Received: {len(stage.order)} turns of {len(names)} players. Leave "
                "'simultaneous' out, or 'times' of a turn."
            )


def _check_apart(stages: Sequence[Stage], template: str) -> None:
    """A shared weight would be trained by one stage and started anew by the next."""
    seen: dict[int, str] = {}
    for stage in stages:
        for weight in stage.model.weights:
            if id(weight) in seen:
                raise TemplateError(
                    f"{_where(stage, template)}: expected layers of its own. Received: "
                    f"{weight.path!r}, which is also in stage {seen[id(weight)]!r}. Make the layer "
                    "once for each stage, under the same name, and hand over its weights by takes."
                )
        seen |= {id(weight): stage.name for weight in stage.model.weights}
