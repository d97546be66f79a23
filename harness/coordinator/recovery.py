"""Takes in what an earlier run left: outcomes that no one noted, attempts without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.executors import messages
from harness.records import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from harness.store import Store


def recover(store: Store, attempts: Path) -> None:
    """Close the attempts of a process that died, and delete the files that it left.

    Args:
        store: of the study.
        attempts: folder with result files of workers.
    """
    for key, number in store.open_attempts():
        left = messages.read_result(attempts, key, number)
        gone = Outcome(status="interrupted", reason="the coordinator ended before it did")
        store.end(key, number, left or gone)
    for file in (*attempts.glob("*"), *(store.folder / "objects").glob(".tmp-*")):
        if messages.is_ours(file):
            file.unlink()
