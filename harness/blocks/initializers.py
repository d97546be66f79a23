"""Initializers that Keras lacks."""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Sequence


@keras.saving.register_keras_serializable("harness")
class Classical(keras.initializers.VarianceScaling):  # type: ignore[misc]
    r"""Uniform on :math:`[-1/\sqrt n, 1/\sqrt n]`, where :math:`n` is the number of inputs.

    Reference:
        LeCun et al., "Efficient BackProp", 1998.
    """

    def __init__(self, seed: int | None = None) -> None:
        """Pass a third of LeCun's variance on to Keras."""
        super().__init__(scale=1 / 3, mode="fan_in", distribution="uniform", seed=seed)

    def get_config(self) -> dict[str, Any]:
        """All that it is made of: Keras would tell the rest, too."""
        return {"seed": super().get_config()["seed"]}


class LSUV(keras.initializers.Orthogonal):  # type: ignore[misc]
    """Layer-sequential unit variance: orthogonal weights, scaled until outputs have variance 1.

    The scaling needs the whole network: see ``harness.initial.calibrate``.

    Reference:
        Mishkin & Matas, "All You Need Is a Good Init", 2016.

    Args:
        variance: of the outputs of every layer.
        seed: of the orthogonal start.
    """

    def __init__(self, variance: float = 1.0, seed: int | None = None) -> None:
        """Keep the variance."""
        super().__init__(seed=seed)
        self.variance = variance


@keras.saving.register_keras_serializable("harness")
class Chrono(keras.initializers.Initializer):  # type: ignore[misc]
    r"""Biases of an LSTM, so that its units remember for times as long as a sequence.

    Those of the forget gates are :math:`\log u` for a uniform :math:`u` from 1 to
    :math:`T - 1`, those of the input gates :math:`-\log u`; all others are zero. With an input of
    zero a unit then forgets at a rate of :math:`1 / (1 + u)` per step.

    Reference:
        Tallec & Ollivier, "Can Recurrent Neural Networks Warp Time?", 2018, section 3.

    Args:
        steps: T, of the longest dependencies, at least 3.
        seed: of the uniform numbers.

    Example:
        >>> biases = Chrono(steps=50)((8,))
        >>> bool(keras.ops.all(biases[2:4] == -biases[:2])), float(biases[4])
        (True, 0.0)
    """

    def __init__(self, steps: int = 100, seed: int | None = None) -> None:
        """Keep the number of steps."""
        self.steps, self.seed = steps, seed

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """A vector of four parts: input gate, forget gate, candidates, output gate."""
        uniform = keras.random.uniform((shape[0] // 4,), seed=self.seed)
        return keras.ops.cast(self.parts(uniform, keras.ops), dtype or "float32")

    def parts(self, uniform: Any, ops: Any) -> Any:
        """The four parts, from numbers from 0 to 1.

        Args:
            uniform: shape ``(units,)``.
            ops: computes with them, NumPy or ``keras.ops``.
        """
        forget = ops.log(1.0 + (self.steps - 2.0) * uniform)
        nothing = ops.zeros_like(forget)
        return ops.concatenate([-forget, forget, nothing, nothing])

    def get_config(self) -> dict[str, Any]:
        """All that it is made of."""
        return {"steps": self.steps, "seed": self.seed}


@keras.saving.register_keras_serializable("harness")
class Received(keras.initializers.Initializer):  # type: ignore[misc]
    r"""Initializer of transposed convolutions that counts what a unit receives.

    Of a transposed convolution, Keras takes the output channels for the inputs: a kernel of shape
    ``(h, w, out, in)`` counts as one with ``h * w * out`` inputs. With stride s a unit really
    receives :math:`h w \cdot in / s^2` numbers on average, borders left out, and an input is sent
    to :math:`h w \cdot out`. Numbers are drawn as Keras draws them, then scaled. An initializer
    that does not scale by such counts stays as it is.

    Args:
        inner: any initializer, or its name.
        stride: of the convolution, the same along all axes.

    Reference:
        He et al., "Delving Deep into Rectifiers", 2015, whose argument is about what a unit
        receives.

    Example:
        >>> round(scale_of_received(keras.initializers.HeNormal(), (4, 4, 16, 64), stride=2), 3)
        1.0
        >>> round(scale_of_received(keras.initializers.HeNormal(), (4, 4, 64, 16), stride=1), 3)
        2.0
    """

    def __init__(self, inner: Any, stride: int = 1) -> None:
        """Keep what is scaled."""
        self.inner, self.stride = keras.initializers.get(inner), stride

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Draws of the inner initializer, scaled."""
        return scale_of_received(self.inner, shape, self.stride) * self.inner(shape, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The inner initializer and the stride."""
        return {"inner": keras.initializers.serialize(self.inner), "stride": self.stride}


def scale_of_received(initializer: Any, shape: Sequence[int], stride: int) -> float:
    """Factor from Keras' draws for a transposed convolution to those that count what is received.

    Args:
        initializer: of Keras; 1 for one that does not scale by the counts of inputs and outputs.
        shape: of the kernel: places, outputs, inputs.
        stride: of the convolution.
    """
    if not isinstance(initializer, keras.initializers.VarianceScaling):
        return 1.0
    *places, outputs, inputs = shape
    area = prod(places)
    fans = {"fan_in": (outputs, inputs / stride ** len(places)), "fan_out": (inputs, outputs)}
    fans["fan_avg"] = tuple(sum(both) / 2 for both in zip(*fans.values(), strict=True))
    counted, received = (max(1.0, area * one) for one in fans[initializer.mode])
    return sqrt(counted / received)
