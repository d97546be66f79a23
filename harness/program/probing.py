"""Measurements of a network on a probe: gradients, activations and weights of its layers.

A program of its own, beside that of the training, which finds all variables as it left them. The
network is asked as ``looking.Walk`` says: normalization by the batch as in training, by the cases
of a part of the probe; nothing is drawn; the loss is that of validation, without class weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from harness.program import looking
from harness.program.inputs import take
from harness.program.looking import Walk, parts, untouched
from harness.program.seeing import Layer, norm, seen, spectral
from harness.program.sharpness import Curvature
from harness.program.unrolling import Nudged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.program.inputs import Inputs
    from harness.program.learner import Learner

Numbers = dict[str, float]


class Probing:
    """Measurements of a learner's network, with its weights as they are.

    Args:
        learner: whose players and objective are meant.
        model: all of the network, whose layers can be told apart.
        layers: names of those that are measured; none: all.

    Attributes:
        all_names: of the layers with kernels, in the order in which they are called.
        names: of those that are measured.
        hidden: those of them that have an activation; known after the first measurement.
    """

    def __init__(self, learner: Learner, model: Any, layers: Sequence[str] = ()) -> None:
        """Define the graphs; nothing is traced yet."""
        self._learner, self._model = learner, model
        self.all_names = looking.names(model)
        self.names = [one for one in self.all_names if not layers or one in layers]
        self.hidden: list[str] = []
        self._kernels: dict[str, list[Any]] = {}
        self._nudged = {
            id(layer): Nudged(layer)
            for layer in looking.recurrent(model)
            if len(layer.input.shape) == len("nsf") and not (layer.return_state or layer.stateful)
        }
        self._asked = tf.function(self._ask, autograph=False)
        self._shown = tf.function(self._show, autograph=False)
        self._moved = tf.function(self._move, autograph=False)
        self._curvature = Curvature(self._lost_of, self.trained)

    def measure(self, data: Inputs, cases: NDArray[np.int32], rate: Any) -> dict[str, Numbers]:
        """Numbers by layer; those of the network as a whole have no name.

        Args:
            data: all of it.
            cases: of the probe.
            rate: learning rates of the step that would come next, one per player.
        """
        found: dict[str, Layer] = {name: Layer() for name in self.names}
        total, gradients = 0.0, self._nothing()
        for part in parts(cases):
            share = tf.constant(len(part) / len(cases), tf.float32)
            loss, shown, gradients = self._asked(*take(data, part), share, gradients)
            total += float(loss) * len(part)
            for name, one in shown.items():
                found[name].add(one)
        changes = self._moved(gradients, tf.reshape(tf.constant(rate, tf.float32), [-1]))
        told = {
            name: {**one.numbers, **self._of_weights(name, gradients, changes)}
            for name, one in found.items()
        }
        variances = [told[name].get("preactivation_gradient_variance") for name in self.hidden]
        whole = {"loss": total / len(cases)}
        known = [one for one in variances if one is not None]
        if len(known) > 1 and known[-1] > 0 and self.names == self.all_names:
            whole["gradient_ratio"] = known[0] / known[-1]
        return {**told, "": whole}

    def outputs(self, data: Inputs, cases: NDArray[np.int32]) -> dict[str, NDArray[np.float32]]:
        """Activations by layer, shape ``(cases, ...)``, for cases shown in the order given."""
        found = [self._shown(take(data, part)[0]) for part in parts(cases)]
        return {
            name: np.concatenate([part[name].numpy() for part in found])
            for name in found[0]
            if name in self.names
        }

    def sharpness(self, data: Inputs, cases: NDArray[np.int32]) -> Numbers:
        """Largest eigenvalue of the Hessian of the loss; see ``sharpness.sharpest``."""
        return self._curvature.largest([take(data, part) for part in parts(cases)])

    @property
    def trained(self) -> list[Any]:
        """Variables that are trained, in the order of gradients."""
        return self._learner.variables

    def _lost_of(self, x: Any, y: tf.Tensor) -> tf.Tensor:
        with untouched(self._model.non_trainable_variables):
            return self._lost(Walk({}).through(self._model, x), x, y)

    def _lost(self, outputs: Any, x: Any, y: tf.Tensor) -> tf.Tensor:
        goal = self._learner.objective
        return goal.total(x if goal.reconstructs else y, outputs)

    def _nothing(self) -> list[tf.Tensor]:
        """Gradients of no case."""
        return [tf.zeros(variable.shape) for variable in self.trained]

    def _ask(
        self, x: Any, y: tf.Tensor, share: tf.Tensor, gradients: list[tf.Tensor]
    ) -> tuple[Any, ...]:
        """Loss and sums of every layer over a part of a probe; gradients, added to some before."""
        with untouched(self._model.non_trainable_variables), tf.GradientTape() as tape:
            walk = Walk(self._nudged, tape)
            loss = self._lost(walk.through(self._model, x), x, y)
        spots = [spot for spot in walk.spots if spot.name in self.names]
        self.hidden = [spot.name for spot in spots if spot.activated]
        self._kernels = {spot.name: spot.kernels for spot in spots}
        watched = [spot.before for spot in spots], [spot.nudges for spot in spots]
        weights = [variable.value for variable in self.trained]
        before, nudges, by_weights = tape.gradient(loss, (*map(_there, watched), weights))
        count = tf.cast(tf.shape(y)[0], tf.float32)
        backs, steps = _spread(watched[0], before), _spread(watched[1], nudges)
        shown = {
            spot.name: seen(spot, backs[place], steps[place], count)
            for place, spot in enumerate(spots)
        }
        pairs = zip(gradients, by_weights, strict=True)
        return (
            loss,
            shown,
            [one if own is None else one + share * tf.convert_to_tensor(own) for one, own in pairs],
        )

    def _show(self, x: Any) -> dict[str, tf.Tensor]:
        walk = Walk({})
        with untouched(self._model.non_trainable_variables):
            walk.through(self._model, x)
        return {spot.name: spot.after for spot in walk.spots if spot.after is not None}

    def _move(self, gradients: list[tf.Tensor], rates: tf.Tensor) -> dict[str, tf.Tensor]:
        """Norms of the changes of kernels in one more step of every player, which is undone."""
        players = self._learner.players
        by_weight = dict(zip(map(id, self.trained), gradients, strict=True))
        slots = [one for player in players for one in player.optimizer.variables]
        kernels = {name: own for name, own in self._kernels.items() if _trained(own)}
        with untouched([*self.trained, *slots]):
            old = {name: [tf.identity(one.value) for one in own] for name, own in kernels.items()}
            for place, player in enumerate(players):
                own = [by_weight[id(variable)] for variable in player.variables]
                player.update(rates[place], player.clip(own))
            return {
                name: tf.sqrt(tf.add_n([_square(one.value - was) for one, was in pairs]))
                for name, own in kernels.items()
                if (pairs := [*zip(own, old[name], strict=True)])
            }

    def _of_weights(
        self, name: str, gradients: Sequence[Any], changes: Mapping[str, Any]
    ) -> Numbers:
        """Numbers of the kernels of one layer."""
        by_weight = dict(zip(map(id, self.trained), gradients, strict=True))
        kernels = self._kernels[name]
        size = norm([one.numpy() for one in kernels])
        found = {
            "weight_norm": size,
            "spectral_norm": max(spectral(one.numpy()) for one in kernels),
        }
        if name in changes and size > 0:
            found["update_ratio"] = float(changes[name]) / size
        trained = [by_weight[id(one)] for one in kernels if id(one) in by_weight]
        if trained:
            flat = np.concatenate([one.numpy().ravel() for one in trained]).astype(np.float64)
            found["weight_gradient_rms"] = float(np.sqrt(np.mean(flat**2)))
            found["weight_gradient_variance"] = float(flat.var())
        return found


def _trained(kernels: Sequence[Any]) -> bool:
    return any(one.trainable for one in kernels)


def _square(x: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.square(x))


def _there(tensors: list[Any]) -> list[Any]:
    return [one for one in tensors if one is not None]


def _spread(tensors: list[Any], found: list[Any]) -> list[Any]:
    """Results for those tensors that are there, in the places of all of them."""
    rest = iter(found)
    return [None if one is None else next(rest) for one in tensors]
