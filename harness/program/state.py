"""Everything that changes while a trial trains, and how it is set back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.program.network import Network
    from harness.program.player import Player


class State:
    """All variables of a network and of its players.

    Args:
        network: the network.
        players: what trains it, their optimizers built.

    Attributes:
        weights: variables of the network that a trial draws or brings along.
    """

    def __init__(self, network: Network, players: Sequence[Player]) -> None:
        """Note every built value: not all slots start at zero."""
        self.weights = [weight.variable for weight in network.weights]
        self._inputs = network.inputs
        self._copies = [pair for player in players for pair in player.copies]
        self._built = [
            (variable, variable.numpy())
            for player in players
            for variable in player.optimizer.variables
        ]
        self._seeds = _seeds(network, self.weights)
        self._set = tf.function(self._assign, autograph=False)

    def start(
        self,
        initial: Sequence[NDArray[np.generic]],
        values: Mapping[str, Any],
        noise: np.random.Generator,
    ) -> None:
        """Give it everything of a trial, and leave nothing of an earlier one.

        Args:
            initial: one array per weight, in the order of the network's weights.
            values: every number that is an input; ``class_weight`` is one per class.
            noise: stream that the seeds of dropout and its relatives come from.
        """
        seeds = [_noise(variable, noise) for variable in self._seeds]
        inputs = [np.asarray(values[name], np.float32) for name in self._inputs]
        self._set([*initial], seeds, inputs)

    def _assign(self, initial: list[Any], seeds: list[Any], inputs: list[Any]) -> None:
        """Set every variable; one graph call, because there are many of them."""
        for variable, array in zip(self.weights, initial, strict=True):
            variable.assign(array)
        for variable, array in self._built:
            # Most slots start at zero; as a constant they would be kept a second time.
            variable.assign(array if array.any() else tf.zeros_like(variable.value))
        for variable, state in zip(self._seeds, seeds, strict=True):
            variable.assign(state)
        for variable, number in zip(self._inputs.values(), inputs, strict=True):
            variable.assign(number)
        self.restart()

    @contextmanager
    def seeded(self, noise: np.random.Generator) -> Iterator[None]:
        """Random states from a stream of their own, for as long as this lasts."""
        before = [variable.numpy() for variable in self._seeds]
        for variable in self._seeds:
            variable.assign(_noise(variable, noise))
        yield
        for variable, array in zip(self._seeds, before, strict=True):
            variable.assign(array)

    def restart(self) -> None:
        """Let every slot of an optimizer that begins as a copy of a weight be one."""
        for slot, variable in self._copies:
            slot.assign(variable)


class Best:
    """The weights of the best epoch so far.

    Args:
        state: whose weights are kept.
    """

    def __init__(self, state: State) -> None:
        """Make room for them."""
        self._weights = state.weights
        self._kept = [tf.Variable(variable.value) for variable in state.weights]
        self._record = tf.Variable(np.inf, dtype=tf.float32)

    def keep(self, score: tf.Tensor) -> tf.Tensor:
        """Remember the weights if no score before was as low; true if so."""
        better = score < self._record
        self._record.assign(tf.where(better, score, self._record))
        for kept, variable in zip(self._kept, self._weights, strict=True):
            kept.assign(tf.where(better, variable.value, kept))
        return better

    def restore(self) -> None:
        """Put them back into the network."""
        for variable, kept in zip(self._weights, self._kept, strict=True):
            variable.assign(kept)

    def forget(self) -> None:
        """Begin anew."""
        self._record.assign(np.inf)


def _seeds(network: Network, weights: Sequence[Any]) -> list[Any]:
    """States of everything that draws: what is no weight, and generators of user code."""
    known = {id(variable) for variable in weights}
    found = [part for part in network.model.variables if id(part) not in known]
    known |= {id(part) for part in found}
    made = [one.state for one in network.world.generators] if network.world else []
    return [*found, *(state for state in made if id(state) not in known)]


def _noise(variable: Any, noise: np.random.Generator) -> NDArray[np.generic]:
    """A fresh state for a Keras seed generator: a drawn seed, and its counter at zero."""
    state = np.zeros(variable.shape, dtype=variable.dtype)
    state[0] = noise.integers(2**31)
    return state
