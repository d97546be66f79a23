"""Initializers that Keras lacks."""

from __future__ import annotations

from typing import Any

import keras


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
