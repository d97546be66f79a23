"""Passes that do not train: over validation cases, and over the test split."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from harness.blocks import masking
from harness.program.inputs import EVALUATED, Resident, noisy, pick, take
from harness.program.taking import code_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from harness.program.inputs import Inputs
    from harness.program.learner import Learner


class Evaluating:
    """Sums, outputs and codes of a learner's network, with its weights as they are.

    Args:
        learner: whose network is asked.
        xla: whether XLA compiles the graphs.
    """

    def __init__(self, learner: Learner, *, xla: bool) -> None:
        """Define the graphs; nothing is traced yet."""
        self._model, self._objective = learner.model, learner.objective
        self._output_shape = learner.output_shape
        compiled = partial(tf.function, jit_compile=xla, autograph=False)
        self._held, self._test = compiled(self.over), compiled(self._measure)
        self._code: Callable[[tf.Tensor], tf.Tensor] | None = None
        self._counted: Callable[[Any], tf.Tensor] | None = None

    def held(self, data: Inputs, which: NDArray[np.int32], *, clean: bool = False) -> tf.Tensor:
        """Sums over cases outside the test split, with the weights as they are.

        Args:
            data: all of it.
            which: cases; the validation cases, if they are shown with noise.
            clean: whether the network is shown no noise.
        """
        total = tf.zeros(self._objective.width)
        if isinstance(data, Resident):
            cases = tf.constant(which)
            seen, places = (data.x, cases) if clean else data.shown(which)
            return self._held(data.x, data.y, cases, seen, places, total)
        for x, y, start in data.chunks(which, EVALUATED):
            cases = tf.range(len(x))
            seen = x if clean else noisy(data, x, "val", start)
            total = self._held(x, y, cases, seen, cases, total)
        return total

    def tested(self, data: Inputs) -> tuple[tf.Tensor, tf.Tensor]:
        """Sums over the test split, and all outputs."""
        total = tf.zeros(self._objective.width)
        if isinstance(data, Resident):
            seen = noisy(data, data.x_test, "test")
            return self._test(data.x_test, data.y_test, seen, total)  # type: ignore[no-any-return]
        parts = []
        for x, y, start in data.chunks(
            np.arange(len(data.x_test), dtype=np.int32), EVALUATED, test=True
        ):
            total, outputs = self._test(x, y, noisy(data, x, "test", start), total)
            parts.append(outputs)
        return total, tf.concat(parts, axis=0)

    def counted(self, data: Inputs) -> NDArray[np.bool_] | None:
        """Test outputs that a mask leaves; ``None`` if that is all of them."""
        if not self._objective.masked:
            return None
        if self._counted is None:
            model = self._model
            self._counted = tf.function(
                lambda x: masking.mask_of(model(x, training=False)), autograph=False
            )
        cases = np.arange(len(data.y_test), dtype=np.int32)
        parts = []
        for start in range(0, len(cases), EVALUATED):
            x, _ = take(data, cases[start : start + EVALUATED], test=True)
            parts.append(self._counted(noisy(data, x, "test", start)).numpy())
        return np.concatenate(parts).astype(bool)

    def codes(
        self, data: Inputs, cases: NDArray[np.int32], *, test: bool = False
    ) -> NDArray[np.float32]:
        """Outputs of the layer ``code`` for some cases, with the weights as they are."""
        if self._code is None:
            inner = keras.Model(self._model.inputs, code_of(self._model))
            self._code = tf.function(partial(inner, training=False), autograph=False)
        parts = [cases[start : start + EVALUATED] for start in range(0, len(cases), EVALUATED)]
        found = [self._code(take(data, part, test=test)[0]).numpy() for part in parts]
        return np.concatenate(found).reshape(len(cases), -1)

    def compile_chunks(self, lengths: set[int], data: Inputs) -> None:
        """Trace for chunks of validation cases."""
        for length in lengths:
            x, y = take(data, np.zeros(length, np.int32))
            nothing = tf.zeros(self._objective.width)
            self._held(x, y, tf.range(length), x, tf.range(length), nothing)

    def over(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        cases: tf.Tensor,
        seen: tf.Tensor,
        places: tf.Tensor,
        total: tf.Tensor,
    ) -> tf.Tensor:
        """Sums of loss and metrics, without training.

        The network is shown ``seen[places]``, and asked for what belongs to ``x[cases]``.
        """

        def forward(both: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
            part, place = both[:, 0], both[:, 1]
            return self._asked(x, y, seen, part, place)[0]

        if self._objective.generates:  # all cases are judged together, outside
            return total
        size = min(EVALUATED, cases.shape[0])
        full = tf.constant(cases.shape[0] // size)
        return accumulate(tf.stack([cases, places], axis=1), size, full, forward, total)

    def _asked(
        self, x: tf.Tensor, y: tf.Tensor, seen: tf.Tensor, cases: tf.Tensor, places: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sums over some cases, and outputs for them, the network being shown ``seen[places]``."""
        labels = self._objective.targets(pick(x, cases), y, cases)
        outputs = self._model(pick(seen, places), training=False)
        loss = self._objective.total(labels, outputs)
        return self._objective.sums(labels, outputs, loss), outputs

    def _measure(
        self, x: tf.Tensor, y: tf.Tensor, seen: tf.Tensor, total: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sums of loss and metrics, and all outputs, a bounded number of cases at a time."""
        count = y.shape[0]
        size = min(EVALUATED, count)
        whole = count // size
        rows = tf.TensorArray(tf.float32, whole, element_shape=(size, *self._output_shape[1:]))

        def forward(cases: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return self._asked(x, y, seen, cases, cases)

        def body(index: tf.Tensor, total: tf.Tensor, rows: tf.TensorArray) -> tuple[Any, ...]:
            sums, outputs = forward(index * size + tf.range(size))
            return index + 1, total + sums, rows.write(index, outputs)

        _, total, rows = tf.while_loop(
            lambda index, *_: index < whole,
            body,
            (tf.constant(0), total, rows),
            parallel_iterations=1,
        )
        outputs = tf.reshape(rows.stack(), (whole * size, *self._output_shape[1:]))
        if count % size:
            sums, last = forward(tf.range(whole * size, count))
            total, outputs = total + sums, tf.concat([outputs, last], axis=0)
        return total, outputs


def accumulate(
    cases: tf.Tensor,
    size: int,
    full: tf.Tensor,
    function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    total: tf.Tensor,
) -> tf.Tensor:
    """Sum a function over consecutive batches; a partial last one has its own static shape."""
    rest = [0] * (len(cases.shape) - 1)

    def body(index: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = tf.slice(cases, [index * size, *rest], [size, *cases.shape[1:]])
        return index + 1, total + function(batch, index)

    whole = cases.shape[0] // size
    if whole:
        _, total = tf.while_loop(
            lambda index, _: index < full, body, (tf.constant(0), total), parallel_iterations=1
        )
    if cases.shape[0] % size:
        total += function(cases[whole * size :], tf.constant(whole))
    return total
