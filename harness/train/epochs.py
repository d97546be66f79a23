"""The epochs of one training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness import catalog, seeds
from harness.blocks import schedules
from harness.records import Epoch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.program import Fallback, Inputs, Program
    from harness.spec import Trial
    from harness.train.clock import Clock


def train_epochs(
    compiled: Program | Fallback,
    inputs: Inputs,
    trial: Trial,
    train: NDArray[np.int32],
    held: NDArray[np.int32],
    clock: Clock,
) -> tuple[list[Epoch], str]:
    """The curve, and why it ended early; empty if it did not."""
    order = seeds.salted(trial, "order")
    patience = trial.settings["patience"]
    curve: list[Epoch] = []
    for epoch, scheduled in enumerate(rates(trial, compiled.part.sizes.steps)):
        shuffled = train[seeds.permutation(order, len(train))]
        with clock.spent("train"):
            quantities, finite = compiled.epoch(inputs, shuffled, scheduled, held)
        bad = [name for name, number in quantities.items() if not math.isfinite(number)]
        if bad or not finite:
            return curve, f"{bad[0] if bad else 'a weight'} is not finite in epoch {epoch + 1}"
        curve.append(Epoch(epoch=epoch, quantities=quantities))
        if isinstance(patience, int) and epoch - best(curve, trial).epoch >= patience:
            break
    return curve, ""


def rates(trial: Trial, steps: int) -> NDArray[np.float32]:
    """The learning rate of every step, shape ``(epochs, steps)``."""
    rate, epochs = trial.settings["learning_rate"], trial.settings["epochs"]
    assert isinstance(rate, float)
    assert isinstance(epochs, int)
    return schedules.rates(trial.settings["schedule"], rate, steps, epochs)


def best(curve: list[Epoch], trial: Trial) -> Epoch:
    """The first epoch whose validation quantity no other beats."""
    pick = min if catalog.METRICS[trial.best.partition("/")[2]].direction == "minimize" else max
    return pick(curve, key=lambda epoch: epoch.quantities[trial.best])


def summary(curve: list[Epoch], trial: Trial) -> tuple[dict[str, float], int | None]:
    """Train and validation quantities at the last and at the best epoch."""
    if not curve:
        return {}, None
    chosen = {"best": best(curve, trial), "last": curve[-1]}
    found = {
        f"{name}@{which}": number
        for which, epoch in chosen.items()
        for name, number in epoch.quantities.items()
    }
    return found, chosen["best"].epoch
