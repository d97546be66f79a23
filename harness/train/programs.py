"""Compiled programs, each built once and filled with the numbers of every trial that shares it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import catalog, design, initial, program, seeds, surroundings, usercode
from harness.errors import TemplateError
from harness.program import Fallback, Inputs, Learner, Network, Program
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.isolation import World
    from harness.spec import Trial
    from harness.train.clock import Clock

Built = tuple[Network, Learner]
"""A network, and the learner that trains it."""

CALIBRATED = 512
"""Training cases by which an initializer that needs data scales weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The program of a stage, and the network it was compiled for.

    Args:
        program: the program.
        network: the network.
        name: of the stage, in curves and streams; empty for the last one, which is judged.
    """

    program: Program | Fallback
    network: Network
    name: str = ""

    def fill(self, trial: Trial, labels: NDArray[np.generic]) -> None:
        """Give it everything of a trial, and leave nothing of an earlier one.

        Args:
            trial: what to train.
            labels: of its training cases.
        """
        _, numbers = design.split(trial)
        values: dict[str, Any] = dict(numbers)
        weighing = self.program.learner.objective.class_weight
        if weighing is not None:
            values["class_weight"] = class_weights(trial, labels, weighing.shape[0])
        noise = self.stream(trial, "noise")
        self.program.learner.state.start(initial.draw(self.network.weights, trial), values, noise)
        self.program.reset()

    def calibrate(self, trial: Trial, inputs: Inputs, train: NDArray[np.int32]) -> None:
        """Scale the initial weights by some training cases, if the trial's initializer does so."""
        variance = initial.variance(trial)
        if variance is not None:
            stream = self.stream(trial, "calibration")
            some = train[seeds.permutation(stream, len(train))][:CALIBRATED]
            initial.calibrate(self.network, program.take(inputs, some)[0], variance)
            self.program.learner.state.restart()

    def stream(self, trial: Trial, purpose: str) -> np.random.Generator:
        """Generator of one purpose, which no other stage of the trial shares."""
        return seeds.salted(trial, purpose, *(("stage", self.name) if self.name else ()))

    def notes(self, trial: Trial) -> tuple[str, ...]:
        """Remarks on the network and its training for readers of the results."""
        return (
            *self.network.notes,
            *initial.notes(self.network, trial),
            *self.program.notes,
        )


class Programs:
    """Compiled programs by key, one per stage; what could not be built is not tried again.

    Args:
        card: of the data of all trials, with that of their sources.
        folders: where user modules are looked for.
    """

    def __init__(self, card: Card, folders: Sequence[Path]) -> None:
        """Compile nothing yet."""
        self.compiled: dict[str, tuple[Compiled, ...]] = {}
        self._built: dict[str, list[Built]] = {}
        self._broken: dict[str, Exception] = {}
        self._card, self._folders = card, folders

    def key(self, trial: Trial) -> str:
        """Identity of the program of a trial."""
        return design.program_key(trial, self._card)

    def of(self, key: str, trial: Trial, inputs: Inputs, clock: Clock) -> tuple[Compiled, ...]:
        """The programs with a key, one per stage, compiled for a trial that needs them."""
        if key in self._broken:
            raise self._broken[key]
        if key not in self.compiled:
            try:
                self.compiled[key] = self._compile(key, trial, inputs, clock)
            except Exception as error:
                self._broken[key] = error
                raise
        return self.compiled[key]

    def prepare(self, key: str, trial: Trial) -> list[Built]:
        """Build a trial's networks, and keep them for the programs with a key."""
        built = self.build(trial)
        self._built[key] = built
        return built

    def build(self, trial: Trial) -> list[Built]:
        """Build the network of every stage, with its optimizers. This may run user code."""
        with surroundings.building(trial, self._card, self._folders) as world:
            load_code(trial, self._folders)
            networks = self._networks(trial)
            return [self._learning(network, trial, world) for network in networks]

    def _networks(self, trial: Trial, *, anew: bool = False) -> tuple[Network, ...]:
        """The networks of a trial's stages; the first one knows that of the trial it needs."""
        card = self._card.of(trial.data, trial.task)
        template = _template(trial, self._folders)
        sources = [self._networks(one, anew=True)[-1] for one in trial.needs]
        return program.build(trial, card, template, *sources, anew=anew)

    def _learning(self, network: Network, trial: Trial, world: World | None) -> Built:
        card = self._card.of(trial.data, trial.task)
        if world:
            network = surroundings.look(network, world, trial, card, self._folders)
        learner = Learner(trial, card, network)
        said = (program.AVERAGED,) if learner.finalizes else ()
        return replace(network, notes=(*network.notes, *said)), learner

    def _compile(
        self, key: str, trial: Trial, inputs: Inputs, clock: Clock
    ) -> tuple[Compiled, ...]:
        """The first route that can express the models of all stages.

        A built-in template is always a program. A user's model may hold operations that XLA
        lacks, or a training step of its own; then it is trained without XLA, or by ``fit``.
        """
        routes = ("rule", "graph", "fit") if trial.code else ("rule",)
        for route in routes:
            with clock.spent("build"):
                # What a rehearsal has built serves once: a route that failed may have changed it.
                built = self._built.pop(key, None)
                built = built or self.build(trial)
            try:
                with clock.spent("compile"), surroundings.tracing(built[0][0], trial, self._card):
                    made = [_routed(route, learner, inputs) for _, learner in built]
                    for one in made:
                        one.compile(inputs)
            except TemplateError:
                raise
            except Exception:
                if route == routes[-1]:
                    raise
            else:
                names = [*(network.stage.name for network, _ in built[:-1]), ""]
                return tuple(
                    Compiled(program=one, network=network, name=name)
                    for one, (network, _), name in zip(made, built, names, strict=True)
                )
        raise AssertionError


def load_code(trial: Trial, folders: Sequence[Path]) -> None:
    """Make the user's own objects of a trial importable. This runs user code."""
    for target in design.own(trial.template, trial.settings):
        usercode.load(target, folders)


def class_weights(trial: Trial, labels: NDArray[np.generic], classes: int) -> NDArray[Any]:
    """Weight of every class: as given, or so that all classes count as much."""
    given = catalog.training(trial.settings).class_weight.words.get("weights")
    if given is not None:
        return np.array(given, np.float32)
    counts = np.bincount(labels.ravel(), minlength=classes)
    return labels.size / (classes * np.maximum(counts, 1))


def _routed(name: str, learner: Learner, inputs: Inputs) -> Program | Fallback:
    if name == "fit":
        if learner.clips:
            raise TemplateError(
                "expected clip = 'none' for a model that trains through fit, because of a "
                "training step of its own. Received: a limit. Clip inside that step."
            )
        if any(learner.losses) or len(learner.players) > 1:
            raise TemplateError(
                "expected one player, by the loss of the study, of a model with a training step of "
                "its own. Received: others. Leave out the step, or the players."
            )
        return Fallback(learner)
    if not program.is_expressible(learner.model):
        raise NotImplementedError("a training step of its own")
    return Program(learner, xla=name == "rule" and program.uses_xla(learner, inputs.y))


def _template(trial: Trial, folders: Sequence[Path]) -> Callable[..., Any]:
    built_in = catalog.TEMPLATES.get(trial.template)
    if built_in:
        return resolve(built_in.target)  # type: ignore[no-any-return]
    return usercode.load(trial.template, folders)
