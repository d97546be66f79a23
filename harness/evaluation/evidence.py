"""Evidence: outputs, scores and codes of a trained network, or of a method that trains none."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.blocks.outputs import Form, Predictions
from harness.evaluation.images import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from harness.datasets.synthetic import Mixture

    Labels = NDArray[np.generic]
    Numbers = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Codes of training and test cases.

    Args:
        train: codes of the training cases, shape ``(cases, width)``.
        labels: of the training cases.
        test: codes of the test cases.
        test_labels: of the test cases.
        inputs: the test cases themselves.
    """

    train: Numbers
    labels: Labels
    test: Numbers
    test_labels: Labels
    inputs: Labels

    @property
    def told(self) -> bool:
        """True if every case has a class."""
        return self.labels.ndim == 1 and self.labels.dtype.kind == "i"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Generated cases, and real ones beside them; a case is a row.

    Args:
        cases: generated, shape ``(cases, width)``.
        real: real cases that were not trained on; ``None``: not to be compared with.
        train: the training cases; ``None``: not to be compared with.
        mixture: the distribution of the data, where it is known.
        features: of the training cases, the real ones and the generated ones, as a classifier has
            them; ``None``: there is no classifier.
        told: of the real and of the generated cases, whether a critic takes them for real;
            ``None``: there is no critic, or none that decides.
    """

    cases: Numbers
    real: Numbers | None = None
    train: Numbers | None = None
    mixture: Mixture | None = None
    features: tuple[Numbers, Numbers, Numbers] | None = None
    told: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None


@dataclass(frozen=True, kw_only=True)  # without slots, which leave no room for what is cached
class Evidence:
    """All that evaluators may ask for; what is not there is ``None``.

    Args:
        labels: of the test cases: classes, labels or numbers; of anomalies 1.
        outputs: for the test cases: of every class, predicted numbers, shape ``(cases, outputs)``
            or ``(cases, steps, outputs)``; of a reconstruction, as the inputs.
        form: of the outputs; by default logits.
        inputs: what a reconstruction is to equal, NaN where a mask does not count it.
        scores: how anomalous each test case is. Default: its mean squared error.
        codes: what a code says, where there is one.
        made: generated cases, where there are some.
    """

    labels: Labels
    outputs: Numbers | None = None
    form: Form = field(default_factory=Form)
    inputs: Labels | None = None
    scores: Numbers | None = None
    codes: Codes | None = None
    made: Made | None = None

    def of(self, kind: str) -> tuple[Any, ...] | None:
        """The arguments of an evaluator of some kind; ``None`` where there is no such evidence."""
        return _KINDS[kind](self)

    @cached_property
    def predictions(self) -> Predictions:
        """Predictions that the outputs stand for."""
        assert self.outputs is not None
        return self.form.read(self.outputs)


def _labelled(name: str) -> Callable[[Evidence], tuple[Any, ...] | None]:
    def both(shown: Evidence) -> tuple[Any, ...] | None:
        return None if shown.outputs is None else (shown.labels, getattr(shown.predictions, name))

    return both


def _numbers(shown: Evidence) -> tuple[Any, ...] | None:
    return None if shown.outputs is None else (shown.labels, shown.outputs)


def _reconstruction(shown: Evidence) -> tuple[Any, ...] | None:
    there = shown.inputs is not None and shown.outputs is not None
    return (shown.inputs, shown.outputs) if there else None


def _images(shown: Evidence) -> tuple[Any, ...] | None:
    """Images have no mask."""
    masked = shown.inputs is not None and np.isnan(shown.inputs).any()
    return None if masked else _reconstruction(shown)


def _scores(shown: Evidence) -> tuple[Any, ...] | None:
    found, rebuilt = shown.scores, _reconstruction(shown)
    if found is None and rebuilt:
        found = errors(*rebuilt)
    return None if found is None else (shown.labels == 1, found)


def _codes(shown: Evidence) -> tuple[Any, ...] | None:
    return None if shown.codes is None else (shown.codes.inputs, shown.codes.test)


def _probe(shown: Evidence) -> tuple[Any, ...] | None:
    found = shown.codes
    if found is None or not found.told:
        return None
    return found.train, found.labels, found.test, found.test_labels


def _modes(shown: Evidence) -> tuple[Any, ...] | None:
    found = shown.made
    return None if found is None or found.mixture is None else (found.mixture, found.cases)


def _samples(shown: Evidence) -> tuple[Any, ...] | None:
    found = shown.made
    return None if found is None or found.real is None else (found.real, found.cases)


def _copies(shown: Evidence) -> tuple[Any, ...] | None:
    found, real = shown.made, _samples(shown)
    return None if found is None or found.train is None or not real else (found.train, *real)


def _features(shown: Evidence) -> tuple[Any, ...] | None:
    return None if shown.made is None else shown.made.features


def _told(shown: Evidence) -> tuple[Any, ...] | None:
    return None if shown.made is None else shown.made.told


_KINDS: Mapping[str, Callable[[Evidence], tuple[Any, ...] | None]] = {
    "outputs": _labelled("raw"),
    "ranks": _labelled("ranks"),
    "probabilities": _labelled("probabilities"),
    "log_probabilities": _labelled("log_probabilities"),
    "numbers": _numbers,
    "reconstruction": _reconstruction,
    "images": _images,
    "scores": _scores,
    "codes": _codes,
    "probe": _probe,
    "modes": _modes,
    "samples": _samples,
    "features": _features,
    "copies": _copies,
    "told": _told,
}
"""By kind, what its evaluators are called with."""
