"""Starts an executor as late as possible: a study that is finished needs none."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from harness import datasets, environment
from harness.coordinator.environment import check_unmixed
from harness.coordinator.signals import ticking

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from harness.executors import Executor, Setup
    from harness.store import Store


@dataclass(slots=True, kw_only=True)
class OnDemand:
    """The executor of a run, from the first work for it to the end. Use as a context manager.

    Args:
        make: makes it, from what it needs.
        setup: what it needs.
        store: which remembers the environment that it runs in.
        mixed_environment: whether results of other versions may be joined.
        tick: what to do every few seconds while it trains in the calling process.
        environment: digest of the environment that it runs in; empty before it was started.
    """

    make: Callable[[Setup], Executor]
    setup: Setup
    store: Store
    mixed_environment: bool
    tick: Callable[[], None]
    environment: str = field(default="", init=False)
    _started: Executor | None = field(default=None, init=False)
    _within: ExitStack = field(default_factory=ExitStack, init=False)

    def get(self) -> Executor:
        """The executor, started when this is asked for the first time.

        Raises:
            StoreError: if the store holds results of other versions, and these must not be joined.
        """
        if self._started is None:
            self._started = self._start()
        return self._started

    def _start(self) -> Executor:
        now = environment.observe()
        if not self.mixed_environment:
            check_unmixed(self.store, now)
        datasets.obtain(self.setup.card.reference)
        self.environment = self.store.remember(now)
        executor = self.make(self.setup)
        self._within.callback(executor.close)
        if not executor.workers:
            self._within.enter_context(ticking(self.tick))
        return executor

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the executor, if it was started."""
        self._within.close()
