"""The tables of a store, and the version of their layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import StoreError

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

SCHEMA = 1
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
    environment TEXT NOT NULL REFERENCES environment,
    workers INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (trial, number)
) STRICT;
CREATE TABLE epoch (
    trial TEXT NOT NULL REFERENCES trial,
    epoch INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (trial, epoch, quantity)
) STRICT, WITHOUT ROWID;
CREATE TABLE metric (
    trial TEXT NOT NULL REFERENCES trial,
    metric TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (trial, metric)
) STRICT, WITHOUT ROWID;
"""


def check(db: sqlite3.Connection, folder: Path) -> None:
    """Refuse a file that is no store, or one of a newer layout.

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
