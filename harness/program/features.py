"""Layers that do not train and draw nothing, asked once for every case instead of in every step."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from harness import catalog
from harness.program import taking
from harness.program.inputs import EVALUATED, Inputs, Resident, take

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.card import Card
    from harness.spec import Trial

ROOM = 1 << 30
"""Bytes of features that are kept; networks with more of them are asked in every step. It is part
of what a training computes, and so does not depend on the machine."""


class Features:
    """Outputs of the frozen first layers of a network for the cases of a trial.

    Args:
        model: these layers.
        rest: the layers behind them.
    """

    def __init__(self, model: Any, rest: Any) -> None:
        """Compute nothing yet."""
        self.shape = tuple(model.output.shape[1:])
        self.rest = rest
        self._function = tf.function(partial(model, training=False), autograph=False)
        self._cases: NDArray[np.int32] | None = None
        self._trained: Resident | None = None
        self._tested: Resident | None = None

    def forget(self) -> None:
        """Forget the features of a trial, whose layers may have had other weights."""
        self._cases = self._trained = self._tested = None

    def blank(self, data: Inputs, cases: int) -> Resident:
        """Features and labels of nothing but zeros, to compile for.

        Args:
            data: all of it.
            cases: number of cases that a trial trains and validates on.
        """
        return Resident(
            x=tf.zeros((cases, *self.shape)),
            y=tf.zeros_like(_labels(data.y, np.zeros(cases, np.int32))),
            x_test=tf.zeros((len(data.y_test), *self.shape)),
            y_test=tf.constant(data.y_test),
        )

    def of(
        self, data: Inputs, order: NDArray[np.int32], held: NDArray[np.int32]
    ) -> tuple[Resident, NDArray[np.int32], NDArray[np.int32]]:
        """Features of the cases that a trial trains and validates on, and where they are in these.

        Args:
            data: all of it.
            order: training cases of an epoch.
            held: validation cases.
        """
        if self._trained is None or self._cases is None:
            self._cases = np.sort(np.concatenate([order, held]))
            x, y = self._asked(data, self._cases), _labels(data.y, self._cases)
            self._trained = Resident(x=x, y=y, x_test=x[:0], y_test=y[:0])
        kept = self._cases
        first, second = (np.searchsorted(kept, one).astype(np.int32) for one in (order, held))
        return self._trained, first, second

    def tested(self, data: Inputs) -> Resident:
        """Features of the test cases."""
        if self._tested is None:
            everything = np.arange(len(data.y_test), dtype=np.int32)
            x, y = self._asked(data, everything, test=True), tf.constant(data.y_test)
            self._tested = Resident(x=x[:0], y=y[:0], x_test=x, y_test=y)
        return self._tested

    def _asked(self, data: Inputs, cases: NDArray[np.int32], *, test: bool = False) -> tf.Tensor:
        parts = (cases[start : start + EVALUATED] for start in range(0, len(cases), EVALUATED))
        return tf.concat([self._function(take(data, part, test=test)[0]) for part in parts], axis=0)


def _labels(y: Any, cases: NDArray[np.int32]) -> tf.Tensor:
    return tf.gather(y, cases)


def features(model: Any, trial: Trial, card: Card) -> Features | None:
    """The frozen first layers of a network, where asking them once is exact.

    It is where they draw nothing, keep no statistics, mask nothing and add nothing to the loss,
    and everything behind them has to do with the inputs through their outputs alone.

    Args:
        model: with its layers frozen.
        trial: any trial of the structure.
        card: of its data.

    Returns:
        ``None`` where it is not, or where nothing would be saved.
    """
    plain = type(model) in {keras.Sequential, keras.src.models.Functional}
    if not plain or len(model.inputs) != 1 or catalog.TASKS[trial.task].reconstructs:
        return None
    still = []
    for layer in model.layers:
        if not _is_still(layer):
            break
        still.append(layer)
    for layer in reversed(still[: len(model.layers) - 1]):
        call = taking.called(model, layer)
        outputs = call.output_tensors if call else []
        if len(outputs) != 1 or None in outputs[0].shape[1:]:
            continue
        try:
            made = keras.Model(model.inputs, outputs[0])
            rest = keras.Model(outputs[0], model.outputs)
        except ValueError:
            continue  # something behind it has another way to the inputs
        room = (card.cases + card.tests) * prod(made.output.shape[1:]) * 4 <= ROOM
        return Features(made, rest) if made.weights and room else None
    return None


def _is_still(layer: Any) -> bool:
    """True if a layer gives the same outputs for a case whenever it is asked.

    What a layer of a user's own does in training, and what it draws without a seed, is not known.
    """
    parts = layer._flatten_layers()  # noqa: SLF001, those of a model within the model too
    draws = len(layer.variables) > len(layer.weights)
    masks = getattr(getattr(layer, "output", None), "_keras_mask", None) is not None
    adds = layer.losses or any(part.activity_regularizer is not None for part in parts)
    trains = layer.trainable_weights or (layer.weights and layer.trainable)
    return all(map(_is_known, parts)) and not (draws or masks or adds or trains)


def _is_known(layer: Any) -> bool:
    own = type(layer).__module__.partition(".")[0] not in {"keras", "harness"}
    return not own and not isinstance(layer, keras.layers.Lambda)
