"""A user's arrays: from an ``.npz`` file or from memory, checked and brought into one form."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from harness.datasets import named
from harness.datasets.rows import BLOCK, Rows, Several, all_rows
from harness.datasets.splits import test_mask
from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A data set, its inputs in memory or still in their file.

    Args:
        x: cases outside the test split, shape ``(cases, *shape)``.
        y: their labels: ``(cases,)`` or ``(cases, steps)`` int32, or ``(cases, outputs)`` float32.
        x_test: the test cases.
        y_test: their labels.
    """

    x: Rows | Several
    y: NDArray[np.generic]
    x_test: Rows | Several
    y_test: NDArray[np.generic]

    @property
    def nbytes(self) -> int:
        """Bytes of all inputs in single precision."""
        return self.x.nbytes + self.x_test.nbytes


def scaled(
    known: NDArray[np.generic], unknown: NDArray[np.generic]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Numbers with mean 0 and deviation 1 over the known ones; what is constant becomes zero."""
    exact = np.asarray(known, np.float64)
    mean, deviation = exact.mean(axis=0), exact.std(axis=0)
    deviation[deviation == 0] = 1.0
    parts = ((part - mean) / deviation for part in (exact, np.asarray(unknown, np.float64)))
    first, second = (part.astype(np.float32) for part in parts)
    return first, second


UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
_NAME_LENGTH = 26
"""Place in a zip member's own header of two lengths: of its name, and of what follows that."""

NAMES = ({"x": "x", "y": "y"}, {"x": "x_train", "y": "y_train"})


def read_arrays(file: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of an ``.npz`` file, by name.

    What is stored uncompressed, as ``numpy.savez`` does, is mapped into memory, not read.

    Raises:
        DataError: if the file is no archive of plain arrays.
    """
    try:
        with file.open("rb") as stream, _archive(stream) as archive:
            return {name: _mapped(file, archive, name) for name in archive.files}
    except UNREADABLE as error:
        raise DataError(
            f"{file} cannot be read as .npz: expected an archive of plain arrays, such as "
            f"numpy.savez writes. Received: {_brief(error)}."
        ) from None


def _archive(stream: BinaryIO) -> Any:
    loaded = np.load(stream, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        raise ValueError("it holds one array without a name")  # noqa: TRY004, as of other content
    return loaded


def _mapped(file: Path, archive: Any, name: str) -> NDArray[np.generic]:
    """One array of an archive; in the file if its bytes stand there as they are."""
    member = next(one for one in archive.zip.infolist() if one.filename in {name, f"{name}.npy"})
    if member.compress_type != zipfile.ZIP_STORED:
        return archive[name]  # type: ignore[no-any-return]
    with archive.zip.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            header = np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(stream)
        inside = stream.tell()
        while stream.read(BLOCK):  # to its end, where the archive's own sum of it is checked
            pass
    if dtype.hasobject or not shape or 0 in shape:
        return archive[name]  # type: ignore[no-any-return]
    with file.open("rb") as raw:
        raw.seek(member.header_offset + _NAME_LENGTH)
        lengths = np.frombuffer(raw.read(4), "<u2")
        start = raw.tell() + int(lengths.sum())
    return np.memmap(file, dtype, "r", start + inside, shape, "F" if fortran else "C")


def from_arrays(arrays: Mapping[str, NDArray[np.generic]], source: str) -> Data:
    """Check a user's arrays and bring them into the form that trains.

    Args:
        arrays: ``x`` and ``y`` (or ``x_train`` and ``y_train``); ``x_test`` and ``y_test``
            where there is an official test split; several inputs or lengths, see ``named``.
        source: what error messages call them.

    Raises:
        DataError: naming the array and what is wrong with it.
    """
    if named.is_named(arrays):
        found: Data = named.read(arrays, source, from_arrays)
        return found
    names = next((known for known in NAMES if set(known.values()) <= set(arrays)), None)
    if names is None:
        raise DataError(
            f"{source}: expected arrays x and y, or x_train and y_train; with x_test and y_test "
            f"if there is a test split. Received: {', '.join(arrays) or 'none'}."
        )
    x = _inputs(arrays[names["x"]], names["x"], source)
    y = _labels(arrays[names["y"]], source)
    _same_length(x, y, source)
    _same_steps(x, y, source)
    given = {"x_test", "y_test"} & set(arrays)
    if len(given) == 1:
        raise DataError(
            f"{source}: expected x_test and y_test, or neither of them. "
            f"Received: {', '.join(given)} alone."
        )
    if given:
        x_test = _inputs(arrays["x_test"], "x_test", source)
        y_test = _labels(arrays["y_test"], source)
        _same_length(x_test, y_test, source)
        shapes, kinds = (x.shape[1:], y.shape[1:]), (x_test.shape[1:], y_test.shape[1:])
        eight_bit = [arrays[name].dtype == np.uint8 for name in (names["x"], "x_test")]
        if shapes != kinds or y_test.dtype != y.dtype or eight_bit[0] != eight_bit[1]:
            raise DataError(
                f"{source}: expected test cases like the others, {_form(x, y)}. "
                f"Received: {_form(x_test, y_test)}."
            )
    else:
        test = test_mask(y)
        x, y, x_test, y_test = x.only(~test), y[~test], x.only(test), y[test]
    _no_gaps(y, y_test, source)
    return Data(x=x, y=y, x_test=x_test, y_test=y_test)


def _form(x: Rows, y: NDArray[np.generic]) -> str:
    return f"{x.shape[1:]} with labels {y.dtype} of shape {y.shape[1:]}"


def _inputs(raw: NDArray[np.generic], name: str, source: str) -> Rows:
    if raw.dtype.kind not in "biuf" or raw.ndim < 2 or 0 in raw.shape[1:]:
        raise DataError(
            f"{source}: expected {name} of numbers with a first axis of cases and at least one "
            f"more. Received: {raw.dtype} of shape {raw.shape}."
        )
    rows = all_rows(raw)
    bad = [(start + np.argwhere(~np.isfinite(part))[:, 0]) for start, part in rows.blocks()]
    count = sum(map(len, bad))
    if count:
        case = next(int(cases[0]) for cases in bad if len(cases))
        raise DataError(
            f"{source}: expected finite numbers in {name}. Received: {count} that are not, the "
            f"first in case {case}."
        )
    return rows


def _single(raw: NDArray[np.generic]) -> NDArray[np.float32]:
    """In single precision; what is too large for it becomes infinite, and is refused then."""
    with np.errstate(over="ignore"):
        return raw.astype(np.float32)


def _labels(raw: NDArray[np.generic], source: str) -> NDArray[np.generic]:
    y = raw[:, 0] if raw.ndim == 2 and raw.shape[1] == 1 else raw
    if y.dtype.kind in "biu" and y.ndim in {1, 2}:
        # Larger labels have gaps before them; here they must only not wrap around.
        return np.clip(y, -(2**31), 2**31 - 1).astype(np.int32) if len(y) else y.astype(np.int32)
    if y.dtype.kind == "f" and y.ndim in {1, 2}:
        numbers = _single(y if y.ndim == 2 else y[:, None])
        if not np.isfinite(numbers).all():
            raise DataError(f"{source}: expected finite numbers in y. Received: some that are not.")
        return numbers
    raise DataError(
        f"{source}: expected y of whole numbers 0..C-1 (classes, one per case or per step), or of "
        f"real numbers (regression). Received: {raw.dtype} of shape {raw.shape}."
    )


def _same_length(x: Rows, y: NDArray[np.generic], source: str) -> None:
    if len(x) != len(y) or len(x) < 2:
        raise DataError(
            f"{source}: expected as many labels as cases, and at least 2. "
            f"Received: {len(x)} cases, {len(y)} labels."
        )


def _same_steps(x: Rows, y: NDArray[np.generic], source: str) -> None:
    """Classes in two axes are one per step: a sequence for a sequence."""
    if y.ndim == 2 and y.dtype.kind == "i" and x.shape[1] != y.shape[1]:
        raise DataError(
            f"{source}: expected one label per case, or one for each of the {x.shape[1]} steps of "
            f"a case. Received: labels of shape {y.shape[1:]}. One-hot labels become classes by "
            "y.argmax(axis=1); for a regression give y as real numbers (y.astype(float))."
        )


def _no_gaps(y: NDArray[np.generic], y_test: NDArray[np.generic], source: str) -> None:
    if y.dtype.kind == "f":
        return
    found = np.unique(y)
    if not np.array_equal(found, np.arange(len(found))) or len(found) < 2:
        raise DataError(
            f"{source}: expected class labels 0..C-1, each of them present, and at least 2. "
            f"Received: {_some(found)}. "
            "numpy.unique(y, return_inverse=True) numbers them so; for a regression give y as "
            "real numbers (y.astype(float))."
        )
    unknown = np.setdiff1d(y_test, found)
    if len(unknown):
        raise DataError(
            f"{source}: expected test labels that occur in training. Received: {_some(unknown)}."
        )


def _some(labels: NDArray[np.generic]) -> str:
    shown = ", ".join(map(str, labels[:8].tolist()))
    return shown if len(labels) <= 8 else f"{shown}, ... ({len(labels)} in all)"


def _brief(error: Exception) -> str:
    """What was wrong, without NumPy's advice to unpickle all the same."""
    text = str(error).rstrip(".")
    return "something else, perhaps pickled objects" if "pickle" in text else text
