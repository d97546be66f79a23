"""Queue of the trials that a run has yet to finish."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.executors import Attempt
    from harness.spec import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A trial that is ready for a place.

    Args:
        trial: trial to train.
        key: its key.
        program: identity of the program that it needs.
    """

    trial: Trial
    key: str
    program: str


@dataclass(slots=True)
class Queue:
    """Trials that wait for a place, and attempts that have one.

    Args:
        ready: trials that wait for a place, by program; every program in it has some.
        open: attempts that were handed to a place and have not ended, by key of their trial.
        running: keys of the open attempts that are in training.
    """

    ready: dict[str, deque[Queued]] = field(default_factory=dict)
    open: dict[str, Attempt] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Number of trials that wait for a place."""
        return sum(map(len, self.ready.values()))

    def add(self, trial: Queued) -> None:
        """Add a trial, behind the others of its program."""
        self.ready.setdefault(trial.program, deque()).append(trial)

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

    def samples(self) -> dict[str, Trial]:
        """Pick one trial of each program, and leave it in the queue."""
        return {program: trials[0].trial for program, trials in self.ready.items()}

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
        again = Queued(trial=attempt.trial, key=attempt.key, program=attempt.program)
        line = self.ready.setdefault(attempt.program, deque())
        if first:
            line.appendleft(again)
        else:
            line.append(again)
