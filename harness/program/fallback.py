"""Trainings through ``keras.Model.fit``, for a user's model that no program expresses."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np

from harness.errors import TemplateError
from harness.program.compiled import coder, codes, counted, masks
from harness.program.inputs import EVALUATED, noisy, take

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.program.inputs import Inputs
    from harness.program.network import Refillable


class Fallback:
    """An engine with the surface of ``Program`` and the speed of ``fit``.

    Args:
        part: the model to train.
    """

    engine: Literal["fit"] = "fit"
    xla = False

    def __init__(self, part: Refillable) -> None:
        """Compile the model as ``fit`` wants it."""
        self.part = part
        self._kept: list[NDArray[np.generic]] = []
        self._record = np.inf
        part.model.compile(
            optimizer=part.optimizer,
            loss=part.loss.each if part.masked else part.loss,
            metrics=[
                # Keras itself leaves out what a mask does not count, of what it is given per step.
                keras.metrics.MeanMetricWrapper(metric.each if part.masked else metric, name=name)
                for name, metric in part.metrics.items()
            ],
            jit_compile=False,
        )

    def compile(self, data: Inputs) -> None:
        """Nothing: ``fit`` compiles when it is first called."""

    def reset(self) -> None:
        """Forget the best epoch."""
        self._record = np.inf

    def epoch(
        self,
        data: Inputs,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        held: NDArray[np.int32],
    ) -> tuple[dict[str, float], bool]:
        """As ``Program.epoch``."""
        part = self.part
        history = part.model.fit(
            _Batches(data, order, part.sizes.batch, part.reconstructs),
            shuffle=False,
            verbose=0,
            callbacks=[_Rates(part.optimizer, rates)],
            class_weight=self._class_weight(),
        )
        train = {name: float(values[-1]) for name, values in history.history.items()}
        val = self._measure(_Batches(data, held, EVALUATED, part.reconstructs, "val"))
        score = val[part.names[part.best]] * part.sign
        if score < self._record:
            self._record, self._kept = score, [variable.numpy() for variable in part.state]
        missing = [name for name in part.names if name not in train]
        if missing:
            raise TemplateError(
                f"expected a train_step that reports {', '.join(part.names)}. "
                f"Received: {', '.join(train)}."
            )
        found = {f"train/{name}": train[name] for name in part.names}
        finite = all(np.isfinite(variable.numpy()).all() for variable in part.variables)
        return found | {f"val/{name}": number for name, number in val.items()}, finite

    def test(self, data: Inputs, epoch: str) -> tuple[dict[str, float], NDArray[np.float32]]:
        """As ``Program.test``."""
        if epoch == "best":
            for variable, kept in zip(self.part.state, self._kept, strict=True):
                variable.assign(kept)
        cases = np.arange(len(data.y_test), dtype=np.int32)
        batches = _Batches(data, cases, EVALUATED, self.part.reconstructs, "test")
        return self._measure(batches), self.part.model.predict(batches, verbose=0)

    def codes(
        self, data: Inputs, cases: NDArray[np.int32], *, test: bool = False
    ) -> NDArray[np.float32]:
        """As ``Program.codes``."""
        return codes(coder(self.part.model), data, cases, test=test)

    def counted(self, data: Inputs) -> NDArray[np.bool_] | None:
        """As ``Program.counted``."""
        return counted(masks(self.part.model), data) if self.part.masked else None

    def _class_weight(self) -> dict[int, float] | None:
        weights = self.part.class_weight
        return None if weights is None else dict(enumerate(weights.numpy().tolist()))

    def _measure(self, batches: _Batches) -> dict[str, float]:
        found = self.part.model.evaluate(batches, verbose=0, return_dict=True)
        return {name: float(found[name]) for name in self.part.names}


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Consecutive batches of the given cases, in that order.

    Args:
        data: all of it.
        cases: which of it.
        size: of a batch.
        reconstructs: whether the inputs are the targets.
        part: ``train``, ``val`` or ``test``; the latter two may be shown with noise.
    """

    def __init__(
        self,
        data: Inputs,
        cases: NDArray[np.int32],
        size: int,
        reconstructs: bool,
        part: str = "train",
    ) -> None:
        super().__init__()
        self._data, self._cases, self._size = data, cases, size
        self._reconstructs, self._part = reconstructs, part

    def __len__(self) -> int:
        return ceil(len(self._cases) / self._size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        start = index * self._size
        x, y = take(self._data, self._cases[start:][: self._size], test=self._part == "test")
        seen = x if self._part == "train" else noisy(self._data, x, self._part, start)
        return seen, (x if self._reconstructs else y)


class _Rates(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate of every step."""

    def __init__(self, optimizer: Any, rates: NDArray[np.float32]) -> None:
        super().__init__()
        self._optimizer, self._rates = optimizer, rates

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002, Keras' name
        self._optimizer.learning_rate.assign(self._rates[batch])


def is_expressible(model: Any) -> bool:
    """Whether a model trains as Keras would train it by default."""
    own = ("train_step", "test_step", "compute_loss")
    return all(getattr(type(model), name) is getattr(keras.Model, name) for name in own)
