"""The epochs of one training."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from harness import catalog, seeds
from harness.blocks import schedules
from harness.evaluation import in_own_unit
from harness.players import prefix
from harness.records import START, Epoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.program import Inputs
    from harness.spec import Trial
    from harness.train.clock import Clock
    from harness.train.programs import Compiled


class Look(Protocol):
    """A look at a network between epochs, which changes nothing."""

    def __call__(self, epoch: int, rate: NDArray[np.float32], *, last: bool) -> None:
        """Look at it.

        Args:
            epoch: that has ended; ``START`` before the first step.
            rate: learning rates of its last step, or of the first one.
            last: whether no other epoch follows.
        """


def _look_away(epoch: int, rate: NDArray[np.float32], *, last: bool) -> None:
    """Look at nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A stage with the cases that it is trained on.

    Args:
        compiled: its program.
        inputs: all of its data.
        train: cases to train on.
        held: validation cases.
        look: called before the first step, and after every epoch with finite numbers.
    """

    compiled: Compiled
    inputs: Inputs
    train: NDArray[np.int32]
    held: NDArray[np.int32]
    look: Look = _look_away


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Course of a training.

    Args:
        curve: its epochs with finite numbers.
        best: index of the best of them, whose weights the program has kept.
        reason: why it diverged; empty if it did not.
        earlier: epochs of stages before.
    """

    curve: list[Epoch]
    best: int
    reason: str = ""
    earlier: tuple[Epoch, ...] = ()

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

        def own(curve: Iterable[Epoch]) -> list[Epoch]:
            return [
                one.model_copy(update={"quantities": in_own_unit(one.quantities, task, unit)})
                for one in curve
            ]

        return replace(self, curve=own(self.curve), earlier=tuple(own(self.earlier)))


def train_epochs(leg: Leg, trial: Trial, clock: Clock) -> Course:
    """Train a stage epoch by epoch, until the last one, or one that diverges.

    Patience ends the last stage only, the one that is judged.
    """
    compiled, learner = leg.compiled, leg.compiled.program.learner
    orders = in_order(trial, leg.train, compiled.stream(trial, "order"))
    patience = None if compiled.name else catalog.training(trial.settings).patience
    of_stage = f" of stage {compiled.name!r}" if compiled.name else ""
    curve: list[Epoch] = []
    best = 0
    schedule = rates(
        trial, learner.sizes.steps, learner.names, compiled.network.stage.epochs, learner.depths
    )
    leg.look(START, schedule[0, 0], last=False)
    for epoch, (scheduled, order) in enumerate(zip(schedule, orders, strict=False)):
        with clock.spent("train"):
            passed = compiled.program.epoch(leg.inputs, order, scheduled, leg.held)
        bad = [name for name, number in passed.quantities.items() if not math.isfinite(number)]
        if bad or not passed.finite:
            where = f"{bad[0] if bad else 'a weight'} is not finite in epoch {epoch + 1}{of_stage}"
            return Course(curve=curve, best=best, reason=where)
        curve.append(Epoch(epoch=epoch, quantities=passed.quantities, stage=compiled.name))
        best = epoch if passed.best else best
        last = patience is not None and epoch - best >= patience
        leg.look(epoch, scheduled[-1], last=last or epoch == len(schedule) - 1)
        if last:
            break
    return Course(curve=curve, best=best)


def in_order(
    trial: Trial, cases: NDArray[np.int32], stream: np.random.Generator
) -> Iterator[NDArray[np.int32]]:
    """Training cases of one epoch after another, in the order in which they are trained on.

    Args:
        trial: says how they are ordered.
        cases: the training cases, in the order of the data.
        stream: of the draws.
    """
    rule = catalog.training(trial.settings).batch_order
    shuffled = (cases[seeds.permutation(stream, len(cases))] for _ in repeat(None))
    match rule:
        case "given":
            return repeat(cases)
        case "fixed":
            return repeat(next(shuffled))
        case _:
            return shuffled


def rates(
    trial: Trial,
    steps: int,
    players: Sequence[str] = ("",),
    epochs: int | None = None,
    depths: Sequence[int] = (0,),
) -> NDArray[np.float32]:
    """The learning rate of every step.

    Args:
        trial: gives rates and schedule.
        steps: in an epoch.
        players: names of those that have a rate.
        epochs: how many. Default: as many as the trial says.
        depths: of each of them, how often ``layer_decay`` divides its rate.

    Returns:
        Shape ``(epochs, steps)``, of several players ``(epochs, steps, players)``.
    """
    shared = catalog.training(trial.settings)
    found = []
    decay = cast("float", trial.settings.get("layer_decay", 1.0))
    for player, depth in zip(players, depths, strict=True):
        own = catalog.updates(trial.settings, prefix(player, trial.settings))
        count = shared.epochs if epochs is None else epochs
        rate = own.learning_rate / decay**depth
        found.append(schedules.rates(shared.schedule, rate, steps, count))
    return np.stack(found, axis=-1) if len(found) > 1 else found[0]
