"""Finds out what is missing of a study, as far as it is known yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness import catalog, design, proposers
from harness.coordinator.queueing import Queued
from harness.records import FINAL, Member
from harness.spec import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.coordinator.progress import Progress, Tally
    from harness.coordinator.queueing import Queue
    from harness.coordinator.starting import OnDemand
    from harness.design import Plan
    from harness.records import Result
    from harness.spec import Arm, Phase, Reference, Scalar, Trial, Tune
    from harness.store import Store


@dataclass(slots=True)
class Search:
    """The search of one arm, until all of its tune trials have ended.

    Args:
        arm: whose hyperparameters are searched.
        missing: keys of the trials that have not ended.
    """

    arm: Arm
    missing: set[str]

    @property
    def done(self) -> bool:
        """True if a candidate can be chosen."""
        return not self.missing


@dataclass(slots=True, kw_only=True)
class Enrolment:
    """Gives trials their place in store, queue and progress.

    Args:
        plan: of the study.
        store: which says what is finished.
        revision: of the study in that store.
        executor: where proposals come from.
        queue: which gets what is missing.
        progress: which gets what there is.
        tally: which gets what a person should know of it.
        candidates: hyperparameters that every arm tries, once they are known.
        searches: those that have not ended, by index of their arm.
    """

    plan: Plan
    store: Store
    revision: int
    executor: OnDemand
    queue: Queue
    progress: Progress
    tally: Tally
    candidates: list[dict[str, Scalar]] = field(default_factory=list)
    searches: dict[int, Search] = field(default_factory=dict)

    def enrol_all(self) -> None:
        """Enrol arms and references; what a search has yet to choose is only counted."""
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
        """Draw the conclusions of a trial that has ended."""
        self.progress.finish(key)
        for arm, _ in self.progress.members[key]:
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
        """Proposals for every arm; the store keeps them as they were first made."""
        seed = self.plan.study.seed
        token = proposers.token(tune, seed)
        known = self.store.proposals(token)
        if known is None:
            known = self.executor.get().propose(tune, seed)
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
            The keys of those that are not finished.
        """
        found = members(self.plan, row, phase, candidates, replicates)
        self.store.enrol(self.revision, row.index, phase, found)
        if row.index < len(self.plan.arms):  # a reference measures what it can
            self._reopen(row.index, phase)
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
            self.executor.get()  # its workers load Keras while the rest is laid out
            if not known:
                program = design.program_key(trial, self.plan.card)
                self.queue.add(Queued(trial=trial, key=key, program=program))
        return missing

    def _reopen(self, arm: int, phase: Phase) -> None:
        """Train again what is finished, but has not measured what the study goes by."""
        tune = self.plan.study.tune
        wanted = tune.objective if tune and phase == "tune" else str(self.plan.metric)
        lacking = self.store.lacking(self.revision, arm, phase, wanted)
        if lacking:
            self.store.reopen(lacking, f"{wanted} was not measured")
            self.tally.reopened[wanted] += len(lacking)

    def _select(self, search: Search) -> None:
        """Once a search is done, enrol the confirm trials of its arm."""
        tune, arm = self.plan.study.tune, search.arm
        if tune is None or not search.done:
            return
        del self.searches[arm.index]
        tried = self.store.results(self.revision, arm.index, "tune", len(self.candidates))
        chosen = best(tried, tune.objective)
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
    """The trials of an arm or a reference in one phase, with their places in the study.

    Args:
        plan: of the study.
        row: the arm or the reference.
        phase: of the trials.
        candidates: hyperparameters by index of the candidate.
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


def best(tried: Sequence[Sequence[Result]], objective: str) -> int | None:
    """Index of the candidate to confirm, or ``None`` if every one failed.

    Args:
        tried: for each candidate, the results of its replicates.
        objective: the metric that counts.
    """
    metric = Metric.parse(objective)
    minimize = catalog.METRICS[metric.name].direction == "minimize"
    return proposers.choose(tried, str(metric), minimize=minimize)
