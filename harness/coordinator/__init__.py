"""Coordination of a run: missing trials go to an executor, outcomes into the store."""

from harness.coordinator.progress import Finished, Progress
from harness.coordinator.running import run

__all__ = ["Finished", "Progress", "run"]
