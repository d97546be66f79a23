"""Trainings through ``keras.Model.fit``, for a user's model that no program expresses."""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from harness.errors import TemplateError
from harness.program.compiled import Passed, Program
from harness.program.inputs import take

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from harness.isolation import World
    from harness.program.inputs import Inputs
    from harness.program.learner import Learner


_UNREPORTED = (
    "not reported by the model's train_step, and so measured after each epoch, on the training "
    "cases, not while it trains."
)


class Fallback(Program):
    """Trains by ``fit``, at its speed; what is held back it measures as every program does.

    So validation and test quantities are the study's own, whatever a model's ``train_step`` and
    ``test_step`` report.

    Args:
        learner: what is trained.

    Raises:
        TemplateError: if the model has another optimizer than the study's.
    """

    route = "fit"

    def __init__(self, learner: Learner) -> None:
        """Compile the model as ``fit`` wants it."""
        super().__init__(learner, xla=False)
        goal, (player,) = learner.objective, learner.players
        self._optimizer = player.optimizer
        self._unfinished = [_Unfinished(learner)] if learner.finalizes else []
        self._metrics = {
            # Keras itself leaves out what a mask does not count, of what it is given per step.
            name: keras.metrics.MeanMetricWrapper(metric.each if goal.masked else metric, name=name)
            for name, metric in goal.metrics.items()
        }
        model = learner.model
        if learner.world:
            _watch(model, learner.world)
        # What a template has told a compile of its own is not told again: it stays.
        own = partial(keras.Model.compile, model) if model.compiled else model.compile
        own(
            optimizer=self._optimizer,
            loss=goal.loss.each if goal.masked or goal.class_weight is not None else goal.loss,
            metrics=[*self._metrics.values()],
            jit_compile=False,
        )
        _refuse_other_optimizers(model)

    def compile(self, data: Inputs) -> None:
        """Build the metrics, or ``fit`` fails over those that a ``train_step`` never updates.

        The rest ``fit`` compiles when it is first called.
        """
        model, order = self.learner.model, np.arange(1, dtype=np.int32)
        x, y = _Batches(data, order, 1, reconstructs=self.learner.objective.reconstructs)[0]
        keras.Model.compute_metrics(model, x, y, model(x, training=False))
        model.reset_metrics()

    def epoch(
        self,
        data: Inputs,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        held: NDArray[np.int32],
    ) -> Passed:
        """As ``Program.epoch``; what ``train_step`` does not report is measured afterwards."""
        learner, goal = self.learner, self.learner.objective
        order = order[: learner.sizes.used]
        history = learner.model.fit(
            _Batches(
                data,
                order,
                learner.sizes.batch,
                reconstructs=goal.reconstructs,
                weights=self._class_weight(),
            ),
            shuffle=False,
            verbose=0,
            callbacks=[_Rates(self._optimizer, rates), *self._unfinished],
        ).history
        train = {name: float(history[name][-1]) for name in self._reported(history)}
        missing = [f"train/{name}" for name in goal.names if name not in train]
        if missing:
            train = self._quantities(data, order, clean=True) | train
            self.notes = (f"{', '.join(missing)}: {_UNREPORTED}",)
        with learner.finalized():
            val = self._quantities(data, held)
            score = goal.score(tf.constant([*val.values()], tf.float32))
            best = bool(self._best.keep(score))
        found = {f"train/{name}": train[name] for name in goal.names}
        finite = all(np.isfinite(variable.numpy()).all() for variable in learner.variables)
        found |= {f"val/{name}": number for name, number in val.items()}
        return Passed(quantities=found, best=best, finite=finite)

    def _reported(self, history: dict[str, Any]) -> list[str]:
        """The study's own quantities that ``train_step`` has measured.

        A metric of another's that bears the same name is another metric.
        """
        updated = {name for name, metric in self._metrics.items() if float(metric.count) > 0}
        return [
            name
            for name in self.learner.objective.names
            if name in history and name in {"loss", *updated}
        ]

    def _quantities(
        self, data: Inputs, cases: NDArray[np.int32], *, clean: bool = False
    ) -> dict[str, float]:
        sums = self.evaluating.held(data, cases, clean=clean).numpy()
        return self.learner.objective.means(sums, len(cases))

    def _class_weight(self) -> NDArray[np.generic] | None:
        """One weight per class; ``fit`` itself takes such for one label per case only."""
        weights = self.learner.objective.class_weight
        return None if weights is None else weights.numpy()


def _refuse_other_optimizers(model: Any) -> None:
    """Their state would pass from one training to the next."""
    others = [
        name
        for name, part in vars(model).items()
        if isinstance(part, keras.optimizers.Optimizer) and name != "optimizer"
    ]
    if others:
        raise TemplateError(
            "expected a train_step that uses self.optimizer, which the study chooses. Received: "
            f"a model with an optimizer of its own, {others[0]!r}, which no training could begin "
            "anew."
        )


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Consecutive batches of the given cases, in that order, perhaps weighted by class."""

    def __init__(
        self,
        data: Inputs,
        cases: NDArray[np.int32],
        size: int,
        *,
        reconstructs: bool,
        weights: NDArray[np.generic] | None = None,
    ) -> None:
        super().__init__()
        self._data, self._cases, self._size = data, cases, size
        self._reconstructs, self._weights = reconstructs, weights

    def __len__(self) -> int:
        return ceil(len(self._cases) / self._size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        part = self._cases[index * self._size :][: self._size]
        x, y = take(self._data, part)
        if self._weights is not None:
            return x, y, self._weights[y.numpy()]
        return x, x if self._reconstructs else y


class _Unfinished(keras.callbacks.Callback):  # type: ignore[misc]
    """Takes back what the optimizer does to the weights when ``fit`` ends, once an epoch here."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self._variables = learner.variables
        self._raw: list[NDArray[np.generic]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002, Keras' names
        self._raw = [variable.numpy() for variable in self._variables]

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002, Keras' name
        for variable, array in zip(self._variables, self._raw, strict=True):
            variable.assign(array)


class _Rates(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate of every step."""

    def __init__(self, optimizer: Any, rates: NDArray[np.float32]) -> None:
        super().__init__()
        self._optimizer, self._rates = optimizer, rates

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002, Keras' name
        self._optimizer.learning_rate.assign(self._rates[batch])


def _watch(model: Any, world: World) -> None:
    """Refuse training steps that draw numbers while they are traced."""
    for name in ("train_step", "test_step"):
        step = getattr(model, name)

        def watched(*args: Any, step: Callable[..., Any] = step) -> Any:
            with world.traced():
                return step(*args)

        object.__setattr__(model, name, watched)  # out of Keras' sight


def is_expressible(model: Any) -> bool:
    """True if a model trains as Keras would train it by default."""
    own = ("train_step", "compute_loss")
    return all(getattr(type(model), name) is getattr(keras.Model, name) for name in own)
