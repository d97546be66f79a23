"""Metrics that are means over cases, taken inside the compiled epoch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import keras

from harness import catalog
from harness.blocks import losses
from harness.spec import measured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.blocks.outputs import Form


def _accuracy(labels: Any, outputs: Any) -> Any:
    chosen = keras.ops.argmax(outputs, axis=-1)
    return keras.ops.cast(keras.ops.equal(chosen, keras.ops.cast(labels, chosen.dtype)), "float32")


def _right(threshold: float, labels: Any, outputs: Any) -> Any:
    """One for every yes or no that is decided as the label says, else zero."""
    true = keras.ops.greater(keras.ops.cast(losses.alike(labels, outputs), "float32"), 0.5)
    found = keras.ops.greater(outputs, threshold)
    return keras.ops.cast(keras.ops.equal(found, true), "float32")


def _squared(labels: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.square(labels - outputs), axis=-1)


def _absolute(labels: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.absolute(labels - outputs), axis=-1)


PER_CASE: Mapping[str, Callable[[Any, Any], Any]] = {
    "accuracy": _accuracy,
    "mean_squared_error": _squared,
    "mean_absolute_error": _absolute,
}


def of_task(task: str, form: Form | None = None) -> dict[str, losses.OverSteps]:
    """Metrics of a kind of data, beside those that come with the loss.

    Args:
        task: kind of data.
        form: of the model's outputs; ``None``: one output per class.
    """
    known = dict(PER_CASE)
    if form and (form.single or form.each):
        known["accuracy"] = partial(_right, form.threshold)
    names = [name for name in catalog.TASK_METRICS[task] if name in known]
    return {name: losses.OverSteps(known[name]) for name in names}


def in_own_unit(found: Mapping[str, float], task: str, unit: float) -> dict[str, float]:
    """Errors of a regression in the unit of its target; the loss stays as it is trained on.

    Args:
        found: numbers by quantity, such as ``val/mean_squared_error`` or ``test/r2@best``.
        task: kind of data.
        unit: what one trained unit is in the target's own.
    """
    if task != "regression":
        return dict(found)
    powers = {quantity: catalog.METRICS[measured(quantity)].power for quantity in found}
    return {quantity: found[quantity] * unit**power for quantity, power in powers.items()}
