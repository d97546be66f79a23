"""Signals while a study runs: those that stop it, and one that looks around every few seconds."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK = 5.0
"""Seconds between two looks at what is waited for, where building and training block."""


class StoppedError(Exception):
    """Raised where a run is to be stopped before it has begun anything."""


@dataclass(slots=True)
class Stop:
    """The wish to stop a run, once a signal has told it.

    Args:
        by: that signal.
    """

    by: signal.Signals | None = None

    def answer(self, number: int) -> None:
        """Let nothing new begin after the first signal, and end at once after the second.

        Raises:
            KeyboardInterrupt: at the second.
        """
        if self.by:
            raise KeyboardInterrupt
        self.by = signal.Signals(number)

    def check(self) -> None:
        """Go on if no signal has come.

        Raises:
            StoppedError: if one has.
        """
        if self.by:
            raise StoppedError


@contextmanager
def answered(handle: Callable[[int], Any]) -> Iterator[None]:
    """Answer SIGINT and SIGTERM while a study runs, where Python allows it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda got, _: handle(got)) for number in wanted}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def ticking(tick: Callable[[], None]) -> Iterator[None]:
    """Look around every few seconds while this thread is busy, where Python allows it.

    Args:
        tick: what to do; what it raises is raised in the middle of what this thread does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, lambda *_: tick())
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
