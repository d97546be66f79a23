"""Table of which metric comes from which evidence, for networks and for methods without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import catalog
from harness.evaluation import codes, detection, images, outputs, samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.card import Card
    from harness.evaluation.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Evaluator:
    """A metric of the test split.

    Args:
        name: of the metric.
        needs: kind of evidence that it is measured on.
        measure: a pure function of that evidence.
    """

    name: str
    needs: str
    measure: Callable[..., Any]


EVALUATORS = (
    Evaluator("top_5_accuracy", "outputs", outputs.top_5_accuracy),
    Evaluator("macro_f1", "outputs", outputs.macro_f1),
    Evaluator("balanced_accuracy", "outputs", outputs.balanced_accuracy),
    Evaluator("auroc", "ranks", outputs.auroc),
    Evaluator("average_precision", "ranks", outputs.mean_average_precision),
    Evaluator("calibration_error", "probabilities", outputs.calibration_error),
    Evaluator("bits", "log_probabilities", outputs.bits),
    Evaluator("perplexity", "log_probabilities", outputs.perplexity),
    Evaluator("r2", "numbers", outputs.r2),
    Evaluator("psnr", "reconstruction", images.psnr),
    Evaluator("explained", "reconstruction", images.explained),
    Evaluator("ssim", "images", images.ssim),
    Evaluator("auroc", "scores", detection.area),
    Evaluator("average_precision", "scores", detection.average_precision),
    Evaluator("trustworthiness", "codes", codes.trustworthiness),
    Evaluator("probe_accuracy", "probe", codes.probe_accuracy),
    Evaluator("mode_total_variation", "modes", samples.mode_total_variation),
    Evaluator("modes_with_one_sample", "modes", samples.modes_with_one_sample),
    Evaluator("modes_with_1_percent", "modes", samples.modes_with_1_percent),
    Evaluator("high_quality", "modes", samples.high_quality),
    Evaluator("frechet_distance", "samples", samples.frechet_distance),
    Evaluator("kernel_distance", "samples", samples.kernel_distance),
    Evaluator("collapse", "samples", samples.collapse),
    Evaluator("classifier_frechet_distance", "features", samples.classifier_frechet_distance),
    Evaluator("classifier_kernel_distance", "features", samples.classifier_kernel_distance),
    Evaluator("classifier_frechet_floor", "features", samples.classifier_frechet_floor),
    Evaluator("near_duplicates", "copies", samples.near_duplicates),
    Evaluator("critic_accuracy", "told", samples.critic_accuracy),
    Evaluator("classifier_kernel_floor", "features", samples.classifier_kernel_floor),
)


def evaluators(card: Card) -> list[Evaluator]:
    """Those whose metric suits some data."""
    evidence = catalog.TASKS[card.task].evidence
    return [
        one
        for one in EVALUATORS
        if one.needs in evidence and not catalog.METRICS[one.name].misfit(card)
    ]


def needing(kinds: frozenset[str]) -> tuple[str, ...]:
    """Names of the metrics that some kinds of evidence give."""
    return tuple(one.name for one in EVALUATORS if one.needs in kinds)


def measure(shown: Evidence, card: Card, *, test: bool = True) -> dict[str, float]:
    """Metrics of the test split by name.

    Those for which there is no evidence are left out, and those about which the test split tells
    nothing, such as an area under the curve of a single class.

    Args:
        shown: the evidence.
        card: of the data.
        test: whether it is of the test split; elsewhere some metrics are not measured.
    """
    found = {}
    for one in evaluators(card):
        if catalog.METRICS[one.name].test_only and not test:
            continue
        arguments = shown.of(one.needs)
        if arguments is not None:
            found[one.name] = float(one.measure(*arguments))
    return {
        name: number
        for name, number in found.items()
        if not (catalog.METRICS[name].tells_apart and np.isnan(number))
    }
