"""One compiled training graph, refilled for every trial that has its structure.

The numbers of a trial (initial weights, learning rates, coefficients, seeds) are inputs; what
is left is structure.
"""

from __future__ import annotations

from harness.program.compiled import Program
from harness.program.fallback import Fallback, is_expressible
from harness.program.inputs import (
    CHUNK,
    EVALUATED,
    Corruption,
    Inputs,
    Resident,
    Streamed,
    noisy,
    pick,
    take,
)
from harness.program.learner import Learner, Sizes, sizes
from harness.program.looking import is_shown
from harness.program.looking import names as layer_names
from harness.program.network import Network, build
from harness.program.operations import forward, uses_xla
from harness.program.pooling import Pooling
from harness.program.probing import Probing
from harness.program.taking import asked, code_of, shapes
from harness.program.transferring import headed
from harness.program.updates import AVERAGED
from harness.program.weights import Weight

__all__ = [
    "AVERAGED",
    "CHUNK",
    "EVALUATED",
    "Corruption",
    "Fallback",
    "Inputs",
    "Learner",
    "Network",
    "Pooling",
    "Probing",
    "Program",
    "Resident",
    "Sizes",
    "Streamed",
    "Weight",
    "asked",
    "build",
    "code_of",
    "forward",
    "headed",
    "is_expressible",
    "is_shown",
    "layer_names",
    "noisy",
    "pick",
    "shapes",
    "sizes",
    "take",
    "uses_xla",
]
