"""Global state of a process, as user code finds it and leaves it behind.

What a module sets while it is imported or builds a network holds for that network, and for no
other. What is drawn without a seed comes from generators that a trial sets back; what cannot be
set back is found, and refused by name.
"""

from __future__ import annotations

import random
import re
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.random import seed_generator
from tensorflow.python.data.ops import debug_mode
from tensorflow.python.ops import gen_random_ops
from tensorflow.python.util import _pywrap_determinism

from harness import usercode
from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

PRECISION = "float32"
"""Number format of every trial's computations, a part of the trial's identity."""

_DEFAULTS: Mapping[str, Any] = {
    "floatx": PRECISION,
    "policy": PRECISION,
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
}
"""Keras' own defaults, under which networks are built whatever the process has set."""

_KEPT = ("epsilon", "image_data_format")
"""Settings that a template may change for its own network."""

_SETTINGS: Mapping[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "floatx": (keras.config.floatx, keras.config.set_floatx),
    "policy": (keras.config.dtype_policy, keras.config.set_dtype_policy),
    "epsilon": (keras.config.epsilon, keras.config.set_epsilon),
    "image_data_format": (keras.config.image_data_format, keras.config.set_image_data_format),
    "eager": (tf.config.functions_run_eagerly, tf.config.run_functions_eagerly),
    "debug": (lambda: debug_mode.DEBUG_MODE, debug_mode.toggle_debug_mode),
    "jit": (tf.config.optimizer.get_jit, lambda mode: tf.config.optimizer.set_jit(mode or False)),
    "determinism": (_pywrap_determinism.is_enabled, _pywrap_determinism.enable),
    "tensor_float_32": (
        tf.config.experimental.tensor_float_32_execution_enabled,
        tf.config.experimental.enable_tensor_float_32_execution,
    ),
    "logging": (
        keras.config.is_interactive_logging_enabled,
        lambda on: (
            keras.config.enable_interactive_logging
            if on
            else keras.config.disable_interactive_logging
        )(),
    ),
    "floating_errors": (np.geterr, lambda how: np.seterr(**how)),
}
"""Functions that read and set each of these settings."""

_STATEFUL = re.compile(
    r"(Parameterized)?TruncatedNormal|Random(?!Dataset).*|Multinomial|Stateful.*|Rng.*"
    r"|NonDeterministicInts|.*CandidateSampler"
)
"""Operations with a random state out of reach; those of ``tf.random`` are replaced beforehand."""

_FRESH = 624
"""Position of a Mersenne twister that has been seeded and not drawn from."""


@contextmanager
def settled(kept: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Set Keras' own defaults, and afterwards whatever was set before.

    Args:
        kept: settings that a template has made for its own network.
    """
    before = _observed()
    _set({**before, **_DEFAULTS, **(kept or {})})
    try:
        yield
    finally:
        _set(before)


def _observed() -> dict[str, Any]:
    return {name: read() for name, (read, _) in _SETTINGS.items()}


def _set(wanted: Mapping[str, Any]) -> None:
    for name, (read, write) in _SETTINGS.items():
        if read() != wanted[name]:
            write(wanted[name])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed all generators that code may use without a seed; leave the caller's state alone."""
    with ExitStack() as stack:
        stack.enter_context(_generators_kept())
        for owner, name, original in _ORIGINALS:
            stack.enter_context(_swapped(owner, name, original))
        keras.utils.set_random_seed(seed)
        yield


class World:
    """Process state that the code behind one network finds, and leaves for its next run.

    Attributes:
        generators: seed generators of Keras that were made inside, and those that unseeded draws
            of ``keras.random`` and ``tf.random`` come from. A trial sets them back.
    """

    def __init__(self) -> None:
        """Start with nothing left behind and nothing drawn."""
        self._own = {name: _Counted(name) for name in ("keras.random", "tf.random")}
        self.generators: list[Any] = [*self._own.values()]
        self._left: dict[str, Any] = {}
        self._entropy = np.random.default_rng(0)
        self._unseeded = 0

    @contextmanager
    def entered(self, stream: np.random.Generator) -> Iterator[None]:
        """Let user code run: seeded, under its own settings, and without effect on others.

        Args:
            stream: generator that seeds everything drawn inside without a seed.
        """
        with ExitStack() as stack:
            stack.enter_context(usercode.contained())
            stack.enter_context(_generators_kept())
            stack.enter_context(settled(self._left))
            self._seed(stream)
            for owner, name, replacement in self._replaced():
                stack.enter_context(_swapped(owner, name, replacement))
            try:
                yield
            finally:
                self._left = {name: _SETTINGS[name][0]() for name in _KEPT}

    def drawn(self) -> list[str]:
        """Names of the generators drawn from without a seed since the world was entered."""
        (numpy, _), python = _places()
        twisters = {
            "numpy.random": numpy != _FRESH or self._unseeded,
            "random": python != _FRESH,
        }
        counted = {name: generator.draws for name, generator in self._own.items()}
        return [name for name, found in (counted | twisters).items() if found]

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Refuse numbers drawn while a graph is traced, which would hold them for ever.

        Raises:
            TemplateError: naming where they were drawn from.
        """
        before = _places(), self._unseeded
        yield
        if (_places(), self._unseeded) != before:
            numpy = _places()[0] != before[0][0] or self._unseeded != before[1]
            raise TemplateError(
                f"{_EXPECTED} Received: a call of {'numpy.random' if numpy else 'random'} in the "
                "network's call or training step. It runs once, while the graph is made, and its "
                f"numbers are the same in every step, trial and replicate. {_REMEDY}"
            )

    def _seed(self, stream: np.random.Generator) -> None:
        python, legacy, fresh, *own = (int(seed) for seed in stream.integers(2**31, size=5))
        random.seed(python)
        np.random.seed(legacy)  # noqa: NPY002, user code draws from it
        tf.random.set_seed(legacy)
        self._entropy, self._unseeded = np.random.default_rng(fresh), 0
        for generator, seed in zip(self._own.values(), own, strict=True):
            generator.state.assign([seed, 0])
            generator.draws = 0
        keras_own = self._own["keras.random"]
        global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, keras_own)

    def _replaced(self) -> Iterable[tuple[Any, str, Any]]:
        """Replacements, given to user code, of functions whose state cannot be set back."""
        tensorflow = self._own["tf.random"]
        private = random.Random(int(self._entropy.integers(2**31)))  # noqa: S311, Keras' own draws
        yield seed_generator, "python_random", private
        yield np.random, "default_rng", self._default_rng
        for name, stateless in _STATELESS.items():
            yield gen_random_ops, name, _from(tensorflow, stateless)
        yield seed_generator.SeedGenerator, "__init__", self._noting()
        yield keras.layers.Layer, "add_weight", self._passing_over()

    def _default_rng(self, seed: Any = None) -> np.random.Generator:
        if seed is None:
            self._unseeded += 1
            seed = int(self._entropy.integers(2**62))
        return _DEFAULT_RNG(seed)

    def _noting(self) -> Callable[..., None]:
        original = seed_generator.SeedGenerator.__init__

        @wraps(original)
        def made(generator: Any, *args: Any, **kwargs: Any) -> None:
            original(generator, *args, **kwargs)
            self.generators.append(generator)

        return made

    def _passing_over(self) -> Callable[..., Any]:
        """Leave the draws of an initializer uncounted, since a trial makes them anew."""
        original = keras.layers.Layer.add_weight

        @wraps(original)
        def add_weight(layer: Any, *args: Any, **kwargs: Any) -> Any:
            counts = [generator.draws for generator in self._own.values()]
            python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
            unseeded = self._unseeded
            made = original(layer, *args, **kwargs)
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002
            self._unseeded = unseeded
            for generator, count in zip(self._own.values(), counts, strict=True):
                generator.draws = count
            return made

        return add_weight


def check_precision(model: Any, template: str) -> None:
    """Refuse a precision other than float32, in which every trial computes by its record.

    Raises:
        TemplateError: naming what computes in another precision.
    """
    remedy = "Leave dtype, set_dtype_policy and set_floatx out: precision is part of every trial."
    if keras.config.floatx() != PRECISION:
        raise TemplateError(
            f"template {template!r}: expected {PRECISION} throughout. Received: "
            f"set_floatx({keras.config.floatx()!r}). {remedy}"
        )
    others = {"float16", "bfloat16", "float64"}
    for layer in model._flatten_layers():  # noqa: SLF001, nested ones too
        if {layer.compute_dtype, layer.variable_dtype} & others:
            raise TemplateError(
                f"template {template!r}: expected layers that compute in {PRECISION}. Received: "
                f"{layer.name!r} with dtype policy {layer.dtype_policy.name!r}. {remedy}"
            )


def check_operations(nodes: Iterable[Any]) -> None:
    """Refuse operations that draw from a state that nothing sets back.

    Args:
        nodes: of the graph, each with ``op`` and ``name``.

    Raises:
        TemplateError: naming the first such operation.
    """
    for node in nodes:
        if _STATEFUL.fullmatch(node.op):
            raise TemplateError(
                f"{_EXPECTED} Received: the TensorFlow operation {node.op}, at {node.name!r}: the "
                f"same trial would give other numbers after other trials. {_REMEDY}"
            )


_EXPECTED = "expected random numbers that each trial can draw from a seed of its own."
_REMEDY = (
    "Use a layer such as keras.layers.GaussianNoise, or keras.random.normal(shape, "
    "seed=self.seed_generator) with self.seed_generator = keras.random.SeedGenerator() made in "
    "__init__."
)


class _Counted(keras.random.SeedGenerator):  # type: ignore[misc]
    """Seed generator that counts its draws, while a graph is made or without one."""

    def __init__(self, name: str) -> None:
        super().__init__(0, name=name.replace(".", "_"))
        self.draws = 0

    def next(self, ordered: bool = True) -> Any:
        self.draws += 1
        return super().next(ordered=ordered)


def _places() -> tuple[tuple[int, int], int]:
    """Positions of NumPy's and Python's global random generators."""
    numpy: Any = np.random.get_state()  # noqa: NPY002
    return (numpy[2], numpy[3]), _python_place()


def _python_place() -> int:
    state: tuple[int, ...] = random.getstate()[1]
    return state[-1]


@contextmanager
def _swapped(owner: Any, name: str, replacement: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Set the global generators back to where they stood."""
    names = (seed_generator.GLOBAL_SEED_GENERATOR, "global_random_seed")
    attributes = {name: global_state.get_global_attribute(name) for name in names}
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        for name, before in attributes.items():
            global_state.set_global_attribute(name, before)


def _from(generator: Any, stateless: Callable[..., Any]) -> Callable[..., Any]:
    def drawn(*args: Any, **kwargs: Any) -> Any:
        return stateless(generator.next(), *args, **kwargs)

    return drawn


def _normal(
    own: Any, shape: Any, dtype: Any, seed: int = 0, seed2: int = 0, name: Any = None
) -> Any:
    del seed, seed2
    return tf.random.stateless_normal(shape, own, dtype=dtype, name=name)


def _truncated(
    own: Any, shape: Any, dtype: Any, seed: int = 0, seed2: int = 0, name: Any = None
) -> Any:
    del seed, seed2
    return tf.random.stateless_truncated_normal(shape, own, dtype=dtype, name=name)


def _uniform(
    own: Any, shape: Any, dtype: Any, seed: int = 0, seed2: int = 0, name: Any = None
) -> Any:
    del seed, seed2
    return tf.random.stateless_uniform(shape, own, dtype=dtype, name=name)


def _whole(
    own: Any, shape: Any, minval: Any, maxval: Any, seed: int = 0, seed2: int = 0, name: Any = None
) -> Any:
    del seed, seed2
    return tf.random.stateless_uniform(shape, own, minval, maxval, minval.dtype, name=name)


def _categorical(
    own: Any,
    logits: Any,
    num_samples: Any,
    seed: int = 0,
    seed2: int = 0,
    output_dtype: Any = tf.int64,
    name: Any = None,
) -> Any:
    del seed, seed2
    return tf.random.stateless_categorical(logits, num_samples, own, dtype=output_dtype, name=name)


def _shuffled(own: Any, value: Any, seed: int = 0, seed2: int = 0, name: Any = None) -> Any:
    del seed, seed2, name
    return tf.random.experimental.stateless_shuffle(value, own)


_STATELESS: Mapping[str, Callable[..., Any]] = {
    "random_standard_normal": _normal,
    "truncated_normal": _truncated,
    "random_uniform": _uniform,
    "random_uniform_int": _whole,
    "multinomial": _categorical,
    "random_shuffle": _shuffled,
}
"""Replacements of the operations behind ``tf.random``: the same distributions, from a seed."""

_DEFAULT_RNG = np.random.default_rng

_ORIGINALS = (
    (seed_generator, "python_random", random),
    (np.random, "default_rng", _DEFAULT_RNG),
    *((gen_random_ops, name, getattr(gen_random_ops, name)) for name in _STATELESS),
)
"""Originals of the replaced functions, which user code finds outside of a world."""
