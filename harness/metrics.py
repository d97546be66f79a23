"""Metrics: means over cases inside the compiled epoch, the others from the test outputs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from scipy.stats import rankdata

from harness import catalog, losses
from harness.outputs import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Labels = NDArray[np.generic]
    Scores = NDArray[np.floating]

BINS = 15
"""Of the calibration error, equally wide, as in Guo et al. 2017."""


def _accuracy(labels: Any, outputs: Any) -> Any:
    chosen = keras.ops.argmax(outputs, axis=-1)
    return keras.ops.cast(keras.ops.equal(chosen, keras.ops.cast(labels, chosen.dtype)), "float32")


def _right(threshold: float, labels: Any, outputs: Any) -> Any:
    """Whether what is a yes or no is decided as the label says."""
    true = keras.ops.greater(keras.ops.cast(losses.alike(labels, outputs), "float32"), 0.5)
    found = keras.ops.greater(outputs, threshold)
    return keras.ops.cast(keras.ops.equal(found, true), "float32")


def _squared(labels: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.square(labels - outputs), axis=-1)


def _absolute(labels: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.absolute(labels - outputs), axis=-1)


PER_CASE: Mapping[str, Callable[[Any, Any], Any]] = {
    "accuracy": _accuracy,
    "mean_squared_error": _squared,
    "mean_absolute_error": _absolute,
}


def of_task(task: str, form: Form | None = None) -> dict[str, losses.OverSteps]:
    """Metrics of a kind of data, beside those that come with the loss.

    Args:
        task: kind of data.
        form: of the model's outputs; ``None``: one output per class.
    """
    known = dict(PER_CASE)
    if form and (form.single or form.each):
        known["accuracy"] = partial(_right, form.threshold)
    names = [name for name in catalog.TASK_METRICS[task] if name in known]
    return {name: losses.OverSteps(known[name]) for name in names}


POWERS = {"mean_squared_error": 2, "mean_absolute_error": 1}
"""Errors that have a unit, and which power of the target's."""


def in_own_unit(found: Mapping[str, float], task: str, unit: float) -> dict[str, float]:
    """Errors of a regression in the unit of its target; the loss stays as it is trained on.

    Args:
        found: numbers by quantity, such as ``val/mean_squared_error`` or ``test/r2@best``.
        task: kind of data.
        unit: what one trained unit is in the target's own.
    """
    names = {quantity: quantity.partition("/")[2].partition("@")[0] for quantity in found}
    powers = POWERS if task == "regression" else {}
    return {one: found[one] * unit ** powers.get(name, 0) for one, name in names.items()}


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
    return _mean(_areas(true[:, columns], scores[:, columns]))


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
    """Which class, or which labels, a case has, shape ``(cases, classes)``."""
    if labels.ndim == scores.ndim:
        return np.greater(labels.astype(np.float32), 0.5)
    return np.equal(labels[:, None], np.arange(scores.shape[-1]))


def _chosen(labels: Labels, scores: Scores) -> NDArray[np.bool_]:
    """Which class is scored highest, or which labels above 0."""
    if labels.ndim == scores.ndim:
        return np.greater(scores, 0)
    found: NDArray[np.bool_] = scores.argmax(axis=-1)[:, None] == np.arange(scores.shape[-1])
    return found


def _mean(numbers: Sequence[float] | Scores) -> float:
    """Over what can be told; NaN where the test split can tell nothing."""
    return float(np.mean(numbers)) if len(numbers) else float("nan")


def _areas(positive: NDArray[np.bool_], scores: Scores) -> NDArray[np.floating]:
    """Mann and Whitney's statistic of each column as a share of all pairs."""
    many = positive.sum(axis=0)
    ranks = np.sum(rankdata(scores, axis=0), axis=0, where=positive)
    shares: NDArray[np.floating] = (ranks - many * (many + 1) / 2) / (many * (len(scores) - many))
    return shares


def _area(positive: NDArray[np.bool_], scores: Scores) -> float:
    """The same of one column; NaN where all cases are alike."""
    if positive.all() or not positive.any():
        return float("nan")
    return float(_areas(positive[:, None], scores[:, None])[0])


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


def psnr(inputs: Labels, outputs: Scores) -> float:
    r"""Peak signal-to-noise ratio, :math:`10 \log_{10} (r^2 / MSE)` with the range r of inputs."""
    errors = _errors(inputs, outputs)
    exact = np.asarray(inputs, np.float64)
    peak = float(np.nanmax(exact) - np.nanmin(exact)) or 1.0
    return float(np.mean(10 * np.log10(peak**2 / np.maximum(errors, np.finfo(np.float32).tiny))))


def explained(inputs: Labels, outputs: Scores) -> float:
    r"""Share of the total variance that is kept, :math:`1 - \sum e^2 / \sum (x - \bar x)^2`."""
    exact = np.asarray(inputs, np.float64)
    total = np.nansum(np.square(exact - np.nanmean(exact, axis=0)))
    return float(1 - np.nansum(np.square(exact - outputs)) / (total or 1.0))


WINDOW = 11
"""Pixels a side of the Gaussian window of SSIM, where the images have as many."""


def ssim(inputs: Labels, outputs: Scores) -> float:
    r"""Structural similarity of images, 1 for equal ones.

    The mean over images and places of

    .. math:: \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}
        {(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}

    in a Gaussian window of deviation 1.5, with :math:`c_i = (k_i r)^2`, k = 0.01 and 0.03, and the
    range r of the inputs.

    Args:
        inputs: images of shape ``(cases, height, width)`` or ``(cases, height, width, channels)``.
        outputs: of the same shape.

    Reference:
        Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
        2004.
    """
    import tensorflow as tf

    exact = np.asarray(inputs, np.float32)
    peak, side = float(np.ptp(exact)) or 1.0, min(exact.shape[1:3])
    size = min(WINDOW, side - 1 + side % 2)
    channels = [part[..., None] if exact.ndim == 3 else part for part in (exact, outputs)]
    found = [
        tf.image.ssim(*(part[start : start + 1024] for part in channels), peak, filter_size=size)
        for start in range(0, len(exact), 1024)
    ]
    return float(np.mean(np.concatenate(found)))


FROM_OUTPUTS: Mapping[str, Callable[[Labels, Scores], float]] = {
    "top_5_accuracy": top_5_accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "auroc": auroc,
    "average_precision": mean_average_precision,
    "calibration_error": calibration_error,
    "r2": r2,
    "bits": bits,
    "perplexity": perplexity,
    "psnr": psnr,
    "ssim": ssim,
    "explained": explained,
}

_TAKEN: Mapping[str, str] = {
    "top_5_accuracy": "raw",
    "macro_f1": "raw",
    "balanced_accuracy": "raw",
    "auroc": "ranks",
    "average_precision": "ranks",
    "calibration_error": "probabilities",
    "bits": "log_probabilities",
    "perplexity": "log_probabilities",
}
"""What a metric of classes is measured on; the others take outputs as they are."""


def from_outputs(
    task: str, labels: Labels, outputs: Scores, form: Form | None = None
) -> dict[str, float]:
    """Metrics that need all test cases at once.

    Args:
        task: kind of data.
        labels: of the test cases; for a reconstruction, their inputs, NaN where a mask does not
            count them.
        outputs: of a model or a reference: for every class, predicted numbers, shape
            ``(cases, outputs)`` or ``(cases, steps, outputs)``; for a reconstruction, as the
            inputs.
        form: of the outputs; by default logits.
    """
    fitting = {name: catalog.METRICS[name] for name in catalog.TASK_METRICS[task]}
    made = (form or Form()).read(outputs)
    names = [
        name
        for name, metric in fitting.items()
        if name in FROM_OUTPUTS
        and (task != "anomaly" or name not in OF_ERRORS)
        and made.outputs.shape[-1] >= metric.outputs
        and (not metric.ranks or outputs.ndim - 1 in metric.ranks)
        and not (name == "ssim" and np.isnan(labels).any())  # images have no mask
    ]
    taken = {part: getattr(made, part) for part in {_TAKEN[one] for one in names if one in _TAKEN}}
    return _told_apart(
        {
            name: FROM_OUTPUTS[name](labels, taken[_TAKEN[name]] if name in _TAKEN else outputs)
            for name in names
        }
    )


def _told_apart(found: dict[str, float]) -> dict[str, float]:
    """Without those metrics about which the test split can tell nothing."""
    return {
        name: value for name, value in found.items() if name not in OF_ERRORS or not np.isnan(value)
    }


OF_ERRORS = ("auroc", "average_precision")
"""Metrics that, of anomalies, are of errors and not of outputs."""


def from_errors(anomalous: Labels, inputs: Labels, outputs: Scores) -> dict[str, float]:
    """Metrics of a detector that calls anomalous what it reconstructs badly.

    Args:
        anomalous: 1 for an anomaly, of the test cases.
        inputs: of the test cases.
        outputs: what was made of them.
    """
    return from_scores(anomalous, _errors(inputs, outputs))


def _errors(inputs: Labels, outputs: Scores) -> NDArray[np.float64]:
    """Mean squared error of every case, without inputs that are NaN: these do not count."""
    squares = np.square(np.asarray(inputs, np.float64) - outputs)
    within = tuple(range(1, squares.ndim))
    mean = np.nanmean if np.isnan(squares).any() else np.mean
    return np.asarray(mean(squares, axis=within))


def from_scores(anomalous: Labels, scores: Scores) -> dict[str, float]:
    """Metrics of a detector that gives every test case a score.

    Args:
        anomalous: 1 for an anomaly, of the test cases.
        scores: the larger, the more anomalous.
    """
    one, apart = anomalous == 1, 0 < np.count_nonzero(anomalous == 1) < len(anomalous)
    precision = average_precision(one, scores) if apart else float("nan")
    return _told_apart({"auroc": _area(one, scores), "average_precision": precision})


def average_precision(positive: NDArray[np.bool_], scores: Scores) -> float:
    """Sum over thresholds of the gain in recall, times the precision there."""
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(positive[order])[last_of_ties]
    found = (np.arange(len(scores)) + 1)[last_of_ties]
    gained = np.diff(hits, prepend=0) / max(int(positive.sum()), 1)
    return float((gained * hits / found).sum())


NEIGHBOURS, NEIGHBOURHOODS = 10, 1000
"""Of trustworthiness: neighbours of a case, and how many of the first test cases are compared."""

RIDGE = 1e-3
"""Of the linear probe, relative to the mean square of a code."""

FROM_CODES = ("probe_accuracy", "trustworthiness")


def from_codes(
    codes: Scores, labels: Labels, test_codes: Scores, test_labels: Labels, test_inputs: Labels
) -> dict[str, float]:
    """Metrics of the code that an autoencoder has found.

    Args:
        codes: of the training cases, shape ``(cases, width)``.
        labels: of the training cases; classes, or there is no probe.
        test_codes: of the test cases.
        test_labels: of the test cases.
        test_inputs: of the test cases.
    """
    found = {"trustworthiness": trustworthiness(test_inputs, test_codes)}
    if labels.ndim == 1 and labels.dtype.kind == "i":
        found["probe_accuracy"] = probe_accuracy(codes, labels, test_codes, test_labels)
    return found


def probe_accuracy(codes: Scores, labels: Labels, test_codes: Scores, test_labels: Labels) -> float:
    """Accuracy of a ridge classifier of the code: least squares to one target per class.

    Reference:
        Alain & Bengio, "Understanding intermediate layers using linear classifier probes", 2017.
    """
    count = int(labels.max()) + 1
    mean = codes.mean(axis=0)
    spread = codes.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    known, unknown = ((part - mean) / scale for part in (codes, test_codes))
    targets = np.eye(count)[labels] - 1 / count
    square = known.T @ known / len(known) + RIDGE * np.eye(known.shape[1])
    weights = np.linalg.solve(square, known.T @ targets / len(known))
    chosen = (unknown @ weights + targets.mean(axis=0)).argmax(axis=1)
    return float(np.mean(chosen == test_labels))


def trustworthiness(inputs: Labels, codes: Scores) -> float:
    """Whether neighbours in the code are neighbours in the inputs, 1 at best.

    Reference:
        Venna & Kaski, "Neighborhood preservation in nonlinear projection methods", 2001.
    """
    from sklearn.manifold import trustworthiness as measure

    some = min(len(codes), NEIGHBOURHOODS)
    near = min(NEIGHBOURS, (some - 1) // 2)
    if near < 1:
        return 1.0
    return float(measure(np.reshape(inputs[:some], (some, -1)), codes[:some], n_neighbors=near))
