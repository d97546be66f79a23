"""Random numbers that are the same with and without XLA, and that XLA is quick at.

TensorFlow's own have other digits under XLA, where it takes other bits of the same words for them,
and in their default form XLA needs five times as long. Here only the words are TensorFlow's, of
the generator Philox, which is the same everywhere. What is made of them equals what Keras draws
without XLA.
"""

from __future__ import annotations

from math import pi, prod
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST = 1e-7
"""Least number that a logarithm is taken of, as in TensorFlow."""


def uniform(shape: Sequence[Any], stream: Any) -> Any:
    """Numbers from 0 to 1, without 1.

    Args:
        shape: of what is drawn.
        stream: a Keras seed generator, which moves on by one.

    Example:
        >>> import keras
        >>> stream = keras.random.SeedGenerator(1)
        >>> [round(one, 4) for one in uniform((2,), stream).numpy().tolist()]
        [0.8785, 0.46]
    """
    words = tf.random.stateless_uniform(
        shape, _seed(stream), minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    # The last 23 bits of a word, behind the exponent of the numbers from 1 to 2.
    return tf.bitcast((words & 0x7FFFFF) | 0x3F800000, tf.float32) - 1.0


def normal(shape: Sequence[Any], stream: Any) -> Any:
    r"""Standard normal numbers, two of each pair of uniform ones.

    :math:`\sqrt{-2 \log u} \sin 2 \pi v` and :math:`\sqrt{-2 \log u} \cos 2 \pi v`.

    Args:
        shape: of what is drawn.
        stream: a Keras seed generator, which moves on by one.

    Reference:
        Box & Muller, "A Note on the Generation of Random Normal Deviates", 1958.

    Example:
        >>> import keras
        >>> stream = keras.random.SeedGenerator(1)
        >>> normal((2, 3), stream).shape, stream.state.numpy().tolist()
        (TensorShape([2, 3]), [1, 1])
    """
    count = prod(shape)
    pairs = uniform((-(-count // 2), 2), stream)
    size = tf.sqrt(-2.0 * tf.math.log(tf.maximum(pairs[:, 0], LEAST)))
    angle = 2 * pi * pairs[:, 1]
    found = tf.stack([tf.sin(angle) * size, tf.cos(angle) * size], axis=1)
    return tf.reshape(tf.reshape(found, [-1])[:count], shape)


def _seed(stream: Any) -> Any:
    """The next seed, within the numbers that Keras gives to TensorFlow."""
    return tf.cast(tf.math.floormod(stream.next(), tf.int32.max - 1), tf.int32)
