"""Gradient clipping whose limit may be a variable; equal to what Keras' optimizers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Sequence


def by_norm(gradients: Sequence[Any], limit: Any) -> list[Any]:
    """Scale each gradient down to a norm of at most ``limit``."""
    return [tf.clip_by_norm(gradient, limit) for gradient in gradients]


def by_global_norm(gradients: Sequence[Any], limit: Any) -> list[Any]:
    """Scale all gradients down together, to a common norm of at most ``limit``.

    Reference:
        Pascanu et al., "On the difficulty of training recurrent neural networks", 2013.
    """
    clipped, _ = tf.clip_by_global_norm(gradients, limit)
    return list(clipped)


def by_value(gradients: Sequence[Any], limit: Any) -> list[Any]:
    """Cut every entry to between ``-limit`` and ``limit``."""
    return [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients]
