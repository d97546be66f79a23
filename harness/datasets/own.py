"""A user's data in other forms than arrays: named columns, folders of images, a function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import spec, usercode
from harness.datasets import named, pictures, tables
from harness.errors import DataError, HarnessError, StudyError
from harness.spec import Columns, Images
from harness.targets import names_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from harness.spec import Whole

    Arrays = Mapping[str, NDArray[np.generic]]


def is_own(source: Whole, folders: Sequence[Path]) -> bool:
    """True if this module has to read the data before it can be trained on."""
    if not isinstance(source, str):
        return not isinstance(source, spec.Arrays) or names_code(source.file)
    return names_code(source) or bool(_folder(source, folders))


def needs_code(source: Whole) -> bool:
    """True if reading the data runs a function of the user's."""
    name = source.file if isinstance(source, spec.Arrays) else source
    return isinstance(name, str) and names_code(name)


def read(source: Whole, folders: Sequence[Path]) -> Arrays:
    """The arrays behind a user's data, with a test split.

    Args:
        source: columns of a file, a folder of images, or ``module:function``, which is called.
        folders: folders to search for relative names, in order.

    Raises:
        DataError: if it is not what it should be, naming file, column or row.
    """
    if isinstance(source, Columns):
        test = _found(source.test, folders) if source.test else None
        return tables.read(source, _found(source.file, folders), test)
    if isinstance(source, Images):
        return pictures.read(source, _found(source.folder, folders))
    assert isinstance(source, str)
    if names_code(source):
        return _called(source, folders)
    folder = _folder(source, folders)
    assert folder
    return pictures.read(Images(folder=source), folder)


def _folder(name: str, folders: Sequence[Path]) -> Path | None:
    places = (place / name for place in (*folders, Path()))
    return next((place for place in places if name and place.is_dir()), None)


def _found(name: str, folders: Sequence[Path]) -> Path:
    for place in (folder / name for folder in (*folders, Path())):
        if place.exists():
            return place
    raise DataError(
        f"expected a file or folder. Received: {name!r}, which is in none of: "
        f"{', '.join(map(str, folders))}.",
        key="dataset",
    )


# -- a function ----------------------------------------------------------------------------------


def check_function(target: str, folders: Sequence[Path]) -> None:
    """Make sure that a function exists and needs no arguments, without running it.

    Raises:
        StudyError: if not.
    """
    try:
        taken = usercode.signature(target, folders, 0)
    except StudyError as error:
        raise StudyError(error.message, key="dataset") from None
    if taken.required:
        raise StudyError(
            f"expected a function without required arguments. Received: {target!r}, which "
            f"needs {', '.join(sorted(taken.required))}.",
            key="dataset",
        )


def _called(target: str, folders: Sequence[Path]) -> Arrays:
    check_function(target, folders)
    try:
        with usercode.contained():
            given = usercode.load(target, folders)()
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        raise DataError(f"{target} raised {type(error).__name__}: {error}") from error
    arrays = _named(given)
    if arrays is None:
        raise DataError(
            f"expected {target} to return x and y, (x, y) and (x_test, y_test), perhaps with "
            "(x_val, y_val) between them, or a dictionary of arrays with those names. "
            f"Received: {type(given).__name__}."
        )
    return arrays


def _named(given: Any) -> Arrays | None:
    """Arrays by name, from the forms in which they are commonly returned."""
    if isinstance(given, dict):
        return named.flat(given)
    if not isinstance(given, list | tuple) or len(given) not in {2, 3}:
        return None
    if all(isinstance(part, list | tuple) and len(part) == 2 for part in given):
        parts = ("train", "test") if len(given) == 2 else ("train", "val", "test")
        return named.flat(
            {
                f"{axis}_{part}": array
                for part, pair in zip(parts, given, strict=True)
                for axis, array in zip("xy", pair, strict=True)
            }
        )
    if len(given) != 2:
        return None
    return named.flat({"x": given[0], "y": given[1]})
