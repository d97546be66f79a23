"""Trains in the calling process: no workers, easy to debug."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from harness import environment
from harness.executors import Attempt, Building, Ended, Event, Rehearsed, Setup, Started
from harness.records import Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.spec import Scalar, Trial, Tune


class Inline:
    """An executor with one place: this process.

    Args:
        setup: of the study.

    Raises:
        UsageError: if TensorFlow already runs here with another number of threads.
    """

    workers = 0

    def __init__(self, setup: Setup) -> None:
        """Load Keras."""
        from harness.train import Trainer, set_up

        set_up(setup.threads)
        self._environment = environment.observe()
        self._trainer = Trainer(
            setup.card,
            setup.folders,
            setup.resident,
            keep=setup.folder,
            diagnostics=setup.diagnostics,
        )
        self._waiting: deque[Attempt] = deque()
        self._unbuilt: deque[tuple[str, Trial]] = deque()
        self._started = False

    def places(self) -> list[int]:
        """The one place."""
        return [0]

    def propose(self, tune: Tune, seed: int) -> list[dict[str, Scalar]]:
        """Ask KerasTuner for candidates."""
        from harness import proposers

        return proposers.candidates(tune, seed)

    def rehearse(self, trials: Mapping[str, Trial]) -> None:
        """Note what is to be built; it is built inside ``next_event``."""
        self._unbuilt.extend(trials.items())

    def free(self, *, ahead: bool) -> list[int]:  # noqa: ARG002
        """The one place, unless it is taken."""
        return [] if self._waiting else [0]

    def programs(self, place: int) -> frozenset[str]:  # noqa: ARG002, there is one place
        """Programs compiled so far."""
        return frozenset(self._trainer.programs)

    def submit(self, place: int, attempt: Attempt) -> None:  # noqa: ARG002
        """Note an attempt; it trains inside ``next_event``."""
        self._waiting.append(attempt)

    def next_event(self, timeout: float) -> Event | None:  # noqa: ARG002, training takes its time
        """Announce what is built or trained next, then do it."""
        if not self._unbuilt and not self._waiting:
            return None
        self._started = not self._started
        if self._unbuilt:
            program, trial = self._unbuilt[0]
            if self._started:
                return Building(key=trial.key, place=None)
            found = self._trainer.rehearse(trial, program)
            self._unbuilt.popleft()
            return Rehearsed(key=trial.key, rehearsal=found)
        attempt = self._waiting[0]
        if self._started:
            return Started(attempt=attempt, place=None)
        outcome = self._trainer.run(
            attempt.trial,
            attempt.program,
            given=attempt.given,
            hands_on=attempt.hands_on,
            wanted=attempt.wanted,
        )
        self._waiting.popleft()
        report = Report(outcome=outcome, environment=self._environment)
        return Ended(attempt=attempt, report=report)

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
