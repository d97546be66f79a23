"""Cases that a network generates, and the metrics by which its epochs are chosen."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from harness import datasets, evaluation
from harness.evaluation import Evidence, Made
from harness.program.inputs import EVALUATED, take

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.program.inputs import Inputs
    from harness.program.learner import Learner

    Cases = NDArray[np.int32]


class Judging:
    """Metrics of generated cases, as many as there are real ones beside them.

    Args:
        learner: whose network generates. XLA, which is no quicker at a forward pass, would compile
            it for every number of cases.
    """

    def __init__(self, learner: Learner) -> None:
        """Define the graph; nothing is traced yet."""
        self._card, self._goal = learner.card, learner.objective
        self._mixture = datasets.mixture(learner.card.locator)
        self._make = tf.function(partial(learner.model, training=False), autograph=False)
        self._feel = _features(learner.classifier) if learner.classifier else None
        self._told = tf.function(learner.told, autograph=False) if learner.told else None

    def validate(self, data: Inputs, held: Cases) -> tuple[dict[str, float], float]:
        """Metrics beside the validation cases, and the number that an epoch is chosen by.

        Where the modes of the data are known, they are looked at alone: all distances between
        cases would take as long as an epoch.
        """
        cases = self.generate(data, held)
        known = self._mixture is not None and self._goal.choosing != "collapse"
        real = None if known else rows(data, held)
        made = Made(cases=cases, real=real, mixture=self._mixture)
        found = evaluation.measure(Evidence(labels=held, made=made), self._card, test=False)
        return found, found[self._goal.choosing] * self._goal.sign

    def test(self, data: Inputs, train: Cases, tests: Cases, made: NDArray[np.float32]) -> Made:
        """Generated cases beside the training and the test cases."""
        cases, real, seen = made.reshape(len(made), -1), self.real(data, tests), rows(data, train)
        features = None
        if self._feel:
            some = seen[: len(made)]  # as many as are compared
            features = self.features(some), self.features(real), self.features(cases)
        told = (self._taken(real), self._taken(cases)) if self._told else None
        return Made(
            cases=cases,
            real=real,
            train=seen,
            mixture=self._mixture,
            features=features,
            told=told,
        )

    def _taken(self, cases: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Mark the cases, given as rows, that the critic takes for real, or packs of them."""
        assert self._told is not None
        shaped = cases.reshape(len(cases), *self._card.shape)
        parts = [
            self._told(tf.constant(part)).numpy().ravel()
            for part in np.array_split(shaped, range(EVALUATED, len(shaped), EVALUATED))
        ]
        return np.concatenate(parts)

    def features(self, cases: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of cases given as rows, as the classifier has them."""
        assert self._feel is not None
        shaped = cases.reshape(len(cases), *self._card.shape)
        parts = [
            self._feel(tf.constant(shaped[start : start + EVALUATED])).numpy()
            for start in range(0, len(shaped), EVALUATED)
        ]
        return np.concatenate(parts)

    @property
    def width(self) -> int:
        """Numbers of a case."""
        return prod(self._card.shape)

    def real(self, data: Inputs, tests: Cases) -> NDArray[np.float32]:
        """Test cases, as rows."""
        return rows(data, tests, test=True)

    def generate(self, data: Inputs, which: Cases, *, test: bool = False) -> NDArray[np.float32]:
        """A generated case for each of some real ones, as rows."""
        parts = []
        for start in range(0, len(which), EVALUATED):
            x, _ = take(data, which[start : start + EVALUATED], test=test)
            parts.append(self._make(x).numpy())
        return np.concatenate(parts).reshape(len(which), -1)


def _features(classifier: Any) -> Any:
    """Inputs of the last layer of a classifier."""
    last = [layer for layer in classifier.layers if layer.weights][-1]
    inner = keras.Model(classifier.inputs, last.input)
    return tf.function(partial(inner, training=False), autograph=False)


def rows(data: Inputs, which: Cases, *, test: bool = False) -> NDArray[np.float32]:
    """Real cases as rows."""
    found: NDArray[np.float32] = take(data, which, test=test)[0].numpy()
    return found.reshape(len(which), -1)
