"""Builds a network from a template, and sets its every variable back between trials.

This is the only place where Keras objects are mutated.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from harness import catalog, design, layers, losses, masking, metrics
from harness.errors import TemplateError
from harness.layers import Drawn, resolve
from harness.spec import training_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.spec import Trial, Value


@dataclass(frozen=True, slots=True)
class Weight:
    """A variable of a model, with the initializer it was made with."""

    variable: Any
    initializer: Any


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
        notes: what a reader of the results has to know of it, a sentence each.
    """

    model: Any
    weights: tuple[Weight, ...]
    inputs: dict[str, Any]
    notes: tuple[str, ...] = ()


def outline(card: Card) -> Any:
    """The shapes of two cases, as a network is given them."""
    one = card.inputs or {"": card.shape}
    specs = {name: tf.TensorSpec((2, *shape), tf.float32) for name, shape in one.items()}
    return specs if card.inputs else specs[""]


def sizes(trial: Trial, card: Card) -> Sizes:
    """The sizes that a trial's settings imply for a data set."""
    validation, batch = trial.settings["validation"], trial.settings["batch_size"]
    assert isinstance(validation, float)
    assert isinstance(batch, int)
    train = training_cases(card.cases, validation)
    return Sizes(train=train, validation=card.cases - train, batch=batch)


def build(trial: Trial, card: Card, template: Callable[..., Any]) -> Network:
    """Call a template and check what it returns.

    Raises:
        TemplateError: if that is no built model that fits the data.
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
    if trial.template in catalog.TEMPLATES and trial.task == "sequence":
        arguments["every_step"] = True
    if _weighs_classes(trial):
        inputs["class_weight"] = keras.Variable(
            np.ones(card.outputs, np.float32), trainable=False, name="class_weight"
        )
    with _recording() as weights:
        model = template(dict(card.inputs) or card.shape, _outputs(trial, card), **arguments)
    _check_model(model, weights, trial, card)
    notes = _without_code(model, trial)
    if card.noise and trial.code and "corruption" not in trial.settings:
        model = _corrupted(model, trial, card)
    return Network(model=model, weights=tuple(weights), inputs=inputs, notes=notes)


def _outputs(trial: Trial, card: Card) -> int:
    """How many numbers a template is asked for; of one's own that gives its inputs back, all."""
    own = trial.template not in catalog.TEMPLATES
    return prod(card.shape) if own and trial.task in catalog.RECONSTRUCTIONS else card.outputs


def code_of(model: Any) -> Any:
    """The output of a model's layer ``code``; ``None`` where there is none."""
    if not isinstance(model, _SHOWN):
        return None
    return next((layer.output for layer in model.layers if layer.name == "code"), None)


def _without_code(model: Any, trial: Trial) -> tuple[str, ...]:
    if trial.task != "reconstruction" or code_of(model) is not None:
        return ()
    told = f"template {trial.template!r} has no layer named 'code': neither probe_accuracy nor "
    return (f"{told}trustworthiness of it are measured",)


def _corrupted(model: Any, trial: Trial, card: Card) -> Any:
    """A user's model with noise on what it is shown in training, and no noise otherwise.

    Raises:
        TemplateError: if the model has a training step of its own, which would not be used.
    """
    if type(model).train_step is not keras.Model.train_step:
        raise TemplateError(
            f"template {trial.template!r}: expected a model that trains as Keras does, whose "
            "inputs can be made noisy. Received: one with a train_step of its own. Add the noise "
            "there, and say so by an argument 'corruption' in [fixed]."
        )
    chosen = catalog.choice("corruption", dict(card.noise))
    (amount,) = chosen.numbers.values()
    inputs = keras.Input(card.shape, name="inputs")
    noise = resolve(chosen.entry.target)(amount, name="corruption")
    return keras.Model(inputs, model(noise(inputs)), name=model.name)


class Refillable:
    """A model with its optimizer, whose every variable can be set back.

    Args:
        trial: any trial of the structure.
        card: of the data.
        network: built for it.

    Attributes:
        sizes: numbers of cases.
        task: kind of data.
        reconstructs: whether the inputs are the targets.
        denoises: whether evaluations are shown inputs with noise.
        masked: whether the outputs bear a mask, so that some steps do not count.
        scores: outputs to probabilities, where the outputs are logits.
        names: of the loss and the metrics.
        quantities: names of what an epoch yields, such as ``val/loss``.
    """

    def __init__(self, trial: Trial, card: Card, network: Network) -> None:
        """Build the optimizer and note every built value: not all slots start at zero."""
        self.sizes = sizes(trial, card)
        self.model = network.model
        self.variables = self.model.trainable_variables
        self.optimizer = _optimizer(trial, self.variables, network.inputs)
        named = str(trial.settings["loss"])
        smoothing = network.inputs.get("label_smoothing")
        self.loss = losses.per_case(named, self.model, smoothing)
        self.scores = losses.scores(named, self.model)
        self.metrics = _metrics(trial, losses.per_case(named, self.model))
        self.masked = masking.is_masked(self.model, outline(card))
        self.task = trial.task
        self.reconstructs = trial.task in catalog.RECONSTRUCTIONS
        self.denoises = trial.task == "denoising"
        self.state = [weight.variable for weight in network.weights]
        self.names = ("loss", *self.metrics)
        self.quantities = tuple(
            f"{part}/{name}" for part in ("train", "val") for name in self.names
        )
        best = trial.best.partition("/")[2]
        self.best = self.names.index(best)
        self.sign = 1.0 if catalog.METRICS[best].direction == "minimize" else -1.0
        self.class_weight = network.inputs.get("class_weight")
        self.clip = _clip(trial, network.inputs)
        self.clips = "clip.limit" in network.inputs
        self._inputs = network.inputs
        self._built = [(variable, variable.numpy()) for variable in self.optimizer.variables]
        weights = {id(variable) for variable in self.state}
        self._seeds = [part for part in self.model.variables if id(part) not in weights]
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
        if hasattr(self.optimizer, "restart"):
            self.optimizer.restart()


def _weighs_classes(trial: Trial) -> bool:
    weighting = catalog.choice("class_weight", trial.settings["class_weight"]).name
    return trial.task == "classification" and weighting != "none"


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


def _optimizer(trial: Trial, variables: Sequence[Any], inputs: dict[str, Any]) -> Any:
    chosen = catalog.choice("optimizer", trial.settings["optimizer"])
    arguments = chosen.arguments
    if chosen.name not in catalog.OPTIMIZERS:
        arguments["learning_rate"] = trial.settings["learning_rate"]
    made = resolve(chosen.entry.target)(**arguments)
    if not isinstance(made, keras.optimizers.Optimizer):
        raise TemplateError(
            f"expected a Keras optimizer from {chosen.name!r}. Received: {type(made).__name__}."
        )
    made.build(variables)
    for name in chosen.values():
        if f"optimizer.{name}" in inputs:
            setattr(made, name, inputs[f"optimizer.{name}"])
    if "weight_decay" in inputs:
        made.weight_decay = inputs["weight_decay"]
    return made


def _clip(trial: Trial, inputs: dict[str, Any]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What is done to gradients before the optimizer sees them."""
    chosen = catalog.choice("clip", trial.settings["clip"])
    if chosen.name == "none":
        return lambda gradients: gradients
    function = resolve(catalog.CLIPS[chosen.name].target)
    return partial(function, limit=inputs["clip.limit"])


def _metrics(trial: Trial, loss: losses.OverSteps) -> dict[str, losses.OverSteps]:
    known = metrics.of_task(trial.task)
    entropy = {"crossentropy": loss} if "crossentropy" in catalog.TASK_METRICS[trial.task] else {}
    return {**entropy, **known}


def _noise(variable: Any, noise: np.random.Generator) -> NDArray[np.generic]:
    """A fresh state for a Keras seed generator: a drawn seed, and its counter at zero."""
    state = np.zeros(variable.shape, dtype=variable.dtype)
    state[0] = noise.integers(2**31)
    return state


@contextmanager
def _recording() -> Iterator[list[Weight]]:
    """Note every weight that is made, with its initializer, which Keras itself forgets."""
    original = keras.layers.Layer.add_weight
    signature = inspect.signature(original)
    made: list[Weight] = []

    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        variable = original(self, *args, **kwargs)
        given = signature.bind(self, *args, **kwargs).arguments
        positional = given.get("args", ())
        initializer = given.get("initializer", positional[1] if len(positional) > 1 else None)
        if initializer is None:
            initializer = "glorot_uniform" if "float" in variable.dtype else "zeros"
        made.append(Weight(variable, keras.initializers.get(initializer)))
        return variable

    keras.layers.Layer.add_weight = add_weight
    try:
        yield made
    finally:
        keras.layers.Layer.add_weight = original


def _check_inputs(model: Any, card: Card, name: str) -> None:
    """Make sure that a model takes the inputs that a case has, by name where they are several."""
    taken = getattr(model, "inputs", None) if isinstance(model, _SHOWN) else None
    if not taken:
        return
    named = getattr(model, "input", None)  # a Sequential has but one
    tensors = named if isinstance(named, dict) else {one.name: one for one in taken}
    shapes = {key: tuple(tensor.shape[1:]) for key, tensor in tensors.items()}
    wanted = dict(card.inputs) or {next(iter(shapes)): card.shape}
    if {*shapes} != {*wanted} or not all(_fits(shapes[key], wanted[key]) for key in shapes):
        told = ", ".join(f"{key} {shape}" for key, shape in shapes.items())
        how = "It is called with shapes by name: name each keras.Input alike."
        raise TemplateError(
            f"template {name!r}: expected a model with the inputs of the data: {card.form}. "
            f"Received: {told}. {how if card.inputs else ''}".rstrip()
        )


def _fits(taken: tuple[int | None, ...], given: tuple[int, ...]) -> bool:
    """Whether shapes agree; Keras itself adds or drops a last axis of one."""
    ends = (taken, (*given, 1)), ((*taken, 1), given), (taken, given)
    return any(
        len(one) == len(other)
        and all(size in {None, number} for size, number in zip(one, other, strict=True))
        for one, other in ends
    )


_SHOWN = (keras.Sequential, keras.src.models.Functional)
"""Models that show what they take."""


def _check_model(model: Any, weights: list[Weight], trial: Trial, card: Card) -> None:
    name = trial.template
    if not isinstance(model, keras.Model):
        raise TemplateError(
            f"template {name!r}: expected a Keras model. Received: {type(model).__name__}."
        )
    if not model.built:
        raise TemplateError(
            f"template {name!r}: expected a built model. Received: one without weights. Build it "
            "with keras.Input(shape), or call model.build((None, *shape)) before returning it."
        )
    _check_inputs(model, card, name)
    losses.check_outputs(model, card, name)
    known = {id(weight.variable) for weight in weights}
    strange = [weight.path for weight in model.weights if id(weight) not in known]
    if strange:
        raise TemplateError(
            f"template {name!r}: expected weights made by this call with add_weight, so that every "
            f"replicate can draw them anew. Received: {strange[0]!r}, made elsewhere."
        )
