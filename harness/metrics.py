"""Metrics that are means over cases, computed inside the compiled epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from harness import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _accuracy(labels: Any, outputs: Any) -> Any:
    chosen = keras.ops.argmax(outputs, axis=-1)
    return keras.ops.cast(keras.ops.equal(chosen, keras.ops.cast(labels, chosen.dtype)), "float32")


def _squared(labels: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.square(labels - outputs), axis=-1)


def _absolute(labels: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.absolute(labels - outputs), axis=-1)


PER_CASE: Mapping[str, Callable[[Any, Any], Any]] = {
    "accuracy": _accuracy,
    "mean_squared_error": _squared,
    "mean_absolute_error": _absolute,
}


def of_task(task: str) -> dict[str, Callable[[Any, Any], Any]]:
    """Metrics of a kind of data, beside those that come with the loss."""
    return {name: PER_CASE[name] for name in catalog.TASK_METRICS[task] if name in PER_CASE}
