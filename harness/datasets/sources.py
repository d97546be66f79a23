"""Data sets by reference: a known name, a file of the user's, a stratified subset of either."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import seeds
from harness.datasets import folder, synthetic
from harness.datasets.arrays import Data, from_arrays, read_arrays
from harness.datasets.known import KNOWN
from harness.datasets.rows import all_rows
from harness.datasets.splits import TEST_SEED, held_out, quotas
from harness.errors import DataError, nearest
from harness.identity import digest, digest_file
from harness.spec import Card, normal_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


def describe(reference: str, folders: Sequence[Path]) -> Card:
    """What planning needs to know of a data set, without loading a known one.

    Args:
        reference: ``digits``, ``digits@500``, ``adding-100``, or the path of an ``.npz`` file.
        folders: where relative paths are looked for, in order.

    Raises:
        DataError: if there is no such data set, or its content cannot be trained on.

    Example:
        >>> describe("digits", []).cases
        1438
    """
    base, size = _subset(reference)
    computed = synthetic.describe(base)
    if base in KNOWN:
        card = KNOWN[base].card
    elif computed:
        card = computed
    else:
        file = _file(base, folders)
        card = _card(str(file), digest_file(file), from_arrays(read_arrays(file), str(file)))
    return _shrunk(card, size, reference) if size else card


def obtain(card: Card, say: Callable[[str], None] = lambda _: None) -> None:
    """Make sure that the data of a card can be loaded, fetching it if need be.

    Raises:
        DataError: if no source has it.
    """
    base, _ = _subset(card.reference)
    if base in KNOWN:
        folder.obtain(base, say)


def load(card: Card) -> Data:
    """The arrays of a data set.

    Raises:
        DataError: if its content is not what the card says.
    """
    base, size = _subset(card.reference)
    computed = synthetic.describe(base)
    if base in KNOWN:
        data, found = from_arrays(folder.read(base), base), KNOWN[base].card.digest
    elif computed:
        data, found = from_arrays(synthetic.read(base), base), computed.digest
    else:
        data, found = from_arrays(read_arrays(Path(base)), base), digest_file(Path(base))
    found = _subset_digest(found, size) if size else found
    if card.digest != (normal_digest(found, card.normal) if card.normal else found):
        raise DataError(
            f"expected the data set {base!r} as it was planned, with content {card.digest[:12]}. "
            f"Received: content {found[:12]}. It has changed since the study was planned."
        )
    if base in KNOWN and KNOWN[base].standardized:
        data = _standardized(data)
    data = _cut(data, size) if size else data
    return _without_anomalies(data, card.normal) if card.normal else data


def _without_anomalies(data: Data, normal: tuple[int, ...]) -> Data:
    """Normal cases to train on; of test cases, whether they are something else."""
    kept, other = np.isin(data.y, normal), ~np.isin(data.y_test, normal)
    return Data(
        x=data.x.only(kept), y=data.y[kept], x_test=data.x_test, y_test=other.astype(np.int32)
    )


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
    name, content = f"{card.reference}@{size}", _subset_digest(card.digest, size)
    counts = tuple(quotas(np.array(card.counts), size).tolist()) if card.counts else ()
    return replace(card, reference=name, digest=content, cases=size, counts=counts)


def _subset_digest(whole: str, size: int) -> str:
    return digest({"whole": whole, "size": size, "seed": TEST_SEED})


def _cut(data: Data, size: int) -> Data:
    mask = held_out(data.y, size, seeds.stream(TEST_SEED, "data", 0, "subset"))
    return Data(x=data.x.only(mask), y=data.y[mask], x_test=data.x_test, y_test=data.y_test)


def _standardized(data: Data) -> Data:
    """Inputs and real targets with mean 0 and deviation 1 over the cases that may be trained on."""
    x, x_test = _scaled(data.x[:], data.x_test[:])
    y, y_test = data.y, data.y_test
    if y.dtype.kind == "f":
        y, y_test = _scaled(y, y_test)
    return Data(x=all_rows(x), y=y, x_test=all_rows(x_test), y_test=y_test)


def _scaled(
    known: NDArray[np.generic], unknown: NDArray[np.generic]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    exact = np.asarray(known, np.float64)
    mean, deviation = exact.mean(axis=0), exact.std(axis=0)
    deviation[deviation == 0] = 1.0
    parts = ((part - mean) / deviation for part in (exact, np.asarray(unknown, np.float64)))
    first, second = (part.astype(np.float32) for part in parts)
    return first, second


def _file(name: str, folders: Sequence[Path]) -> Path:
    if not name.endswith(".npz"):
        raise DataError(
            "expected a data set, with @SIZE for a subset, or the path of an .npz file. "
            f"Received: {name!r}. {nearest(name, [*KNOWN, *synthetic.EXAMPLES])}",
            key="dataset",
        )
    # Joining an absolute name discards the folder, so it is looked for as it is.
    for file in (place / name for place in (*folders, Path())):
        if file.is_file():
            return file.resolve()
    raise DataError(
        f"expected an .npz file. Received: {name!r}, which is in none of: "
        f"{', '.join(map(str, folders))}.",
        key="dataset",
    )


def _card(reference: str, content: str, data: Data) -> Card:
    classes = data.y.dtype.kind == "i"
    task = ("sequence" if data.y.ndim > 1 else "classification") if classes else "regression"
    return Card(
        reference=reference,
        digest=content,
        task=task,
        shape=data.x.shape[1:],
        cases=len(data.x),
        tests=len(data.x_test),
        outputs=int(data.y.max()) + 1 if classes else data.y.shape[1],
        counts=tuple(np.bincount(data.y).tolist()) if task == "classification" else (),
    )
