"""Loss and metrics of a network, as sums over cases inside a compiled graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from harness import catalog, evaluation
from harness.blocks import losses, masking
from harness.program.taking import outline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from harness.blocks.outputs import Form
    from harness.card import Card
    from harness.program.network import Network
    from harness.spec import Trial


class Objective:
    """Loss and metrics of outputs.

    Args:
        trial: any trial of the structure.
        card: of the data.
        network: built for it.

    Attributes:
        form: what the outputs are.
        loss: of every case; its ``each`` of every step, where labels are per step.
        metrics: likewise, by name.
        masked: whether the outputs bear a mask, so that some steps do not count.
        reconstructs: whether the inputs are the targets.
        generates: whether outputs are cases of the network's own making, which have no loss: their
            metrics are taken of all of them together.
        choosing: name of the metric that an epoch is chosen by.
        sign: -1 where more of it is better, else 1.
        denoises: whether evaluations are shown inputs with noise.
        class_weight: what every class counts in training; ``None``: all alike.
        names: of the loss and the metrics.
        width: numbers in a row of sums.
    """

    def __init__(self, trial: Trial, card: Card, network: Network) -> None:
        """Look up loss and metrics, and at the outputs."""
        self._model = network.model
        task, self.form = catalog.TASKS[trial.task], network.form
        self.generates = task.generates
        self.metrics: Mapping[str, losses.OverSteps] = {}
        if not self.generates:
            named = catalog.training(trial.settings).loss
            self.loss = losses.per_case(named, self.form, network.inputs.get("label_smoothing"))
            self.metrics = _metrics(trial, losses.per_case(named, self.form), self.form)
        self.masked = masking.is_masked(self._model, outline(card))
        self.reconstructs = task.reconstructs
        self.denoises = trial.task == "denoising"
        self.class_weight = network.inputs.get("class_weight")
        self.names = ("loss", *self.metrics)
        self.width = len(self.names) + self.masked
        self.choosing = trial.choosing.name
        self.sign = catalog.METRICS[trial.choosing.name].sign

    def targets(self, x: tf.Tensor, y: tf.Tensor, cases: tf.Tensor) -> tf.Tensor:
        """Targets of some cases, whose inputs are ``x``."""
        return x if self.reconstructs else tf.gather(y, cases)

    def total(self, y: tf.Tensor, outputs: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        """The mean loss of a batch with all penalties, weighted by class in training."""
        if self.generates:
            return tf.zeros(())
        weights = self.class_weight if training else None
        # Each step has a class of its own, and a mask leaves out single steps.
        each = self.masked or weights is not None
        found = self.loss.each(y, outputs) if each else self.loss(y, outputs)
        if weights is not None:
            found *= tf.gather(weights.value, y)
        mean = masking.mean(found, outputs) if self.masked else tf.reduce_mean(found)
        return tf.add_n([mean, *map(_added, self._model.losses)])

    def sums(self, y: tf.Tensor, outputs: tf.Tensor, loss: tf.Tensor) -> tf.Tensor:
        """Loss and metrics of a batch times its cases, and behind them the steps a mask leaves."""
        count = tf.cast(tf.shape(y)[0], tf.float32)
        metrics = self.metrics.values()
        if not self.masked:
            sums = [tf.reduce_sum(metric(y, outputs)) for metric in metrics]
            return tf.stack([loss * count, *sums])
        found = [masking.weighed(metric.each(y, outputs), outputs) for metric in metrics]
        return tf.stack([loss * count, *(total for total, _ in found), found[0][1]])

    def means(self, sums: NDArray[np.float32], cases: int) -> dict[str, float]:
        """Means of a pass over all cases: metrics of what a mask leaves, if there is one.

        Taken outside the graph, or the compiler's reciprocals would round them by case.
        """
        if not self.masked:
            return dict(zip(self.names, (sums / np.float32(cases)).tolist(), strict=True))
        loss, *metrics, steps = sums.tolist()
        found = [loss / cases, *(metric / steps if steps else 0.0 for metric in metrics)]
        return dict(zip(self.names, found, strict=True))

    def score(self, values: tf.Tensor) -> tf.Tensor:
        """Number that an epoch is chosen by, the less the better, from validation sums or means."""
        return values[self.names.index(self.choosing)] * self.sign


def _metrics(trial: Trial, loss: losses.OverSteps, form: Form) -> Mapping[str, losses.OverSteps]:
    known = evaluation.of_task(trial.task, form)
    entropy = {"crossentropy": loss} if "crossentropy" in catalog.TASK_METRICS[trial.task] else {}
    return {**entropy, **known}


def _added(loss: tf.Tensor) -> Any:
    """The sum of what ``add_loss`` was given: Keras adds up what has several numbers."""
    return tf.reduce_sum(loss) if loss.shape.rank else loss
