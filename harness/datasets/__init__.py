"""Data sets: described without being loaded, and loaded with their content checked.

A data set has a fixed test split. Train and validation are redrawn from the rest, stratified,
for every replicate.
"""

from __future__ import annotations

from harness.datasets.arrays import Data, from_arrays
from harness.datasets.folder import is_here
from harness.datasets.known import KNOWN
from harness.datasets.labelling import relabelled
from harness.datasets.named import flat
from harness.datasets.own import check_function, needs_code
from harness.datasets.own import read as read_own
from harness.datasets.rows import Rows
from harness.datasets.sources import (
    check,
    describe,
    describe_all,
    describe_kept,
    is_own,
    load,
    mixture,
    obtain,
    shared_cases,
    sized,
    title,
    without_notes,
)
from harness.datasets.splits import draw, few, some

__all__ = [
    "KNOWN",
    "Data",
    "Rows",
    "check",
    "check_function",
    "describe",
    "describe_all",
    "describe_kept",
    "draw",
    "few",
    "flat",
    "from_arrays",
    "is_here",
    "is_own",
    "load",
    "mixture",
    "needs_code",
    "obtain",
    "read_own",
    "relabelled",
    "shared_cases",
    "sized",
    "some",
    "title",
    "without_notes",
]
