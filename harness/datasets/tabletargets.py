"""What the target columns of a table are: classes by name, or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.datasets.cells import Column

FEW = 20
"""Up to so many different whole numbers are classes."""

SEVERAL = 5
"""Cases that each class of numbers has."""


def target(columns: Sequence[Column], task: str) -> tuple[NDArray[np.generic], list[str]]:
    """Classes, numbered in the order of their values, with their names; or real numbers.

    Args:
        columns: one of classes or numbers, or several of numbers.
        task: what the study says that they are; empty: as can be told.

    Raises:
        DataError: if it cannot be told, or is something else.
    """
    if len(columns) > 1 or not _are_classes(columns[0], task):
        if task == "classification":
            raise DataError(f"expected one target column of classes. Received: {len(columns)}.")
        return np.stack([_numbers(column) for column in columns], axis=1), []
    column = columns[0]
    values = column.words if column.numbers is None else column.numbers
    assert values is not None
    found, labels, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(found) > len(values) / 2 or len(found) < 2:
        raise DataError(
            f"expected classes with several cases each in column {column.name!r}. Received: "
            f"{len(found)} different values in {len(values)} rows. To predict a number set "
            "task = 'regression'."
        )
    if column.numbers is not None and not task:
        _few(column.name, len(found), int(counts.min()))
    names = [one if isinstance(one, str) else f"{one:.12g}" for one in found.tolist()]
    return labels.astype(np.int32), names


def _few(name: str, different: int, rarest: int) -> None:
    """Whole numbers may be classes or amounts: what is likely to be meant is not enough."""
    if different > FEW or rarest < SEVERAL:
        shown = f", the rarest in {rarest} rows" if different <= FEW else ""
        raise DataError(
            f"expected real numbers, or whole numbers that are clearly classes, in column {name!r}."
            f" Received: {different} different whole numbers{shown}. Say task = 'classification' "
            "or task = 'regression'."
        )


def _are_classes(column: Column, task: str) -> bool:
    if column.date:
        raise DataError(f"expected classes or numbers in column {column.name!r}. Received: dates.")
    if task:
        return task == "classification"
    return column.numbers is None or column.whole


def _numbers(column: Column) -> NDArray[np.float64]:
    if column.numbers is None or column.date:
        words = "dates" if column.words is None else repr(column.words[0])
        raise DataError(f"expected numbers in column {column.name!r}. Received: {words}.")
    return column.numbers


def check_known(y: NDArray[np.generic], test: NDArray[np.bool_], classes: Sequence[str]) -> None:
    """Make sure that every class of the test split is one that can be learned.

    Raises:
        DataError: naming those that no other case has.
    """
    unseen = sorted({*y[test].tolist()} - {*y[~test].tolist()}) if classes else []
    if unseen:
        raise DataError(
            "expected classes of the test split that occur in training. Received: "
            f"{', '.join(repr(classes[one]) for one in unseen[:10])}."
        )
