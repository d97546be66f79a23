"""Critics: networks that score cases, with the normalizations that only they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from harness.blocks import layers
from harness.blocks.adversarial import Bounded
from harness.blocks.spectral import Spectral

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.spec import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """A critic's settings, and the layers that follow from them.

    A hidden layer is weights -> normalization -> activation -> dropout.

    Args:
        activation: of the hidden layers.
        initializer: of all kernels.
        regularizer: of the hidden kernels.
        normalization: name of an entry of ``CRITIC_NORMALIZATIONS``.
        dropout: rate behind every hidden layer.
        limit: largest size of each weight; 0: none.
        bias: whether layers have biases.

    Example:
        >>> made = Judging(activation="relu").critic((2,), units=(4,))
        >>> [layer.name for layer in made.layers[2:]]
        ['critic_1', 'critic_1_activation', 'critic_flat', 'critic_score']
    """

    activation: Value
    initializer: Any = "glorot_uniform"
    regularizer: Any = None
    normalization: str = "none"
    dropout: Any = 0.0
    limit: Any = 0.0
    bias: bool = True

    def critic(
        self,
        shape: Sequence[int],
        *,
        units: Sequence[int] = (),
        filters: Sequence[int] = (),
        kernel_size: int = 4,
    ) -> Any:
        """A score for every case.

        Args:
            shape: of what is judged as one; with ``filters``, its last axis is that of channels.
            units: width of each hidden dense layer, where there are no ``filters``.
            filters: of convolutions, each of which halves the image.
            kernel_size: height and width of all filters.
        """
        inputs = x = keras.Input(tuple(shape), name="judged")
        hidden: list[Any] = []
        if filters:
            hidden = [(keras.layers.Conv2D, width, (kernel_size, 2, "same")) for width in filters]
        else:
            x = keras.layers.Flatten(name="critic_flatten")(x)
            hidden = [(keras.layers.Dense, width, ()) for width in units]
        for index, (kind, width, rest) in enumerate(hidden, start=1):
            name, penalty = f"critic_{index}", {"kernel_regularizer": self.regularizer}
            outputs = layers.width(width, self.activation)
            x = self._layer(kind, outputs, *rest, name=name, **penalty)(x)
            x = self._normalized(x, index, name)
            x = layers.activation(self.activation, f"{name}_activation")(x)
            x = layers.dropout(self.dropout, f"{name}_dropout")(x)
        x = keras.layers.Flatten(name="critic_flat")(x)
        score = self._layer(keras.layers.Dense, 1, name="critic_score")(x)
        return keras.Model(inputs, score, name="critic")

    def _layer(self, kind: Any, *rest: Any, name: str, **shared: Any) -> Any:
        shared |= {"kernel_initializer": self.initializer, **self._bounds("kernel")}
        if self.normalization == "spectral":
            inner = kind(*rest, use_bias=False, name=f"{name}_inner", **shared)
            return Spectral(inner, use_bias=self.bias, name=name, **self._bounds("bias"))
        shared["use_bias"] = self.bias
        if self.normalization == "spectral_projection":
            inner = kind(*rest, name=f"{name}_inner", **shared, **self._bounds("bias"))
            return keras.layers.SpectralNormalization(inner, name=name)
        return kind(*rest, name=name, **shared, **self._bounds("bias"))

    def _normalized(self, x: Any, index: int, name: str) -> Any:
        bounds = self._bounds("gamma", "beta")
        if self.normalization == "batch" and index > 1:
            return keras.layers.BatchNormalization(name=f"{name}_normalization", **bounds)(x)
        if self.normalization == "layer":
            axes = list(range(1, len(x.shape)))
            return keras.layers.LayerNormalization(
                axis=axes, name=f"{name}_normalization", **bounds
            )(x)
        return x

    def _bounds(self, *weights: str) -> dict[str, Any]:
        if isinstance(self.limit, int | float) and self.limit == 0:
            return {}
        return {f"{one}_constraint": Bounded(self.limit) for one in weights}
