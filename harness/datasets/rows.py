"""Inputs that may stay in their file: rows of an array, in single precision when taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

BLOCK = 1 << 26
"""Bytes to convert at a time where all rows are looked at."""

EXACT, ROUNDED = 1e-12, 1e-6
"""Relative deviations that are mere rounding, in double and in single precision."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and deviation for standardizing numbers, one pair for each place of a case's last axis.

    Args:
        mean: over the training cases.
        deviation: over the training cases; infinite for what is constant, so that it becomes zero.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def standardized(self, numbers: NDArray[np.generic]) -> NDArray[np.float64]:
        """Numbers with mean 0 and deviation 1 over the training cases."""
        made: NDArray[np.float64] = (np.asarray(numbers, np.float64) - self.mean) / self.deviation
        return made


class Lazy(Protocol):
    """Source of rows that are made when they are taken."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows together."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of what is taken."""

    def __getitem__(self, rows: NDArray[np.integer]) -> NDArray[np.generic]:
        """Take the rows of these numbers."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Two arrays, one behind the other, neither of them copied."""

    first: NDArray[np.generic]
    second: NDArray[np.generic]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of both arrays together."""
        return (len(self.first) + len(self.second), *self.first.shape[1:])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type that can hold the numbers of both parts."""
        return np.result_type(self.first, self.second)

    def __getitem__(self, rows: NDArray[np.integer]) -> NDArray[np.generic]:
        """Take the rows of these numbers."""
        early = rows < len(self.first)
        taken = np.empty((len(rows), *self.shape[1:]), self.dtype)
        taken[early] = self.first[rows[early]]
        taken[~early] = self.second[rows[~early] - len(self.first)]
        return taken


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of an array.

    Args:
        array: numbers with a first axis of cases, in memory or mapped from a file.
        index: the rows that are meant, in order.
        white: number that is scaled to 1; for pixels 255 or 65535.
        moments: mean and deviation for standardizing the rows.
    """

    array: NDArray[np.generic] | Lazy
    index: NDArray[np.int64]
    white: float = 1.0
    moments: Moments | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.index)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows together."""
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
        raw = self.array[rows[order]]
        with np.errstate(over="ignore"):
            taken[order] = self.moments.standardized(raw) if self.moments else raw
        if self.white != 1:
            taken /= np.float32(self.white)
        return taken

    @property
    def stamp(self) -> tuple[int, int] | None:
        """Time and size of the rows' file, which change if it is written anew."""
        array: object = self.array
        while not isinstance(array, np.ndarray):  # what is made when it is taken, from an array
            array = array.first if isinstance(array, Joined) else array.array  # type: ignore[attr-defined]
        if not isinstance(array, np.memmap):
            return None
        found = Path(str(array.filename)).stat()
        return found.st_mtime_ns, found.st_size

    def only(self, mask: NDArray[np.bool_]) -> Rows:
        """Rows for which the mask is true."""
        return replace(self, index=self.index[mask])

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """All rows in blocks that fit into memory, each with the place of its first row."""
        size = max(1, BLOCK // max(1, self.itemsize))
        for start in range(0, len(self), size):
            yield start, self[start : start + size]

    def exact(self) -> Iterator[Array]:
        """All rows in blocks, in double precision, neither scaled nor standardized."""
        size = max(1, BLOCK // max(1, 2 * self.itemsize))
        for start in range(0, len(self), size):
            yield np.asarray(self.array[self.index[start : start + size]], np.float64)

    def measured(self, columns: NDArray[np.bool_]) -> Moments:
        """Mean and deviation of these rows, as ``keras.layers.Normalization`` takes them.

        Args:
            columns: which places of the last axis are to be standardized; others stay.
        """
        mean = self._average(lambda part: part)
        spread = np.sqrt(self._average(lambda part: np.square(part - mean)))
        single = self.array.dtype.kind == "f" and self.array.dtype.itemsize < 8
        largest = np.abs(mean) + spread
        constant = spread <= (ROUNDED if single else EXACT) * largest
        return Moments(
            mean=np.where(columns, mean, 0.0),
            deviation=np.where(columns, np.where(constant, np.inf, spread), 1.0),
        )

    def _average(self, function: Callable[[Array], Array]) -> Array:
        """Mean of a function's values on these rows, over all but the last axis."""
        size = max(1, BLOCK // max(1, 2 * self.itemsize))
        total = np.zeros(self.shape[-1])
        for start in range(0, len(self), size):
            raw = np.asarray(self.array[self.index[start : start + size]], np.float64)
            total += function(raw.reshape(-1, raw.shape[-1])).sum(axis=0)
        return total / (len(self) * prod(self.shape[1:-1]))


@dataclass(frozen=True, slots=True)
class Several:
    """The same rows of several named arrays.

    Args:
        parts: rows by name, as many of each.
    """

    parts: Mapping[str, Rows]

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.parts.values())))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one row of each array, by name."""
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
        """Time and size of the file that holds the rows of all arrays."""
        return next((rows.stamp for rows in self.parts.values() if rows.stamp), None)

    def only(self, mask: NDArray[np.bool_]) -> Several:
        """Rows for which the mask is true."""
        return Several({name: rows.only(mask) for name, rows in self.parts.items()})


def all_rows(array: NDArray[np.generic] | Lazy) -> Rows:
    """Every row of an array."""
    return Rows(array, np.arange(array.shape[0]))
