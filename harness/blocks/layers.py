"""Layers made from catalogue names; their numbers may be variables, the inputs of a program.

Where all numbers are plain, the layer is Keras' own if it has one.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

import keras

from harness import catalog
from harness.blocks import noise, penalties
from harness.blocks.activations import OURS, Gate, Given
from harness.errors import TemplateError
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.spec import Value


class Drawn(keras.initializers.Initializer):  # type: ignore[misc]
    """Marks the weights that a setting of the trial fills before training.

    Building a model only needs their shapes, so they start at zero.

    Args:
        setting: whose initializer it is.
    """

    def __init__(self, setting: str = "initializer") -> None:
        """Note whose it is."""
        self.setting = setting

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Zeros of the shape."""
        return keras.ops.zeros(shape, dtype=dtype or "float32")


@keras.saving.register_keras_serializable("harness")
class ForgetBias(keras.initializers.Initializer):  # type: ignore[misc]
    """The bias of an LSTM, zero but for the forget gate, the second of its four parts.

    Reference:
        Jozefowicz, Zaremba & Sutskever, "An Empirical Exploration of Recurrent Network
        Architectures", 2015.

    Args:
        value: of the forget gate.
    """

    def __init__(self, value: float = 1.0) -> None:
        """Keep the value."""
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """A vector of four parts."""
        units = shape[0] // 4
        parts = [0.0] * units + [self.value] * units + [0.0] * (2 * units)
        return keras.ops.convert_to_tensor(parts, dtype=dtype or "float32")

    def get_config(self) -> dict[str, Any]:
        """The value, with which a saved one is made again."""
        return {"value": self.value}


def chosen(family: str, level: Any) -> tuple[catalog.Entry, dict[str, Any]]:
    """A catalogue entry, and the arguments of its target; numbers may be variables.

    Args:
        family: of the catalogue.
        level: such as ``"relu"`` or ``{"name": "elu", "alpha": 0.5}``.
    """
    given = dict(level) if isinstance(level, dict) else {"name": level}
    inputs = {key: part for key, part in given.items() if isinstance(part, keras.Variable)}
    picked = catalog.choice(family, {key: given[key] for key in given if key not in inputs})
    return picked.entry, {**picked.arguments, **inputs}


def activation(level: Value, name: str, **rest: Any) -> Any:
    """An activation as a layer of its own, so that its outputs can be looked at.

    Args:
        level: a catalogue entry, such as ``"relu"`` or ``{"name": "elu", "alpha": 0.5}``.
        name: of the layer.
        rest: other arguments of the layer.
    """
    entry, arguments = chosen("activation", level)
    if isinstance(made := resolve(entry.target), type):
        return made(**arguments, name=name, **rest)
    kind = Gate if entry.gated else keras.layers.Activation
    function = activation_function(level)
    if isinstance(function, Given) and function.function in _OWN_LAYERS:
        return _OWN_LAYERS[function.function](*function.numbers.values(), name=name, **rest)
    return kind(function, name=name, **rest)


_OWN_LAYERS = {"leaky_relu": keras.layers.LeakyReLU, "elu": keras.layers.ELU}
"""Activations with a number that Keras has as layers."""


def activation_function(level: Value) -> Callable[[Any], Any]:
    """An activation as a function, for cells that apply it themselves.

    Raises:
        TemplateError: if it is a layer.
    """
    entry, arguments = chosen("activation", level)
    function: Callable[..., Any] = resolve(entry.target)
    if isinstance(function, type):
        raise TemplateError(
            f"expected an activation that is a function. Received: {level!r}, which is a layer."
        )
    if entry.target.startswith(OURS) and not _variable(arguments):
        stock = getattr(keras.activations, function.__name__, None)
        return _told(stock, arguments) if stock else Given(entry.target, **arguments)
    return (lambda inputs: function(inputs, **arguments)) if arguments else function


def _variable(arguments: dict[str, Any]) -> bool:
    return any(isinstance(part, keras.Variable) for part in arguments.values())


def _told(function: Callable[[Any], Any], arguments: dict[str, Any]) -> Callable[[Any], Any]:
    """Keras' function, as it is where it need not be told these numbers."""
    known = inspect.signature(function).parameters
    same = all(known[key].default == part for key, part in arguments.items())
    return function if same else Given(function.__name__, **arguments)


def width(units: int, level: Value) -> int:
    """Number of outputs that a layer needs so that its activation returns ``units`` of them."""
    entry, _ = chosen("activation", level)
    return 2 * units if entry.gated else units


def regularizer(level: Value) -> Any:
    """A penalty on weights or outputs; ``None`` for ``"none"``.

    A user's own is a class, or a function of the weight.
    """
    entry, arguments = chosen("regularizer", level)
    if not entry.target:
        return None
    made = resolve(entry.target)
    if made is penalties.Penalty and not _variable(arguments):
        return keras.regularizers.L1L2(**arguments)
    return called(made, arguments)


def constraint(level: Value) -> Any:
    """A constraint on weights; ``None`` for ``"none"``."""
    entry, arguments = chosen("constraint", level)
    return resolve(entry.target)(**arguments) if entry.target else None


def called(made: Any, arguments: dict[str, Any]) -> Any:
    """An instance of a class, or a function that is always given these arguments."""
    return made(**arguments) if isinstance(made, type) else partial(made, **arguments)


def normalization(level: Value, name: str) -> Any:
    """A normalization layer, or the identity for ``"none"``.

    Args:
        level: a catalogue entry, such as ``"batch"`` or ``{"name": "group", "groups": 2}``.
        name: of the layer.
    """
    entry, arguments = chosen("normalization", level)
    if not entry.target:
        return lambda inputs: inputs
    inputs = {key: part for key, part in arguments.items() if isinstance(part, keras.Variable)}
    fixed = {key: part for key, part in arguments.items() if key not in inputs}
    made = resolve(entry.target)(name=name, **fixed)
    for key, variable in inputs.items():
        # Past Keras' own __setattr__, which would take it for a weight of the layer.
        object.__setattr__(made, key, variable)
    return made


def dropout(rate: Any, name: str, kind: Value = "standard") -> Any:
    """A dropout layer; the identity where the rate is the number zero.

    Args:
        rate: a number or a scalar variable.
        name: of the layer.
        kind: a catalogue entry.
    """
    entry, _ = chosen("dropout_kind", kind)
    return disturbance(resolve(entry.target), rate, name)


def disturbance(layer: Callable[..., Any], amount: Any, name: str) -> Any:
    """A layer of ``harness.blocks.noise``; the identity where the amount is the number zero."""
    if not isinstance(amount, int | float):
        return layer(amount, name=name)
    if amount == 0:
        return lambda inputs: inputs
    if layer is noise.SpatialDropout:
        return lambda inputs: _spatial(len(inputs.shape))(amount, name=name)(inputs)
    if layer in _STOCK:
        return _STOCK[layer](amount, name=name)
    return layer(amount, name=name, seed=None)


_STOCK: dict[Any, Any] = {
    noise.Dropout: keras.layers.Dropout,
    noise.AlphaDropout: keras.layers.AlphaDropout,
    noise.GaussianDropout: keras.layers.GaussianDropout,
    noise.GaussianNoise: keras.layers.GaussianNoise,
}


def _spatial(axes: int) -> Any:
    """Keras' layer that drops whole feature maps; without maps it drops units."""
    known = {3: keras.layers.SpatialDropout1D, 4: keras.layers.SpatialDropout2D}
    return known.get(axes, keras.layers.Dropout)
