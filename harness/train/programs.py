"""Compiled programs, each built once and filled with the numbers of every trial that shares it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import catalog, design, initial, program, seeds, surroundings, usercode
from harness.errors import TemplateError
from harness.program import Fallback, Inputs, Network, Program, Stage
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.spec import Trial
    from harness.train.clock import Clock


CALIBRATED = 512
"""Training cases by which an initializer that needs data scales weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A program and the network it was compiled for."""

    program: Program | Fallback
    network: Network

    def fill(self, trial: Trial, labels: NDArray[np.generic]) -> None:
        """Give it everything of a trial, and leave nothing of an earlier one.

        Args:
            trial: what to train.
            labels: of its training cases.
        """
        _, numbers = design.split(trial)
        values: dict[str, Any] = dict(numbers)
        weighing = self.program.stage.objective.class_weight
        if weighing is not None:
            values["class_weight"] = class_weights(trial, labels, weighing.shape[0])
        noise = seeds.salted(trial, "noise")
        self.program.stage.state.start(initial.draw(self.network.weights, trial), values, noise)
        self.program.reset()

    def calibrate(self, trial: Trial, inputs: Inputs, train: NDArray[np.int32]) -> None:
        """Scale the initial weights by some training cases, if the trial's initializer does so."""
        variance = initial.variance(trial)
        if variance is not None:
            stream = seeds.salted(trial, "calibration")
            some = train[seeds.permutation(stream, len(train))][:CALIBRATED]
            initial.calibrate(self.network, program.take(inputs, some)[0], variance)
            self.program.stage.state.restart()


class Programs:
    """Compiled programs by key; what could not be built once is not tried again.

    Args:
        card: of the data that all trials use.
        folders: where user modules are looked for.
    """

    def __init__(self, card: Card, folders: Sequence[Path]) -> None:
        """Compile nothing yet."""
        self.compiled: dict[str, Compiled] = {}
        self._built: dict[str, tuple[Network, Stage]] = {}
        self._broken: dict[str, Exception] = {}
        self._card, self._folders = card, folders

    def key(self, trial: Trial) -> str:
        """Identity of the program of a trial."""
        return design.program_key(trial, self._card)

    def of(self, key: str, trial: Trial, inputs: Inputs, clock: Clock) -> Compiled:
        """The program with a key, compiled for a trial that needs it."""
        if key in self._broken:
            raise self._broken[key]
        if key not in self.compiled:
            try:
                self.compiled[key] = self._compile(key, trial, inputs, clock)
            except Exception as error:
                self._broken[key] = error
                raise
        return self.compiled[key]

    def prepare(self, key: str, trial: Trial) -> tuple[Network, Stage]:
        """Build a trial's network, and keep it for the program with a key."""
        built = self.build(trial)
        self._built[key] = built
        return built

    def build(self, trial: Trial) -> tuple[Network, Stage]:
        """Build a trial's network, with an optimizer. This may run user code."""
        with surroundings.building(trial, self._card, self._folders) as world:
            load_code(trial, self._folders)
            network = program.build(trial, self._card, _template(trial, self._folders))
            if world:
                network = surroundings.look(network, world, trial, self._card, self._folders)
            stage = Stage(trial, self._card, network)
        said = (program.AVERAGED,) if stage.finalizes else ()
        return replace(network, notes=(*network.notes, *said)), stage

    def _compile(self, key: str, trial: Trial, inputs: Inputs, clock: Clock) -> Compiled:
        """The first route that can express the model.

        A built-in template is always a program. A user's model may hold operations that XLA
        lacks, or a training step of its own; then it is trained without XLA, or by ``fit``.
        """
        routes = ("rule", "graph", "fit") if trial.code else ("rule",)
        for route in routes:
            with clock.spent("build"):
                # What a rehearsal has built serves once: a route that failed may have changed it.
                built = self._built.pop(key, None)
                network, stage = built or self.build(trial)
            try:
                with clock.spent("compile"), surroundings.tracing(network, trial, self._card):
                    made = _routed(route, stage, self._card)
                    made.compile(inputs)
            except TemplateError:
                raise
            except Exception:
                if route == routes[-1]:
                    raise
            else:
                return Compiled(program=made, network=network)
        raise AssertionError


def load_code(trial: Trial, folders: Sequence[Path]) -> None:
    """Make the user's own objects of a trial importable. This runs user code."""
    for target in design.own(trial.template, trial.settings):
        usercode.load(target, folders)


def class_weights(trial: Trial, labels: NDArray[np.generic], classes: int) -> NDArray[Any]:
    """Weight of every class: as given, or so that all classes count as much."""
    given = catalog.settled("class_weight", trial.settings["class_weight"]).words.get("weights")
    if given is not None:
        return np.array(given, np.float32)
    counts = np.bincount(labels.ravel(), minlength=classes)
    return labels.size / (classes * np.maximum(counts, 1))


def _routed(name: str, stage: Stage, card: Card) -> Program | Fallback:
    if name == "fit":
        if stage.clips:
            raise TemplateError(
                "expected clip = 'none' for a model that trains through fit, because of a "
                "training step of its own. Received: a limit. Clip inside that step."
            )
        if any(stage.losses) or len(stage.players) > 1:
            raise TemplateError(
                "expected one player, by the loss of the study, of a model with a training step of "
                "its own. Received: others. Leave out the step, or the players."
            )
        return Fallback(stage)
    if not program.is_expressible(stage.model):
        raise NotImplementedError("a training step of its own")
    return Program(stage, xla=name == "rule" and program.uses_xla(stage.model, card))


def _template(trial: Trial, folders: Sequence[Path]) -> Callable[..., Any]:
    built_in = catalog.TEMPLATES.get(trial.template)
    if built_in:
        return resolve(built_in.target)  # type: ignore[no-any-return]
    return usercode.load(trial.template, folders)
