"""Parts of a data set: some of its classes, or its images in another shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.datasets.matching import Matched
from harness.datasets.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.datasets.arrays import Data
    from harness.datasets.rows import Several


def made(data: Data, part: Mapping[str, Any]) -> Data:
    """The data as a card describes it.

    Args:
        data: the whole.
        part: what is made of it; see ``Card.part``.
    """
    data = only(data, part["classes"]) if "classes" in part else data
    return like(data, part["shape"]) if "shape" in part else data


def like(data: Data, shape: Sequence[int]) -> Data:
    """The same images in another shape.

    Args:
        data: whose cases are images, in the range in which they are trained on.
        shape: of one image: height, width, and channels if there are any.
    """
    return replace(data, x=_matched(data.x, shape), x_test=_matched(data.x_test, shape))


def _matched(rows: Rows | Several, shape: Sequence[int]) -> Rows:
    assert isinstance(rows, Rows)
    return replace(rows, array=Matched(rows.array, tuple(shape)))


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
