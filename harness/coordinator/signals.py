"""Signals during a run: two that stop it, and one that calls a function every few seconds."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK = 5.0
"""Seconds between two checks of the waits, where building and training block."""


class StoppedError(Exception):
    """Raised to stop a run before it has changed its store."""


@dataclass(slots=True)
class Stop:
    """Signal that stops a run, once one has come.

    Args:
        by: the signal; ``None`` before one has come.
    """

    by: signal.Signals | None = None

    def answer(self, number: int) -> None:
        """Answer a signal: note the first, end at once at the second.

        Raises:
            KeyboardInterrupt: at the second signal.
        """
        if self.by:
            raise KeyboardInterrupt
        self.by = signal.Signals(number)

    def check(self) -> None:
        """Go on only if no signal has come.

        Raises:
            StoppedError: if one has come.
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
    """Call a function every few seconds while this thread is busy, where Python allows it.

    Args:
        tick: function to call; its exceptions are raised in this thread, wherever it is.
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
