"""Compare choices for training a network: the better one, by how much, and with what certainty.

``Study`` is the question, ``run`` trains it and gives back a ``Result``, ``build`` gives a network
of its templates. Earlier results are read by ``reports.load``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.building import build
    from harness.coordinator import Finished
    from harness.result import Result, run
    from harness.spec import Choices, Columns, Images, Part, Range, Study, Tune

_HOMES = {
    "Choices": "harness.spec",
    "Columns": "harness.spec",
    "Finished": "harness.coordinator",
    "Images": "harness.spec",
    "Part": "harness.spec",
    "Range": "harness.spec",
    "Study": "harness.spec",
    "Tune": "harness.spec",
    "Result": "harness.result",
    "build": "harness.building",
    "run": "harness.result",
}

__all__ = [
    "Choices",
    "Columns",
    "Finished",
    "Images",
    "Part",
    "Range",
    "Result",
    "Study",
    "Tune",
    "build",
    "run",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
