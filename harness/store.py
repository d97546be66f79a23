"""The store: a folder with one SQLite file, written by one process at a time.

A study's store is all that training and reporting both know. Events are only ever appended;
``trial`` and ``attempt`` are projections of them, written in the same transaction, so a trial
is there with all its epochs and metrics, or not at all. The number of an attempt is a fencing
token: a result that carries an old one is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from harness.errors import BusyError, DiskError, StoreError
from harness.identity import canonical, digest
from harness.records import FINAL, Environment, Member, Outcome, Result
from harness.spec import Study, Trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

SCHEMA = 1
FILE = "study.db"

_TABLES = """
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
    card TEXT NOT NULL
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


def exists(folder: Path) -> bool:
    """Whether a folder holds a store."""
    return (folder / FILE).is_file()


class Store:
    """The one writer of a study's results. Use as a context manager.

    Args:
        folder: of the study, such as ``results/quickstart``; made when it does not exist.

    Raises:
        BusyError: if another process is writing to it.
        StoreError: if the file is no store, or one of a newer schema.
        DiskError: if the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        """Take the lock, then open or create the file."""
        self.folder = folder
        with _disk(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _lock(folder)
        try:
            self._db = _open(folder)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        """The open store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it and let the next process in."""
        self.close()

    def close(self) -> None:
        """Close the file and release the lock."""
        self._db.close()
        self._lock.close()

    def revise(self, study: Study, metric: str, card: dict[str, Any]) -> int:
        """Make this the current definition of the study; its revision number.

        A definition that is already current keeps its revision, and its members.
        """
        last = self._db.execute(
            "SELECT revision, digest FROM study ORDER BY revision DESC LIMIT 1"
        ).fetchone()
        content = (study.digest(), canonical(card))
        token = digest(content)
        if last and last[1] == token:
            return int(last[0])
        revision = int(last[0]) + 1 if last else 1
        definition = canonical(study.model_dump(mode="json", by_alias=True))
        with self._write() as db:
            db.execute(
                "INSERT INTO study VALUES (?, ?, ?, ?, ?)",
                (revision, token, definition, metric, content[1]),
            )
            self._event("study revised", {"revision": revision})
        return revision

    def remember(self, environment: Environment) -> str:
        """Record an environment; its digest."""
        content = environment.model_dump(mode="json")
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO environment VALUES (?, ?)",
                (digest(content), canonical(content)),
            )
        return digest(content)

    def environments(self) -> list[Environment]:
        """The environments of all attempts that produced a result."""
        rows = self._db.execute(
            "SELECT content FROM environment WHERE digest IN "
            "(SELECT environment FROM attempt WHERE status IN ('completed', 'diverged'))"
        )
        return [Environment.model_validate_json(row[0]) for row in rows]

    def enrol(
        self, revision: int, arm: int, phase: str, members: Iterable[tuple[Member, Trial]]
    ) -> None:
        """Say which trials an arm has in a phase of a revision; new ones become pending."""
        with self._write() as db:
            db.execute(
                "DELETE FROM member WHERE revision = ? AND arm = ? AND phase = ?",
                (revision, arm, phase),
            )
            for member, trial in members:
                db.execute(
                    "INSERT INTO trial VALUES (?, ?, 'pending', 0) ON CONFLICT DO NOTHING",
                    (member.trial, canonical(trial.model_dump(mode="json"))),
                )
                db.execute(
                    "INSERT INTO member VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        revision,
                        arm,
                        phase,
                        member.candidate,
                        member.replicate,
                        canonical(member.hyperparameters),
                        member.trial,
                    ),
                )

    def statuses(self, arm: int, phase: str, revision: int) -> dict[str, str]:
        """Status by key of an arm's trials in a phase."""
        rows = self._db.execute(
            "SELECT key, status FROM trial JOIN member ON trial = key "
            "WHERE revision = ? AND arm = ? AND phase = ?",
            (revision, arm, phase),
        )
        return dict(rows)

    def results(self, revision: int, arm: int, phase: str, candidates: int) -> list[list[Result]]:
        """What a later decision needs of an arm's trials: for each candidate, its replicates."""
        rows = self._db.execute(
            "SELECT candidate, trial FROM member WHERE revision = ? AND arm = ? AND phase = ? "
            "ORDER BY candidate, replicate",
            (revision, arm, phase),
        ).fetchall()
        found: list[list[Result]] = [[] for _ in range(candidates)]
        for candidate, key in rows:
            found[candidate].append(self._result(key))
        return found

    def _result(self, key: str) -> Result:
        (status,) = self._db.execute("SELECT status FROM trial WHERE key = ?", (key,)).fetchone()
        metrics = self._db.execute("SELECT metric, value FROM metric WHERE trial = ?", (key,))
        (epochs,) = self._db.execute(
            "SELECT count(DISTINCT epoch) FROM epoch WHERE trial = ?", (key,)
        ).fetchone()
        return Result(status=status, metrics=dict(metrics), epochs=epochs)

    def proposals(self, token: str) -> list[dict[str, Any]] | None:
        """Hyperparameters that were proposed before for the same search."""
        row = self._db.execute(
            "SELECT candidates FROM proposal WHERE digest = ?", (token,)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def propose(self, token: str, candidates: list[dict[str, Any]]) -> None:
        """Record proposals, so that no later version of the proposer can change them."""
        with self._write() as db:
            db.execute("INSERT INTO proposal VALUES (?, ?)", (token, canonical(candidates)))

    def begin(self, key: str, environment: str, workers: int) -> int:
        """Open an attempt; its number."""
        with self._write() as db:
            (number,) = db.execute(
                "UPDATE trial SET attempt = attempt + 1, status = 'running' WHERE key = ? "
                "AND status NOT IN ('completed', 'diverged') RETURNING attempt",
                (key,),
            ).fetchone()
            db.execute(
                "INSERT INTO attempt VALUES (?, ?, 'running', ?, ?, '{}')",
                (key, number, environment, workers),
            )
        return int(number)

    def end(self, key: str, attempt: int, outcome: Outcome) -> bool:
        """Close an attempt with its outcome, all in one transaction.

        Returns:
            Whether it was accepted. A late report, one whose attempt is no longer the trial's
            current one or was closed before, is refused and noted.
        """
        with self._write() as db:
            row = db.execute("SELECT attempt, status FROM trial WHERE key = ?", (key,)).fetchone()
            if row is None or row != (attempt, "running"):
                self._event("late report refused", {"status": outcome.status}, key, attempt)
                return False
            db.execute("UPDATE trial SET status = ? WHERE key = ?", (outcome.status, key))
            db.execute(
                "UPDATE attempt SET status = ?, outcome = ? WHERE trial = ? AND number = ?",
                (outcome.status, _brief(outcome), key, attempt),
            )
            if outcome.status in FINAL:
                self._results(key, outcome)
            payload = {"status": outcome.status, "reason": outcome.reason}
            self._event("attempt ended", payload, key, attempt)
        return True

    def open_attempts(self) -> list[tuple[str, int]]:
        """Attempts that no one has closed: those of a process that died."""
        rows = self._db.execute("SELECT key, attempt FROM trial WHERE status = 'running'")
        return [(key, int(attempt)) for key, attempt in rows]

    def note(self, kind: str, payload: dict[str, Any]) -> None:
        """Append an event that belongs to no trial."""
        with self._write():
            self._event(kind, payload)

    def _results(self, key: str, outcome: Outcome) -> None:
        self._db.executemany(
            "INSERT INTO epoch VALUES (?, ?, ?, ?)",
            (
                (key, epoch.epoch, quantity, value)
                for epoch in outcome.curve
                for quantity, value in epoch.quantities.items()
            ),
        )
        self._db.executemany(
            "INSERT INTO metric VALUES (?, ?, ?)",
            ((key, metric, value) for metric, value in outcome.metrics.items()),
        )

    def _event(
        self,
        kind: str,
        payload: dict[str, Any],
        trial: str | None = None,
        attempt: int | None = None,
    ) -> None:
        self._db.execute(
            "INSERT INTO event (at, kind, trial, attempt, payload) VALUES (?, ?, ?, ?, ?)",
            (datetime.now(UTC).isoformat(), kind, trial, attempt, canonical(payload)),
        )

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with _disk(self.folder):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection for looking only; works beside a running study.

    Raises:
        StoreError: if there is no store in the folder, or one that cannot be read.
    """
    if not exists(folder):
        raise StoreError(
            f"expected a folder with a study's results ({FILE}). Received: {str(folder)!r}."
        )
    db = sqlite3.connect(f"{(folder / FILE).resolve().as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        _check_schema(db, folder)
        yield db
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{folder / FILE} cannot be read: {error}.") from error
    finally:
        db.close()


def counts(folder: Path) -> dict[tuple[str, str], int]:
    """Number of trials by phase and status, in the current definition of a study."""
    with reading(folder) as db:
        rows = db.execute(
            "SELECT phase, status, count(*) FROM member JOIN trial ON trial = key "
            "WHERE revision = (SELECT max(revision) FROM study) GROUP BY phase, status"
        )
        return {(phase, status): count for phase, status, count in rows}


def definition(folder: Path) -> Study:
    """The definition that a store was last run with."""
    with reading(folder) as db:
        row = db.execute("SELECT definition FROM study ORDER BY revision DESC LIMIT 1").fetchone()
    if row is None:
        raise StoreError(f"{str(folder)!r} holds no study yet.")
    return Study(**json.loads(row[0]))


def _brief(outcome: Outcome) -> str:
    """An outcome without what has rows of its own."""
    return outcome.model_dump_json(exclude={"curve", "metrics"})


def _open(folder: Path) -> sqlite3.Connection:
    file = folder / FILE
    with _disk(folder):
        try:
            db = sqlite3.connect(file, timeout=30, isolation_level=None)
            fresh = not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            if not fresh:
                _check_schema(db, folder)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            if fresh:
                db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and _is_full(error):
                raise
            raise StoreError(f"{file} cannot be opened: {error}.") from error
    return db


def _check_schema(db: sqlite3.Connection, folder: Path) -> None:
    (found,) = db.execute("PRAGMA user_version").fetchone()
    if found > SCHEMA:
        raise StoreError(
            f"expected a store of schema {SCHEMA} or older in {str(folder)!r}. Received: schema "
            f"{found}, written by a newer keras-harness. Upgrade to read it; nothing was changed."
        )


def _lock(folder: Path) -> Any:
    """Hold the folder until the process ends, however it ends."""
    stream = (folder / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        holder = stream.read().strip() or "another process"
        stream.close()
        raise BusyError(
            f"{str(folder)!r} is in use by {holder}. Wait for it, or stop it; "
            "this command changed nothing."
        ) from None
    stream.seek(0)
    stream.truncate()
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    stream.write(f"process {os.getpid()} on {os.uname().nodename}, started {started}\n")
    stream.flush()
    return stream


def _is_full(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorname in {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC"}


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Say what a refusal of the disk means for the user."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if not _is_full(error):
            raise
        raise DiskError(_refused(folder, error)) from error
    except OSError as error:
        raise DiskError(_refused(folder, error)) from error


def _refused(folder: Path, error: Exception) -> str:
    near = folder if folder.exists() else folder.parent
    free = shutil.disk_usage(near).free // 1_000_000 if near.exists() else 0
    return (
        f"the disk refused to write in {str(folder)!r}: {error} ({free} MB free). "
        "All finished trials are kept; run again when there is room."
    )
