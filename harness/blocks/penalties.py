"""Penalties and constraints on weights, with numbers that may be variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Callable


class Penalty(keras.regularizers.Regularizer):  # type: ignore[misc]
    r"""Weight penalty :math:`l_1 \sum |w| + l_2 \sum w^2` whose coefficients may be variables.

    Args:
        l1: coefficient of the absolute values, or ``None`` for no such term.
        l2: coefficient of the squares, or ``None`` for no such term.
    """

    def __init__(self, l1: Any = None, l2: Any = None) -> None:
        """Keep the coefficients."""
        self.l1, self.l2 = l1, l2

    def __call__(self, weight: Any) -> Any:
        """The penalty of a weight, a scalar."""
        total = keras.ops.zeros((), dtype=weight.dtype)
        if self.l1 is not None:
            total += self.l1 * keras.ops.sum(keras.ops.absolute(weight))
        if self.l2 is not None:
            total += self.l2 * keras.ops.sum(keras.ops.square(weight))
        return total


class Anchored(keras.regularizers.Regularizer):  # type: ignore[misc]
    r"""Penalty :math:`\frac{\alpha}{2} \lVert w - w_0 \rVert^2` on the way from a start.

    Reference:
        Li, Grandvalet & Davoine, "Explicit Inductive Bias for Transfer Learning with Convolutional
        Networks" (L2-SP), 2018.

    Args:
        amount: coefficient; may be a variable.
        start: weight of the same shape, a variable that does not change.
        beside: another penalty of the weight; ``None``: none.

    Example:
        >>> float(Anchored(0.5, keras.ops.ones((4,)))(keras.ops.zeros((4,))))
        1.0
    """

    def __init__(self, amount: Any, start: Any, beside: Any = None) -> None:
        """Keep them."""
        self.amount, self.start, self.beside = amount, start, beside

    def __call__(self, weight: Any) -> Any:
        """The penalty of a weight, a scalar."""
        found = self.amount / 2 * keras.ops.sum(keras.ops.square(weight - self.start))
        return found + self.beside(weight) if self.beside else found


@keras.saving.register_keras_serializable("harness")
class Orthogonal(keras.regularizers.Regularizer):  # type: ignore[misc]
    r"""Penalty on the angles between rows or columns: the mean :math:`|\cos|` of all pairs.

    Equal to Keras' for matrices. A convolution's kernel counts as the matrix of its inputs by its
    filters.

    Reference:
        Brock et al., "Neural Photo Editing with Introspective Adversarial Networks", 2017.

    Args:
        factor: coefficient.
        mode: ``"rows"`` (the inputs) or ``"columns"`` (the units).
    """

    def __init__(self, factor: Any = 0.01, mode: str = "rows") -> None:
        """Keep the coefficient."""
        self.factor, self.mode = factor, mode

    def __call__(self, weight: Any) -> Any:
        """The penalty of a weight, a scalar."""
        matrix = keras.ops.reshape(weight, (-1, weight.shape[-1]))
        rows = matrix if self.mode == "rows" else keras.ops.transpose(matrix)
        rows = keras.ops.normalize(rows, axis=1)
        count = rows.shape[0]
        others = keras.ops.matmul(rows, keras.ops.transpose(rows)) * (1 - keras.ops.eye(count))
        # Each pair occurs twice; a single row forms none.
        return self.factor * keras.ops.sum(keras.ops.absolute(others)) / max(count * (count - 1), 1)

    def get_config(self) -> dict[str, Any]:
        """Settings from which a saved penalty is made again."""
        return {"factor": self.factor, "mode": self.mode}


class Incoming(keras.constraints.Constraint):  # type: ignore[misc]
    """A constraint of Keras on the norm of the weights into each unit, or each filter.

    Keras must be told the axes: those of a dense kernel are not those of a convolution's.

    Args:
        kind: a constraint class with an argument ``axis``.
        numbers: its other arguments; they may be variables.
    """

    def __init__(self, kind: Callable[..., Any], **numbers: Any) -> None:
        """Keep the numbers."""
        self._kind, self._numbers = kind, numbers

    def __call__(self, weight: Any) -> Any:
        """The weight, constrained."""
        return self.stock(len(weight.shape))(weight)

    def stock(self, axes: int) -> Any:
        """Keras' own constraint, for weights with so many axes."""
        return self._kind(axis=list(range(axes - 1)), **self._numbers)


def max_norm(**numbers: Any) -> Incoming:
    """Limit the norm to a maximum."""
    return Incoming(keras.constraints.MaxNorm, **numbers)


def unit_norm() -> Incoming:
    """Set the norm to one."""
    return Incoming(keras.constraints.UnitNorm)


def min_max_norm(**numbers: Any) -> Incoming:
    """Move the norm into a range, at some rate."""
    return Incoming(keras.constraints.MinMaxNorm, **numbers)
