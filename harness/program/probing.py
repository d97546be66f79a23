"""What a network does with a probe: gradients, activations and weights of its layers.

A program of its own, beside that of the training, which finds all variables as it left them. The
network is asked as ``looking.Walk`` says: normalization by the batch as in training, by the cases
of a part of the probe; nothing is drawn; the loss is that of validation, without class weights.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from harness.program import looking
from harness.program.inputs import take
from harness.program.looking import Walk
from harness.program.seeing import Layer, norm, seen, spectral
from harness.program.sharpness import Curvature
from harness.program.unrolling import Nudged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from harness.program.inputs import Inputs
    from harness.program.learner import Learner

PART = 512
"""Cases of a probe that are asked at once; the last part may have up to twice as many."""

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
        with self._untouched():
            found: dict[str, Layer] = {name: Layer() for name in self.names}
            total, gradients = 0.0, None
            for part in _parts(cases):
                loss, shown, by_weights = self._asked(*take(data, part))
                total += float(loss) * len(part)
                share = len(part) / len(cases)
                scaled = [one * share for one in by_weights]
                gradients = scaled if gradients is None else _sum(gradients, scaled)
                for name, one in shown.items():
                    found[name].add(one)
            told = {name: self._told(name, one, gradients or []) for name, one in found.items()}
            for name, ratio in self._ratios(gradients or [], rate).items():
                told[name]["update_ratio"] = ratio
        variances = [told[name].get("preactivation_gradient_variance") for name in self.hidden]
        whole = {"loss": total / len(cases)}
        known = [one for one in variances if one is not None]
        if len(known) > 1 and known[-1] > 0 and self.names == self.all_names:
            whole["gradient_ratio"] = known[0] / known[-1]
        return {**told, "": whole}

    def outputs(self, data: Inputs, cases: NDArray[np.int32]) -> dict[str, NDArray[np.float32]]:
        """Activations by layer, shape ``(cases, ...)``, for cases shown in the order given."""
        with self._untouched():
            parts = [self._shown(take(data, part)[0]) for part in _parts(cases)]
        return {
            name: np.concatenate([part[name].numpy() for part in parts])
            for name in parts[0]
            if name in self.names
        }

    def sharpness(self, data: Inputs, cases: NDArray[np.int32]) -> Numbers:
        """Largest eigenvalue of the Hessian of the loss; see ``sharpness.sharpest``."""
        with self._untouched():
            return self._curvature.largest([take(data, part) for part in _parts(cases)])

    @property
    def trained(self) -> list[Any]:
        """Variables that are trained, in the order of gradients."""
        return self._learner.variables

    def _lost_of(self, x: Any, y: tf.Tensor) -> tf.Tensor:
        return self._lost(Walk({}).through(self._model, x), x, y)

    def _lost(self, outputs: Any, x: Any, y: tf.Tensor) -> tf.Tensor:
        goal = self._learner.objective
        return goal.total(x if goal.reconstructs else y, outputs)

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        """All variables as they were, after whatever happens inside."""
        optimizers = [one.optimizer.variables for one in self._learner.players]
        variables = [*self._model.variables, *(one for own in optimizers for one in own)]
        before = [tf.identity(variable.value) for variable in variables]
        try:
            yield
        finally:
            for variable, array in zip(variables, before, strict=True):
                variable.assign(array)

    def _ask(self, x: Any, y: tf.Tensor) -> tuple[Any, ...]:
        """Loss, sums of every layer, and gradients by all that is trained, of a part of a probe."""
        with tf.GradientTape(persistent=False) as tape:
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
        dense = [_dense(one, weight) for one, weight in zip(by_weights, weights, strict=True)]
        return loss, shown, dense

    def _show(self, x: Any) -> dict[str, tf.Tensor]:
        walk = Walk({})
        walk.through(self._model, x)
        return {spot.name: spot.after for spot in walk.spots if spot.after is not None}

    def _told(self, name: str, shown: Layer, gradients: Sequence[Any]) -> Numbers:
        """Numbers of one layer."""
        found = shown.numbers
        by_weight = dict(zip(map(id, self.trained), gradients, strict=True))
        kernels = self._kernels[name]
        trained = [by_weight[id(one)] for one in kernels if id(one) in by_weight]
        if trained:
            flat = np.concatenate([one.numpy().ravel() for one in trained]).astype(np.float64)
            found["weight_gradient_rms"] = float(np.sqrt(np.mean(flat**2)))
            found["weight_gradient_variance"] = float(flat.var())
        found["weight_norm"] = norm([one.numpy() for one in kernels])
        found["spectral_norm"] = max(spectral(one.numpy()) for one in kernels)
        return found

    def _ratios(self, gradients: Sequence[Any], rate: Any) -> Numbers:
        """Change of the kernels in one more step, relative to them, by layer."""
        before = {name: [one.numpy() for one in own] for name, own in self._kernels.items()}
        self._moved([*gradients], tf.reshape(tf.constant(rate, tf.float32), [-1]))
        found = {}
        for name, old in before.items():
            size = norm(old)
            changed = [one.numpy() - was for one, was in zip(self._kernels[name], old, strict=True)]
            if size > 0 and any(one.trainable for one in self._kernels[name]):
                found[name] = norm(changed) / size
        return found

    def _move(self, gradients: list[tf.Tensor], rates: tf.Tensor) -> None:
        """One step of every player."""
        by_weight = dict(zip(map(id, self.trained), gradients, strict=True))
        for place, player in enumerate(self._learner.players):
            own = [by_weight[id(variable)] for variable in player.variables]
            player.update(rates[place], player.clip(own))


def _parts(cases: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """A probe in parts of like size, none smaller than ``PART`` if there are several."""
    return np.array_split(cases, max(1, len(cases) // PART))


def _there(tensors: list[Any]) -> list[Any]:
    return [one for one in tensors if one is not None]


def _spread(tensors: list[Any], found: list[Any]) -> list[Any]:
    """What was found for those tensors that are there, in the places of all of them."""
    rest = iter(found)
    return [None if one is None else next(rest) for one in tensors]


def _dense(gradient: Any, weight: Any) -> Any:
    return tf.zeros_like(weight) if gradient is None else tf.convert_to_tensor(gradient)


def _sum(some: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    return [one + other for one, other in zip(some, others, strict=True)]
