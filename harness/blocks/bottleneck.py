"""Layers of autoencoders: penalized codes, tied decoders.

Their numbers may be variables, so that trials which differ in them share a program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from harness.blocks.noise import Noise

if TYPE_CHECKING:
    from collections.abc import Callable


@keras.saving.register_keras_serializable("harness")
class SparseL1(keras.layers.Layer):  # type: ignore[misc]
    r"""The penalty :math:`w \cdot \frac1n \sum_i \sum_j |h_{ij}|` on a code.

    Args:
        weight: a number or a scalar variable.
    """

    def __init__(self, weight: Any, **kwargs: Any) -> None:
        """Keep the weight."""
        super().__init__(**kwargs)
        self._weight: Callable[[], Any] = lambda: weight

    def call(self, code: Any) -> Any:
        """The code itself; its penalty joins the loss."""
        total = ops.mean(ops.sum(ops.absolute(code), axis=-1))
        self.add_loss(_number(self._weight()) * total)
        return code

    def get_config(self) -> dict[str, Any]:
        """The weight, with which a saved layer is made again."""
        return {**super().get_config(), "weight": float(self._weight())}


@keras.saving.register_keras_serializable("harness")
class SparseKL(keras.layers.Layer):  # type: ignore[misc]
    r"""The penalty :math:`w \sum_j KL(\rho \,\|\, \hat\rho_j)` on a code between 0 and 1.

    :math:`\hat\rho_j` is the mean activation of unit j over the batch.

    Args:
        weight: a number or a scalar variable.
        target: the wanted mean activation, a number or a scalar variable.
    """

    def __init__(self, weight: Any, target: Any, **kwargs: Any) -> None:
        """Keep the numbers."""
        super().__init__(**kwargs)
        self._numbers: Callable[[], tuple[Any, Any]] = lambda: (weight, target)

    def call(self, code: Any) -> Any:
        """The code itself; its penalty joins the loss."""
        weight, target = map(_number, self._numbers())
        mean = ops.clip(ops.mean(code, axis=0), 1e-6, 1 - 1e-6)
        active = target * ops.log(target / mean)
        silent = (1 - target) * ops.log((1 - target) / (1 - mean))
        self.add_loss(weight * ops.sum(active + silent))
        return code

    def get_config(self) -> dict[str, Any]:
        """The numbers with which a saved layer is made again."""
        weight, target = map(float, self._numbers())
        return {**super().get_config(), "weight": weight, "target": target}


class Contractive(keras.layers.Layer):  # type: ignore[misc]
    r"""The squared norm of the Jacobian of a sigmoid code, in closed form.

    :math:`w \cdot \frac1n \sum_i \sum_j (h_{ij} (1 - h_{ij}))^2 \sum_k W_{kj}^2`, for
    :math:`h = \sigma(x W + b)`.

    Args:
        weight: a number or a scalar variable.
        encoder: the dense layer behind whose sigmoid this stands.

    Reference:
        Rifai et al., "Contractive Auto-Encoders: Explicit Invariance During Feature Extraction",
        2011.
    """

    def __init__(self, weight: Any, encoder: Any, **kwargs: Any) -> None:
        """Keep the weight, and where the kernel is."""
        super().__init__(**kwargs)
        self._parts: Callable[[], tuple[Any, Any]] = lambda: (weight, encoder.kernel)
        self.encoder_name = encoder.name

    @property
    def weight(self) -> Any:
        """Weight of the penalty in the loss."""
        return self._parts()[0]

    def call(self, code: Any) -> Any:
        """The code itself; its penalty joins the loss."""
        weight, kernel = self._parts()
        norms = ops.sum(ops.square(kernel), axis=0)
        slopes = ops.square(code * (1 - code))
        self.add_loss(_number(weight) * ops.mean(ops.sum(slopes * norms, axis=-1)))
        return code


@keras.saving.register_keras_serializable("harness")
class Variational(Noise):
    r"""A normal code: its mean and log variance come in, a draw goes out.

    In training :math:`z = \mu + \sigma \epsilon`, otherwise :math:`z = \mu`. The penalty is
    :math:`\beta \cdot \frac1n \sum_i KL(N(\mu_i, \sigma_i^2) \,\|\, N(0, 1))`.

    Args:
        beta: a number or a scalar variable.

    Reference:
        Kingma & Welling, "Auto-Encoding Variational Bayes", 2014.
    """

    def __init__(self, beta: Any, **kwargs: Any) -> None:
        """Keep the weight of the divergence."""
        super().__init__(beta, **kwargs)

    def call(self, both: Any, training: bool = False) -> Any:
        """A draw in training, the mean otherwise."""
        mean, spread = ops.split(both, 2, axis=-1)
        spread = ops.clip(spread, -20.0, 20.0)
        divergence = 0.5 * (ops.square(mean) + ops.exp(spread) - 1.0 - spread)
        self.add_loss(_number(self._amount()) * ops.mean(ops.sum(divergence, axis=-1)))
        if not training:
            return mean
        return mean + ops.exp(0.5 * spread) * self.normal(ops.shape(mean))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape half as wide as the inputs."""
        return (*input_shape[:-1], input_shape[-1] // 2)

    def get_config(self) -> dict[str, Any]:
        """The weight of the divergence, with which a saved layer is made again."""
        config = super().get_config()
        beta = config.pop("amount")
        return {**config, "beta": beta}


class Tied(keras.layers.Layer):  # type: ignore[misc]
    """A dense layer whose kernel is the transposed one of another.

    Args:
        encoder: a built dense layer.
    """

    def __init__(self, encoder: Any, **kwargs: Any) -> None:
        """Keep where the kernel is, without becoming its second owner."""
        super().__init__(**kwargs)
        self._kernel: Callable[[], Any] = lambda: encoder.kernel
        self.encoder_name = encoder.name

    def build(self, input_shape: Any) -> None:  # noqa: ARG002, the encoder knows
        """Make the layer's own bias; the kernel belongs to another layer."""
        self.bias = self.add_weight(
            name="bias", shape=(self._kernel().shape[0],), initializer="zeros"
        )

    def call(self, inputs: Any) -> Any:
        """The product with the transposed kernel."""
        return ops.matmul(inputs, ops.transpose(self._kernel())) + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape as wide as the encoder's inputs."""
        return (*input_shape[:-1], self._kernel().shape[0])


def _number(given: Any) -> Any:
    return ops.convert_to_tensor(given, dtype="float32")
