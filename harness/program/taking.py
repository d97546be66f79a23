"""Inputs that a network is given, and checks that it takes them: one, several, or noisy ones."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from harness import catalog
from harness.errors import TemplateError
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.card import Card
    from harness.spec import Trial

BLANK = 3
"""Cases of zeros that a model is shown to see what it returns."""


def shapes(card: Card) -> Any:
    """The shape of a case, or of each of its inputs by name, as a template is told it."""
    return dict(card.inputs) or card.shape


def asked(trial: Trial, card: Card) -> int:
    """Number of outputs that a template is asked for; all inputs, if own code reconstructs them."""
    own = trial.template not in catalog.TEMPLATES
    return prod(card.shape) if own and catalog.TASKS[trial.task].reconstructs else card.outputs


def outline(card: Card) -> Any:
    """TensorFlow's description of two cases."""
    return _of_every_input(card, lambda shape: tf.TensorSpec((2, *shape), tf.float32))


def blank(card: Card) -> Any:
    """A few cases of nothing but zeros."""
    return _of_every_input(card, lambda shape: np.zeros((BLANK, *shape), np.float32))


def _of_every_input(card: Card, make: Callable[[tuple[int, ...]], Any]) -> Any:
    if not card.inputs:
        return make(card.shape)
    return {name: make(shape) for name, shape in card.inputs.items()}


def check(model: Any, card: Card, name: str) -> None:
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
    """True if shapes agree; Keras itself adds or drops a last axis of one."""
    ends = (taken, (*given, 1)), ((*taken, 1), given), (taken, given)
    return any(
        len(one) == len(other)
        and all(size in {None, number} for size, number in zip(one, other, strict=True))
        for one, other in ends
    )


_SHOWN = (keras.Sequential, keras.src.models.Functional)
"""Models that show what they take."""


def code_of(model: Any) -> Any:
    """The output of a model's layer ``code``; ``None`` where there is none."""
    if not isinstance(model, _SHOWN):
        return None
    return next((layer.output for layer in model.layers if layer.name == "code"), None)


def called(model: Any, layer: Any) -> Any:
    """The one call of a layer inside a functional model; ``None`` if there are several.

    A layer also remembers calls outside of it, such as those of the model that it was loaded with.
    """
    by_depth = keras.Model(model.inputs, model.outputs)._nodes_by_depth  # noqa: SLF001
    inside = {id(node) for nodes in by_depth.values() for node in nodes}
    found = [node for node in layer._inbound_nodes if id(node) in inside]  # noqa: SLF001
    return found[0] if len(found) == 1 else None


def without_code(model: Any, trial: Trial) -> tuple[str, ...]:
    """Note on an autoencoder whose code nobody can find."""
    if trial.task != "reconstruction" or code_of(model) is not None:
        return ()
    told = f"template {trial.template!r} has no layer named 'code': neither probe_accuracy nor "
    return (f"{told}trustworthiness of it are measured",)


def corrupted(model: Any, trial: Trial, card: Card) -> Any:
    """A user's model, where noise is to be removed with such noise on its inputs in training.

    A model that makes it itself takes an argument ``corruption``, as the built-in one does.

    Raises:
        TemplateError: if the model has a training step of its own, which would not be used.
    """
    if not card.noise or trial.template in catalog.TEMPLATES or "corruption" in trial.settings:
        return model
    if type(model).train_step is not keras.Model.train_step:
        raise TemplateError(
            f"template {trial.template!r}: expected a model that trains as Keras does, whose "
            "inputs can be made noisy. Received: one with a train_step of its own. Add the noise "
            "there, and say so by an argument 'corruption' in [fixed]."
        )
    chosen = catalog.settled("corruption", dict(card.noise))
    (amount,) = chosen.numbers.values()
    inputs = keras.Input(card.shape, name="inputs")
    noise = resolve(chosen.entry.target)(amount, name="corruption")
    return keras.Model(inputs, model(noise(inputs)), name=model.name)
