"""Layers that disturb what passes them in training, by an amount that may be a variable.

Stock layers branch on their amount in Python, so that a compiled program would keep the first
trial's for ever. Given the same random numbers, those that Keras has are equal to its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Callable


class Noise(keras.layers.Layer):  # type: ignore[misc]
    """Base of layers that change their inputs in training only; subclasses say how.

    Args:
        amount: of the disturbance, a number or a scalar variable.
        seed: of the draws; ``None``: any.
    """

    def __init__(self, amount: Any, *, seed: int | None = 0, **kwargs: Any) -> None:
        """Keep the amount; draws come from a seed generator that a program resets."""
        super().__init__(**kwargs)
        # Out of sight, so that Keras does not take it for a weight.
        self._amount: Callable[[], Any] = lambda: amount
        self.seed, self.seed_generator = seed, keras.random.SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The inputs, disturbed in training."""
        if not training:
            return inputs
        amount = keras.ops.convert_to_tensor(self._amount(), dtype=inputs.dtype)
        return self.disturb(inputs, amount)

    def disturb(self, inputs: Any, amount: Any) -> Any:
        """Change the inputs, as is done in training only."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Amount and seed, with which a saved layer is made again."""
        return {**super().get_config(), "amount": float(self._amount()), "seed": self.seed}

    def uniform(self, shape: Any) -> Any:
        """Numbers from 0 to 1."""
        return keras.random.uniform(shape, seed=self.seed_generator)

    def normal(self, shape: Any) -> Any:
        """Standard normal numbers."""
        return keras.random.normal(shape, seed=self.seed_generator)


@keras.saving.register_keras_serializable("harness")
class Dropout(Noise):
    r"""Dropout: every input is kept with probability :math:`1 - r` and divided by it.

    Reference:
        Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
        2014.
    """

    def disturb(self, inputs: Any, amount: Any) -> Any:
        """The inputs, some of them zero."""
        kept = self.uniform(self.places(inputs)) >= amount
        return keras.ops.where(kept, inputs / (1 - amount), keras.ops.zeros_like(inputs))

    def places(self, inputs: Any) -> Any:
        """Shape of the independent draws that decide which inputs are dropped."""
        return keras.ops.shape(inputs)


@keras.saving.register_keras_serializable("harness")
class SpatialDropout(Dropout):
    """Dropout of whole feature maps; of units, where there are no maps.

    Reference:
        Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2015.
    """

    def places(self, inputs: Any) -> Any:
        """One place per case and map."""
        shape = keras.ops.shape(inputs)
        return (shape[0], *(1 for _ in shape[1:-1]), shape[-1])


@keras.saving.register_keras_serializable("harness")
class AlphaDropout(Noise):
    """Dropout to the lowest value of SELU, which keeps mean and variance.

    Reference:
        Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """

    def disturb(self, inputs: Any, amount: Any) -> Any:
        """The inputs, some of them at the lower end, all of them moved and scaled."""
        lowest = -1.6732632423543772 * 1.0507009873554805
        kept = self.uniform(keras.ops.shape(inputs)) >= amount
        scale = keras.ops.rsqrt((1 - amount) * (1 + amount * lowest**2))
        shift = -scale * lowest * amount
        return scale * keras.ops.where(kept, inputs, lowest) + shift


@keras.saving.register_keras_serializable("harness")
class GaussianDropout(Noise):
    r"""Multiplication by normal numbers of mean 1 and variance :math:`r / (1 - r)`.

    Reference:
        Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
        2014.
    """

    def disturb(self, inputs: Any, amount: Any) -> Any:
        """The inputs, each times a number."""
        spread = keras.ops.sqrt(amount / (1 - amount))
        return inputs * (1 + spread * self.normal(keras.ops.shape(inputs)))


@keras.saving.register_keras_serializable("harness")
class GaussianNoise(Noise):
    """Addition of normal numbers, whose standard deviation is the amount.

    Reference:
        Bishop, "Training with Noise is Equivalent to Tikhonov Regularization", 1995.
    """

    def disturb(self, inputs: Any, amount: Any) -> Any:
        """The inputs, each plus a number."""
        return inputs + amount * self.normal(keras.ops.shape(inputs))


@keras.saving.register_keras_serializable("harness")
class Masking(Noise):
    """A share of the inputs set to zero; the others stay as they are.

    Reference:
        Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders",
        2008.
    """

    def disturb(self, inputs: Any, amount: Any) -> Any:
        """The inputs, some of them zero."""
        hidden = self.uniform(keras.ops.shape(inputs)) < amount
        return keras.ops.where(hidden, keras.ops.zeros_like(inputs), inputs)


@keras.saving.register_keras_serializable("harness")
class SaltPepper(Noise):
    """A share of the inputs set to 0 or 1, each with probability a half.

    Reference:
        Vincent et al., "Stacked Denoising Autoencoders", 2010.
    """

    def disturb(self, inputs: Any, amount: Any) -> Any:
        """The inputs, some of them at either end."""
        drawn = self.uniform(keras.ops.shape(inputs))
        ones, zeros = keras.ops.ones_like(inputs), keras.ops.zeros_like(inputs)
        extreme = keras.ops.where(drawn < amount / 2, ones, zeros)
        return keras.ops.where(drawn < amount, extreme, inputs)


@keras.saving.register_keras_serializable("harness")
class Flip(Noise):
    """Images, each of them mirrored with a probability: left becomes right."""

    def disturb(self, inputs: Any, amount: Any) -> Any:
        """Images of shape (cases, height, width, channels)."""
        mirrored = self.uniform((keras.ops.shape(inputs)[0], 1, 1, 1)) < amount
        return keras.ops.where(mirrored, keras.ops.flip(inputs, axis=2), inputs)


@keras.saving.register_keras_serializable("harness")
class Shift(Noise):
    """Images, each moved by a whole number of pixels, at most the amount in either direction.

    What moves in is zero. It is the usual padding with a random crop.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", 2016.
    """

    def disturb(self, inputs: Any, amount: Any) -> Any:
        """Images of shape (cases, height, width, channels)."""
        drawn = self.uniform((2, keras.ops.shape(inputs)[0], 1))
        steps = keras.ops.floor(drawn * (2 * keras.ops.floor(amount) + 1)) - keras.ops.floor(amount)
        rows, columns = (_moved(inputs.shape[axis], steps[axis - 1]) for axis in (1, 2))
        # Each new row and column is one of the old ones or none: two products with ones and zeros.
        return keras.ops.einsum("nyr,nrcd,nxc->nyxd", rows, inputs, columns)


def _moved(size: int, steps: Any) -> Any:
    """A matrix per case that moves a vector of ``size`` by so many steps."""
    places = keras.ops.arange(size, dtype="float32")
    wanted = places[None, :] - steps
    return keras.ops.cast(wanted[:, :, None] == places[None, None, :], "float32")
