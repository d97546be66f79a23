"""Inputs that may stay in their file: rows of an array, in single precision when taken."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

BLOCK = 1 << 26
"""Bytes to convert at a time where all rows are looked at."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of an array.

    Args:
        array: numbers with a first axis of cases, in memory or mapped from a file; 8-bit images
            become 0..1, the range that templates are made for.
        index: the rows that are meant, in order.
    """

    array: NDArray[np.generic]
    index: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.index)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all rows together."""
        return (len(self), *self.array.shape[1:])

    @property
    def itemsize(self) -> int:
        """Bytes of one row in single precision."""
        return prod(self.array.shape[1:]) * 4

    @property
    def nbytes(self) -> int:
        """Bytes of all rows in single precision."""
        return len(self) * self.itemsize

    def __getitem__(self, cases: NDArray[np.integer] | slice) -> NDArray[np.float32]:
        """Rows in single precision; what is too large for it becomes infinite."""
        rows = self.index[cases]
        order = np.argsort(rows, kind="stable")  # a disk reads forwards
        taken = np.empty((len(rows), *self.array.shape[1:]), np.float32)
        with np.errstate(over="ignore"):
            taken[order] = self.array[rows[order]]
        if self.array.dtype == np.uint8:
            taken /= np.float32(255)
        return taken

    @property
    def stamp(self) -> tuple[int, int] | None:
        """Time and size of the file that the rows are in: another one if it is written anew."""
        if not isinstance(self.array, np.memmap):
            return None
        found = Path(str(self.array.filename)).stat()
        return found.st_mtime_ns, found.st_size

    def only(self, mask: NDArray[np.bool_]) -> Rows:
        """Those rows where the mask holds."""
        return Rows(self.array, self.index[mask])

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """All rows in blocks that fit into memory, each with the place of its first row."""
        size = max(1, BLOCK // max(1, self.itemsize))
        for start in range(0, len(self), size):
            yield start, self[start : start + size]


@dataclass(frozen=True, slots=True)
class Several:
    """Some rows of several named arrays: the same ones of each.

    Args:
        parts: rows by name, as many of each.
    """

    parts: Mapping[str, Rows]

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.parts.values())))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of one row, by name."""
        return {name: rows.shape[1:] for name, rows in self.parts.items()}

    @property
    def itemsize(self) -> int:
        """Bytes of one row in single precision."""
        return sum(rows.itemsize for rows in self.parts.values())

    @property
    def nbytes(self) -> int:
        """Bytes of all rows in single precision."""
        return len(self) * self.itemsize

    def __getitem__(self, cases: NDArray[np.integer] | slice) -> dict[str, NDArray[np.float32]]:
        """Rows of each in single precision."""
        return {name: rows[cases] for name, rows in self.parts.items()}

    @property
    def stamp(self) -> tuple[int, int] | None:
        """Time and size of the file that rows are in; all are in the same one."""
        return next((rows.stamp for rows in self.parts.values() if rows.stamp), None)

    def only(self, mask: NDArray[np.bool_]) -> Several:
        """Those rows where the mask holds."""
        return Several({name: rows.only(mask) for name, rows in self.parts.items()})


def all_rows(array: NDArray[np.generic]) -> Rows:
    """Every row of an array."""
    return Rows(array, np.arange(len(array)))
