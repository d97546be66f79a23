"""Templates that train in several stages, or several sets of variables against each other.

A template that returns a Keras model has one stage with one player: all its trainable variables,
updated by the study's loss. One that returns a ``Stage``, or a tuple of them, says more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

OWN = ("optimizer", "learning_rate", "weight_decay", "clip")
"""Settings that a player may have of its own, under its name, such as ``critic.optimizer``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """A set of variables with one loss and an optimizer of its own.

    Args:
        name: stands before its own settings, such as ``critic.learning_rate``. Those that a study
            does not give under this name it shares; with an optimizer of its own, learning rate
            and weight decay are that optimizer's.
        layers: names of the model's layers whose trainable variables it updates; none: all.
        loss: function of inputs and targets of a batch, a mean over its cases. Default: the loss
            of the study, of the model's outputs.
        depth: how often setting ``layer_decay`` divides its learning rate.
    """

    name: str
    layers: tuple[str, ...] = ()
    loss: Callable[[Any, Any], Any] | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Consecutive updates of one player within a step, on the same batch.

    Args:
        player: its name.
        times: how many updates.
    """

    player: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A model, and how it is trained: by which players, how long, and from where.

    A trial goes through its stages in order, each with a model, a program and optimizers of its
    own. An earlier one hands over its weights as they are after its last epoch; the last stage is
    judged: patience, the best epoch, all metrics and the number of parameters are its own.

    Args:
        model: a Keras model that holds the variables of all players; it is what is evaluated.
            Each stage has layers of its own.
        players: in any order; the first one's loss, and metrics of the model's outputs before its
            first update, are what is reported of training. Default: a single one, with the name
            of the stage, that updates all layers by the loss of the study.
        turns: the order of updates within a step. Default: each player once.
        simultaneous: whether the gradients of all turns are taken before any weight is updated,
            each player having one turn at most. What a loss itself assigns, such as a moving
            average, it assigns at once. Default: every turn finds the weights as the one before it
            has left them.
        name: what curves and messages call the stage. One of several stages needs one.
        epochs: how many it is trained, over which the schedule of learning rates extends. Default:
            the study's ``epochs``.
        takes: names of layers that start from the weights of the layer of that name in the stage
            before. All others are drawn anew, as in a trial with this stage alone.
        frozen: names of layers that are not trained in it. A frozen batch normalization uses its
            moving statistics, as in Keras.
        told: function of cases, of a network that generates some, that is true where its critic
            takes them for real. Default: there is no critic, or none that decides.

    Example:
        >>> Stage(model=None, players=(Player(name="critic"), Player(name="generator")),
        ...       turns=(Turn(player="critic", times=5), Turn(player="generator"))).order
        (0, 0, 0, 0, 0, 1)

    Reference:
        Goodfellow et al., "Generative Adversarial Nets", 2014, algorithm 1: k steps of one
        player, then one of the other. Yosinski et al., "How Transferable Are Features in Deep
        Neural Networks?", 2014: layers taken over, and then frozen or trained on.
    """

    model: Any
    players: tuple[Player, ...] = ()
    turns: tuple[Turn, ...] = ()
    simultaneous: bool = False
    name: str = ""
    epochs: int | None = None
    takes: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    told: Callable[[Any], Any] | None = None

    @property
    def order(self) -> tuple[int, ...]:
        """Positions of the players, update by update."""
        places = {player.name: place for place, player in enumerate(self.players)}
        turns = self.turns or tuple(Turn(player=player.name) for player in self.players)
        return tuple(places[turn.player] for turn in turns for _ in range(turn.times))


def prefix(player: str, settings: Collection[str]) -> str:
    """The prefix of a player's settings; empty where it has none of its own.

    Example:
        >>> prefix("critic", ["optimizer", "critic.optimizer"]), prefix("critic", ["optimizer"])
        ('critic.', '')
    """
    return f"{player}." if any(owner(key) == player for key in settings if player) else ""


def owner(key: str) -> str:
    """The player that a setting belongs to; empty for those that all share.

    Example:
        >>> owner("critic.optimizer"), owner("optimizer"), owner("my.own")
        ('critic', '', '')
    """
    player, _, name = key.rpartition(".")
    return player if player.isidentifier() and name in OWN else ""
