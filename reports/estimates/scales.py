"""Scale on which differences are taken, and the size of mere rounding on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

Scale = Literal["identity", "log"]
"""Scales on which differences are judged."""

RESOLUTION = 4 * float(np.finfo(np.float32).eps)
"""Relative differences below this are rounding of the single-precision training."""


def on_scale(values: ArrayLike, scale: Scale) -> Array:
    """Values on the scale that differences are judged on.

    Args:
        values: any shape, in the metric's unit.
        scale: ``log`` for losses: differences of logarithms are ratios. A loss of zero becomes
            minus infinity, the best that a loss can be.

    Returns:
        The same shape.

    Raises:
        ValueError: if a value below zero is to get a logarithm.

    Example:
        >>> on_scale([1.0, 0.0], "log").tolist()
        [0.0, -inf]
    """
    values = np.asarray(values, dtype=np.float64)
    if scale == "identity":
        return values
    if (values < 0).any():
        raise ValueError(f"expected losses of zero or more. Received: {np.nanmin(values):.4g}.")
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values), dtype=np.float64)


def differences(treated: ArrayLike, control: ArrayLike) -> Array:
    """Differences replicate by replicate; two diverged trials (equal infinities) tie.

    Args:
        treated: shape ``(n,)``; infinite for a diverged trial, or for the logarithm of zero.
        control: shape ``(n,)``, the same replicates.

    Returns:
        ``treated - control``, shape ``(n,)``, with 0 for two equal infinities.

    Example:
        >>> differences([1.0, np.inf, np.inf], [0.5, 1.0, np.inf]).tolist()
        [0.5, inf, 0.0]
    """
    treated = np.asarray(treated, dtype=np.float64)
    control = np.asarray(control, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(treated == control, 0.0, treated - control)


def tolerance(values: ArrayLike, scale: Scale) -> float:
    """The size below which a difference of such values is rounding.

    Trainings compute in single precision: what they report is known to a few parts in ten
    million. On a log scale that is an absolute error.

    Args:
        values: all that differences are taken of, on the scale of judging.
        scale: that scale.

    Example:
        >>> tolerance([0.5, -2.0, np.inf], "identity") == 2 * RESOLUTION
        True
    """
    if scale == "log":
        return RESOLUTION
    values = np.abs(np.asarray(values, dtype=np.float64))
    return RESOLUTION * float(np.max(values[np.isfinite(values)], initial=0.0))
