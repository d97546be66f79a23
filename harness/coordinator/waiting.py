"""Waits of a run: networks being built and trials in training, named when they take long."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

BUILDING = 600.0
"""Seconds that building one network may take. Training has no limit but its epochs."""

QUIET_LOADING = 30.0
QUIET_BUILDING = 15.0
QUIET_TRAINING = 60.0
"""Seconds before a wait is mentioned."""

LONGER = 4.0
"""Multiple of the longest training so far after which a training is mentioned."""


class TimeLimitError(BaseException):
    """Raised inside user code that has been building for too long; no ``except`` there stops it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Wait for one network or one training.

    Args:
        what: name of what is waited for, for people.
        quiet: seconds before it is mentioned.
        limit: seconds after which it is given up; ``None``: never.
        since: monotonic time at which it began.
    """

    what: str
    quiet: float
    limit: float | None = None
    since: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.since

    @property
    def over(self) -> bool:
        """True once it is to be given up."""
        return self.limit is not None and self.seconds > self.limit


def lasting(waits: dict[str, Wait]) -> dict[str, Wait]:
    """Pick the waits that have lasted long enough to be mentioned."""
    return {key: wait for key, wait in [*waits.items()] if wait.seconds > wait.quiet}


def place_name(place: int | None) -> str:
    """Name of a place, for people; ``None`` is the calling process."""
    return "in this process" if place is None else f"in worker {place}"
