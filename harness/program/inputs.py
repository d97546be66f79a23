"""Inputs of a program: tensors that stay, or chunks read from a file as they are needed.

Where noise is to be removed, evaluations see inputs with noise that a replicate fixes; training
makes its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from harness import seeds
from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from harness.blocks.noise import Noise
    from harness.datasets import Data
    from harness.datasets.rows import Rows, Several

CHUNK = 1 << 28
"""Bytes of inputs in memory at a time, of data that is not resident."""


EVALUATED = 1024
"""Cases per forward pass of an evaluation; it bounds memory and does not change results."""


@dataclass(frozen=True, slots=True)
class Corruption:
    """Noise that is the same for all arms of a replicate, in every epoch.

    Args:
        layer: what makes it.
        replicate: study seed, phase and replicate.
    """

    layer: Noise
    replicate: tuple[int, str, int]

    def __call__(self, x: tf.Tensor, part: str, start: int = 0) -> tf.Tensor:
        """Noisy inputs.

        Args:
            x: consecutive cases of a part.
            part: ``val`` or ``test``.
            start: where in the part they begin, a multiple of the cases of one evaluation.
        """
        blocks = []
        for first in range(0, len(x), EVALUATED):
            block = (start + first) // EVALUATED
            stream = seeds.stream(*self.replicate, "corruption", part, block)
            self.layer.seed_generator.state.assign([int(stream.integers(2**31)), 0])
            blocks.append(self.layer(x[first : first + EVALUATED], training=True))
        return tf.concat(blocks, axis=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A data set as tensors, the same ones for every trial.

    Args:
        x: inputs outside the test split.
        y: labels outside the test split.
        x_test: inputs of the test split.
        y_test: labels of the test split.
        noise: on the inputs of evaluations.
        seen: validation cases with that noise.
    """

    x: tf.Tensor
    y: tf.Tensor
    x_test: tf.Tensor
    y_test: tf.Tensor
    noise: Corruption | None = None
    seen: tf.Tensor | None = None

    @classmethod
    def of(cls, data: Data) -> Resident:
        """All of a data set that is in memory."""
        return cls(
            x=whole(data.x[:]),
            y=tf.constant(data.y),
            x_test=whole(data.x_test[:]),
            y_test=tf.constant(data.y_test),
        )

    def corrupted(self, noise: Corruption, held: NDArray[np.int32]) -> Resident:
        """The same data, with noise on what is evaluated.

        Args:
            noise: of one replicate.
            held: its validation cases.
        """
        return replace(self, noise=noise, seen=noise(tf.gather(self.x, held), "val"))

    def relabelled(self, y: NDArray[np.generic]) -> Resident:
        """The same data, with other labels outside the test split."""
        return replace(self, y=tf.constant(y))

    def shown(self, held: NDArray[np.int32]) -> tuple[tf.Tensor, tf.Tensor]:
        """Inputs, and which of them a network is shown for the validation cases."""
        if self.seen is None:
            return self.x, tf.constant(held)
        return self.seen, tf.range(len(held))


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """A data set whose inputs stay in their file.

    Args:
        x: inputs outside the test split.
        y: their labels.
        x_test: the test inputs.
        y_test: their labels.
        stamp: of the file, when it was opened.
        memory: bytes of inputs to read at a time.
    """

    x: Rows | Several
    y: NDArray[np.generic]
    x_test: Rows | Several
    y_test: NDArray[np.generic]
    stamp: tuple[int, int] | None
    memory: int
    noise: Corruption | None = None

    @classmethod
    def of(cls, data: Data, memory: int) -> Streamed:
        """A data set that is too large to be resident."""
        return cls(
            x=data.x,
            y=data.y,
            x_test=data.x_test,
            y_test=data.y_test,
            stamp=data.x.stamp,
            memory=memory,
        )

    def corrupted(self, noise: Corruption, held: NDArray[np.int32]) -> Streamed:  # noqa: ARG002
        """The same data, with noise on what is evaluated, made as it is read."""
        return replace(self, noise=noise)

    def relabelled(self, y: NDArray[np.generic]) -> Streamed:
        """The same data, with other labels outside the test split."""
        return replace(self, y=y)

    def check(self) -> None:
        """Refuse to go on with a file that is no longer the one whose content was checked.

        Raises:
            DataError: if it has been written since.
        """
        if self.x.stamp != self.stamp:
            raise DataError(
                "expected the data file as it was when the study began. Received: one that has "
                "been written since. Run the study again: it will say what has changed."
            )

    def chunks(
        self, cases: NDArray[np.int32], size: int, *, test: bool = False
    ) -> Iterator[tuple[tf.Tensor, tf.Tensor, int]]:
        """Inputs and labels of consecutive cases, and where in ``cases`` they begin.

        Args:
            cases: in the order in which they are wanted.
            size: of a batch; a chunk is a whole number of them, the last one perhaps not.
            test: whether the cases are those of the test split.
        """
        for start in range(0, len(cases), length := self._length(size)):
            yield *take(self, cases[start : start + length], test=test), start

    def lengths(self, count: int, size: int) -> set[int]:
        """Lengths of the chunks of so many cases: all alike, but for the last one."""
        length = self._length(size)
        return {min(length, count), count % length or length}

    def _length(self, size: int) -> int:
        return max(1, self.memory // (self.x.itemsize * size)) * size


Inputs = Resident | Streamed


def pick(x: Any, cases: tf.Tensor) -> Any:
    """Some cases of a tensor, or of each of several named ones."""
    return tf.nest.map_structure(lambda part: tf.gather(part, cases), x)


def whole(rows: Any) -> Any:
    """Rows as a tensor, or each of several named ones."""
    return tf.nest.map_structure(tf.constant, rows)


def noisy(data: Inputs, x: tf.Tensor, part: str, start: int = 0) -> tf.Tensor:
    """Inputs of some cases as an evaluation shows them; see ``Corruption``."""
    return data.noise(x, part, start) if data.noise else x


def take(data: Inputs, cases: NDArray[np.int32], *, test: bool = False) -> tuple[tf.Tensor, ...]:
    """Inputs and labels of some cases of the training or of the test part."""
    x, y = (data.x_test, data.y_test) if test else (data.x, data.y)
    if isinstance(data, Streamed):
        return whole(x[cases]), tf.constant(y[cases])
    return pick(x, cases), tf.gather(y, cases)
