"""Losses, metrics and class weights, as literal tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.adversarial import SAMPLE_METRICS
from harness.catalog.entries import Entry, Loss, Metric
from harness.catalog.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLASSES, _NUMBERS = frozenset({"classification"}), frozenset({"regression"})
_STEPS, _LABELS = frozenset({"sequence"}), frozenset({"multilabel"})
_CODES, _ANOMALIES = frozenset({"reconstruction"}), frozenset({"anomaly"})
_NOISY, _GENERATED = frozenset({"denoising"}), frozenset({"generation"})
_INPUTS = _CODES | _ANOMALIES | _NOISY

LOSSES: Mapping[str, Loss] = {
    "sparse_categorical_crossentropy": Loss(
        target="keras.losses:sparse_categorical_crossentropy",
        tasks=_CLASSES | _STEPS,
        aliases=("crossentropy", "cross_entropy_loss", "categorical_crossentropy", "log_loss"),
        note="integer labels 0..C-1, one output per class",
    ),
    "mean_squared_error": Loss(
        target="keras.losses:mean_squared_error",
        tasks=_NUMBERS | _INPUTS,
        aliases=("mse", "mse_loss"),
    ),
    "mean_absolute_error": Loss(
        target="keras.losses:mean_absolute_error",
        tasks=_NUMBERS | _INPUTS,
        aliases=("mae", "l1_loss"),
    ),
    "players": Loss(
        target="",
        tasks=_GENERATED,
        note="of each player its own, such as adversarial_loss of template 'gan'",
    ),
    "binary_crossentropy": Loss(
        target="keras.losses:binary_crossentropy",
        tasks=_INPUTS | _LABELS | _CLASSES | _STEPS,
        aliases=("bce", "bce_loss"),
        note="of several labels; of two classes that one output tells apart; of inputs between 0 "
        "and 1, with output_activation = 'sigmoid'",
    ),
}

METRICS: Mapping[str, Metric] = {
    "loss": Metric(
        direction="minimize",
        scale="log",
        tasks=_CLASSES | _STEPS | _LABELS | _NUMBERS | _INPUTS,
        note="the training loss, with its regularization penalties",
    ),
    "crossentropy": Metric(
        direction="minimize",
        scale="log",
        tasks=_CLASSES | _STEPS | _LABELS,
        aliases=("cross_entropy", "log_loss", "nll", "sparse_categorical_crossentropy"),
        note="log loss: mean negative log-likelihood of the labels, without penalties; of several "
        "labels, the mean over them",
    ),
    "accuracy": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES | _STEPS | _LABELS,
        percent=True,
        aliases=("acc",),
        note="share of cases, or of steps, whose largest output is the label; of several labels, "
        "share of them that are told right",
    ),
    "top_5_accuracy": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES,
        percent=True,
        test_only=True,
        outputs=6,
        aliases=("top5", "top_5", "top5_acc", "top_5_acc"),
        note="share of cases whose label is among the five largest outputs, ties by chance",
    ),
    "macro_f1": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES | _LABELS,
        percent=True,
        test_only=True,
        aliases=("f1", "f1_score", "f1_macro"),
        note="mean over classes, or labels, of the harmonic mean of precision and recall; without "
        "those that no test case has",
    ),
    "balanced_accuracy": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES | _LABELS,
        percent=True,
        test_only=True,
        note="mean over classes of the share of their cases that are found; of several labels, "
        "the mean over them, each with its yes and no",
    ),
    "auroc": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES | _LABELS | _ANOMALIES,
        percent=True,
        test_only=True,
        tells_apart=True,
        aliases=("auc", "roc_auc"),
        note="area under the ROC curve: of class 1 if there are two, else mean of one against "
        "rest, or of the labels; of anomalies, by their error",
    ),
    "average_precision": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES | _LABELS | _ANOMALIES,
        percent=True,
        test_only=True,
        tells_apart=True,
        aliases=("ap", "auprc", "pr_auc"),
        note="mean precision over the cases of a class, in the order of their score: of class 1 "
        "if there are two, else mean over classes or labels; of anomalies, by their error",
    ),
    "calibration_error": Metric(
        direction="minimize",
        scale="identity",
        tasks=_CLASSES,
        percent=True,
        test_only=True,
        aliases=("ece",),
        note="mean gap between confidence and accuracy, over 15 bins (Guo et al. 2017)",
    ),
    "bits": Metric(
        direction="minimize",
        scale="log",
        tasks=_STEPS,
        test_only=True,
        note="mean surprise per step, in bits",
    ),
    "perplexity": Metric(
        direction="minimize", scale="log", tasks=_STEPS, test_only=True, note="2 to the bits"
    ),
    "mean_squared_error": Metric(
        direction="minimize", scale="log", tasks=_NUMBERS | _INPUTS, power=2, aliases=("mse",)
    ),
    "mean_absolute_error": Metric(
        direction="minimize", scale="log", tasks=_NUMBERS | _INPUTS, power=1, aliases=("mae",)
    ),
    "r2": Metric(
        direction="maximize",
        scale="identity",
        tasks=_NUMBERS,
        limited=True,
        test_only=True,
        aliases=("r2_score",),
        note="share of the variance explained, averaged over targets",
    ),
    "psnr": Metric(
        direction="maximize",
        scale="identity",
        tasks=_INPUTS,
        unit="dB",
        test_only=True,
        note="peak signal-to-noise ratio in dB, mean over cases; peak: the range of the inputs",
    ),
    "ssim": Metric(
        direction="maximize",
        scale="identity",
        tasks=_NOISY,
        limited=True,
        test_only=True,
        ranks=(2, 3),
        note="structural similarity to the clean image, mean over images (Wang et al. 2004)",
    ),
    "explained": Metric(
        direction="maximize",
        scale="identity",
        tasks=_INPUTS,
        percent=True,
        test_only=True,
        note="share of the inputs' total variance that is reconstructed, as PCA counts it",
    ),
    "probe_accuracy": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CODES,
        percent=True,
        test_only=True,
        of_classes=True,
        note="of a linear classifier of the code, fitted on the training cases",
    ),
    "trustworthiness": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CODES,
        percent=True,
        test_only=True,
        note="whether neighbours in the code are neighbours in the inputs (Venna & Kaski 2001)",
    ),
    **SAMPLE_METRICS,
}
TASK_METRICS: Mapping[str, tuple[str, ...]] = {
    task: tuple(name for name, metric in METRICS.items() if task in metric.tasks) for task in TASKS
}

CLASS_WEIGHTS: Mapping[str, Entry] = {
    "none": Entry(target="", note="every case counts the same"),
    "balanced": Entry(
        target="",
        note="cases, or steps, / (classes * those of the class), from the training cases",
    ),
}
