"""Metrics of predictions that need all test cases at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.evaluation.detection import areas, average_precision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Labels = NDArray[np.generic]
    Scores = NDArray[np.floating]


BINS = 15
"""Of the calibration error, equally wide, as in Guo et al. 2017."""


def top_5_accuracy(labels: Labels, scores: Scores) -> float:
    """Share of cases whose label is among the five largest scores, ties broken by chance."""
    own = np.take_along_axis(scores, labels[:, None].astype(int), axis=-1)
    above, alike = (scores > own).sum(axis=-1), (scores == own).sum(axis=-1)
    return float(np.mean(np.clip((5 - above) / alike, 0, 1)))


def macro_f1(labels: Labels, scores: Scores) -> float:
    r"""Mean over classes of :math:`2 tp / (2 tp + fp + fn)`; 0 for a class that is never chosen.

    Classes, or labels, without a case in the test split are left out.
    """
    true, found = _true(labels, scores), _chosen(labels, scores)
    present = true.any(axis=0)
    either = (true.sum(axis=0) + found.sum(axis=0))[present]
    return _mean(2 * (true & found).sum(axis=0)[present] / either)


def balanced_accuracy(labels: Labels, scores: Scores) -> float:
    """Mean over classes of the share of their cases that are found.

    Of several labels: the mean over labels of that of yes and no. What has no case in the test
    split is left out.
    """
    true, found = _true(labels, scores), _chosen(labels, scores)
    present = true.any(axis=0)
    if labels.ndim == scores.ndim:
        present &= ~true.all(axis=0)
    true, found = true[:, present], found[:, present]
    right = (true & found).sum(axis=0) / true.sum(axis=0)
    if labels.ndim == scores.ndim:
        right = (right + (~true & ~found).sum(axis=0) / (~true).sum(axis=0)) / 2
    return _mean(right)


def auroc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve: of class 1 if there are two, else the mean of one against rest.

    The probability that a case of the class scores above another case, ties counting a half.
    Classes, or labels, without a case or without another one in the test split are left out.

    Reference:
        Hanley & McNeil, "The meaning and use of the area under a ROC curve", 1982.
    """
    columns, true = _told(labels, scores)
    return _mean(areas(true[:, columns], scores[:, columns]))


def mean_average_precision(labels: Labels, scores: Scores) -> float:
    """Average precision of class 1 if there are two, else the mean of one against rest."""
    columns, true = _told(labels, scores)
    return _mean([average_precision(true[:, one], scores[:, one]) for one in columns])


def _told(labels: Labels, scores: Scores) -> tuple[list[int], NDArray[np.bool_]]:
    """Classes, or labels, that some test cases have and others have not, and which have them."""
    true = _true(labels, scores)
    two = labels.ndim < scores.ndim and scores.shape[-1] == 2
    columns = [1] if two else range(scores.shape[-1])
    return [one for one in columns if true[:, one].any() and not true[:, one].all()], true


def _true(labels: Labels, scores: Scores) -> NDArray[np.bool_]:
    """Classes, or labels, of every case, shape ``(cases, classes)``."""
    if labels.ndim == scores.ndim:
        return np.greater(labels.astype(np.float32), 0.5)
    return np.equal(labels[:, None], np.arange(scores.shape[-1]))


def _chosen(labels: Labels, scores: Scores) -> NDArray[np.bool_]:
    """The class that is scored highest, or the labels that are scored above 0."""
    if labels.ndim == scores.ndim:
        return np.greater(scores, 0)
    found: NDArray[np.bool_] = scores.argmax(axis=-1)[:, None] == np.arange(scores.shape[-1])
    return found


def _mean(numbers: Sequence[float] | Scores) -> float:
    """Over what can be told; NaN where the test split can tell nothing."""
    return float(np.mean(numbers)) if len(numbers) else float("nan")


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
    r"""Mean surprise per step, :math:`-\log_2 p` of the symbol that came.

    Args:
        labels: of every step.
        scores: natural logarithms of the probabilities.
    """
    chosen = np.take_along_axis(scores, labels[..., None].astype(int), axis=-1)
    return float(-np.mean(chosen) / np.log(2))


def perplexity(labels: Labels, scores: Scores) -> float:
    """2 to the bits per step: among how many equally likely symbols the choice would be."""
    return float(2 ** bits(labels, scores))
