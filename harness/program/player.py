"""Sets of variables with an optimizer of their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from harness import catalog
from harness.players import prefix
from harness.program import updates
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.spec import Trial


class Player:
    """A set of variables that its own optimizer updates by one loss.

    Args:
        trial: any trial of the structure.
        variables: that are updated.
        inputs: scalar variables through which numbers enter, by name.
        name: before settings of its own, if it has any.

    Attributes:
        copies: slots of the optimizer that begin as copies of variables, with these.
        finalizes: whether the optimizer exchanges the variables when a training ends.
        scales: whether the optimizer takes gradients of a scaled loss.
        clips: whether gradients are limited.
        clip: limits gradients, one per variable.
    """

    def __init__(
        self, trial: Trial, variables: Sequence[Any], inputs: Mapping[str, Any], name: str = ""
    ) -> None:
        """Build the optimizer."""
        own = prefix(name, trial.settings)
        self.variables = variables
        self.optimizer, self.copies = updates.optimizer(trial, variables, inputs, own)
        self.finalizes = updates.finalizes(self.optimizer)
        self.scales = updates.scales(self.optimizer)
        self.clips = f"{own}clip.limit" in inputs
        self.clip = _clip(trial, inputs, own)

    def gradients(
        self, forward: Callable[[], tuple[tf.Tensor, tf.Tensor]]
    ) -> tuple[tf.Tensor, tf.Tensor, Sequence[Any]]:
        """Loss and outputs that ``forward`` gives, and the gradients by which to update."""
        with tf.GradientTape() as tape:
            loss, outputs = forward()
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [variable.value for variable in self.variables])
        return loss, outputs, self.clip(gradients)

    def update(self, rate: tf.Tensor, gradients: Sequence[Any]) -> None:
        """Change the variables once.

        Args:
            rate: learning rate of this update.
            gradients: one per variable.
        """
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply(gradients, self.variables)

    def finalize(self) -> None:
        """Let the optimizer end the training."""
        if self.finalizes:
            self.optimizer.finalize_variable_values(self.variables)


def together(
    players: Sequence[Player], forward: Callable[[], tuple[tf.Tensor, tf.Tensor]]
) -> tuple[tf.Tensor, tf.Tensor, list[Sequence[Any]]]:
    """Loss and outputs that ``forward`` gives, and from one pass the gradients of each player."""
    with tf.GradientTape() as tape:
        loss, outputs = forward()
    values = [[variable.value for variable in player.variables] for player in players]
    found = tape.gradient(loss, values)
    clipped = [player.clip(own) for player, own in zip(players, found, strict=True)]
    return loss, outputs, clipped


def _clip(
    trial: Trial, inputs: Mapping[str, Any], own: str
) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """A function of gradients, called before the optimizer sees them."""
    chosen = catalog.updates(trial.settings, own).clip
    if chosen.name == "none":
        return lambda gradients: gradients
    return partial(resolve(catalog.CLIPS[chosen.name].target), limit=inputs[f"{own}clip.limit"])
