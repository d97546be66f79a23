"""A store that an earlier version has written goes on to say and to hold what it did."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from harness import studyfile
from harness.coordinator import run
from harness.errors import ExitCode, StoreError
from harness.store import FILE, SCHEMA, Store, problems, upgrade
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


def rows(file, table):
    """All rows of a table of a file."""
    with closing(sqlite3.connect(file)) as db:
        return sorted(db.execute(f"SELECT * FROM {table}").fetchall())


def test_looking_at_it_changes_nothing(old):
    """A report can be made of results that may only be read."""
    before = (old / FILE).read_bytes()
    frames.read(old)
    assert (old / FILE).read_bytes() == before
    assert sorted(file.name for file in old.iterdir()) == [FILE]


def test_writing_to_it_upgrades_it_after_a_copy(old):
    """Every metric and every epoch is there under its name, and the copy is what it was."""
    metrics, epochs = rows(old / FILE, "metric"), rows(old / FILE, "epoch")
    Store(old).close()
    copy = old / f"{FILE}.schema-1"
    assert rows(copy, "metric") == metrics
    assert rows(copy, "pragma_user_version") == [(1,)]
    assert rows(old / FILE, "pragma_user_version") == [(SCHEMA,)]
    assert rows(old / FILE, "metric") == metrics
    assert {*rows(old / FILE, "fact")} >= {
        (key, "", epoch, "", quantity, value) for key, epoch, quantity, value in epochs
    }
    assert problems(old) == []
    copy.unlink()
    Store(old).close()
    assert not copy.exists(), "an upgraded store is upgraded no more"


class CutError(Exception):
    """The end of a process, as far as SQLite can tell."""


class Cutting(sqlite3.Connection):
    """A connection whose n-th statement does not happen."""

    left = 0

    def execute(self, *arguments):
        """Count down to the end."""
        self.left -= 1
        if not self.left:
            raise CutError
        return super().execute(*arguments)


def cut(file, moment):
    """Upgrade a file; true if the end came before it was done."""
    with closing(sqlite3.connect(file, isolation_level=None, factory=Cutting)) as db:
        db.left = moment
        try:
            upgrade.upgrade(db)
        except CutError:
            return True
        return False


def test_an_upgrade_is_all_or_nothing(old):
    """Cut off after any of its statements it has not happened, and happens the next time."""
    file, metrics, moment = old / FILE, rows(old / FILE, "metric"), 1
    while cut(file, moment):
        assert rows(file, "pragma_user_version") == [(1,)]
        assert rows(file, "metric") == metrics
        moment += 1
    assert moment > 20
    assert rows(file, "pragma_user_version") == [(SCHEMA,)]
    assert rows(file, "metric") == metrics


def test_a_number_that_would_be_lost_is_told(old):
    """A metric that is not the one of its epoch has no place; nothing is changed."""
    with closing(sqlite3.connect(old / FILE)) as db:
        db.execute("UPDATE metric SET value = value + 1 WHERE metric = 'val/loss@best'")
        db.commit()
    before = rows(old / FILE, "metric")
    for act in (Store, problems, frames.read):
        with pytest.raises(StoreError, match="metrics that agree with their epochs"):
            act(old)
    assert rows(old / FILE, "metric") == before
    assert rows(old / FILE, "pragma_user_version") == [(1,)]
    assert not (old / f"{FILE}.schema-1").exists()


def test_nothing_of_it_is_trained_again(old):
    """Its study finds every trial under the key that it has today."""
    study = studyfile.load(ASSETS / "store-1.toml")
    ended = run(study, root=old.parent, workers=0, mixed_environment=True)
    assert ended.exit_code == ExitCode.DONE
    assert (ended.trained, ended.reused, ended.changed) == (0, 30, ())
