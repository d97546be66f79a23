"""The answer of a study in a few sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports import estimates, wording
from reports.verdicts.cautions import cautions
from reports.verdicts.confounds import confounds
from reports.verdicts.groups import grouped
from reports.verdicts.levels import by, by_level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        return [*_incomplete(results, judged), *cautions(results, judged)]
    return [
        *answer(results, judged),
        *_leader(results, judged),
        *_scope(results, judged),
        *_against(judged),
        *confounds(results),
        *_reservations(results, judged),
        *cautions(results, judged),
    ]


def answer(results: Results, judged: Judged) -> list[str]:
    """Which arms beat the baseline, which do not, and by how much.

    Of several factors it speaks level by level, where their effects were tested.
    """
    if len(judged.verdicts) == 1:
        return [_duel(results, judged)]
    found: dict[Word, list[Verdict]] = {}
    for verdict in judged.verdicts:
        found.setdefault(verdict.word, []).append(verdict)
    sentences = []
    if judged.verdicts and "better" not in found:
        count, baseline = len(judged.verdicts), results.arms[judged.baseline].label
        sentences.append(f"None of the {count} alternatives beats the baseline, {baseline}.")
    order: tuple[Word, ...] = ("better", "worse", "equivalent", "undecided")
    words = [word for word in (*order, "no difference observed") if word in found]
    effects = judged.factorial
    if effects is None or effects.why:
        return [*sentences, *(_group(word, found[word], results, judged) for word in words)]
    return [
        *_tally(found, words, results, judged),
        *by_level(effects, results.study.factors, judged.rule, judged.units),
    ]


def _tally(
    found: Mapping[Word, Sequence[Verdict]],
    words: Sequence[Word],
    results: Results,
    judged: Judged,
) -> list[str]:
    """Which arms beat the baseline, and how many of the others do what."""
    counts = [
        f"{len(found[word])} {'is' if len(found[word]) == 1 else 'are'} {_COUNTED[word]}"
        for word in words
        if word != "better"
    ]
    if "better" not in found:
        count, baseline = len(judged.verdicts), results.arms[judged.baseline].label
        none = f"None of the {count} alternatives beats the baseline, {baseline}"
        return [f"{none}: {wording.listed(counts)}."]
    better = _group("better", found["better"], results, judged)
    rest = [f"Of the others, against it, {wording.listed(counts)}."] if counts else []
    return [better, *rest]


def _group(word: Word, verdicts: Sequence[Verdict], results: Results, judged: Judged) -> str:
    """All arms with one verdict, as one sentence."""
    baseline, units = results.arms[judged.baseline].label, judged.units
    said = [verdict.arm for verdict in verdicts]
    phrases = grouped(results.arms, results.study.factors, said)
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
                names = wording.listed([results.arms[arm].label for arm in real])
                aside = f" ({names} with a real but negligible difference)"
            else:
                aside = ""
            return f"{arms} {verb} equivalent to {baseline} within {margin}{aside}."
        case "undecided":
            return f"{arms} {verb} {_STANDINGS[word]}{_enough(verdicts, judged)}."
        case _:
            return f"{arms} {verb} {_STANDINGS['no difference observed']}."


def _sizes(verdicts: Sequence[Verdict]) -> str:
    """How real differences compare with the margin, where all of them agree."""
    sizes = {verdict.size for verdict in verdicts}
    return f", {sizes.pop()}" if len(sizes) == 1 and "" not in sizes else ""


def _enough(verdicts: Sequence[Verdict], judged: Judged) -> str:
    """How many replicates would decide what is undecided."""
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


def _duel(results: Results, judged: Judged) -> str:
    """The answer to a question of two arms."""
    (verdict,) = judged.verdicts
    found, units = verdict.comparison, judged.units
    arm, baseline = results.arms[verdict.arm].label, results.arms[judged.baseline].label
    if verdict.word in {"better", "worse"} and np.isfinite(found.difference):
        beats = "beats" if verdict.word == "better" else "is worse than"
        aside = f", {verdict.size}" if verdict.size else ""
        interval = units.span(found.low, found.high)
        amount = by([found.difference], units)
        return f"{arm} {beats} {baseline}{amount} ({interval}){aside}."
    return f"{verdict.reading[:1].upper()}{verdict.reading[1:]}"


def _incomplete(results: Results, judged: Judged) -> list[str]:
    """What is missing, in place of an answer."""
    planned = len(results.arms) * results.study.replicates
    there = int(results.confirm["counted"].sum())
    shown = list(judged.missing[:5])
    if len(judged.missing) > len(shown):
        shown.append(f"and {len(judged.missing) - len(shown)} more arms or reasons")
    return [
        (
            f"No verdict yet: {planned - there} of {planned} confirm trials have no result. What "
            "stands here are estimates; a verdict counts on every planned replicate."
        ),
        f"Missing: {'; '.join(shown)}.",
    ]


def _leader(results: Results, judged: Judged) -> list[str]:
    """The best mean, and what may be said about it."""
    rule, units, labels = judged.rule, judged.units, [arm.label for arm in results.arms]
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
    caution = " Whether it also beats the other arms was not tested." if len(labels) > 2 else ""
    text = f"The best mean {units.name} is that of {labels[best]}, {value}; it is {standing}."
    return [f"{text}{caution}"]


def _scope(results: Results, judged: Judged) -> list[str]:
    """What the answer speaks of."""
    study, metric, card = results.study, results.metric, results.card
    if not judged.verdicts:
        return []
    where = {
        "test": f"on these {card.tests:,} test cases",
        "val": "on validation cases of this data",
        "train": "on training cases of this data",
    }[metric.split]
    given = ", given the hyperparameters chosen for each arm" if study.tune else ""
    return [f"This holds {where}{given}, over {study.replicates} paired replicates."]


def _against(judged: Judged) -> list[str]:
    """How the arms stand against methods that train no network."""
    words = [verdict.word for one in judged.references for verdict in one.verdicts]
    if not words:
        return []
    counts = [f"{words.count(word)} {text}" for word, text in _COUNTED.items() if word in words]
    pairs = wording.count(len(words), "comparison")
    return [f"Against methods that train no network, of {pairs}: {wording.listed(counts)}."]


def _reservations(results: Results, judged: Judged) -> list[str]:
    """What a reader must know before trusting the answer."""
    return [
        *_failures(results, judged),
        *_contradictions(results, judged),
        *_zeros(results, judged),
        *_undeclared(results, judged),
        *_revised(results),
    ]


def _failures(results: Results, judged: Judged) -> list[str]:
    """Which arms diverged, and how often the others still may."""
    confirm, replicates = results.confirm, results.study.replicates
    diverged = confirm.loc[confirm["status"] == "diverged", "arm"].value_counts().sort_index()
    possible = wording.percent_of(estimates.share(0, replicates, 0.95).high)
    if not len(diverged):
        if not judged.verdicts:
            return []
        return [
            (
                f"No training diverged; after 0 of {replicates}, a failure rate of up to "
                f"{possible} per arm is still possible."
            ),
        ]
    parts = [
        f"{results.arms[int(arm)].label} in {count} of {replicates}"
        for arm, count in diverged.items()
    ]
    text = f"Trainings diverged: {wording.listed(parts, most=6)}."
    return [f"{text} Signed ranks decide there, and a diverged trial is the worst result."]


def _contradictions(results: Results, judged: Judged) -> list[str]:
    """Means that a few replicates have made."""
    arms = [
        results.arms[verdict.arm].label
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


def _zeros(results: Results, judged: Judged) -> list[str]:
    """Losses that have no ratio, or no logarithm."""
    if judged.negative:
        text = f"{judged.units.name} is below zero in places, where ratios mean nothing"
        margin = ", without a margin" if results.study.margin is not None else ""
        return [f"{text[:1].upper()}{text[1:]}: its differences are judged as they are{margin}."]
    arms = [
        results.arms[verdict.arm].label for verdict in judged.verdicts if verdict.comparison.zeros
    ]
    if not arms:
        return []
    return [
        (
            "A loss of exactly zero has no ratio: signed ranks decide about "
            f"{wording.listed(arms)}, and zero is the best result."
        ),
    ]


def _undeclared(results: Results, judged: Judged) -> list[str]:
    """A baseline that nobody declared."""
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
    """Changes of the plan when there were results to look at."""
    late = [one for one in results.revisions if one.finished and one.changed]
    if not late:
        return []
    keys = wording.listed(list(dict.fromkeys(key for one in late for key in one.changed)))
    trials = wording.count(late[0].finished, "trial")
    return [f"The study was changed when {trials} had finished ({keys}): see changes of the plan."]
