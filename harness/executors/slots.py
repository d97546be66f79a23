"""Worker processes on this machine, each with programs of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection as connections
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.environment import gpus
from harness.errors import HarnessError
from harness.executors import (
    Attempt,
    Building,
    Died,
    Ended,
    Event,
    Rehearsed,
    Setup,
    Started,
    messages,
)
from harness.links import append_to
from harness.records import Rehearsal, Report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from harness.spec import Scalar, Trial, Tune

AHEAD = 2
"""Attempts handed to one worker at a time: one in training, and one that can follow at once."""

LOADS = 2
"""Times in a row that a worker may end while it loads Keras, as long as none has ever come up."""

LATER_LOADS = 5
"""Times in a row that a worker may end while it loads Keras, once others have come up."""

BUILDS = 2
"""Workers that a network may take down with it before it counts as one that cannot be built."""

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
    unbuilt: deque[tuple[str, Trial]] = field(default_factory=deque)
    building: bool = False
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
        self.workers = workers
        self._setup = setup
        self._events: deque[Event] = deque()
        self._stillborn: Counter[int] = Counter()
        self._killed: Counter[str] = Counter()
        self._came_up = False
        setup.attempts.mkdir(parents=True, exist_ok=True)
        setup.logs.mkdir(parents=True, exist_ok=True)
        self._slots = [self._start(place) for place in range(workers)]

    def places(self) -> range:
        """One for each process; it stays when a process is replaced."""
        return range(self.workers)

    def propose(self, tune: Tune, seed: int) -> list[dict[str, Scalar]]:
        """Ask KerasTuner for candidates, in the first worker.

        Raises:
            HarnessError: if the worker died over it.
        """
        content = tune.model_dump(mode="json")
        for _ in range(LATER_LOADS):
            slot = self._slots[0]
            try:
                messages.send(slot.connection, "propose", tune=content, seed=seed)
                return self._proposed(slot)
            except (EOFError, OSError) as error:
                if slot.ready:
                    raise HarnessError(
                        _last_words(slot, "died while it proposed hyperparameters")
                    ) from error
                self._bury(0, slot)
        raise AssertionError

    def _proposed(self, slot: _Slot) -> list[dict[str, Scalar]]:
        while True:
            message = messages.receive(slot.connection)
            if message["kind"] == "proposed":
                found: list[dict[str, Scalar]] = message["candidates"]
                return found
            self._welcome(0, slot)

    def rehearse(self, trials: Mapping[str, Trial]) -> None:
        """Share the networks among the workers, which keep what they build."""
        for index, (program, trial) in enumerate(trials.items()):
            _ask_to_build(self._slots[index % len(self._slots)], program, trial)

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
        """Next event: a worker's report, or its death."""
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
        with append_to(log) as stream:
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
        with suppress(OSError):  # it has ended already, which ``next_event`` notices
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
                self._welcome(place, slot)
            case "building":
                slot.building = True
                self._events.append(Building(key=message["key"], place=place))
            case "rehearsed":
                slot.building = False
                slot.unbuilt.popleft()
                found = Rehearsal(**message["rehearsal"])
                self._events.append(Rehearsed(key=message["key"], rehearsal=found))
            case "started":
                slot.started = True
                self._events.append(Started(attempt=slot.waiting[0], place=place))
            case "ended":
                slot.started = False
                report = Report.model_validate_json(message["report"])
                self._events.append(Ended(attempt=slot.waiting.popleft(), report=report))
                slot.compiled += not report.outcome.reused
                if slot.compiled >= WORN and not slot.waiting:
                    self._renew(place, slot)

    def _renew(self, place: int, slot: _Slot) -> None:
        """Replace a worker that has compiled much, and has nothing to do."""
        slot.process.kill()
        slot.process.wait()
        slot.connection.close()
        self._slots[place] = self._start(place)

    def _welcome(self, place: int, slot: _Slot) -> None:
        slot.ready = self._came_up = True
        self._stillborn[place] = 0

    def _bury(self, place: int, slot: _Slot) -> None:
        """Replace a dead worker.

        Raises:
            HarnessError: if one after another never came up: the next would not either.
        """
        slot.process.wait()
        slot.connection.close()
        if not slot.ready:
            self._stillborn[place] += 1
            if self._stillborn[place] >= (LATER_LOADS if self._came_up else LOADS):
                raise HarnessError(_last_words(slot, "could not start"))
        how = _how(slot.process.returncode)
        lost = slot.waiting.popleft() if slot.started else None
        self._slots[place] = self._start(place)
        if slot.building:
            self._blame(slot, how)
        for program, trial in slot.unbuilt:
            _ask_to_build(self._slots[place], program, trial)
        if lost or slot.waiting:
            self._events.append(Died(lost=lost, unstarted=tuple(slot.waiting), reason=how))

    def _blame(self, slot: _Slot, how: str) -> None:
        """Give up on a network that makes workers die again and again while they build it."""
        key = slot.unbuilt[0][1].key
        self._killed[key] += 1
        if self._killed[key] >= BUILDS:
            slot.unbuilt.popleft()
            problem = f"{how} while the network was built, {BUILDS} times. Its log: {slot.log}"
            self._events.append(Rehearsed(key=key, rehearsal=Rehearsal(problem=problem)))


def _ask_to_build(slot: _Slot, program: str, trial: Trial) -> None:
    slot.programs.add(program)
    slot.unbuilt.append((program, trial))
    content = trial.model_dump(mode="json")
    with suppress(OSError):
        messages.send(slot.connection, "rehearse", key=trial.key, program=program, trial=content)


def _how(code: int) -> str:
    if code < 0:
        return f"its process was killed ({signal.Signals(-code).name})"
    return f"its process ended with exit code {code}"


def _last_words(slot: _Slot, what: str) -> str:
    """Message that a worker ended, with the end of its log."""
    lines = slot.log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = "\n".join(lines[-8:]) or "nothing"
    return f"a worker process {what}. The end of its log, {slot.log}:\n{said}"
