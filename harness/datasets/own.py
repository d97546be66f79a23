"""A user's data in other forms than arrays: named columns, folders of images, a function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import usercode
from harness.datasets import named
from harness.datasets.arrays import from_arrays, scaled
from harness.datasets.splits import test_mask
from harness.errors import DataError, StudyError, nearest
from harness.spec import Columns, Images, names_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.spec import Source

    Arrays = Mapping[str, NDArray[np.generic]]

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
WORDS = 50
"""Different words that an input column may have; each becomes a column of zeros and ones."""


def is_own(source: Source, folders: Sequence[Path]) -> bool:
    """Whether data has to be read by this module before it can be trained on."""
    if not isinstance(source, str):
        return True
    return names_code(source) or bool(_folder(source, folders))


def needs_code(source: Source) -> bool:
    """Whether reading data runs a function of the user's."""
    return isinstance(source, str) and names_code(source)


def read(source: Source, folders: Sequence[Path]) -> Arrays:
    """The arrays behind a user's data, with a test split.

    Args:
        source: columns of a file, a folder of images, or ``module:function``, which is called.
        folders: where relative names are looked for, in order.

    Raises:
        DataError: if it is not what it should be, naming file, column or row.
    """
    if isinstance(source, Columns):
        return _columns(source, _found(source.file, folders))
    if isinstance(source, Images):
        return _images(source, _found(source.folder, folders))
    assert isinstance(source, str)
    if names_code(source):
        return _called(source, folders)
    folder = _folder(source, folders)
    assert folder
    return _images(Images(folder=source), folder)


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


def check_function(reference: str, folders: Sequence[Path]) -> None:
    """Make sure that a function exists and needs no arguments, without running it.

    Raises:
        StudyError: if not.
    """
    try:
        taken = usercode.signature(reference, folders, 0)
    except StudyError as error:
        raise StudyError(error.message, key="dataset") from None
    if taken.required:
        raise StudyError(
            f"expected a function without required arguments. Received: {reference!r}, which "
            f"needs {', '.join(sorted(taken.required))}.",
            key="dataset",
        )


def _called(reference: str, folders: Sequence[Path]) -> Arrays:
    check_function(reference, folders)
    function = usercode.load(reference, folders)
    try:
        given = function()
    except Exception as error:
        raise DataError(f"{reference} raised {type(error).__name__}: {error}") from error
    arrays = _named(given)
    if arrays is None:
        raise DataError(
            f"expected {reference} to return x and y, (x, y) and (x_test, y_test), or a dictionary "
            f"of arrays with those names. Received: {type(given).__name__}."
        )
    from_arrays(arrays, reference)
    return arrays


def _named(given: Any) -> Arrays | None:
    """Arrays by name, from the forms in which they are commonly returned."""
    if isinstance(given, dict):
        return named.flat(given)
    if not isinstance(given, list | tuple) or len(given) != 2:
        return None
    if all(isinstance(part, list | tuple) and len(part) == 2 for part in given):
        (x, y), (x_test, y_test) = given
        return named.flat({"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test})
    return named.flat({"x": given[0], "y": given[1]})


# -- columns -------------------------------------------------------------------------------------


def _columns(source: Columns, file: Path) -> Arrays:
    """Inputs and targets from named columns, numbers standardized over all but the test cases."""
    table = _table(file)
    targets = [source.target] if isinstance(source.target, str) else list(source.target)
    inputs = list(source.inputs) or [name for name in table.columns if name not in targets]
    for name in (*targets, *inputs):
        if name not in table.columns:
            raise DataError(
                f"expected a column of {file.name}. Received: {name!r}. "
                f"{nearest(name, list(map(str, table.columns)))}",
                key="dataset",
            )
    if set(inputs) & set(targets) or not inputs:
        raise DataError(
            f"expected input columns, the target not among them. Received: {', '.join(inputs)}.",
            key="dataset",
        )
    for name in (*targets, *inputs):
        _complete(table[name], name, file)
    y = _target(table, targets, source, file)
    parts = [part for name in inputs for part in _input(table[name], name, file)]
    x = np.stack([numbers for numbers, _ in parts], axis=1).astype(np.float64)
    numeric = np.array([number for _, number in parts])
    test = test_mask(y)
    if source.standardize:
        _standardize(x, test, numeric)
        if y.dtype.kind == "f":
            _standardize(y, test, np.ones(y.shape[1], dtype=bool))
    arrays = {
        "x_train": x[~test].astype(np.float32),
        "y_train": y[~test],
        "x_test": x[test].astype(np.float32),
        "y_test": y[test],
    }
    from_arrays(arrays, file.name)
    return arrays


def _table(file: Path) -> Any:
    import pandas as pd

    name = file.name.lower()
    if not name.endswith(TABLES):
        raise DataError(
            f"expected a file that ends in {', '.join(TABLES)}. Received: {file.name!r}.",
            key="dataset",
        )
    try:
        if name.endswith(".parquet"):
            return _without_nullable(pd.read_parquet(file))
        return pd.read_csv(file, sep="\t" if ".tsv" in name else ",", skipinitialspace=True)
    except ImportError:
        raise DataError(
            f"{file.name}: Parquet files need pyarrow: pip install 'keras-harness[parquet]'."
        ) from None
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{file.name} cannot be read as a table: {error}.") from None


def _without_nullable(table: Any) -> Any:
    """Numbers in NumPy's types; where some are missing, they are so as NaN."""
    import pandas as pd

    for name, dtype in table.dtypes.items():
        if not isinstance(dtype, np.dtype) and pd.api.types.is_numeric_dtype(dtype):
            missing = table[name].isna().any()
            table[name] = table[name].astype("float64" if missing else dtype.numpy_dtype)
    return table


def _complete(column: Any, name: str, file: Path) -> None:
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise DataError(
            f"{file.name}: expected a value in every row of column {name!r}. Received: "
            f"{len(missing)} without one, the first in row {missing[0] + 1}. Fill or drop them.",
            key="dataset",
        )


def _target(table: Any, names: Sequence[str], source: Columns, file: Path) -> NDArray[np.generic]:
    """Classes, numbered in the order of their values, or real numbers."""
    column = table[names[0]]
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else "O"
    classes = source.task == "classification" or (not source.task and kind in "biuO")
    if len(names) > 1 or not classes:
        for name in names:
            _numeric(table[name], name, file)
        return np.array(table[[*names]].to_numpy(np.float64))  # of our own, to be scaled
    values, labels = np.unique(column.astype(str) if kind == "O" else column, return_inverse=True)
    if len(values) > len(column) / 2:
        raise DataError(
            f"{file.name}: expected classes with several cases each in column {names[0]!r}. "
            f"Received: {len(values)} different values in {len(column)} rows. To predict a number "
            "set task = 'regression'.",
            key="dataset",
        )
    return labels.astype(np.int32)


def _numeric(column: Any, name: str, file: Path) -> None:
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "biuf":
        raise DataError(
            f"{file.name}: expected numbers in column {name!r}. Received: {column.iloc[0]!r}.",
            key="dataset",
        )


def _input(column: Any, name: str, file: Path) -> Iterator[tuple[NDArray[np.floating], bool]]:
    """A column of numbers, or one of zeros and ones for each of its words."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        yield column.to_numpy(np.float64), True
        return
    words = column.astype(str)
    known = sorted(set(words))
    if len(known) > WORDS:
        raise DataError(
            f"{file.name}: expected numbers or at most {WORDS} different words in column {name!r}. "
            f"Received: {len(known)}, such as {known[0]!r}. Leave it out of 'inputs'.",
            key="dataset",
        )
    for word in known:
        yield (words == word).to_numpy(np.float64), False


def _standardize(
    numbers: NDArray[Any], test: NDArray[np.bool_], columns: NDArray[np.bool_]
) -> None:
    """Shift and scale some columns in place, by what is not in the test split."""
    known, unknown = scaled(numbers[np.ix_(~test, columns)], numbers[np.ix_(test, columns)])
    numbers[np.ix_(~test, columns)], numbers[np.ix_(test, columns)] = known, unknown


# -- images --------------------------------------------------------------------------------------


def _images(source: Images, folder: Path) -> Arrays:
    """One class per folder, in the order of their names; perhaps below ``train`` and ``test``."""
    if not folder.is_dir():
        raise DataError(f"expected a folder of images. Received: {folder}.", key="dataset")
    parts = [folder / "train", folder / "test"]
    if not all(part.is_dir() for part in parts):
        x, y = _classes(source, folder, _names(folder))
        return {"x": x, "y": y}
    names = _names(parts[0])
    if _names(parts[1]) != names:
        raise DataError(
            f"expected the classes of {parts[0]} in {parts[1]} too ({', '.join(names)}). "
            f"Received: {', '.join(_names(parts[1])) or 'none'}.",
            key="dataset",
        )
    (x, y), (x_test, y_test) = (_classes(source, part, names) for part in parts)
    return {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}


def _names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.is_dir() and one.name[0] != ".")


def _classes(
    source: Images, folder: Path, names: Sequence[str]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    files = {name: _pictures(folder / name) for name in names}
    empty = [name for name in names if not files[name]]
    if len(names) < 2 or empty:
        what = f"no image in {empty[0]!r}" if empty else f"{len(names)} folders"
        raise DataError(
            f"expected a folder of images for each of at least 2 classes in {folder}. "
            f"Received: {what}.",
            key="dataset",
        )
    images = [_picture(file, source) for name in names for file in files[name]]
    gray = source.gray or all(image.ndim == 2 for image in images)
    images = [image if gray or image.ndim == 3 else np.stack([image] * 3, -1) for image in images]
    first = images[0].shape
    flat = [file for name in names for file in files[name]]
    for file, image in zip(flat, images, strict=True):
        if image.shape != first:
            raise DataError(
                f"expected images of one size, such as {first[1]}x{first[0]}. Received: "
                f"{file.name} of {image.shape[1]}x{image.shape[0]}. Name a size in the study: "
                f"dataset = {{ folder = {source.folder!r}, size = [{first[0]}, {first[1]}] }}.",
                key="dataset",
            )
    labels = np.repeat(np.arange(len(names)), [len(files[name]) for name in names])
    return np.stack(images), labels.astype(np.int32)


def _pictures(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)


def _picture(file: Path, source: Images) -> NDArray[np.uint8]:
    """An image as (height, width) if it is grey, else with three channels."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as opened:
            gray = source.gray or opened.mode in {"1", "L"}
            made = opened.convert("L" if gray else "RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} cannot be read as an image: {error}.", key="dataset") from None
    if source.size:
        made = made.resize((source.size[1], source.size[0]), Image.Resampling.BILINEAR)
    return np.asarray(made)
