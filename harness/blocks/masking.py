"""Masks: which steps of a case count, and means that leave out the others.

A mask travels with a tensor, as in Keras. What is measured on a tensor that bears one is equal
to what ``keras.Model.fit`` makes of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import keras
import tensorflow as tf
from keras import ops
from keras.src import backend  # Keras has no public name for the mask of a tensor

from harness.errors import TemplateError


def mask_of(outputs: Any) -> Any:
    """The mask that a tensor bears: true where it counts; ``None`` if all of it does."""
    return backend.get_keras_mask(outputs)


def is_masked(model: Any, outline: Any) -> bool:
    """True if the output of a model carries a Keras mask.

    Args:
        model: a built Keras model.
        outline: TensorFlow's description of what it is given.
    """
    if outputs := getattr(model, "outputs", None):
        return mask_of(outputs[0]) is not None
    found = []
    traced = tf.function(lambda x: found.append(mask_of(model(x, training=False))), autograph=False)
    with suppress(Exception):  # what cannot be called says so where it is trained
        traced.get_concrete_function(outline)
    return any(mask is not None for mask in found)


def weighed(values: Any, outputs: Any) -> tuple[Any, Any]:
    """Sum of the values that count, and their number.

    Args:
        values: measured numbers, shape ``(cases, ...)``, reduced to the axes of the mask.
        outputs: outputs that were measured; they carry a mask.

    Raises:
        TemplateError: if the mask has axes that the values lack.
    """
    mask = ops.cast(mask_of(outputs), "bool")
    if len(mask.shape) > len(values.shape):
        raise TemplateError(
            f"expected a mask for {_axes(values)}, the axes of labels and outputs. Received: one "
            f"for {_axes(mask)}, because some layer passes its mask on after removing the steps. "
            "Pool the steps with a layer that ends the mask, such as GlobalAveragePooling1D."
        )
    within = tuple(range(len(mask.shape), len(values.shape)))
    kept = ops.cast(mask, values.dtype)
    values = ops.mean(values, axis=within) if within else values
    return ops.sum(ops.where(mask, values, 0.0)), ops.sum(kept)


def mean(values: Any, outputs: Any) -> Any:
    """The mean over what counts, zero if nothing does, as in Keras."""
    return ops.divide_no_nan(*weighed(values, outputs))


def _axes(tensor: Any) -> str:
    return "cases" if len(tensor.shape) == 1 else f"{len(tensor.shape)} axes"


@keras.saving.register_keras_serializable("harness")
class Masked(keras.layers.Layer):  # type: ignore[misc]
    """Gives a sequence a mask; values stay as they are."""

    def call(self, both: Any) -> Any:
        """Return the sequence, the first of the two inputs."""
        return ops.multiply(both[0], 1)  # a tensor of its own, to bear the mask

    def compute_mask(self, both: Any, previous: Any) -> Any:  # noqa: ARG002
        """Return the mask, the second of the two inputs."""
        return both[1]

    def compute_output_shape(self, both: Any) -> Any:
        """The shape of the sequence."""
        return both[0]


@keras.saving.register_keras_serializable("harness")
class Other(keras.layers.Layer):  # type: ignore[misc]
    """Mask of the tokens that are not padding.

    Args:
        padding: the token that fills cases up.
    """

    def __init__(self, padding: int, **kwargs: Any) -> None:
        """Keep the token."""
        super().__init__(**kwargs)
        self._padding = padding

    def call(self, tokens: Any) -> Any:
        """True at every step that counts."""
        return ops.not_equal(tokens, self._padding)

    def compute_output_spec(self, tokens: Any) -> Any:
        """A truth value for every token."""
        return keras.KerasTensor(tokens.shape, dtype="bool")

    def get_config(self) -> dict[str, Any]:
        """The token, with which a saved layer is made again."""
        return {**super().get_config(), "padding": self._padding}


@keras.saving.register_keras_serializable("harness")
class Before(keras.layers.Layer):  # type: ignore[misc]
    """Mask of the steps that come before the end of each case.

    Args:
        steps: number of steps of the longest case.
    """

    def __init__(self, steps: int, **kwargs: Any) -> None:
        """Keep the number."""
        super().__init__(**kwargs)
        self._steps = steps

    def call(self, lengths: Any) -> Any:
        """True at every step that counts."""
        places = ops.arange(self._steps, dtype=lengths.dtype)
        return ops.less(places[None, :], lengths[:, None])

    def compute_output_spec(self, lengths: Any) -> Any:
        """A truth value for every step."""
        return keras.KerasTensor((lengths.shape[0], self._steps), dtype="bool")

    def get_config(self) -> dict[str, Any]:
        """The number, with which a saved layer is made again."""
        return {**super().get_config(), "steps": self._steps}


@keras.saving.register_keras_serializable("harness")
class Pooled(keras.layers.Layer):  # type: ignore[misc]
    """Mean or maximum of the steps that count; zero where none does.

    Args:
        by: ``"mean"`` or ``"max"``.
    """

    def __init__(self, by: str, **kwargs: Any) -> None:
        """Keep the way of pooling."""
        super().__init__(**kwargs)
        self._by = by
        self.supports_masking = True

    def call(self, steps: Any, mask: Any) -> Any:
        """One row per case."""
        kept = mask[..., None]
        if self._by == "mean":
            total = ops.sum(ops.where(kept, steps, 0.0), axis=1)
            return ops.divide_no_nan(total, ops.sum(ops.cast(kept, steps.dtype), axis=1))
        largest = ops.max(ops.where(kept, steps, -float("inf")), axis=1)
        return ops.where(ops.any(kept, axis=1), largest, 0.0)

    def compute_mask(self, steps: Any, previous: Any) -> None:
        """None: there are no steps left."""

    def compute_output_shape(self, steps: Any) -> Any:
        """Shape without the axis of steps."""
        return (steps[0], steps[2])

    def get_config(self) -> dict[str, Any]:
        """Settings for making the layer again when a model is loaded."""
        return {**super().get_config(), "by": self._by}
