"""Where data comes from: bundled sets, local ``.npz`` files, stratified subsets of both."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from harness import seeds
from harness.datasets.splits import TEST_SEED, held_out, test_mask
from harness.errors import DataError, nearest
from harness.identity import digest, digest_file
from harness.spec import Card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A data set in memory.

    Args:
        x: cases outside the test split, shape ``(cases, *shape)``, float32.
        y: their labels, shape ``(cases,)`` int32, or ``(cases, outputs)`` float32.
        x_test: the test cases.
        y_test: their labels.
    """

    x: NDArray[np.float32]
    y: NDArray[np.generic]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """A data set that an installed package carries.

    Args:
        card: what planning needs, with the digest of the loaded arrays.
        read: loads the arrays.
        note: one line: what it is, and its source.
    """

    card: Card
    read: Callable[[], Data]
    note: str


def _digits() -> Data:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x, y = (bunch.images / 16.0).astype(np.float32), bunch.target.astype(np.int32)
    test = test_mask(y)
    return Data(x=x[~test], y=y[~test], x_test=x[test], y_test=y[test])


BUNDLED: Mapping[str, Bundled] = {
    "digits": Bundled(
        card=Card(
            reference="digits",
            digest="ee45b76bebffb7dc993619aadc8ea7f4289085dc958816f0b53f9bb8613b2453",
            task="classification",
            shape=(8, 8),
            cases=1438,
            tests=359,
            outputs=10,
        ),
        read=_digits,
        note="1,797 scanned handwritten digits, 8x8 grey levels (UCI; bundled with scikit-learn)",
    )
}


def describe(reference: str, folders: Sequence[Path]) -> Card:
    """What planning needs to know of a data set, without loading a bundled one.

    Args:
        reference: ``digits``, ``digits@500``, or the path of an ``.npz`` file.
        folders: where relative paths are looked for, in order.

    Raises:
        DataError: if there is no such data set, or its content cannot be trained on.

    Example:
        >>> describe("digits", []).cases
        1438
    """
    base, size = _subset(reference)
    if base in BUNDLED:
        card = BUNDLED[base].card
    else:
        file = _file(base, folders)
        data = _read(file)
        card = _card(str(file), digest_file(file), data)
    return _shrunk(card, size, reference) if size else card


def load(card: Card) -> Data:
    """The arrays of a data set.

    Raises:
        DataError: if its content is not what the card says.
    """
    base, size = _subset(card.reference)
    if base in BUNDLED:
        data, whole = BUNDLED[base].read(), BUNDLED[base].card.digest
        found = _digest(data)
    else:
        file = Path(base)
        data, found = _read(file), digest_file(file)
        whole = card.digest if not size else found
    if found != whole or (size and _subset_digest(found, size) != card.digest):
        raise DataError(
            f"expected the data set {base!r} with content {whole[:12]}. Received: content "
            f"{found[:12]}. It has changed since the study was planned."
        )
    return _cut(data, size) if size else data


def _brief(error: Exception) -> str:
    """What was wrong, without NumPy's advice to unpickle all the same."""
    text = str(error).rstrip(".")
    return "something else, perhaps pickled objects" if "pickle" in text else text


def _subset(reference: str) -> tuple[str, int]:
    base, at, size = reference.rpartition("@")
    if at and size.isdecimal() and int(size) > 0:
        return base, int(size)
    return reference, 0


def _shrunk(card: Card, size: int, reference: str) -> Card:
    if not card.outputs <= size <= card.cases:
        raise DataError(
            f"expected a subset of {card.outputs} to {card.cases} cases. Received: {reference!r}."
        )
    return Card(
        reference=f"{card.reference}@{size}",
        digest=_subset_digest(card.digest, size),
        task=card.task,
        shape=card.shape,
        cases=size,
        tests=card.tests,
        outputs=card.outputs,
    )


def _subset_digest(whole: str, size: int) -> str:
    return digest({"whole": whole, "size": size, "seed": TEST_SEED})


def _cut(data: Data, size: int) -> Data:
    mask = held_out(data.y, size, seeds.stream(TEST_SEED, "data", 0, "subset"))
    return Data(x=data.x[mask], y=data.y[mask], x_test=data.x_test, y_test=data.y_test)


def _file(name: str, folders: Sequence[Path]) -> Path:
    if not name.endswith(".npz"):
        raise DataError(
            "expected a data set, with @SIZE for a subset, or the path of an .npz file. "
            f"Received: {name!r}. {nearest(name, BUNDLED)}",
            key="dataset",
        )
    # Joining an absolute name discards the folder, so it is looked for as it is.
    for file in (folder / name for folder in (*folders, Path())):
        if file.is_file():
            return file.resolve()
    raise DataError(
        f"expected an .npz file. Received: {name!r}, which is in none of: "
        f"{', '.join(map(str, folders))}.",
        key="dataset",
    )


UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
NAMES = ({"x": "x", "y": "y"}, {"x": "x_train", "y": "y_train"})


def _read(file: Path) -> Data:
    """Arrays ``x, y`` or ``x_train, y_train``, with ``x_test, y_test`` or without."""
    try:
        with file.open("rb") as stream, _archive(stream) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except UNREADABLE as error:
        raise DataError(
            f"{file} cannot be read as .npz: expected an archive of plain arrays, such as "
            f"numpy.savez writes. Received: {_brief(error)}."
        ) from None
    return from_arrays(arrays, str(file))


def _archive(stream: BinaryIO) -> Any:
    loaded = np.load(stream, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        raise ValueError("it holds one array without a name")  # noqa: TRY004, as of other content
    return loaded


def from_arrays(arrays: Mapping[str, NDArray[np.generic]], source: str) -> Data:
    """Check a user's arrays and bring them into the form that trains.

    Args:
        arrays: ``x`` and ``y`` (or ``x_train`` and ``y_train``); ``x_test`` and ``y_test``
            where there is an official test split.
        source: what error messages call them.

    Raises:
        DataError: naming the array and what is wrong with it.
    """
    names = next((known for known in NAMES if set(known.values()) <= set(arrays)), None)
    if names is None:
        raise DataError(
            f"{source}: expected arrays x and y, or x_train and y_train; with x_test and y_test "
            f"if there is a test split. Received: {', '.join(arrays) or 'none'}."
        )
    x, y = _inputs(arrays[names["x"]], names["x"], source), _labels(arrays[names["y"]], source)
    _same_length(x, y, source)
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
        x, y, x_test, y_test = x[~test], y[~test], x[test], y[test]
    _no_gaps(y, y_test, source)
    return Data(x=x, y=y, x_test=x_test, y_test=y_test)


def _form(x: NDArray[np.float32], y: NDArray[np.generic]) -> str:
    return f"{x.shape[1:]} with labels {y.dtype} of shape {y.shape[1:]}"


def _inputs(raw: NDArray[np.generic], name: str, source: str) -> NDArray[np.float32]:
    if raw.dtype.kind not in "biuf" or raw.ndim < 2 or 0 in raw.shape[1:]:
        raise DataError(
            f"{source}: expected {name} of numbers with a first axis of cases and at least one "
            f"more. Received: {raw.dtype} of shape {raw.shape}."
        )
    x = _single(raw)
    bad = ~np.isfinite(x)
    if bad.any():
        case = int(np.argwhere(bad)[0][0])
        raise DataError(
            f"{source}: expected finite numbers in {name}. Received: {int(bad.sum())} that are "
            f"not, the first in case {case}."
        )
    # 8-bit images: the range that templates are made for.
    return x / np.float32(255) if raw.dtype == np.uint8 else x


def _single(raw: NDArray[np.generic]) -> NDArray[np.float32]:
    """In single precision; what is too large for it becomes infinite, and is refused then."""
    with np.errstate(over="ignore"):
        return raw.astype(np.float32)


def _labels(raw: NDArray[np.generic], source: str) -> NDArray[np.generic]:
    y = raw[:, 0] if raw.ndim == 2 and raw.shape[1] == 1 else raw
    if y.dtype.kind in "biu" and y.ndim == 1:
        # Larger labels have gaps before them; here they must only not wrap around.
        return np.clip(y, -(2**31), 2**31 - 1).astype(np.int32) if len(y) else y.astype(np.int32)
    if y.dtype.kind == "f" and y.ndim in {1, 2}:
        numbers = _single(y if y.ndim == 2 else y[:, None])
        if not np.isfinite(numbers).all():
            raise DataError(f"{source}: expected finite numbers in y. Received: some that are not.")
        return numbers
    raise DataError(
        f"{source}: expected y of whole numbers 0..C-1 (classes), or of real numbers "
        f"(regression). Received: {raw.dtype} of shape {raw.shape}."
    )


def _same_length(x: NDArray[np.float32], y: NDArray[np.generic], source: str) -> None:
    if len(x) != len(y) or len(x) < 2:
        raise DataError(
            f"{source}: expected as many labels as cases, and at least 2. "
            f"Received: {len(x)} cases, {len(y)} labels."
        )


def _no_gaps(y: NDArray[np.generic], y_test: NDArray[np.generic], source: str) -> None:
    if y.ndim > 1:
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


def _card(reference: str, content: str, data: Data) -> Card:
    classes = data.y.ndim == 1
    return Card(
        reference=reference,
        digest=content,
        task="classification" if classes else "regression",
        shape=data.x.shape[1:],
        cases=len(data.x),
        tests=len(data.x_test),
        outputs=int(data.y.max()) + 1 if classes else data.y.shape[1],
    )


def _digest(data: Data) -> str:
    sha = hashlib.sha256()
    for array in (data.x, data.y, data.x_test, data.y_test):
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()
