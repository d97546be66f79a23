"""Training losses, one number per case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
from scipy.special import softmax

from harness import catalog
from harness.errors import TemplateError
from harness.layers import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from harness.card import Card


def per_case(loss: str, model: Any, smoothing: Any = None) -> OverSteps:
    """The loss of each case, as a function of labels and predictions.

    Predictions count as logits, unless the model's last layer has a softmax activation.

    Args:
        loss: an entry of the catalogue's losses.
        model: a built Keras model.
        smoothing: share of the labels that is spread over all classes, a scalar variable; ``None``
            for labels as they are.
    """
    function: Callable[..., Any] = resolve(catalog.LOSSES[loss].target)
    if loss == "sparse_categorical_crossentropy":
        function = partial(function, from_logits=not _ends_in_softmax(model))
        if smoothing is not None:
            function = partial(_smoothed, smoothing, not _ends_in_softmax(model))
    return OverSteps(function)


def _smoothed(smoothing: Any, from_logits: bool, labels: Any, outputs: Any) -> Any:
    """Crossentropy with smoothed labels, as Keras has it for labels that are vectors.

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016.
    """
    classes = outputs.shape[-1]
    share = keras.ops.convert_to_tensor(smoothing)
    targets = (1 - share) * keras.ops.one_hot(labels, classes) + share / classes
    return keras.losses.categorical_crossentropy(targets, outputs, from_logits=from_logits)


@dataclass(frozen=True, slots=True)
class OverSteps:
    """The mean over steps, or pixels, of what is measured at each; one number per case.

    Args:
        each: the measure, one number per step or pixel.
    """

    each: Callable[[Any, Any], Any]

    def __call__(self, labels: Any, outputs: Any) -> Any:
        """Of every case."""
        found = self.each(labels, outputs)
        within = tuple(range(1, len(found.shape)))
        return keras.ops.mean(found, axis=within) if within else found


def scores(loss: str, model: Any) -> Callable[[NDArray[np.float32]], NDArray[np.floating]]:
    """What turns a model's outputs into predictions: probabilities, for a classifier.

    Args:
        loss: an entry of the catalogue's losses.
        model: a built Keras model.
    """
    logits = loss == "sparse_categorical_crossentropy" and not _ends_in_softmax(model)
    return partial(softmax, axis=-1) if logits else lambda outputs: outputs


def check_outputs(model: Any, card: Card, template: str) -> None:
    """Make sure that a model's output fits the labels.

    Raises:
        TemplateError: naming the template and both shapes.
    """
    steps = card.shape[:1] if card.task == "sequence" else ()
    expected = (None, *steps, card.outputs)
    if card.task in catalog.RECONSTRUCTIONS:
        expected = (None, *card.shape)
    if isinstance(model.output_shape, list) or tuple(model.output_shape) != expected:
        per = "class at every step" if steps else "class or target"
        asked = f"The second argument that a template is called with is {card.outputs}."
        if card.task in catalog.RECONSTRUCTIONS:
            per, asked = "input", "It has to give its inputs back."
        raise TemplateError(
            f"template {template!r}: expected a model with one output of shape {expected}, one "
            f"number per {per}. Received: {model.output_shape}. {asked}"
        )


def _ends_in_softmax(model: Any) -> bool:
    last = model.layers[-1] if getattr(model, "layers", None) else None
    name = getattr(getattr(last, "activation", None), "__name__", "")
    return name == "softmax" or type(last).__name__ == "Softmax"
