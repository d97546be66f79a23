"""The epochs of one training."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness import seeds
from harness.blocks import schedules
from harness.evaluation import in_own_unit
from harness.players import prefix
from harness.records import Epoch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.program import Fallback, Inputs, Program
    from harness.spec import Trial
    from harness.train.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Course of a training.

    Args:
        curve: its epochs with finite numbers.
        best: index of the best of them, whose weights the program has kept.
        reason: why it diverged; empty if it did not.
    """

    curve: list[Epoch]
    best: int
    reason: str = ""

    def tested(self, found: Mapping[str, Mapping[str, float]]) -> Course:
        """The same, with quantities of the test split at its ``best`` and ``last`` epoch."""
        places = {"best": self.best, "last": len(self.curve) - 1}
        curve = [*self.curve]
        for rule, numbers in found.items():
            one = curve[places[rule]]
            curve[places[rule]] = one.model_copy(
                update={"quantities": {**one.quantities, **numbers}}
            )
        return replace(self, curve=curve)

    def in_unit(self, task: str, unit: float) -> Course:
        """The same, with errors of a regression in the unit of its target."""
        curve = [
            one.model_copy(update={"quantities": in_own_unit(one.quantities, task, unit)})
            for one in self.curve
        ]
        return replace(self, curve=curve)


def train_epochs(
    compiled: Program | Fallback,
    inputs: Inputs,
    trial: Trial,
    train: NDArray[np.int32],
    held: NDArray[np.int32],
    clock: Clock,
) -> Course:
    """Train epoch by epoch, until the last one, or one that diverges or patience ends."""
    order = seeds.salted(trial, "order")
    patience = trial.settings["patience"]
    curve: list[Epoch] = []
    best = 0
    for epoch, scheduled in enumerate(
        rates(trial, compiled.stage.sizes.steps, compiled.stage.names)
    ):
        shuffled = train[seeds.permutation(order, len(train))]
        with clock.spent("train"):
            passed = compiled.epoch(inputs, shuffled, scheduled, held)
        bad = [name for name, number in passed.quantities.items() if not math.isfinite(number)]
        if bad or not passed.finite:
            where = f"{bad[0] if bad else 'a weight'} is not finite in epoch {epoch + 1}"
            return Course(curve=curve, best=best, reason=where)
        curve.append(Epoch(epoch=epoch, quantities=passed.quantities))
        best = epoch if passed.best else best
        if isinstance(patience, int) and epoch - best >= patience:
            break
    return Course(curve=curve, best=best)


def rates(trial: Trial, steps: int, players: Sequence[str] = ("",)) -> NDArray[np.float32]:
    """The learning rate of every step.

    Returns:
        Shape ``(epochs, steps)``, of several players ``(epochs, steps, players)``.
    """
    found = [_rates(trial, steps, prefix(player, trial.settings)) for player in players]
    return np.stack(found, axis=-1) if len(found) > 1 else found[0]


def _rates(trial: Trial, steps: int, own: str) -> NDArray[np.float32]:
    rate, epochs = trial.settings[f"{own}learning_rate"], trial.settings["epochs"]
    assert isinstance(rate, float)
    assert isinstance(epochs, int)
    return schedules.rates(trial.settings["schedule"], rate, steps, epochs)
