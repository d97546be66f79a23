"""Settings that the built-in templates share, as one object."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import keras

from harness import catalog
from harness.blocks import layers, noise
from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.spec import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Settings that templates share, and the layers that follow from them.

    A hidden layer is weights -> normalization -> activation -> dropout. Choices are catalogue
    entries. Rates, amounts and the numbers of choices may be scalar variables. The catalogue says
    which of all these a template heeds.

    Args:
        activation: of the hidden layers.
        initializer: of all kernels.
        regularizer: of the hidden kernels.
        bias_regularizer: of the hidden biases.
        activity_regularizer: of what the hidden activations give.
        constraint: of the hidden kernels.
        normalization: of the hidden layers; ``"batch"`` right behind weights replaces their bias.
        normalization_order: ``"before"`` or ``"after"`` the activation.
        dropout: rate behind every hidden layer.
        dropout_kind: of that dropout.
        input_dropout: rate of standard dropout of the inputs.
        noise: standard deviation of normal noise on the inputs.
        bias: whether layers have biases.

    Example:
        >>> style = Style(activation="tanh", dropout=0.1)
        >>> inputs = keras.Input((8,))
        >>> x = style.behind(style.dense(4, "hidden")(inputs), "hidden")
        >>> [layer.name for layer in keras.Model(inputs, x).layers[1:]]
        ['hidden', 'hidden_activation', 'hidden_dropout']
    """

    activation: Value = "relu"
    initializer: Any = "glorot_uniform"
    regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    constraint: Any = None
    normalization: Value = "none"
    normalization_order: str = "before"
    dropout: Any = 0.0
    dropout_kind: Value = "standard"
    input_dropout: Any = 0.0
    noise: Any = 0.0
    bias: bool = True

    @property
    def weights(self) -> dict[str, Any]:
        """Arguments of every hidden layer with weights."""
        return {
            "kernel_initializer": self.initializer,
            "kernel_regularizer": self.regularizer,
            "bias_regularizer": self.bias_regularizer,
            "kernel_constraint": self.constraint,
        }

    @property
    def has_bias(self) -> bool:
        """Tell whether a hidden layer keeps its bias, given what stands behind it.

        Batch normalization subtracts the mean, and with it any bias: its gradient is zero but for
        rounding, which an adaptive optimizer blows up into a random walk.
        """
        entry, _ = layers.chosen("normalization", self.normalization)
        needless = entry is catalog.NORMALIZATIONS["batch"] and self.normalization_order == "before"
        return self.bias and not needless

    def dense(self, units: int, name: str) -> Any:
        """Hidden dense layer, so wide that ``units`` outputs are left behind its activation."""
        width = layers.width(units, self.activation)
        return keras.layers.Dense(width, use_bias=self.has_bias, name=name, **self.weights)

    def convolution(self, filters: int, size: int, stride: int, name: str) -> Any:
        """Hidden convolution, with ``filters`` left behind its activation, of same padding."""
        return keras.layers.Conv2D(
            layers.width(filters, self.activation),
            size,
            strides=stride,
            padding="same",
            use_bias=self.has_bias,
            name=name,
            **self.weights,
        )

    def linear(self, units: int, name: str, **own: Any) -> Any:
        """Dense layer that is not hidden: of the style it has the initializer and the bias alone.

        Args:
            units: number of outputs.
            name: of the layer.
            own: other arguments of the layer.
        """
        given = {"use_bias": self.bias, "kernel_initializer": self.initializer} | own
        return keras.layers.Dense(units, name=name, **given)

    def behind(self, x: Any, name: str) -> Any:
        """Normalization, activation and dropout: all that follows a hidden layer of that name."""
        return self.dropped(self.activated(x, name), name)

    def activated(self, x: Any, name: str, added: Any = None) -> Any:
        """Normalization and activation, in their order.

        Args:
            x: outputs of a layer with weights.
            name: of that layer.
            added: a residual, added right before the activation.
        """
        if self.normalization_order == "before":
            x = self.normalized(x, name)
        if added is not None:
            x = keras.layers.Add(name=f"{name}_add")([added, x])
        regularized = {"activity_regularizer": self.activity_regularizer}
        x = layers.activation(self.activation, f"{name}_activation", **regularized)(x)
        return self.normalized(x, name) if self.normalization_order == "after" else x

    def normalized(self, x: Any, name: str) -> Any:
        """Normalization alone.

        Raises:
            TemplateError: if its groups do not divide the width of what it is given.
        """
        groups = layers.chosen("normalization", self.normalization)[1].get("groups", 1)
        if x.shape[-1] % groups:
            raise TemplateError(
                f"expected a number of groups that divides the {x.shape[-1]} outputs of {name}. "
                f"Received: {groups}."
            )
        return layers.normalization(self.normalization, f"{name}_normalization")(x)

    def dropped(self, x: Any, name: str) -> Any:
        """Dropout alone."""
        return layers.dropout(self.dropout, f"{name}_dropout", self.dropout_kind)(x)

    def disturbed(self, inputs: Any) -> Any:
        """Inputs as a network is shown them: some of them dropped, all of them noisy."""
        x = layers.disturbance(noise.Dropout, self.input_dropout, "input_dropout")(inputs)
        return layers.disturbance(noise.GaussianNoise, self.noise, "input_noise")(x)


def styled(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Gather what templates share, among the arguments of one of them, in its ``style``.

    Args:
        arguments: by the names that the catalogue gives them.

    Example:
        >>> styled({"units": [8], "dropout": 0.1})["style"].dropout
        0.1
    """
    shared = {one.name: arguments[one.name] for one in fields(Style) if one.name in arguments}
    own = {name: part for name, part in arguments.items() if name not in shared}
    return {**own, "style": Style(**shared)} if shared else own
