"""Test cases that copy training cases, which a model can answer by memory."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from harness.datasets.rows import BLOCK, Rows, Several

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def count(
    x: Rows | Several, y: NDArray[np.generic], x_test: Rows | Several, y_test: NDArray[np.generic]
) -> tuple[int, int]:
    """Count test cases that copy training cases, and those labelled unlike every original.

    Inputs are compared number by number, as they stand in the file.

    Args:
        x: cases outside the test split.
        y: their labels.
        x_test: test cases.
        y_test: their labels.
    """
    labels: dict[bytes, set[bytes]] = {}
    for case, content in enumerate(_contents(x)):
        labels.setdefault(content, set()).add(y[case].tobytes())
    copies = relabelled = 0
    for case, content in enumerate(_contents(x_test)):
        if content in labels:
            copies += 1
            relabelled += y_test[case].tobytes() not in labels[content]
    return copies, relabelled


def between(x: Rows | Several, x_test: Rows | Several) -> int:
    """Count test cases of one data set that are cases of another one.

    Inputs are compared as a network sees them, before anything is standardized.

    Args:
        x: cases that are trained on, of the one.
        x_test: test cases of the other.

    Reference:
        Three problems of the UCR archive, GunPoint by age, sex and year, are one set of recordings
        under three labels: each one's test cases are mostly training cases of the others.
    """
    known = set(_seen(x))
    return sum(content in known for content in _seen(x_test))


def _seen(rows: Rows | Several) -> Iterator[bytes]:
    if isinstance(rows, Several):
        for parts in zip(*map(_seen, rows.parts.values()), strict=True):
            yield b"".join(parts)
        return
    count = max(1, BLOCK // rows.itemsize)
    for start in range(0, len(rows), count):
        for row in np.ascontiguousarray(rows[start : start + count]) + 0.0:
            yield blake2b(row, digest_size=16).digest()


def _contents(rows: Rows | Several) -> Iterator[bytes]:
    if isinstance(rows, Several):
        for parts in zip(*map(_contents, rows.parts.values()), strict=True):
            yield b"".join(parts)
        return
    for block in rows.exact():
        for row in np.ascontiguousarray(block) + 0.0:  # minus zero is zero
            yield blake2b(row, digest_size=16).digest()
