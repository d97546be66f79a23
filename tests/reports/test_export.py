"""Tests of exported tables."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DiskError
from reports import export

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\t=1", "\r=1"])
def test_formulas_are_disarmed(text: str) -> None:
    """Text that a spreadsheet would run gets an apostrophe, in cells and in headers."""
    content = export.csv(pd.DataFrame({text: [text]}))
    rows = list(csv.reader(io.StringIO(content, newline="")))
    safe = "'" + text.replace("\r", "\n")
    assert rows == [[safe], [safe]]


def test_numbers_stay_numbers() -> None:
    """Negative numbers, and levels that are numbers, are not touched; missing is empty."""
    frame = pd.DataFrame({"difference": [-0.5, None], "level": ["-1e-05", "+3"], "n": [1, 2]})
    assert export.csv(frame) == "difference,level,n\n-0.5,-1e-05,1\n,+3,2\n"


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_survive_the_round_trip(values: list[float]) -> None:
    """Full precision is written."""
    content = export.csv(pd.DataFrame({"x": values}))
    assert [float(line) for line in content.splitlines()[1:]] == values


def test_files_are_named_after_tables(tmp_path: Path) -> None:
    """One file per table, and nothing else is left behind."""
    written = export.write({"a": pd.DataFrame({"x": [1]}), "b": pd.DataFrame({"y": []})}, tmp_path)
    assert [file.name for file in written] == ["a.csv", "b.csv"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "b.csv"]
    assert written[0].read_bytes() == b"x\n1\n"


def test_a_refusing_disk_is_an_error_of_ours(tmp_path: Path) -> None:
    """A folder that cannot be made ends in a DiskError, not in a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"a\.csv could not be written"):
        export.write({"a": pd.DataFrame({"x": [1]})}, tmp_path / "file" / "folder")
