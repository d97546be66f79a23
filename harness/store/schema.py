"""The tables of a store, and the version of their layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import StoreError

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

SCHEMA = 2
FILE = "study.db"

TABLES = """
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    trial TEXT,
    attempt INTEGER,
    payload TEXT NOT NULL
) STRICT;
CREATE TABLE study (
    revision INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    definition TEXT NOT NULL,
    metric TEXT NOT NULL,
    card TEXT NOT NULL,
    code TEXT NOT NULL
) STRICT;
CREATE TABLE environment (
    digest TEXT PRIMARY KEY,
    content TEXT NOT NULL
) STRICT;
CREATE TABLE proposal (
    digest TEXT PRIMARY KEY,
    candidates TEXT NOT NULL
) STRICT;
CREATE TABLE trial (
    key TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL
) STRICT;
CREATE TABLE need (
    trial TEXT NOT NULL REFERENCES trial,
    needed TEXT NOT NULL REFERENCES trial,
    PRIMARY KEY (trial, needed)
) STRICT, WITHOUT ROWID;
CREATE TABLE member (
    revision INTEGER NOT NULL REFERENCES study,
    arm INTEGER NOT NULL,
    phase TEXT NOT NULL,
    candidate INTEGER NOT NULL,
    replicate INTEGER NOT NULL,
    hyperparameters TEXT NOT NULL,
    trial TEXT NOT NULL REFERENCES trial,
    PRIMARY KEY (revision, arm, phase, candidate, replicate)
) STRICT;
CREATE INDEX member_trial ON member (trial);
CREATE TABLE attempt (
    trial TEXT NOT NULL REFERENCES trial,
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    workers INTEGER NOT NULL,
    environment TEXT REFERENCES environment,
    reason TEXT NOT NULL DEFAULT '',
    epochs INTEGER NOT NULL DEFAULT 0,
    best_epoch INTEGER,
    parameters INTEGER,
    route TEXT NOT NULL DEFAULT '',
    xla INTEGER,
    reused INTEGER,
    build REAL NOT NULL DEFAULT 0,
    compile REAL NOT NULL DEFAULT 0,
    data REAL NOT NULL DEFAULT 0,
    train REAL NOT NULL DEFAULT 0,
    evaluate REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (trial, number)
) STRICT;
CREATE TABLE wanted (
    trial TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    metric TEXT NOT NULL,
    PRIMARY KEY (trial, attempt, metric),
    FOREIGN KEY (trial, attempt) REFERENCES attempt
) STRICT, WITHOUT ROWID;
CREATE TABLE note (
    trial TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    place INTEGER NOT NULL,
    sentence TEXT NOT NULL,
    PRIMARY KEY (trial, attempt, place),
    FOREIGN KEY (trial, attempt) REFERENCES attempt
) STRICT, WITHOUT ROWID;
CREATE TABLE fact (
    trial TEXT NOT NULL REFERENCES trial,
    stage TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    layer TEXT NOT NULL,
    quantity TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (trial, stage, layer, epoch, quantity)
) STRICT, WITHOUT ROWID;
CREATE TABLE artifact (
    trial TEXT NOT NULL REFERENCES trial,
    stage TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (trial, stage, epoch, kind)
) STRICT, WITHOUT ROWID;
CREATE VIEW metric AS
    SELECT fact.trial AS trial, quantity || '@best' AS metric, value
    FROM fact JOIN trial ON key = fact.trial AND trial.status = 'completed'
    JOIN attempt ON attempt.trial = key AND number = trial.attempt
    WHERE stage = '' AND epoch = coalesce(best_epoch, 0) AND layer = ''
    UNION ALL
    SELECT fact.trial AS trial, quantity || '@last' AS metric, value
    FROM fact JOIN trial ON key = fact.trial AND trial.status = 'completed'
    JOIN attempt ON attempt.trial = key AND number = trial.attempt
    WHERE stage = '' AND epoch = epochs - 1 AND layer = '';
"""
"""Tables of a store.

A fact is one number: the stage that is judged has no name, nor has the network as a whole among
its layers. Epochs count from 0, in each stage anew; ``attempt.epochs`` are those of the judged
stage. An attempt's ``build`` to ``evaluate`` are seconds. A metric is a view: the facts of the best
and of the last epoch of a completed trial.
"""


def statements() -> list[str]:
    """The statements that make all tables, one by one."""
    return [one.strip() for one in TABLES.split(";") if one.strip()]


def check(db: sqlite3.Connection, folder: Path) -> int:
    """Refuse a file that is no store, or one of a newer layout; return the version of its own.

    Raises:
        StoreError: naming both versions.
    """
    (found,) = db.execute("PRAGMA user_version").fetchone()
    if found < 1:
        raise StoreError(f"{folder / FILE} is no store of keras-harness; nothing was changed.")
    if found > SCHEMA:
        raise StoreError(
            f"expected a store of schema {SCHEMA} or older in {str(folder)!r}. Received: schema "
            f"{found}, written by a newer keras-harness. Upgrade to read it; nothing was changed."
        )
    return int(found)
