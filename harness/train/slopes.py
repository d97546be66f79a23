"""Gradients compared with finite differences, weight by weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from harness import seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from harness.program import Learner
    from harness.spec import Trial

CASES = 64
"""Training cases on which the loss is differentiated."""

STEPS = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
"""Steps of the differences, relative to the norm of a weight: the one that agrees best counts, as
long ones are wrong on a curve, and short ones by rounding."""

SHIFT = 0.1
"""Largest distance that a weight of zero is moved by before."""

TOLERATED = 0.05
"""Relative difference above which a gradient is wrong; rounding and kinks stay below it."""

_ROUNDING = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """The derivative of a loss along one direction of one weight.

    Args:
        weight: its path in the network.
        analytic: by backpropagation.
        numeric: by the central difference that agrees best.
        difference: relative to the larger of both; 0 where both are lost in rounding.
    """

    weight: str
    analytic: float
    numeric: float
    difference: float

    @property
    def agrees(self) -> bool:
        """True if both are the same but for rounding."""
        return self.difference <= TOLERATED


def slopes(learner: Learner, model: Any, trial: Trial, x: Any, y: tf.Tensor) -> tuple[Slope, ...]:
    """Slopes of the loss by every weight that is trained, in inference mode, near its start.

    Args:
        learner: its weights those of the trial.
        model: all of its network.
        trial: fixes the random part of the directions.
        x: inputs of some cases.
        y: their labels.
    """
    found = []
    _off_kinks(learner, trial)
    for place, player in enumerate(learner.players):
        loss = _loss(learner, model, place, x, y)
        with tf.GradientTape() as tape:
            total = loss()
        values = [variable.value for variable in player.variables]
        gradients = tape.gradient(total, values, unconnected_gradients="zero")
        for variable, gradient in zip(player.variables, gradients, strict=True):
            stream = seeds.salted(trial, "slopes", variable.path)
            slope = tf.convert_to_tensor(gradient).numpy().astype(np.float64)
            found.append(_slope(loss, variable, slope, stream))
    return tuple(found)


def _off_kinks(learner: Learner, trial: Trial) -> None:
    """Move weights that are zero, such as biases: where inputs are zero too, rectifiers bend."""
    for variable in learner.variables:
        if not np.any(variable.numpy()):
            drawn = seeds.salted(trial, "off kinks", variable.path).random(tuple(variable.shape))
            variable.assign(SHIFT * (2 * drawn - 1))


def _loss(
    learner: Learner, model: Any, place: int, x: Any, y: tf.Tensor
) -> Callable[[], tf.Tensor]:
    own, goal = learner.losses[place], learner.objective
    if own:
        return tf.function(lambda: own(x, y), autograph=False)  # type: ignore[no-any-return]
    targets = x if goal.reconstructs else y
    return tf.function(  # type: ignore[no-any-return]
        lambda: goal.total(targets, model(x, training=False)), autograph=False
    )


def _slope(
    loss: Callable[[], tf.Tensor],
    variable: Any,
    gradient: NDArray[np.float64],
    stream: np.random.Generator,
) -> Slope:
    """Compare along a direction that is half the gradient's own, half drawn."""
    drawn = stream.random(gradient.shape) - 0.5
    direction = _unit(_unit(gradient) + _unit(drawn))
    before = variable.numpy().astype(np.float64)
    analytic = float(np.sum(gradient * direction))
    tried = list(_differences(loss, variable, before, direction))
    variable.assign(before)
    numeric, noise = min(tried, key=lambda one: abs(one[0] - analytic) / (abs(analytic) + one[1]))
    largest = max(abs(analytic), abs(numeric))
    lost = largest <= noise
    difference = 0.0 if lost else max(0.0, abs(numeric - analytic) - noise) / largest
    return Slope(weight=variable.path, analytic=analytic, numeric=numeric, difference=difference)


def _differences(
    loss: Callable[[], tf.Tensor],
    variable: Any,
    before: NDArray[np.float64],
    direction: NDArray[np.float64],
) -> Iterator[tuple[float, float]]:
    """Central differences of several steps, each with the rounding error that it has."""
    size = float(np.linalg.norm(before)) or 1.0
    for step in STEPS:
        ends = []
        for sign in (1, -1):
            variable.assign(before + sign * step * size * direction)
            ends.append(float(loss()))
        up, down = ends
        yield (up - down) / (2 * step * size), _ROUNDING * (abs(up) + 1e-30) / (step * size)


def _unit(array: NDArray[np.float64]) -> NDArray[np.float64]:
    norm = np.linalg.norm(array)
    return array / norm if norm > 0 else array
