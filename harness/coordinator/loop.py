"""Main loop of a run: hand trials over, take events, close attempts."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.executors import Attempt, Died, Ended, Started, messages
from harness.records import FINAL, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from harness.coordinator.enrolment import Enrolment
    from harness.coordinator.progress import Progress, Tally
    from harness.coordinator.queueing import Queue
    from harness.coordinator.signals import Stop
    from harness.coordinator.starting import OnDemand
    from harness.records import Report
    from harness.store import Store

ATTEMPTS = 2
"""Attempts that a trial gets in one run if processes die while they train it."""

GRACE = 10.0
"""Seconds that trials in training get to end after the first signal."""

WAIT = 0.2
"""Seconds to wait for an event at a time."""


@dataclass(slots=True, kw_only=True)
class Loop:
    """Training of all queued trials, until none is left or a signal comes.

    Args:
        store: store of the study.
        attempts: folder with result files of workers.
        executor: executor that trains the trials.
        enrolment: enrolment, which adds the trials that follow from an outcome.
        queue: trials to train.
        progress: state of the run.
        tally: counts and messages for the end of the run.
        stop: signal that stops the run, once one has come.
        report: function to call after every event.
        look: function to call while nothing happens.
        deaths: number of processes that died while they trained a trial, by its key.
    """

    store: Store
    attempts: Path
    executor: OnDemand
    enrolment: Enrolment
    queue: Queue
    progress: Progress
    tally: Tally
    stop: Stop
    report: Callable[[Progress], None]
    look: Callable[[], None]
    deaths: Counter[str] = field(default_factory=Counter)

    def train(self) -> None:
        """Train all queued trials; after a signal, only those in training."""
        queue = self.queue
        while (queue.ready or queue.open or queue.blocked) and not self.stop.by:
            if not queue.ready and not queue.open:
                self._settle(queue.obstacle())
                continue
            self._hand_over()
            self._take()
        deadline = time.monotonic() + GRACE
        # In this process, waiting for a training would mean to train it to its end.
        while queue.open and self.executor.get().workers and time.monotonic() < deadline:
            self._interrupt(queue.unstarted(), "not started")
            self._take()
        reason = f"stopped by {self.stop.by.name}" if self.stop.by else "stopped"
        self._interrupt([*queue.open.values()], reason)

    def _hand_over(self) -> None:
        """Hand an attempt to every free place, if possible one whose program it has compiled."""
        executor = self.executor.get()
        while self.queue.ready:
            places = executor.places()
            free = executor.free(ahead=self.queue.count > 2 * len(places))
            if not free:
                return
            place = free[0]
            others = (executor.programs(other) for other in places if other != place)
            one = self.queue.take(executor.programs(place), frozenset().union(*others))
            attempt = Attempt(
                trial=one.trial,
                key=one.key,
                number=self.store.begin(one.key, executor.workers, one.wanted),
                program=one.program,
                wanted=one.wanted,
                given=tuple(self.store.weights(needed.key) for needed in one.trial.needs),
                hands_on=one.key in self.progress.needed,
            )
            self.queue.open[one.key] = attempt
            executor.submit(place, attempt)

    def _take(self) -> None:
        """Take the next event, if one comes in time."""
        event = self.executor.get().next_event(WAIT)
        match event:
            case Started(attempt=attempt) if attempt.key in self.queue.open:
                self.queue.running.add(attempt.key)
                self.progress.start(attempt, event.place)
            case Ended(attempt=attempt, report=report) if attempt.key in self.queue.open:
                self._end(attempt, report)
            case Died():
                self._bury(event)
        if event:
            self.report(self.progress)
        else:
            self.look()

    def _end(self, attempt: Attempt, report: Report) -> None:
        """Commit an outcome, and enrol the trials that follow from it."""
        outcome = report.outcome
        self._close(attempt, outcome, self.executor.admit(report.environment))
        left = messages.result_file(self.attempts, attempt.key, attempt.number)
        left.unlink(missing_ok=True)
        if outcome.status in FINAL:
            self.tally.trained += 1
            self._settle(attempt.key)
        else:
            self._fail(attempt.key, outcome)

    def _bury(self, death: Died) -> None:
        """Close the attempts of a dead worker, and queue their trials again."""
        unstarted = [one for one in death.unstarted if one.key in self.queue.open]
        self._interrupt(unstarted, f"never started; its worker ended before: {death.reason}")
        for attempt in unstarted:
            self.queue.retry(attempt, first=True)
        lost = death.lost
        if lost is None or lost.key not in self.queue.open:
            return
        outcome = Outcome(status="lost", reason=death.reason)
        self._close(lost, outcome)
        self.deaths[lost.key] += 1
        if self.deaths[lost.key] < ATTEMPTS:
            self.queue.retry(lost, first=False)
        else:
            self._fail(lost.key, outcome)

    def _fail(self, key: str, outcome: Outcome) -> None:
        """Count a trial that has no result and is not tried again in this run."""
        arm, phase = self.progress.place(key)
        self.tally.fail(f"{self.progress.plan.rows[arm].label} ({phase})", outcome)
        self._settle(key)

    def _settle(self, key: str) -> None:
        """Go on with what waited for a trial: others that need it, and the end of its search."""
        status = self.store.status(key)
        if status == "completed":
            self.queue.release(key)
        for waiting in self.queue.abandon(key):
            reason = f"trial {key[:8]}, which it needs, is {status}"
            number = self.store.begin(waiting.key, 0, waiting.wanted)
            outcome = Outcome(status="blocked", reason=reason)
            self.store.end(waiting.key, number, outcome)
            self._fail(waiting.key, outcome)
        self.enrolment.settle(key)

    def _interrupt(self, attempts: Iterable[Attempt], reason: str) -> None:
        """Close attempts without a result."""
        for attempt in attempts:
            self._close(attempt, Outcome(status="interrupted", reason=reason))

    def _close(self, attempt: Attempt, outcome: Outcome, environment: str | None = None) -> None:
        self.store.end(attempt.key, attempt.number, outcome, environment)
        self.queue.close(attempt)
        self.progress.end(attempt.key)
