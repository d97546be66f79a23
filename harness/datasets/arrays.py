"""A user's arrays: from an ``.npz`` file or from memory, checked and brought into one form."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from harness.datasets import named
from harness.datasets.rows import BLOCK, Joined, Rows, Several, all_rows
from harness.datasets.scaling import COLOURS, Extent, extent, line, white
from harness.datasets.splits import group_mask, last_mask, test_mask
from harness.datasets.targets import Targets, check_told_apart, single, understood
from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.card import Drawing
    from harness.datasets.rows import Moments

    Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A data set, its inputs in memory or still in their file.

    Args:
        x: cases outside the test split, official validation cases behind the others.
        y: their labels: ``(cases,)`` or ``(cases, steps)`` int32, or ``(cases, outputs)`` numbers.
        x_test: the test cases.
        y_test: their labels.
        task: task that the labels are for.
        classes: their names, where these are not their numbers.
        target: name of the predicted quantity of a regression.
        drawing: how validation cases are drawn.
        held: number of official validation cases.
        groups: group of each case outside the test split, where groups stay whole.
        standardize: places of the last axis that are standardized by the training cases of a
            replicate, by input, and real targets with them; empty: nothing is.
        scaling: scaling of the inputs, in one line.
        scaled: whether anything does.
        unit: size of one trained unit of a single target, in the target's own unit.
        notes: remarks for readers of the results.
        largest: largest input, where all are whole numbers that may be tokens; else -1.
    """

    x: Rows | Several
    y: NDArray[np.generic]
    x_test: Rows | Several
    y_test: NDArray[np.generic]
    task: str = ""
    classes: tuple[str, ...] = ()
    target: str = ""
    drawing: Drawing = "stratified"
    held: int = 0
    groups: NDArray[np.int64] | None = None
    standardize: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    scaling: str = ""
    scaled: bool = False
    unit: float = 1.0
    notes: tuple[str, ...] = ()
    largest: int = -1

    @property
    def nbytes(self) -> int:
        """Bytes of all inputs in single precision."""
        return self.x.nbytes + self.x_test.nbytes

    def without_inputs(self) -> Data:
        """Data without its inputs, so that they need not be in memory twice."""
        none = all_rows(np.empty((0, 1), np.float32))
        return replace(self, x=none, x_test=none)

    def moments(self, train: NDArray[np.integer]) -> dict[str, Moments]:
        """Means and deviations of what is standardized, by input, over some training cases."""
        chosen = np.zeros(len(self.x), dtype=bool)
        chosen[train] = True
        x = _by_name(self.x)
        return {
            name: x[name].only(chosen).measured(columns)
            for name, columns in self.standardize.items()
        }

    def standardized(
        self, train: NDArray[np.integer], scaling: Mapping[str, Moments] | None = None
    ) -> Data:
        """The data as a replicate trains on it: mean 0 and deviation 1 over its training cases.

        What is constant there becomes zero. Labels that are classes stay.

        Args:
            train: these cases.
            scaling: means and deviations of other data, by input; default: over these cases.
        """
        if not self.standardize:
            exact = self.y.dtype == np.float64
            return replace(self, y=single(self.y), y_test=single(self.y_test)) if exact else self
        chosen = np.zeros(len(self.x), dtype=bool)
        chosen[train] = True
        x, x_test = (_by_name(part) for part in (self.x, self.x_test))
        for name, moments in (scaling or self.moments(train)).items():
            x[name], x_test[name] = (
                replace(part, moments=moments) for part in (x[name], x_test[name])
            )
        made = replace(self, x=_together(x), x_test=_together(x_test), standardize={})
        if self.task != "regression":
            return made
        targets = all_rows(self.y[chosen]).measured(np.ones(self.y.shape[1], dtype=bool))
        y, y_test = (
            targets.standardized(part).astype(np.float32) for part in (self.y, self.y_test)
        )
        spread = float(targets.deviation[0])
        unit = spread if len(targets.deviation) == 1 and np.isfinite(spread) else 1.0
        return replace(made, y=y, y_test=y_test, unit=unit)


def _by_name(x: Rows | Several) -> dict[str, Rows]:
    return dict(x.parts) if isinstance(x, Several) else {"": x}


def _together(parts: dict[str, Rows]) -> Rows | Several:
    return parts[""] if "" in parts else Several(parts)


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
ASIDE = frozenset(
    {"groups", "ordered", "standardize", "task", "target_name", "classes", "columns", "notes"}
)
"""Names of arrays that describe the data rather than hold inputs or labels."""


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
    """One array of an archive, left in the file if its bytes are stored there uncompressed."""
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


def from_arrays(
    arrays: Mapping[str, NDArray[np.generic]],
    source: str,
    reading: Mapping[str, Any] = MappingProxyType({}),
) -> Data:
    """Check a user's arrays and bring them into the form that trains.

    Args:
        arrays: ``x`` and ``y`` (or ``x_train`` and ``y_train``); ``x_test`` and ``y_test``
            where there is an official test split, ``x_val`` and ``y_val`` where there is one for
            validation; ``groups`` of cases that have to stay together; several inputs or lengths,
            see ``named``.
        source: name of the arrays in error messages.
        reading: how they are read, where that is not the default; see ``spec.Arrays``.

    Raises:
        DataError: naming the array and what is wrong with it.
    """
    if named.is_named(arrays):
        found: Data = named.read(arrays, source, partial(from_arrays, reading=reading))
        return found
    return _of_one_input(arrays, source, reading)


def _of_one_input(arrays: Arrays, source: str, reading: Mapping[str, Any]) -> Data:
    """Data whose cases are one array."""
    names = next((known for known in NAMES if set(known.values()) <= set(arrays)), None)
    if names is None:
        raise DataError(
            f"{source}: expected arrays x and y, or x_train and y_train; with x_test and y_test "
            f"if there is a test split. Received: {', '.join(arrays) or 'none'}."
        )
    unread = _unread(arrays, names, source)
    parts = {"": (names["x"], names["y"])}
    parts |= {
        part: (f"x_{part}", f"y_{part}") for part in ("val", "test") if _has(part, arrays, source)
    }
    first = reading.get("channels") == "first"
    inputs = {part: _inputs(arrays[x], x, source, first=first) for part, (x, _) in parts.items()}
    shape = inputs[""].shape[1:]
    _check_channels(shape, source)
    for part, (x, y) in parts.items():
        _same_length(inputs[part], arrays[y], source)
        if inputs[part].shape[1:] != shape:
            raise DataError(
                f"{source}: expected {x} like the other cases, of shape {shape}. "
                f"Received: {inputs[part].shape[1:]}."
            )
    task = reading.get("task") or _text(arrays, "task")
    labels = {y: arrays[y] for _, y in parts.values()}
    found = understood(labels, shape, task, source)
    seen = _extents(inputs, {part: x for part, (x, _) in parts.items()}, source)
    standardize = _standardized(arrays, shape, standardize=reading.get("standardize", False))
    most = 1
    if standardize is None:
        if found.task == "regression":
            check_told_apart(found.parts, source)
        most = white(seen, inputs[""], source, scale=reading.get("scale"))
    inputs = {part: replace(rows, white=float(most)) for part, rows in inputs.items()}
    scaling = line(
        seen,
        most,
        standardized=standardize is not None,
        axes=len(shape),
        columns=_names(arrays, "columns"),
        asked=reading.get("scale") is False,
    )
    made = Data(
        x=inputs[""],
        y=found.parts[names["y"]],
        x_test=inputs.get("test", inputs[""]),
        y_test=found.parts.get("y_test", found.parts[names["y"]]),
        task=found.task,
        classes=_names(arrays, "classes") or found.classes,
        target=_target(found, _text(arrays, "target_name"), standardized=standardize is not None),
        standardize={} if standardize is None else {"": standardize},
        scaling=scaling,
        scaled=standardize is not None or most > 1,
        notes=(*found.notes, *_names(arrays, "notes"), *unread),
        largest=int(seen.high.max()) if seen.whole and most == 1 and seen.low.min() >= 0 else -1,
    )
    made = _divided(made, arrays, source, official="test" in inputs)
    if "val" in inputs:
        made = _with_validation(made, inputs["val"], found.parts["y_val"], source)
    return made


def _target(found: Targets, name: str, *, standardized: bool) -> str:
    """Name of the quantity that a regression predicts, as plot axes show it."""
    if found.task != "regression":
        return ""
    count = next(iter(found.parts.values())).shape[1]
    if count == 1 or not standardized:
        return name
    return f"{name or f'{count} targets'}, each in standard deviations"


def _divided(made: Data, arrays: Arrays, source: str, *, official: bool) -> Data:
    """Data with a test split, and with the rule for drawing validation cases."""
    ordered = "ordered" in arrays and bool(arrays["ordered"])
    groups = _groups(arrays, len(made.x), source) if "groups" in arrays else None
    drawing: Drawing = "grouped" if groups is not None else "ordered" if ordered else "stratified"
    made = replace(made, drawing=drawing, groups=groups)
    if official:
        return made
    if groups is not None:
        test = group_mask(groups)
    else:
        test = last_mask(len(made.y)) if ordered else test_mask(made.y)
    if test.all():
        raise DataError(f"{source}: expected at least 3 groups. Received: too few to split.")
    missing = np.setdiff1d(made.y[test], made.y[~test]) if made.y.dtype.kind == "i" else ()
    if len(missing) and made.y.ndim == 1 and drawing != "stratified":
        shown = ", ".join(made.classes[one] if made.classes else str(one) for one in missing)
        raise DataError(
            f"{source}: expected training cases of every class. Received: none of {shown}, because "
            f"the test split by {'groups' if groups is not None else 'time'} takes them all. Give "
            "x_test and y_test yourself, or more cases of these classes."
        )
    return replace(
        made,
        x=made.x.only(~test),
        y=made.y[~test],
        x_test=made.x.only(test),
        y_test=made.y[test],
        groups=None if groups is None else groups[~test],
    )


def _with_validation(made: Data, x: Rows, y: NDArray[np.generic], source: str) -> Data:
    """Data with its official validation cases placed behind the training cases."""
    if made.groups is not None:
        raise DataError(
            f"{source}: expected either x_val and y_val, or 'groups' to draw validation cases "
            "from. Received: both. Leave one of them out."
        )
    assert isinstance(made.x, Rows)
    before = made.x.array
    assert isinstance(before, np.ndarray)
    assert isinstance(x.array, np.ndarray)
    index = np.concatenate([made.x.index, x.index + len(before)])
    joined = Rows(Joined(before, x.array), index, x.white)
    return replace(made, x=joined, y=np.concatenate([made.y, y]), drawing="official", held=len(x))


def _groups(arrays: Arrays, cases: int, source: str) -> NDArray[np.int64]:
    groups = arrays["groups"]
    if groups.shape != (cases,):
        raise DataError(
            f"{source}: expected groups with a name or number for each of the {cases} cases to "
            f"train on. Received: shape {groups.shape}."
        )
    values, numbers = np.unique(groups, return_inverse=True)
    if len(values) < 3:
        raise DataError(
            f"{source}: expected at least 3 groups, to train, validate and test on. "
            f"Received: {len(values)}."
        )
    return numbers.astype(np.int64)


def _standardized(
    arrays: Arrays, shape: tuple[int, ...], *, standardize: bool
) -> NDArray[np.bool_] | None:
    """Mask of the places of the last axis that are standardized; ``None`` if there are none."""
    if "standardize" in arrays:
        return np.broadcast_to(arrays["standardize"].astype(bool), shape[-1:])
    return np.ones(shape[-1], dtype=bool) if standardize else None


def _names(arrays: Arrays, name: str) -> tuple[str, ...]:
    return tuple(map(str, np.atleast_1d(arrays[name]).tolist())) if name in arrays else ()


def _text(arrays: Arrays, name: str) -> str:
    return ", ".join(_names(arrays, name))


def _unread(arrays: Arrays, names: Mapping[str, str], source: str) -> tuple[str, ...]:
    """Sentence on arrays that are not read; arrays that would change results are refused.

    Raises:
        DataError: of weights, and of cases or labels under a name that is not known.
    """
    known = {*names.values(), "x_val", "y_val", "x_test", "y_test", *ASIDE}
    others = [name for name in arrays if name not in known]
    for name in others:
        lower = name.lower()
        if "weight" in lower:
            raise DataError(
                f"{source}: expected no weights of single cases, which are not supported. "
                f"Received: {name!r}. Leave it out, draw cases by these weights beforehand, or "
                "weigh classes with class_weight."
            )
        if lower in {"x", "y", "group"} or lower.startswith(("x_", "y_", "val", "test")):
            raise DataError(
                f"{source}: expected x, y, x_val, y_val, x_test, y_test or groups (x_train and "
                f"y_train for x and y). Received: {name!r}. Rename it, or leave it out."
            )
    return (f"not read: {', '.join(others)}",) if others else ()


def _has(part: str, arrays: Arrays, source: str) -> bool:
    """True if the data has this part."""
    wanted = {f"x_{part}", f"y_{part}"}
    given = wanted & set(arrays)
    if len(given) == 1:
        raise DataError(
            f"{source}: expected {' and '.join(sorted(wanted))}, or neither of them. "
            f"Received: {', '.join(given)} alone."
        )
    return bool(given)


def _inputs(raw: NDArray[np.generic], name: str, source: str, *, first: bool) -> Rows:
    if raw.dtype.kind not in "biuf" or raw.ndim < 2 or 0 in raw.shape[1:]:
        raise DataError(
            f"{source}: expected {name} to be an array of numbers, the first axis for cases and at "
            f"least one more for their content. Received: {raw.dtype} of shape {raw.shape}."
        )
    if first and raw.ndim < 3:
        raise DataError(
            f"{source}: expected at least 3 axes for channels = 'first': cases, channels, then "
            f"steps or pixels. Received: {name} of shape {raw.shape}. Leave 'channels' out."
        )
    return all_rows(np.moveaxis(raw, 1, -1) if first else raw)


def _check_channels(shape: tuple[int, ...], source: str) -> None:
    """Refuse images with channels first, which would be taken for a few rows of many channels."""
    if len(shape) == 3 and shape[0] in COLOURS and shape[2] not in COLOURS:
        raise DataError(
            f"{source}: expected images with channels last, such as "
            f"{(*shape[1:], shape[0])}. Received: cases of shape {shape}, which look as if "
            "channels stood first. dataset = { file = ..., channels = 'first' } turns them.",
            key="dataset",
        )


def _extents(inputs: Mapping[str, Rows], names: Mapping[str, str], source: str) -> Extent:
    """Extent of all inputs together."""
    found = {part: extent(rows) for part, rows in inputs.items()}
    for part, seen in found.items():
        if seen.bad:
            raise DataError(
                f"{source}: expected finite numbers in {names[part]}. Received: {seen.bad} that "
                f"are not, the first in case {seen.first}."
            )
    _check_one_scale(found, names, source)
    return reduce(or_, found.values())


def _check_one_scale(found: Mapping[str, Extent], names: Mapping[str, str], source: str) -> None:
    """Refuse parts of which one holds pixels and another numbers from 0 to 1."""
    raw = [part for part, seen in found.items() if seen.whole and seen.high.max() > SCALED]
    scaled = [
        part
        for part, seen in found.items()
        if not seen.whole and seen.low.min() >= 0 and seen.high.max() <= 1
    ]
    if raw and scaled:
        raise DataError(
            f"{source}: expected parts on one scale. Received: {names[raw[0]]} of {found[raw[0]]}, "
            f"{names[scaled[0]]} of {found[scaled[0]]}. Divide both, or neither.",
            key="dataset",
        )


SCALED = 100
"""Value from which whole numbers beside numbers of 0 to 1 are taken for the same ones undivided."""


def _same_length(x: Rows, y: NDArray[np.generic], source: str) -> None:
    count = len(y) if y.ndim else 0
    if len(x) != count or len(x) < 2:
        raise DataError(
            f"{source}: expected as many labels as cases, and at least 2. "
            f"Received: {len(x)} cases, {count} labels."
        )


def _brief(error: Exception) -> str:
    """Text of an error, without NumPy's advice to unpickle the file after all."""
    text = str(error).rstrip(".")
    return "something else, perhaps pickled objects" if "pickle" in text else text
