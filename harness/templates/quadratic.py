"""A quadratic loss, for optimizers alone."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

import keras

from harness.datasets import quadratic as problem
from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Sequence


def quadratic(shape: Sequence[int], outputs: int) -> keras.Model:
    r"""One point, whose distance from the data is the loss.

    With targets of zero, the mean squared error is
    :math:`\frac12 (\theta - x)^T Q (\theta - x)`, starting from :math:`\theta = 1`.

    Args:
        shape: of one case, a point.
        outputs: as many as a point has numbers.

    Raises:
        TemplateError: for data other than ``quadratic-D``.

    Reference:
        Schneider, Balles & Hennig, "DeepOBS: A Deep Learning Optimizer Benchmark Suite", 2019.

    Example:
        >>> quadratic((100,), 100).count_params()
        100
    """
    if tuple(shape) != (outputs,):
        raise TemplateError(
            f"template 'quadratic': expected the data of its problem, such as 'quadratic-100'. "
            f"Received: cases of shape {tuple(shape)} with {outputs} outputs."
        )
    inputs = keras.Input((outputs,), name="inputs")
    return keras.Model(inputs, Quadratic(name="outputs")(inputs), name="quadratic")


@keras.saving.register_keras_serializable("harness")
class Quadratic(keras.layers.Layer):  # type: ignore[misc]
    """The difference to a trained point, stretched so that its mean square is the loss."""

    def build(self, input_shape: Any) -> None:
        """The point, at one in every dimension."""
        dimensions = input_shape[-1]
        self.point = self.add_weight(name="point", shape=(dimensions,), initializer="ones")
        stretch = sqrt(dimensions / 2) * problem.root(dimensions).T
        self._stretch = stretch.astype("float32")

    def call(self, inputs: Any) -> Any:
        """One row of differences per case."""
        return keras.ops.matmul(self.point - inputs, self._stretch)
