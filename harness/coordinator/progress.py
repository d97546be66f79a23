"""State of a run while it lasts, and its result at the end."""

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
    """State of a run, as it is shown while it lasts.

    Args:
        plan: plan of the study.
        total: number of trials, by (arm, phase).
        done: number of finished trials, those of earlier runs included, by (arm, phase).
        running: number of trials in training, by (arm, phase).
        reused: number of trials that earlier runs have finished.
        started: monotonic time at which training began.
        waits: networks being built and trials in training, by key of the trial.
        members: every (arm, phase) that a trial belongs to, by its key; messages name the first.
        needed: the (arm, phase) that first needs a trial which belongs to none, by its key.
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
    needed: dict[str, tuple[int, Phase]] = field(default_factory=dict)
    longest: float = 0.0

    @property
    def left(self) -> int:
        """Number of trials that are not finished."""
        return self.total.total() - self.done.total()

    def seconds_left(self) -> float | None:
        """Estimate the time left from the pace so far; ``None`` before a trial has finished."""
        trained = self.done.total() - self.reused
        if not trained:
            return None
        return (time.monotonic() - self.started) / trained * self.left

    def place(self, key: str) -> tuple[int, Phase]:
        """The (arm, phase) by which messages name a trial."""
        return self.members[key][0] if key in self.members else self.needed[key]

    def start(self, attempt: Attempt, place: int | None) -> None:
        """Note that a training has begun; it is mentioned if it takes longer than others did.

        Args:
            attempt: attempt that has begun.
            place: place where it runs; ``None`` is the calling process.
        """
        arm, phase = self.place(attempt.key)
        replicate = f"{phase}, replicate {attempt.trial.replicate}"
        where = waiting.place_name(place)
        self.waits[attempt.key] = Wait(
            what=f"{self.plan.rows[arm].label} ({replicate}) to be trained {where}",
            quiet=max(waiting.QUIET_TRAINING, waiting.LONGER * self.longest),
        )
        self._count(self.running, attempt.key, 1)

    def end(self, key: str) -> None:
        """Note that a training has ended, if it had begun."""
        ended = self.waits.pop(key, None)
        if ended:
            self.longest = max(self.longest, ended.seconds)
            self._count(self.running, key, -1)

    def finish(self, key: str) -> None:
        """Note that a trial will not be tried again."""
        self._count(self.done, key, 1)

    def _count(self, counter: Counter[tuple[int, str]], key: str, step: int) -> None:
        for member in self.members.get(key, ()):
            counter[member] += step


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts and messages that a run reports at its end.

    Args:
        notes: sentences that a reader of the results should know, each once.
        trained: number of trials that this run has trained.
        failed: number of trials that were tried and have no result.
        problems: number of trials without a result, by arm and reason.
        reopened: number of finished trials that were trained again, by the metric they lacked.
    """

    notes: dict[str, None]
    trained: int = 0
    failed: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    reopened: Counter[str] = field(default_factory=Counter)

    def fail(self, where: str, outcome: Outcome) -> None:
        """Count a trial that ended without a result.

        Args:
            where: label of its arm, and its phase.
            outcome: outcome of its last attempt.
        """
        self.failed += 1
        self.problems[f"{where}: {outcome.status}: {outcome.reason}"] += 1

    def list_problems(self) -> tuple[str, ...]:
        """List the problems, one line for each."""
        return tuple(
            f"{text} ({count} trials)" if count > 1 else text
            for text, count in self.problems.items()
        )

    def list_notes(self) -> tuple[str, ...]:
        """List the notes, and how many finished trials had to be trained again."""
        again = (
            f"{count} finished trials were trained again, because they had not measured {metric}"
            for metric, count in self.reopened.items()
        )
        return (*self.notes, *again)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Result of a run.

    Args:
        folder: folder of the store.
        trained: number of trials that this run has trained.
        reused: number of trials that were finished before.
        failed: number of trials that were tried and have no result.
        changed: parts of the study that differ from its last run.
        kept: number of finished trials of that run that this study lacks; they stay in the store.
        problems: one line for each arm and reason with trials that have no result.
        interrupted: signal that stopped the run, if one did.
        notes: sentences that a reader of the results should know about data and networks.
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
