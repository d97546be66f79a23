"""Runs a study: what is missing goes to an executor, what comes back into the store."""

from harness.coordinator.progress import Finished, Progress
from harness.coordinator.running import run

__all__ = ["Finished", "Progress", "run"]
