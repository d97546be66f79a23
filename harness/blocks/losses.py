"""Training losses, one number per case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import keras

from harness import catalog
from harness.blocks.outputs import expected_shapes
from harness.errors import TemplateError
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.blocks.outputs import Form
    from harness.card import Card


def per_case(loss: str, form: Form, smoothing: Any = None) -> OverSteps:
    """The loss of each case, as a function of labels and predictions.

    Args:
        loss: an entry of the catalogue's losses.
        form: form of the model's outputs.
        smoothing: share of the labels that is spread over all classes, a scalar variable; ``None``
            for labels as they are.
    """
    return OverSteps(_pointwise(loss, form, smoothing))


def _pointwise(loss: str, form: Form, smoothing: Any = None) -> Callable[[Any, Any], Any]:
    """Loss of each case, or of each step where labels are per step."""
    if form.single:
        return partial(_single, smoothing, form.kind == "logits")
    if form.each:
        return partial(_each, smoothing, form.kind == "logits")
    function: Callable[..., Any] = resolve(catalog.LOSSES[loss].target)
    if loss != "sparse_categorical_crossentropy":
        return function
    if form.kind == "log_probabilities":
        return partial(_of_logarithms, smoothing)
    if smoothing is not None:
        return partial(_smoothed, smoothing, form.kind == "logits")
    return partial(function, from_logits=form.kind == "logits")


def _smoothed(smoothing: Any, from_logits: bool, labels: Any, outputs: Any) -> Any:
    """Crossentropy with smoothed labels, as Keras has it for labels that are vectors.

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016.
    """
    targets = _spread(smoothing, labels, outputs)
    return keras.losses.categorical_crossentropy(targets, outputs, from_logits=from_logits)


def _spread(smoothing: Any, labels: Any, outputs: Any) -> Any:
    """One-hot vectors of labels, a share of each spread over all classes."""
    classes = outputs.shape[-1]
    share = keras.ops.convert_to_tensor(smoothing)
    return (1 - share) * keras.ops.one_hot(labels, classes) + share / classes


def _of_logarithms(smoothing: Any, labels: Any, outputs: Any) -> Any:
    """Crossentropy of outputs that are logarithms of probabilities."""
    targets = keras.ops.one_hot(labels, outputs.shape[-1])
    if smoothing is not None:
        targets = _spread(smoothing, labels, outputs)
    # The logarithm of an exact 0 counts where a label asks for it, and nowhere else.
    own = keras.ops.where(targets > 0, targets * outputs, keras.ops.zeros_like(outputs))
    return -keras.ops.sum(own, axis=-1)


def _single(smoothing: Any, from_logits: bool, labels: Any, outputs: Any) -> Any:
    """Crossentropy of two classes that one output tells apart."""
    targets = _halved(smoothing, alike(labels, outputs), outputs)
    found = keras.ops.binary_crossentropy(targets, outputs, from_logits=from_logits)
    return found[..., 0] if len(labels.shape) < len(found.shape) else found


def _each(smoothing: Any, from_logits: bool, labels: Any, outputs: Any) -> Any:
    """Mean crossentropy over outputs each of which is a yes or no of its own."""
    targets = _halved(smoothing, labels, outputs)
    return keras.losses.binary_crossentropy(targets, outputs, from_logits=from_logits)


def _halved(smoothing: Any, labels: Any, outputs: Any) -> Any:
    """Labels of which a share becomes a half, as Keras smooths a yes or no."""
    targets = keras.ops.cast(labels, outputs.dtype)
    if smoothing is None:
        return targets
    share = keras.ops.convert_to_tensor(smoothing)
    return (1 - share) * targets + share / 2


def alike(labels: Any, outputs: Any) -> Any:
    """Labels with a last axis of one, where a single output has that axis.

    The outputs stay as they are: behind a sigmoid Keras looks for its logits.
    """
    return labels[..., None] if len(labels.shape) < len(outputs.shape) else labels


@dataclass(frozen=True, slots=True)
class OverSteps:
    """Mean of a measure over steps or pixels; one number per case.

    Args:
        each: the measure, one number per step or pixel.
    """

    each: Callable[[Any, Any], Any]

    def __call__(self, labels: Any, outputs: Any) -> Any:
        """Return one number per case."""
        found = self.each(labels, outputs)
        within = tuple(range(1, len(found.shape)))
        return keras.ops.mean(found, axis=within) if within else found


def check_outputs(shape: Any, card: Card, template: str) -> None:
    """Make sure that a model's output fits the labels.

    Args:
        shape: shape of the output, its first axis ``None``; a list for several outputs.
        card: of the data.
        template: by name.

    Raises:
        TemplateError: naming the template and both shapes.
    """
    expected = expected_shapes(card)
    if catalog.TASKS[card.task].reconstructs:
        expected = [(None, *card.shape)]
    if not isinstance(shape, tuple) or shape not in expected:
        per = "class at every step" if card.task == "sequence" else "class, label or target"
        asked = f"The second argument that a template is called with is {card.outputs}."
        if catalog.TASKS[card.task].reconstructs:
            per, asked = "input", "It has to give its inputs back."
        other = f", or {expected[1]} for the second of two classes" if len(expected) > 1 else ""
        raise TemplateError(
            f"template {template!r}: expected a model with one output of shape {expected[0]}, one "
            f"number per {per}{other}. Received: {shape}. "
            f"{asked}"
        )


def check_loss(loss: str, form: Form, card: Card, template: str) -> None:
    """Refuse a loss for single outputs if the model has one output per class.

    Raises:
        TemplateError: naming the template and what it has.
    """
    classes = catalog.TASKS[card.task].classes
    if classes and loss == "binary_crossentropy" and not form.single:
        raise TemplateError(
            f"template {template!r}: expected a model with a single output for loss "
            f"'binary_crossentropy'. Received: {card.outputs} outputs, one per class. Leave 'loss' "
            "out: the default fits them."
        )
