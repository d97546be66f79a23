"""Messages between coordinator and worker: JSON, never pickles."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.card import Card
from harness.executors import Attempt, Setup
from harness.records import Report
from harness.spec import Diagnostics, Trial

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


_OURS = re.compile(r"[0-9a-f]{64}\.\d+\.json|\.tmp-\w+(\.npz)?")
"""Pattern of the names of result files, and of files left half-written by a process that died."""


def send(connection: Connection, kind: str, **content: Any) -> None:
    """Send one message."""
    connection.send_bytes(json.dumps({"kind": kind, **content}).encode())


def receive(connection: Connection) -> dict[str, Any]:
    """Wait for one message.

    Raises:
        EOFError: if the other side is gone.
    """
    message: dict[str, Any] = json.loads(connection.recv_bytes())
    return message


def write_setup(setup: Setup) -> dict[str, Any]:
    """A setup as a message."""
    return {
        "card": asdict(setup.card),
        "folders": [str(folder) for folder in setup.folders],
        "threads": setup.threads,
        "resident": setup.resident,
        "folder": str(setup.folder),
        "attempts": str(setup.attempts),
        "logs": str(setup.logs),
        "diagnostics": setup.diagnostics and setup.diagnostics.model_dump(mode="json"),
    }


def read_setup(message: dict[str, Any]) -> Setup:
    """A setup from a message."""
    return Setup(
        card=Card.read(message["card"]),
        folders=tuple(map(Path, message["folders"])),
        threads=message["threads"],
        resident=message["resident"],
        folder=Path(message["folder"]),
        attempts=Path(message["attempts"]),
        logs=Path(message["logs"]),
        diagnostics=Diagnostics(**asked) if (asked := message["diagnostics"]) else None,
    )


def write_attempt(attempt: Attempt) -> dict[str, Any]:
    """An attempt as a message."""
    return {
        "trial": attempt.trial.model_dump(mode="json"),
        "key": attempt.key,
        "number": attempt.number,
        "program": attempt.program,
        "wanted": attempt.wanted,
        "given": attempt.given,
        "hands_on": attempt.hands_on,
    }


def read_attempt(message: dict[str, Any]) -> Attempt:
    """An attempt from a message."""
    return Attempt(
        trial=Trial(**message["trial"]),
        key=message["key"],
        number=message["number"],
        program=message["program"],
        wanted=tuple(message["wanted"]),
        given=tuple(message["given"]),
        hands_on=message["hands_on"],
    )


def result_file(attempts: Path, key: str, number: int) -> Path:
    """File in which a worker leaves its report before it sends it."""
    return attempts / f"{key}.{number}.json"


def is_ours(file: Path) -> bool:
    """True if a file bears one of our names and is a plain file, not a link or folder."""
    return bool(_OURS.fullmatch(file.name)) and file.is_file() and not file.is_symlink()


def read_result(attempts: Path, key: str, number: int) -> Report | None:
    """The report that a worker left, or ``None`` if it left none that is whole."""
    file = result_file(attempts, key, number)
    if not is_ours(file):
        return None
    try:
        text = file.read_text(encoding="utf-8")
        return Report.model_validate_json(text)
    except (OSError, ValueError):
        return None
