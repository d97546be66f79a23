"""Looking into a store: read-only, beside a running study."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import NothingToReportError, StoreError
from harness.links import refuse_links
from harness.records import Definition
from harness.store import disk, schema, typed
from harness.store.upgrade import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.card import Card
    from harness.records import Environment
    from harness.spec import Trial


def exists(folder: Path) -> bool:
    """True if a folder holds a store."""
    return (folder / schema.FILE).is_file()


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection for looking only; works beside a running study.

    A store of an earlier schema is looked at as a copy in memory, brought to the current one.

    Raises:
        StoreError: if there is no store in the folder, or one that cannot be read, or holds what no
            version writes, or if a part of it is a link.
    """
    with opened(folder) as db:
        typed.check(db)
        yield db


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection as ``reading`` gives it, whatever the rows hold.

    Raises:
        StoreError: if there is no store in the folder, or a file that cannot be read.
    """
    if not exists(folder):
        raise StoreError(
            f"expected a folder with a study's results ({schema.FILE}). Received: {str(folder)!r}."
        )
    refuse_links(*(folder / name for name in disk.MEMBERS))
    address = f"{(folder / schema.FILE).resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as db:
            if schema.check(db, folder) == schema.SCHEMA:
                yield db
                return
            with closing(sqlite3.connect(":memory:", isolation_level=None)) as copied:
                db.backup(copied)
                upgrade(copied)
                copied.execute("PRAGMA query_only = ON")
                yield copied
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise StoreError(f"{folder / schema.FILE} cannot be read: {error}.") from error


def counts(folder: Path) -> dict[tuple[str, str], int]:
    """Number of trials by phase and status, in the current definition of a study."""
    with reading(folder) as db:
        idle = disk.is_free(folder)
        found = db.execute(
            "SELECT phase, status, count(*) FROM member JOIN trial ON trial = key "
            "WHERE revision = (SELECT max(revision) FROM study) GROUP BY phase, status"
        )
        # Without a process on the study, trials marked as running were cut off by its end.
        names = {"running": "interrupted"} if idle else {}
        counted: Counter[tuple[str, str]] = Counter()
        for phase, status, count in found:
            counted[phase, names.get(status, status)] += count
        return dict(counted)


def definition(folder: Path) -> Definition | None:
    """Definition that a store was last run with; ``None`` if it never received a study.

    Raises:
        StoreError: if there is no store, or it is damaged.
    """
    with reading(folder) as db:
        row = db.execute(
            "SELECT revision, definition, card, code FROM study ORDER BY revision DESC LIMIT 1"
        ).fetchone()
    if row is None:
        return None
    revision, text, card, code = row
    study = typed.study(revision, text)
    with typed.row("study", revision):
        return Definition(study=study, data=typed.table(card)["digest"], code=code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trial that has completed, with what it was measured to be.

    Args:
        trial: the training.
        card: of its data.
        metrics: values measured at the end, such as ``test/accuracy@best``.
        hyperparameters: that were chosen for its arm.
        environment: that it was trained in.
    """

    trial: Trial
    card: Card
    metrics: Mapping[str, float]
    hyperparameters: Mapping[str, Any]
    environment: Environment


def trained(folder: Path, arm: int) -> Trained:
    """The first completed confirm trial of an arm, in the current definition of a study.

    Raises:
        NothingToReportError: if there is none.
        StoreError: if there is no store, or it is damaged.
    """
    with reading(folder) as db:
        row = db.execute(
            "SELECT revision, trial.key, trial.definition, study.card, member.hyperparameters, "
            "environment.digest, environment.content FROM member JOIN study USING (revision) "
            "JOIN trial ON trial.key = member.trial JOIN attempt ON attempt.trial = trial.key "
            "AND attempt.number = trial.attempt JOIN environment "
            "ON environment.digest = attempt.environment "
            "WHERE revision = (SELECT max(revision) FROM study) AND arm = ? AND phase = 'confirm' "
            "AND trial.status = 'completed' ORDER BY member.replicate LIMIT 1",
            (arm,),
        ).fetchone()
        if row is None:
            raise NothingToReportError(
                "expected an arm with a completed training. Received: one whose trainings all "
                "diverged, so that there are no weights to save."
            )
        revision, key, definition, card, proposed, environment, content = row
        metrics = db.execute("SELECT metric, value FROM metric WHERE trial = ?", (key,))
        return Trained(
            trial=typed.trial(key, definition),
            card=typed.card(revision, card),
            metrics=dict(metrics.fetchall()),
            hyperparameters=typed.hyperparameters(f"of trial {key}", proposed),
            environment=typed.environment(environment, content),
        )
