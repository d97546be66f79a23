"""Where data comes from: bundled sets, local ``.npz`` files, stratified subsets of both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import seeds
from harness.datasets.arrays import Data, read
from harness.datasets.rows import all_rows
from harness.datasets.splits import TEST_SEED, held_out, test_mask
from harness.errors import DataError, nearest
from harness.identity import digest, digest_file
from harness.spec import Card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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
    rows = all_rows(x)
    return Data(x=rows.only(~test), y=y[~test], x_test=rows.only(test), y_test=y[test])


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
        data = read(file)
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
        data, found = read(file), digest_file(file)
        whole = card.digest if not size else found
    if found != whole or (size and _subset_digest(found, size) != card.digest):
        raise DataError(
            f"expected the data set {base!r} with content {whole[:12]}. Received: content "
            f"{found[:12]}. It has changed since the study was planned."
        )
    return _cut(data, size) if size else data


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
    return Data(x=data.x.only(mask), y=data.y[mask], x_test=data.x_test, y_test=data.y_test)


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
    for array in (data.x[:], data.y, data.x_test[:], data.y_test):
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()
