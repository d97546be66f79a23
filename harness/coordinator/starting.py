"""Start of the executor, as late as possible: a finished study needs none."""

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
    from harness.records import Environment
    from harness.store import Store


@dataclass(slots=True, kw_only=True)
class OnDemand:
    """Executor that starts when it is first needed. Use as a context manager, which closes it.

    Args:
        make: function that makes it.
        setup: argument of that function.
        store: store of the study, which records the environment.
        mixed_environment: true if the store may hold results of other versions.
        tick: function to call every few seconds if it trains in the calling process.
    """

    make: Callable[[Setup], Executor]
    setup: Setup
    store: Store
    mixed_environment: bool
    tick: Callable[[], None]
    _admitted: dict[str, str] = field(default_factory=dict, init=False)
    _started: Executor | None = field(default=None, init=False)
    _within: ExitStack = field(default_factory=ExitStack, init=False)

    def get(self) -> Executor:
        """Return the executor; the first call starts it.

        Raises:
            StoreError: if the store holds results of other versions that must not be mixed.
        """
        if self._started is None:
            self._started = self._start()
        return self._started

    def admit(self, reported: Environment) -> str:
        """Record the environment of an attempt, and return its digest.

        Raises:
            StoreError: if the store holds results of other versions that must not be mixed.
        """
        content = reported.model_dump_json()
        if content not in self._admitted:
            if not self.mixed_environment:
                check_unmixed(self.store, reported)
            self._admitted[content] = self.store.remember(reported)
        return self._admitted[content]

    def _start(self) -> Executor:
        self.admit(environment.observe())
        card = self.setup.card
        for one in card.family:
            datasets.obtain(one.locator)
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
