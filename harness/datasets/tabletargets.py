"""Target columns of a table: classes or labels by name, or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.datasets.cells import Column

FEW = 20
"""Number of different whole numbers up to which they count as classes."""

SEVERAL = 5
"""Fewest cases that each class given by a number has."""


def target(
    columns: Sequence[Column], task: str, notes: list[str]
) -> tuple[NDArray[np.generic], str, list[str]]:
    """Classes, numbered in the order of their values, with their names; or labels; or numbers.

    Args:
        columns: one of classes or numbers, or several of zeros and ones or of numbers.
        task: task that the study states; empty: find out.
        notes: list to which remarks on unexpected targets are added.

    Returns:
        Targets, the task that they are for, and the names of classes or labels.

    Raises:
        DataError: if it cannot be told, or is something else.
    """
    if task == "multilabel" or len(columns) > 1:
        several = _several(columns, task, notes)
        if several:
            return several
    if len(columns) > 1 or not _are_classes(columns[0], task):
        return np.stack([_numbers(column) for column in columns], axis=1), "regression", []
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
    return labels.astype(np.int32), "classification", names


def _several(
    columns: Sequence[Column], task: str, notes: list[str]
) -> tuple[NDArray[np.generic], str, list[str]] | None:
    """Several columns of zeros and ones: classes if one of each row is 1, else labels."""
    flags = [_flags(column) for column in columns]
    others = [one.name for one, part in zip(columns, flags, strict=True) if part is None]
    given = np.array([part for part in flags if part is not None]).T
    hot = len(columns) > 1 and not others and bool((given.sum(axis=1) == 1).all())
    if task == "multilabel" and (others or len(columns) < 2):
        shown = f"something else in {', '.join(others)}" if others else f"{len(columns)}"
        raise DataError(
            "expected several target columns, each of 0 and 1 or of true and false, for "
            f"task = 'multilabel'. Received: {shown}."
        )
    if task == "classification" and not hot:
        raise DataError(
            "expected one target column of classes, or several with a single 1 in each row and "
            f"zeros else. Received: {len(columns)} columns. For several labels per case say task = "
            "'multilabel'."
        )
    if others or task == "regression":
        return None
    names = [column.name for column in columns]
    if not hot or task == "multilabel":
        return given, "multilabel", names
    notes.append(f"one of the {len(names)} target columns is 1 in each row: they are classes")
    found, numbers = np.unique(given.argmax(axis=1), return_inverse=True)
    return numbers.astype(np.int32), "classification", [names[one] for one in found]


def _flags(column: Column) -> NDArray[np.float64] | None:
    """Column as zeros and ones, if it holds nothing else."""
    if column.words is not None:
        words = np.array([word.lower() for word in column.words])
        return (words == "true").astype(float) if {*words} <= {"true", "false"} else None
    assert column.numbers is not None
    binary = not column.date and bool(np.isin(column.numbers, (0, 1)).all())
    return column.numbers if binary else None


def _few(name: str, different: int, rarest: int) -> None:
    """Refuse whole numbers that may be classes or amounts, since a guess may be wrong."""
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
    unseen = sorted({*y[test].tolist()} - {*y[~test].tolist()}) if y.ndim == 1 else []
    if unseen:
        raise DataError(
            "expected training cases of every class in the test split. Received: none of "
            f"{', '.join(repr(classes[one]) for one in unseen[:10])}. Add some, or remove these "
            "test cases."
        )
