"""Rows of a table file, with texts unchanged and notes on anything odd about the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FORMS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def rows(file: Path, decimal: str) -> tuple[Any, list[str]]:
    """Read a table with pandas, with notes on the reading.

    Args:
        file: in one of ``FORMS``.
        decimal: decimal sign; with a comma, numbers are read as texts.

    Raises:
        DataError: if it cannot be read, or two columns have one name.
    """
    import pandas as pd

    notes: list[str] = []
    name = file.name.lower()
    if not name.endswith(FORMS):
        raise DataError(f"expected a file that ends in {', '.join(FORMS)}.")
    try:
        if name.endswith(".parquet"):
            table = pd.read_parquet(file)
        else:
            table, notes = _text(file, decimal)
    except ImportError:
        raise DataError(
            "Parquet files need pyarrow: pip install 'keras-harness[parquet]'."
        ) from None
    except DataError:
        raise
    except (OSError, EOFError, ValueError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise DataError(f"cannot be read as a table: {said}.") from None
    if not len(table):
        raise DataError("expected rows below the names of the columns. Received: none.")
    table.columns = [*map(str, table.columns)]
    return table, notes


def _text(file: Path, decimal: str) -> tuple[Any, list[str]]:
    import pandas as pd

    options: dict[str, Any] = {
        "skipinitialspace": True,
        "keep_default_na": False,
        "low_memory": False,
        "encoding": "utf-8-sig",
        # With a decimal comma, what looks like a number to pandas may be another one.
        "dtype": str if decimal == "," else None,
    }
    notes = []
    separator = "\t" if ".tsv" in file.name.lower() else ","
    header = pd.read_csv(file, sep=separator, header=None, nrows=1, **options | {"dtype": str})
    if header.shape[1] == 1 and (other := _separator(header.iloc[0, 0])):
        separator = other
        header = pd.read_csv(file, sep=separator, header=None, nrows=1, **options | {"dtype": str})
        notes.append(f"columns are separated by {_SEPARATORS[other]}")
    names = [name.strip() for name in header.iloc[0] if name.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"expected columns with different names. Received: {twice[0]!r} twice.")
    table = pd.read_csv(file, sep=separator, **options)
    first = pd.read_csv(file, sep=separator, header=None, skiprows=1, nrows=1, **options)
    if first.shape[1] > header.shape[1]:
        if table.iloc[:, -1].astype(str).isin(["", "nan"]).all():
            names = table.columns  # one place too far to the right
            table = table.reset_index().iloc[:, :-1].set_axis(names, axis=1)
            notes.append("its rows end in a separator too many, which is ignored")
        else:
            notes.append("its first column, which has no name, is no input")
            table = table.reset_index(drop=True)
    table.columns = [str(name).strip() for name in table.columns]
    return table, notes


def _separator(header: str) -> str:
    return next((mark for mark in _SEPARATORS if mark in header), "")


def with_tests(
    table: Any, file: Path, decimal: str, names: Sequence[str]
) -> tuple[Any, NDArray[np.bool_]]:
    """Join a table with one of test cases, and mark the rows of the latter.

    Args:
        table: the first.
        file: the second.
        decimal: decimal sign, as for ``rows``.
        names: columns that both must have.

    Raises:
        DataError: if the second cannot be read, is empty or lacks a column.
    """
    import pandas as pd

    more, _ = rows(file, decimal)
    missing = [name for name in names if name not in more.columns]
    if missing or not len(more):
        raise DataError(
            f"expected rows in {file.name}, with the same columns as in the first file. "
            f"Received: {f'no {missing[0]!r}' if missing else 'no row'}."
        )
    both = [name for name in table.columns if name in more.columns]
    joined = {name: _joined(table[name], more[name]) for name in both}
    return pd.DataFrame(joined), np.arange(len(table) + len(more)) >= len(table)


def _joined(one: Any, other: Any) -> Any:
    """Join two columns, as text where their types differ."""
    import pandas as pd

    numeric = all(map(pd.api.types.is_numeric_dtype, (one.dtype, other.dtype)))
    if one.dtype != other.dtype and not numeric:
        one, other = one.astype(object), other.astype(object)
    return pd.concat([one, other], ignore_index=True)
