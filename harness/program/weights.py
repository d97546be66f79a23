"""Start of a network: how each of its variables was made, and what was put into it since.

A variable that still holds what its initializer made is drawn anew for every replicate. One that
a template has filled itself (a loaded model, a table of word vectors) keeps what it was given.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

NAMED = 6
"""Weights that a sentence names."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A variable of a model, with the initializer it was made with.

    Args:
        variable: of Keras.
        initializer: ``None`` for a variable that was made from an array.
        kept: what it starts from in every replicate; ``None`` if that is drawn.
        taken: variable of the stage before that it starts from; ``None`` without any.
    """

    variable: Any
    initializer: Any
    kept: NDArray[np.generic] | None = None
    taken: Any = None


class Recording:
    """Notes every variable that is made, with its initializer, which Keras itself forgets.

    Args:
        compares: whether it also notes what the initializer made, to tell it from what a template
            brings along. The built-in ones bring nothing.
    """

    def __init__(self, *, compares: bool) -> None:
        """Nothing is made yet."""
        self._compares = compares
        self._made: dict[int, tuple[Any, Any]] = {}
        self._values: dict[int, bytes] = {}

    @contextmanager
    def on(self) -> Iterator[None]:
        """Note what is made inside."""
        kind = keras.Variable
        begin, later = kind.__init__, kind._deferred_initialize  # noqa: SLF001, the only hook

        def init(variable: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
            begin(variable, initializer, *args, **kwargs)
            known = isinstance(initializer, str) or callable(initializer)
            made = keras.initializers.get(initializer) if known else None
            self._made[id(variable)] = variable, made
            # Inside of a symbolic call Keras waits with the values of variables that it makes.
            if known and variable._value is not None:  # noqa: SLF001
                self._note(variable)

        def deferred_initialize(variable: Any) -> None:
            later(variable)
            self._note(variable)

        hooks = {"__init__": init, "_deferred_initialize": deferred_initialize}
        own = {name: vars(kind).get(name) for name in hooks}
        for name, hook in hooks.items():
            setattr(kind, name, hook)
        try:
            yield
        finally:
            for name, function in own.items():
                if function is None:
                    delattr(kind, name)
                else:
                    setattr(kind, name, function)

    def _note(self, variable: Any) -> None:
        if self._compares:
            self._values[id(variable)] = _digest(_value(variable))

    def weights(self, model: Any, template: str) -> tuple[Weight, ...]:
        """The weights of a model that has been built, in the order in which they were made.

        Raises:
            TemplateError: if one of them was made before the recording began.
        """
        wanted = {id(weight): weight for weight in model.weights}
        strange = [weight.path for key, weight in wanted.items() if key not in self._made]
        if strange:
            raise TemplateError(
                f"template {template!r}: expected weights that are made while it is called, so "
                f"that no training finds those of another. Received: {strange[0]!r}, made "
                "before. Create its layer, or load its model, inside of the function."
            )
        found = [self._made[key] for key in self._made if key in wanted]
        return tuple(self._kept(Weight(*pair)) for pair in found)

    def _kept(self, weight: Weight) -> Weight:
        """The weight, with its value if that is not what its initializer made."""
        if not self._compares:
            return weight
        value = _value(weight.variable)
        if self._values.get(id(weight.variable)) == _digest(value):
            return weight
        return replace(weight, kept=value)


def brought(weights: Sequence[Weight], model: Any) -> tuple[str, ...]:
    """A sentence on the weights that a template brings along; none if it brings none.

    Weights of one value throughout, such as a bias of zeros that is made from an array, are not
    worth a word.
    """
    kept = [
        one
        for one in weights
        if one.taken is None and one.kept is not None and np.any(one.kept != one.kept.flat[0])
    ]
    if not kept:
        return ()
    names = _names(weights, model)
    told = [names[id(one.variable)] for one in kept[:NAMED]]
    rest = [f"and {len(kept) - NAMED} more"] if len(kept) > NAMED else []
    sha = hashlib.sha256()
    for one in kept:
        assert one.kept is not None
        sha.update(_digest(one.kept))
    sentence = (
        f"{len(kept)} of {len(weights)} weights start from values that the template brings along "
        f"({', '.join([*told, *rest])}): the same in every replicate. Their content has the hash "
        f"{sha.hexdigest()[:12]}."
    )
    return (sentence,)


def _names(weights: Sequence[Weight], model: Any) -> dict[int, str]:
    """Paths by variable, in which Keras' own numbers count from zero in every network alike."""
    numbered = re.compile(f"({'|'.join(map(re.escape, _kinds(model)))})(_[0-9]+)?")
    seen: dict[str, list[str]] = {}

    def renumbered(part: str) -> str:
        match = numbered.fullmatch(part)
        if not match:
            return part
        alike = seen.setdefault(match[1], [])
        if part not in alike:
            alike.append(part)
        place = alike.index(part)
        return f"{match[1]}_{place}" if place else match[1]

    return {
        id(one.variable): "/".join(map(renumbered, one.variable.path.split("/"))) for one in weights
    }


def _kinds(model: Any) -> set[str]:
    """Names that Keras gives to layers and variables of which nobody says one."""
    kinds = {type(layer).__name__ for layer in model._flatten_layers()}  # noqa: SLF001
    split = (re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind)) for kind in kinds)
    return {re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower() for kind in split} | {"variable"}


def _value(variable: Any) -> NDArray[np.generic]:
    with tf.init_scope():
        found: NDArray[np.generic] = np.asarray(variable.numpy())
    return found


def _digest(value: NDArray[np.generic]) -> bytes:
    """Of the bytes of an array; it stands for a copy, which for a large network is much."""
    # As bytes, because not every type of number has a buffer.
    return hashlib.sha256(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data).digest()
