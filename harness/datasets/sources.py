"""Data sets by locator: a known name, a file of the user's, a stratified subset of either."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import seeds
from harness.card import Card, view_digest
from harness.datasets import copies, folder, named, own, parts, synthetic, tablefiles
from harness.datasets.arrays import Data, from_arrays, read_arrays
from harness.datasets.known import KNOWN
from harness.datasets.rows import Rows
from harness.datasets.scaling import STANDARDIZED
from harness.datasets.splits import TEST_SEED, held_out, quotas
from harness.errors import DataError, nearest
from harness.identity import digest, digest_file
from harness.objects import digest_arrays
from harness.spec import Arrays, Columns, Images, whole
from harness.targets import names_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.datasets.known import DataSet
    from harness.datasets.rows import Several
    from harness.spec import Source, Study, Whole

SHORTEST = 4
"""Fewest steps from which equal last ones are taken for padding."""


def describe(source: Source, folders: Sequence[Path]) -> Card:
    """Card of a data set, without loading one of the known data sets.

    Of a part of one, it is the card of the whole: ``design.parted`` makes the other one of it.

    Args:
        source: ``digits``, ``digits@500``, ``adding-100``, the path of an ``.npz`` file, arrays
            with how to read them, columns of a table, or images.
        folders: folders to search for relative paths, in order.

    Raises:
        DataError: if there is no such data set, or its content cannot be trained on.

    Example:
        >>> describe("digits", []).cases
        1438
    """
    source = whole(source)
    locator, size = sized(source)
    if own.needs_code(locator):
        own.check_function(str(locator), folders)
        raise DataError(
            "expected data that can be read without running your code. Received: "
            f"{locator!r}, a function that only 'keras-harness run' calls.",
            key="dataset",
        )
    if is_own(locator, folders):
        arrays, name = own.read(locator, folders), title(source)
        reading = _reading(source, arrays)
        content = view_digest(digest_arrays(without_notes(arrays)), reading)
        card = _card(name, content, from_arrays(arrays, name, reading), reading)
        return _shrunk(card, size, name) if size else card
    assert isinstance(locator, str)
    base = locator
    computed = synthetic.describe(base)
    if base in KNOWN:
        card = _treated(KNOWN[base])
    elif computed:
        card = _pixels(computed) if _of_pixels(base) else computed
    else:
        if isinstance(source, Arrays) and not source.file:
            raise DataError(
                "expected a file, or arrays given to harness.run(study, data=(x, y)). "
                "Received: neither.",
                key="dataset.file",
            )
        card = _of_file(_file(base, folders), source)
    return _shrunk(card, size, f"{base}@{size}") if size else card


def describe_all(study: Study, folders: Sequence[Path]) -> Card:
    """Card of a study's data, with those of its sources.

    Args:
        study: names them.
        folders: folders to search for relative paths, in order.

    Raises:
        DataError: as ``describe``.
    """
    others = {name: describe(one.dataset, folders) for name, one in study.sources.items()}
    return replace(describe(study.dataset, folders), sources=others)


def shared_cases(card: Card) -> tuple[str, ...]:
    """A sentence for every source of a study that trains on test cases of the study's data.

    Parts of one data set are not compared: its test cases are nowhere trained on.

    Args:
        card: of the study's data, with those of its sources. All of it is loaded, one by one.
    """
    found, tests = [], None
    for name, source in card.sources.items():
        if _subset(source.locator)[0] == _subset(card.locator)[0]:
            continue
        tests = tests or load(card).x_test
        count = copies.between(load(source).x, tests)
        if count:
            found.append(
                f"{count:,} of the {card.tests:,} test cases of {card.label} are cases that source "
                f"{name!r} ({source.label}) may train on: an arm that starts there may know them "
                "by heart"
            )
    return tuple(found)


def without_notes(arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """Arrays as they are stored and told apart: without notes, which change no training."""
    return {name: part for name, part in arrays.items() if name != "notes"}


def describe_kept(file: Path, source: Source, arrays: Mapping[str, NDArray[np.generic]]) -> Card:
    """Card of arrays that were stored where workers find them.

    Args:
        file: with the arrays, without notes.
        source: name of the arrays in a study.
        arrays: the same ones with their notes.
    """
    source = whole(source)
    _, size = sized(source)
    card = _of_file(file, source, {"notes": arrays["notes"]} if "notes" in arrays else {})
    return _shrunk(card, size, f"{file}@{size}") if size else card


def check(arrays: Mapping[str, NDArray[np.generic]], name: str, source: Source) -> None:
    """Refuse arrays that cannot be trained on, before they are put anywhere.

    Args:
        arrays: of the user's.
        name: name of the arrays in messages.
        source: name of the arrays in a study.

    Raises:
        DataError: naming the array and what is wrong with it.
    """
    from_arrays(arrays, name, _reading(whole(source), arrays))


def _of_file(
    file: Path,
    source: Whole,
    notes: Mapping[str, NDArray[np.generic]] = MappingProxyType({}),
) -> Card:
    arrays = {**read_arrays(file), **notes}
    reading = _reading(source, arrays)
    content = view_digest(digest_file(file), reading)
    return _card(str(file), content, from_arrays(arrays, str(file), reading), reading)


def _reading(source: Whole, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, Any]:
    """Keywords for reading arrays, given by their owner or known from the source of the arrays."""
    if isinstance(source, Arrays):
        return source.reading
    base, _ = sized(source)
    if isinstance(base, Columns):
        y = next(arrays[name] for name in ("y_train", "y") if name in arrays)
        told = base.task or ("regression" if y.dtype.kind == "f" else "classification")
        return {"scale": False, **({} if "task" in arrays else {"task": told})}
    if isinstance(base, str) and (not base or base.endswith(".npz") or names_code(base)):
        return {}
    return {"task": "classification", "scale": True}


def _treated(known: DataSet) -> Card:
    """Card of a known data set with the treatment of its inputs added."""
    if known.standardized:
        card = known.card
        return replace(card, scaled=True, scaling=f"-> {STANDARDIZED}")
    return _pixels(known.card) if known.dtype == "uint8" else known.card


def _pixels(card: Card) -> Card:
    return replace(card, scaled=True, scaling="0..255 -> 0..1")


def is_own(source: Source, folders: Sequence[Path]) -> bool:
    """True if the data must be read and brought into one form before workers can load it."""
    source = whole(source)
    if isinstance(source, str) and (source in KNOWN or synthetic.describe(source)):
        return False
    return own.is_own(source, folders)


def title(source: Source) -> str:
    """Name of a data set for people: that of its file, folder or function."""
    locator, _ = sized(source)
    if isinstance(locator, str):
        return locator or "given arrays"
    assert isinstance(locator, Columns | Images)
    path = locator.folder if isinstance(locator, Images) else locator.file
    return Path(path).name or path


def sized(source: Source) -> tuple[Whole, int]:
    """Data set, and the size of the subset that is meant; 0 for all of it."""
    source = whole(source)
    if isinstance(source, str):
        return _subset(source)
    if isinstance(source, Arrays):
        base, size = _subset(source.file)
        return base, source.cases or size
    return source, source.cases or 0


def mixture(locator: str) -> synthetic.Mixture | None:
    """The distribution of a data set, where that is a mixture of normal ones.

    Args:
        locator: of a card, perhaps of a subset.
    """
    return synthetic.mixture(_subset(locator)[0])


def obtain(source: Source, say: Callable[[str], None] = lambda _: None) -> None:
    """Make sure that a data set can be loaded, fetching it if need be.

    Raises:
        DataError: if no source has it.
    """
    base, _ = sized(source)
    if isinstance(base, str) and base in KNOWN:
        folder.obtain(base, say)


def load(card: Card) -> Data:
    """The arrays of a data set.

    Raises:
        DataError: if its content is not what the card says.
    """
    base, size = _subset(card.locator)
    data, found = _read(base, card)
    found = _subset_digest(found, size) if size else found
    found = view_digest(found, card.part)
    if card.digest != view_digest(found, card.view):
        raise DataError(
            f"expected the data set {base!r} as it was planned, with content {card.digest[:12]}. "
            f"Received: content {found[:12]}. It has changed since the study was planned."
        )
    data = parts.made(_cut(data, size) if size else data, card.part)
    return _without_anomalies(data, card.normal) if card.normal else data


def _read(base: str, card: Card) -> tuple[Data, str]:
    """All of a data set, with the hash of its content and of how it is read."""
    computed = synthetic.describe(base)
    if base in KNOWN:
        known = KNOWN[base]
        reading = {
            "task": known.card.task,
            "scale": known.dtype == "uint8",
            "standardize": known.standardized,
        }
        return from_arrays(folder.read(base), base, reading), known.card.digest
    if computed:
        reading = {"task": computed.task, "scale": _of_pixels(base)}
        return from_arrays(synthetic.read(base), base, reading), computed.digest
    data = from_arrays(read_arrays(Path(base)), base, card.reading)
    return data, view_digest(digest_file(Path(base)), card.reading)


def _without_anomalies(data: Data, normal: tuple[int, ...]) -> Data:
    """Normal cases for training, and test cases labelled by whether they are anomalies."""
    kept, other = np.isin(data.y, normal), ~np.isin(data.y_test, normal)
    return replace(
        data,
        x=data.x.only(kept),
        y=data.y[kept],
        y_test=other.astype(np.int32),
        groups=None if data.groups is None else data.groups[kept],
    )


def _subset(locator: str) -> tuple[str, int]:
    base, at, size = locator.rpartition("@")
    if at and size.isdecimal() and int(size) > 0:
        return base, int(size)
    return locator, 0


def _shrunk(card: Card, size: int, locator: str) -> Card:
    if not card.outputs <= size <= card.cases:
        raise DataError(
            f"expected a subset of {card.outputs} to {card.cases} cases. Received: {locator!r}."
        )
    if card.drawing != "stratified":
        raise DataError(
            "expected the whole data set, because a subset is drawn by class and its validation "
            f"cases are not ({card.drawing}). Received: {locator!r}. Leave the size out.",
            key="dataset",
        )
    name, content = f"{card.locator}@{size}", _subset_digest(card.digest, size)
    counts = tuple(quotas(np.array(card.counts), size).tolist()) if card.counts else ()
    return replace(
        card, locator=name, digest=content, cases=size, counts=counts, copies=(), chance=0.0
    )


def _subset_digest(whole: str, size: int) -> str:
    return digest({"whole": whole, "size": size, "seed": TEST_SEED})


def _cut(data: Data, size: int) -> Data:
    mask = held_out(data.y, size, seeds.stream(TEST_SEED, "data", 0, "subset"))
    return replace(data, x=data.x.only(mask), y=data.y[mask])


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
    if name.lower().endswith(tablefiles.FORMS):
        return f"Of a table name the column to predict: {{ file = {name!r}, target = ... }}."
    return nearest(name.partition("@")[0], [*KNOWN, *synthetic.EXAMPLES])


def _of_pixels(name: str) -> bool:
    return synthetic.SYNTHETIC[name.partition("-")[0]].dtype == "uint8"


def _card(locator: str, content: str, data: Data, reading: Mapping[str, Any]) -> Card:
    """Card of data that has been read."""
    classes = data.y.dtype.kind == "i"
    outputs = int(data.y.max()) + 1 if classes else data.y.shape[1]
    counts: tuple[int, ...] = ()
    test_counts: tuple[int, ...] = ()
    if data.task == "classification":
        counts, test_counts = (
            tuple(np.bincount(part, minlength=outputs).tolist()) for part in (data.y, data.y_test)
        )
    groups = [] if data.groups is None else np.unique(data.groups, return_counts=True)[1].tolist()
    alike = len(set(groups)) == 1
    return Card(
        locator=locator,
        digest=content,
        task=data.task,
        **named.forms(data.x),
        cases=len(data.x),
        tests=len(data.x_test),
        outputs=outputs,
        counts=counts,
        test_counts=test_counts,
        classes=data.classes,
        drawing=data.drawing,
        held=data.held,
        spare=0 if alike else max(groups, default=1) - 1,
        grain=groups[0] if alike else 1,
        tail=_tail(data.x),
        largest=data.largest,
        centred=bool(data.standardize),
        scaling=data.scaling,
        scaled=data.scaled,
        target=data.target,
        chance=_chance(data),
        reading=reading,
        copies=copies.count(data.x, data.y, data.x_test, data.y_test),
        notes=data.notes,
    )


def _tail(x: Rows | Several) -> int:
    """Whole number that fills most cases up to their end; -1 if there is none."""
    if not isinstance(x, Rows) or x.array.dtype.kind not in "iu" or x.white != 1:
        return -1
    if len(x.shape) != 2 or x.shape[1] < SHORTEST:
        return -1
    last = np.concatenate([block[:, -2:] for _, block in x.blocks()])
    values, counts = np.unique(last[last[:, 0] == last[:, 1], 0], return_counts=True)
    if not len(values) or 2 * counts.max() <= len(x):
        return -1
    return max(-1, int(values[counts.argmax()]))


def _chance(data: Data) -> float:
    """Score of the best guess that looks at no case: accuracy, or squared error."""
    if data.task == "sequence":
        return float(np.bincount(data.y.ravel()).max() / data.y.size)
    if data.task == "regression" and data.y.shape[1] == 1:
        return float(np.asarray(data.y, np.float64).var())
    return 0.0
