"""The coordinator: the only process that decides, and the only one that writes."""

from __future__ import annotations

import signal
import time
from collections import Counter, deque
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING

from harness import catalog, datasets, design, environment, proposers
from harness.coordinator import waiting
from harness.coordinator.progress import Finished, Progress
from harness.coordinator.rehearsal import Rehearsing, place_name
from harness.coordinator.signals import answered, ticking
from harness.coordinator.waiting import TimeLimitError, Wait
from harness.errors import StoreError
from harness.executors import Attempt, Died, Ended, Setup, Started, messages
from harness.records import FINAL, Member, Outcome
from harness.spec import Metric
from harness.store import definition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.design import Plan
    from harness.executors import Executor
    from harness.records import Environment
    from harness.spec import Arm, Phase, Reference, Scalar, Trial
    from harness.store import Store

ATTEMPTS = 2
"""Attempts that a trial gets in one run when its process dies under it."""

GRACE = 10.0
"""Seconds that running trials get to end after a first interrupt."""

WAIT = 0.2


class _StoppedError(Exception):
    """A signal came before anything was begun."""


class Coordinator:
    """One run of one study, for as long as its store is open.

    Args:
        plan: of the study.
        store: where results go.
        setup: what an executor needs.
        workers: number of worker processes; 0 trains in this one.
        mixed_environment: whether results of other versions may be joined.
        replace: whether another study of the same name may give up its place.
        report: called whenever a trial begins or ends.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        setup: Setup,
        *,
        workers: int,
        mixed_environment: bool,
        replace: bool,
        report: Callable[[Progress], None],
    ) -> None:
        """Begin with nothing known of what is done."""
        self._plan, self._store, self._setup, self._workers = plan, store, setup, workers
        self._report = report
        self._progress = Progress(plan)
        self._mixed, self._replace = mixed_environment, replace
        self._environment = environment.observe()
        self._token = ""
        self._revision = 0
        self._pending: dict[str, deque[Trial]] = {}
        self._places: dict[str, list[tuple[int, Phase]]] = {}
        self._open: dict[str, Attempt] = {}
        self._active: set[str] = set()
        self._at: dict[str, int] = {}
        self._longest = 0.0
        self._deaths: Counter[str] = Counter()
        self._trained = 0
        self._failed = 0
        self._problems: Counter[str] = Counter()
        self._reopened: Counter[str] = Counter()
        self._notes = dict.fromkeys((*plan.card.notes, *plan.notes))
        self._searching: dict[int, set[str]] = {}
        self._candidates: list[dict[str, Scalar]] = [{}]
        self._executor: Executor | None = None
        self._stop: signal.Signals | None = None

    def finish(self) -> Finished:
        """Train all that is missing, unless a signal comes first.

        Raises:
            StudyError: if that would hide the results of another study of this name.
        """
        before = definition(self._store.folder)
        earlier = self._store.revision()
        changed = design.changes(before, self._plan) if before else []
        if before and not self._replace:
            design.check_place(before, self._plan, self._store.finished(earlier))
        self._recover()
        watched = nullcontext() if self._workers else ticking(self._tick)
        with answered(self._interrupt), self._closing(), watched:
            if self._begin():
                self._train()
                self._abandon()
            else:
                changed = []
        return Finished(
            folder=self._store.folder,
            trained=self._trained,
            reused=self._progress.reused,
            failed=self._failed,
            changed=tuple(changed),
            kept=self._store.finished(earlier, outside=self._store.revision()),
            problems=tuple(
                f"{text} ({count} trials)" if count > 1 else text
                for text, count in self._problems.items()
            ),
            interrupted=self._stop,
            notes=(*self._notes, *self._told_again()),
        )

    def _told_again(self) -> list[str]:
        """What was finished, and had to be trained all the same."""
        return [
            f"{count} finished trials were trained again, because they had not measured {metric}"
            for metric, count in self._reopened.items()
        ]

    def _begin(self) -> bool:
        """Make this the study's definition, once all its networks could be built.

        Returns:
            Whether no signal came before. If one did, or if something is wrong, the store shows
            what it showed before.
        """
        plan = self._plan
        try:
            with self._store.at_once():
                self._revision = self._store.revise(
                    plan.study, str(plan.metric), asdict(plan.card), plan.code
                )
                self._enrol_all()
                self._progress.reused = self._progress.done.total()
                self._progress.started = time.monotonic()
                self._report(self._progress)
                self._rehearse()
                self._go_on()
        except _StoppedError:
            return False
        return True

    def _go_on(self) -> None:
        if self._stop:
            raise _StoppedError

    # -- what is missing ---------------------------------------------------------------------

    def _recover(self) -> None:
        """Take in what an earlier run left: outcomes that no one noted, attempts without end."""
        folder = self._setup.attempts
        for key, number in self._store.open_attempts():
            left = messages.read_result(folder, key, number)
            gone = Outcome(status="interrupted", reason="the coordinator ended before it did")
            self._store.end(key, number, left or gone)
        for file in (*folder.glob("*"), *(self._store.folder / "objects").glob(".tmp-*")):
            if messages.is_ours(file):
                file.unlink()

    def _enrol_all(self) -> None:
        """Give every trial its place, as far as they are known yet."""
        study = self._plan.study
        for row in self._plan.rows:
            self._progress.total[row.index, "confirm"] = study.replicates
        for reference in self._plan.references:
            self._enrol(reference, "confirm", {0: {}}, study.replicates)
        if not study.tune:
            for arm in self._plan.arms:
                self._enrol(arm, "confirm", {0: {}}, study.replicates)
            return
        self._candidates = self._proposals()
        found = dict(enumerate(self._candidates))
        for arm in self._plan.arms:
            self._progress.total[arm.index, "tune"] = len(found) * study.tune.replicates
            self._searching[arm.index] = self._enrol(arm, "tune", found, study.tune.replicates)
            self._select(arm)

    def _proposals(self) -> list[dict[str, Scalar]]:
        study = self._plan.study
        assert study.tune
        token = proposers.token(study.tune, study.seed)
        known = self._store.proposals(token)
        if known is None:
            known = self._running_executor().propose(study.tune, study.seed)
            self._store.propose(token, known)
        return known

    def _enrol(
        self,
        arm: Arm | Reference,
        phase: Phase,
        candidates: Mapping[int, dict[str, Scalar]],
        replicates: int,
    ) -> set[str]:
        """Enrol the trials of an arm or a reference in one phase.

        Returns:
            The keys of those that are not finished.
        """
        members = []
        for index, hyperparameters in candidates.items():
            for replicate in range(replicates):
                trial = self._plan.trial(arm, hyperparameters, phase, replicate)
                member = Member(
                    arm=arm.index,
                    phase=phase,
                    candidate=index,
                    replicate=replicate,
                    hyperparameters=hyperparameters,
                    trial=trial.key,
                )
                members.append((member, trial))
        self._store.enrol(self._revision, arm.index, phase, members)
        if arm.index < len(self._plan.arms):  # a reference measures what it can
            self._reopen(arm.index, phase)
        statuses = self._store.statuses(arm.index, phase, self._revision)
        missing = set()
        for member, trial in members:
            key = member.trial
            waiting = key in self._places
            self._places.setdefault(key, []).append((arm.index, phase))
            if statuses[key] in FINAL:
                self._progress.done[arm.index, phase] += 1
                continue
            missing.add(key)
            self._running_executor()  # its workers load Keras while the rest is laid out
            if not waiting:
                program = design.program_key(trial, self._plan.card)
                self._pending.setdefault(program, deque()).append(trial)
        return missing

    def _reopen(self, arm: int, phase: Phase) -> None:
        """Train again what is finished, but has not measured what the study goes by."""
        tune = self._plan.study.tune
        wanted = tune.objective if tune and phase == "tune" else str(self._plan.metric)
        lacking = self._store.lacking(self._revision, arm, phase, wanted)
        if lacking:
            self._store.reopen(lacking, f"{wanted} was not measured")
            self._reopened[wanted] += len(lacking)

    def _select(self, arm: Arm) -> None:
        """Once an arm's search is done, enrol its confirm trials."""
        study = self._plan.study
        if arm.index not in self._searching or self._searching[arm.index]:
            return
        assert study.tune
        del self._searching[arm.index]
        objective = Metric.parse(study.tune.objective)
        minimize = catalog.METRICS[objective.name].direction == "minimize"
        tried = self._store.results(self._revision, arm.index, "tune", len(self._candidates))
        chosen = proposers.choose(tried, str(objective), minimize=minimize)
        if chosen is None:
            self._progress.total[arm.index, "confirm"] = 0
            self._problems[
                f"{arm.label}: no trial of its search succeeded, so there is nothing to confirm"
            ] += 1
            return
        self._enrol(arm, "confirm", {chosen: self._candidates[chosen]}, study.replicates)

    # -- training it -------------------------------------------------------------------------

    def _rehearse(self) -> None:
        """Build every network before the first is trained.

        Raises:
            TemplateError: naming the arms whose networks cannot be built.
        """
        programs = {program: trials[0] for program, trials in self._pending.items()}
        if not programs:
            return
        rehearsing = Rehearsing(
            plan=self._plan,
            executor=self._running_executor(),
            arm=self._place_of,
            waits=self._progress.waits,
            look=self._look,
            stopped=lambda: self._stop is not None,
        )
        self._notes |= rehearsing.rehearse(programs)

    def _look(self) -> None:
        """Tell what has been waited for so long that a person may wonder."""
        if waiting.lasting(self._progress.waits):
            self._report(self._progress)

    def _tick(self) -> None:
        """Look around in the middle of what this process does itself."""
        self._look()
        if any(wait.over for wait in self._progress.waits.values()):
            raise TimeLimitError

    def _await(self, attempt: Attempt) -> None:
        """Note that a training has begun, to be mentioned if it takes longer than others did."""
        arm, phase = self._places[attempt.key][0]
        where = place_name(self._at.get(attempt.key))
        replicate = f"{phase}, replicate {attempt.trial.replicate}"
        self._progress.waits[attempt.key] = Wait(
            what=f"{self._plan.rows[arm].label} ({replicate}) to be trained {where}",
            quiet=max(waiting.QUIET_TRAINING, waiting.LONGER * self._longest),
        )

    def _place_of(self, key: str) -> int:
        return self._places[key][0][0]

    def _train(self) -> None:
        while (self._pending or self._open) and not self._stop:
            self._hand_over()
            self._take(WAIT)
        deadline = time.monotonic() + GRACE
        while self._open and time.monotonic() < deadline and self._workers:
            self._withdraw_waiting()
            self._take(WAIT)

    def _hand_over(self) -> None:
        """Give every free place an attempt, preferably one whose program it has."""
        executor = self._running_executor()
        while self._pending:
            left = sum(map(len, self._pending.values()))
            places = executor.free(ahead=left > 2 * self._workers)
            if not places:
                return
            place = places[0]
            others = [executor.programs(other) for other in range(self._workers) if other != place]
            program = _choose(self._pending, executor.programs(place), frozenset().union(*others))
            trial = self._pending[program].popleft()
            if not self._pending[program]:
                del self._pending[program]
            key = trial.key
            number = self._store.begin(key, self._token, self._workers)
            attempt = Attempt(trial=trial, key=key, number=number, program=program)
            self._open[key] = attempt
            if self._workers:
                self._at[key] = place
            executor.submit(place, attempt)

    def _take(self, timeout: float) -> None:
        event = self._running_executor().next_event(timeout)
        match event:
            case Started(attempt=attempt) if attempt.key in self._open:
                self._await(attempt)
                self._active.add(attempt.key)
                self._count(self._progress.running, attempt.key, 1)
            case Ended(attempt=attempt, outcome=outcome) if attempt.key in self._open:
                self._end(attempt, outcome)
            case Died():
                self._bury(event)
        if event:
            self._report(self._progress)
        else:
            self._look()

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Commit an outcome, and draw the conclusion of a finished search."""
        self._close_attempt(attempt, outcome)
        left = messages.result_file(self._setup.attempts, attempt.key, attempt.number)
        left.unlink(missing_ok=True)
        if outcome.status in FINAL:
            self._trained += 1
        else:
            self._fail(attempt.key, outcome)
        self._settle(attempt.key)

    def _settle(self, key: str) -> None:
        self._count(self._progress.done, key, 1)
        for arm, _ in self._places[key]:
            if key in self._searching.get(arm, ()):
                self._searching[arm].discard(key)
                self._select(self._plan.arms[arm])

    def _fail(self, key: str, outcome: Outcome) -> None:
        arm, phase = self._places[key][0]
        self._failed += 1
        label = self._plan.rows[arm].label
        self._problems[f"{label} ({phase}): {outcome.status}: {outcome.reason}"] += 1

    def _bury(self, death: Died) -> None:
        """A worker died: its attempt is lost, what waited for it goes back into the queue."""
        for attempt in (one for one in death.unstarted if one.key in self._open):
            reason = f"never started; its worker ended before: {death.reason}"
            self._close_attempt(attempt, Outcome(status="interrupted", reason=reason))
            self._pending.setdefault(attempt.program, deque()).appendleft(attempt.trial)
        lost = death.lost
        if lost is None or lost.key not in self._open:
            return
        outcome = Outcome(status="lost", reason=death.reason)
        self._close_attempt(lost, outcome)
        self._deaths[lost.key] += 1
        if self._deaths[lost.key] < ATTEMPTS:
            self._pending.setdefault(lost.program, deque()).append(lost.trial)
        else:
            self._fail(lost.key, outcome)
            self._settle(lost.key)

    def _close_attempt(self, attempt: Attempt, outcome: Outcome) -> None:
        self._store.end(attempt.key, attempt.number, outcome)
        del self._open[attempt.key]
        ended = self._progress.waits.pop(attempt.key, None)
        self._longest = max(self._longest, ended.seconds if ended else 0.0)
        if attempt.key in self._active:
            self._active.discard(attempt.key)
            self._count(self._progress.running, attempt.key, -1)

    def _count(self, counter: Counter[tuple[int, str]], key: str, step: int) -> None:
        for place in self._places[key]:
            counter[place] += step

    # -- stopping ----------------------------------------------------------------------------

    def _interrupt(self, number: int) -> None:
        """First signal: nothing new begins. Second: at once."""
        if self._stop:
            raise KeyboardInterrupt
        self._stop = signal.Signals(number)

    def _withdraw_waiting(self) -> None:
        """During the grace only what is being trained is waited for."""
        for key, attempt in list(self._open.items()):
            if key not in self._active:
                self._close_attempt(attempt, Outcome(status="interrupted", reason="not started"))

    def _abandon(self) -> None:
        for attempt in list(self._open.values()):
            reason = f"stopped by {self._stop.name}" if self._stop else "stopped"
            self._close_attempt(attempt, Outcome(status="interrupted", reason=reason))

    def _running_executor(self) -> Executor:
        """The executor, started when the first work for it turns up."""
        if self._executor is None:
            self._check_environment()
            datasets.obtain(self._setup.card.reference)
            self._token = self._store.remember(self._environment)
            if self._workers:
                from harness.executors.slots import Slots

                self._executor = Slots(self._setup, self._workers)
            else:
                from harness.executors.inline import Inline

                self._executor = Inline(self._setup)
        return self._executor

    def _check_environment(self) -> None:
        """Results of other versions are not mixed in unasked.

        Raises:
            StoreError: naming what differs.
        """
        now = self._environment
        for before in [] if self._mixed else self._store.environments():
            parts, current = _parts(before), _parts(now)
            for name in sorted(parts.keys() | current.keys()):
                if parts.get(name) != current.get(name):
                    raise StoreError(
                        f"{str(self._store.folder)!r} holds results made with {name} "
                        f"{parts.get(name, 'unset')}; here it is {current.get(name, 'unset')}. "
                        "Trials of both would not be comparable. Use --root for a new folder, or "
                        "--mixed-environment to go on all the same; the report will say so."
                    )

    @contextmanager
    def _closing(self) -> Iterator[None]:
        try:
            yield
        finally:
            if self._executor:
                self._executor.close()


def _parts(observed: Environment) -> dict[str, str]:
    """What an environment is made of, by name."""
    devices = {"processor": observed.processor, "accelerator": observed.accelerator or "none"}
    return {**observed.versions, **devices, **observed.flags}


def _choose(
    pending: Mapping[str, Sequence[Trial]], own: frozenset[str], others: frozenset[str]
) -> str:
    """The program whose next trial a place should get.

    One that it has compiled already; else one that nobody has; else any.
    """
    ranks = {program: (program not in own, program in others) for program in pending}
    return min(ranks, key=ranks.__getitem__)
