"""Initial weights: every initializer family maps the same underlying draws.

A weight's draw is a function of (study seed, phase, replicate, shape, occurrence of that
shape), so arms that differ in the initializer start from the same uniforms, pushed through
different quantile functions, and arms that differ elsewhere start from equal weights where
their shapes agree. A seed that a user fixed inside an initializer is not used: it would make
all replicates one.
"""

from __future__ import annotations

from collections import Counter
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from scipy.special import ndtr, ndtri

from harness import catalog, isolation, seeds
from harness.blocks.initializers import LSUV, Chrono, Received, scale_of_received
from harness.blocks.layers import Drawn, ForgetBias, called
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.program import Network, Weight
    from harness.spec import Trial, Value

TRUNCATED = 0.87962566103423978
"""Standard deviation of a standard normal cut at two, by which Keras rescales."""

TINY = 1e-30
"""Least variance of a layer's outputs; outputs that are all alike count as having this one."""


def draw(weights: Sequence[Weight], trial: Trial) -> list[NDArray[np.generic]]:
    """Initial values of a model's weights for one trial.

    Args:
        weights: in the order of the model, each with the initializer it was made with, or with
            what a template has put into it, or with a weight of the stage before, whose value at
            the moment it gets.
        trial: gives the streams, and the initializer of those weights that it governs.

    Returns:
        One array per weight.
    """
    seen: Counter[str] = Counter()
    values = []
    for weight in weights:
        initializer, received = weight.initializer, None
        if isinstance(initializer, Received):
            initializer, received = initializer.inner, initializer.stride
        if isinstance(initializer, Drawn):
            initializer = _chosen(trial.settings[initializer.setting])
        shape = tuple(weight.variable.shape)
        text = "x".join(map(str, shape))
        generator = seeds.salted(trial, "init", text, seen[text])
        if _is_random(initializer):
            seen[text] += 1
        if weight.taken is not None:
            values.append(weight.taken.numpy())
            continue
        if weight.kept is not None:
            values.append(weight.kept)
            continue
        filled = _fill(initializer, shape, weight.variable.dtype, generator)
        if received is not None:
            factor = scale_of_received(initializer, shape, received)
            filled = np.multiply(filled, np.asarray(factor, filled.dtype))
        values.append(filled)
    return values


def _chosen(setting: Value) -> Any:
    """The Keras initializer that a trial names, or that of an LSTM's biases."""
    if isinstance(setting, float):
        return ForgetBias(setting)
    gates = isinstance(setting, dict) and setting["name"] in catalog.GATE_BIASES
    chosen = catalog.choice("gate_bias" if gates else "initializer", setting)
    return called(resolve(chosen.entry.target), chosen.arguments)


def variance(trial: Trial) -> float | None:
    """Target variance of every layer's outputs; ``None`` where the initializer needs no data."""
    setting = trial.settings.get("initializer")
    made = _chosen(setting) if isinstance(setting, dict) and "name" in setting else None
    return made.variance if isinstance(made, LSUV) else None


def notes(network: Network, trial: Trial) -> tuple[str, ...]:
    """Notes for readers on how a trial's initializer acts on the layers of a network."""
    setting = trial.settings.get("initializer")
    made = _chosen(setting) if isinstance(setting, dict) and "name" in setting else None
    if not isinstance(made, keras.initializers.VarianceScaling) or made.mode == "fan_avg":
        return ()
    drawn = {id(one.variable) for one in network.weights if isinstance(one.initializer, Drawn)}
    if any(
        isinstance(layer, _TRANSPOSED) and id(layer.kernel) in drawn
        for layer in network.model.layers
    ):
        sentence = (
            f"Initializers that go by fan-in (he, lecun, classical): {catalog.TRANSPOSED}. The "
            "decoder starts with another spread than the inputs of its layers would give it."
        )
        return (sentence,)
    return ()


_TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)


def calibrate(network: Network, inputs: Any, variance: float) -> None:
    """Scale every kernel that a trial has drawn, so that its layer's outputs have a variance.

    One layer after another, each with those before it already scaled. Biases are still zero, so
    that one scaling is enough where the original algorithm repeats it.

    Reference:
        Mishkin & Matas, "All You Need Is a Good Init", 2016.

    Args:
        network: filled with orthogonal kernels.
        inputs: a batch of training cases.
        variance: of the outputs, over cases and units.
    """
    drawn = {
        id(one.variable)
        for one in network.weights
        if isinstance(one.initializer, Drawn) and one.taken is None
    }
    for layer in network.model.layers:
        if id(getattr(layer, "kernel", None)) in drawn:
            outputs = keras.Model(network.model.input, layer.output)(inputs, training=False)
            found = float(keras.ops.var(outputs))
            layer.kernel.assign(layer.kernel * sqrt(variance / max(found, TINY)))


def _is_random(initializer: Any) -> bool:
    return initializer is not None and not isinstance(
        initializer,
        keras.initializers.Zeros
        | keras.initializers.Ones
        | keras.initializers.Constant
        | keras.initializers.Identity
        | ForgetBias,
    )


def _fill(
    initializer: Any, shape: tuple[int, ...], dtype: str, generator: np.random.Generator
) -> NDArray[np.generic]:
    drawn: NDArray[np.generic]
    match initializer:
        case keras.initializers.VarianceScaling():
            drawn = _scaled(initializer, shape, generator)
        case keras.initializers.RandomUniform(minval=low, maxval=high):
            drawn = low + (high - low) * generator.random(shape)
        case keras.initializers.RandomNormal(mean=mean, stddev=spread):
            drawn = mean + spread * ndtri(_open(generator, shape))
        case keras.initializers.TruncatedNormal(mean=mean, stddev=spread):
            drawn = mean + spread * _truncated(generator, shape)
        case keras.initializers.Orthogonal(gain=gain):
            drawn = gain * _orthogonal(generator, shape)
        case Chrono():
            drawn = initializer.parts(generator.random(shape[0] // 4), np)
        case keras.initializers.Zeros():
            drawn = np.zeros(shape)
        case keras.initializers.Ones():
            drawn = np.ones(shape)
        case _:
            with isolation.seeded(int(generator.integers(2**31))):
                drawn = np.asarray(initializer(shape, dtype=dtype))
    return drawn.astype(dtype)


def _scaled(
    initializer: Any, shape: tuple[int, ...], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Variance scaling: Glorot, He, LeCun and their relatives."""
    fan_in, fan_out = _fans(initializer, shape)
    fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    variance = initializer.scale / max(1.0, fans[initializer.mode])
    if initializer.distribution == "uniform":
        return sqrt(3 * variance) * (2 * generator.random(shape) - 1)
    if initializer.distribution == "truncated_normal":
        return sqrt(variance) / TRUNCATED * _truncated(generator, shape)
    normal: NDArray[np.float64] = ndtri(_open(generator, shape))
    return sqrt(variance) * normal


def _fans(initializer: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    """Number of inputs and of outputs of a unit, counted as Keras counts them.

    Layers whose kernels are no matrices and no filters (``EinsumDense``, attention) tell their
    initializer which axes are which.
    """
    axes = initializer.input_axes, initializer.output_axes
    if None not in axes:
        fan_in, fan_out = (prod(shape[axis] for axis in one) for one in axes)
        return fan_in, fan_out
    receptive = prod(shape[:-2])
    fan_in = shape[-2] * receptive if len(shape) > 1 else prod(shape)
    return fan_in, shape[-1] * receptive if shape else 1


def _open(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Uniforms above 0, where a quantile is finite."""
    return np.maximum(generator.random(shape), 2.0**-54)


def _truncated(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    low, high = ndtr(-2.0), ndtr(2.0)
    quantiles: NDArray[np.float64] = ndtri(low + (high - low) * generator.random(shape))
    return quantiles


def _orthogonal(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The orthogonal factor of a normal matrix, its signs made unique (Saxe et al. 2014)."""
    rows, columns = prod(shape[:-1]), shape[-1]
    normal = ndtri(_open(generator, (rows, columns)))
    q, r = np.linalg.qr(normal if rows >= columns else normal.T)
    q = q * np.sign(np.diag(r))
    return (q if rows >= columns else q.T).reshape(shape)
