"""Everything that a store says about the current definition of its study, read at one moment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.card import Card
from harness.errors import NothingToReportError
from harness.records import FINAL, Environment, Seconds
from harness.spec import Metric, Study
from harness.store.history import history
from harness.store.reader import reading

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.records import Revision

_FINAL = ", ".join(f"'{status}'" for status in sorted(FINAL))

_PLACES = {
    "arm": "arm",
    "phase": "phase",
    "candidate": "candidate",
    "replicate": "replicate",
    "hyperparameters": "hyperparameters",
    "row": "trial.rowid",
    "trial": "trial.key",
    "status": "trial.status",
    "attempts": "trial.attempt",
    "workers": "workers",
    "environment": "environment",
    "reason": "reason",
    "parameters": "parameters",
    "best_epoch": "best_epoch",
    **{
        name: f"CASE WHEN trial.status IN ({_FINAL}) THEN {name} END"
        for name in ("route", "xla", "reused")
    },
    **{
        f"seconds_{part}": f'CASE WHEN trial.status IN ({_FINAL}) THEN attempt."{part}" END'
        for part in Seconds.model_fields
    },
}
"""Columns of the places of a study, by name; some say something of finished trials alone."""

_OF_REVISION = "IN (SELECT trial FROM member WHERE revision = ?)"
_JUDGED = "stage = '' AND layer = ''"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Part of a table.

    Args:
        names: of the columns.
        rows: one value per column.
    """

    names: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Quantities of training and validation, epoch by epoch of the stage that is judged.

    Args:
        names: of the quantities.
        trials: row of the trial, as places have it, for each epoch.
        epochs: index of the epoch.
        values: shape ``(epochs, quantities)``; NaN where there is none.
    """

    names: tuple[str, ...]
    trials: NDArray[np.int64]
    epochs: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Current definition of a study, and what was measured for it.

    Args:
        study: the question.
        metric: the one that decides.
        card: of the data.
        code: fingerprint of user code; empty for a built-in template.
        places: one row per place in the study, with the newest attempt of its trial.
        metrics: one row per completed trial: its ``row`` and one column per metric.
        curves: of all trials.
        artifacts: of confirm trials: arm, replicate, kind, epoch and digest.
        environments: by digest.
        engines: versions of the engine that trained.
        notes: remarks on networks, each sentence once.
        definitions: by arm or reference, the definition of its first confirm trial.
        revisions: definitions that the study had, the current one last.
        trained: when the first and the last training ended; ``None`` if that was not noted.
    """

    study: Study
    metric: Metric
    card: Card
    code: str
    places: Rows
    metrics: Rows
    curves: Curves
    artifacts: Rows
    environments: Mapping[str, Environment]
    engines: tuple[int, ...]
    notes: tuple[str, ...]
    definitions: Mapping[int, Mapping[str, Any]]
    revisions: tuple[Revision, ...]
    trained: tuple[datetime, datetime] | None


def contents(folder: Path) -> Contents:
    """Read a store, without changing it and beside a running study.

    Raises:
        NothingToReportError: if it holds no study.
        StoreError: if there is no store, or it is damaged.
    """
    with reading(folder) as db:
        db.execute("BEGIN")  # one moment of a study that may be running
        row = db.execute(
            "SELECT revision, definition, metric, card, code FROM study "
            "ORDER BY revision DESC LIMIT 1"
        ).fetchone()
        if row is None:
            raise NothingToReportError(f"the store in {folder.name!r} holds no study yet.")
        revision, definition, metric, card, code = row
        return Contents(
            study=Study(**json.loads(definition)),
            metric=Metric.parse(metric),
            card=Card.read(json.loads(card)),
            code=code,
            places=_places(db, revision),
            metrics=_metrics(db, revision),
            curves=_curves(db, revision),
            artifacts=_artifacts(db, revision),
            environments=_environments(db),
            engines=_engines(db, revision),
            notes=_notes(db, revision),
            definitions=_definitions(db, revision),
            revisions=history(db),
            trained=_trained(db, revision),
        )


def _places(db: sqlite3.Connection, revision: int) -> Rows:
    rows = db.execute(
        f"SELECT {', '.join(_PLACES.values())} FROM member "  # noqa: S608, our own names
        "JOIN trial ON trial.key = member.trial LEFT JOIN attempt "
        "ON attempt.trial = trial.key AND attempt.number = trial.attempt "
        "WHERE member.revision = ?",
        (revision,),
    ).fetchall()
    return Rows(names=tuple(_PLACES), rows=rows)


def _names(db: sqlite3.Connection, revision: int, which: str) -> list[str]:
    """Quantities of the judged stage that satisfy a condition, in alphabetical order."""
    rows = db.execute(
        f"SELECT DISTINCT quantity FROM fact WHERE trial {_OF_REVISION} "  # noqa: S608, our own text
        f"AND {_JUDGED} AND {which}",
        (revision,),
    )
    return sorted(quantity for (quantity,) in rows)


def _metrics(db: sqlite3.Connection, revision: int) -> Rows:
    """Metrics of completed trials, a column each.

    SQLite turns them in the order of its primary key, several times faster than it could be done
    here with all rows of the view.
    """
    rules = {"best": "coalesce(best_epoch, 0)", "last": "epochs - 1"}
    wanted = [(name, rule) for name in _names(db, revision, "true") for rule in rules]
    cells = "".join(
        f", max(CASE WHEN quantity = ? AND epoch = {rules[rule]} THEN value END)"
        for _, rule in wanted
    )
    rows = db.execute(
        f"SELECT trial.rowid{cells} FROM trial "  # noqa: S608, our own names
        "JOIN attempt ON attempt.trial = key AND number = trial.attempt "
        f"JOIN fact ON fact.trial = key AND {_JUDGED} AND epoch IN ({', '.join(rules.values())}) "
        f"WHERE trial.status = 'completed' AND key {_OF_REVISION} GROUP BY key",
        (*(name for name, _ in wanted), revision),
    ).fetchall()
    measured = [any(row[place] is not None for row in rows) for place in range(1, 1 + len(wanted))]
    names = [f"{name}@{rule}" for name, rule in wanted]
    kept = [0, *(place for place, there in enumerate(measured, 1) if there)]
    return Rows(
        names=("row", *(names[place - 1] for place in kept[1:])),
        rows=[[row[place] for place in kept] for row in rows],
    )


def _curves(db: sqlite3.Connection, revision: int) -> Curves:
    """Quantities of epochs.

    Where every trial has every quantity in every epoch, as is usual, bare values are read in the
    order of the primary key, in half the time that turning them takes.
    """
    which = "quantity NOT LIKE 'test/%'"
    names = _names(db, revision, which)
    chosen = f"trial {_OF_REVISION} AND {_JUDGED} AND {which}"
    trials = db.execute(
        "SELECT trial.rowid, number, first, last FROM (SELECT trial, count(*) AS number, "  # noqa: S608, our own text
        f"min(epoch) AS first, max(epoch) AS last FROM fact WHERE {chosen} "
        "GROUP BY trial) AS course JOIN trial ON trial.key = course.trial ORDER BY course.trial",
        (revision,),
    ).fetchall()
    if not all(
        first == 0 and number == (last + 1) * len(names) for _, number, first, last in trials
    ):
        return _turned(db, revision, names, chosen)
    values = db.execute(
        f"SELECT value FROM fact WHERE {chosen} ORDER BY trial, epoch, quantity",  # noqa: S608
        (revision,),
    )
    lengths = [last + 1 for *_, last in trials]
    cells = np.fromiter(chain.from_iterable(values), np.float64, sum(lengths) * len(names))
    return Curves(
        names=tuple(names),
        trials=np.repeat(np.array([row for row, *_ in trials], np.int64), lengths),
        epochs=np.array([epoch for length in lengths for epoch in range(length)], np.int64),
        values=cells.reshape(sum(lengths), len(names)),
    )


def _turned(db: sqlite3.Connection, revision: int, names: Sequence[str], chosen: str) -> Curves:
    """Quantities of epochs where some are missing."""
    cells = "".join(", max(CASE quantity WHEN ? THEN value END)" for _ in names)
    rows = db.execute(
        f"SELECT trial.rowid, epoch{cells} FROM fact "  # noqa: S608, our own names
        f"JOIN trial ON trial.key = fact.trial WHERE fact.{chosen} GROUP BY fact.trial, epoch",
        (*names, revision),
    ).fetchall()
    table = np.array(rows, np.float64).reshape(len(rows), 2 + len(names))
    return Curves(
        names=tuple(names),
        trials=table[:, 0].astype(np.int64),
        epochs=table[:, 1].astype(np.int64),
        values=table[:, 2:],
    )


def _artifacts(db: sqlite3.Connection, revision: int) -> Rows:
    names = ("arm", "replicate", "kind", "epoch", "digest")
    rows = db.execute(
        "SELECT arm, replicate, kind, epoch, digest FROM member "
        "JOIN artifact ON artifact.trial = member.trial "
        "WHERE revision = ? AND phase = 'confirm' AND stage = '' ORDER BY 1, 2, 3, 4",
        (revision,),
    )
    return Rows(names=names, rows=rows.fetchall())


def _environments(db: sqlite3.Connection) -> dict[str, Environment]:
    rows = db.execute("SELECT digest, content FROM environment")
    return {key: Environment.model_validate_json(content) for key, content in rows}


def _engines(db: sqlite3.Connection, revision: int) -> tuple[int, ...]:
    rows = db.execute(
        "SELECT DISTINCT json_extract(definition, '$.engine') FROM trial "  # noqa: S608, our own text
        f"WHERE key {_OF_REVISION} ORDER BY 1",
        (revision,),
    )
    return tuple(int(row[0]) for row in rows if row[0] is not None)


def _notes(db: sqlite3.Connection, revision: int) -> tuple[str, ...]:
    rows = db.execute(
        "SELECT DISTINCT sentence FROM note JOIN trial ON key = note.trial "  # noqa: S608, our own text
        f"AND trial.attempt = note.attempt WHERE key {_OF_REVISION} ORDER BY 1",
        (revision,),
    )
    return tuple(sentence for (sentence,) in rows)


def _definitions(db: sqlite3.Connection, revision: int) -> dict[int, dict[str, Any]]:
    rows = db.execute(
        "SELECT arm, definition, min(replicate) FROM member JOIN trial ON key = member.trial "
        "WHERE revision = ? AND phase = 'confirm' GROUP BY arm ORDER BY arm",
        (revision,),
    )
    return {int(arm): json.loads(text) for arm, text, _ in rows}


def _trained(db: sqlite3.Connection, revision: int) -> tuple[datetime, datetime] | None:
    """Times at which the first and last training of a revision ended, in whichever study."""
    first, last = db.execute(
        "SELECT min(at), max(at) FROM event WHERE kind = 'attempt ended' "  # noqa: S608, our own text
        f"AND trial {_OF_REVISION}",
        (revision,),
    ).fetchone()
    return (datetime.fromisoformat(first), datetime.fromisoformat(last)) if first else None
