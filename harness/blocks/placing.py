"""Layers that tell a network where in an image it looks."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("harness")
class Coordinates(keras.layers.Layer):  # type: ignore[misc]
    """Two more channels, with the row and the column of each pixel, from -1 to 1.

    Reference:
        Liu et al., "An Intriguing Failing of Convolutional Neural Networks and the CoordConv
        Solution", 2018.

    Example:
        >>> Coordinates()(ops.zeros((1, 3, 2, 1)))[0, :, 1, 1:].numpy().tolist()
        [[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]
    """

    def call(self, inputs: Any) -> Any:
        """The images, shape ``(cases, height, width, channels)``, with two more channels."""
        height, width = inputs.shape[1:3]
        rows, columns = (ops.linspace(-1.0, 1.0, side) for side in (height, width))
        places = ops.stack(ops.meshgrid(rows, columns, indexing="ij"), axis=-1)
        shape = (ops.shape(inputs)[0], height, width, 2)
        return ops.concatenate([inputs, ops.broadcast_to(places, shape)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape with two more channels."""
        return (*input_shape[:-1], input_shape[-1] + 2)
