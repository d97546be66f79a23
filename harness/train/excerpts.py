"""Excerpts of what a trial said of test cases, kept among the objects of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness import evaluation, objects, program
from harness.evaluation import Looked
from harness.program import EVALUATED
from harness.records import Artifact

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.evaluation import Evidence
    from harness.program import Inputs
    from harness.spec import Trial


def keep(
    shown: Evidence,
    trial: Trial,
    card: Card,
    cases: Looked,
    epoch: int,
    folder: Path,
) -> tuple[Artifact, ...]:
    """Store an excerpt of the evidence; nothing where there is nothing to look at.

    Args:
        shown: evidence of the test split.
        trial: that it is of; only of confirm trials something is kept.
        card: of its data.
        cases: the test cases.
        epoch: that the weights are of.
        folder: of the store.
    """
    if trial.phase != "confirm":
        return ()
    arrays = evaluation.seen(shown, card, cases)
    if not arrays:
        return ()
    file = objects.keep_arrays(folder, arrays)
    return (Artifact(kind="seen", epoch=epoch, digest=file.stem),)


def looked(
    inputs: Inputs, card: Card, trial: Trial, truth: NDArray[np.generic], unit: float
) -> Looked:
    """The test cases of a trial, as people may look at them.

    Pictures are kept in the first replicate alone, which is enough to look at.

    Args:
        inputs: of its data.
        card: of its data.
        trial: says which replicate.
        truth: targets in their own unit.
        unit: what one trained unit of a target is in its own.
    """

    def take(cases: NDArray[np.int64]) -> NDArray[Any]:
        taken: NDArray[Any] = program.take(inputs, cases.astype(np.int32), test=True)[0].numpy()
        return taken

    noisy = None
    if card.noise and trial.replicate == 0:
        # Noise is drawn for all cases of an evaluation at once.
        first = np.arange(min(EVALUATED, len(inputs.y_test)), dtype=np.int32)
        x = program.take(inputs, first, test=True)[0]
        noisy = program.noisy(inputs, x, "test").numpy()
    return Looked(take=take, noisy=noisy, truth=truth, unit=unit, pictured=trial.replicate == 0)
