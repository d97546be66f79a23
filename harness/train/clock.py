"""Clock of an attempt."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.records import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Seconds of an attempt by part; monotonic, so that no clock change matters."""

    def __init__(self) -> None:
        """Nothing is spent yet."""
        self._spent: dict[str, float] = {}

    @contextmanager
    def spent(self, part: str) -> Iterator[None]:
        """Count what is done inside as time of a part."""
        start = time.monotonic()
        try:
            yield
        finally:
            self._spent[part] = self._spent.get(part, 0.0) + time.monotonic() - start

    def seconds(self) -> Seconds:
        """Seconds by part."""
        return Seconds(**self._spent)
