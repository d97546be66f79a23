"""Checks that a store is whole: its file, its keys, its outcomes and its definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import objects
from harness.errors import StoreError
from harness.identity import digest
from harness.store import typed
from harness.store.reader import opened

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


def problems(folder: Path) -> list[str]:
    """List the damage found in a store, a sentence each; empty if it is whole.

    Raises:
        StoreError: if there is no store in the folder, or its file cannot be read at all.
    """
    with opened(folder) as db:
        db.execute("BEGIN")  # one moment of a study that may be running
        found = list(_file(db))
        # Where the file itself is damaged, what it holds tells nothing.
        return found or [
            *_rows(db),
            *_studies(db),
            *_trials(db),
            *_outcomes(db),
            *_artifacts(db, folder),
        ]


def _artifacts(db: sqlite3.Connection, folder: Path) -> Iterator[str]:
    """Files of trials that are gone or have another content than they are named by."""
    for key, kind, content in db.execute("SELECT trial, kind, digest FROM artifact"):
        if not objects.is_whole(folder, content):
            again = ", and trains it again where they are needed" if kind == "weights" else ""
            named = "excerpts of test cases" if kind == "seen" else kind
            yield (
                f"The {named} of trial {key[:8]} are not in {objects.place(folder, content)}, or "
                f"damaged. `run` goes on without them{again}."
            )


def _file(db: sqlite3.Connection) -> Iterator[str]:
    for (said,) in db.execute("PRAGMA quick_check(10)"):
        if said != "ok":
            yield f"The file is damaged: {said}."
    for table, _, parent, _ in db.execute("PRAGMA foreign_key_check"):
        yield f"A row of table {table!r} names what table {parent!r} does not hold."


def _rows(db: sqlite3.Connection) -> Iterator[str]:
    """The first row with values that no version writes."""
    try:
        typed.check(db)
        typed.check_facts(db)
    except StoreError as error:
        yield str(error)


def _studies(db: sqlite3.Connection) -> Iterator[str]:
    """Definitions whose content does not match their digest."""
    rows = db.execute("SELECT revision, digest, definition, card, code FROM study")
    for revision, token, text, card, code in rows:
        try:
            whole = digest((typed.study(revision, text).digest(), card, code)) == token
        except StoreError:
            whole = False
        if not whole:
            yield f"Revision {revision} of the study is not the one that its digest was made of."


def _trials(db: sqlite3.Connection) -> Iterator[str]:
    """Trials whose content does not match their key."""
    for key, text in db.execute("SELECT key, definition FROM trial"):
        try:
            typed.trial(key, text)
        except StoreError:
            yield f"Trial {key[:8]} is not the one that its key was made of."


def _outcomes(db: sqlite3.Connection) -> Iterator[str]:
    """Trials that count as finished without the outcome of their last attempt."""
    rows = db.execute(
        "SELECT key, trial.status FROM trial "
        "LEFT JOIN attempt ON attempt.trial = key AND attempt.number = trial.attempt "
        "WHERE trial.status IN ('completed', 'diverged') AND (attempt.status IS NOT trial.status "
        "OR epochs <> (SELECT count(DISTINCT epoch) FROM fact WHERE fact.trial = key "
        "AND stage = '' AND layer = '') OR (trial.status = 'completed' "
        "AND NOT EXISTS (SELECT 1 FROM metric WHERE metric.trial = key)))"
    )
    for key, status in rows:
        yield f"Trial {key[:8]} counts as {status}, but its outcome is not there."
