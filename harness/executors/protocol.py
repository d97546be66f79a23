"""Protocol between the coordinator and its executors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.card import Card
    from harness.records import Rehearsal, Report
    from harness.spec import Diagnostics, Scalar, Trial, Tune


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Information that an executor needs before the first attempt.

    Args:
        card: of the data that all attempts use.
        folders: folders to search for user modules.
        threads: intra-operation threads of one training.
        resident: bytes of inputs that one worker may keep in memory.
        folder: folder of the study's results, for files that trainings leave.
        attempts: folder for result files that outlive the coordinator.
        logs: folder for what workers print.
        diagnostics: what is measured inside networks, of attempts that are to; ``None``: nothing.
    """

    card: Card
    folders: tuple[Path, ...]
    threads: int
    resident: int
    folder: Path
    attempts: Path
    logs: Path
    diagnostics: Diagnostics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One execution of a trial.

    Args:
        trial: trial to train.
        key: its key.
        number: fencing token of this attempt.
        program: identity of the program that it needs.
        wanted: metrics and diagnostics that it is to measure.
        given: hashes of the files with the weights of the trials that it needs, in their order.
        hands_on: true if its weights are to be kept for others.
    """

    trial: Trial
    key: str
    number: int
    program: str
    wanted: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    hands_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """A place has begun to build a network.

    Args:
        key: of the trial that it is built for.
        place: where; ``None`` is the calling process.
    """

    key: str
    place: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """A network has been built, or could not be.

    Args:
        key: of the trial that it was built for.
        rehearsal: result of building it.
    """

    key: str
    rehearsal: Rehearsal


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A place has begun an attempt.

    Args:
        attempt: what is trained now.
        place: where; ``None`` is the calling process.
    """

    attempt: Attempt
    place: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An attempt has an outcome.

    Args:
        attempt: that has ended.
        report: its outcome, and the environment that it ran in.
    """

    attempt: Attempt
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """A worker process ended by itself.

    Args:
        lost: the attempt that it was working on.
        unstarted: attempts that were waiting for it; no training of them was lost.
        reason: how it ended.
    """

    lost: Attempt | None
    unstarted: tuple[Attempt, ...]
    reason: str


Event = Building | Rehearsed | Started | Ended | Died


class Executor(Protocol):
    """Runner of attempts, in this process or in workers."""

    @property
    def workers(self) -> int:
        """Number of processes that train; 0 if only ``next_event`` does, in the calling one."""

    def places(self) -> Sequence[int]:
        """All places, free or not."""

    def propose(self, tune: Tune, seed: int) -> list[dict[str, Scalar]]:
        """Ask KerasTuner for candidates, where Keras is loaded."""

    def rehearse(self, trials: Mapping[str, Trial]) -> None:
        """Build the networks of some trials, given by program; each is answered by two events.

        What a place has built here it need not build again.
        """

    def free(self, *, ahead: bool) -> Sequence[int]:
        """Places that would take one more attempt now, the emptiest first.

        Args:
            ahead: whether a busy place may be given its next attempt, so that it need not wait
                for it.
        """

    def programs(self, place: int) -> frozenset[str]:
        """Programs that a place has compiled, or has been asked to."""

    def submit(self, place: int, attempt: Attempt) -> None:
        """Hand over an attempt."""

    def next_event(self, timeout: float) -> Event | None:
        """Wait for the next event; ``None`` if there was none within ``timeout`` seconds."""

    def close(self) -> None:
        """End everything that still runs."""
