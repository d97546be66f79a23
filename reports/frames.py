"""The store as tidy frames: one row per trial, one row per epoch, and every trial accounted for.

Rows are ordered by their place in the study (arm, phase, candidate, replicate), never by when
they finished, so that the same results make the same report however they were computed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import chain, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness import catalog, store
from harness.card import Card
from harness.errors import NothingToReportError, StoreError
from harness.records import FINAL, Environment, Outcome, Revision, Seconds
from harness.spec import Arm, Metric, Reference, Study, label

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.spec import Level

PLACE = ["arm", "phase", "candidate", "replicate"]
"""Columns that together name a row of the trials frame."""

_ALIKE = ("data", "task", "seed", "best", "threads", "engine", "precision", "xla", "deterministic")
"""Parts of a trial's definition, beside its settings, that are the same in all arms."""

_PHASES = ["tune", "confirm"]
_OPEN = frozenset({"pending", "running"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that a frame always has."""

    name: str
    dtype: str
    note: str


TRIALS = (
    Column(name="arm", dtype="int64", note="index of the arm"),
    Column(name="label", dtype="str", note="its levels, as tables print them"),
    Column(name="phase", dtype="str", note="tune or confirm"),
    Column(name="candidate", dtype="int64", note="which hyperparameters of the arm"),
    Column(name="replicate", dtype="int64", note="which random streams, shared by all arms"),
    Column(name="trial", dtype="str", note="content hash of the training"),
    Column(name="status", dtype="str", note="of the trial, not of one attempt"),
    Column(name="reason", dtype="str", note="why it is not completed; empty if it is"),
    Column(name="counted", dtype="bool", note="whether it enters estimates; if not, see skipped"),
    Column(name="attempts", dtype="int64", note="how often it was started"),
    Column(name="hyperparameters", dtype="str", note="what was proposed, as JSON"),
    Column(name="parameters", dtype="Int64", note="trainable numbers of the network"),
    Column(name="best_epoch", dtype="Int64", note="best on validation data, from 0"),
    Column(name="engine", dtype="str", note="program, or fit for a network it cannot express"),
    Column(name="xla", dtype="boolean", note="whether XLA compiled the program"),
    Column(name="reused", dtype="boolean", note="whether the program had been compiled before"),
    Column(name="workers", dtype="Int64", note="trainings at the same time"),
    Column(name="environment", dtype="str", note="digest of the environment"),
    *(
        Column(name=f"seconds_{part}", dtype="float64", note=f"spent on {part}")
        for part in Seconds.model_fields
    ),
)
EPOCHS = (
    *(column for column in TRIALS if column.name in PLACE),
    Column(name="epoch", dtype="int64", note="from 0"),
)
_RESERVED = frozenset(column.name for column in (*TRIALS, *EPOCHS))


@dataclass(frozen=True, kw_only=True)  # without slots, which leave no room for what is cached
class Results:
    """All that a store says about the current revision of its study.

    Args:
        study: the question.
        metric: the one that decides.
        card: the data.
        code: fingerprint of user code; empty for a built-in template.
        arms: all of them, in the order of the table.
        references: methods that train no network, measured on the same splits.
        measured: one row per reference and replicate: ``arm`` (its index), ``replicate``,
            ``status``, ``reason`` and one column per metric.
        trials: one row per place in the study: columns ``TRIALS``, one per factor and per
            hyperparameter (see ``column``), and one per measured metric.
        epochs: one row per place and epoch, its quantities as columns.
        environments: by digest, those that a counted trial was trained in.
        skipped: rows of ``trials`` that enter no estimate, each with ``why``.
        engines: versions of the engine that trained.
        notes: what a reader has to know of data and networks, a sentence each.
        settings: by arm, all that its confirm trials were trained with, defaults included.
        revisions: definitions that the study had, the current one last.
        trained: when the first and the last of the trainings ended; ``None`` if that was not noted.
    """

    study: Study
    metric: Metric
    card: Card
    code: str
    arms: tuple[Arm, ...]
    references: tuple[Reference, ...]
    measured: pd.DataFrame
    trials: pd.DataFrame
    epochs: pd.DataFrame
    environments: Mapping[str, Environment]
    skipped: pd.DataFrame
    engines: tuple[int, ...]
    notes: tuple[str, ...] = ()
    settings: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    revisions: tuple[Revision, ...] = ()
    trained: tuple[datetime, datetime] | None = None

    @property
    def baseline(self) -> Arm:
        """The arm that the others are compared with."""
        wanted = {
            factor: self.study.baseline.get(factor, levels[0])
            for factor, levels in self.study.factors.items()
        }
        return next(arm for arm in self.arms if arm.levels == wanted)

    @cached_property
    def confirm(self) -> pd.DataFrame:
        """The trials that decide."""
        return self.trials[self.trials["phase"] == "confirm"]

    @cached_property
    def tune(self) -> pd.DataFrame:
        """The trials that chose hyperparameters."""
        return self.trials[self.trials["phase"] == "tune"]

    @cached_property
    def chosen(self) -> Mapping[int, int]:
        """The candidate that each arm's confirm trials were trained with, by arm.

        Found by its hyperparameters; arms without confirm trials, or with hyperparameters that
        no tune trial had, are left out.
        """
        first = self.confirm.drop_duplicates("arm")
        tried = self.tune.drop_duplicates(["arm", "candidate"])
        both = first.merge(tried, on=["arm", "hyperparameters"], suffixes=("", "_tried"))
        same = both["candidate"] == both["candidate_tried"]
        both = both.assign(same=same).sort_values(["arm", "same"], ascending=[True, False])
        both = both.drop_duplicates("arm")
        pairs = zip(both["arm"].tolist(), both["candidate_tried"].tolist(), strict=True)
        return {int(arm): int(candidate) for arm, candidate in pairs}

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """Candidates that tuning tried, a row per arm and candidate.

        The objective of a candidate is the mean over its tune trials, as in the search that chose:
        NaN if one of them diverged, failed or is still missing.

        Returns:
            Columns ``arm``, ``label``, ``candidate``, one per hyperparameter (see ``column``),
            ``objective``, ``replicates`` (that count), ``diverged``, ``failed`` (or missing), and
            ``chosen``. Empty without tuning.
        """
        tune = self.study.tune
        names = [column(name) for name in tune.space] if tune else []
        if tune is None or self.tune.empty:
            rest = ["objective", "replicates", "diverged", "failed", "chosen"]
            return pd.DataFrame(columns=["arm", "label", "candidate", *names, *rest])
        rows = self.tune
        objective = rows.get(tune.objective, pd.Series(np.nan, rows.index))
        rows = rows.assign(
            objective=objective.where(rows["status"] == "completed"),
            replicates=rows["counted"],
            diverged=rows["status"] == "diverged",
            failed=~rows["counted"],
        )
        grouped = rows.groupby(["arm", "candidate"], sort=True)
        frame = grouped[["label", *names]].first()
        frame["objective"] = grouped["objective"].agg(lambda values: values.mean(skipna=False))
        counts = ["replicates", "diverged", "failed"]
        frame[counts] = grouped[counts].sum()
        frame = frame.reset_index()
        chosen = frame["arm"].map(self.chosen).eq(frame["candidate"])
        frame["chosen"] = chosen.to_numpy(dtype=bool)
        return frame[["arm", "label", *frame.columns.drop(["arm", "label"])]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One quantity of the confirm trials, replicates side by side.

    Args:
        cells: shape ``(arms, replicates)``, in the metric's unit; NaN where there is none.
        diverged: shape ``(arms, replicates)``, whether that trial diverged.
    """

    cells: NDArray[np.float64]
    diverged: NDArray[np.bool_]


def read(folder: Path | str) -> Results:
    """Read a store, without changing it and beside a running study.

    Args:
        folder: of the study's results, such as ``results/quickstart``.

    Raises:
        NothingToReportError: if no confirm trial has finished.
        StoreError: if there is no store, or it contradicts itself.
    """
    folder = Path(folder)
    with store.reading(folder) as db:
        db.execute("BEGIN")  # one moment of a study that may be running
        revision, study, metric, card, code = _definition(db, folder)
        arms, references = tuple(_arms(study)), catalog.references(study)
        members = _members(db, revision)
        measured = _pivot(db, revision, "metric", "metric", ["trial"])
        curves = _curves(db, revision)
        environments = _environments(db)
        engines = _engines(db, revision)
        notes = (*card.notes, *_notes(db, revision))
        settings = _settings(db, revision, len(arms))
        revisions = store.history(db)
        trained = _trained(db, revision)
    members = members.sort_values(PLACE, key=_in_order, ignore_index=True)
    _check_places(members, len(arms) + len(references), folder)
    of_arms = members["arm"] < len(arms)
    others = members[~of_arms].reset_index(drop=True)
    members = members[of_arms].reset_index(drop=True)
    trials = _trials(members, measured, study, arms)
    trials, why = _account(trials, study, metric)
    _require_results(trials, study, why)
    used = trials.loc[trials["counted"], "environment"].unique()
    return Results(
        study=study,
        metric=metric,
        card=card,
        code=code,
        arms=arms,
        references=references,
        measured=_measured(others, measured),
        trials=trials,
        epochs=_epochs(members, curves),
        environments={key: environments[key] for key in sorted(used) if key in environments},
        skipped=trials.assign(why=why)[~trials["counted"]].reset_index(drop=True),
        engines=engines,
        notes=notes,
        settings=settings,
        revisions=revisions,
        trained=trained,
    )


def column(name: str) -> str:
    """The column of a factor or a hyperparameter: its name, unless that is taken.

    Example:
        >>> column("activation"), column("status")
        ('activation', 'status (setting)')
    """
    return f"{name} (setting)" if name in _RESERVED or "/" in name else name


def grid(results: Results, quantity: str) -> Grid:
    """One quantity of the confirm trials by arm and replicate."""
    rows = results.confirm[results.confirm["counted"]]
    shape = (len(results.arms), int(rows["replicate"].max()) + 1)
    values, diverged = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    at = rows["arm"].to_numpy(), rows["replicate"].to_numpy()
    if quantity in rows:
        values[at] = rows[quantity].to_numpy(dtype=np.float64)
    diverged[at] = (rows["status"] == "diverged").to_numpy()
    return Grid(cells=values, diverged=diverged)


def reference_cells(results: Results, quantity: str) -> NDArray[np.float64]:
    """One quantity of the references.

    Returns:
        Shape ``(references, replicates)``, NaN where it was not measured.
    """
    rows = results.measured
    values = np.full((len(results.references), grid(results, quantity).cells.shape[1]), np.nan)
    if quantity in rows:
        there = rows[rows["replicate"] < values.shape[1]]
        place = there["arm"].to_numpy() - len(results.arms), there["replicate"].to_numpy()
        values[place] = there[quantity].to_numpy(dtype=np.float64)
    return values


def _definition(db: sqlite3.Connection, folder: Path) -> tuple[int, Study, Metric, Card, str]:
    row = db.execute(
        "SELECT revision, definition, metric, card, code FROM study ORDER BY revision DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise NothingToReportError(f"the store in {folder.name!r} holds no study yet.")
    revision, definition, metric, card, code = row
    return (
        int(revision),
        Study(**json.loads(definition)),
        Metric.parse(metric),
        Card.read(json.loads(card)),
        code,
    )


def _notes(db: sqlite3.Connection, revision: int) -> list[str]:
    """Notes on the networks of a revision, each sentence once."""
    rows = db.execute(
        "SELECT DISTINCT note.value FROM member JOIN trial ON trial.key = member.trial "
        "JOIN attempt ON attempt.trial = trial.key AND attempt.number = trial.attempt, "
        "json_each(attempt.outcome, '$.notes') AS note WHERE member.revision = ? ORDER BY 1",
        (revision,),
    )
    return [note for (note,) in rows]


def _settings(db: sqlite3.Connection, revision: int, arms: int) -> dict[int, dict[str, Any]]:
    """Settings of each arm's confirm trials, which differ in the replicate alone."""
    rows = db.execute(
        "SELECT member.arm, trial.definition, min(member.replicate) FROM member "
        "JOIN trial ON trial.key = member.trial "
        "WHERE revision = ? AND phase = 'confirm' AND arm < ? GROUP BY arm ORDER BY arm",
        (revision, arms),
    )
    found = {}
    for arm, text, _ in rows:
        trial = json.loads(text)
        found[int(arm)] = {name: trial.get(name) for name in _ALIKE} | trial["settings"]
    return found


def _trained(db: sqlite3.Connection, revision: int) -> tuple[datetime, datetime] | None:
    """Times at which the first and last training of a revision ended, in whichever study."""
    first, last = db.execute(
        "SELECT min(at), max(at) FROM event WHERE kind = 'attempt ended' "
        "AND trial IN (SELECT trial FROM member WHERE revision = ?)",
        (revision,),
    ).fetchone()
    return (datetime.fromisoformat(first), datetime.fromisoformat(last)) if first else None


def _arms(study: Study) -> Iterable[Arm]:
    """The full factorial, last factor fastest: the order that members count in."""
    for index, levels in enumerate(product(*study.factors.values())):
        named: dict[str, Level] = dict(zip(study.factors, levels, strict=True))
        yield Arm(index=index, levels=named)


def _members(db: sqlite3.Connection, revision: int) -> pd.DataFrame:
    """Every place of the revision, with the newest attempt of its trial."""
    names = [*PLACE, "hyperparameters", "row", "trial", "status", "attempts"]
    rows = db.execute(
        "SELECT member.arm, member.phase, member.candidate, member.replicate, "
        "member.hyperparameters, trial.rowid, trial.key, trial.status, trial.attempt, "
        "attempt.workers, attempt.environment, attempt.outcome "
        "FROM member JOIN trial ON trial.key = member.trial LEFT JOIN attempt "
        "ON attempt.trial = trial.key AND attempt.number = trial.attempt "
        "WHERE member.revision = ?",
        (revision,),
    ).fetchall()
    return pd.DataFrame(rows, columns=[*names, "workers", "environment", "outcome"])


_OF_REVISION = "trial IN (SELECT trial FROM member WHERE revision = ?)"


def _names(db: sqlite3.Connection, revision: int, table: str, name: str) -> list[str]:
    query = f"SELECT DISTINCT {name} FROM {table} WHERE {_OF_REVISION}"  # noqa: S608, our own names
    return sorted(found for (found,) in db.execute(query, (revision,)))


def _curves(db: sqlite3.Connection, revision: int) -> pd.DataFrame:
    """Quantities of epochs, one column each, one row per trial and epoch.

    Where every trial has every quantity in every epoch, as is usual, bare values are read in the
    order of the primary key, in half the time that turning them takes.
    """
    names = _names(db, revision, "epoch", "quantity")
    trials = db.execute(
        "SELECT trial.rowid, number, first, last FROM (SELECT trial, count(*) AS number, "  # noqa: S608
        f"min(epoch) AS first, max(epoch) AS last FROM epoch WHERE {_OF_REVISION} "
        "GROUP BY trial) AS course JOIN trial ON trial.key = course.trial ORDER BY course.trial",
        (revision,),
    ).fetchall()
    if not all(
        first == 0 and number == (last + 1) * len(names) for _, number, first, last in trials
    ):
        return _pivot(db, revision, "epoch", "quantity", ["trial", "epoch"])
    values = db.execute(
        f"SELECT value FROM epoch WHERE {_OF_REVISION} ORDER BY trial, epoch, quantity",  # noqa: S608
        (revision,),
    )
    lengths = [last + 1 for *_, last in trials]
    cells = np.fromiter(chain.from_iterable(values), np.float64, sum(lengths) * len(names))
    frame = pd.DataFrame(cells.reshape(sum(lengths), len(names)), columns=names)
    frame.insert(0, "row", np.repeat(np.array([row for row, *_ in trials], np.int64), lengths))
    epochs = [epoch for length in lengths for epoch in range(length)]
    frame.insert(1, "epoch", np.array(epochs, np.int64))
    return frame


def _pivot(
    db: sqlite3.Connection, revision: int, table: str, name: str, keys: Sequence[str]
) -> pd.DataFrame:
    """A long table of the store, one column per name, one row per trial (and epoch).

    SQLite does this in the order of its primary key, several times faster than reading all
    rows and turning them here.
    """
    names = _names(db, revision, table, name)
    cells = "".join(f", max(CASE {name} WHEN ? THEN value END)" for _ in names)
    group = ", ".join(f"{table}.{key}" for key in keys)
    rest = "".join(f", {table}.{key}" for key in keys[1:])
    rows = db.execute(
        f"SELECT trial.rowid{rest}{cells} FROM {table} JOIN trial ON trial.key = {table}.trial "  # noqa: S608, our own names
        f"WHERE {table}.{_OF_REVISION} GROUP BY {group}",
        (*names, revision),
    ).fetchall()
    frame = pd.DataFrame(rows, columns=["row", *keys[1:], *names])
    return frame.astype(dict.fromkeys(names, "float64") | {"row": "int64"})


def _environments(db: sqlite3.Connection) -> dict[str, Environment]:
    rows = db.execute("SELECT digest, content FROM environment")
    return {key: Environment.model_validate_json(content) for key, content in rows}


def _engines(db: sqlite3.Connection, revision: int) -> tuple[int, ...]:
    rows = db.execute(
        "SELECT DISTINCT json_extract(definition, '$.engine') FROM trial "
        "WHERE key IN (SELECT trial FROM member WHERE revision = ?) ORDER BY 1",
        (revision,),
    )
    return tuple(int(row[0]) for row in rows if row[0] is not None)


def _in_order(series: pd.Series) -> pd.Series:
    return series.map(_PHASES.index) if series.name == "phase" else series


def _trials(
    members: pd.DataFrame,
    measured: pd.DataFrame,
    study: Study,
    arms: Sequence[Arm],
) -> pd.DataFrame:
    parts = [
        members.drop(columns=["outcome", "row"]),
        _outcomes(members),
        _levels(members, study, arms),
        _proposed(members, study),
        members[["row"]].merge(measured, on="row", how="left").drop(columns="row"),
    ]
    frame = pd.concat(parts, axis="columns")
    frame["label"] = members["arm"].map({arm.index: arm.label for arm in arms})
    frame["counted"] = False
    return _conform(frame, TRIALS)


def _check_places(members: pd.DataFrame, count: int, folder: Path) -> None:
    unknown = sorted(set(members["arm"]) - set(range(count)))
    if unknown:
        raise StoreError(
            f"expected the {count} arms of the study in {folder.name!r}. "
            f"Received: a trial of arm {unknown[0]}."
        )


def _measured(members: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Results of the references, a row per reference and replicate."""
    named = ["arm", "replicate", "status"]
    reasons = _outcomes(members)[["reason"]].fillna("").astype("str")
    numbers = members[["row"]].merge(measured, on="row", how="left").drop(columns="row")
    return pd.concat([members[named], reasons, numbers], axis="columns")


def _conform(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """The frame with its declared columns first, each of its declared type.

    Raises:
        StoreError: naming the column that is missing or of another type.
    """
    names = [column.name for column in columns]
    for wanted in columns:
        if wanted.name not in frame:
            raise StoreError(f"expected column {wanted.name!r} ({wanted.note}). Received: none.")
    rest = [name for name in frame.columns if name not in names]
    texts = {column.name: "" for column in columns if column.dtype == "str"}
    try:
        frame = frame.astype(dict.fromkeys(texts, "object")).fillna(texts)
        return frame[[*names, *rest]].astype({column.name: column.dtype for column in columns})
    except (TypeError, ValueError) as error:
        raise StoreError(f"the store holds a value of the wrong type: {error}.") from error


def _outcomes(members: pd.DataFrame) -> pd.DataFrame:
    """Reports of the newest attempt of each trial; rows without a report are empty."""
    spent = list(Seconds.model_fields)
    names = ["reason", "parameters", "best_epoch", "engine", "xla", "reused"]
    empty = [None] * (len(names) + len(spent))
    rows: list[list[Any]] = []
    for status, text in zip(members["status"], members["outcome"], strict=True):
        if status in _OPEN or not isinstance(text, str):
            rows.append(empty)
            continue
        found = Outcome.model_validate_json(text)
        row = [found.reason, found.parameters, found.best_epoch]
        if status in FINAL:
            seconds = [getattr(found.seconds, part) for part in spent]
            rows.append([*row, found.engine, found.xla, found.reused, *seconds])
        else:
            rows.append([*row, *empty[len(row) :]])
    return pd.DataFrame(rows, columns=[*names, *(f"seconds_{part}" for part in spent)])


def _levels(members: pd.DataFrame, study: Study, arms: Sequence[Arm]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            column(factor): members["arm"].map(
                {arm.index: label(arm.levels[factor]) for arm in arms}
            )
            for factor in study.factors
        }
    ).astype("str")


def _proposed(members: pd.DataFrame, study: Study) -> pd.DataFrame:
    """One column per tuned hyperparameter: numbers as numbers, everything else as text."""
    known = {text: json.loads(text) for text in members["hyperparameters"].unique()}
    rows = [known[text] for text in members["hyperparameters"]]
    names = list(study.tune.space) if study.tune else []
    names += sorted({name for row in known.values() for name in row} - set(names))
    found = {}
    for name in names:
        given = [row.get(name) for row in rows]
        if any(isinstance(value, str | bool) for value in given):
            found[column(name)] = pd.Series(
                ["" if value is None else label(value) for value in given], dtype="str"
            )
        else:
            found[column(name)] = pd.Series(given, dtype="float64")
    return pd.DataFrame(found, index=members.index)


def _account(trials: pd.DataFrame, study: Study, metric: Metric) -> tuple[pd.DataFrame, pd.Series]:
    """Mark the trials that enter estimates; give the reason for the others."""
    why = trials["status"].where(~trials["status"].isin(FINAL), "")
    reported = (why != "") & (trials["reason"] != "")
    why = why.where(~reported, why + ": " + trials["reason"])
    needed = {"confirm": str(metric), "tune": study.tune.objective if study.tune else ""}
    for phase, name in needed.items():
        completed = (trials["phase"] == phase) & (trials["status"] == "completed")
        absent = trials[name].isna() if name in trials else pd.Series(data=True, index=trials.index)
        why = why.where(~(completed & absent), f"completed, but {name} was not measured")
    return trials.assign(counted=why == ""), why


def _require_results(trials: pd.DataFrame, study: Study, why: pd.Series) -> None:
    confirm = trials["phase"] == "confirm"
    if trials.loc[confirm, "counted"].any():
        return
    reasons = (why[confirm] if confirm.any() else why).value_counts()
    parts = [f"{count} {reason or 'finished tune trials'}" for reason, count in reasons.items()]
    raise NothingToReportError(
        f"study {study.name!r} has no finished confirm trial yet"
        f"{' (' + ', '.join(parts[:3]) + ')' if parts else ''}. Run it first, or let it go on."
    )


def _epochs(members: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """One row per place and epoch; the order of places is kept."""
    places = members[[*PLACE, "row"]].assign(place=np.arange(len(members)))
    joined = places.merge(curves, on="row").sort_values(["place", "epoch"], ignore_index=True)
    return _conform(joined.drop(columns=["row", "place"]), EPOCHS)
