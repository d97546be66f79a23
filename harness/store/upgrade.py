"""Upgrades of stores that earlier versions have written."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from harness.errors import StoreError
from harness.identity import canonical, digest
from harness.store import schema, typed

if TYPE_CHECKING:
    from pathlib import Path

_REPLACED = ("attempt", "epoch", "metric")
"""Tables of schema 1 that schema 2 has in another form."""

_OUTCOME = ("reason", "best_epoch", "parameters", "xla", "reused")
_SECONDS = ("build", "compile", "data", "train", "evaluate")

_METRICS = """
    SELECT old.trial, old.value, substr(metric, 1, instr(metric, '@') - 1) AS quantity,
        CASE WHEN metric LIKE '%@best' THEN coalesce(best_epoch, 0) ELSE epochs - 1 END AS epoch
    FROM old_metric AS old JOIN trial ON key = old.trial
    JOIN attempt ON attempt.trial = key AND number = trial.attempt
"""
"""Metrics of schema 1, each with the epoch that its rule means."""


def upgrade(db: sqlite3.Connection) -> None:
    """Bring a store to the current schema, in one transaction.

    Args:
        db: connection without a transaction of its own, in autocommit mode.

    Raises:
        StoreError: if it holds a number that would be lost; nothing is changed.
    """
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("BEGIN IMMEDIATE")
    try:
        _to_2(db)
        db.execute(f"PRAGMA user_version = {schema.SCHEMA}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def copy(db: sqlite3.Connection, file: Path) -> None:
    """Keep a whole copy of a store beside it before it is upgraded.

    Args:
        db: of the store.
        file: for the copy; one that is there, from an upgrade that was cut off, is replaced.
    """
    staged = file.with_name(f".tmp-{file.name}")
    staged.unlink(missing_ok=True)
    with closing(sqlite3.connect(staged)) as target:
        db.backup(target)
    handle = os.open(staged, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    staged.replace(file)


def _to_2(db: sqlite3.Connection) -> None:
    """Turn blobs into columns, and epochs and metrics into facts."""
    for table in _REPLACED:
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
    for statement in schema.statements():
        if statement.split()[2] not in there:
            db.execute(statement)
    _studies(db)
    _attempts(db)
    _facts(db)
    for table in _REPLACED:
        db.execute(f"DROP TABLE old_{table}")


def _studies(db: sqlite3.Connection) -> None:
    """Rename a field of cards; a definition's digest is made of its card too."""
    rows = db.execute("SELECT revision, definition, card, code FROM study").fetchall()
    for revision, definition, text, code in rows:
        card = typed.fields("study", revision, text)
        card["locator"] = card.pop("reference", card.get("locator"))
        study = typed.study(revision, definition).digest()
        db.execute(
            "UPDATE study SET card = ?, digest = ? WHERE revision = ?",
            (canonical(card), digest((study, canonical(card), code)), revision),
        )


def _attempts(db: sqlite3.Connection) -> None:
    told = ", ".join(f"json_extract(outcome, '$.{name}')" for name in _OUTCOME[1:])
    spent = ", ".join(
        f"coalesce(json_extract(outcome, '$.seconds.{part}'), 0)" for part in _SECONDS
    )
    db.execute(
        "INSERT INTO attempt (trial, number, status, workers, environment, epochs, route, reason, "  # noqa: S608, our own names
        f"{', '.join((*_OUTCOME[1:], *_SECONDS))}) SELECT trial, number, status, workers, "
        "environment, (SELECT count(DISTINCT epoch) FROM old_epoch AS epoch JOIN trial "
        "ON key = epoch.trial WHERE key = attempt.trial AND trial.attempt = number), "
        "coalesce(json_extract(outcome, '$.engine'), ''), "
        f"coalesce(json_extract(outcome, '$.reason'), ''), {told}, {spent} "
        "FROM old_attempt AS attempt ORDER BY rowid"
    )
    db.execute(
        "INSERT INTO note SELECT trial, number, note.key, note.value FROM old_attempt, "
        "json_each(outcome, '$.notes') AS note"
    )


def _facts(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO fact SELECT trial, '', epoch, '', quantity, value FROM old_epoch")
    # A reference had metrics, but no epoch to have them in.
    db.execute(
        "UPDATE attempt SET epochs = 1, best_epoch = 0 WHERE epochs = 0 "
        "AND status = 'completed' AND trial IN (SELECT trial FROM old_metric)"
    )
    db.execute(
        "INSERT OR IGNORE INTO fact "  # noqa: S608, our own text
        f"SELECT trial, '', epoch, '', quantity, value FROM ({_METRICS})"
    )
    ((lost,),) = db.execute(
        "SELECT count(*) FROM old_metric AS old WHERE NOT EXISTS (SELECT 1 FROM metric "
        ""
        "WHERE metric.trial = old.trial AND metric.metric = old.metric "
        "AND metric.value = old.value)"
    )
    if lost:
        raise StoreError(
            f"expected metrics that agree with their epochs in a store of schema 1. Received: "
            f"{lost} that do not. Nothing was changed; the version that wrote it can still read it."
        )
