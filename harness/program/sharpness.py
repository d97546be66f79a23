"""The largest eigenvalue of a loss's Hessian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

Part = tuple[tf.Tensor, ...]
"""Inputs and labels of some cases."""


class Curvature:
    """The Hessian of a mean loss by some variables, known by its products with vectors.

    Args:
        loss: of inputs and labels.
        variables: by which it is differentiated twice.
    """

    def __init__(self, loss: Callable[..., tf.Tensor], variables: Sequence[Any]) -> None:
        """Define the graph; nothing is traced yet."""
        self._loss, self._variables = loss, variables
        self._multiply = tf.function(self._multiplied, autograph=False)

    def largest(self, parts: Sequence[Part]) -> dict[str, float]:
        """Its largest eigenvalue over all cases of some parts; see ``sharpest``."""
        total = sum(len(y) for *_, y in parts)

        def product(direction: NDArray[np.floating]) -> NDArray[np.float64]:
            vectors = _like(direction, self._variables)
            found = [
                len(part[-1]) / total * _flat(self._multiply(*part, vectors)) for part in parts
            ]
            return np.sum(found, axis=0)  # type: ignore[no-any-return]

        width = sum(np.prod(one.shape, dtype=int) for one in self._variables)
        return sharpest(product, int(width))

    def _multiplied(self, x: Any, y: tf.Tensor, vectors: list[tf.Tensor]) -> list[Any]:
        """Product of the Hessian and a vector, in parts like the variables."""
        weights = [variable.value for variable in self._variables]
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                loss = self._loss(x, y)
            slopes = inner.gradient(loss, weights)
            pairs = zip(slopes, vectors, strict=True)
            along = tf.add_n([tf.reduce_sum(one * own) for one, own in pairs if one is not None])
        found = outer.gradient(along, weights, unconnected_gradients="zero")
        return [tf.convert_to_tensor(one) for one in found]


def sharpest(
    product: Callable[[NDArray[np.float32]], NDArray[np.float64]], width: int
) -> dict[str, float]:
    """Largest eigenvalue of a symmetric matrix known by its products, by the method of Lanczos.

    Args:
        product: of the matrix with a vector.
        width: of the vector.

    Returns:
        ``sharpness``, and ``sharpness_residual``: the norm of ``A v - s v`` for its unit vector
        ``v``, relative to ``s``. Nothing if a product is not finite or no eigenvalue is found.

    Reference:
        Cohen et al., "Gradient Descent on Neural Networks Typically Occurs at the Edge of
        Stability", 2021.
    """
    if width <= 2:
        dense = np.stack([product(row) for row in np.eye(width, dtype=np.float32)])
        return {"sharpness": float(np.linalg.eigvalsh(dense).max()), "sharpness_residual": 0.0}
    matrix = LinearOperator((width, width), matvec=product, dtype=np.float64)
    start = np.random.Generator(np.random.Philox(0)).standard_normal(width)
    try:
        ((value,), vectors) = eigsh(matrix, k=1, which="LA", v0=start, tol=1e-3, maxiter=20)
    except (ArpackError, ValueError):
        return {}
    vector = vectors[:, 0]
    residual = np.linalg.norm(product(vector) - value * vector)
    return {"sharpness": float(value), "sharpness_residual": float(residual / abs(value or 1.0))}


def _like(flat: NDArray[Any], variables: Sequence[Any]) -> list[tf.Tensor]:
    """A vector in parts of the shapes of variables."""
    ends = np.cumsum([np.prod(one.shape, dtype=int) for one in variables])
    parts = np.split(np.asarray(flat, np.float32).ravel(), ends[:-1])
    pairs = zip(parts, variables, strict=True)
    return [tf.constant(part.reshape(tuple(one.shape))) for part, one in pairs]


def _flat(tensors: Sequence[Any]) -> NDArray[np.float64]:
    return np.concatenate([one.numpy().ravel() for one in tensors]).astype(np.float64)
