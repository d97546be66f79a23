"""Signals while a study runs: those that stop it, and one that looks around every few seconds."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK = 5.0
"""Seconds between two looks at what is waited for, where building and training block."""


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
