"""The store as tidy frames: one row per trial, one row per epoch, and every trial accounted for.

Rows are ordered by their place in the study (arm, phase, candidate, replicate), never by when
they finished, so that the same results make the same report however they were computed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness import catalog, objects
from harness.errors import NothingToReportError, StoreError, nearest
from harness.records import FINAL, Environment, Revision, Seconds
from harness.spec import Arm, Metric, Reference, Study, label
from harness.store.contents import contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.spec import Level
    from harness.store.contents import Contents, Curves, Rows

PLACE = ["arm", "phase", "candidate", "replicate"]
"""Columns that together name a row of the trials frame."""

_ALIKE = ("data", "task", "seed", "best", "threads", "engine", "precision", "xla", "deterministic")
"""Parts of a trial's definition, beside its settings, that are the same in all arms."""

_PHASES = ["tune", "confirm"]


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
    Column(name="route", dtype="str", note="program, or fit for a network it cannot express"),
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
INSIDE = (
    Column(name="arm", dtype="int64", note="index of the arm"),
    Column(name="label", dtype="str", note="its levels, as tables print them"),
    Column(name="replicate", dtype="int64", note="which random streams, shared by all arms"),
    Column(name="layer", dtype="str", note="name of the layer; (network) for the whole"),
    Column(name="depth", dtype="Int64", note="its place, the first is 1; none of the whole"),
    Column(name="epochs", dtype="int64", note="trained before it was measured; 0 at the start"),
    Column(name="quantity", dtype="str", note="what was measured, such as gradient_rms"),
    Column(name="value", dtype="float64", note="the number"),
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
        sources: one row per training that arms start from: ``source`` (its name), ``replicate``,
            ``key`` and ``status`` of its trial, and one column per test quantity of its best epoch.
        samples: digest of the generated cases that were kept, by arm and replicate.
        features: digest of the outputs of layers that were kept, by arm and replicate.
        seen: digest of what a network said of some test cases, by arm and replicate.
        inside: one row per arm, replicate, layer, epoch and quantity that was measured inside its
            network, columns ``INSIDE``; empty where the study asks for none.
        folder: of the store.
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
    sources: pd.DataFrame = field(default_factory=pd.DataFrame)
    samples: Mapping[tuple[int, int], str] = field(default_factory=dict)
    features: Mapping[tuple[int, int], str] = field(default_factory=dict)
    seen: Mapping[tuple[int, int], str] = field(default_factory=dict)
    inside: pd.DataFrame = field(default_factory=pd.DataFrame)
    folder: Path = Path()

    def generated(self, arm: int, replicate: int) -> Mapping[str, NDArray[Any]] | None:
        """Generated cases of a replicate: ``real`` ones, and those of some epochs.

        Returns:
            Arrays of shape ``(cases, width)`` by name, such as ``epoch_99``; ``None`` where none
            were kept, or their file is gone or damaged.
        """
        return self.kept(self.samples, arm, replicate)

    def kept(
        self, which: Mapping[tuple[int, int], str], arm: int, replicate: int
    ) -> Mapping[str, NDArray[Any]] | None:
        """Arrays that a training has left, by name; ``None`` where there are none, or damaged ones.

        Args:
            which: ``samples``, ``features`` or ``seen``.
            arm: index of the arm.
            replicate: index of the replicate.
        """
        digest = which.get((arm, replicate))
        return None if digest is None else objects.read_arrays(self.folder, digest)

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
    found = contents(folder)
    study, metric = found.study, found.metric
    _check_known(study, metric, folder)
    arms, references = tuple(_arms(study)), catalog.references(study)
    measured = pd.DataFrame(found.metrics.values, columns=[*found.metrics.names])
    measured.insert(0, "row", found.metrics.trials)
    members = _frame(found.places)
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
        card=found.card,
        code=found.code,
        arms=arms,
        references=references,
        measured=_measured(others, measured),
        trials=trials,
        epochs=_epochs(members, found.curves),
        environments={
            key: found.environments[key] for key in sorted(used) if key in found.environments
        },
        skipped=trials.assign(why=why)[~trials["counted"]].reset_index(drop=True),
        engines=found.engines,
        notes=(*found.card.notes, *found.notes),
        settings={
            arm: {name: trial.get(name) for name in _ALIKE} | trial["settings"]
            for arm, trial in found.definitions.items()
            if arm < len(arms)
        },
        revisions=found.revisions,
        trained=found.trained,
        sources=_sources(found, arms),
        samples=_kept(found, "samples"),
        features=_kept(found, "features"),
        seen=_kept(found, "seen"),
        inside=_inside(found, arms),
        folder=folder,
    )


def _kept(found: Contents, kind: str) -> dict[tuple[int, int], str]:
    """Digest of the files of one kind, by arm and replicate."""
    return {
        (arm, replicate): digest
        for arm, replicate, own, _, digest in found.artifacts.rows
        if own == kind
    }


def _inside(found: Contents, arms: Sequence[Arm]) -> pd.DataFrame:
    """Numbers of layers, in the order of the study, of epochs and of layers."""
    rows = _frame(found.inside)
    rows = rows[rows["arm"] < len(arms)]
    rows["quantity"] = rows["quantity"].str.removeprefix("inside/")
    place = ["arm", "replicate", "layer"]
    # Written down at every epoch, and the same at all of them.
    depths = rows[rows["quantity"] == "depth"].drop_duplicates(place)[[*place, "value"]]
    rows = rows[rows["quantity"] != "depth"].merge(
        depths.rename(columns={"value": "depth"}), how="left", on=place
    )
    rows["label"] = rows["arm"].map({arm.index: arm.label for arm in arms})
    rows["epochs"] = rows["epoch"] + 1
    order = ["arm", "replicate", "epochs", "depth", "quantity"]
    rows = _conform(rows.drop(columns="epoch"), INSIDE)
    return rows[[column.name for column in INSIDE]].sort_values(order, ignore_index=True)


def _sources(found: Contents, arms: Sequence[Arm]) -> pd.DataFrame:
    """Trainings that arms start from, each but once."""
    rows = _frame(found.sources)
    given = [{**found.study.fixed, **arm.levels} for arm in arms]
    judge = "" if found.study.sources else next(iter(found.card.sources), "")
    rows["source"] = [str(given[arm].get("source", judge)) for arm in rows["arm"]]
    place = ["source", "replicate", "key", "status"]
    measured = rows.dropna(subset="quantity").drop_duplicates([*place, "quantity"])
    wide = measured.pivot_table("value", place, "quantity", aggfunc="first").reset_index()
    return rows[place].drop_duplicates(ignore_index=True).merge(wide, how="left", on=place)


def _check_known(study: Study, metric: Metric, folder: Path) -> None:
    """Refuse a study by a metric that this version does not know: no direction, no unit.

    Raises:
        StoreError: naming the metric.
    """
    aims = [metric.quantity, *([study.choosing] if study.best else [])]
    aims += [study.tune.aim.quantity] if study.tune else []
    unknown = [one.name for one in aims if one.name not in catalog.METRICS]
    if unknown:
        raise StoreError(
            f"expected a study by metrics of the catalogue in {folder.name!r}. Received: "
            f"{unknown[0]!r}. {nearest(unknown[0], catalog.METRICS)} Read it with the version of "
            "keras-harness that wrote it."
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


def _arms(study: Study) -> Iterable[Arm]:
    """The full factorial, last factor fastest: the order that members count in."""
    for index, levels in enumerate(product(*study.factors.values())):
        named: dict[str, Level] = dict(zip(study.factors, levels, strict=True))
        yield Arm(index=index, levels=named)


def _frame(table: Rows) -> pd.DataFrame:
    return pd.DataFrame(table.rows, columns=[*table.names])


def _in_order(series: pd.Series) -> pd.Series:
    return series.map(_PHASES.index) if series.name == "phase" else series


def _trials(
    members: pd.DataFrame,
    measured: pd.DataFrame,
    study: Study,
    arms: Sequence[Arm],
) -> pd.DataFrame:
    parts = [
        members.drop(columns=["row"]),
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
    reasons = members["reason"].fillna("").astype("str")
    numbers = members[["row"]].merge(measured, on="row", how="left").drop(columns="row")
    return pd.concat([members[["arm", "replicate", "status"]], reasons, numbers], axis="columns")


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


def _epochs(members: pd.DataFrame, curves: Curves) -> pd.DataFrame:
    """One row per place and epoch; the order of places is kept."""
    frame = pd.DataFrame(curves.values, columns=[*curves.names])
    frame.insert(0, "row", curves.trials)
    frame.insert(1, "epoch", curves.epochs)
    places = members[[*PLACE, "row"]].assign(place=np.arange(len(members)))
    joined = places.merge(frame, on="row").sort_values(["place", "epoch"], ignore_index=True)
    return _conform(joined.drop(columns=["row", "place"]), EPOCHS)
