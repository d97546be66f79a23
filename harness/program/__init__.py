"""One compiled training graph, refilled for every trial that has its structure.

The numbers of a trial (initial weights, learning rates, coefficients, seeds) are inputs; what
is left is structure.
"""

from __future__ import annotations

from harness.program.compiled import Program, Resident, uses_xla
from harness.program.fallback import Fallback, is_expressible
from harness.program.network import Network, Refillable, Sizes, Weight, build, sizes

__all__ = [
    "Fallback",
    "Network",
    "Program",
    "Refillable",
    "Resident",
    "Sizes",
    "Weight",
    "build",
    "is_expressible",
    "sizes",
    "uses_xla",
]
