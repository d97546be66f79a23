"""Drawing of a page's parts side by side, which takes most of the time of a page."""

from __future__ import annotations

import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_shared: list[Callable[[], Any]] = []
"""Functions for a fork to call, set by its parent."""


def called(parts: Sequence[Callable[[], T]]) -> list[T]:
    """Call functions without arguments and return their results in order.

    Where that is safe, forks of this process call them, one per core. A fork has all that this
    process has read, so that only what the functions return is handed over.
    """
    cores = _cores()
    if cores > 1:
        try:
            return _forked(parts, cores)
        except BrokenProcessPool:  # a fork was killed, perhaps for its memory
            pass
    return [part() for part in parts]


def _cores() -> int:
    """Number of processes that may work; 1 where a fork is not safe.

    Elsewhere than on Linux system libraries do not expect one, and threads of TensorFlow do not
    live on in it.
    """
    if sys.platform != "linux" or "tensorflow" in sys.modules:
        return 1
    return len(os.sched_getaffinity(0))


def _forked(parts: Sequence[Callable[[], T]], cores: int) -> list[T]:
    with warnings.catch_warnings():
        # Python 3.12 warns of any thread. Those of linear algebra are ended before a fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        with ProcessPoolExecutor(
            min(cores, len(parts)), get_context("fork"), _shared.extend, (parts,)
        ) as pool:
            return list(pool.map(_call, range(len(parts))))


def _call(index: int) -> Any:
    return _shared[index]()
