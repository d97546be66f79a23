"""Waits of a run: named while they last, and given up where nothing can come of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

BUILDING = 600.0
"""Seconds that one network may take to be built. A training has no limit but its epochs."""

QUIET_LOADING = 30.0
QUIET_BUILDING = 15.0
QUIET_TRAINING = 60.0
"""Seconds for which nothing is said about what is waited for."""

LONGER = 4.0
"""Multiple of the longest training so far at which a training is mentioned."""


class TimeLimitError(BaseException):
    """Raised inside user code that has been building for too long; no ``except`` there stops it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One thing that is waited for.

    Args:
        what: as a person would name it.
        quiet: seconds for which it is not mentioned.
        limit: seconds after which it is given up, if it ever is.
        since: monotonic time at which it began.
    """

    what: str
    quiet: float
    limit: float | None = None
    since: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Time that it has lasted."""
        return time.monotonic() - self.since

    @property
    def over(self) -> bool:
        """True if it is to be given up."""
        return self.limit is not None and self.seconds > self.limit


def lasting(waits: dict[str, Wait]) -> dict[str, Wait]:
    """Those that have lasted long enough to be mentioned."""
    return {key: wait for key, wait in [*waits.items()] if wait.seconds > wait.quiet}


def place_name(place: int | None) -> str:
    """Name of a place, as a person would say it."""
    return "in this process" if place is None else f"in worker {place}"
