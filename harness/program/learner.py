"""The part of a program that learns: a network, and what trains it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from harness import catalog
from harness.program.features import features
from harness.program.objective import Objective
from harness.program.player import Player
from harness.program.staging import trained
from harness.program.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.card import Card
    from harness.program.network import Network
    from harness.spec import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Numbers of cases that a program trains and validates on.

    Args:
        train: training cases.
        used: those of them that one epoch trains on; fewer if a smaller last batch is dropped.
        validation: validation cases.
        batch: cases per step.
        steps: optimizer steps in one epoch.
    """

    train: int
    used: int
    validation: int
    batch: int
    steps: int


def sizes(trial: Trial, card: Card) -> Sizes:
    """The sizes that a trial's settings imply for a data set."""
    shared = catalog.training(trial.settings)
    return Sizes(
        train=shared.trained_on(card),
        used=shared.used(card),
        validation=card.validation_cases(shared.validation),
        batch=shared.batch_size,
        steps=shared.steps(card),
    )


class Learner:
    """A network with its objective and its players, whose every variable can be set back.

    Args:
        trial: any trial of the structure.
        card: of the data.
        network: built for it.

    Attributes:
        card: of the data.
        sizes: numbers of cases.
        features: of the layers that do not train, where it is exact to ask them once.
        model: the network's, or what it has behind these layers.
        output_shape: of what the model returns, its first axis ``None``.
        players: sets of variables with optimizers of their own.
        names: of the players.
        losses: of the players, of inputs and targets; ``None``: the objective's.
        order: which player is updated, update by update of a step.
        depths: of the players, by which their learning rates decay.
        told: function of cases that is true where a critic takes them for real; ``None``: none.
        simultaneous: whether all gradients of a step are taken before any update.
        grouped: whether the players have one loss, and so one pass for the gradients of all.
        classifier: whose features generated cases are compared by; ``None``: there is none.
        state: all that changes.
        world: what user code behind the network finds and leaves in this process.
    """

    def __init__(self, trial: Trial, card: Card, network: Network) -> None:
        """Build the optimizers."""
        self.features = features(network.model, trial, card)
        if self.features:  # the rest is a network of its own, with these as inputs
            network = replace(network, model=self.features.rest)
            card = replace(card, shape=self.features.shape)
        self.card, self.sizes = card, sizes(trial, card)
        self.model, self.world = network.model, network.world
        self.output_shape = network.output_shape
        stage = network.stage
        self.players = tuple(
            Player(trial, trained(stage, one), network.inputs, one.name) for one in stage.players
        )
        self.names = tuple(one.name for one in stage.players)
        self.losses, self.order = [one.loss for one in stage.players], stage.order
        self.depths = tuple(one.depth for one in stage.players)
        self.simultaneous, self.told = stage.simultaneous, stage.told
        # Players of one loss that are updated together are groups of one optimizer's, so to speak.
        self.grouped = (
            self.simultaneous
            and not any(self.losses)
            and not any(player.scales for player in self.players)
        )
        self.objective = Objective(trial, card, network)
        judged = self.objective.generates and network.source
        self.classifier = judged.model if judged else None
        self.state = State(network, self.players)

    @property
    def variables(self) -> list[Any]:
        """All that is trained."""
        found = [variable for player in self.players for variable in player.variables]
        return [*{id(variable): variable for variable in found}.values()]

    def rates(self, count: int) -> tf.Tensor:
        """Learning rates of so many steps, of every player if there are several, as zeros."""
        several = [len(self.players)] * (len(self.players) > 1)
        return tf.zeros([count, *several])

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return int(sum(np.prod(variable.shape) for variable in self.variables))

    @property
    def finalizes(self) -> bool:
        """True if an optimizer exchanges the weights when a training ends."""
        return any(player.finalizes for player in self.players)

    @property
    def clips(self) -> bool:
        """True if gradients are limited."""
        return any(player.clips for player in self.players)

    def finalize(self) -> None:
        """Let the optimizers end the training."""
        for player in self.players:
            player.finalize()

    @contextmanager
    def finalized(self) -> Iterator[None]:
        """The weights as they would be if the training ended here, for as long as this lasts."""
        if not self.finalizes:
            yield
            return
        raw = [tf.identity(variable.value) for variable in self.variables]
        self.finalize()
        yield
        for variable, array in zip(self.variables, raw, strict=True):
            variable.assign(array)
