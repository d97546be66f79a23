"""A walk through a network, that sees what enters and leaves each of its layers."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.program.unrolling import Nudged

NEARBY = 0.01
"""Distance from its limit below which a bounded activation is saturated."""

PART = 512
"""Cases that are asked at once; the last part may have up to twice as many."""

_FAR = 1e4


@dataclass(slots=True, kw_only=True)
class Spot:
    """A layer with a kernel, and what follows it up to its activation.

    Args:
        name: of the layer; of one inside a nested model, behind the name of that.
        kernels: its weights with two axes or more.
        before: what enters its activation; ``None`` where the layer does not show it.
        after: what leaves its activation, or the layer, if it has none.
        limits: of its activation; ``None`` on a side that has none.
        activated: whether it is hidden: it has an activation, or gives no output of the model.
        nudges: of a recurrent layer, added to its state in every step, all zero; else ``None``.
        recurs: whether it is a recurrent layer.
    """

    name: str
    kernels: list[Any]
    before: tf.Tensor | None = None
    after: tf.Tensor | None = None
    limits: tuple[float | None, float | None] = (None, None)
    activated: bool = False
    nudges: tf.Tensor | None = None
    recurs: bool = False


@contextmanager
def untouched(variables: Sequence[Any]) -> Iterator[None]:
    """Variables as they were, after whatever the graph does inside."""
    before = [tf.identity(variable.value) for variable in variables]
    yield
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


def parts(cases: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """Cases in parts of like size, none smaller than ``PART`` if there are several."""
    return np.array_split(cases, max(1, len(cases) // PART))


def is_shown(model: Any) -> bool:
    """True if a model's layers can be told apart: it is functional or sequential."""
    return _functional(model) is not None


def kernels(layer: Any) -> list[Any]:
    """Weights of a layer with two axes or more."""
    if isinstance(layer, keras.Model):
        return []
    return [one for one in getattr(layer, "weights", ()) if len(one.shape) > 1]


def names(model: Any, within: str = "") -> list[str]:
    """Names of the layers with kernels, in the order in which they are called."""
    found: list[str] = []
    for node in _nodes(_functional(model)):
        layer = node.operation
        if _functional(layer) is not None:
            found += names(layer, f"{within}{layer.name}/")
        elif kernels(layer) and f"{within}{layer.name}" not in found:
            found.append(f"{within}{layer.name}")
    return found


def recurrent(model: Any) -> list[Any]:
    """Recurrent layers, those of nested models included."""
    layers = model._flatten_layers()  # noqa: SLF001, Keras has no public way into nested models
    return [layer for layer in layers if isinstance(layer, keras.layers.RNN)]


class Walk:
    """One pass through a model.

    Layers that normalize by the batch do so as in training. All that draws, such as dropout, is as
    in inference.

    Args:
        nudged: recurrent layers with a nudge, by the identity of the layer.
        tape: watches the nudges.

    Attributes:
        spots: layers with kernels, in the order in which they were called.
    """

    def __init__(self, nudged: Mapping[int, Nudged], tape: Any = None) -> None:
        """Nothing is seen yet."""
        self.spots: list[Spot] = []
        self._nudged, self._tape = nudged, tape
        self._open: dict[int, Spot] = {}
        self._alive: list[Any] = []  # or another tensor might be given the same identity

    def through(self, model: Any, x: Any, within: str = "") -> Any:
        """Outputs of a model that is shown."""
        functional = _functional(model)
        inputs = functional._standardize_inputs(x)  # noqa: SLF001, as its own call does
        outputs = functional._run_through_graph(  # noqa: SLF001
            inputs, operation_fn=lambda operation: partial(self._ask, operation, within)
        )
        for spot in self.spots:
            given = any(one is spot.after for one in tf.nest.flatten(outputs))
            spot.activated = spot.activated or not given
        return outputs

    def _ask(self, operation: Any, within: str, *args: Any, **given: Any) -> Any:
        if _functional(operation) is not None:
            return self.through(operation, args[0], f"{within}{operation.name}/")
        if kernels(operation):
            return self._weighed(operation, within, *args, **given)
        spot = self._spot(args)
        outputs = _called(operation, *args, **given)
        if spot is None or not isinstance(outputs, tf.Tensor):
            return outputs
        if _activates(operation):
            spot.after, spot.activated, spot.limits = outputs, True, _limits(operation)
        elif isinstance(operation, _PASSING):
            spot.before = spot.after = self._watch(outputs, spot)
        return outputs

    def _weighed(self, layer: Any, within: str, *args: Any, **given: Any) -> Any:
        """Call a layer with kernels; an activation of its own is applied outside of it."""
        spot = Spot(name=f"{within}{layer.name}", kernels=kernels(layer))
        self.spots.append(spot)
        if isinstance(layer, keras.layers.RNN):
            spot.after, spot.nudges = self._recur(layer, *args, **given)
            spot.activated = spot.recurs = True
            spot.limits = _limits(layer) if type(layer) is keras.layers.SimpleRNN else (None, None)
            return spot.after
        own = getattr(layer, "activation", None)
        if own is None or own is keras.activations.linear:
            outputs = _called(layer, *args, **given)
            if isinstance(outputs, tf.Tensor):
                spot.before = spot.after = self._watch(outputs, spot)
            return outputs
        layer.activation = keras.activations.linear
        try:
            spot.before = _called(layer, *args, **given)
        finally:
            layer.activation = own
        spot.after, spot.activated, spot.limits = own(spot.before), True, _limits(layer)
        return spot.after

    def _recur(self, layer: Any, *args: Any, **given: Any) -> tuple[Any, Any]:
        nudged = self._nudged.get(id(layer))
        if nudged is None or self._tape is None:
            return _called(layer, *args, **given), None
        nudges = nudged.nothing(args[0])
        self._tape.watch(nudges)
        return nudged(args[0], nudges, **given), nudges

    def _spot(self, args: tuple[Any, ...]) -> Spot | None:
        """The spot whose outputs an operation is given, the one that was called last."""
        given = [one for one in tf.nest.flatten(args) if isinstance(one, tf.Tensor)]
        found = [self._open[id(one)] for one in given if id(one) in self._open]
        return max(found, key=self.spots.index) if found else None

    def _watch(self, outputs: tf.Tensor, spot: Spot) -> tf.Tensor:
        self._open[id(outputs)] = spot
        self._alive.append(outputs)
        return outputs


def _called(operation: Any, *args: Any, **given: Any) -> Any:
    """Outputs of an operation, in the mode that ``Walk`` says."""
    if getattr(operation, "_call_has_training_arg", False):
        given["training"] = isinstance(operation, keras.layers.BatchNormalization)
    return operation(*args, **given)


def _activates(operation: Any) -> bool:
    kind = type(operation)
    named = kind.__module__.startswith("keras.src.ops.nn") and kind.__name__ in _OPERATIONS
    return named or isinstance(operation, _ACTIVATIONS)


def _limits(layer: Any) -> tuple[float | None, float | None]:
    """Limits of an activation; that of a rectifier at zero, where units are dead, is none."""
    function: Callable[[Any], Any] | None = getattr(layer, "activation", None)
    if function is None:
        function = layer if type(layer).__name__ in _OPERATIONS else None
    if function is None or _functional(layer) is not None:
        return None, None
    with tf.init_scope():
        try:
            lower, beyond, nearly, near, upper, above = (
                float(part)
                for part in keras.ops.convert_to_numpy(
                    function(tf.constant([-_FAR, -2 * _FAR, -1e-3, 1e-3, _FAR, 2 * _FAR]))
                )
            )
        except (ValueError, TypeError, tf.errors.InvalidArgumentError):  # such as one over an axis
            return None, None
    low = lower if abs(lower - beyond) < NEARBY / 2 and nearly != lower else None
    high = upper if abs(upper - above) < NEARBY / 2 and near != upper else None
    return low, high


def _functional(model: Any) -> Any:
    """The functional model behind one; ``None`` where there is none."""
    if isinstance(model, keras.Sequential):
        return model._functional  # noqa: SLF001
    return model if isinstance(model, keras.src.models.Functional) else None


def _nodes(functional: Any) -> list[Any]:
    by_depth = functional._nodes_by_depth  # noqa: SLF001
    ordered = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    return [node for node in ordered if node.operation and not node.is_input]


_ACTIVATIONS = (
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.ELU,
    keras.layers.PReLU,
)
_OPERATIONS = frozenset(
    {"Relu", "Relu6", "Sigmoid", "Tanh", "Elu", "Selu", "Gelu", "Silu", "Softplus", "Softsign"}
    | {"LeakyRelu", "HardSigmoid", "HardTanh", "HardSilu", "Celu", "Mish"}
)
"""Operations of ``keras.ops`` in a functional model that are activations."""

_PASSING = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
    keras.layers.RMSNormalization,
    keras.layers.UnitNormalization,
    keras.layers.Add,
)
"""Layers between weights and their activation: the last one gives the pre-activations."""
