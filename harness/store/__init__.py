"""The store: a folder with one SQLite file, written by one process at a time.

A study's store is all that training and reporting both know. An attempt ends in one transaction:
its event, the trial's status, all its epochs and metrics are there, or none of it is. Events are
only ever appended. The number of an attempt is a fencing token: a result that carries an old one
is refused.

The folder may be reached through links, for results on another disk. Inside it no link is followed,
and nothing is deleted but files with names of our own.
"""

from __future__ import annotations

from harness.store.history import history
from harness.store.integrity import problems
from harness.store.progress import Progress, progress
from harness.store.reader import Trained, counts, definition, exists, reading, trained
from harness.store.schema import FILE, SCHEMA
from harness.store.writer import Store

__all__ = [
    "FILE",
    "SCHEMA",
    "Progress",
    "Store",
    "Trained",
    "counts",
    "definition",
    "exists",
    "history",
    "problems",
    "progress",
    "reading",
    "trained",
]
