"""A worker process: keeps its programs, trains what it is given, reports.

It never opens the store. An outcome is first written to a file of its own, so that it is not
lost when the coordinator dies before it could note it.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from harness import environment
from harness.executors import messages
from harness.objects import write_atomic
from harness.records import Report
from harness.spec import Trial, Tune

if TYPE_CHECKING:
    from harness.executors import Setup
    from harness.records import Environment
    from harness.train import Trainer

_PR_SET_PDEATHSIG = 1


def main(handle: int, parent: int) -> None:
    """Serve one coordinator until it goes away.

    Args:
        handle: file descriptor of the connection.
        parent: process id of the coordinator.
    """
    _die_with(parent)
    connection = Connection(handle)
    inbox: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(connection, inbox), daemon=True).start()
    from harness.train import Trainer, set_up  # seconds, while the coordinator plans

    setup = messages.read_setup(inbox.get())
    set_up(setup.threads)
    trainer = Trainer(
        setup.card,
        setup.folders,
        setup.resident,
        keep=setup.folder,
        diagnostics=setup.diagnostics,
    )
    here = environment.observe()
    messages.send(connection, "ready")
    while True:
        _answer(inbox.get(), connection, setup, trainer, here)


def _answer(
    message: dict[str, Any],
    connection: Connection,
    setup: Setup,
    trainer: Trainer,
    here: Environment,
) -> None:
    if message["kind"] == "propose":
        from harness import proposers

        found = proposers.candidates(Tune(**message["tune"]), message["seed"])
        messages.send(connection, "proposed", candidates=found)
        return
    if message["kind"] == "rehearse":
        messages.send(connection, "building", key=message["key"])
        came = trainer.rehearse(Trial(**message["trial"]), message["program"])
        content = came.model_dump(mode="json")
        messages.send(connection, "rehearsed", key=message["key"], rehearsal=content)
        return
    attempt = messages.read_attempt(message)
    messages.send(connection, "started", key=attempt.key)
    outcome = trainer.run(
        attempt.trial,
        attempt.program,
        given=attempt.given,
        hands_on=attempt.hands_on,
        wanted=attempt.wanted,
    )
    text = Report(outcome=outcome, environment=here).model_dump_json()
    file = messages.result_file(setup.attempts, attempt.key, attempt.number)
    write_atomic(file, lambda stream: stream.write(text.encode()))
    messages.send(connection, "ended", key=attempt.key, report=text)


def _listen(connection: Connection, inbox: queue.Queue[dict[str, Any]]) -> None:
    """Pass messages on; end the process as soon as the coordinator is gone."""
    try:
        while True:
            inbox.put(messages.receive(connection))
    except (EOFError, OSError):
        os._exit(1)


def _die_with(parent: int) -> None:
    """Ask Linux to end this process with its parent; elsewhere the closed pipe does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
