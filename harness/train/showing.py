"""Generated cases to look at, kept while a network trains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import catalog, objects, seeds
from harness.records import Artifact

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.program import Inputs, Program
    from harness.spec import Trial

MOMENTS = 5
"""Epochs at which cases are kept, evenly spaced, the last one included."""

POINTS, IMAGES = 500, 64
"""Number of cases that are kept: of points, and of what has more numbers than a point."""


@dataclass(slots=True, kw_only=True)
class Showing:
    """Cases that a network generates from the same random numbers, at a few of its epochs.

    Args:
        program: generates; its weights and random states are left as they are.
        inputs: of its data; as many test cases are kept beside.
        trial: fixes the random numbers.
        arrays: kept so far: ``real``, and the generated cases by epoch, such as ``epoch_99``.
    """

    program: Program
    inputs: Inputs
    trial: Trial
    arrays: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def look(self, epoch: int, rate: Any, *, last: bool) -> None:  # noqa: ARG002
        """Keep cases, if this is one of the epochs at which they are."""
        total = catalog.training(self.trial.settings).epochs
        if epoch + 1 not in {-(-total * part // MOMENTS) for part in range(1, MOMENTS + 1)}:
            return
        judging, state = self.program.judging, self.program.learner.state
        assert judging is not None
        tests = np.arange(len(self.inputs.y_test), dtype=np.int32)
        some = tests[: POINTS if judging.width == len("xy") else IMAGES]
        with state.seeded(seeds.salted(self.trial, "shown")), self.program.learner.finalized():
            self.arrays[f"epoch_{epoch}"] = judging.generate(self.inputs, some, test=True)
        self.arrays.setdefault("real", judging.real(self.inputs, some))

    def keep(self, folder: Path) -> tuple[Artifact, ...]:
        """Store what was kept, in a folder of objects."""
        if not self.arrays:
            return ()
        last = max(int(name.partition("_")[2]) for name in self.arrays if name != "real")
        file = objects.keep_arrays(folder, self.arrays)
        return (Artifact(kind="samples", epoch=last, digest=file.stem),)
