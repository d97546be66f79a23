"""Builds a network from a template, and sets its every variable back between trials.

This is the only place where Keras objects are mutated.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from harness import catalog, design, evaluation
from harness.blocks import layers, losses, masking, outputs
from harness.blocks.layers import Drawn
from harness.blocks.style import styled
from harness.errors import TemplateError
from harness.program import taking, updates
from harness.program.weights import Recording, Weight, brought
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.isolation import World
    from harness.spec import Trial, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many cases a program trains and validates on."""

    train: int
    validation: int
    batch: int

    @property
    def steps(self) -> int:
        """Optimizer steps in one epoch, the partial batch included."""
        return -(-self.train // self.batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A built model, and the variables through which a trial's numbers enter.

    Args:
        model: as the template returned it.
        weights: in the order in which they were made.
        inputs: scalar variables by value name, such as ``dropout`` or ``regularizer.l2``.
        output_shape: of what the model returns, its first axis ``None``.
        form: what its outputs are.
        notes: what a reader of the results has to know of it, a sentence each.
        world: what user code behind it finds and leaves in this process.
    """

    model: Any
    weights: tuple[Weight, ...]
    inputs: dict[str, Any]
    output_shape: Any
    form: outputs.Form
    notes: tuple[str, ...] = ()
    world: World | None = None


def sizes(trial: Trial, card: Card) -> Sizes:
    """The sizes that a trial's settings imply for a data set."""
    validation, batch = trial.settings["validation"], trial.settings["batch_size"]
    assert isinstance(validation, float)
    assert isinstance(batch, int)
    return Sizes(
        train=card.training_cases(validation),
        validation=card.validation_cases(validation),
        batch=batch,
    )


def build(trial: Trial, card: Card, template: Callable[..., Any]) -> Network:
    """Call a template, build what it returns, and check that.

    Raises:
        TemplateError: if that is no model that fits the data.
    """
    structure, values = design.split(trial)
    inputs = {
        name: keras.Variable(number, trainable=False, name=name.replace(".", "_"))
        for name, number in values.items()
    }
    arguments = {
        name: _argument(trial, name, part, inputs)
        for name, part in {**trial.settings, **structure}.items()
        if name not in catalog.SETTINGS
    }
    name = trial.template
    built_in = name in catalog.TEMPLATES
    if built_in and trial.task == "sequence":
        arguments["every_step"] = True
    if _weighs_classes(trial):
        inputs["class_weight"] = keras.Variable(
            np.ones(card.outputs, np.float32), trainable=False, name="class_weight"
        )
    recording = Recording(compares=not built_in)
    with recording.on():
        given = styled(arguments) if built_in else arguments
        model = template(taking.shapes(card), taking.asked(trial, card), **given)
        taking.check(model, card, name)
        shape = _output_shape(model, card, name)
    losses.check_outputs(shape, card, name)
    weights = recording.weights(model, name)
    _check_scaled(model, card, name)
    _check_tokens(model, card, name)
    form = outputs.form(model, card, name, _told(trial), built_in=built_in, shape=shape)
    losses.check_loss(str(trial.settings["loss"]), form, card, name)
    notes = (*brought(weights, model), *taking.without_code(model, trial))
    return Network(
        model=taking.corrupted(model, trial, card),
        weights=weights,
        inputs=inputs,
        output_shape=shape,
        form=form,
        notes=notes,
    )


def _told(trial: Trial) -> str | None:
    """What a study says of a model's outputs."""
    said = trial.settings.get("outputs")
    return None if said is None else str(said)


class Refillable:
    """A model with its optimizer, whose every variable can be set back.

    Args:
        trial: any trial of the structure.
        card: of the data.
        network: built for it.

    Attributes:
        sizes: numbers of cases.
        output_shape: of what the model returns, its first axis ``None``.
        task: kind of data.
        reconstructs: whether the inputs are the targets.
        denoises: whether evaluations are shown inputs with noise.
        form: what the outputs are.
        loss: of every case; its ``each`` of every step, where labels are per step.
        masked: whether the outputs bear a mask, so that some steps do not count.
        names: of the loss and the metrics.
        quantities: names of what an epoch yields, such as ``val/loss``.
        finalizes: whether the optimizer exchanges the weights when a training ends.
    """

    def __init__(self, trial: Trial, card: Card, network: Network) -> None:
        """Build the optimizer and note every built value: not all slots start at zero."""
        self.sizes = sizes(trial, card)
        self.model = network.model
        self.output_shape = network.output_shape
        self.variables = self.model.trainable_variables
        self.optimizer, self._copies = updates.optimizer(trial, self.variables, network.inputs)
        self.finalizes = updates.finalizes(self.optimizer)
        named = str(trial.settings["loss"])
        smoothing = network.inputs.get("label_smoothing")
        self.form = network.form
        self.loss = losses.per_case(named, self.form, smoothing)
        self.metrics = _metrics(trial, losses.per_case(named, self.form), self.form)
        self.masked = masking.is_masked(self.model, taking.outline(card))
        self.task = trial.task
        self.reconstructs = catalog.TASKS[trial.task].reconstructs
        self.denoises = trial.task == "denoising"
        self.state = [weight.variable for weight in network.weights]
        self.names = ("loss", *self.metrics)
        self.quantities = tuple(
            f"{part}/{name}" for part in ("train", "val") for name in self.names
        )
        self.best = self.names.index(trial.choosing.name)
        self.sign = catalog.METRICS[trial.choosing.name].sign
        self.class_weight = network.inputs.get("class_weight")
        self.clip = _clip(trial, network.inputs)
        self.clips = "clip.limit" in network.inputs
        self._inputs = network.inputs
        self._built = [(variable, variable.numpy()) for variable in self.optimizer.variables]
        weights = {id(variable) for variable in self.state}
        self._seeds = [part for part in self.model.variables if id(part) not in weights]
        self.world = network.world
        known = {id(part) for part in self._seeds}
        made = [one.state for one in network.world.generators] if network.world else []
        self._seeds += [state for state in made if id(state) not in known]
        self._set = tf.function(self._assign, autograph=False)

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return int(sum(np.prod(variable.shape) for variable in self.variables))

    def refill(
        self,
        initial: Sequence[NDArray[np.generic]],
        values: dict[str, Any],
        noise: np.random.Generator,
    ) -> None:
        """Make the model and its optimizer forget every earlier trial.

        Args:
            initial: one array per weight, in the order of the network's weights.
            values: every number that is an input; ``class_weight`` is one per class.
            noise: stream that the seeds of dropout and its relatives come from.
        """
        seeds = [_noise(variable, noise) for variable in self._seeds]
        inputs = [np.asarray(values[name], np.float32) for name in self._inputs]
        self._set([*initial], seeds, inputs)

    def _assign(self, initial: list[Any], seeds: list[Any], inputs: list[Any]) -> None:
        """Set every variable; one graph call, because there are many of them."""
        for variable, array in zip(self.state, initial, strict=True):
            variable.assign(array)
        for variable, array in self._built:
            # Most slots start at zero; as a constant they would be kept a second time.
            variable.assign(array if array.any() else tf.zeros_like(variable.value))
        for variable, state in zip(self._seeds, seeds, strict=True):
            variable.assign(state)
        for variable, number in zip(self._inputs.values(), inputs, strict=True):
            variable.assign(number)
        self.restart()

    def restart(self) -> None:
        """Let every slot of the optimizer that begins as a copy of a weight be one."""
        for slot, variable in self._copies:
            slot.assign(variable)

    def finalize(self) -> None:
        """Let the optimizer end the training."""
        if self.finalizes:
            self.optimizer.finalize_variable_values(self.variables)

    @contextmanager
    def finalized(self) -> Iterator[None]:
        """The weights as they would be if the training ended here, for as long as this lasts."""
        if not self.finalizes:
            yield
            return
        raw = [tf.identity(variable.value) for variable in self.variables]
        self.finalize()
        yield
        for variable, array in zip(self.variables, raw, strict=True):
            variable.assign(array)


def _weighs_classes(trial: Trial) -> bool:
    weighting = catalog.choice("class_weight", trial.settings["class_weight"]).name
    return catalog.TASKS[trial.task].classes and weighting != "none"


def _argument(trial: Trial, name: str, part: Value, inputs: dict[str, Any]) -> Any:
    """What a template is given for one of its arguments."""
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


def _clip(trial: Trial, inputs: dict[str, Any]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What is done to gradients before the optimizer sees them."""
    chosen = catalog.choice("clip", trial.settings["clip"])
    if chosen.name == "none":
        return lambda gradients: gradients
    function = resolve(catalog.CLIPS[chosen.name].target)
    return partial(function, limit=inputs["clip.limit"])


def _metrics(
    trial: Trial, loss: losses.OverSteps, form: outputs.Form
) -> dict[str, losses.OverSteps]:
    known = evaluation.of_task(trial.task, form)
    entropy = {"crossentropy": loss} if "crossentropy" in catalog.TASK_METRICS[trial.task] else {}
    return {**entropy, **known}


def _noise(variable: Any, noise: np.random.Generator) -> NDArray[np.generic]:
    """A fresh state for a Keras seed generator: a drawn seed, and its counter at zero."""
    state = np.zeros(variable.shape, dtype=variable.dtype)
    state[0] = noise.integers(2**31)
    return state


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
    """Whether a layer is given the inputs of a network, and not positions, for instance."""
    tensors = (one for node in layer._inbound_nodes for one in node.input_tensors)  # noqa: SLF001
    return any(isinstance(one._keras_history.operation, keras.layers.InputLayer) for one in tensors)  # noqa: SLF001


SCALES = frozenset({"Rescaling", "Normalization"})
"""Layers that want numbers as they are in a file."""
