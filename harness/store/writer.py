"""The one writer of a study's results."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from harness import limits
from harness.errors import StoreError
from harness.identity import canonical, digest
from harness.records import FINAL, Member, Outcome, Result
from harness.spec import Study
from harness.store import disk, schema, typed
from harness.store.upgrade import copy, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from harness.records import Environment
    from harness.spec import Trial


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
        with disk.writing(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = disk.lock(folder)
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

    def revise(self, study: Study, metric: str, card: dict[str, Any], code: str = "") -> int:
        """Make this the current definition of the study, and return its revision number.

        A definition that is already current keeps its revision, and its members.

        Args:
            study: the question.
            metric: the one that decides.
            card: of the data.
            code: fingerprint of user code; empty for a built-in template.
        """
        content = canonical(card)
        token = digest((study.digest(), content, code))
        found = self._rows(
            "SELECT revision, digest, definition, card, code FROM study "
            "ORDER BY revision DESC LIMIT 1"
        )
        revision = 1
        if found:
            last, known, *before = found[0]
            if known == token:
                return int(last)
            if _told(*before) == (study.digest(), *_contents(card), code):
                # Another version says more of the same data.
                with self._write() as db:
                    db.execute(
                        "UPDATE study SET card = ?, digest = ? WHERE revision = ?",
                        (content, token, last),
                    )
                return int(last)
            revision = int(last) + 1
        # Not in canonical form: the order of factors is the order of arms.
        definition = json.dumps(study.model_dump(mode="json", by_alias=True), allow_nan=False)
        with self._write() as db:
            db.execute(
                "INSERT INTO study VALUES (?, ?, ?, ?, ?, ?)",
                (revision, token, definition, metric, content, code),
            )
            self._event("study revised", {"revision": revision})
        return revision

    def remember(self, environment: Environment) -> str:
        """Record an environment, and return its digest."""
        content = environment.model_dump(mode="json")
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO environment VALUES (?, ?)",
                (digest(content), canonical(content)),
            )
        return digest(content)

    def environments(self) -> list[Environment]:
        """The environments of all attempts that produced a result."""
        rows = self._rows(
            "SELECT digest, content FROM environment WHERE digest IN "
            "(SELECT environment FROM attempt WHERE status IN ('completed', 'diverged'))"
        )
        return [typed.environment(*row) for row in rows]

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
                self._add(trial)
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

    def _add(self, trial: Trial) -> None:
        """Add a trial, and those that it needs, unless they are there."""
        self._db.execute(
            "INSERT INTO trial VALUES (?, ?, 'pending', 0) ON CONFLICT DO NOTHING",
            (trial.key, canonical(trial.model_dump(mode="json"))),
        )
        for needed in trial.needs:
            self._add(needed)
            self._db.execute(
                "INSERT INTO need VALUES (?, ?) ON CONFLICT DO NOTHING", (trial.key, needed.key)
            )

    def statuses(self, arm: int, phase: str, revision: int) -> dict[str, str]:
        """Status of an arm's trials in a phase, by key."""
        rows = self._rows(
            "SELECT key, status FROM trial JOIN member ON trial = key "
            "WHERE revision = ? AND arm = ? AND phase = ?",
            (revision, arm, phase),
        )
        return dict(rows)

    def status(self, key: str) -> str:
        """Status of an enrolled trial."""
        ((status,),) = self._rows("SELECT status FROM trial WHERE key = ?", (key,))
        return str(status)

    def weights(self, key: str) -> str:
        """Hash of the file with the weights that a trial hands on; empty if it has kept none."""
        rows = self._rows(
            "SELECT digest FROM artifact WHERE trial = ? AND kind = 'weights'", (key,)
        )
        return str(rows[0][0]) if rows else ""

    def lacking(self, revision: int, arm: int, phase: str, metric: str) -> list[str]:
        """Keys of an arm's completed trials that lack a metric and were not asked for it."""
        rows = self._rows(
            "SELECT DISTINCT key FROM trial JOIN member ON member.trial = key WHERE revision = ? "
            "AND arm = ? AND phase = ? AND status = 'completed' "
            "AND NOT EXISTS (SELECT 1 FROM metric WHERE metric.trial = key AND metric = ?) "
            "AND NOT EXISTS (SELECT 1 FROM wanted WHERE wanted.trial = key "
            "AND wanted.attempt = trial.attempt AND metric = ?)",
            (revision, arm, phase, metric, metric),
        )
        return [key for (key,) in rows]

    def reopen(self, keys: Iterable[str], reason: str) -> None:
        """Let finished trials be trained again; what they had measured is forgotten.

        Args:
            keys: of the trials.
            reason: why, for the event.
        """
        with self._write() as db:
            for key in keys:
                db.execute("DELETE FROM fact WHERE trial = ?", (key,))
                db.execute("DELETE FROM artifact WHERE trial = ?", (key,))
                db.execute("UPDATE trial SET status = 'pending' WHERE key = ?", (key,))
                self._event("trial reopened", {"reason": reason}, key)

    def finished(self, revision: int, *, outside: int = 0) -> int:
        """Count the trials of a revision that have a result.

        Args:
            revision: of the study; 0 has no trials.
            outside: trials that this revision has too are not counted.
        """
        ((count,),) = self._rows(
            "SELECT count(DISTINCT trial) FROM member JOIN trial ON trial = key "
            "WHERE revision = ? AND status IN ('completed', 'diverged') "
            "AND trial NOT IN (SELECT trial FROM member WHERE revision = ?)",
            (revision, outside),
        )
        return int(count)

    def revision(self) -> int:
        """Number of the current definition of the study; 0 before there is one."""
        ((last,),) = self._rows("SELECT coalesce(max(revision), 0) FROM study")
        return int(last)

    def results(self, revision: int, arm: int, phase: str, candidates: int) -> list[list[Result]]:
        """Results of an arm's trials: for each candidate, one per replicate."""
        rows = self._rows(
            "SELECT candidate, trial FROM member WHERE revision = ? AND arm = ? AND phase = ? "
            "ORDER BY candidate, replicate",
            (revision, arm, phase),
        )
        found: list[list[Result]] = [[] for _ in range(candidates)]
        for candidate, key in rows:
            found[candidate].append(self._result(key))
        return found

    def _result(self, key: str) -> Result:
        ((status, epochs),) = self._rows(
            "SELECT trial.status, coalesce(epochs, 0) FROM trial LEFT JOIN attempt "
            "ON attempt.trial = key AND number = trial.attempt WHERE key = ?",
            (key,),
        )
        metrics = self._rows("SELECT metric, value FROM metric WHERE trial = ?", (key,))
        return Result(status=status, metrics=dict(metrics), epochs=epochs)

    def proposals(self, token: str) -> list[dict[str, Any]] | None:
        """Hyperparameters that were proposed before for the same search."""
        rows = self._rows("SELECT candidates FROM proposal WHERE digest = ?", (token,))
        if not rows:
            return None
        with typed.row("proposal", token):
            found: list[dict[str, Any]] = typed.parsed(rows[0][0])
        return found

    def propose(self, token: str, candidates: list[dict[str, Any]]) -> None:
        """Record proposals, so that no later version of the proposer can change them."""
        with self._write() as db:
            db.execute("INSERT INTO proposal VALUES (?, ?)", (token, canonical(candidates)))

    def begin(self, key: str, workers: int, wanted: Iterable[str] = ()) -> int:
        """Open an attempt, and return its number.

        Args:
            key: of the trial.
            workers: trainings at the same time.
            wanted: metrics that it is to measure.

        Raises:
            StoreError: if the trial is finished, or was never enrolled.
        """
        with self._write() as db:
            row = db.execute(
                "UPDATE trial SET attempt = attempt + 1, status = 'running' WHERE key = ? "
                "AND status NOT IN ('completed', 'diverged') RETURNING attempt",
                (key,),
            ).fetchone()
            if row is None:
                raise StoreError(f"expected a trial that waits for a result. Received: {key!r}.")
            (number,) = row
            db.execute(
                "INSERT INTO attempt (trial, number, status, workers) VALUES (?, ?, 'running', ?)",
                (key, number, workers),
            )
            for metric in wanted:
                db.execute("INSERT INTO wanted VALUES (?, ?, ?)", (key, number, metric))
        return int(number)

    def end(self, key: str, attempt: int, outcome: Outcome, environment: str | None = None) -> bool:
        """Close an attempt with its outcome, all in one transaction.

        Args:
            key: of the trial.
            attempt: its number.
            outcome: result of the training.
            environment: digest of the environment that it reported, if it did.

        Returns:
            Whether it was accepted. A late report, one whose attempt is no longer the trial's
            current one or was closed before, is refused and noted.
        """
        outcome = _within_limits(outcome)
        with self._write() as db:
            row = db.execute("SELECT attempt, status FROM trial WHERE key = ?", (key,)).fetchone()
            if row is None or row != (attempt, "running"):
                self._event("late report refused", {"status": outcome.status}, key, attempt)
                return False
            db.execute("UPDATE trial SET status = ? WHERE key = ?", (outcome.status, key))
            self._close(key, attempt, outcome, environment)
            if outcome.status in FINAL:
                self._results(key, outcome)
            payload = {"status": outcome.status, "reason": outcome.reason}
            self._event("attempt ended", payload, key, attempt)
        return True

    def open_attempts(self) -> list[tuple[str, int]]:
        """Attempts that no one has closed: those of a process that died."""
        rows = self._rows("SELECT key, attempt FROM trial WHERE status = 'running'")
        return [(key, int(attempt)) for key, attempt in rows]

    def note(self, kind: str, payload: dict[str, Any]) -> None:
        """Append an event that belongs to no trial."""
        with self._write():
            self._event(kind, payload)

    def _close(self, key: str, attempt: int, outcome: Outcome, environment: str | None) -> None:
        """Note the outcome of an attempt, but for its facts."""
        final = outcome.status in FINAL
        told: dict[str, object] = {
            "status": outcome.status,
            "environment": environment,
            "reason": outcome.reason,
            "epochs": len(outcome.judged) if final else 0,
            "best_epoch": outcome.best_epoch,
            "parameters": outcome.parameters,
            "route": outcome.route if final else "",
            "xla": outcome.xla if final else None,
            "reused": outcome.reused if final else None,
            **outcome.seconds.model_dump(),
        }
        columns = ", ".join(f"{name} = ?" for name in told)
        self._db.execute(
            f"UPDATE attempt SET {columns} WHERE trial = ? AND number = ?",  # noqa: S608, our own names
            (*told.values(), key, attempt),
        )
        self._db.executemany(
            "INSERT INTO note VALUES (?, ?, ?, ?)",
            [(key, attempt, place, said) for place, said in enumerate(outcome.notes)],
        )

    def _results(self, key: str, outcome: Outcome) -> None:
        self._db.executemany(
            "INSERT INTO fact VALUES (?, ?, ?, '', ?, ?)",
            (
                (key, epoch.stage, epoch.epoch, quantity, value)
                for epoch in outcome.curve
                for quantity, value in epoch.quantities.items()
            ),
        )
        self._db.executemany(
            "INSERT INTO fact VALUES (?, '', ?, ?, ?, ?)",
            (
                (key, one.epoch, one.layer, quantity, value)
                for one in outcome.inside
                for quantity, value in one.quantities.items()
            ),
        )
        self._db.executemany(
            "INSERT INTO artifact VALUES (?, ?, ?, ?, ?)",
            [(key, one.stage, one.epoch, one.kind, one.digest) for one in outcome.artifacts],
        )

    def _rows(self, statement: str, parameters: Iterable[object] = ()) -> list[Any]:
        with disk.writing(self.folder):
            return self._db.execute(statement, tuple(parameters)).fetchall()

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
    def at_once(self) -> Iterator[None]:
        """Make all writes inside visible together, or, after an error, none."""
        with disk.writing(self.folder):
            self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            with disk.writing(self.folder):
                self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with disk.writing(self.folder):
            if self._db.in_transaction:  # a part of what becomes visible at once
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


def _within_limits(outcome: Outcome) -> Outcome:
    """The outcome, or a divergence at the first epoch with a number that no reader takes."""
    wild = [
        (place, f"{quantity} is {value:g} in epoch {epoch.epoch}")
        for place, epoch in enumerate(outcome.curve)
        for quantity, value in epoch.quantities.items()
        if abs(value) > limits.NUMBER
    ]
    if not wild or outcome.status not in FINAL:
        return outcome
    place, reason = wild[0]
    kept = {"curve": outcome.curve[:place], "best_epoch": None, "artifacts": (), "inside": ()}
    return outcome.model_copy(update={"status": "diverged", "reason": reason, **kept})


def _told(definition: str, card: str, code: str) -> tuple[str, ...]:
    """Digests of the study, of its data and of its code, of a definition in the store."""
    try:
        with typed.row("study", "of the last run"):
            study = Study(**typed.table(definition)).digest()
            return study, *_contents(typed.table(card)), code
    except StoreError:
        return ()  # damaged, and so another


def _contents(card: dict[str, Any]) -> tuple[str, ...]:
    """Digests of data, and of all data that its trials start from."""
    others = card.get("sources", {})
    return card.get("digest", ""), *(others[name]["digest"] for name in sorted(others))


def _open(folder: Path) -> sqlite3.Connection:
    file = folder / schema.FILE
    with disk.writing(folder):
        try:
            db = sqlite3.connect(file, timeout=30, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise StoreError(f"{file} cannot be opened: {error}.") from error
        try:
            _prepare(db, folder)
        except BaseException as error:
            db.close()
            damaged = isinstance(error, sqlite3.DatabaseError) and not disk.is_full(error)
            if damaged or isinstance(error, UnicodeDecodeError):
                raise StoreError(f"{file} cannot be opened: {error}.") from error
            raise
    return db


def _prepare(db: sqlite3.Connection, folder: Path) -> None:
    """Make the tables of a new file; bring an old one to the current schema, after a copy."""
    fresh = not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    found = schema.SCHEMA if fresh else schema.check(db, folder)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    if fresh:
        db.executescript(f"BEGIN; {schema.TABLES} PRAGMA user_version = {schema.SCHEMA}; COMMIT;")
    elif found < schema.SCHEMA:
        kept = folder / f"{schema.FILE}.schema-{found}"
        copy(db, kept)
        try:
            upgrade(db)
        except StoreError:
            kept.unlink()  # it is what the file still is
            raise
    db.execute("PRAGMA foreign_keys = ON")
    typed.check(db)
