"""Compiled epochs: a whole epoch, validation included, is one call of one graph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from harness.program.network import Refillable
    from harness.spec import Card

EVALUATED = 1024
"""Cases per forward pass of an evaluation; it bounds memory and does not change results."""

_SLOW_UNDER_XLA = re.compile(r"(Depthwise)?Conv|.*Random|RngReadAndSkip")
"""Operations that XLA makes slower on a CPU, by up to forty times: it does not use oneDNN's
convolutions, and expands random operations into long integer code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A data set as tensors, the same ones for every trial."""

    x: tf.Tensor
    y: tf.Tensor
    x_test: tf.Tensor
    y_test: tf.Tensor


class Program:
    """A compiled epoch over resident data.

    Args:
        part: the model to train.
        xla: whether XLA compiles the graph.

    Attributes:
        traces: how often the epoch was traced; once, however many trials it serves.
    """

    engine: Literal["program"] = "program"

    def __init__(self, part: Refillable, *, xla: bool) -> None:
        """Define the graphs; nothing is traced yet."""
        self.part, self.xla, self.traces = part, xla, 0
        self._kept = [tf.Variable(variable.value) for variable in part.state]
        self._record = tf.Variable(np.inf, dtype=tf.float32)
        self._run = tf.function(self._epoch, jit_compile=xla, autograph=False)
        self._test = tf.function(self._measure, jit_compile=xla, autograph=False)

    def compile(self, data: Resident) -> None:
        """Trace and compile, with the work of a single step."""
        sizes = self.part.sizes
        cases = tf.zeros(sizes.train, tf.int32)
        rates = tf.zeros(sizes.steps, tf.float32)
        held = tf.zeros(sizes.validation, tf.int32)
        self._run(data.x, data.y, cases, tf.constant(0), rates, held)
        self._test(data.x_test, data.y_test)

    def reset(self) -> None:
        """Forget the best epoch."""
        self._record.assign(np.inf)

    def epoch(
        self,
        data: Resident,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        held: NDArray[np.int32],
    ) -> tuple[dict[str, float], bool]:
        """Train once over the training cases, then validate.

        Args:
            data: all of it; ``order`` and ``held`` say which cases are meant.
            order: the training cases in the order of this epoch.
            rates: learning rate of every step.
            held: the validation cases.

        Returns:
            The quantities of this epoch, and whether all weights are still finite.
        """
        full = tf.constant(self.part.sizes.train // self.part.sizes.batch)
        inputs = (tf.constant(order), full, tf.constant(rates), tf.constant(held))
        numbers = self._run(data.x, data.y, *inputs).numpy()
        named = zip(self.part.quantities, numbers[:-1].tolist(), strict=True)
        return dict(named), bool(numbers[-1])

    def test(self, data: Resident, epoch: str) -> dict[str, float]:
        """Loss and metrics on the test split, with the weights of ``last`` or ``best``."""
        if epoch == "best":
            for variable, kept in zip(self.part.state, self._kept, strict=True):
                variable.assign(kept)
        numbers = self._test(data.x_test, data.y_test).numpy().tolist()
        return dict(zip(self.part.names, numbers, strict=True))

    def _epoch(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        order: tf.Tensor,
        steps: tf.Tensor,
        rates: tf.Tensor,
        held: tf.Tensor,
    ) -> tf.Tensor:
        self.traces += 1

        def step(cases: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
            return self._step(tf.gather(x, cases), tf.gather(y, cases), rates[index])

        train = _accumulate(order, self.part.sizes.batch, steps, step, len(self.part.names))
        val = self._over(x, y, held)
        self._keep(val[self.part.best] * self.part.sign)
        finite = tf.reduce_all(
            [tf.reduce_all(tf.math.is_finite(variable)) for variable in self.part.variables]
        )
        parts = [train / self.part.sizes.train, val, tf.cast(finite, tf.float32)[tf.newaxis]]
        return tf.concat(parts, axis=0)

    def _step(self, x: tf.Tensor, y: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        """One update; the sums of loss and metrics over the batch, before it."""
        with tf.GradientTape() as tape:
            outputs = self.part.model(x, training=True)
            loss = self._total(y, outputs, self.part.class_weight)
        gradients = tape.gradient(loss, [variable.value for variable in self.part.variables])
        gradients = self.part.clip(gradients)
        self.part.optimizer.learning_rate.assign(rate)
        self.part.optimizer.apply(gradients, self.part.variables)
        return self._sums(y, outputs, loss)

    def _total(self, y: tf.Tensor, outputs: tf.Tensor, weights: Any = None) -> tf.Tensor:
        """The mean loss of a batch with all penalties, weighted by class in training."""
        per_case = self.part.loss(y, outputs)
        if weights is not None:
            per_case *= tf.gather(weights.value, y)
        return tf.add_n([tf.reduce_mean(per_case), *self.part.model.losses])

    def _sums(self, y: tf.Tensor, outputs: tf.Tensor, loss: tf.Tensor) -> tf.Tensor:
        count = tf.cast(tf.shape(y)[0], tf.float32)
        means = [tf.reduce_sum(metric(y, outputs)) for metric in self.part.metrics.values()]
        return tf.stack([loss * count, *means])

    def _over(self, x: tf.Tensor, y: tf.Tensor, cases: tf.Tensor) -> tf.Tensor:
        def forward(part: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
            labels = tf.gather(y, part)
            outputs = self.part.model(tf.gather(x, part), training=False)
            return self._sums(labels, outputs, self._total(labels, outputs))

        size = min(EVALUATED, cases.shape[0])
        full = tf.constant(cases.shape[0] // size)
        return _accumulate(cases, size, full, forward, len(self.part.names)) / cases.shape[0]

    def _measure(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        return self._over(x, y, tf.range(x.shape[0]))

    def _keep(self, score: tf.Tensor) -> None:
        """Remember the weights if this is the best epoch so far."""
        better = score < self._record
        self._record.assign(tf.where(better, score, self._record))
        for kept, variable in zip(self._kept, self.part.state, strict=True):
            kept.assign(tf.where(better, variable.value, kept))


def uses_xla(model: Any, card: Card) -> bool:
    """The fixed rule of device and operations, read from the graph of a forward pass."""
    if tf.config.list_logical_devices("GPU"):
        return True
    spec = tf.TensorSpec((2, *card.shape), tf.float32)
    traced = tf.function(lambda x: model(x, training=True), autograph=False)
    graph = traced.get_concrete_function(spec).graph.as_graph_def()
    nodes = [*graph.node, *(node for part in graph.library.function for node in part.node_def)]
    return not any(_SLOW_UNDER_XLA.match(node.op) for node in nodes)


def _accumulate(
    cases: tf.Tensor,
    size: int,
    full: tf.Tensor,
    function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    width: int,
) -> tf.Tensor:
    """Sum a function over consecutive batches; a partial last one has its own static shape."""

    def body(index: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return index + 1, total + function(tf.slice(cases, [index * size], [size]), index)

    _, total = tf.while_loop(
        lambda index, _: index < full,
        body,
        (tf.constant(0), tf.zeros(width)),
        parallel_iterations=1,
    )
    whole = cases.shape[0] // size
    if cases.shape[0] % size:
        total += function(cases[whole * size :], tf.constant(whole))
    return total
