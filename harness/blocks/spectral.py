"""Spectral normalization: layers whose kernel is divided by its largest singular value."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from harness.errors import TemplateError

TINY = 1e-12
"""Added to norms that are divided by."""


@keras.saving.register_keras_serializable("harness")
class Spectral(keras.layers.Wrapper):  # type: ignore[misc]
    r"""A dense layer or a convolution whose kernel W acts as :math:`W / \sigma(W)`.

    As in the paper, :math:`\sigma = v^T W u` with
    :math:`v = W u / \|W u\|` and :math:`u' = W^T v / \|W^T v\|` in the place of u, for the kernel
    as a matrix of inputs by units. Both vectors count as constants, W does not: the gradient of a
    loss is that with respect to W, part of it through :math:`\sigma`. The kernel itself is left
    alone, so that an optimizer's momentum belongs to what it acts on.

    A call changes nothing, in training neither: ``iterate`` lets the vector u follow the kernel,
    once for every step of the player whose layer it is.

    Args:
        layer: with a ``kernel``, its units on the last axis; without bias and activation, because
            its outputs are divided by :math:`\sigma`, which for such a layer is the same.
        use_bias: whether a bias is added afterwards.
        bias_constraint: of that bias.

    Raises:
        TemplateError: if the layer adds a bias or has an activation.

    Reference:
        Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018,
        algorithm 1 and equation 12. ``keras.layers.SpectralNormalization`` is another method: it
        replaces the kernel by :math:`W / \sigma` in every call in training.

    Example:
        >>> layer = Spectral(keras.layers.Dense(3, use_bias=False))
        >>> layer(ops.ones((2, 4))).shape
        TensorShape([2, 3])
    """

    def __init__(
        self, layer: Any, *, use_bias: bool = True, bias_constraint: Any = None, **kwargs: Any
    ) -> None:
        """Keep the layer, and make sure that its outputs are linear in its kernel."""
        super().__init__(layer, **kwargs)
        if layer.use_bias or layer.activation is not keras.activations.linear:
            raise TemplateError(
                "expected a layer with use_bias = False and no activation, whose outputs are "
                f"divided by the largest singular value. Received: {layer.name!r} with "
                f"{'a bias' if layer.use_bias else 'an activation'}. Let the wrapper add the bias, "
                "and put the activation behind it."
            )
        self.use_bias = use_bias
        self.bias_constraint = keras.constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        """The kernel, the vector u and the bias."""
        super().build(input_shape)
        units = (self.layer.kernel.shape[-1],)
        self.u = self.add_weight(
            name="u",
            shape=units,
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=units, initializer="zeros", constraint=self.bias_constraint
            )

    def call(self, inputs: Any) -> Any:
        """Outputs of the normalized kernel, and the bias."""
        _, sigma = self._iterated()
        outputs = self.layer(inputs) / (sigma + TINY)
        return outputs + self.bias if self.use_bias else outputs

    def iterate(self) -> None:
        """Let u follow the kernel by one power iteration."""
        self.u.assign(self._iterated()[0])

    def _iterated(self) -> tuple[Any, Any]:
        """The next u, and the estimate of the largest singular value that goes with it."""
        matrix = ops.reshape(self.layer.kernel, (-1, self.u.shape[0]))
        fixed = ops.stop_gradient(matrix)
        v = _unit(ops.matmul(fixed, self.u))
        u = _unit(ops.matmul(v, fixed))
        return u, ops.sum(v * ops.matmul(matrix, u))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the layer's outputs."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """All that it is made of."""
        own = {
            "use_bias": self.use_bias,
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }
        return {**super().get_config(), **own}


def _unit(vector: Any) -> Any:
    return vector / (ops.norm(vector) + TINY)


def iterate(model: Any) -> None:
    """Let every spectral layer of a model take one power iteration.

    Call it once in every step of the player whose layers they are, and in no step of another.

    Args:
        model: a built Keras model; it may have no such layer.
    """
    for layer in model._flatten_layers():  # noqa: SLF001, nested ones too
        if isinstance(layer, Spectral):
            layer.iterate()
