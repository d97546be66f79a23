"""Optimizers of Keras with what it lacks: momentum as an input."""

from __future__ import annotations

from typing import Any

import keras


class SGD(keras.optimizers.SGD):  # type: ignore[misc]
    """Keras' stochastic gradient descent, with a momentum that may be a variable.

    The velocity is kept also where the momentum is zero; the updates are the same.
    """

    def __init__(self, momentum: Any = 0.0, **kwargs: Any) -> None:
        """Keep the momentum as it is, even a variable; Keras only learns that there is one."""
        super().__init__(momentum=0.5, **kwargs)
        self._given = momentum

    def build(self, variables: Any) -> None:
        """Make the velocities, which Keras leaves out where the momentum is zero."""
        super().build(variables)
        self.momentum = self._given

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of one variable."""
        rate = keras.ops.cast(learning_rate, variable.dtype)
        step = keras.ops.cast(gradient, variable.dtype) * rate
        momentum = keras.ops.cast(self.momentum, variable.dtype)
        velocity = self.momentums[self._get_variable_index(variable)]
        moved = velocity * momentum - step
        self.assign(velocity, moved)
        self.assign_add(variable, moved * momentum - step if self.nesterov else moved)
