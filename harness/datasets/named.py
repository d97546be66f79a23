"""Cases with several named inputs, and sequences with given lengths.

``x/NAME`` with ``y``, or ``x_train/NAME``, ``x_test/NAME`` and so on, are several inputs, of
which ``columns/NAME`` and ``standardize/NAME`` may say more. With
``lengths`` (``lengths_train``, ``lengths_test``) ``x`` is a sequence whose later steps are padding.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.datasets.rows import Rows, Several
from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.generic]

PARTS = ("x", "x_train", "x_val", "x_test")
LENGTHS = ("lengths", "lengths_train", "lengths_val", "lengths_test")
OF_ONE = ("columns", "standardize")
"""Names of arrays that describe one of several inputs, as in ``columns/NAME``."""


def flat(given: Mapping[str, Any]) -> dict[str, Array]:
    """Arrays by name, also from several inputs given as ``{"x": {"image": ..., ...}}``."""
    found: dict[str, Array] = {}
    for name, part in given.items():
        if isinstance(part, dict):
            found |= {f"{name}/{inner}": _plain(array) for inner, array in part.items()}
        else:
            found[name] = _plain(part)
    return found


def _plain(given: Any) -> Array:
    """Array from any given value; words become text, which a file can hold."""
    array = np.asarray(given)
    if array.dtype.kind == "O" and all(isinstance(one, str) for one in array.flat):
        return array.astype(str)
    return array


def is_named(arrays: Mapping[str, Array]) -> bool:
    """True if the arrays hold several inputs, or sequences with lengths."""
    return bool(_inputs_of(arrays)) or any(name in arrays for name in LENGTHS)


def read(arrays: Mapping[str, Array], source: str, single: Callable[..., Any]) -> Any:
    """Several inputs, or sequences with lengths, each checked as a single input is.

    Args:
        arrays: as in the file.
        source: name of the arrays in error messages.
        single: reads arrays with one ``x``, given the arrays and what messages call them.

    Returns:
        What ``single`` returns, with ``Several`` in place of its ``Rows``.

    Raises:
        DataError: naming the input and what is wrong with it.
    """
    if not _inputs_of(arrays):
        rest = {name: part for name, part in arrays.items() if name not in LENGTHS}
        data = single(rest, source)
        x, x_test = _long(arrays, data.x, data.x_test, source)
        standardize = {"x": data.standardize[""]} if data.standardize else {}
        return replace(data, x=x, x_test=x_test, standardize=standardize)
    parts = {
        name: single(part, f"{source}, input {name!r}")
        for name, part in _one_by_one(arrays, source).items()
    }
    first = next(iter(parts.values()))
    if first.y.ndim == 2 and first.y.dtype.kind == "i":
        raise DataError(
            f"{source}: expected one label per case where a case has several inputs. Received: "
            f"one for each of {first.y.shape[1]} steps."
        )
    return replace(
        first,
        x=Several({name: data.x for name, data in parts.items()}),
        x_test=Several({name: data.x_test for name, data in parts.items()}),
        standardize={
            name: one for name, data in parts.items() for one in data.standardize.values()
        },
        scaling="; ".join(f"{name} {data.scaling}" for name, data in parts.items()),
        scaled=any(data.scaled for data in parts.values()),
    )


def forms(x: Rows | Several) -> dict[str, Any]:
    """Shape of one case, and of its inputs if there are several, as a card has them."""
    if isinstance(x, Rows):
        return {"shape": x.shape[1:]}
    shapes = x.shapes
    return {"shape": shapes["x"] if shapes.get("lengths") == () else (), "inputs": shapes}


def _inputs_of(arrays: Mapping[str, Array]) -> list[str]:
    """Names of several inputs; none where ``x`` is one array."""
    return list(dict.fromkeys(key.partition("/")[2] for key in arrays if _is_input(key)))


def _is_input(key: str) -> bool:
    part, slash, name = key.partition("/")
    return bool(slash and name) and part in PARTS


def _one_by_one(arrays: Mapping[str, Array], source: str) -> dict[str, dict[str, Array]]:
    """Arrays of each of several inputs, by its name, under the usual ``x``, ``y`` and so on.

    Raises:
        DataError: if some input is missing in a part, or is beside an array ``x``.
    """
    names = _inputs_of(arrays)
    said = {f"{what}/{name}" for what in OF_ONE for name in names}
    rest = {key: part for key, part in arrays.items() if not _is_input(key) and key not in said}
    mixed = sorted({*PARTS, *LENGTHS} & {*rest})
    if mixed:
        raise DataError(
            f"{source}: expected inputs by name alone ({_listed(names, 'x/')}). Received: "
            f"{', '.join(mixed)} beside them. Name it too, such as 'x/{mixed[0]}'."
        )
    parts = list(dict.fromkeys(key.partition("/")[0] for key in arrays if _is_input(key)))
    for part in parts:
        missing = [name for name in names if f"{part}/{name}" not in arrays]
        if missing:
            raise DataError(
                f"{source}: expected every input in each part. Received: no "
                f"{_listed(missing, f'{part}/')}."
            )
    return {
        name: {
            **rest,
            **{what: arrays[f"{what}/{name}"] for what in OF_ONE if f"{what}/{name}" in arrays},
            **{part: _at_least_two_axes(arrays[f"{part}/{name}"]) for part in parts},
        }
        for name in names
    }


def _at_least_two_axes(x: Array) -> Array:
    return x[:, None] if x.ndim == 1 else x


def _long(
    arrays: Mapping[str, Array], x: Rows, x_test: Rows, source: str
) -> tuple[Several, Several]:
    """Sequences with their lengths, a whole number from 1 to the number of steps for each."""
    known = "lengths_train" if "x_train" in arrays else "lengths"
    parts = [part for part in ("val", "test") if f"x_{part}" in arrays]
    wanted = [known, *(f"lengths_{part}" for part in parts)]
    found = [name for name in LENGTHS if name in arrays]
    if sorted(found) != sorted(wanted):
        raise DataError(
            f"{source}: expected lengths for every part of the sequences: {', '.join(wanted)}. "
            f"Received: {', '.join(found)}."
        )
    for name in found:
        _check(arrays[name], name, arrays[name.replace("lengths", "x")], source)
    outside = np.concatenate([arrays[name] for name in wanted if name != "lengths_test"])
    inside = arrays.get("lengths_test", outside)
    return _beside(x, outside), _beside(x_test, inside)


def _beside(x: Rows, lengths: Array) -> Several:
    return Several({"x": x, "lengths": Rows(lengths.astype(np.int32), x.index)})


def _check(lengths: Array, name: str, x: Array, source: str) -> None:
    if lengths.dtype.kind not in "iu" or lengths.shape != x.shape[:1]:
        raise DataError(
            f"{source}: expected {name} to hold a whole number for each of the {len(x)} cases. "
            f"Received: {lengths.dtype} of shape {lengths.shape}."
        )
    whole = lengths.astype(np.int64)
    wrong = np.flatnonzero((whole < 1) | (whole > x.shape[1]))
    if len(wrong):
        raise DataError(
            f"{source}: expected {name} from 1 to {x.shape[1]}, the steps of a case. Received: "
            f"{whole[wrong[0]]} for case {wrong[0]}"
            f"{f', and {len(wrong) - 1} more like it' if len(wrong) > 1 else ''}."
        )


def _listed(names: Sequence[str], prefix: str) -> str:
    return ", ".join(f"{prefix}{name}" for name in names)
