"""How far a run has come, and how it ended."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from signal import Signals
from typing import TYPE_CHECKING

from harness.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from harness.coordinator.waiting import Wait
    from harness.design import Plan


@dataclass(slots=True)
class Progress:
    """How far a run has come.

    Args:
        plan: of the study.
        total: trials by (arm, phase).
        done: finished ones, those of earlier runs included.
        running: being trained now.
        reused: finished ones of earlier runs.
        started: monotonic time at which training began.
        waits: what is being built or trained now, by key of its trial.
    """

    plan: Plan
    total: Counter[tuple[int, str]] = field(default_factory=Counter)
    done: Counter[tuple[int, str]] = field(default_factory=Counter)
    running: Counter[tuple[int, str]] = field(default_factory=Counter)
    reused: int = 0
    started: float = field(default_factory=time.monotonic)
    waits: dict[str, Wait] = field(default_factory=dict)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a run ended.

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
        """What the command line returns."""
        if self.interrupted:
            terminated = self.interrupted == Signals.SIGTERM
            return ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED
        return ExitCode.SOME_TRIALS_FAILED if self.problems else ExitCode.DONE
