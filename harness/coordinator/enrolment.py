"""Enrolment of the trials of a study: the missing ones are queued."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness import catalog, design, objects, proposers
from harness.coordinator.queueing import Queued
from harness.records import FINAL, Member
from harness.spec import INSIDE, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.coordinator.progress import Progress, Tally
    from harness.coordinator.queueing import Queue
    from harness.design import Plan
    from harness.executors import Executor
    from harness.records import Result
    from harness.spec import Arm, Phase, Reference, Scalar, Trial, Tune
    from harness.store import Store


@dataclass(slots=True)
class Search:
    """Search of one arm, open until all of its tune trials have ended.

    Args:
        arm: arm whose hyperparameters are searched.
        missing: keys of its tune trials that have not ended.
    """

    arm: Arm
    missing: set[str]

    @property
    def done(self) -> bool:
        """True once a candidate can be chosen."""
        return not self.missing


@dataclass(slots=True, kw_only=True)
class Enrolment:
    """Enrolment of all trials of a study, in its store and in the queue.

    Args:
        plan: plan of the study.
        store: store of the study.
        revision: revision of the study in that store.
        executor: function that returns the executor, and starts it when it is first called.
        queue: queue for the missing trials.
        progress: state of the run, in which trials are counted.
        tally: messages for the end of the run.
        candidates: hyperparameters that every arm tries; empty before they are known.
        searches: open searches, by index of their arm.
        whole: keys of trials whose weights are there, looked at once for all that need them.
    """

    plan: Plan
    store: Store
    revision: int
    executor: Callable[[], Executor]
    queue: Queue
    progress: Progress
    tally: Tally
    candidates: list[dict[str, Scalar]] = field(default_factory=list)
    searches: dict[int, Search] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)

    def enrol_all(self) -> None:
        """Enrol all trials that are known. Those that follow a search are only counted."""
        study = self.plan.study
        for row in self.plan.rows:
            self.progress.total[row.index, "confirm"] = study.replicates
        for reference in self.plan.references:
            self._enrol(reference, "confirm", {0: {}}, study.replicates)
        if study.tune:
            self._search_all(study.tune)
            return
        for arm in self.plan.arms:
            self._enrol(arm, "confirm", {0: {}}, study.replicates)

    def settle(self, key: str) -> None:
        """Count a trial as done; after the last trial of a search, enrol what it leads to."""
        self.progress.finish(key)
        for arm, _ in self.progress.members.get(key, ()):
            search = self.searches.get(arm)
            if search and key in search.missing:
                search.missing.discard(key)
                self._select(search)

    def _search_all(self, tune: Tune) -> None:
        self.candidates = self._proposals(tune)
        tried = dict(enumerate(self.candidates))
        for arm in self.plan.arms:
            self.progress.total[arm.index, "tune"] = len(tried) * tune.replicates
            missing = self._enrol(arm, "tune", tried, tune.replicates)
            self.searches[arm.index] = Search(arm, missing)
            self._select(self.searches[arm.index])

    def _proposals(self, tune: Tune) -> list[dict[str, Scalar]]:
        """Load the candidates from the store, or ask for them once and keep them there."""
        seed = self.plan.study.seed
        token = proposers.token(tune, seed)
        known = self.store.proposals(token)
        if known is None:
            known = self.executor().propose(tune, seed)
            self.store.propose(token, known)
        return known

    def _enrol(
        self,
        row: Arm | Reference,
        phase: Phase,
        candidates: Mapping[int, dict[str, Scalar]],
        replicates: int,
    ) -> set[str]:
        """Enrol the trials of an arm or a reference in one phase.

        Returns:
            Keys of the trials that are not finished.
        """
        found = members(self.plan, row, phase, candidates, replicates)
        self.store.enrol(self.revision, row.index, phase, found)
        wanted = self.plan.wanted(row, phase)
        self._reopen(row.index, phase, wanted)
        statuses = self.store.statuses(row.index, phase, self.revision)
        missing = set()
        for member, trial in found:
            key = member.trial
            known = key in self.progress.members
            self.progress.members.setdefault(key, []).append((row.index, phase))
            if statuses[key] in FINAL:
                self.progress.done[row.index, phase] += 1
                continue
            missing.add(key)
            self.executor()  # its workers load Keras while the rest is laid out
            if not known and key not in self.progress.needed:
                self._queue(trial, key, wanted)
        return missing

    def _reopen(self, arm: int, phase: Phase, wanted: Sequence[str]) -> None:
        """Reopen finished trials that lack what the study wants of them."""
        for one in wanted:
            lacking = self.store.lacking(self.revision, arm, phase, one)
            if lacking:
                told = "their inside" if one.startswith(INSIDE) else one
                self.store.reopen(lacking, f"{told} was not measured")
                self.tally.reopened[told] += len(lacking)

    def _queue(self, trial: Trial, key: str, wanted: tuple[str, ...]) -> None:
        """Queue a trial behind those that it needs; a trial that several need is queued once."""
        place = self.progress.place(key)
        unfinished = []
        for needed in trial.needs:
            other = needed.key
            if self._handed_on(other):
                continue
            unfinished.append(other)
            if other in self.progress.needed:
                continue
            self.progress.needed[other] = place
            if self.store.status(other) not in FINAL and other not in self.progress.members:
                self._queue(needed, other, ())
        program = design.program_key(trial, self.plan.card)
        queued = Queued(trial=trial, key=key, program=program, wanted=wanted)
        self.queue.add(queued, unfinished)

    def _handed_on(self, key: str) -> bool:
        """True if a trial has completed, with its weights; one without is to be trained again."""
        if key in self.whole:
            return True
        if self.store.status(key) != "completed":
            return False
        if objects.is_whole(self.store.folder, self.store.weights(key)):
            self.whole.add(key)
            return True
        self.store.reopen([key], "its weights were not kept")
        return False

    def _select(self, search: Search) -> None:
        """Enrol the confirm trials of an arm, once its search is done."""
        tune, arm = self.plan.study.tune, search.arm
        if tune is None or not search.done:
            return
        del self.searches[arm.index]
        tried = self.store.results(self.revision, arm.index, "tune", len(self.candidates))
        chosen = chosen_candidate(tried, tune.objective)
        if chosen is None:
            self.progress.total[arm.index, "confirm"] = 0
            problem = "no trial of its search succeeded, so there is nothing to confirm"
            self.tally.problems[f"{arm.label}: {problem}"] += 1
            return
        confirmed = {chosen: self.candidates[chosen]}
        self._enrol(arm, "confirm", confirmed, self.plan.study.replicates)


def members(
    plan: Plan,
    row: Arm | Reference,
    phase: Phase,
    candidates: Mapping[int, dict[str, Scalar]],
    replicates: int,
) -> list[tuple[Member, Trial]]:
    """List the trials of an arm or a reference in one phase, with their places in the study.

    Args:
        plan: plan of the study.
        row: the arm or the reference.
        phase: phase of the trials.
        candidates: hyperparameters, by index of the candidate.
        replicates: number of trials for each candidate.
    """
    found = []
    for index, hyperparameters in candidates.items():
        for replicate in range(replicates):
            trial = plan.trial(row, hyperparameters, phase, replicate)
            member = Member(
                arm=row.index,
                phase=phase,
                candidate=index,
                replicate=replicate,
                hyperparameters=hyperparameters,
                trial=trial.key,
            )
            found.append((member, trial))
    return found


def chosen_candidate(tried: Sequence[Sequence[Result]], objective: str) -> int | None:
    """Choose the candidate to confirm.

    Args:
        tried: results of the replicates, for each candidate.
        objective: metric that decides.

    Returns:
        Index of the candidate, or ``None`` if all failed.
    """
    metric = Metric.parse(objective)
    minimize = catalog.METRICS[metric.name].direction == "minimize"
    return proposers.choose(tried, str(metric), minimize=minimize)
