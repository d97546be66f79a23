"""Learning-rate schedules as plain vectors: one factor per step, an input of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness import catalog
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from harness.catalog import Choice

    Steps = NDArray[np.float64]


def rates(chosen: Choice, rate: float, per_epoch: int, epochs: int) -> NDArray[np.float32]:
    """The learning rate of every step of a training.

    Args:
        chosen: an entry of the family ``schedule``.
        rate: the learning rate that the schedule scales.
        per_epoch: steps in one epoch.
        epochs: of the training.

    Returns:
        Shape ``(epochs, per_epoch)``.

    Example:
        >>> rates(catalog.choice("schedule", "step(every=1, factor=0.5)"), 1.0, 2, 3).tolist()
        [[1.0, 1.0], [0.5, 0.5], [0.25, 0.25]]
    """
    numbers = dict(chosen.numbers)
    warmup = numbers.pop("warmup") * per_epoch
    shape: Callable[..., Steps] = resolve(catalog.SCHEDULES[chosen.name].target)
    steps = np.arange(epochs * per_epoch, dtype=np.float64)
    factors = shape(
        np.maximum(steps - warmup, 0) / per_epoch, epochs - warmup / per_epoch, **numbers
    )
    rising = steps < warmup
    factors[rising] = (steps[rising] + 1) / (warmup + 1)
    return (rate * factors).astype(np.float32).reshape(epochs, per_epoch)


def constant(epoch: Steps, epochs: float) -> Steps:  # noqa: ARG001, one signature for all
    """Factor of 1 in every epoch."""
    return np.ones_like(epoch)


def step(epoch: Steps, epochs: float, *, every: float, factor: float) -> Steps:  # noqa: ARG001
    """``factor ** floor(epoch / every)``."""
    # A step that begins an epoch must not fall behind it by rounding.
    return factor ** np.floor(epoch / every + 1e-9)


def exponential(epoch: Steps, epochs: float, *, factor: float) -> Steps:  # noqa: ARG001
    """``factor ** epoch``."""
    return factor**epoch


def linear(epoch: Steps, epochs: float, *, floor: float) -> Steps:
    """``1 - (1 - floor) * epoch / epochs``."""
    return 1 - (1 - floor) * epoch / epochs


def cosine(epoch: Steps, epochs: float, *, floor: float) -> Steps:
    """``floor + (1 - floor) * (1 + cos(pi * epoch / epochs)) / 2``.

    Reference:
        Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
    """
    return floor + (1 - floor) * (1 + np.cos(np.pi * epoch / epochs)) / 2


def polynomial(epoch: Steps, epochs: float, *, floor: float, power: float) -> Steps:
    """``floor + (1 - floor) * (1 - epoch / epochs) ** power``."""
    return floor + (1 - floor) * (1 - epoch / epochs) ** power


def inverse_time(epoch: Steps, epochs: float, *, decay: float) -> Steps:  # noqa: ARG001
    """``1 / (1 + decay * epoch)``."""
    return 1 / (1 + decay * epoch)


def inverse_sqrt(epoch: Steps, epochs: float, *, decay: float) -> Steps:  # noqa: ARG001
    """``1 / sqrt(1 + decay * epoch)``.

    A decay of as many as an epoch has steps divides the rate of step t by the root of t.
    """
    return 1 / np.sqrt(1 + decay * epoch)


def cosine_restarts(
    epoch: Steps,
    epochs: float,  # noqa: ARG001
    *,
    every: float,
    growth: float,
    factor: float,
    floor: float,
) -> Steps:
    """Cosines one after another, each longer than the last and from a lower height.

    Reference:
        Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
    """
    shares, heights = np.zeros_like(epoch), np.ones_like(epoch)
    start, length, height = 0.0, every, 1.0
    while start <= epoch[-1]:
        # A step that begins a cosine must not fall behind it by rounding.
        inside = epoch >= start - 1e-9
        shares[inside], heights[inside] = (epoch[inside] - start) / length, height
        start, length, height = start + length, length * growth, height * factor
    factors: Steps = floor + (1 - floor) * heights * (1 + np.cos(np.pi * shares)) / 2
    return factors


def one_cycle(epoch: Steps, epochs: float, *, rise: float, start: float, floor: float) -> Steps:
    """Half a cosine up from ``start`` to 1, then half a cosine down to ``floor``.

    Reference:
        Smith & Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
        Learning Rates", 2019.
    """
    share = epoch / epochs
    up = start + (1 - start) * (1 - np.cos(np.pi * share / rise)) / 2
    down = floor + (1 - floor) * (1 + np.cos(np.pi * (share - rise) / max(1 - rise, 1e-9))) / 2
    return np.where(share < rise, up, down)
