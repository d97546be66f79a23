"""Everything that a store says about the current definition of its study, read at one moment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import NothingToReportError
from harness.records import FINAL, Seconds
from harness.store import typed
from harness.store.history import history
from harness.store.reader import reading

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.records import Environment, Revision
    from harness.spec import Metric, Study

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
class Metrics:
    """Quantities of completed trials at their best and at their last epoch.

    Args:
        names: of the metrics, such as ``test/accuracy@best``.
        trials: row of the trial, as places have it.
        values: shape ``(trials, metrics)``; NaN where there is none.
    """

    names: tuple[str, ...]
    trials: NDArray[np.int64]
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
        metrics: of all completed trials.
        curves: of all trials.
        artifacts: of confirm trials: arm, replicate, kind, epoch and digest.
        sources: what confirm trials start from: arm, replicate, key and status of the other trial,
            and each test quantity of its best epoch with its value; NULL where there is none.
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
    metrics: Metrics
    curves: Curves
    artifacts: Rows
    inside: Rows
    sources: Rows
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
        study = typed.study(revision, definition)
        typed.check_facts(db)
        curves = _curves(db, revision, prod(map(len, study.factors.values())))
        return Contents(
            study=study,
            metric=typed.metric(revision, metric),
            card=typed.card(revision, card),
            code=code,
            places=_places(db, revision),
            metrics=_metrics(db, revision, curves),
            curves=curves,
            artifacts=_artifacts(db, revision),
            inside=_inside(db, revision),
            sources=_sources(db, revision),
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
    found = Rows(names=tuple(_PLACES), rows=rows)
    _check_places(found)
    return found


def _check_places(found: Rows) -> None:
    """Refuse replicates beyond what there are trainings for, and texts that are no tables."""
    places = [dict(zip(_PLACES, one, strict=True)) for one in found.rows]
    for text, place in {one["hyperparameters"]: one for one in places}.items():
        typed.hyperparameters(f"of trial {place['trial']}", text)
    count = Counter(one["phase"] for one in places)
    for one in places:
        if max(one["replicate"], one["candidate"]) >= count[one["phase"]]:
            counted = f"replicate {one['replicate']} of candidate {one['candidate']}"
            raise typed.refused("member", f"of trial {one['trial']}", counted)


def _metrics(db: sqlite3.Connection, revision: int, curves: Curves) -> Metrics:
    """Metrics of completed trials: those of the test split are read, all others are in curves."""
    ends = db.execute(
        "SELECT trial.rowid, coalesce(best_epoch, 0), epochs - 1 FROM trial JOIN attempt "  # noqa: S608, our own text
        "ON attempt.trial = key AND number = trial.attempt "
        f"WHERE trial.status = 'completed' AND key {_OF_REVISION} ORDER BY 1",
        (revision,),
    ).fetchall()
    trials, best, last = np.array(ends, np.int64).reshape(-1, 3).T
    tested = _tested(db, revision)
    names, columns = [], []
    for quantity in sorted({*curves.names, *(name for name, *_ in tested)}):
        for rule, epochs in (("best", best), ("last", last)):
            if quantity in curves.names:
                column = _looked_up(curves, quantity, trials, epochs)
            else:
                pairs = zip(trials.tolist(), epochs.tolist(), strict=True)
                column = np.array([tested.get((quantity, *pair), np.nan) for pair in pairs])
            if not np.isnan(column).all():
                names.append(f"{quantity}@{rule}")
                columns.append(column)
    values = np.array(columns, np.float64).reshape(len(columns), len(trials)).T
    return Metrics(names=tuple(names), trials=trials, values=values)


def _tested(db: sqlite3.Connection, revision: int) -> dict[tuple[str, int, int], float]:
    """Quantities of the test split, by name, row of the trial and epoch."""
    rows = db.execute(
        "SELECT quantity, trial.rowid, epoch, value FROM trial JOIN attempt "  # noqa: S608, our own text
        "ON attempt.trial = key AND number = trial.attempt "
        f"JOIN fact ON fact.trial = key AND {_JUDGED} "
        "AND epoch IN (coalesce(best_epoch, 0), epochs - 1) "
        f"WHERE trial.status = 'completed' AND key {_OF_REVISION} AND quantity LIKE 'test/%'",
        (revision,),
    )
    return {(quantity, row, epoch): value for quantity, row, epoch, value in rows}


def _looked_up(
    curves: Curves, quantity: str, trials: NDArray[np.int64], epochs: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Values of a quantity, each for one trial and epoch; NaN where there is none."""
    longest = int(max(curves.epochs.max(initial=0), epochs.max(initial=0))) + 1
    known, wanted = curves.trials * longest + curves.epochs, trials * longest + epochs
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known, wanted, sorter=order), max(len(known) - 1, 0))
    if not len(known):
        return np.full(len(trials), np.nan)
    found = curves.values[order[place], curves.names.index(quantity)]
    return np.where(known[order[place]] == wanted, found, np.nan)


def _curves(db: sqlite3.Connection, revision: int, arms: int) -> Curves:
    """Quantities of epochs of the trials of some arms.

    Where every trial has every quantity in every epoch, as is usual, bare values are read in the
    order of the primary key, in half the time that turning them takes.
    """
    of_arms = "trial IN (SELECT trial FROM member WHERE revision = ? AND arm < ?)"
    chosen = f"{of_arms} AND {_JUDGED} AND quantity NOT LIKE 'test/%'"
    names = sorted(
        name
        for (name,) in db.execute(
            f"SELECT DISTINCT quantity FROM fact WHERE {chosen}",  # noqa: S608, our own text
            (revision, arms),
        )
    )
    trials = db.execute(
        "SELECT trial.rowid, epochs FROM trial JOIN attempt "  # noqa: S608, our own text
        "ON attempt.trial = key AND number = trial.attempt WHERE epochs > 0 "
        f"AND trial.status IN ({_FINAL}) AND key {of_arms.removeprefix('trial ')} ORDER BY key",
        (revision, arms),
    ).fetchall()
    lengths = [epochs for _, epochs in trials]
    values = db.execute(
        f"SELECT value FROM fact WHERE {chosen} ORDER BY trial, epoch, quantity",  # noqa: S608, our own text
        (revision, arms),
    )
    cells = np.fromiter(chain.from_iterable(values), np.float64)
    if len(cells) != sum(lengths) * len(names):
        return _turned(db, (revision, arms), names, chosen)
    epochs = [epoch for length in lengths for epoch in range(length)]
    return Curves(
        names=tuple(names),
        trials=np.repeat(np.array([row for row, _ in trials], np.int64), lengths),
        epochs=np.array(epochs, np.int64),
        values=cells.reshape(len(epochs), len(names)),
    )


def _turned(
    db: sqlite3.Connection, which: tuple[int, int], names: Sequence[str], chosen: str
) -> Curves:
    """Quantities of epochs where some are missing."""
    cells = "".join(", max(CASE quantity WHEN ? THEN value END)" for _ in names)
    rows = db.execute(
        f"SELECT trial.rowid, epoch{cells} FROM fact "  # noqa: S608, our own names
        f"JOIN trial ON trial.key = fact.trial WHERE fact.{chosen} GROUP BY fact.trial, epoch",
        (*names, *which),
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


def _inside(db: sqlite3.Connection, revision: int) -> Rows:
    """Numbers of layers; the epoch before the first step is -1."""
    names = ("arm", "replicate", "layer", "epoch", "quantity", "value")
    rows = db.execute(
        "SELECT arm, replicate, layer, epoch, quantity, value FROM member "
        "JOIN fact ON fact.trial = member.trial WHERE revision = ? AND phase = 'confirm' "
        "AND fact.stage = '' AND fact.layer <> '' ORDER BY 1, 2, 4, 3, 5",
        (revision,),
    )
    return Rows(names=names, rows=rows.fetchall())


def _sources(db: sqlite3.Connection, revision: int) -> Rows:
    names = ("arm", "replicate", "key", "status", "quantity", "value")
    rows = db.execute(
        "SELECT arm, replicate, key, trial.status, quantity, value FROM member "  # noqa: S608, our own text
        "JOIN need ON need.trial = member.trial JOIN trial ON key = needed "
        "LEFT JOIN attempt ON attempt.trial = key AND number = trial.attempt "
        f"LEFT JOIN fact ON fact.trial = key AND fact.{_JUDGED} "
        "AND epoch = coalesce(best_epoch, 0) AND quantity LIKE 'test/%' "
        "WHERE revision = ? AND phase = 'confirm' ORDER BY 1, 2, 3, 5",
        (revision,),
    )
    return Rows(names=names, rows=rows.fetchall())


def _environments(db: sqlite3.Connection) -> dict[str, Environment]:
    found = db.execute("SELECT digest, content FROM environment")
    return {key: typed.environment(key, content) for key, content in found}


def _engines(db: sqlite3.Connection, revision: int) -> tuple[int, ...]:
    found = db.execute(
        "SELECT json_extract(definition, '$.engine'), min(key) FROM trial "  # noqa: S608, our own text
        f"WHERE key {_OF_REVISION} GROUP BY 1 ORDER BY 1",
        (revision,),
    ).fetchall()
    for engine, key in found:
        if not isinstance(engine, int | None):
            raise typed.refused("trial", key, f"engine {engine}")
    return tuple(engine for engine, _ in found if engine is not None)


def _notes(db: sqlite3.Connection, revision: int) -> tuple[str, ...]:
    rows = db.execute(
        "SELECT DISTINCT sentence FROM note JOIN trial ON key = note.trial "  # noqa: S608, our own text
        f"AND trial.attempt = note.attempt WHERE key {_OF_REVISION} ORDER BY 1",
        (revision,),
    )
    return tuple(sentence for (sentence,) in rows)


def _definitions(db: sqlite3.Connection, revision: int) -> dict[int, dict[str, Any]]:
    found = db.execute(
        "SELECT arm, key, definition, min(replicate) FROM member JOIN trial ON key = member.trial "
        "WHERE revision = ? AND phase = 'confirm' GROUP BY arm ORDER BY arm",
        (revision,),
    )
    return {
        int(arm): typed.trial(key, text).model_dump(exclude_unset=True)
        for arm, key, text, _ in found
    }


def _trained(db: sqlite3.Connection, revision: int) -> tuple[datetime, datetime] | None:
    """Times at which the first and last training of a revision ended, in whichever study."""
    first, last = db.execute(
        "SELECT min(at), max(at) FROM event WHERE kind = 'attempt ended' "  # noqa: S608, our own text
        f"AND trial {_OF_REVISION}",
        (revision,),
    ).fetchone()
    return (typed.time(first), typed.time(last)) if first else None
