"""Recovery of outcomes that an earlier run has left outside the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.executors import messages
from harness.records import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from harness.store import Store


def recover(store: Store, attempts: Path) -> None:
    """Close the attempts that an earlier run left open, and delete its files.

    Args:
        store: store of the study.
        attempts: folder with result files of workers.
    """
    for key, number in store.open_attempts():
        left = messages.read_result(attempts, key, number)
        if left:
            store.end(key, number, left.outcome, store.remember(left.environment))
        else:
            gone = Outcome(status="interrupted", reason="the coordinator ended before it did")
            store.end(key, number, gone)
    for file in (*attempts.glob("*"), *(store.folder / "objects").glob(".tmp-*")):
        if messages.is_ours(file):
            file.unlink()
