"""Tables as files that other programs read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from harness.errors import DiskError
from harness.objects import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def csv(table: pd.DataFrame) -> str:
    """A table as CSV: full precision, empty where there is no value.

    Text that a spreadsheet would run as a formula is disarmed by a leading apostrophe; numbers
    stay numbers.

    Example:
        >>> print(csv(pd.DataFrame({"arm": ["=1+1", "relu"], "difference": [-0.5, 0.1]})), end="")
        arm,difference
        '=1+1,-0.5
        relu,0.1
    """
    safe = table.copy()
    safe.columns = pd.Index([_disarmed(name) for name in table.columns])
    for index in range(safe.shape[1]):
        if not pd.api.types.is_numeric_dtype(safe.dtypes.iloc[index]):
            safe.isetitem(index, safe.iloc[:, index].map(_disarmed, na_action="ignore"))
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


def write(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    """Write one CSV file per table, each wholly or not at all.

    Args:
        tables: by name; the file is called ``<name>.csv``.
        folder: made when it does not exist.

    Raises:
        DiskError: if the disk refuses.
    """
    written = []
    for name, table in tables.items():
        file = folder / f"{name}.csv"
        written.append(keep(csv(table).encode(), file))
    return written


def keep(content: bytes, file: Path) -> Path:
    """Write a file wholly or not at all.

    Raises:
        DiskError: if the disk refuses.
    """
    try:
        write_atomic(file, lambda stream: stream.write(content))
    except OSError as error:
        raise DiskError(f"{file.name} could not be written: {error}.") from error
    return file


def _disarmed(value: object) -> object:
    """Text that no spreadsheet runs as a formula or spreads over cells."""
    if not isinstance(value, str):
        return value
    armed = value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)
    # The writer quotes line feeds, but not carriage returns, which also end a row for many.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if armed else text
