"""Activations that Keras computes too, here with numbers that may be variables.

Stock ``leaky_relu`` and ``elu`` take Python numbers only, so that each number would be a program
of its own. The others of Keras take variables as they are. A function here that Keras lacks is
named by its place: ``harness.blocks.activations:name``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = ("keras.", "harness.")
"""Modules that functions of the catalogue come from; a saved model calls none from elsewhere."""


@keras.saving.register_keras_serializable("harness")
class Given:
    """A function with numbers of its own, or one that Keras cannot save, in a form that it can.

    Args:
        function: its name in ``keras.activations``, or its place, as ``module:name``.
        numbers: what it is called with beside its inputs.

    Example:
        >>> float(Given("leaky_relu", negative_slope=0.5)(-2.0))
        -1.0
        >>> float(Given("keras.ops:sin")(0.0))
        0.0
    """

    def __init__(self, function: str, **numbers: Any) -> None:
        """Keep the function's name and its numbers."""
        self.function, self.numbers = function, numbers

    def __call__(self, inputs: Any) -> Any:
        """The function of some inputs."""
        return self.called(inputs, **self.numbers)

    @property
    def called(self) -> Callable[..., Any]:
        """The function itself.

        Raises:
            ValueError: for a place outside Keras and this package.
        """
        if ":" not in self.function:
            return getattr(keras.activations, self.function)  # type: ignore[no-any-return]
        if not self.function.startswith(OURS):
            raise ValueError(
                f"expected a function of Keras or harness. Received: {self.function!r}."
            )
        return resolve(self.function)  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        """Settings from which the activation can be made again."""
        return {"function": self.function, **self.numbers}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Given:
        """Make the activation again from its settings."""
        return cls(**config)


def leaky_relu(inputs: Any, negative_slope: Any = 0.2) -> Any:
    r""":math:`x` above zero, :math:`s x` below.

    Reference:
        Maas et al., "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.

    Args:
        inputs: a tensor.
        negative_slope: :math:`s`, a number or a scalar variable.
    """
    return keras.ops.where(inputs > 0, inputs, negative_slope * inputs)


def elu(inputs: Any, alpha: Any = 1.0) -> Any:
    r""":math:`x` above zero, :math:`\alpha (e^x - 1)` below.

    Reference:
        Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units
        (ELUs)", 2016.

    Args:
        inputs: a tensor.
        alpha: a number or a scalar variable.
    """
    below = keras.ops.expm1(keras.ops.minimum(inputs, 0))  # exp of large inputs would overflow
    return keras.ops.where(inputs > 0, inputs, alpha * below)


class PReLU(keras.layers.PReLU):  # type: ignore[misc]
    """Leaky ReLU with learned slopes: one for each unit or feature map.

    Keras learns one for each place in a feature map unless it is told which axes share theirs.

    Reference:
        He et al., "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
        Classification", 2015.

    Args:
        alpha: initial value of the slopes.
    """

    def __init__(self, alpha: float = 0.0, **kwargs: Any) -> None:
        """Keep the initial value of the slopes."""
        super().__init__(alpha_initializer=keras.initializers.Constant(alpha), **kwargs)

    def build(self, input_shape: Any) -> None:
        """Make the slopes, once the number of axes is known."""
        self.shared_axes = list(range(1, len(input_shape) - 1))
        super().build(input_shape)


@keras.saving.register_keras_serializable("harness")
class Gate(keras.layers.Activation):  # type: ignore[misc]
    """Layer around a function that halves the last axis, which Keras' own would expect to stay."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape with half as many units."""
        return (*input_shape[:-1], input_shape[-1] // 2)
