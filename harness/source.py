"""Keras models as the Python code that makes them, layer by layer."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import keras

from harness.blocks.activations import Given
from harness.blocks.bottleneck import Contractive, Tied
from harness.blocks.masking import Pooled

if TYPE_CHECKING:
    from collections.abc import Mapping

_SKIPPED = frozenset({"name", "trainable", "dtype", "quantization_config"})
"""Configuration keys that every layer has, which code need not repeat."""

_OPERATIONS = {"Flip": "keras.ops.flip({}, axis=1)", "LogicalAnd": "keras.ops.logical_and({}, {})"}
"""Operations of templates that are not layers."""


def call(name: str, made: Any, arguments: Mapping[str, Any]) -> str:
    """A call with those arguments that are not the defaults.

    Args:
        name: how the code calls it.
        made: function or class that is called.
        arguments: by name.

    Example:
        >>> call("keras.optimizers.Adam", keras.optimizers.Adam, {"beta_1": 0.9, "beta_2": 0.99})
        'keras.optimizers.Adam(beta_2=0.99)'
    """
    known = inspect.signature(made).parameters
    told = {
        key: part
        for key, part in arguments.items()
        if key not in known or known[key].default != part
    }
    return f"{name}({', '.join(f'{key}={part!r}' for key, part in told.items())})"


class Source:
    """Writes models as code, and gathers what that code needs beside Keras.

    Attributes:
        classes: source of classes and functions that Keras lacks, in order.
        keras: lines that import what they need of Keras.
        standard: the same, of the standard library.
        typing: the same, for their annotations.
    """

    def __init__(self) -> None:
        """Start with no needs."""
        self.classes: list[str] = []
        self.keras: list[str] = []
        self.standard: list[str] = []
        self._seen: set[str] = set()

    @property
    def typing(self) -> list[str]:
        """Imports that annotations of the classes need."""
        lines = ["from collections.abc import Callable", "from typing import Any"]
        return lines if self.classes else []

    def model(self, model: Any) -> list[str]:
        """Lines of a function that makes a functional model and returns it."""
        referred = {
            layer.encoder_name for layer in model.layers if isinstance(layer, Tied | Contractive)
        }
        names: dict[int, str] = {}
        lines = []
        for node in _nodes(model):
            operation = node.operation
            name = re.sub(r"\W", "_", operation.name)
            names[id(node.outputs[0])] = name
            made = self._made(operation)
            if node.is_input:
                lines.append(f"{name} = {made}")
                continue
            given = [_tensors(part, names) for part in node.arguments.args]
            if not isinstance(operation, keras.layers.Layer):
                lines.append(f"{name} = {made.format(*given)}")
                continue
            if isinstance(operation, Pooled):
                given.append(f"mask={_tensors(node.arguments.kwargs['mask'], names)}")
            if operation.name in referred:
                lines.append(f"{name}_layer = {made}")
                made = f"{name}_layer"
            lines.append(f"{name} = {made}({', '.join(given)})")
        inputs = _tensors(model._inputs_struct, names)  # noqa: SLF001
        outputs = names[id(model.outputs[0])]
        return [*lines, f"return keras.Model({inputs}, {outputs}, name={model.name!r})"]

    def _made(self, operation: Any) -> str:
        """Expression that makes a layer."""
        if isinstance(operation, keras.layers.InputLayer):
            return f"keras.Input({tuple(operation.batch_shape[1:])!r}, name={operation.name!r})"
        if not isinstance(operation, keras.layers.Layer):
            return _OPERATIONS[type(operation).__name__]
        if isinstance(operation, Tied | Contractive):
            self.need(type(operation))
            weight = f"{float(operation.weight)!r}, " if isinstance(operation, Contractive) else ""
            kind = type(operation).__name__
            return f"{kind}({weight}{operation.encoder_name}_layer, name={operation.name!r})"
        config = operation.get_config()
        more = [f"name={operation.name!r}"]
        if getattr(operation, "use_cudnn", True) is False:
            more.insert(0, "use_cudnn=False")
        return self._call(type(operation), config, more)

    def _call(self, kind: type, config: Mapping[str, Any], more: list[str]) -> str:
        """Call of a class with its arguments other than the defaults."""
        parameters = inspect.signature(kind).parameters
        needed = [
            key
            for key, one in parameters.items()
            if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD and key in config
        ]
        stand_ins = {
            key: "linear" if isinstance(config[key], dict) else config[key] for key in needed
        }
        plain = kind(**stand_ins).get_config()
        rest = [
            f"{key}={self._expression(part)}"
            for key, part in config.items()
            if key not in _SKIPPED and key not in needed and plain.get(key) != part
        ]
        first = [self._expression(config[key]) for key in needed]
        return f"{self._name(kind)}({', '.join([*first, *rest, *more])})"

    def _name(self, kind: type) -> str:
        """Name of a class in the code."""
        if kind.__module__.startswith("harness."):
            self.need(kind)
            return kind.__name__
        for home in ("layers", "initializers", "regularizers", "constraints"):
            if getattr(getattr(keras, home), kind.__name__, None) is kind:
                return f"keras.{home}.{kind.__name__}"
        raise AssertionError(kind)

    def _expression(self, part: Any) -> str:
        if isinstance(part, dict) and "class_name" in part:
            made = keras.saving.deserialize_keras_object(part)
            if isinstance(made, Given):
                told = "".join(f", {key}={number!r}" for key, number in made.numbers.items())
                return f"lambda x: {self._function(made)}(x{told})"
            return self._call(type(made), part["config"], [])
        return repr(part)

    def _function(self, made: Given) -> str:
        """Name of an activation's function in the code."""
        home, _, name = made.function.rpartition(":")
        if home.startswith("harness."):
            self.need(made.called)
            return name
        return f"{home or 'keras.activations'}.{name}"

    def need(self, thing: Any) -> None:
        """Note the source of a class or function, behind all that it uses."""
        if thing.__qualname__ in self._seen:
            return
        self._seen.add(thing.__qualname__)
        text = inspect.getsource(thing)
        around = vars(sys.modules[thing.__module__])
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                home = around.get(node.value.id)
                if isinstance(home, ModuleType) and home.__name__.startswith("harness."):
                    self.need(getattr(home, node.attr))
                    text = text.replace(f"{node.value.id}.{node.attr}", node.attr)
            if isinstance(node, ast.Name) and node.id in around:
                self._use(node.id, around[node.id])
        self.classes += ["", re.sub(r"  # (type: ignore|noqa).*", "", text)]

    def _use(self, name: str, thing: Any) -> None:
        if isinstance(thing, ModuleType):
            if thing is keras.ops:
                self._import(self.keras, "from keras import ops")
            return
        plain = isinstance(thing, int | float | str | tuple | dict)
        if plain and name.isupper() and name not in self._seen:
            self._seen.add(name)
            self.classes.append(f"{name} = {thing!r}\n")
        module = getattr(thing, "__module__", "")
        if str(module).startswith("harness."):
            self.need(thing)
        elif module == "math":
            self._import(self.standard, f"from math import {name}")

    @staticmethod
    def _import(lines: list[str], line: str) -> None:
        if line not in lines:
            lines.append(line)


def _nodes(model: Any) -> list[Any]:
    """Calls that outputs come from, in order; masks are skipped where Keras passes them on."""
    found: dict[int, Any] = {}

    def visit(tensor: Any) -> None:
        operation, index, _ = tensor._keras_history  # noqa: SLF001
        node = operation._inbound_nodes[index]  # noqa: SLF001
        told = [node.arguments.args]
        if isinstance(operation, Pooled):
            told.append(node.arguments.kwargs["mask"])
        for one in keras.tree.flatten(told):
            if isinstance(one, keras.KerasTensor):
                visit(one)
        found.setdefault(id(node), node)

    for tensor in [*model.inputs, *model.outputs]:
        visit(tensor)
    return list(found.values())


def _tensors(part: Any, names: Mapping[int, str]) -> str:
    """Names of tensors in the lists in which the tensors are given."""
    if isinstance(part, dict):
        return (
            "{" + ", ".join(f"{key!r}: {_tensors(one, names)}" for key, one in part.items()) + "}"
        )
    if isinstance(part, list | tuple):
        return f"[{', '.join(_tensors(one, names) for one in part)}]"
    return names[id(part)]
