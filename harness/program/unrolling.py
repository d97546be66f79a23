"""Recurrent layers whose state can be nudged in every step, to ask how the loss depends on it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class Nudged:
    """A recurrent layer, called so that a number is added to its state behind every step.

    The weights are the layer's own. With numbers of zero its outputs are the layer's own too, and
    the derivative of a loss by them is that by the states.

    Args:
        layer: recurrent, with a cell.
    """

    def __init__(self, layer: Any) -> None:
        """Wrap the cell."""
        self._cell = _Cell(layer.cell)
        self._layer = keras.layers.RNN(
            self._cell,
            return_sequences=layer.return_sequences,
            go_backwards=layer.go_backwards,
            name=f"{layer.name}_nudged",
        )

    def nothing(self, x: tf.Tensor) -> tf.Tensor:
        """Zeros for all states of some sequences, shape ``(cases, steps, states)``."""
        return tf.zeros((*x.shape[:2], self._cell.width))

    def __call__(self, x: tf.Tensor, nudges: tf.Tensor, **given: Any) -> Any:
        """Outputs of the layer; the nudges are in the order in which it reads."""
        if self._layer.go_backwards:
            nudges = tf.reverse(nudges, axis=[1])
        mask = given.get("mask")
        if mask is None:
            mask = keras.src.backend.get_keras_mask(x)
        return self._layer(tf.concat([x, nudges], axis=-1), mask=mask, training=False)


class _Cell(keras.layers.Layer):  # type: ignore[misc]
    """A cell that finds nudges behind its inputs."""

    def __init__(self, cell: Any) -> None:
        """Keep the cell out of Keras' sight, which would count its weights twice."""
        super().__init__()
        object.__setattr__(self, "inner", cell)
        sizes = cell.state_size
        self.state_size, self.output_size = sizes, cell.output_size
        self._sizes = [*sizes] if isinstance(sizes, list | tuple) else [sizes]
        self.width = sum(self._sizes)

    def build(self, _: Any) -> None:
        """Make no weights."""
        self.built = True

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Outputs and states of the cell, nudged; the first state is what cells give."""
        x, nudges = inputs[..., : -self.width], inputs[..., -self.width :]
        _, after = self.inner(x, states, training=training)
        after = after if isinstance(after, list | tuple) else [after]
        parts = tf.split(nudges, self._sizes, axis=-1)
        moved = [state + part for state, part in zip(after, parts, strict=True)]
        return moved[0], moved
