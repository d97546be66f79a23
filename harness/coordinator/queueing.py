"""Trials that are not finished: ready for a place, or given to one."""

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
        trial: what to train.
        key: its key.
        program: identity of the program that it needs.
    """

    trial: Trial
    key: str
    program: str


@dataclass(slots=True)
class Queue:
    """All that a run has still to train.

    Args:
        ready: trials that wait for a place, by program; no program is without trials.
        open: attempts that a place has been given, by key of their trial.
        running: keys of those that are being trained.
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
        """Take out the trial that a place should get.

        One whose program it has compiled already; else one whose program nobody has; else any.

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
        """One trial for each program."""
        return {program: trials[0].trial for program, trials in self.ready.items()}

    def unstarted(self) -> list[Attempt]:
        """Attempts that a place has been given, but has not begun."""
        return [attempt for key, attempt in self.open.items() if key not in self.running]

    def close(self, attempt: Attempt) -> None:
        """Forget an attempt that has ended."""
        del self.open[attempt.key]
        self.running.discard(attempt.key)

    def retry(self, attempt: Attempt, *, first: bool) -> None:
        """Let a place train the trial of a closed attempt once more.

        Args:
            attempt: that came to nothing.
            first: whether before the others of its program, or behind them.
        """
        again = Queued(trial=attempt.trial, key=attempt.key, program=attempt.program)
        line = self.ready.setdefault(attempt.program, deque())
        if first:
            line.appendleft(again)
        else:
            line.append(again)
