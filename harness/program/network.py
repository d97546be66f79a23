"""Builds the networks of a template, one for each of its stages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from harness import catalog, design
from harness.blocks import layers, losses, outputs
from harness.blocks.layers import Drawn
from harness.blocks.style import styled
from harness.errors import TemplateError
from harness.players import owner
from harness.program import staging, taking, transferring
from harness.program.weights import Recording, Weight, brought

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.card import Card
    from harness.isolation import World
    from harness.players import Stage
    from harness.spec import Trial, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A built model, and the variables through which a trial's numbers enter.

    Args:
        model: as the template returned it.
        weights: in the order in which they were made.
        inputs: scalar variables by value name, such as ``dropout`` or ``regularizer.l2``.
        output_shape: of what the model returns, its first axis ``None``.
        form: what its outputs are.
        stage: how it is trained.
        source: the network of the trial that this one's needs: from which it starts, or, of a
            generator, whose features cases are compared by; ``None`` for one without.
        notes: what a reader of the results has to know of it, a sentence each.
        world: what user code behind it finds and leaves in this process.
    """

    model: Any
    weights: tuple[Weight, ...]
    inputs: dict[str, Any]
    output_shape: Any
    form: outputs.Form
    stage: Stage
    source: Network | None = None
    notes: tuple[str, ...] = ()
    world: World | None = None


def build(
    trial: Trial,
    card: Card,
    template: Callable[..., Any],
    source: Network | None = None,
    *,
    anew: bool = False,
) -> tuple[Network, ...]:
    """Call a template, build what it returns, and check that.

    Args:
        trial: any trial of the structure.
        card: of its data.
        template: makes a model, or stages.
        source: the network of the trial that it needs, if it needs one.
        anew: whether Keras counts layers without a name from zero, as where it is a source.

    Returns:
        A network for every stage, in order.

    Raises:
        TemplateError: if that is no model that fits the data, or no stages that fit each other.
    """
    inputs, arguments = _given(trial, card)
    recording = Recording(compares=catalog.may_bring(trial.template))
    outputs = taking.asked(trial, card)

    asked = transferring.transfer(trial)

    def make() -> Any:
        if asked or anew:
            # Layers without names are called alike in both networks, to be told by their names.
            keras.src.utils.naming.reset_uids()
        return template(taking.shapes(card), outputs, **arguments)

    with recording.on():
        before = replace(source.stage, name=staging.SOURCE) if asked and source else None
        if asked:
            starting = transferring.Starting(
                make=make,
                trial=trial,
                source=before,
                inputs=inputs,
                outputs=outputs,
                blank=taking.blank(card),
            )
            made = starting.stages(asked)
        else:
            made = make()
        stages = staging.stages(made, trial.template)
        shapes = []
        for stage in stages:
            taking.check(stage.model, card, trial.template)
            shapes.append(_output_shape(stage.model, card, trial.template))
    staging.check(stages, trial)
    first = (before,) if before else ()
    networks = [
        _network(trial, card, recording, inputs, (*first, *stages[: place + 1]), shape)
        for place, shape in enumerate(shapes)
    ]
    return (replace(networks[0], source=source), *networks[1:])


def _given(trial: Trial, card: Card) -> tuple[dict[str, Any], dict[str, Any]]:
    """Variables through which numbers enter, and the arguments of a template, by name."""
    structure, values = design.split(trial)
    inputs = {
        name: keras.Variable(number, trainable=False, name=name.replace(".", "_"))
        for name, number in values.items()
    }
    arguments = {
        name: _argument(trial, name, part, inputs)
        for name, part in {**trial.settings, **structure}.items()
        if name not in catalog.SETTINGS and not owner(name)
    }
    if trial.template in catalog.TEMPLATES:
        if trial.task == "sequence":
            arguments["every_step"] = True
        arguments = styled(arguments)
    if _weighs_classes(trial):
        inputs["class_weight"] = keras.Variable(
            np.ones(card.outputs, np.float32), trainable=False, name="class_weight"
        )
    return inputs, arguments


def _network(
    trial: Trial,
    card: Card,
    recording: Recording,
    inputs: dict[str, Any],
    stages: tuple[Stage, ...],
    shape: Any,
) -> Network:
    """The network of the last of some stages, whose model has been built."""
    stage, name = stages[-1], trial.template
    model = stage.model
    losses.check_outputs(shape, card, name)
    weights = staging.taken(recording.weights(model, name), stages, name)
    staging.freeze(stage, name)
    _check_scaled(model, card, name)
    _check_tokens(model, card, name)
    shared, built_in = catalog.training(trial.settings), name in catalog.TEMPLATES
    form = outputs.form(model, card, name, shared.outputs, built_in=built_in, shape=shape)
    losses.check_loss(shared.loss, form, card, name)
    notes = (
        *brought(weights, model),
        *taking.without_code(model, trial),
        *staging.notes(weights, stages),
    )
    return Network(
        model=taking.corrupted(model, trial, card),
        weights=weights,
        inputs=inputs,
        output_shape=shape,
        form=form,
        stage=stage,
        notes=notes,
    )


def _weighs_classes(trial: Trial) -> bool:
    weighting = catalog.training(trial.settings).class_weight.name
    return catalog.TASKS[trial.task].classes and weighting != "none"


def _argument(trial: Trial, name: str, part: Value, inputs: dict[str, Any]) -> Any:
    """Value that a template is given for one of its arguments."""
    built_in = catalog.TEMPLATES.get(trial.template)
    argument = built_in.arguments[name] if built_in else None
    if argument is None:
        return inputs.get(name, part)
    if argument.initial:
        return Drawn(name) if part else None
    if isinstance(part, dict):
        prefix = f"{name}."
        numbers = {key[len(prefix) :]: inputs[key] for key in inputs if key.startswith(prefix)}
        return _MAKERS.get(argument.family, dict)({**part, **numbers})
    return inputs.get(name, part)


_MAKERS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "constraint": layers.constraint,
    "regularizer": layers.regularizer,
}
"""Families that a template is given an object of; of others it is given the choice itself."""


def _output_shape(model: Any, card: Card, name: str) -> Any:
    """The shape of what a model returns; one that waits for data is built by the way."""
    if not isinstance(model, keras.Model):
        raise TemplateError(
            f"template {name!r}: expected a Keras model. Received: {type(model).__name__}."
        )
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *card.shape))
    known = getattr(model, "output_shape", None)  # what is called by its own code has none
    if isinstance(known, tuple) and known[:1] == (None,):
        return known
    outputs = model(taking.blank(card), training=False)
    return keras.tree.map_structure(lambda one: (None, *one.shape[1:]), outputs)


def _check_scaled(model: Any, card: Card, name: str) -> None:
    """A network must not scale once more what is scaled already, nor look up what was scaled."""
    for layer in model._flatten_layers() if card.scaled else ():  # noqa: SLF001
        kind = type(layer).__name__
        if kind in SCALES or (kind == "Embedding" and _takes_inputs(layer)):
            raise TemplateError(
                f"template {name!r}: expected a network that takes its inputs as they come: "
                f"{card.scaling}. Received: one with {kind} ({layer.name!r}), which does not go "
                "with that. Leave the layer out, or the scaling: dataset = "
                "{ file = ..., scale = false }, and standardize = false."
            )


def _check_tokens(model: Any, card: Card, name: str) -> None:
    """A table must hold a row for every token; beyond its end XLA reads the last one."""
    for layer in model._flatten_layers():  # noqa: SLF001
        if type(layer).__name__ != "Embedding" or not _takes_inputs(layer):
            continue
        if card.largest >= layer.input_dim:
            raise TemplateError(
                f"template {name!r}: expected an embedding of the {card.largest + 1} tokens that "
                f"the data has, 0..{card.largest}. Received: {layer.name!r} with "
                f"{layer.input_dim}. Make it as large, such as vocabulary = {card.largest + 1} "
                "of template 'rnn'."
            )


def _takes_inputs(layer: Any) -> bool:
    """True if a layer is given the inputs of a network, and not positions, for instance."""
    tensors = (one for node in layer._inbound_nodes for one in node.input_tensors)  # noqa: SLF001
    return any(isinstance(one._keras_history.operation, keras.layers.InputLayer) for one in tensors)  # noqa: SLF001


SCALES = frozenset({"Rescaling", "Normalization"})
"""Layers that want numbers as they are in a file."""
