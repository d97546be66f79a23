"""Noise in labels: classes that are drawn anew, numbers that are off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness import seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray


def relabelled(
    labels: NDArray[np.generic], amount: float, classes: int, generator: np.random.Generator
) -> NDArray[np.generic]:
    """Labels with noise; more noise changes the same labels further, or more of them.

    Args:
        labels: a class of each case, shape ``(cases,)``, or numbers, ``(cases, numbers)``.
        amount: share of the classes that are drawn anew, the right one as likely as any other; or
            standard deviation of the normal noise that is added to numbers, in their unit.
        classes: how many there are.
        generator: of the draw.

    Returns:
        As ``labels``, of the same type.

    Example:
        >>> relabelled(np.zeros(4, np.int32), 0.0, 10, np.random.default_rng(0)).tolist()
        [0, 0, 0, 0]

    Reference:
        Zhang et al., "Understanding Deep Learning Requires Rethinking Generalization", 2017, draws
        a share of the classes anew.
    """
    if labels.dtype.kind == "f":
        noise = amount * seeds.normal(generator, labels.shape)
        return (labels.astype(np.float64) + noise).astype(labels.dtype)
    anew = generator.random(len(labels)) < amount
    drawn = (generator.random(len(labels)) * classes).astype(labels.dtype)
    return np.where(anew, drawn, labels)
