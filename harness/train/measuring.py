"""Measures of a trained network on the test split."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness import catalog, evaluation, program
from harness.evaluation import Codes, Evidence
from harness.train.data import all_tests

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.card import Card
    from harness.program import Fallback, Inputs, Learner, Program


class Tested(NamedTuple):
    """Numbers of the test split, and what they were measured on.

    Args:
        numbers: by rule of the epoch, then by quantity.
        shown: the evidence at the best epoch; ``None`` if an output is not finite.
    """

    numbers: dict[str, dict[str, float]]
    shown: Evidence | None


def tested(
    compiled: Program | Fallback,
    inputs: Inputs,
    train: NDArray[np.int32],
    card: Card,
    *,
    last_is_best: bool,
) -> Tested:
    """Test quantities, by rule of the epoch; the same weights are not asked twice."""

    def measured(epoch: str) -> tuple[dict[str, float], Evidence | None]:
        shown = None
        means, outputs = compiled.test(inputs, epoch)
        if compiled.judging:
            means = {}  # there is no loss of a generated case
        if np.isfinite(outputs).all():
            shown = _evidence(compiled, inputs, train, card, outputs)
            means |= evaluation.measure(shown, card)
        else:
            means["loss"] = math.nan
        return {f"test/{name}": number for name, number in means.items()}, shown

    found = {}
    for rule in ("last",) if last_is_best else ("last", "best"):
        found[rule], shown = measured(rule)
    return Tested(found, shown)


def _evidence(
    compiled: Program | Fallback,
    inputs: Inputs,
    train: NDArray[np.int32],
    card: Card,
    outputs: NDArray[np.float32],
) -> Evidence:
    """Evidence of the network, with its weights as they are, on what a mask leaves."""
    learner, kept = compiled.learner, compiled.evaluating.counted(inputs)
    labels = np.asarray(inputs.y_test)
    if compiled.judging:
        made = compiled.judging.test(inputs, train, all_tests(inputs), outputs)
        return Evidence(labels=labels, made=made)
    if not learner.objective.reconstructs:
        if kept is not None:
            labels, outputs = labels[kept], outputs[kept]
        return Evidence(labels=labels, outputs=outputs, form=learner.objective.form)
    everything = all_tests(inputs)
    x_test = program.take(inputs, everything, test=True)[0].numpy()
    codes = None
    if "codes" in catalog.TASKS[card.task].evidence and has_code(learner):
        codes = Codes(
            train=compiled.evaluating.codes(inputs, train),
            labels=np.asarray(inputs.y)[train],
            test=compiled.evaluating.codes(inputs, everything, test=True),
            test_labels=labels,
            inputs=x_test,
        )
    exact = x_test if kept is None else np.where(_over(kept, x_test), x_test, np.nan)
    return Evidence(labels=labels, outputs=outputs, inputs=exact, codes=codes)


def has_code(learner: Learner) -> bool:
    """True if a network has a layer whose outputs are its code."""
    return program.code_of(learner.model) is not None


def _over(kept: NDArray[np.bool_], x: NDArray[np.float32]) -> NDArray[np.bool_]:
    """A mask of steps, with as many axes as what it is for."""
    return kept.reshape(kept.shape + (1,) * (x.ndim - kept.ndim))
