"""Compiled epochs: a whole epoch, validation included, is one call of one graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import tensorflow as tf

from harness.program.evaluating import Evaluating, accumulate
from harness.program.inputs import EVALUATED, Streamed, pick, take
from harness.program.judging import Judging
from harness.program.player import together
from harness.program.state import Best

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from harness.program.inputs import Inputs
    from harness.program.learner import Learner


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
        learner: what is trained.
        xla: whether XLA compiles the graph.

    Attributes:
        traces: how often the training was traced: once, however many trials it serves; for
            data in chunks once more if the last one is shorter.
        notes: what a reader of the results has to know of the training, a sentence each.
        evaluating: passes that do not train.
        judging: of generated cases; ``None``: the network generates none.
    """

    route: Literal["program", "fit"] = "program"
    notes: tuple[str, ...] = ()

    def __init__(self, learner: Learner, *, xla: bool) -> None:
        """Define the graphs; nothing is traced yet."""
        self.learner, self.xla, self.traces = learner, xla, 0
        generates = learner.objective.generates
        self.evaluating = Evaluating(learner, xla=xla and not generates)  # see ``Judging``
        self.judging = Judging(learner) if generates else None
        self._best = Best(learner.state)
        compiled = partial(tf.function, jit_compile=xla, autograph=False)
        self._whole, self._part = compiled(self._epoch), compiled(self._train)
        self._end = compiled(self._conclude)
        self._keep = tf.function(self._best.keep, autograph=False)

    def compile(self, data: Inputs) -> None:
        """Trace and compile, with the work of a single step."""
        sizes = self.learner.sizes
        if self.learner.features:
            data = self.learner.features.blank(data, sizes.train + sizes.validation)
        if isinstance(data, Streamed):
            self._compile_chunks(data)
            return
        order, held = tf.zeros(sizes.used, tf.int32), tf.zeros(sizes.validation, tf.int32)
        seen = data.x
        if self.learner.objective.denoises:
            seen = tf.zeros((sizes.validation, *data.x.shape[1:]))
        rates = self.learner.rates(sizes.steps)
        self._whole(data.x, data.y, order, tf.constant(0), rates, held, seen, held)
        self.evaluating.tested(data)

    def _compile_chunks(self, data: Streamed) -> None:
        sizes, nothing = self.learner.sizes, tf.zeros(self.learner.objective.width)
        for length in data.lengths(sizes.used, sizes.batch):
            x, y = take(data, np.zeros(length, np.int32))
            rates = self.learner.rates(-(-length // sizes.batch))
            self._part(x, y, tf.range(length), tf.constant(0), rates, nothing)
        self.evaluating.compile_chunks(data.lengths(sizes.validation, EVALUATED), data)
        self._end(nothing, nothing)
        self.evaluating.tested(data)

    def reset(self) -> None:
        """Forget the best epoch, and all features."""
        self._best.forget()
        if self.learner.features:
            self.learner.features.forget()

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
            order: the training cases in the order of this epoch; those of a last batch that is
                to be dropped are not trained on.
            rates: learning rate of every step; of several players, an axis of them behind.
            held: the validation cases.

        """
        sizes = self.learner.sizes
        if self.learner.features:
            data, order, held = self.learner.features.of(data, order, held)
        order = order[: sizes.used]
        if isinstance(data, Streamed):
            found = self._in_chunks(data, order, rates, held)
        else:
            full = tf.constant(sizes.used // sizes.batch)
            inputs = (tf.constant(order), full, tf.constant(rates), tf.constant(held))
            found = self._whole(data.x, data.y, *inputs, *data.shown(held))
        *sums, best, finite = found.numpy()
        train, val = np.split(np.asarray(sums), 2)
        means = self.learner.objective.means
        quantities = _named("train", means(train, sizes.used))
        if self.judging:
            with self.learner.finalized():
                measured, score = self.judging.validate(data, held)
                best = self._keep(tf.constant(score, tf.float32))
        else:
            measured = means(val, sizes.validation)
        quantities |= _named("val", measured)
        return Passed(quantities=quantities, best=bool(best), finite=bool(finite))

    def keep_best(self) -> list[NDArray[np.generic]]:
        """Weights of the best epoch, in the order of the network's, put back into it."""
        self._best.restore()
        return [variable.numpy() for variable in self.learner.state.weights]

    def test(self, data: Inputs, epoch: str) -> tuple[dict[str, float], NDArray[np.float32]]:
        """Loss, metrics and outputs on the test split, with the weights of ``last`` or ``best``."""
        if epoch == "best":
            self._best.restore()
        else:
            self.learner.finalize()
        if self.learner.features:
            data = self.learner.features.tested(data)
        sums, outputs = self.evaluating.tested(data)
        return self.learner.objective.means(sums.numpy(), len(data.y_test)), outputs.numpy()

    def _in_chunks(
        self,
        data: Streamed,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        held: NDArray[np.int32],
    ) -> tf.Tensor:
        """An epoch in several calls, the sums handed from one to the next."""
        batch, total = self.learner.sizes.batch, tf.zeros(self.learner.objective.width)
        for x, y, start in data.chunks(order, batch):
            steps = tf.constant(len(x) // batch)
            own = rates[start // batch :][: -(-len(x) // batch)]
            cases = tf.range(len(x))
            total = self._part(x, y, cases, steps, tf.constant(own), total)
        with self.learner.finalized():
            return self._end(total, self.evaluating.held(data, held))

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
        nothing = tf.zeros(self.learner.objective.width)
        train = self._train(x, y, order, steps, rates, nothing)
        with self.learner.finalized():
            return self._conclude(train, self.evaluating.over(x, y, held, seen, places, nothing))

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
            targets = self.learner.objective.targets(inputs, y, cases)
            return self._step(inputs, targets, rates[index])

        return accumulate(order, self.learner.sizes.batch, steps, step, total)

    def _conclude(self, train: tf.Tensor, val: tf.Tensor) -> tf.Tensor:
        """All sums of an epoch in one array, with two marks; the best weights so far are kept."""
        goal = self.learner.objective
        best = tf.constant(False) if goal.generates else self._best.keep(goal.score(val))
        finite = tf.reduce_all(
            [tf.reduce_all(tf.math.is_finite(variable)) for variable in self.learner.variables]
        )
        return tf.concat([train, val, tf.cast([best, finite], tf.float32)], axis=0)

    def _step(self, x: tf.Tensor, y: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        """All updates of a step; sums over the batch as the first player finds it."""
        learner, found, later = self.learner, None, []
        if learner.grouped:
            return self._grouped(x, y, rate)
        for place in learner.order:
            own = rate if len(learner.players) == 1 else rate[place]
            player, forward = learner.players[place], partial(self._forward, x, y, place)
            loss, outputs, gradients = player.gradients(forward)
            if learner.simultaneous:
                later.append(partial(player.update, own, gradients))
            else:
                player.update(own, gradients)
            if place == 0 and found is None:
                found = learner.objective.sums(y, outputs, loss)
        for update in later:
            update()
        return found

    def _grouped(self, x: tf.Tensor, y: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        """The updates of players with one loss, by gradients of one pass."""
        learner = self.learner
        loss, outputs, gradients = together(learner.players, partial(self._forward, x, y, 0))
        for place, player in enumerate(learner.players):
            player.update(rate[place], gradients[place])
        return learner.objective.sums(y, outputs, loss)

    def _forward(self, x: tf.Tensor, y: tf.Tensor, place: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Loss of a player, and what the model gives where that is asked for."""
        learner, own = self.learner, self.learner.losses[place]
        silent = own and (place or learner.objective.generates)
        outputs = None if silent else learner.model(x, training=True)
        loss = own(x, y) if own else learner.objective.total(y, outputs, training=True)
        return loss, outputs


def _named(split: str, found: Mapping[str, float]) -> dict[str, float]:
    return {f"{split}/{name}": number for name, number in found.items()}
