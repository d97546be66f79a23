"""Kinds of labels: classes by number or name, one per case or step, several at once, or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.generic]

MANY, FEW = 20, 5
"""Most classes, and fewest cases of a class, for whole numbers that are surely no measurements."""

SHOWN = 8
"""Labels that a message lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Labels as they are trained on.

    Args:
        parts: labels by the name of their array: ``(cases,)`` or ``(cases, steps)`` int32, or
            ``(cases, outputs)`` float32; numbers to predict in double precision, because single
            precision may not tell them apart before they are standardized.
        task: ``classification``, ``sequence``, ``multilabel`` or ``regression``.
        classes: names of the classes, where these are not their numbers.
        notes: remarks on labels that were not taken as they look.
    """

    parts: Mapping[str, Array]
    task: str
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def understood(raw: Mapping[str, Array], shape: tuple[int, ...], task: str, source: str) -> Targets:
    """Labels in the form that training takes.

    Args:
        raw: labels of the training, validation and test cases, the training ones first.
        shape: of one case.
        task: task that the study states; empty: find out from the labels.
        source: name of the data in error messages.

    Raises:
        DataError: if they are of no kind, or of two that only their owner can tell apart.
    """
    parts = {name: _squeezed(array, source) for name, array in raw.items()}
    _check_alike(parts, source)
    every = np.concatenate([*parts.values()])
    if every.dtype.kind == "f":
        _check_finite(parts, source)
    found = _Form(every, shape)
    task = _checked(task, found, source) if task else _told(found, source)
    if task in {"regression", "multilabel"}:
        kind = np.float64 if task == "regression" else np.float32
        numbers = {name: _columns(part).astype(kind) for name, part in parts.items()}
        return Targets(parts=numbers, task=task)
    notes: tuple[str, ...] = ()
    if found.hot and every.ndim == (3 if task == "sequence" else 2):
        parts = {name: np.argmax(part, axis=-1) for name, part in parts.items()}
        notes = (f"labels are one-hot: each stands for one of {every.shape[-1]} classes",)
    numbered, classes = _numbered(parts, source)
    return Targets(parts=numbered, task=task, classes=classes, notes=notes)


class _Form:
    """Form of the labels, as far as their values show it.

    Attributes:
        text: whether they are words.
        whole: whether they are whole numbers.
        floats: whether their type is one of real numbers.
        binary: whether they are only 0 and 1.
        hot: whether one of the numbers of a row is 1, the others 0.
        per_step: whether there is one for every step of a case.
    """

    def __init__(self, every: Array, shape: tuple[int, ...]) -> None:
        self.every: Any = every
        self.text = every.dtype.kind == "U"
        self.floats = every.dtype.kind == "f"
        self.whole = not self.text and (
            not self.floats or bool((self.every == np.rint(self.every)).all())
        )
        self.binary = self.whole and bool(((self.every == 0) | (self.every == 1)).all())
        self.hot = (
            self.binary
            and every.ndim > 1
            and every.shape[-1] > 1
            and bool((self.every.sum(axis=-1) == 1).all())
        )
        self.per_step = every.ndim > 1 and every.shape[1] == shape[0]
        self.axes = len(shape)

    def __str__(self) -> str:
        """Text of the form, for messages."""
        return f"{self.every.dtype} of shape {self.every.shape[1:]} per case"


def _checked(task: str, found: _Form, source: str) -> str:
    """Task that somebody named, if these labels fit it."""
    axes = found.every.ndim
    one_of = found.text or found.whole
    fits = {
        "classification": (axes == 1 and one_of) or (axes == 2 and found.hot),
        "sequence": found.per_step and ((axes == 2 and one_of) or (axes == 3 and found.hot)),
        "multilabel": axes == 2 and found.binary,
        "regression": axes < 3 and not found.text,
    }
    wanted = {
        "classification": "one whole number, word or one-hot row per case",
        "sequence": "one whole number, word or one-hot row for every step of a case",
        "multilabel": "a row of zeros and ones per case",
        "regression": "one number or a row of numbers per case",
    }
    if not fits[task]:
        raise DataError(
            f"{source}: expected labels for task = {task!r}: {wanted[task]}. Received: {found}.",
            key="dataset",
        )
    return task


def _told(found: _Form, source: str) -> str:
    """Task that the labels are for, as far as they show it."""
    every = found.every
    if every.ndim == 1:
        return _of_one(found, source)
    if every.ndim == 2 and found.hot:
        return "classification"
    if every.ndim == 2 and found.binary:
        return _of_binary(found, source)
    if every.ndim == 2 and found.floats:
        return "regression"
    if found.per_step and (every.ndim == 2 or found.hot):
        return "sequence"
    if every.ndim == 2 and not found.text:
        raise _unclear(
            f"{every.shape[1]} whole numbers per case", "'regression' to predict them", source
        )
    raise DataError(
        f"{source}: expected y of one label per case, or one for each step of a case (classes), "
        f"or of real numbers (regression). Received: {found}.",
        key="dataset",
    )


def _of_binary(found: _Form, source: str) -> str:
    """The task of several zeros and ones per case."""
    if not found.per_step:
        return "multilabel"
    if not found.floats and found.axes > 1:
        return "sequence"
    raise _unclear(
        f"{found.every.shape[1]} zeros and ones per case, as many as a case has steps",
        "'sequence' for a class at every step, 'multilabel' for several labels of a case",
        source,
    )


def _of_one(found: _Form, source: str) -> str:
    """The task of one label per case."""
    if found.text:
        return "classification"
    if not found.whole:
        return "regression"
    values, counts = np.unique(found.every, return_counts=True)
    options = "'classification' if they are classes, 'regression' to predict the number"
    if len(values) > MANY or (found.floats and len(values) != 2):
        kind = " in real numbers" if found.floats else ""
        raise _unclear(f"{len(values)} different whole numbers{kind}", options, source)
    if counts.min() < FEW and len(values) > 1:
        rare = values[counts.argmin()]
        raise _unclear(
            f"whole numbers of which {rare:g} occurs only {counts.min()} times", options, source
        )
    return "classification"


def _unclear(what: str, options: str, source: str) -> DataError:
    return DataError(
        f"{source}: expected a task, because labels may be more than one thing. Received: {what}. "
        f"Say what they are: dataset = {{ file = ..., task = ... }} with {options}.",
        key="dataset",
    )


def _squeezed(given: Array, source: str) -> Array:
    """Labels without a last axis of one, words as text."""
    array: Any = given
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if array.dtype.kind not in "biufU" or array.ndim not in {1, 2, 3}:
        raise DataError(
            f"{source}: expected y of whole numbers or words (classes, one per case or per step), "
            f"or of real numbers (regression). Received: {array.dtype} of shape {array.shape}.",
            key="dataset",
        )
    made: Array = array[..., 0] if array.ndim > 1 and array.shape[-1] == 1 else array
    return made


def _check_alike(parts: Mapping[str, Array], source: str) -> None:
    (first, known), *others = parts.items()
    for name, part in others:
        text = [one.dtype.kind == "U" for one in (known, part)]
        if known.shape[1:] != part.shape[1:] or text[0] != text[1]:
            raise DataError(
                f"{source}: expected {name} like {first}, {known.dtype} of shape "
                f"{known.shape[1:]} per case. Received: {part.dtype} of shape {part.shape[1:]}.",
                key="dataset",
            )


def _columns(part: Array) -> Array:
    return part if part.ndim == 2 else part[:, None]


def _check_finite(parts: Mapping[str, Array], source: str) -> None:
    for name, part in parts.items():
        bad = np.argwhere(~np.isfinite(single(part)))
        if len(bad):
            raise DataError(
                f"{source}: expected finite numbers in {name}. Received: {len(bad)} that are not, "
                f"the first in case {bad[0][0]}. Leave these cases out.",
                key="dataset",
            )


def check_told_apart(parts: Mapping[str, Array], source: str) -> None:
    """Make sure that numbers to predict are still different ones in single precision.

    Args:
        parts: labels by the name of their array, shape ``(cases, outputs)``.
        source: name of the data in error messages.

    Raises:
        DataError: if half of them, or more, fall together.
    """
    for name, part in parts.items():
        for column in part.T:
            known, left = len(np.unique(column)), len(np.unique(single(column)))
            if 2 * left < known:
                raise DataError(
                    f"{source}: expected numbers in {name} that single precision can tell apart. "
                    f"Received: {known} different ones, of which it leaves {left}. Say "
                    "standardize = true, or subtract what they have in common.",
                    key="dataset",
                )


def single(part: Array) -> NDArray[np.float32]:
    """Convert to single precision; numbers too large for it become infinite and are refused."""
    with np.errstate(over="ignore"):
        return part.astype(np.float32)


def _numbered(parts: Mapping[str, Array], source: str) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Class numbers in the order of the labels, and names where labels are not these numbers."""
    first, *others = parts
    values = np.unique(parts[first])
    if len(values) < 2:
        raise DataError(
            f"{source}: expected at least 2 classes in {first}. Received: {_some(values)}.",
            key="dataset",
        )
    for name in others:
        unknown = np.setdiff1d(parts[name], values)
        if len(unknown):
            kind = {"y_test": "test labels", "y_val": "validation labels"}.get(name, name)
            raise DataError(
                f"{source}: expected {kind} that also occur in training. Received: "
                f"{_some(unknown)}.",
                key="dataset",
            )
    made: dict[str, Array] = {
        name: np.searchsorted(values, part).astype(np.int32) for name, part in parts.items()
    }
    named = values.dtype.kind == "U" or not np.array_equal(values, np.arange(len(values)))
    return made, tuple(map(_name, values.tolist())) if named else ()


def _name(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _some(labels: Array) -> str:
    shown = ", ".join(map(_name, labels[:SHOWN].tolist()))
    return shown if len(labels) <= SHOWN else f"{shown}, ... ({len(labels)} in all)"
