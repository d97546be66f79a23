"""Measurements inside a network while it trains, none of which changes the training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness import program, seeds
from harness.errors import TemplateError, nearest
from harness.program import Pooling, Probing
from harness.program.seeing import norm
from harness.records import NETWORK, START, Inside
from harness.spec import CASES, Diagnostics
from harness.train.collecting import Collecting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from harness.program import Network
    from harness.records import Artifact
    from harness.spec import Trial
    from harness.train.clock import Clock
    from harness.train.epochs import Leg

ACTIVATIONS = ("activation_", "dead", "saturated", "hist_")
"""Beginnings of the names of quantities of activations; others are of gradients."""


@dataclass(kw_only=True)  # without slots, which leave no room for what is cached
class Watching:
    """Findings of a trial's diagnostics, at the epochs at which they are wanted.

    Args:
        leg: the judged stage.
        trial: that is trained.
        clock: of the attempt.
        asked: what is measured, and when.
        looks: whether there is something to measure.
        probing: measures the network on cases; ``None``: nothing does.
        collecting: looks at the features of its layers; ``None``: nothing does.
        unseen: why, where something was asked for.
        found: numbers so far.
        lost: names of what was not finite.
    """

    leg: Leg
    trial: Trial
    clock: Clock
    asked: Diagnostics = field(default_factory=Diagnostics)
    looks: bool = False
    probing: Probing | None = None
    collecting: Collecting | None = None
    unseen: str = ""
    found: list[Inside] = field(default_factory=list)
    lost: dict[str, None] = field(default_factory=dict)

    def look(self, epoch: int, rate: Any, *, last: bool) -> None:
        """Measure, if something is wanted after this epoch.

        Args:
            epoch: that has ended; ``START`` before the first one.
            rate: learning rates of its last step; before the first one, of that step.
            last: whether no other epoch follows.
        """
        if not (epoch == START or last or (epoch + 1) % self.asked.every == 0):
            return
        with self.clock.spent("evaluate"):
            told = self._measured(rate)
            if self.collecting and (epoch == START or last):
                self._collect(epoch, told)
        if epoch == START and self.probing:
            self._place(told)
        for layer, numbers in told.items():
            good = {name: number for name, number in numbers.items() if math.isfinite(number)}
            for name in numbers.keys() - good.keys():
                self.lost[f"{name} of {layer or 'the network'}"] = None
            quantities = {f"inside/{name}": number for name, number in good.items()}
            if quantities:
                one = Inside(epoch=epoch, layer=layer or NETWORK, quantities=quantities)
                self.found.append(one)

    def keep(self, folder: Path) -> tuple[Artifact, ...]:
        """Store what is kept of features, in a folder of objects."""
        return self.collecting.keep(folder) if self.collecting else ()

    def _measured(self, rate: Any) -> dict[str, dict[str, float]]:
        """Numbers by layer, those of the network under no name."""
        learner, asked = self.leg.compiled.program.learner, self.asked.measures
        told: dict[str, dict[str, float]] = {"": {}}
        if self.probing:
            with learner.state.seeded(seeds.salted(self.trial, "inside")):
                told = self._probed(self.probing, rate)
        if "weights" in asked:
            told[""]["weight_norm"] = norm([one.numpy() for one in learner.variables])
        return told

    def _probed(self, probing: Probing, rate: Any) -> dict[str, dict[str, float]]:
        """Numbers by layer that a probe gives."""
        asked, cases, inputs = self.asked.measures, self.cases, self.leg.inputs
        told: dict[str, dict[str, float]] = {"": {}}
        if {"gradients", "activations"} & {*asked}:
            told = probing.measure(inputs, cases, rate)
        if "sharpness" in asked:
            told[""] |= probing.sharpness(inputs, cases)
        return {
            layer: {name: part for name, part in numbers.items() if _kind(name) in asked}
            for layer, numbers in told.items()
        }

    def _collect(self, epoch: int, told: dict[str, dict[str, float]]) -> None:
        """Add what is measured of features."""
        assert self.collecting is not None
        for layer, numbers in self.collecting.measure(epoch, self.cases).items():
            told.setdefault(layer, {}).update(numbers)

    def _place(self, told: dict[str, dict[str, float]]) -> None:
        """Add the depth of every layer, which stays."""
        assert self.probing is not None
        for layer, numbers in told.items():
            if layer:
                numbers["depth"] = self.probing.all_names.index(layer) + 1

    @cached_property
    def cases(self) -> NDArray[np.int32]:
        """The probe."""
        return probe(self.trial, self.leg.train, self.asked)

    @property
    def notes(self) -> tuple[str, ...]:
        """Numbers that could not be measured, for readers of the results."""
        if self.unseen:
            return (f"nothing is measured inside the network, because {self.unseen}",)
        if not self.lost:
            return ()
        some = ", ".join([*self.lost][:3])
        more = f" and {len(self.lost) - 3} more" if len(self.lost) > 3 else ""
        return (f"inside the networks, {some}{more} was not finite, and is left out",)


def probe(trial: Trial, train: NDArray[np.int32], asked: Diagnostics) -> NDArray[np.int32]:
    """Cases of a replicate's probe, the same ones for all arms."""
    stream = seeds.stream(trial.seed, trial.phase, trial.replicate, "probe")
    return train[seeds.permutation(stream, len(train))][: asked.cases or CASES]


class Insides:
    """Measurements inside networks, by programs that serve all trials of the same structure.

    Args:
        asked: what is measured; ``None``: nothing.
    """

    def __init__(self, asked: Diagnostics | None) -> None:
        """Compile nothing yet."""
        self._asked = asked
        self._probings: dict[str, tuple[Probing, Pooling]] = {}

    def watch(
        self, key: str, leg: Leg, trial: Trial, wanted: Sequence[str], clock: Clock
    ) -> Watching:
        """Measurements of a trial, with nothing found yet.

        Args:
            key: of its program.
            leg: its judged stage.
            trial: what is trained.
            wanted: of the trial; nothing is measured unless the text of the diagnostics is in it.
            clock: of the attempt.
        """
        asked, compiled = self._asked, leg.compiled
        if asked is None or asked.text not in wanted:
            return Watching(leg=leg, trial=trial, clock=clock)
        probes = {*asked.measures} != {"weights"}
        reason = _unseen(compiled.network, compiled.program.route, probes=probes)
        if reason:
            return Watching(leg=leg, trial=trial, clock=clock, unseen=reason)
        if not probes:
            return Watching(leg=leg, trial=trial, clock=clock, asked=asked, looks=True)
        if key not in self._probings:
            learner, model = compiled.program.learner, compiled.network.model
            probing = Probing(learner, model, asked.layers)
            self._probings[key] = probing, Pooling(model, probing.names)
        probing, pooling = self._probings[key]
        collecting = None
        if "features" in asked.measures:
            collecting = Collecting(leg=leg, trial=trial, pooling=pooling, probing=probing)
        return Watching(
            leg=leg,
            trial=trial,
            clock=clock,
            asked=asked,
            looks=True,
            probing=probing,
            collecting=collecting,
        )

    def check(self, network: Network, template: str) -> None:
        """Refuse layers that a network does not have.

        Raises:
            TemplateError: naming the nearest that it has.
        """
        if self._asked is None or not program.is_shown(network.model):
            return
        names = program.layer_names(network.model)
        for name in self._asked.layers:
            if name not in names:
                raise TemplateError(
                    f"[diagnostics] layers: expected layers of template {template!r} with weights. "
                    f"Received: {name!r}. {nearest(name, names)}"
                )


def _unseen(network: Network, route: str, *, probes: bool) -> str:
    """Reason why nothing is measured inside a network; empty if all is."""
    if route == "fit":
        return "it trains through fit, by a step of its own"
    if not probes:
        return ""
    if any(player.loss for player in network.stage.players):
        return "its players have losses of their own"
    if not program.is_shown(network.model):
        return "its layers cannot be told apart, because it is no functional or sequential model"
    return ""


def _kind(name: str) -> str:
    """The measure that a quantity belongs to."""
    if name.startswith("sharpness"):
        return "sharpness"
    return "activations" if name.startswith(ACTIVATIONS) else "gradients"
