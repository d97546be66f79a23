"""Progress of a run, and its end."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from signal import Signals
from typing import TYPE_CHECKING

from harness.coordinator import waiting
from harness.coordinator.waiting import Wait
from harness.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from harness.design import Plan
    from harness.executors import Attempt
    from harness.records import Outcome
    from harness.spec import Phase


@dataclass(slots=True)
class Progress:
    """Progress of a run.

    Args:
        plan: of the study.
        total: trials by (arm, phase).
        done: finished ones, those of earlier runs included.
        running: being trained now.
        reused: finished ones of earlier runs.
        started: monotonic time at which training began.
        waits: what is being built or trained now, by key of its trial.
        members: arms and phases that have a trial, by its key; it is told by the first of them.
        longest: seconds that the longest training took so far.
    """

    plan: Plan
    total: Counter[tuple[int, str]] = field(default_factory=Counter)
    done: Counter[tuple[int, str]] = field(default_factory=Counter)
    running: Counter[tuple[int, str]] = field(default_factory=Counter)
    reused: int = 0
    started: float = field(default_factory=time.monotonic)
    waits: dict[str, Wait] = field(default_factory=dict)
    members: dict[str, list[tuple[int, Phase]]] = field(default_factory=dict)
    longest: float = 0.0

    @property
    def left(self) -> int:
        """Trials that are not finished."""
        return self.total.total() - self.done.total()

    def seconds_left(self) -> float | None:
        """Time that the rest will take at the pace so far; ``None`` before there is one."""
        trained = self.done.total() - self.reused
        if not trained:
            return None
        return (time.monotonic() - self.started) / trained * self.left

    def start(self, attempt: Attempt, place: int | None) -> None:
        """Note that a training has begun, to be mentioned if it takes longer than others did."""
        arm, phase = self.members[attempt.key][0]
        replicate = f"{phase}, replicate {attempt.trial.replicate}"
        where = waiting.place_name(place)
        self.waits[attempt.key] = Wait(
            what=f"{self.plan.rows[arm].label} ({replicate}) to be trained {where}",
            quiet=max(waiting.QUIET_TRAINING, waiting.LONGER * self.longest),
        )
        self._count(self.running, attempt.key, 1)

    def end(self, key: str) -> None:
        """Note that the training of a trial has ended, if it had begun."""
        ended = self.waits.pop(key, None)
        if ended:
            self.longest = max(self.longest, ended.seconds)
            self._count(self.running, key, -1)

    def finish(self, key: str) -> None:
        """Note that a trial will not be tried again."""
        self._count(self.done, key, 1)

    def _count(self, counter: Counter[tuple[int, str]], key: str, step: int) -> None:
        for member in self.members[key]:
            counter[member] += step


@dataclass(slots=True, kw_only=True)
class Tally:
    """Account that a run gives when it ends.

    Args:
        notes: what a reader of the results has to know, each sentence once.
        trained: number of trials trained now.
        failed: number of trials that have no result although they were tried.
        problems: how often a trial ended without a result, by arm and reason.
        reopened: finished trials that were trained again, by the metric that they lacked.
    """

    notes: dict[str, None]
    trained: int = 0
    failed: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    reopened: Counter[str] = field(default_factory=Counter)

    def fail(self, where: str, outcome: Outcome) -> None:
        """Note a trial without a result."""
        self.failed += 1
        self.problems[f"{where}: {outcome.status}: {outcome.reason}"] += 1

    def told_problems(self) -> tuple[str, ...]:
        """One line for each way in which trials ended without a result."""
        return tuple(
            f"{text} ({count} trials)" if count > 1 else text
            for text, count in self.problems.items()
        )

    def told_notes(self) -> tuple[str, ...]:
        """All notes, and what was finished but had to be trained all the same."""
        again = (
            f"{count} finished trials were trained again, because they had not measured {metric}"
            for metric, count in self.reopened.items()
        )
        return (*self.notes, *again)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """End of a run.

    Args:
        folder: of the store.
        trained: number of trials trained now.
        reused: number of trials that were finished before.
        failed: number of trials that have no result although they were tried.
        changed: what differs from the last run of this study.
        kept: finished trials of that run which this study does not have; they stay in the store.
        problems: one line for each way in which trials of an arm ended without a result.
        interrupted: the signal that stopped the run, if one did.
        notes: what a reader of the results has to know of data and networks, a sentence each.
    """

    folder: Path
    trained: int
    reused: int
    failed: int = 0
    changed: tuple[str, ...] = ()
    kept: int = 0
    problems: tuple[str, ...] = ()
    interrupted: Signals | None = None
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of the command line."""
        if self.interrupted:
            terminated = self.interrupted == Signals.SIGTERM
            return ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED
        return ExitCode.SOME_TRIALS_FAILED if self.problems else ExitCode.DONE
