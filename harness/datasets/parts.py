"""Parts of a data set: some of its classes, as a data set of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.datasets.arrays import Data


def made(data: Data, part: Mapping[str, Any]) -> Data:
    """The data as a card describes it.

    Args:
        data: the whole.
        part: what is made of it; see ``Card.part``.
    """
    return only(data, part["classes"]) if "classes" in part else data


def only(data: Data, classes: Sequence[int]) -> Data:
    """The cases of some classes, numbered anew in the order given.

    Args:
        data: with one class per case.
        classes: their numbers, ascending.
    """
    kept, tests = (np.isin(labels, classes) for labels in (data.y, data.y_test))
    return replace(
        data,
        x=data.x.only(kept),
        y=_renumbered(data.y[kept], classes),
        x_test=data.x_test.only(tests),
        y_test=_renumbered(data.y_test[tests], classes),
        classes=tuple(data.classes[one] if data.classes else str(one) for one in classes),
        groups=None if data.groups is None else data.groups[kept],
    )


def _renumbered(labels: NDArray[np.generic], classes: Sequence[int]) -> NDArray[np.int32]:
    return np.searchsorted(classes, labels).astype(np.int32)
