"""Compiled epochs: a whole epoch, validation included, is one call of one graph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np
import tensorflow as tf

from harness.blocks import masking
from harness.program.inputs import EVALUATED, Resident, Streamed, noisy, pick, take
from harness.program.taking import code_of, outline

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.program.inputs import Inputs
    from harness.program.network import Refillable

_SLOW_UNDER_XLA = re.compile(r"(Depthwise)?Conv|.*Random|RngReadAndSkip")
"""Operations that XLA makes slower on a CPU, by up to forty times: it does not use oneDNN's
convolutions, and expands random operations into long integer code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One epoch.

    Args:
        quantities: of training and validation, such as ``val/loss``.
        best: whether no epoch before was as good; its weights are kept.
        finite: whether all weights are.
    """

    quantities: dict[str, float]
    best: bool
    finite: bool


class Program:
    """A compiled epoch.

    Over resident data it is one graph call. Data that stays in its file is trained on in a few
    chunks, each of them one call, with the same cases in the same order.

    Args:
        part: the model to train.
        xla: whether XLA compiles the graph.

    Attributes:
        traces: how often the training was traced: once, however many trials it serves; for
            data in chunks once more if the last one is shorter.
        notes: what a reader of the results has to know of the training, a sentence each.
    """

    engine: Literal["program", "fit"] = "program"
    notes: tuple[str, ...] = ()

    def __init__(self, part: Refillable, *, xla: bool) -> None:
        """Define the graphs; nothing is traced yet."""
        self.part, self.xla, self.traces = part, xla, 0
        self._kept = [tf.Variable(variable.value) for variable in part.state]
        self._record = tf.Variable(np.inf, dtype=tf.float32)
        compiled = partial(tf.function, jit_compile=xla, autograph=False)
        self._whole, self._test = compiled(self._epoch), compiled(self._measure)
        self._part, self._held = compiled(self._train), compiled(self._over)
        self._end = compiled(self._conclude)
        self._code: Callable[[tf.Tensor], tf.Tensor] | None = None
        self._width = len(part.names) + part.masked
        self._counted: Callable[[Any], tf.Tensor] | None = None

    def compile(self, data: Inputs) -> None:
        """Trace and compile, with the work of a single step."""
        sizes = self.part.sizes
        if isinstance(data, Streamed):
            self._compile_chunks(data)
            return
        order, held = tf.zeros(sizes.train, tf.int32), tf.zeros(sizes.validation, tf.int32)
        seen = data.x
        if self.part.denoises:
            seen = tf.zeros((sizes.validation, *data.x.shape[1:]))
        rates = tf.zeros(sizes.steps)
        self._whole(data.x, data.y, order, tf.constant(0), rates, held, seen, held)
        self._tested(data)

    def _compile_chunks(self, data: Streamed) -> None:
        sizes, nothing = self.part.sizes, tf.zeros(self._width)
        for length in data.lengths(sizes.train, sizes.batch):
            x, y = take(data, np.zeros(length, np.int32))
            rates = tf.zeros(-(-length // sizes.batch))
            self._part(x, y, tf.range(length), tf.constant(0), rates, nothing)
        for length in data.lengths(sizes.validation, EVALUATED):
            x, y = take(data, np.zeros(length, np.int32))
            self._held(x, y, tf.range(length), x, tf.range(length), nothing)
        self._end(nothing, nothing)
        self._tested(data)

    def reset(self) -> None:
        """Forget the best epoch."""
        self._record.assign(np.inf)

    def epoch(
        self,
        data: Inputs,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        held: NDArray[np.int32],
    ) -> Passed:
        """Train once over the training cases, then validate.

        Args:
            data: all of it; ``order`` and ``held`` say which cases are meant.
            order: the training cases in the order of this epoch.
            rates: learning rate of every step.
            held: the validation cases.

        """
        if isinstance(data, Streamed):
            found = self._in_chunks(data, order, rates, held)
        else:
            full = tf.constant(self.part.sizes.train // self.part.sizes.batch)
            inputs = (tf.constant(order), full, tf.constant(rates), tf.constant(held))
            found = self._whole(data.x, data.y, *inputs, *data.shown(held))
        *sums, best, finite = found.numpy()
        train, val = np.split(np.asarray(sums), 2)
        means = [
            *self._means(train, self.part.sizes.train),
            *self._means(val, self.part.sizes.validation),
        ]
        quantities = dict(zip(self.part.quantities, means, strict=True))
        return Passed(quantities=quantities, best=bool(best), finite=bool(finite))

    def test(self, data: Inputs, epoch: str) -> tuple[dict[str, float], NDArray[np.float32]]:
        """Loss, metrics and outputs on the test split, with the weights of ``last`` or ``best``."""
        if epoch == "best":
            for variable, kept in zip(self.part.state, self._kept, strict=True):
                variable.assign(kept)
        else:
            self.part.finalize()
        sums, outputs = self._tested(data)
        means = self._means(sums.numpy(), len(data.y_test))
        return dict(zip(self.part.names, means, strict=True)), outputs.numpy()

    def counted(self, data: Inputs) -> NDArray[np.bool_] | None:
        """What a mask leaves of the test outputs; ``None`` if that is all of them."""
        if not self.part.masked:
            return None
        if self._counted is None:
            model = self.part.model
            self._counted = tf.function(
                lambda x: masking.mask_of(model(x, training=False)), autograph=False
            )
        cases = np.arange(len(data.y_test), dtype=np.int32)
        parts = []
        for start in range(0, len(cases), EVALUATED):
            x, _ = take(data, cases[start : start + EVALUATED], test=True)
            parts.append(self._counted(noisy(data, x, "test", start)).numpy())
        return np.concatenate(parts).astype(bool)

    def _means(self, sums: NDArray[np.float32], cases: int) -> list[float]:
        """Means of a pass over all cases: metrics of what a mask leaves, if there is one."""
        if not self.part.masked:
            return (sums / np.float32(cases)).tolist()  # type: ignore[no-any-return]
        loss, *metrics, steps = sums.tolist()
        return [loss / cases, *(metric / steps if steps else 0.0 for metric in metrics)]

    def codes(
        self, data: Inputs, cases: NDArray[np.int32], *, test: bool = False
    ) -> NDArray[np.float32]:
        """What the layer ``code`` makes of some cases, with the weights as they are."""
        if self._code is None:
            inner = keras.Model(self.part.model.inputs, code_of(self.part.model))
            self._code = tf.function(partial(inner, training=False), autograph=False)
        parts = [cases[start : start + EVALUATED] for start in range(0, len(cases), EVALUATED)]
        found = [self._code(take(data, part, test=test)[0]).numpy() for part in parts]
        return np.concatenate(found).reshape(len(cases), -1)

    def _tested(self, data: Inputs) -> tuple[tf.Tensor, tf.Tensor]:
        total = tf.zeros(self._width)
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

    def _in_chunks(
        self,
        data: Streamed,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        held: NDArray[np.int32],
    ) -> tf.Tensor:
        """An epoch in several calls, the sums handed from one to the next."""
        batch, total = self.part.sizes.batch, tf.zeros(self._width)
        for x, y, start in data.chunks(order, batch):
            steps = tf.constant(len(x) // batch)
            own = rates[start // batch :][: -(-len(x) // batch)]
            cases = tf.range(len(x))
            total = self._part(x, y, cases, steps, tf.constant(own), total)
        with self.part.finalized():
            return self._end(total, self._evaluated(data, held))

    def _evaluated(
        self, data: Inputs, which: NDArray[np.int32], *, clean: bool = False
    ) -> tf.Tensor:
        """Sums over cases outside the test split, with the weights as they are.

        Args:
            data: all of it.
            which: cases; the validation cases, if they are shown with noise.
            clean: whether the network is shown no noise.
        """
        total = tf.zeros(self._width)
        if isinstance(data, Resident):
            cases = tf.constant(which)
            seen, places = (data.x, cases) if clean else data.shown(which)
            return self._held(data.x, data.y, cases, seen, places, total)
        for x, y, start in data.chunks(which, EVALUATED):
            cases = tf.range(len(x))
            seen = x if clean else noisy(data, x, "val", start)
            total = self._held(x, y, cases, seen, cases, total)
        return total

    def _epoch(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        order: tf.Tensor,
        steps: tf.Tensor,
        rates: tf.Tensor,
        held: tf.Tensor,
        seen: tf.Tensor,
        places: tf.Tensor,
    ) -> tf.Tensor:
        nothing = tf.zeros(self._width)
        train = self._train(x, y, order, steps, rates, nothing)
        with self.part.finalized():
            return self._conclude(train, self._over(x, y, held, seen, places, nothing))

    def _train(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        order: tf.Tensor,
        steps: tf.Tensor,
        rates: tf.Tensor,
        total: tf.Tensor,
    ) -> tf.Tensor:
        """Sums of loss and metrics over the cases, added to those of earlier chunks."""
        self.traces += 1

        def step(cases: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
            inputs = pick(x, cases)
            return self._step(inputs, self._targets(inputs, y, cases), rates[index])

        return _accumulate(order, self.part.sizes.batch, steps, step, total)

    def _conclude(self, train: tf.Tensor, val: tf.Tensor) -> tf.Tensor:
        """All sums of an epoch in one array, with two marks; the best weights so far are kept.

        Means are taken outside, or the compiler's reciprocals would round them by case.
        """
        best = self._keep(val[self.part.best] * self.part.sign)
        finite = tf.reduce_all(
            [tf.reduce_all(tf.math.is_finite(variable)) for variable in self.part.variables]
        )
        return tf.concat([train, val, tf.cast([best, finite], tf.float32)], axis=0)

    def _targets(self, inputs: tf.Tensor, y: tf.Tensor, cases: tf.Tensor) -> tf.Tensor:
        return inputs if self.part.reconstructs else tf.gather(y, cases)

    def _step(self, x: tf.Tensor, y: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        """One update; the sums of loss and metrics over the batch, before it."""
        with tf.GradientTape() as tape:
            outputs = self.part.model(x, training=True)
            loss = self._total(y, outputs, self.part.class_weight)
            scaled = self.part.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [variable.value for variable in self.part.variables])
        gradients = self.part.clip(gradients)
        self.part.optimizer.learning_rate.assign(rate)
        self.part.optimizer.apply(gradients, self.part.variables)
        return self._sums(y, outputs, loss)

    def _total(self, y: tf.Tensor, outputs: tf.Tensor, weights: Any = None) -> tf.Tensor:
        """The mean loss of a batch with all penalties, weighted by class in training."""
        # Each step has a class of its own, and a mask leaves out single steps.
        each = self.part.masked or weights is not None
        found = self.part.loss.each(y, outputs) if each else self.part.loss(y, outputs)
        if weights is not None:
            found *= tf.gather(weights.value, y)
        mean = masking.mean(found, outputs) if self.part.masked else tf.reduce_mean(found)
        return tf.add_n([mean, *map(_added, self.part.model.losses)])

    def _sums(self, y: tf.Tensor, outputs: tf.Tensor, loss: tf.Tensor) -> tf.Tensor:
        count = tf.cast(tf.shape(y)[0], tf.float32)
        metrics = self.part.metrics.values()
        if not self.part.masked:
            sums = [tf.reduce_sum(metric(y, outputs)) for metric in metrics]
            return tf.stack([loss * count, *sums])
        found = [masking.weighed(metric.each(y, outputs), outputs) for metric in metrics]
        return tf.stack([loss * count, *(total for total, _ in found), found[0][1]])

    def _over(
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
            labels = self._targets(pick(x, part), y, part)
            outputs = self.part.model(pick(seen, place), training=False)
            return self._sums(labels, outputs, self._total(labels, outputs))

        size = min(EVALUATED, cases.shape[0])
        full = tf.constant(cases.shape[0] // size)
        return _accumulate(tf.stack([cases, places], axis=1), size, full, forward, total)

    def _measure(
        self, x: tf.Tensor, y: tf.Tensor, seen: tf.Tensor, total: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sums of loss and metrics, and all outputs, a bounded number of cases at a time."""
        count = y.shape[0]
        size = min(EVALUATED, count)
        whole = count // size
        rows = tf.TensorArray(tf.float32, whole, element_shape=(size, *self.part.output_shape[1:]))

        def forward(cases: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            labels = self._targets(pick(x, cases), y, cases)
            outputs = self.part.model(pick(seen, cases), training=False)
            return self._sums(labels, outputs, self._total(labels, outputs)), outputs

        def body(index: tf.Tensor, total: tf.Tensor, rows: tf.TensorArray) -> tuple[Any, ...]:
            sums, outputs = forward(index * size + tf.range(size))
            return index + 1, total + sums, rows.write(index, outputs)

        _, total, rows = tf.while_loop(
            lambda index, *_: index < whole,
            body,
            (tf.constant(0), total, rows),
            parallel_iterations=1,
        )
        outputs = tf.reshape(rows.stack(), (whole * size, *self.part.output_shape[1:]))
        if count % size:
            sums, last = forward(tf.range(whole * size, count))
            total, outputs = total + sums, tf.concat([outputs, last], axis=0)
        return total, outputs

    def _keep(self, score: tf.Tensor) -> tf.Tensor:
        """Remember the weights if this is the best epoch so far; whether it is."""
        better = score < self._record
        self._record.assign(tf.where(better, score, self._record))
        for kept, variable in zip(self._kept, self.part.state, strict=True):
            kept.assign(tf.where(better, variable.value, kept))
        return better


def _added(loss: tf.Tensor) -> tf.Tensor:
    """What ``add_loss`` was given as one number: Keras adds up what has several."""
    return tf.reduce_sum(loss) if loss.shape.rank else loss


def uses_xla(model: Any, card: Card) -> bool:
    """The fixed rule of device and operations, read from the graph of a forward pass."""
    if tf.config.list_logical_devices("GPU"):
        return True
    return not any(_SLOW_UNDER_XLA.match(node.op) for node in forward(model, card))


def forward(model: Any, card: Card) -> list[Any]:
    """All nodes of the graph of a forward pass in training."""
    traced = tf.function(lambda x: model(x, training=True), autograph=False)
    graph = traced.get_concrete_function(outline(card)).graph.as_graph_def()
    return [*graph.node, *(node for part in graph.library.function for node in part.node_def)]


def _accumulate(
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
