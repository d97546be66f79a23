"""Data sets: described without being loaded, and loaded with their content checked.

A data set has a fixed test split. Train and validation are redrawn from the rest, stratified,
for every replicate.
"""

from __future__ import annotations

from harness.datasets.arrays import Data, from_arrays
from harness.datasets.rows import Rows
from harness.datasets.sources import BUNDLED, describe, load
from harness.datasets.splits import draw

__all__ = ["BUNDLED", "Data", "Rows", "describe", "draw", "from_arrays", "load"]
