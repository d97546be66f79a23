"""Hands trials over, takes what happens to them, and closes their attempts."""

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
    from harness.store import Store

ATTEMPTS = 2
"""Attempts that a trial gets in one run when its process dies under it."""

GRACE = 10.0
"""Seconds that running trials get to end after a first interrupt."""

WAIT = 0.2
"""Seconds to wait for an event at a time."""


@dataclass(slots=True, kw_only=True)
class Loop:
    """Trains what is missing, until nothing is or a signal comes.

    Args:
        store: where results go.
        attempts: folder with result files of workers.
        executor: where trials are trained.
        enrolment: which knows what follows from a result.
        queue: what is to be trained.
        progress: kept up to date.
        tally: kept up to date.
        stop: whether a signal has come.
        report: called whenever something has happened.
        look: called while nothing happens.
        deaths: how many processes have died under a trial, by its key.
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
        """Train all of it; after a signal, only what has begun."""
        queue = self.queue
        while (queue.ready or queue.open) and not self.stop.by:
            self._hand_over()
            self._take()
        deadline = time.monotonic() + GRACE
        # What trains in this process cannot be waited for: it would go on to its end.
        while queue.open and self.executor.get().workers and time.monotonic() < deadline:
            self._interrupt(queue.unstarted(), "not started")
            self._take()
        reason = f"stopped by {self.stop.by.name}" if self.stop.by else "stopped"
        self._interrupt([*queue.open.values()], reason)

    def _hand_over(self) -> None:
        """Give every free place an attempt, preferably one whose program it has."""
        executor = self.executor.get()
        while self.queue.ready:
            places = executor.places()
            free = executor.free(ahead=self.queue.count > 2 * len(places))
            if not free:
                return
            place = free[0]
            others = (executor.programs(other) for other in places if other != place)
            one = self.queue.take(executor.programs(place), frozenset().union(*others))
            number = self.store.begin(one.key, self.executor.environment, executor.workers)
            attempt = Attempt(trial=one.trial, key=one.key, number=number, program=one.program)
            self.queue.open[one.key] = attempt
            executor.submit(place, attempt)

    def _take(self) -> None:
        """Take the next event, if there is one."""
        event = self.executor.get().next_event(WAIT)
        match event:
            case Started(attempt=attempt) if attempt.key in self.queue.open:
                self.queue.running.add(attempt.key)
                self.progress.start(attempt, event.place)
            case Ended(attempt=attempt, outcome=outcome) if attempt.key in self.queue.open:
                self._end(attempt, outcome)
            case Died():
                self._bury(event)
        if event:
            self.report(self.progress)
        else:
            self.look()

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Commit an outcome, and what follows from it."""
        self._close(attempt, outcome)
        left = messages.result_file(self.attempts, attempt.key, attempt.number)
        left.unlink(missing_ok=True)
        if outcome.status in FINAL:
            self.tally.trained += 1
            self.enrolment.settle(attempt.key)
        else:
            self._fail(attempt.key, outcome)

    def _bury(self, death: Died) -> None:
        """Close the attempt that a worker took with it; what waited for it is ready again."""
        for attempt in (one for one in death.unstarted if one.key in self.queue.open):
            self._interrupt([attempt], f"never started; its worker ended before: {death.reason}")
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
        """Note a trial that has no result, and is not tried again in this run."""
        arm, phase = self.progress.members[key][0]
        self.tally.fail(f"{self.progress.plan.rows[arm].label} ({phase})", outcome)
        self.enrolment.settle(key)

    def _interrupt(self, attempts: Iterable[Attempt], reason: str) -> None:
        """Close attempts that nobody waits for."""
        for attempt in attempts:
            self._close(attempt, Outcome(status="interrupted", reason=reason))

    def _close(self, attempt: Attempt, outcome: Outcome) -> None:
        self.store.end(attempt.key, attempt.number, outcome)
        self.queue.close(attempt)
        self.progress.end(attempt.key)
