"""What Keras lacks for programs whose numbers are inputs, and how catalogue names become layers.

Stock ``Dropout``, ``SGD`` and ``L1L2`` branch on their numbers in Python, so a compiled program
would keep the first trial's number for ever. The classes here take a variable instead and are
equal to the stock ones otherwise.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import keras

from harness import catalog
from harness.activations import Gate
from harness.errors import TemplateError

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


class Classical(keras.initializers.VarianceScaling):  # type: ignore[misc]
    r"""Uniform on :math:`[-1/\sqrt n, 1/\sqrt n]`, where :math:`n` is the number of inputs.

    Reference:
        LeCun et al., "Efficient BackProp", 1998.
    """

    def __init__(self, seed: int | None = None) -> None:
        """A third of LeCun's variance."""
        super().__init__(scale=1 / 3, mode="fan_in", distribution="uniform", seed=seed)


class LSUV(keras.initializers.Orthogonal):  # type: ignore[misc]
    """Layer-sequential unit variance: orthogonal, and then scaled by what data makes of it.

    The scaling needs the whole network: see ``harness.initial.calibrate``.

    Reference:
        Mishkin & Matas, "All You Need Is a Good Init", 2016.

    Args:
        variance: of the outputs of every layer.
        seed: of the orthogonal start.
    """

    def __init__(self, variance: float = 1.0, seed: int | None = None) -> None:
        """Keep the variance."""
        super().__init__(seed=seed)
        self.variance = variance


class Penalty(keras.regularizers.Regularizer):  # type: ignore[misc]
    r"""Weight penalty :math:`l_1 \sum |w| + l_2 \sum w^2` whose coefficients may be variables.

    Args:
        l1: coefficient of the absolute values, or ``None`` for no such term.
        l2: coefficient of the squares, or ``None`` for no such term.
    """

    def __init__(self, l1: Any = None, l2: Any = None) -> None:
        """Keep the coefficients."""
        self.l1, self.l2 = l1, l2

    def __call__(self, weight: Any) -> Any:
        """The penalty of a weight, a scalar."""
        total = keras.ops.zeros((), dtype=weight.dtype)
        if self.l1 is not None:
            total += self.l1 * keras.ops.sum(keras.ops.absolute(weight))
        if self.l2 is not None:
            total += self.l2 * keras.ops.sum(keras.ops.square(weight))
        return total


class Dropout(keras.layers.Layer):  # type: ignore[misc]
    r"""Dropout whose rate may be a variable.

    In training every input is kept with probability :math:`1 - r` and divided by it;
    otherwise the layer is the identity.

    Args:
        rate: share of inputs set to zero, a number or a scalar variable.

    Reference:
        Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
        2014.
    """

    def __init__(self, rate: Any, **kwargs: Any) -> None:
        """Keep the rate; the masks come from a seed generator that a program resets."""
        super().__init__(**kwargs)
        # Out of sight, so that Keras does not take it for a weight.
        self._rate: Callable[[], Any] = lambda: rate
        self.seed_generator = keras.random.SeedGenerator(0)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The inputs, some of them dropped in training."""
        if not training:
            return inputs
        rate = keras.ops.convert_to_tensor(self._rate(), dtype=inputs.dtype)
        drawn = keras.random.uniform(keras.ops.shape(inputs), seed=self.seed_generator)
        return keras.ops.where(drawn >= rate, inputs / (1 - rate), keras.ops.zeros_like(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the inputs."""
        return input_shape


class SGD(keras.optimizers.SGD):  # type: ignore[misc]
    """Keras' stochastic gradient descent, with a momentum that may be a variable.

    The velocity is kept also where the momentum is zero; the updates are the same.
    """

    def __init__(self, momentum: Any = 0.0, **kwargs: Any) -> None:
        """Keep the momentum as it is; Keras only learns that there is one."""
        super().__init__(momentum=0.5, **kwargs)
        self._given = momentum

    def build(self, variables: Any) -> None:
        """Make the velocities, which Keras leaves out where the momentum is zero."""
        super().build(variables)
        self.momentum = self._given

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of one variable."""
        rate = keras.ops.cast(learning_rate, variable.dtype)
        step = keras.ops.cast(gradient, variable.dtype) * rate
        momentum = keras.ops.cast(self.momentum, variable.dtype)
        velocity = self.momentums[self._get_variable_index(variable)]
        moved = velocity * momentum - step
        self.assign(velocity, moved)
        self.assign_add(variable, moved * momentum - step if self.nesterov else moved)


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


def resolve(target: str) -> Any:
    """The object behind a catalogue target ``module:object``."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


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
        rest: what else the layer is given.
    """
    entry, arguments = chosen("activation", level)
    if isinstance(made := resolve(entry.target), type):
        return made(**arguments, name=name, **rest)
    kind = Gate if entry.gated else keras.layers.Activation
    return kind(activation_function(level), name=name, **rest)


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
    return (lambda inputs: function(inputs, **arguments)) if arguments else function


def width(units: int, level: Value) -> int:
    """How many outputs a layer needs, so that ``units`` are left behind its activation."""
    entry, _ = chosen("activation", level)
    return 2 * units if entry.gated else units


def regularizer(level: Value) -> Any:
    """A penalty on weights; ``None`` for ``"none"``."""
    entry, arguments = chosen("regularizer", level)
    return resolve(entry.target)(**arguments) if entry.target else None


def normalization(level: Value, name: str) -> Any:
    """A normalization layer, or the identity for ``"none"``."""
    chosen = catalog.choice("normalization", level)
    if chosen.name == "none":
        return lambda inputs: inputs
    return resolve(catalog.NORMALIZATIONS[chosen.name].target)(name=name)


def has_bias(level: Value) -> bool:
    """Whether a layer before this normalization keeps its bias.

    Batch normalization subtracts the mean, and with it any bias: its gradient is zero but for
    rounding, which an adaptive optimizer blows up into a random walk.
    """
    return catalog.choice("normalization", level).name != "batch"


def dropout(rate: Any, name: str) -> Any:
    """A dropout layer; the identity where the rate is the number zero."""
    if isinstance(rate, int | float) and rate == 0:
        return lambda inputs: inputs
    return Dropout(rate, name=name)
