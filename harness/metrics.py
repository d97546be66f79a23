"""Metrics: means over cases inside the compiled epoch, the others from the test outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from scipy.stats import rankdata

from harness import catalog, losses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Labels = NDArray[np.generic]
    Scores = NDArray[np.floating]

BINS = 15
"""Of the calibration error, equally wide, as in Guo et al. 2017."""


def _accuracy(labels: Any, outputs: Any) -> Any:
    chosen = keras.ops.argmax(outputs, axis=-1)
    return keras.ops.cast(keras.ops.equal(chosen, keras.ops.cast(labels, chosen.dtype)), "float32")


def _squared(labels: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.square(labels - outputs), axis=-1)


def _absolute(labels: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.absolute(labels - outputs), axis=-1)


PER_CASE: Mapping[str, Callable[[Any, Any], Any]] = {
    "accuracy": _accuracy,
    "mean_squared_error": _squared,
    "mean_absolute_error": _absolute,
}


def of_task(task: str) -> dict[str, Callable[[Any, Any], Any]]:
    """Metrics of a kind of data, beside those that come with the loss."""
    names = [name for name in catalog.TASK_METRICS[task] if name in PER_CASE]
    return {name: losses.over_steps(PER_CASE[name]) for name in names}


def top_5_accuracy(labels: Labels, scores: Scores) -> float:
    """Share of cases whose label is among the five largest scores."""
    own = np.take_along_axis(scores, labels[:, None].astype(int), axis=-1)
    return float(np.mean((scores > own).sum(axis=-1) < 5))


def macro_f1(labels: Labels, scores: Scores) -> float:
    r"""Mean over classes of :math:`2 tp / (2 tp + fp + fn)`; 0 for a class that is never chosen."""
    chosen = scores.argmax(axis=-1)
    classes = np.arange(scores.shape[-1])[:, None]
    true, found = labels == classes, chosen == classes
    either = true.sum(axis=1) + found.sum(axis=1)
    return float(np.mean(2 * (true & found).sum(axis=1) / np.maximum(either, 1)))


def auroc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve: of class 1 if there are two, else the mean of one against rest.

    The probability that a case of the class scores above another case, ties counting a half.

    Reference:
        Hanley & McNeil, "The meaning and use of the area under a ROC curve", 1982.
    """
    count = scores.shape[-1]
    areas = [_area(labels == one, scores[:, one]) for one in ([1] if count == 2 else range(count))]
    return float(np.mean(areas))


def _area(positive: NDArray[np.bool_], scores: Scores) -> float:
    """Mann and Whitney's statistic as a share of all pairs."""
    many, few = int(positive.sum()), int((~positive).sum())
    if not many or not few:
        return 0.5
    ranks = rankdata(scores)[positive].sum()
    return float((ranks - many * (many + 1) / 2) / (many * few))


def calibration_error(labels: Labels, scores: Scores) -> float:
    """Expected calibration error: mean gap between confidence and accuracy, over bins.

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks", 2017.
    """
    confidence, right = scores.max(axis=-1), scores.argmax(axis=-1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))


def r2(labels: Labels, scores: Scores) -> float:
    r"""Share of the variance explained, :math:`1 - SS_{res} / SS_{tot}`, averaged over targets.

    A target that is constant in the test split counts as not explained.
    """
    exact = np.asarray(labels, np.float64)
    residual = np.square(exact - scores).sum(axis=0)
    total = np.square(exact - exact.mean(axis=0)).sum(axis=0)
    explained = 1 - residual / np.where(total > 0, total, 1.0)
    return float(np.mean(np.where(total > 0, explained, 0.0)))


def bits(labels: Labels, scores: Scores) -> float:
    r"""Mean surprise per step, :math:`-\log_2 p` of the symbol that came."""
    chosen = np.take_along_axis(scores, labels[..., None].astype(int), axis=-1)
    least = np.finfo(np.float32).tiny
    return float(-np.mean(np.log2(np.maximum(np.asarray(chosen, np.float64), least))))


def perplexity(labels: Labels, scores: Scores) -> float:
    """2 to the bits per step: among how many equally likely symbols the choice would be."""
    return float(2 ** bits(labels, scores))


FROM_OUTPUTS: Mapping[str, Callable[[Labels, Scores], float]] = {
    "top_5_accuracy": top_5_accuracy,
    "macro_f1": macro_f1,
    "auroc": auroc,
    "calibration_error": calibration_error,
    "r2": r2,
    "bits": bits,
    "perplexity": perplexity,
}


def from_outputs(task: str, labels: Labels, scores: Scores) -> dict[str, float]:
    """Metrics that need all test cases at once.

    Args:
        task: kind of data.
        labels: of the test cases.
        scores: probabilities, or predicted numbers, shape ``(cases, outputs)``, or
            ``(cases, steps, outputs)``.
    """
    return {
        name: FROM_OUTPUTS[name](labels, scores)
        for name in catalog.TASK_METRICS[task]
        if name in FROM_OUTPUTS and scores.shape[-1] >= catalog.METRICS[name].outputs
    }
