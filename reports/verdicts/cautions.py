"""Cautions: claims that the numbers of a study cannot support, however many replicates it has."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np

from harness import catalog
from harness.spec import Quantity
from reports import frames, wording

if TYPE_CHECKING:
    from reports.frames import Results
    from reports.verdicts.judged import Judged

_COUNTED = frozenset({"accuracy", "top_5_accuracy"})
"""Metrics that count cases, so that one case is the smallest change."""


def cautions(results: Results, judged: Judged) -> list[str]:
    """Sentences that belong beside the verdicts, if there is a reason for them."""
    return [*_unfinished(results), *_coarse(results, judged), *_by_chance(results)]


def _unfinished(results: Results) -> list[str]:
    """Caution if the best epoch is often the last one: longer trainings might have been better."""
    confirm = results.confirm[results.confirm["status"] == "completed"]
    rows = results.epochs[results.epochs["phase"] == "confirm"]
    last = rows.groupby(["arm", "replicate"])["epoch"].max().rename("last").reset_index()
    both = confirm.merge(last, on=["arm", "replicate"])
    both = both[both["last"] > 0]  # a single epoch shows no course
    rising = (both["best_epoch"] == both["last"]).fillna(value=False).astype(bool)
    if not len(both) or not rising.any():
        return []
    shares = rising.groupby(both["arm"]).mean()
    arms = [results.arms[arm].label for arm in shares.index[shares > 0.5]]
    if not arms:
        return []
    whose = "" if len(arms) == len(results.arms) else f" of {wording.listed(arms)}"
    theirs = rising[both["arm"].isin(shares.index[shares > 0.5])]
    share = f"{int(theirs.sum())} of {len(theirs)}"
    text = f"Most trainings{whose} had their best epoch last ({share})"
    return [f"{text}: more epochs might change the order."]


def _coarse(results: Results, judged: Judged) -> list[str]:
    """Caution if a single case changes a metric by as much as the differences to be told apart."""
    metric, cases = results.metric, _cases(results)
    if metric.name not in _COUNTED or results.card.task != "classification" or not cases:
        return []
    one, units = 1 / cases, judged.units
    found = [one.comparison for one in judged.verdicts if isfinite(one.comparison.difference)]
    pairs = sum(comparison.pairs for comparison in found)
    ties = sum(comparison.differences.count(0.0) for comparison in found)
    small = [
        results.arms[verdict.arm].label
        for verdict in judged.verdicts
        if verdict.comparison.sign and abs(verdict.comparison.difference) < one
    ]
    size = f"{100 * one:.2g}"
    whole = f"one {metric.split} case of {cases:,} is {size} {'point' if size == '1' else 'points'}"
    sentences = []
    if pairs and 2 * ties > pairs:
        finer = catalog.TASKS[results.card.task].fit
        sentences.append(
            f"The metric is coarse here: {ties} of {pairs} pairs tie, and {whole}. "
            f"'{metric.split}/{finer}@{metric.epoch}' tells more apart."
        )
    if small:
        verb = "differs" if len(small) == 1 else "differ"
        sentences.append(
            f"{wording.listed(small)} {verb} from {results.arms[judged.baseline].label} by less "
            f"than one case in {units.name}: {whole}."
        )
    return sentences


def _cases(results: Results) -> int:
    """Number of cases behind the deciding metric; 0 where it differs between arms."""
    card, study = results.card, results.study
    if results.metric.split == "test":
        return card.tests
    share = study.fixed.get("validation", catalog.SETTINGS["validation"].default)
    searched = study.tune.space if study.tune else {}
    if results.metric.split == "train" or "validation" in {*study.factors, *searched}:
        return 0
    assert isinstance(share, int | float)
    return card.held or max(1, round(card.cases * share))


def _by_chance(results: Results) -> list[str]:
    """Caution if no arm does better than a guess that looks at no input."""

    def tested(name: str) -> str:
        return str(Quantity(split="test", name=name).at(results.metric.epoch))

    if results.card.task == "classification":
        return _above_majority(results, tested("accuracy"))
    r2 = _means(results, tested("r2"))
    if r2 and max(r2) <= 0:
        return [
            "No arm predicts better than the mean of the test targets would (r2 is not above 0)."
        ]
    auroc = _means(results, tested("auroc"))
    if results.card.task == "anomaly" and auroc and max(auroc) <= 0.5:
        return ["No arm is above chance: an AUROC of 50 % is that of a guess."]
    return []


def _above_majority(results: Results, quantity: str) -> list[str]:
    counts, means = results.card.test_counts or results.card.counts, _means(results, quantity)
    if not means or not sum(counts):
        return []
    chance = max(counts) / sum(counts)
    # All arms share the test cases, whose draw alone moves a guess by about so much.
    luck = 2 * sqrt(chance * (1 - chance) / max(1, results.card.tests))
    if max(means) > chance + luck:
        return []
    guess = f"always naming the most frequent class is right for {100 * chance:.1f} % of the cases"
    best = f"the best mean is {100 * max(means):.1f} %"
    return [f"No arm is clearly above chance: {guess}, and {best}."]


def _means(results: Results, quantity: str) -> list[float]:
    """Means of the arms that have one; none if the quantity was not measured."""
    if quantity not in results.trials:
        return []
    cells = frames.grid(results, quantity).cells
    found = [float(np.mean(row[~np.isnan(row)])) for row in cells if not np.isnan(row).all()]
    return [mean for mean in found if isfinite(mean)]
