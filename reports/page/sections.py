"""Sections of the page: the texts around its tables and figures."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import catalog
from reports import figures, tables, verdicts, wording
from reports.page import seen
from reports.page.forks import called
from reports.page.inside import alarmed, inside, plated
from reports.page.learned import learned
from reports.page.markup import Fold, Item, Section, grid
from reports.page.markup import narrow as _narrow
from reports.page.markup import plate as _plate

if TYPE_CHECKING:
    from collections.abc import Callable

    from reports.frames import Results
    from reports.verdicts import Judged

_ROWS = 16
"""Rows of a table of savings that need not be opened."""


def verdict_caption(judged: Judged) -> str:
    """Explain the columns of the verdict table."""
    rule, level = judged.rule, wording.percent(judged.rule.confidence)
    mean = "geometric mean" if rule.scale == "log" else "mean"
    held = (
        f"The interval has {level} confidence."
        if rule.family == 1
        else f"The {rule.family} intervals share a confidence of {level}."
    )
    text = (
        f"Differences are to the baseline, {judged.labels[judged.baseline]}, paired by "
        f"replicate{' and relative' if judged.units.relative else ''}. {held} Mean: {mean} over "
        "the arm's own n replicates."
    )
    if any(verdict.comparison.pairs < judged.replicates for verdict in judged.verdicts):
        text += " Differences use the replicates that are finished in both arms."
    return text if judged.verdicts else f"Mean: {mean} over n replicates."


def sections(results: Results, judged: Judged) -> list[Section]:
    """The parts between the verdicts and the provenance; those without content are left out."""
    parts: list[Callable[[], Any]] = [
        partial(_curves, results, judged),
        partial(forest, judged),
        partial(_labels, results, judged),
        partial(_samples, results, judged),
        *seen.sections(results, judged),
        partial(spread, judged),
        partial(_tuning, results, judged),
        partial(_factors, results, judged),
        partial(inside, results, judged),
        partial(alarmed, results),
        partial(learned, results, judged),
        partial(_failures, results),
        partial(_bias, results, judged),
        partial(_sources, results),
        partial(_references, results, judged),
        partial(_budgets, results),
        partial(_others, results),
        partial(_history, results),
    ]
    plates = [partial(plated, name, results, judged) for name in figures.INSIDE]
    # The slowest to draw is begun first, the answer shown first.
    made: list[Any] = called([*parts, *(plates if len(results.inside) else [])])
    curves, answer, *rest = made[: len(parts)]
    drawn = tuple(plate for plate in made[len(parts) :] if plate)
    return [
        replace(one, figures=drawn) if one.id == "inside" else one
        for one in (answer, curves, *rest)
        if one is not None
    ]


def method(results: Results, judged: Judged) -> list[Item]:
    """The method of a study in words."""
    return [
        Item(
            name="Paired replicates",
            value="Replicate r has the same train and validation split, the same underlying "
            "initial draws and the same batch order in every arm. What is compared is the "
            "difference within each replicate, not two separate averages.",
        ),
        Item(name="What it speaks of", value=_speaks(results)),
        *rules(judged),
        *_search_method(results),
    ]


def rules(judged: Judged) -> list[Item]:
    """The rule of the verdicts in words."""
    rule, number = judged.rule, judged.rule.family
    scale = (
        "Differences are differences of logarithms, printed as percent change, because losses "
        "are skewed. "
        if judged.units.relative
        else ""
    )
    return [
        Item(
            name="The interval",
            value=f"{scale}The exact sign-flip test of the mean difference, inverted: if two "
            "arms were alike, swapping them within a pair would change nothing, so every pattern "
            "of signs would be equally likely. The interval holds every mean that this test "
            f"does not reject, at a level of {100 * rule.level:.3g} % shared by "
            f"{wording.count(number, 'comparison')} (Bonferroni). Verdict, interval and p are one "
            "statement. The interval covers the true mean as often as it says where differences "
            "are symmetric; with few replicates of skewed ones it does so less often, and no "
            "interval knows of a rare failure that was never seen. Measured with real trainings "
            "(docs/calibration.md): where arms are equal but for chance, at most 4.3 % of studies "
            "made a false claim; where two arms of equal mean differ in shape, one of them failing "
            "at times, 9 to 11 % did.",
        ),
        Item(
            name="The verdict",
            value=f"{_margin(judged)}An arm is better or worse when its simultaneous interval "
            f"excludes zero, which is when its adjusted p is {rule.level:.3g} or less; undecided "
            "when it does not. Undecided does not mean equal: the interval says what differences "
            f"remain possible. {_fewest(judged)}",
        ),
        Item(
            name="Intervals in parentheses",
            value="Student's, which assumes normal differences; shown where the exact interval "
            "is open, as a description. It decides nothing.",
        ),
        Item(
            name="Diverged trials",
            value="A training that reaches a number that is not finite has diverged. That is a "
            "result, and the worst one: no mean is printed then. Signed ranks decide (exact, with "
            "the same level and the same margin) about the typical difference, and the share of "
            "failures stands beside it. Two diverged trials tie.",
        ),
        *_pairing(judged),
    ]


def _search_method(results: Results) -> list[Item]:
    study, tested = results.study, results.metric.split == "test"
    items = []
    if study.tune:
        items.append(
            Item(
                name="Tuning",
                value=f"Every arm had the same budget of {study.tune.trials} candidates, judged "
                f"by {study.tune.objective} on validation data. The chosen one was trained anew "
                "with fresh random streams; only those confirm trials enter the verdicts.",
            )
        )
    if tested:
        items.append(
            Item(
                name="The test split",
                value="It is fixed per data set and was not touched before the confirm trials. "
                + (
                    f"They are tested with the weights of the best epoch by {study.best}."
                    if results.metric.epoch == "best"
                    else "They are tested with the weights of the last epoch."
                ),
            )
        )
    return items


def _speaks(results: Results) -> str:
    """The scope of the intervals."""
    tuned = (
        " and the hyperparameters chosen in this search; another search might have chosen others"
        if results.study.tune
        else ""
    )
    return (
        "Trainings on splits of this data, tested on this one test split, given the settings"
        f"{tuned}. Replicates share the pool of cases that train and validation are drawn from, "
        "so the intervals say what another draw of split, weights and order would give, and not "
        "what other data would. Confidence is for a number of replicates fixed beforehand: adding "
        "some because the answer looked close makes wrong verdicts more likely."
    )


def _fewest(judged: Judged) -> str:
    """Sentence on the fewest pairs that can decide a comparison in this family."""
    rule = judged.rule
    family = wording.count(rule.family, "comparison")
    return f"Fewer than {rule.fewest} pairs cannot decide {family}."


def _pairing(judged: Judged) -> list[Item]:
    """Fact about the gain by pairing, as a factor."""
    factors = [verdict.comparison.pairing for verdict in judged.verdicts]
    known = sorted(factor for factor in factors if isfinite(factor))
    if not known:
        return []
    middle = known[len(known) // 2]
    span = f"Median {middle:.2f}, range {known[0]:.2f} to {known[-1]:.2f}"
    value = (
        f"{span if known[1:] else f'{middle:.2f}'}: without pairs, the same precision would have "
        "taken that many times as many replicates (variance of both arms over variance of their "
        "difference). Below 1, pairing cost precision."
    )
    return [Item(name="What pairing was worth", value=value)]


def _margin(judged: Judged) -> str:
    if judged.rule.margin is None:
        return ""
    margin = judged.units.margin(judged.rule.margin)
    return (
        f"An arm is equivalent when its whole interval lies within {margin} of the baseline, even "
        "if it excludes zero: the difference is then real but negligible. Otherwise: "
    )


def _some(judged: Judged) -> str:
    """Sentence on the arms that a figure leaves out; empty if it shows all."""
    left_out = len(judged.labels) - figures.MOST
    if left_out <= 0:
        return ""
    return (
        f" Shown are the baseline and the {figures.MOST - 1} arms with the best means; "
        f"{left_out} others are in the tables only."
    )


def forest(judged: Judged) -> Section | None:
    """Every arm against the baseline; none without another arm."""
    figure = figures.forest(judged)
    if figure is None:
        return None
    level = wording.percent(judged.rule.confidence)
    caption = (
        f"Bars: {level} simultaneous intervals; large dots: mean differences; small dots: single "
        "replicates. A bar that does not touch zero is a real difference, perhaps a small one. An "
        "arrow means that it goes on beyond the axis. A thin dashed line: Student's interval, "
        "where too few pairs leave the exact one open."
    )
    if judged.rule.margin is not None:
        caption += " The grey band is the equivalence margin."
    if any(np.isinf(verdict.comparison.differences).any() for verdict in judged.verdicts):
        caption += " Crosses at the edge: replicates in which one of the two arms diverged."
    title = "Differences from the baseline"
    plate = _plate(
        figure, "forest", title, caption + _some(judged), _narrow(lambda: figures.forest(judged))
    )
    return Section(id="differences", title=title, figures=(plate,))


def _curves(results: Results, judged: Judged) -> Section | None:
    figure = figures.curves(results, judged)
    if figure is None:
        return None
    decides = figures.curved(results) == figures.decided(results)
    chosen = (
        ""
        if decides
        else (
            f"{results.metric.name} is measured once, at the end; shown is what chose the best "
            "epoch. "
        )
    )
    caption = (
        f"{chosen}Median over confirm replicates on their validation data; band: the middle half. "
        "The "
        "axis shows the later epochs in full and may cut off the first ones. A line ends where "
        "half of the replicates have diverged."
    )
    plate = _plate(
        figure,
        "curves",
        "Learning curves",
        caption + _some(judged),
        _narrow(lambda: figures.curves(results, judged)),
    )
    return Section(id="curves", title="Learning curves", figures=(plate,))


def spread(judged: Judged) -> Section:
    """Every replicate of every arm."""
    caption = (
        f"A dot per replicate; bar: {wording.percent(judged.rule.confidence)} interval of the "
        "arm's own mean, not of a difference: arms whose bars overlap can still differ, because "
        "replicates are paired. Dashed line: mean of the baseline."
    )
    if judged.references:
        caption += " Hollow marks: means of methods that train no network."
    plate = _plate(
        figures.spread(judged),
        "spread",
        "Every replicate",
        caption + _some(judged),
        _narrow(lambda: figures.spread(judged)),
    )
    return Section(id="replicates", title="Every replicate", figures=(plate,))


def _labels(results: Results, judged: Judged) -> Section | None:
    """Metric against labels, and labels saved, where a study varies their number."""
    figure = figures.labels(results, judged)
    if figure is None:
        return None
    level = wording.percent(judged.rule.confidence)
    ladders = verdicts.ladders(results)
    base = ladders[0].label
    caption = (
        f"Means over confirm replicates; bars: {level} intervals of the means, each by itself, "
        "moved apart a little. Arms may differ although their bars overlap, because replicates "
        "are paired."
    )
    if len(ladders) > figures.TOGETHER:
        caption += f" In every panel, thin: {base}; grey: all others."
    if len(ladders) > figures.MOST:
        caption += f" {len(ladders) - figures.MOST} arms are in the table only."
    if judged.grid.diverged.any():
        caption += " A cross at the edge: a training diverged, so there is no mean."
    plate = _plate(
        figure,
        "labels",
        "Labels and what they are worth",
        caption,
        _narrow(lambda: figures.labels(results, judged)),
    )
    text = (
        f"How many labels {base} needs to do what another arm does, as a multiple of that arm's "
        "own: read off the curves of the means, which are made monotone and joined by straight "
        "lines over the logarithm of the number. A bound, < or >, stands where the answer lies "
        "outside the numbers that were tried."
    )
    drawn = (
        "Intervals come from drawing whole replicates again, the same ones for both arms; each "
        f"has about {level} confidence by itself. They describe; the verdicts test."
    )
    table, title = tables.formatted_savings(results, judged), "Labels saved"
    told = [drawn] if f"{level} interval" in table else []
    shown, long = grid(table), len(table) > _ROWS
    return Section(
        id="labels",
        title=title,
        texts=(text, *tables.saved(results, judged), *told, *tables.unsaved(results, judged)),
        figures=(plate,),
        tables=() if long else (shown,),
        folds=(Fold(title="Arm by arm", tables=(shown,)),) if long else (),
    )


def _samples(results: Results, judged: Judged) -> Section | None:
    """Generated cases, where the study generates some that can be looked at."""
    texts = {
        figures.developing: (
            "samples",
            "How generated cases develop",
            "Replicate 0 of every arm, from the same random numbers in every arm and epoch.",
        ),
        figures.replicated: (
            "samples_replicates",
            "What every replicate came to",
            "After the last of these epochs.",
        ),
    }
    points = " Blue: generated; grey: real ones." if results.card.shape == (2,) else ""
    plates = []
    for draw, (name, title, caption) in texts.items():
        figure = draw(results, judged)
        if figure is not None:
            small = _narrow(partial(draw, results, judged))
            plates.append(_plate(figure, name, title, caption + points + _some(judged), small))
    if not plates:
        return None
    return Section(id="samples", title="Generated cases", figures=tuple(plates))


def _tuning(results: Results, judged: Judged) -> Section | None:
    table = tables.formatted_tuning(results)
    if table.empty:
        return None
    plates = []
    for index, name in enumerate(figures.searched(results)):
        figure = figures.sensitivity(results, judged, name)
        if figure is not None:
            caption = (
                "A dot per candidate; ring: the chosen one; cross: diverged or failed. A choice "
                "at the end of its range may have its optimum outside." + _some(judged)
            )
            title = f"Sensitivity to {name.replace('_', ' ')}"
            plates.append(
                _plate(
                    figure,
                    f"sensitivity{index}",
                    title,
                    caption,
                    _narrow(partial(figures.sensitivity, results, judged, name)),
                )
            )
    texts = []
    found = tables.edges(results)
    if found:
        arms = [results.arms[arm].label for arm in sorted(found)]
        texts.append(
            f"In {len(found)} of {wording.count(len(results.arms), 'arm')} the chosen candidate is "
            f"the one nearest to an end of the search range ({wording.listed(arms)}). Their "
            "optimum may lie outside: consider a wider range."
        )
    lost = int((results.candidates["failed"] > 0).sum())
    if lost:
        texts.append(
            f"{wording.count(lost, 'candidate')} could not be chosen, as a training in the search "
            "failed or is missing: nothing can be said of its mean."
        )
    return Section(
        id="tuning",
        title="Tuning inside every arm",
        texts=tuple(texts),
        figures=tuple(plates),
        tables=(grid(table),),
    )


def _factors(results: Results, judged: Judged) -> Section | None:
    if len(results.study.factors) < 2:
        return None
    found = judged.factorial
    figure = figures.cells(results, judged)
    texts, shown = [], []
    if found is not None and found.why:
        texts = [f"Averages over arms, and effects of single levels, are left out: {found.why}."]
    elif found is not None:
        texts = _effects_told(judged)
        shown = [
            tables.formatted_effects(results, judged),
            tables.formatted_interactions(judged),
            tables.formatted_shares(results, judged),
        ]
    plates = []
    if figure is not None:
        within = "the margin" if judged.rule.margin else "half the usual interval"
        caption = (
            f"Mean {judged.units.name} of every arm. Color: difference from the baseline, blue "
            f"better, orange worse, neutral within {within}."
        )
        plates.append(
            _plate(
                figure,
                "cells",
                "Mean of every arm",
                caption,
                _narrow(lambda: figures.cells(results, judged)),
            )
        )
    if not texts and not plates:
        return None
    return Section(
        id="factors",
        title="Factors",
        texts=tuple(texts),
        figures=tuple(plates),
        tables=tuple(grid(table) for table in shown if not table.empty),
    )


def _effects_told(judged: Judged) -> list[str]:
    """Sentences that explain the tables of factors."""
    assert judged.factorial is not None
    found, level = judged.factorial, wording.percent(judged.rule.confidence)
    sizes = [
        wording.count(len(family), noun)
        for family, noun in (
            (found.main, "average effect"),
            (found.interactions, "interaction"),
            (found.simple, "single-level effect"),
        )
    ]
    texts = [
        (
            "Each level against the baseline's level of the same factor, replicate by replicate, "
            f"by the same exact test as the arms. {wording.listed(sizes)} are three families: "
            f"each has a confidence of {level}, and none is claimed across them."
        ),
        (
            "The second table says how much more a level does with a level of another factor than "
            "with the baseline's (a difference of differences). The last table is "
            "descriptive and tests nothing: what share of the variance comes from where."
        ),
    ]
    if len(found.main) and len({*(one.factor for one in found.main)}) > 2:
        texts.append("Interactions of three factors or more were not tested.")
    for factor in sorted(found.contradicted):
        names = dict.fromkeys(
            name for one in found.main if one.factor == factor for name in one.contradicted
        )
        texts.append(
            f"The effect of {factor} depends on {wording.listed([*names])}, and an average would "
            f"hide where it reverses or disappears: the table shows {factor} separately for each."
        )
    return texts


def _references(results: Results, judged: Judged) -> Section | None:
    table = tables.formatted_references(results, judged)
    if table.empty:
        return None
    level, count = wording.percent(judged.rule.confidence), len(table)
    text = (
        "Methods that train no network, fitted on the training cases of the same replicates and "
        "tested on the same cases. Differences are of the arm to the method; their intervals are a "
        f"family of their own: {wording.count(count, 'interval')} share a confidence of {level}. "
        "Nothing about these methods was tuned."
    )
    return Section(
        id="references",
        title="Against methods that train no network",
        texts=(text, *_failed(results)),
        tables=(grid(table),),
    )


def _sources(results: Results) -> Section | None:
    table = tables.formatted_sources(results)
    if table.empty:
        return None
    text = (
        "Each is trained once per replicate, for all arms that start there, and hands on the "
        "weights of its best epoch. It has a new optimizer, and other random numbers than the "
        "arms. Its own result is of test cases of its own data: it says whether there was "
        "something to hand on, and takes no part in the verdicts."
    )
    title = "Where arms start from"
    if catalog.TASKS[results.card.task].generates:
        title = "What images are compared by"
        text = (
            "A small convolutional network, trained once to tell the classes of the data. The "
            "metrics called classifier_... are distances between what its last layer is given, of "
            "real and of as many generated test cases; classifier_frechet_floor is what real cases "
            "get. They are no FID, and hold within this study."
        )
    return Section(id="sources", title=title, texts=(text,), tables=(grid(table),))


def _failed(results: Results) -> list[str]:
    """Sentences on the references that lack results."""
    rows = results.measured[results.measured["status"] != "completed"]
    label = {one.index: one.label for one in results.references}
    found = {label[row.arm]: row.reason or row.status for row in rows.itertuples()}
    return [f"{name} is missing replicates: {reason}." for name, reason in found.items()]


def _budgets(results: Results) -> Section | None:
    """Rankings after shorter trainings, of generators, for which they are known to turn."""
    table = tables.formatted_budgets(results)
    if table.empty or not catalog.TASKS[results.card.task].generates:
        return None
    leading = tables.leaders(results)
    same = len({*leading.values()}) == 1
    led = "The same arm leads at all of them." if same else (
        "They do not agree: " + "; ".join(f"{name}, {arm} leads" for name, arm in leading.items())
        + "."
    )  # fmt: skip
    text = (
        f"The arms after so many epochs of the same trainings, by {results.metric.name} of the "
        f"validation cases; in parentheses the rank. {led} Means describe; they were not tested."
    )
    return Section(id="budgets", title="At other budgets", texts=(text,), tables=(grid(table),))


def _others(results: Results) -> Section | None:
    table = tables.formatted_others(results)
    if table.empty:
        return None
    text = (
        "What else was measured, with the same weights: means over replicates (in parentheses "
        "their standard deviation), empty where one is missing or has diverged. Bold: the best "
        "mean. They describe; only the deciding metric was tested."
    )
    shown = grid(table, best=tables.best_others(results))
    return Section(id="others", title="Other metrics", texts=(text,), tables=(shown,))


def _bias(results: Results, judged: Judged) -> Section | None:
    table = tables.formatted_bias(results, judged)
    if table.empty or results.study.tune is None:
        return None
    order = sorted(range(len(table)), key=lambda row: judged.biases[row].optimism)
    least, most = (table["Search looked better by"].iloc[order[end]] for end in (0, -1))
    span = least if least == most else f"{least} to {most}"
    text = (
        f"Optimism of the search ({results.study.tune.objective}): {span}. The verdicts use fresh "
        "trainings only."
    )
    why = (
        "The best of several candidates looks better than it is. The chosen hyperparameters were "
        "trained again with fresh random streams. Positive: the search flattered its choice. "
        "Negative: few trainings judged a candidate, and those of the chosen one were unlucky."
    )
    fold = Fold(title="Arm by arm", texts=(why,), tables=(grid(table),))
    return Section(id="bias", title="Selection bias", texts=(text,), folds=(fold,))


def _failures(results: Results) -> Section | None:
    counts = tables.statuses(results)
    diverged = [
        f"{row.label} in {row.diverged} of {row.planned}"
        for row in counts.itertuples()
        if row.diverged
    ]
    texts = [f"Trainings diverged: {wording.listed(diverged, most=12)}."] if diverged else []
    number = len(results.skipped)
    if number:
        total = wording.count(len(results.trials), "trial")
        texts.append(f"{number} of {total} enter no estimate.")
    if not texts:
        return None
    shown = (grid(tables.formatted_skipped(results)),) if number else ()
    return Section(id="failures", title="Failures", texts=tuple(texts), tables=shown)


def _history(results: Results) -> Section | None:
    table = tables.formatted_history(results)
    if table.empty:
        return None
    text = (
        "The study was changed after it was first stored. Confidence holds for a plan that does "
        "not depend on results: a change made after some had finished is for the reader to weigh."
    )
    return Section(id="history", title="Changes of the plan", texts=(text,), tables=(grid(table),))
