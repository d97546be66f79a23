"""A store that an earlier version has written goes on to say and to hold what it did."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from harness import studyfile
from harness.coordinator import run
from harness.errors import ExitCode
from harness.store import FILE, problems
from reports import frames, tables, verdicts

ASSETS = Path(__file__).parents[1] / "assets"


@pytest.fixture
def old(tmp_path):
    """The folder of a small finished study, as schema 1 had it."""
    folder = tmp_path / "old"
    folder.mkdir()
    with sqlite3.connect(folder / FILE) as db:
        db.executescript((ASSETS / "store-1.sql").read_text())
    db.close()
    return folder


def test_it_says_what_it_said(old, tmp_path):
    """Every number and word of the verdict table, the failures of an arm included."""
    results = frames.read(old)
    table = tables.verdict_table(results, verdicts.judge(results))
    table.to_csv(tmp_path / "found.csv", index=False)
    found, said = (pd.read_csv(file) for file in (tmp_path / "found.csv", ASSETS / "store-1.csv"))
    pd.testing.assert_frame_equal(found, said, rtol=1e-9)
    assert len(results.trials) == 30
    assert len(results.epochs) == 20 * 2
    assert problems(old) == []


def test_nothing_of_it_is_trained_again(old):
    """Its study finds every trial under the key that it has today."""
    study = studyfile.load(ASSETS / "store-1.toml")
    ended = run(study, root=old.parent, workers=0, mixed_environment=True)
    assert ended.exit_code == ExitCode.DONE
    assert (ended.trained, ended.reused, ended.changed) == (0, 30, ())
