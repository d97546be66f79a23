"""Features of many cases in the layers of a network: one number per unit and case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from harness.program.inputs import take
from harness.program.looking import Walk, parts, untouched

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from harness.program.inputs import Inputs
    from harness.program.looking import Spot


class Pooling:
    """Features in a network's layers with kernels, behind their activations.

    Of images and of sequences they are means over all places, of recurrent layers the last state.
    Layers that normalize by the batch do so as in training, by the cases of a part; nothing is
    drawn.

    Args:
        model: all of the network, functional or sequential.
        names: of the layers that are meant.
    """

    def __init__(self, model: Any, names: Collection[str]) -> None:
        """Define the graph; nothing is traced yet."""
        self._model, self._names = model, names
        self._shown = tf.function(self._show, autograph=False)

    def features(self, data: Inputs, cases: NDArray[np.int32]) -> dict[str, NDArray[np.float32]]:
        """Features by layer, shape ``(cases, width)``; all variables are left as they were.

        Args:
            data: all of it.
            cases: numbers of cases, in any order.
        """
        found = [self._shown(take(data, part)[0]) for part in parts(cases)]
        return {name: np.concatenate([part[name].numpy() for part in found]) for name in found[0]}

    def _show(self, x: Any) -> dict[str, tf.Tensor]:
        walk = Walk({})
        with untouched(self._model.non_trainable_variables):
            walk.through(self._model, x)
        spots = [spot for spot in walk.spots if spot.after is not None]
        return {spot.name: _pooled(spot) for spot in spots if spot.name in self._names}


def _pooled(spot: Spot) -> tf.Tensor:
    """One number per unit and case."""
    after = spot.after
    assert after is not None
    if spot.recurs and len(after.shape) == len("nsf"):
        return after[:, -1]
    places = list(range(1, len(after.shape) - 1))
    return tf.reduce_mean(after, axis=places) if places else after
