"""The answer of a study in a few sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports import estimates, wording
from reports.verdicts.alarms import alarming
from reports.verdicts.cautions import cautions
from reports.verdicts.confounds import confounds
from reports.verdicts.groups import grouped
from reports.verdicts.levels import by, by_level

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reports.frames import Results
    from reports.verdicts.judged import Judged, Verdict
    from reports.verdicts.rules import Word

_STANDINGS: Mapping[Word, str] = {
    "better": "better than the baseline",
    "worse": "nevertheless worse than the baseline, by paired replicates",
    "equivalent": "equivalent to the baseline within the margin",
    "undecided": "statistically indistinguishable from the baseline at this sample size",
    "no difference observed": "the same as the baseline's in every replicate",
}

_COUNTED: Mapping[Word, str] = {
    "better": "better",
    "worse": "worse",
    "equivalent": "equivalent",
    "undecided": "undecided",
    "no difference observed": "without any difference",
    "no verdict": "without a verdict",
}


def headline(results: Results, judged: Judged) -> list[str]:
    """The answer of the study in a few sentences, each about comparisons that were tested."""
    if judged.missing:
        return [*incomplete(judged, "confirm trials"), *cautions(results, judged)]
    return [
        *answer(results, judged),
        *leader(judged),
        *_scope(results, judged),
        *_against(judged),
        *confounds(results),
        *reservations(judged),
        *_negative(results, judged),
        *_undeclared(results, judged),
        *_revised(results),
        *cautions(results, judged),
        *alarming(results),
    ]


def answer(results: Results, judged: Judged) -> list[str]:
    """Answer a study's question: the arms that beat the baseline, those that do not, and the gap.

    Of several factors it speaks level by level, where their effects were tested.
    """

    def phrased(said: Sequence[int]) -> list[str]:
        return grouped(results.arms, results.study.factors, said)

    effects = judged.factorial
    if effects is None or effects.why or len(judged.verdicts) == 1:
        return answered(judged, phrased)
    return [
        *_tally(judged, phrased),
        *by_level(effects, results.study.factors, judged.rule, judged.units),
    ]


def answered(judged: Judged, phrased: Callable[[Sequence[int]], list[str]]) -> list[str]:
    """Answer arm by arm: those that beat the baseline, those that do not, and by how much.

    Args:
        judged: the verdicts.
        phrased: a set of arms in few words.
    """
    if len(judged.verdicts) == 1:
        return [_duel(judged)]
    found: dict[Word, list[Verdict]] = {}
    for verdict in judged.verdicts:
        found.setdefault(verdict.word, []).append(verdict)
    sentences = []
    if judged.verdicts and "better" not in found:
        count, baseline = len(judged.verdicts), judged.labels[judged.baseline]
        sentences.append(f"None of the {count} alternatives beats the baseline, {baseline}.")
    order: tuple[Word, ...] = ("better", "worse", "equivalent", "undecided")
    words = [word for word in (*order, "no difference observed") if word in found]
    return [*sentences, *(_group(word, found[word], judged, phrased) for word in words)]


def _tally(judged: Judged, phrased: Callable[[Sequence[int]], list[str]]) -> list[str]:
    """Sentences on the arms that beat the baseline, and counts of all other verdicts."""
    found: dict[Word, list[Verdict]] = {}
    for verdict in judged.verdicts:
        found.setdefault(verdict.word, []).append(verdict)
    counts = [
        f"{len(found[word])} {'is' if len(found[word]) == 1 else 'are'} {text}"
        for word, text in _COUNTED.items()
        if word in found and word != "better"
    ]
    if "better" not in found:
        count, baseline = len(judged.verdicts), judged.labels[judged.baseline]
        none = f"None of the {count} alternatives beats the baseline, {baseline}"
        return [f"{none}: {wording.listed(counts)}."]
    better = _group("better", found["better"], judged, phrased)
    rest = [f"Of the others, against it, {wording.listed(counts)}."] if counts else []
    return [better, *rest]


def _group(
    word: Word,
    verdicts: Sequence[Verdict],
    judged: Judged,
    phrased: Callable[[Sequence[int]], list[str]],
) -> str:
    """All arms with one verdict, as one sentence."""
    baseline, units = judged.labels[judged.baseline], judged.units
    said = [verdict.arm for verdict in verdicts]
    phrases = phrased(said)
    total = len(judged.verdicts)
    if len(verdicts) == total and total > 2 and word != "better":
        arms, verb = f"All {total} alternatives", "are"
    else:
        arms, verb = wording.listed(phrases, most=6), "are" if len(said) > 1 else "is"
    amount = by([verdict.comparison.difference for verdict in verdicts], units)
    match word:
        case "better":
            beat = "beat" if len(said) > 1 else "beats"
            return f"{arms} {beat} {baseline}{amount}{_sizes(verdicts)}."
        case "worse":
            return f"{arms} {verb} worse than {baseline}{amount}{_sizes(verdicts)}."
        case "equivalent":
            margin = units.margin(judged.rule.margin)
            real = [verdict.arm for verdict in verdicts if verdict.comparison.sign]
            if len(real) == len(verdicts):
                aside = ": a real but negligible difference"
            elif real:
                names = wording.listed([judged.labels[arm] for arm in real])
                aside = f" ({names} with a real but negligible difference)"
            else:
                aside = ""
            return f"{arms} {verb} equivalent to {baseline} within {margin}{aside}."
        case "undecided":
            return f"{arms} {verb} {_STANDINGS[word]}{_enough(verdicts, judged)}."
        case _:
            return f"{arms} {verb} {_STANDINGS['no difference observed']}."


def _sizes(verdicts: Sequence[Verdict]) -> str:
    """Clause that compares real differences with the margin, where all of them agree."""
    sizes = {verdict.size for verdict in verdicts}
    return f", {sizes.pop()}" if len(sizes) == 1 and "" not in sizes else ""


def _enough(verdicts: Sequence[Verdict], judged: Judged) -> str:
    """Clause on the number of replicates that would decide what is undecided."""
    fewest = judged.rule.fewest
    if all(verdict.comparison.pairs < fewest for verdict in verdicts):
        family = wording.count(judged.rule.family, "comparison")
        return f": {family} cannot be decided with fewer than {fewest} replicates"
    needed = [verdict.needed for verdict in verdicts if verdict.needed]
    if not needed:
        return ""
    if len(needed) == len(verdicts):
        return (
            f": about {max(needed)} replicates would decide {'it' if len(needed) == 1 else 'all'}"
        )
    return f": about {min(needed)} replicates would decide the first of them"


def _duel(judged: Judged) -> str:
    """The answer to a question of two arms."""
    (verdict,) = judged.verdicts
    found, units = verdict.comparison, judged.units
    arm, baseline = judged.labels[verdict.arm], judged.labels[judged.baseline]
    if verdict.word in {"better", "worse"} and np.isfinite(found.difference):
        beats = "beats" if verdict.word == "better" else "is worse than"
        aside = f", {verdict.size}" if verdict.size else ""
        interval = units.span(found.low, found.high)
        amount = by([found.difference], units)
        return f"{arm} {beats} {baseline}{amount} ({interval}){aside}."
    return verdict.reading


def incomplete(judged: Judged, trials: str) -> list[str]:
    """Sentences on what is missing, in place of an answer.

    Args:
        judged: the verdicts, of which there are none.
        trials: what a result comes from, such as ``runs``.
    """
    planned = len(judged.labels) * judged.replicates
    there = int(np.count_nonzero(~np.isnan(judged.grid.cells) | judged.grid.diverged))
    shown = list(judged.missing[:5])
    if len(judged.missing) > len(shown):
        shown.append(f"and {len(judged.missing) - len(shown)} more arms or reasons")
    return [
        (
            f"No verdict yet: {planned - there} of {planned} {trials} have no result. What "
            "stands here are estimates; a verdict counts on every planned replicate."
        ),
        f"Missing: {'; '.join(shown)}.",
    ]


def leader(judged: Judged) -> list[str]:
    """The best mean, and what may be said about it."""
    rule, units, labels = judged.rule, judged.units, judged.labels
    means = np.array([interval.mean for interval in judged.means])
    if np.isnan(means).all():
        return ["Every arm holds a diverged trial: there is no mean to compare."]
    best = int(np.nanargmax(means) if rule.maximize else np.nanargmin(means))
    value = units.value(float(means[best]))
    if not judged.verdicts:
        return [f"{labels[best]} has a mean {units.name} of {value}."]
    if best == judged.baseline:
        others = "" if np.isfinite(means).all() else " of those that have one"
        return [f"The baseline itself has the best mean {units.name}{others}, {value}."]
    standing = _STANDINGS[judged.by_arm[best].word]
    caution = " It was compared with the baseline only." if len(labels) > 2 else ""
    text = f"The best mean {units.name} is that of {labels[best]}, {value}; it is {standing}."
    return [f"{text}{caution}"]


def _scope(results: Results, judged: Judged) -> list[str]:
    """Sentences on the data and conditions that the answer applies to."""
    study, metric, card = results.study, results.metric, results.card
    if not judged.verdicts:
        return []
    where = {
        "test": f"on these {card.tests:,} test cases",
        "val": "on validation cases of this data",
        "train": "on training cases of this data",
    }[metric.split]
    if card.draws:
        where = f"for random halves of the classes, the {metric.split} cases of each"
    given = ", given the hyperparameters chosen for each arm" if study.tune else ""
    return [f"This holds {where}{given}, over {study.replicates} paired replicates."]


def _against(judged: Judged) -> list[str]:
    """Sentence on how the arms compare with methods that train no network."""
    words = [verdict.word for one in judged.references for verdict in one.verdicts]
    if not words:
        return []
    counts = [f"{words.count(word)} {text}" for word, text in _COUNTED.items() if word in words]
    pairs = wording.count(len(words), "comparison")
    return [f"Against methods that train no network, of {pairs}: {wording.listed(counts)}."]


def reservations(judged: Judged) -> list[str]:
    """Reservations that a reader must know before trusting the answer."""
    return [
        *_failures(judged),
        *_contradictions(judged),
        *_zeros(judged),
    ]


def _failures(judged: Judged) -> list[str]:
    """Sentences on the arms that diverged, and on how often the others still might."""
    counts, replicates = judged.grid.diverged.sum(axis=1).tolist(), judged.replicates
    diverged = {arm: count for arm, count in enumerate(counts) if count}
    possible = wording.percent_of(estimates.share(0, replicates, 0.95).high)
    if not diverged:
        if not judged.verdicts:
            return []
        return [
            (
                f"No training diverged. With 0 failures in {replicates}, the true failure rate of "
                f"an arm could still be as high as {possible} (95 % confidence)."
            ),
        ]
    parts = [f"{judged.labels[arm]} in {count} of {replicates}" for arm, count in diverged.items()]
    text = f"Trainings diverged: {wording.listed(parts, most=6)}."
    return [f"{text} Signed ranks decide there, and a diverged trial is the worst result."]


def _contradictions(judged: Judged) -> list[str]:
    """Sentences on means that a few replicates have made."""
    arms = [
        judged.labels[verdict.arm]
        for verdict in judged.verdicts
        if np.isfinite(verdict.comparison.difference)
        and verdict.comparison.difference * np.median(verdict.comparison.differences) < 0
    ]
    if not arms:
        return []
    return [
        (
            f"Mean and median difference have opposite signs for {wording.listed(arms)}: a few "
            "replicates make the mean. Look at every replicate below."
        ),
    ]


def _negative(results: Results, judged: Judged) -> list[str]:
    """Sentence on losses that have no logarithm."""
    if not judged.negative:
        return []
    text = f"{judged.units.name} is below zero in places, where ratios mean nothing"
    margin = ", without a margin" if results.study.margin is not None else ""
    return [f"{text[:1].upper()}{text[1:]}: its differences are judged as they are{margin}."]


def _zeros(judged: Judged) -> list[str]:
    """Sentence on losses that have no ratio."""
    arms = [judged.labels[verdict.arm] for verdict in judged.verdicts if verdict.comparison.zeros]
    if judged.negative or not arms:
        return []
    return [
        (
            "A loss of exactly zero has no ratio: signed ranks decide about "
            f"{wording.listed(arms)}, and zero is the best result."
        ),
    ]


def _undeclared(results: Results, judged: Judged) -> list[str]:
    """Sentence on a baseline that nobody declared."""
    if not judged.verdicts or set(results.study.baseline) >= set(results.study.factors):
        return []
    baseline = results.arms[judged.baseline].label
    return [
        (
            f"The study declares no baseline: its first arm, {baseline}, serves as one. Verdicts "
            "depend on that choice."
        ),
    ]


def _revised(results: Results) -> list[str]:
    """Sentence on changes of the plan after there were results to look at."""
    late = [one for one in results.revisions if one.finished and one.changed]
    if not late:
        return []
    keys = wording.listed(list(dict.fromkeys(key for one in late for key in one.changed)))
    trials = wording.count(late[0].finished, "trial")
    return [f"The study was changed when {trials} had finished ({keys}): see changes of the plan."]
