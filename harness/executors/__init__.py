"""Executors run attempts: in this process, or in worker processes on this machine.

An executor knows nothing of studies and stores. It takes attempts, and answers with events;
what an event means is decided by the coordinator.
"""

from harness.executors.protocol import (
    Attempt,
    Building,
    Died,
    Ended,
    Event,
    Executor,
    Rehearsed,
    Setup,
    Started,
)

__all__ = [
    "Attempt",
    "Building",
    "Died",
    "Ended",
    "Event",
    "Executor",
    "Rehearsed",
    "Setup",
    "Started",
]
