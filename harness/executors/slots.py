"""Worker processes on this machine, each with programs of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection as connections
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.environment import gpus
from harness.errors import HarnessError
from harness.executors import Attempt, Died, Ended, Event, Rehearsed, Setup, Started, messages
from harness.records import Outcome, Rehearsal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from harness.spec import Scalar, Trial, Tune

AHEAD = 2
"""Attempts handed to one worker at a time: one that it trains, and one so that it need not wait."""

WORN = 100
"""Programs after which a worker is replaced between two attempts. TensorFlow gives nothing back
of what it compiled: some 165 memory maps and 15 MB for a small network under XLA, where Linux
ends a process that has 65,530 maps."""

_ROOT = Path(__file__).resolve().parent.parent.parent
_CODE = (
    "import sys; sys.path.append({root!r}); "
    "from harness.executors.worker import main; main({handle}, {parent})"
)


@dataclass(slots=True)
class _Slot:
    """One worker process, and what it was given."""

    process: subprocess.Popen[bytes]
    connection: Connection
    log: Path
    waiting: deque[Attempt] = field(default_factory=deque)
    started: bool = False
    ready: bool = False
    programs: set[str] = field(default_factory=set)
    compiled: int = 0


class Slots:
    """An executor with one worker process per place.

    A process that dies takes one attempt with it and is replaced.

    Args:
        setup: of the study.
        workers: number of processes.
    """

    def __init__(self, setup: Setup, workers: int) -> None:
        """Start the workers; they load Keras while the coordinator goes on."""
        self._setup = setup
        self._events: deque[Event] = deque()
        setup.attempts.mkdir(parents=True, exist_ok=True)
        setup.logs.mkdir(parents=True, exist_ok=True)
        self._slots = [self._start(place) for place in range(workers)]

    def propose(self, tune: Tune, seed: int) -> list[dict[str, Scalar]]:
        """Ask KerasTuner for candidates, in the first worker.

        Raises:
            HarnessError: if the worker died over it.
        """
        slot = self._slots[0]
        content = tune.model_dump(mode="json")
        try:
            messages.send(slot.connection, "propose", tune=content, seed=seed)
            while True:
                message = messages.receive(slot.connection)
                if message["kind"] == "proposed":
                    found: list[dict[str, Scalar]] = message["candidates"]
                    return found
                slot.ready = True
        except (EOFError, OSError) as error:
            raise HarnessError(_last_words(slot)) from error

    def rehearse(self, trials: Mapping[str, Trial]) -> None:
        """Share them out among the workers, who keep what they build."""
        for index, (program, trial) in enumerate(trials.items()):
            slot = self._slots[index % len(self._slots)]
            slot.programs.add(program)
            content = trial.model_dump(mode="json")
            with suppress(OSError):
                messages.send(slot.connection, "rehearse", key=trial.key, trial=content)

    def free(self, *, ahead: bool) -> list[int]:
        """Places with room, the emptiest first."""
        room = AHEAD if ahead else 1
        sizes = {
            place: len(slot.waiting)
            for place, slot in enumerate(self._slots)
            if slot.compiled < WORN
        }
        return sorted((place for place in sizes if sizes[place] < room), key=sizes.__getitem__)

    def programs(self, place: int) -> frozenset[str]:
        """Programs that a worker has compiled, or will have when it has done what it was given."""
        return frozenset(self._slots[place].programs)

    def submit(self, place: int, attempt: Attempt) -> None:
        """Hand an attempt to a worker. One that has just died is noticed by ``next_event``."""
        slot = self._slots[place]
        slot.waiting.append(attempt)
        slot.programs.add(attempt.program)
        with suppress(OSError):
            messages.send(slot.connection, "attempt", **messages.write_attempt(attempt))

    def next_event(self, timeout: float) -> Event | None:
        """What a worker reported, or that it died."""
        if not self._events:
            ready: list[Any] = connections.wait([slot.connection for slot in self._slots], timeout)
            for place, slot in enumerate(self._slots):
                if slot.connection in ready:
                    self._read(place, slot)
        return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Kill all workers."""
        for slot in self._slots:
            slot.process.kill()
        for slot in self._slots:
            slot.process.wait()
            slot.connection.close()

    def _start(self, place: int) -> _Slot:
        ours, theirs = connections.Pipe()
        handle = theirs.fileno()
        code = _CODE.format(root=str(_ROOT), handle=handle, parent=os.getpid())
        log = self._setup.logs / f"worker-{place}.log"
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, "KERAS_BACKEND": "tensorflow"}
        if devices := gpus():
            environment["CUDA_VISIBLE_DEVICES"] = devices[place % len(devices)]
        with log.open("ab") as stream:
            process = subprocess.Popen(  # noqa: S603, our own interpreter and code
                [sys.executable, "-P", "-c", code],
                pass_fds=(handle,),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=environment,
                start_new_session=True,  # Ctrl+C is for the coordinator
            )
        theirs.close()
        messages.send(ours, "setup", **messages.write_setup(self._setup))
        return _Slot(process=process, connection=ours, log=log)

    def _read(self, place: int, slot: _Slot) -> None:
        try:
            message = messages.receive(slot.connection)
        except (EOFError, OSError):
            self._bury(place, slot)
            return
        match message["kind"]:
            case "ready":
                slot.ready = True
            case "rehearsed":
                found = Rehearsal(**message["rehearsal"])
                self._events.append(Rehearsed(key=message["key"], rehearsal=found))
            case "started":
                slot.started = True
                self._events.append(Started(attempt=slot.waiting[0]))
            case "ended":
                slot.started = False
                outcome = Outcome.model_validate_json(message["outcome"])
                self._events.append(Ended(attempt=slot.waiting.popleft(), outcome=outcome))
                slot.compiled += not outcome.reused
                if slot.compiled >= WORN and not slot.waiting:
                    self._renew(place, slot)

    def _renew(self, place: int, slot: _Slot) -> None:
        """Replace a worker that has compiled much, and has nothing to do."""
        slot.process.kill()
        slot.process.wait()
        slot.connection.close()
        self._slots[place] = self._start(place)

    def _bury(self, place: int, slot: _Slot) -> None:
        """Replace a dead worker.

        Raises:
            HarnessError: if it never came up: another one would not either.
        """
        slot.process.wait()
        slot.connection.close()
        if not slot.ready:
            raise HarnessError(_last_words(slot))
        lost = slot.waiting.popleft() if slot.started else None
        self._slots[place] = self._start(place)
        self._events.append(
            Died(lost=lost, unstarted=tuple(slot.waiting), reason=_how(slot.process.returncode))
        )


def _how(code: int) -> str:
    if code < 0:
        return f"its process was killed ({signal.Signals(-code).name})"
    return f"its process ended with exit code {code}"


def _last_words(slot: _Slot) -> str:
    """Why a worker could not start, from its own log."""
    lines = slot.log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = "\n".join(lines[-8:]) or "nothing"
    return f"a worker process could not start. The end of its log, {slot.log}:\n{said}"
