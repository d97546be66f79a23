"""Data sets by reference: a known name, a file of the user's, a stratified subset of either."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import seeds
from harness.card import Card, framed_digest
from harness.datasets import folder, named, own, synthetic
from harness.datasets.arrays import Data, from_arrays, read_arrays, scaled
from harness.datasets.known import KNOWN
from harness.datasets.rows import Rows, all_rows
from harness.datasets.splits import TEST_SEED, held_out, quotas
from harness.errors import DataError, nearest
from harness.identity import digest, digest_file
from harness.objects import digest_arrays
from harness.spec import Images

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.spec import Source


def describe(source: Source, folders: Sequence[Path]) -> Card:
    """What planning needs to know of a data set, without loading a known one.

    Args:
        source: ``digits``, ``digits@500``, ``adding-100``, the path of an ``.npz`` file, columns
            of a table, or images.
        folders: where relative paths are looked for, in order.

    Raises:
        DataError: if there is no such data set, or its content cannot be trained on.

    Example:
        >>> describe("digits", []).cases
        1438
    """
    reference, size = split(source)
    if own.needs_code(reference):
        own.check_function(str(reference), folders)
        raise DataError(
            "expected data that can be looked at without running code of yours. Received: "
            f"{reference!r}, which only 'run' calls.",
            key="dataset",
        )
    if is_own(reference, folders):
        arrays = own.read(reference, folders)
        card = _card(title(source), digest_arrays(arrays), from_arrays(arrays, title(source)))
        return _shrunk(card, size, title(source)) if size else card
    assert isinstance(reference, str)
    base = reference
    computed = synthetic.describe(base)
    if base in KNOWN:
        card = KNOWN[base].card
    elif computed:
        card = computed
    else:
        file = _file(base, folders)
        card = _card(str(file), digest_file(file), from_arrays(read_arrays(file), str(file)))
    return _shrunk(card, size, f"{base}@{size}") if size else card


def is_own(source: Source, folders: Sequence[Path]) -> bool:
    """Whether data has to be read and brought into one form before workers can load it."""
    if isinstance(source, str) and (source in KNOWN or synthetic.describe(source)):
        return False
    return own.is_own(source, folders)


def title(source: Source) -> str:
    """What people call a data set: the name of its file, folder or function."""
    reference, _ = split(source)
    if isinstance(reference, str):
        return reference
    path = reference.folder if isinstance(reference, Images) else reference.file
    return Path(path).name or path


def split(source: Source) -> tuple[Source, int]:
    """A data set, and the size of the subset that is meant; 0: all of it."""
    if isinstance(source, str):
        return _subset(source)
    return source, source.cases or 0


def obtain(source: Source, say: Callable[[str], None] = lambda _: None) -> None:
    """Make sure that a data set can be loaded, fetching it if need be.

    Raises:
        DataError: if no source has it.
    """
    base, _ = split(source)
    if isinstance(base, str) and base in KNOWN:
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
    if card.digest != framed_digest(found, card.frame):
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
    assert isinstance(data.x, Rows)
    assert isinstance(data.x_test, Rows)
    x, x_test = scaled(data.x[:], data.x_test[:])
    y, y_test = data.y, data.y_test
    if y.dtype.kind == "f":
        y, y_test = scaled(y, y_test)
    return Data(x=all_rows(x), y=y, x_test=all_rows(x_test), y_test=y_test)


def _file(name: str, folders: Sequence[Path]) -> Path:
    if not name.endswith(".npz"):
        raise DataError(
            "expected a data set, with @SIZE for a subset, the path of an .npz file or of a folder "
            f"of images, or module:function. Received: {name!r}. {_advice(name)}",
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


def _advice(name: str) -> str:
    if name.lower().endswith(own.TABLES):
        return f"Of a table name the column to predict: {{ file = {name!r}, target = ... }}."
    return nearest(name, [*KNOWN, *synthetic.EXAMPLES])


def _card(reference: str, content: str, data: Data) -> Card:
    classes = data.y.dtype.kind == "i"
    task = ("sequence" if data.y.ndim > 1 else "classification") if classes else "regression"
    return Card(
        reference=reference,
        digest=content,
        task=task,
        **named.forms(data.x),
        cases=len(data.x),
        tests=len(data.x_test),
        outputs=int(data.y.max()) + 1 if classes else data.y.shape[1],
        counts=tuple(np.bincount(data.y).tolist()) if task == "classification" else (),
    )
