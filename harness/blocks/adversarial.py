"""Losses of a critic and a generator, penalties on a critic's slope, and packs of cases.

A critic gives one score per case, a logit where its loss takes it for one. Scores enter the losses
as they are: softplus, unlike the logarithm of a sigmoid, is finite and has a slope everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import tensorflow as tf
from keras import ops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Scores = Callable[[Any], Any]
    Uniform = Callable[[Sequence[int]], Any]

TINY = 1e-12
"""Least squared norm of a gradient, because a root has no slope at zero."""


class Pair(NamedTuple):
    """Losses of two players, both to be minimized.

    Args:
        critic: function of the critic's scores of real and of generated cases.
        generator: function of its scores of generated cases.
        threshold: score above which the critic takes a case for real; ``None``: its scores have
            none, only differences.
    """

    critic: Callable[[Any, Any], Any]
    generator: Callable[[Any], Any]
    threshold: float | None = None


def minimax(smoothing: Any = 0.0) -> Pair:
    r"""The zero-sum game of the paper's equation 1.

    The critic minimizes :math:`-E \log \sigma(D(x)) - E \log(1 - \sigma(D(G(z))))`, the generator
    :math:`E \log(1 - \sigma(D(G(z))))`, which is the critic's loss with the other sign, but for
    what the generator cannot change.

    Args:
        smoothing: s of one-sided label smoothing: the target of real cases is 1 - s instead of 1
            (Salimans et al., "Improved Techniques for Training GANs", 2016). Generated cases keep
            the target 0.

    Reference:
        Goodfellow et al., "Generative Adversarial Nets", 2014.

    Example:
        >>> losses = minimax()
        >>> zero = ops.zeros((2, 1))
        >>> round(float(losses.critic(zero, zero)), 4), round(float(losses.generator(zero)), 4)
        (1.3863, -0.6931)
    """
    return Pair(
        _told_apart(smoothing), lambda generated: -ops.mean(ops.softplus(generated)), threshold=0.0
    )


def non_saturating(smoothing: Any = 0.0) -> Pair:
    r"""The minimax critic, and a generator that minimizes :math:`-E \log \sigma(D(G(z)))`.

    Its slope does not vanish where the critic is sure. It is no zero-sum game.

    Args:
        smoothing: of the targets of real cases, as in ``minimax``.

    Reference:
        Goodfellow et al., "Generative Adversarial Nets", 2014, section 3.
    """
    return Pair(
        _told_apart(smoothing), lambda generated: ops.mean(ops.softplus(-generated)), threshold=0.0
    )


def _told_apart(smoothing: Any) -> Callable[[Any, Any], Any]:
    """Cross-entropy of targets 1 - s for real cases and 0 for generated ones."""

    def loss(real: Any, generated: Any) -> Any:
        # (1 - s) softplus(-a) + s softplus(a), and the two differ by a.
        return ops.mean(ops.softplus(-real) + smoothing * real) + ops.mean(ops.softplus(generated))

    return loss


def least_squares(smoothing: Any = 0.0) -> Pair:
    r"""Scores pulled to 1 for real cases and to 0 for generated ones.

    The critic minimizes :math:`\frac12 E (D(x) - 1)^2 + \frac12 E D(G(z))^2`, the generator
    :math:`\frac12 E (D(G(z)) - 1)^2`.

    Args:
        smoothing: s, where the critic pulls real cases to 1 - s.

    Reference:
        Mao et al., "Least Squares Generative Adversarial Networks", 2017, equation 9.
    """

    def critic(real: Any, generated: Any) -> Any:
        pulled = ops.mean(ops.square(real - (1.0 - smoothing)))
        return 0.5 * (pulled + ops.mean(ops.square(generated)))

    return Pair(
        critic, lambda generated: 0.5 * ops.mean(ops.square(generated - 1.0)), threshold=0.5
    )


def hinge() -> Pair:
    r"""Scores of real cases above 1 and of generated ones below -1 cost the critic nothing.

    The critic minimizes :math:`E \max(0, 1 - D(x)) + E \max(0, 1 + D(G(z)))`, the generator
    :math:`-E D(G(z))`.

    Reference:
        Lim & Ye, "Geometric GAN", 2017; Miyato et al., "Spectral Normalization for Generative
        Adversarial Networks", 2018, equations 16 and 17.
    """

    def critic(real: Any, generated: Any) -> Any:
        return ops.mean(ops.relu(1.0 - real)) + ops.mean(ops.relu(1.0 + generated))

    return Pair(critic, lambda generated: -ops.mean(generated), threshold=0.0)


def wasserstein() -> Pair:
    r"""The critic minimizes :math:`E D(G(z)) - E D(x)`, the generator :math:`-E D(G(z))`.

    It estimates a distance only if the critic's slope is limited: by ``Bounded`` weights as in the
    paper, by ``gradient_penalty``, or by spectral normalization.

    Reference:
        Arjovsky, Chintala & Bottou, "Wasserstein GAN", 2017.
    """

    def critic(real: Any, generated: Any) -> Any:
        return ops.mean(generated) - ops.mean(real)

    return Pair(critic, lambda generated: -ops.mean(generated))


@keras.saving.register_keras_serializable("harness")
class Bounded(keras.constraints.Constraint):  # type: ignore[misc]
    """Limit to the size of every single weight, set after each update of it.

    Give it to kernels and to biases of a critic, as ``kernel_constraint`` and ``bias_constraint``:
    the optimizer applies it when it has changed them.

    Reference:
        Arjovsky, Chintala & Bottou, "Wasserstein GAN", 2017, algorithm 1, where it is 0.01.

    Args:
        limit: largest absolute value, a number or a scalar variable.

    Example:
        >>> Bounded(0.01)(ops.convert_to_tensor([-3.0, 0.005])).numpy().tolist()
        [-0.009999999776482582, 0.004999999888241291]
    """

    def __init__(self, limit: Any = 0.01) -> None:
        """Keep the limit."""
        self.limit = limit

    def __call__(self, weight: Any) -> Any:
        """The weight, no part of it beyond the limit."""
        limit = ops.convert_to_tensor(self.limit, dtype=weight.dtype)
        return ops.clip(weight, -limit, limit)

    def get_config(self) -> dict[str, Any]:
        """The limit, with which a saved constraint is made again."""
        return {"limit": float(self.limit)}


def gradient_penalty(
    critic: Scores,
    real: Any,
    generated: Any,
    uniform: Uniform,
    *,
    weight: Any = 10.0,
    one_sided: bool = False,
) -> Any:
    r"""Penalty :math:`\lambda E (\|\nabla D(\hat x)\| - 1)^2` between real and generated cases.

    Each :math:`\hat x` stands at a uniform place on the line from a generated case to a real one.

    Args:
        critic: gives a score for every case, none of which depends on the others: with batch
            normalization it is another penalty than the paper's.
        real: cases of shape ``(cases, ...)``.
        generated: as many cases.
        uniform: draws numbers from 0 to 1 of a shape.
        weight: :math:`\lambda`. The paper's is 10, and 0.1 on two-dimensional data.
        one_sided: whether norms below 1 cost nothing. The paper's penalty has two sides.

    Returns:
        A scalar.

    Reference:
        Gulrajani et al., "Improved Training of Wasserstein GANs", 2017; one-sided: Petzka et al.,
        "On the Regularization of Wasserstein GANs", 2018.
    """
    share = uniform((real.shape[0], *(1 for _ in real.shape[1:])))
    squares = _slopes(critic, share * real + (1.0 - share) * generated)
    excess = ops.sqrt(ops.maximum(squares, TINY)) - 1.0
    return weight * ops.mean(ops.square(ops.relu(excess) if one_sided else excess))


def r1(
    critic: Scores,
    real: Any,
    generated: Any,  # noqa: ARG001, other penalties ask for it
    uniform: Uniform,  # noqa: ARG001, likewise
    *,
    gamma: Any = 10.0,
) -> Any:
    r"""Penalty :math:`\frac\gamma2 E \|\nabla D(x)\|^2` on real cases.

    Args:
        critic: gives a score for every case.
        real: cases of shape ``(cases, ...)``.
        generated: not used.
        uniform: not used.
        gamma: :math:`\gamma`. The paper's is 10.

    Returns:
        A scalar.

    Reference:
        Mescheder, Geiger & Nowozin, "Which Training Methods for GANs do actually Converge?", 2018,
        equation 9.
    """
    return 0.5 * gamma * ops.mean(_slopes(critic, real))


def _slopes(critic: Scores, points: Any) -> Any:
    """Squared norm of the gradient of a critic at every point, itself differentiable."""
    points = ops.convert_to_tensor(points)
    with tf.GradientTape() as tape:
        tape.watch(points)
        total = ops.sum(critic(points))
    gradient = tape.gradient(total, points)
    return ops.sum(ops.square(gradient), axis=tuple(range(1, len(points.shape))))


def packed(cases: Any, size: int) -> Any:
    """Packs of cases, joined on their last axis, that a critic judges as one.

    The real cases of a step stay as many as they are, so that the critic judges a ``size``-th of
    that number. A last pack that is not full is filled up with the first cases.

    Args:
        cases: shape ``(cases, ..., width)``.
        size: cases in a pack.

    Returns:
        Shape ``(packs, ..., size * width)``, the first case of a pack first.

    Reference:
        Lin et al., "PacGAN: The Power of Two Samples in Generative Adversarial Networks", 2018.

    Example:
        >>> packed(ops.convert_to_tensor([[1], [2], [3]]), 2).numpy().tolist()
        [[1, 2], [3, 1]]
    """
    if size == 1:
        return cases
    count, *inner, width = cases.shape
    packs = -(-count // size)
    taken = ops.take(cases, [place % count for place in range(packs * size)], axis=0)
    split = ops.reshape(taken, (packs, size, *inner, width))
    return ops.reshape(ops.moveaxis(split, 1, -2), (packs, *inner, size * width))
