"""Sums of one layer over the cases of a probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from scipy.linalg import eigh
from scipy.sparse.linalg import svds

from harness.program.looking import NEARBY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.program.looking import Spot

BINS = 20
"""Of the histogram of an activation with two limits."""


@dataclass(slots=True)
class Layer:
    """Sums over a probe of what was seen of one layer.

    Args:
        sums: by name, added over the parts of the probe.
        peaks: of every unit, its largest absolute activation.
    """

    sums: dict[str, Any] = field(default_factory=dict)
    peaks: Any = None

    def add(self, shown: Mapping[str, Any]) -> None:
        """Add what was seen of a part to what was seen before."""
        for name, tensor in shown.items():
            array = tensor.numpy()
            if name == "peaks":
                self.peaks = array if self.peaks is None else np.maximum(self.peaks, array)
            else:
                self.sums[name] = self.sums.get(name, 0) + array

    @property
    def numbers(self) -> dict[str, float]:
        """Numbers that the sums stand for."""
        return dict(_of_activations(self)) | dict(_of_gradients(self))


def seen(spot: Spot, back: Any, nudged: Any, count: tf.Tensor) -> dict[str, Any]:
    """Sums of one layer over a part of a probe; gradients are of the loss of each case."""
    found: dict[str, Any] = {}
    if back is not None:
        found["back"] = _moments(back * count)
    if nudged is not None:
        found["steps"] = tf.reduce_sum(tf.square(nudged * count), axis=[0, 2])
        found["cases"] = count
    if spot.after is None or not spot.activated:
        return found
    h = spot.after
    found |= {"h": _moments(h), "peaks": tf.reduce_max(tf.abs(h), axis=range(len(h.shape) - 1))}
    low, high = spot.limits
    below = [] if low is None else [h < low + NEARBY]
    beyond = below if high is None else [*below, h > high - NEARBY]
    if beyond:
        hit = tf.reduce_any(tf.stack(beyond), axis=0)
        found["saturated"] = tf.reduce_sum(tf.cast(hit, tf.float32))
    if low is not None and high is not None:
        found["bins"] = tf.histogram_fixed_width(h, [low, high], BINS, tf.int32)
    return found


def _moments(x: tf.Tensor) -> tf.Tensor:
    """Count, sum, and sum of squares, exact enough for tiny gradients."""
    wide = tf.cast(x, tf.float64)
    size = tf.cast(tf.size(x), tf.float64)
    return tf.stack([size, tf.reduce_sum(wide), tf.reduce_sum(tf.square(wide))])


def _of_activations(shown: Layer) -> Iterator[tuple[str, float]]:
    if "h" not in shown.sums:
        return
    count, total, squares = shown.sums["h"].tolist()
    mean = total / count
    yield "activation_mean", mean
    yield "activation_spread", float(np.sqrt(max(squares / count - mean**2, 0.0)))
    yield "dead_units", float(np.sum(shown.peaks == 0))
    yield "dead", float(np.mean(shown.peaks == 0))
    if "saturated" in shown.sums:
        yield "saturated", float(shown.sums["saturated"]) / count
    for place, held in enumerate(shown.sums.get("bins", ())):
        yield f"hist_{place:02d}", float(held) / count


def _of_gradients(shown: Layer) -> Iterator[tuple[str, float]]:
    if "back" in shown.sums:
        count, total, squares = shown.sums["back"].tolist()
        yield "preactivation_gradient_rms", float(np.sqrt(squares / count))
        yield "preactivation_gradient_variance", max(squares / count - (total / count) ** 2, 0.0)
    if "steps" in shown.sums:
        cases = shown.sums["cases"]
        for place, squares in enumerate(shown.sums["steps"][::-1]):
            yield f"time_{place:03d}", float(np.sqrt(squares / cases))


def norm(arrays: Sequence[NDArray[Any]]) -> float:
    """Square root of the sum of all squares."""
    return float(np.sqrt(sum(np.sum(np.square(one, dtype=np.float64)) for one in arrays)))


def spectral(kernel: NDArray[Any]) -> float:
    """Largest singular value of a kernel, its last axis against all others, to three digits."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    if not np.isfinite(matrix).all():
        return float("nan")
    if min(matrix.shape) <= SMALL:
        wide = (matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T).astype(np.float64)
        last = [wide.shape[1] - 1] * 2
        return float(np.sqrt(eigh(wide.T @ wide, eigvals_only=True, subset_by_index=last)[0]))
    start = np.ones(min(matrix.shape), matrix.dtype)
    return float(svds(matrix, k=1, v0=start, tol=1e-3, return_singular_vectors=False)[0])


SMALL = 256
"""Rows or columns up to which the matrix times itself is taken."""
