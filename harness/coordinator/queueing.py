"""Queue of the trials that a run has yet to finish."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from harness.executors import Attempt
    from harness.spec import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A trial to train.

    Args:
        trial: the trial.
        key: its key.
        program: identity of its program.
        wanted: metrics that it is to measure.
    """

    trial: Trial
    key: str
    program: str
    wanted: tuple[str, ...] = ()


@dataclass(slots=True)
class Queue:
    """Trials that wait for a place, and attempts that have one.

    Args:
        ready: trials that wait for a place, by program; every program in it has some.
        blocked: trials that wait for others, by key, each with the keys of those.
        open: attempts that were handed to a place and have not ended, by key of their trial.
        running: keys of the open attempts that are in training.
    """

    ready: dict[str, deque[Queued]] = field(default_factory=dict)
    blocked: dict[str, tuple[Queued, set[str]]] = field(default_factory=dict)
    open: dict[str, Attempt] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Number of trials that wait for a place."""
        return sum(map(len, self.ready.values()))

    def add(self, trial: Queued, needs: Collection[str] = ()) -> None:
        """Add a trial, behind the others of its program.

        Args:
            trial: the trial.
            needs: keys of unfinished trials that it waits for.
        """
        if needs:
            self.blocked[trial.key] = trial, {*needs}
        else:
            self.ready.setdefault(trial.program, deque()).append(trial)

    def release(self, key: str) -> None:
        """Let the trials that waited for a completed one alone become ready."""
        for trial, needs in [*self.blocked.values()]:
            needs.discard(key)
            if not needs:
                del self.blocked[trial.key]
                self.add(trial)

    def abandon(self, key: str) -> list[Queued]:
        """Remove the trials that wait, directly or not, for one that did not complete."""
        found = [trial for trial, needs in self.blocked.values() if key in needs]
        for trial in found:
            del self.blocked[trial.key]
        return [*found, *(other for trial in found for other in self.abandon(trial.key))]

    def take(self, own: frozenset[str], others: frozenset[str]) -> Queued:
        """Take the next trial for a place out of the queue.

        A trial whose program the place has compiled comes first, then one whose program no other
        place has compiled, then any.

        Args:
            own: programs of the place.
            others: programs of all other places.
        """
        ranks = {program: (program not in own, program in others) for program in self.ready}
        program = min(ranks, key=ranks.__getitem__)
        taken = self.ready[program].popleft()
        if not self.ready[program]:
            del self.ready[program]
        return taken

    def obstacle(self) -> str:
        """Key of a trial that ended before this run, and that blocked ones wait for."""
        return next(
            key for _, needs in self.blocked.values() for key in needs if key not in self.blocked
        )

    def samples(self) -> dict[str, Trial]:
        """Pick one trial of each program, and leave it in the queue."""
        waiting = {trial.program: trial.trial for trial, _ in self.blocked.values()}
        return waiting | {program: trials[0].trial for program, trials in self.ready.items()}

    def unstarted(self) -> list[Attempt]:
        """List the open attempts that are not in training."""
        return [attempt for key, attempt in self.open.items() if key not in self.running]

    def close(self, attempt: Attempt) -> None:
        """Remove an attempt that has ended."""
        del self.open[attempt.key]
        self.running.discard(attempt.key)

    def retry(self, attempt: Attempt, *, first: bool) -> None:
        """Add the trial of a closed attempt once more.

        Args:
            attempt: attempt that brought no outcome.
            first: true to put it before the other trials of its program, false to put it behind.
        """
        again = Queued(
            trial=attempt.trial, key=attempt.key, program=attempt.program, wanted=attempt.wanted
        )
        line = self.ready.setdefault(attempt.program, deque())
        if first:
            line.appendleft(again)
        else:
            line.append(again)
