"""What the page says around its tables and figures."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from reports import figures, tables, wording
from reports.page.markup import Item, Plate, Section, grid, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged


def facts(results: Results, judged: Judged) -> list[Item]:
    """The study in a few numbers."""
    study, card = results.study, results.card
    found = [
        Item(name="Decided by", value=judged.units.axis),
        Item(name="Baseline", value=results.arms[judged.baseline].label),
        Item(name="Arms", value=str(len(results.arms))),
        Item(name="Paired replicates", value=str(study.replicates)),
        Item(name="Data", value=f"{_data(results)}, {card.cases + card.tests:,} cases"),
        Item(name="Network", value=study.template),
    ]
    if study.tune:
        found.append(Item(name="Tuning", value=f"{study.tune.trials} candidates per arm"))
    return found


def verdict_caption(results: Results, judged: Judged) -> str:
    """What the columns of the verdict table mean."""
    rule, level = judged.rule, wording.percent(judged.rule.confidence)
    mean = "geometric mean" if rule.scale == "log" else "mean"
    held = (
        f"The interval has {level} confidence."
        if rule.family == 1
        else f"The {rule.family} intervals share a confidence of {level}."
    )
    text = (
        f"Differences are to the baseline, {results.arms[judged.baseline].label}, paired by "
        f"replicate{' and relative' if judged.units.relative else ''}. {held} Mean: {mean} over "
        "the arm's own n replicates."
    )
    if any(verdict.comparison.pairs < results.study.replicates for verdict in judged.verdicts):
        text += " Differences use the replicates that are finished in both arms."
    return text if judged.verdicts else f"Mean: {mean} over n replicates."


def sections(results: Results, judged: Judged) -> list[Section]:
    """The parts between the verdicts and the provenance; those without content are left out."""
    found = [
        _forest(results, judged),
        _curves(results, judged),
        _spread(results, judged),
        _tuning(results, judged),
        _references(results, judged),
        _factors(results, judged),
        _others(results),
        _bias(results, judged),
        _skipped(results),
        _history(results),
    ]
    return [section for section in found if section is not None]


def method(results: Results, judged: Judged) -> list[Item]:
    """The method in words."""
    rule, number = judged.rule, judged.rule.family
    scale = (
        "Differences are differences of logarithms, printed as percent change, because losses "
        "are skewed. "
        if judged.units.relative
        else ""
    )
    items = [
        Item(
            name="Paired replicates",
            value="Replicate r has the same train and validation split, the same underlying "
            "initial draws and the same batch order in every arm. What is compared is the "
            "difference within each replicate, not two separate averages.",
        ),
        Item(
            name="The interval",
            value=f"{scale}The exact sign-flip test of the mean difference, inverted: were two "
            "arms alike, exchanging them within a pair would change nothing, so that all signs of "
            "the differences are equally likely. The interval holds every mean that this test "
            f"does not reject, at a level of {100 * rule.level:.3g} % shared by "
            f"{wording.count(number, 'comparison')} (Bonferroni). Verdict, interval and p are one "
            "statement. The interval covers the true mean as often as it says where differences "
            "are symmetric; with few replicates of skewed ones it covers it less often, and no "
            "interval knows of a rare failure that was never seen.",
        ),
        Item(
            name="What it speaks of",
            value=_speaks(results),
        ),
        Item(
            name="The verdict",
            value="An arm is better or worse when its simultaneous interval excludes zero, which "
            f"is when its adjusted p is {rule.level:.3g} or less. Undecided is not equal: "
            f"the interval says what differences remain possible. {_fewest(judged)}"
            + _margin(judged),
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
    return [*items, *_search_method(results)]


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
    """What this family takes to be decided at all."""
    rule = judged.rule
    family = wording.count(rule.family, "comparison")
    return f"Fewer than {rule.fewest} pairs cannot decide {family}."


def _pairing(judged: Judged) -> list[Item]:
    """What pairing was worth, as a factor."""
    factors = [verdict.comparison.pairing for verdict in judged.verdicts]
    known = sorted(factor for factor in factors if isfinite(factor))
    if not known:
        return []
    middle = known[len(known) // 2]
    without = (
        f"x{middle:.2f} ({known[0]:.2f} to {known[-1]:.2f})" if known[1:] else f"x{middle:.2f}"
    )
    value = (
        f"{without}: without pairs, the same precision would have taken so many times the "
        "replicates (variance of both arms over variance of their difference; below 1, pairing "
        "cost precision)."
    )
    return [Item(name="What pairing was worth", value=value)]


def _margin(judged: Judged) -> str:
    if judged.rule.margin is None:
        return ""
    margin = judged.units.margin(judged.rule.margin)
    return f" Equivalent means that the whole interval lies within {margin} of the baseline."


def _plate(figure: Figure, name: str, title: str, caption: str) -> Plate:
    return Plate(title=title, svg=svg(figure, name, f"{title}. {caption}"), caption=caption)


def _some(results: Results) -> str:
    """That a figure leaves arms out, if it does."""
    left_out = len(results.arms) - figures.MOST
    if left_out <= 0:
        return ""
    return (
        f" Shown are the baseline and the {figures.MOST - 1} arms with the best means; "
        f"{left_out} others are in the tables only."
    )


def _forest(results: Results, judged: Judged) -> Section | None:
    figure = figures.forest(results, judged)
    if figure is None:
        return None
    level = wording.percent(judged.rule.confidence)
    caption = (
        f"Bars: {level} simultaneous intervals; large dots: mean differences; small dots: single "
        "replicates. A bar beside the line at zero is a real difference, though perhaps a small "
        "one. "
        "An arrow at the edge: it goes on beyond the axis."
    )
    if judged.rule.margin is not None:
        caption += " The grey band is the equivalence margin."
    if any(np.isinf(verdict.comparison.differences).any() for verdict in judged.verdicts):
        caption += " Crosses at the edge: replicates in which one of the two arms diverged."
    title = "Differences from the baseline"
    plate = _plate(figure, "forest", title, caption + _some(results))
    return Section(id="differences", title=title, figures=(plate,))


def _curves(results: Results, judged: Judged) -> Section | None:
    figure = figures.curves(results, judged)
    if figure is None:
        return None
    caption = (
        "Median over confirm replicates on their validation data; band: the middle half. The "
        "axis shows the later epochs in full and may cut off the first ones. A line ends where "
        "half of the replicates have diverged."
    )
    plate = _plate(figure, "curves", "Learning curves", caption + _some(results))
    return Section(id="curves", title="Learning curves", figures=(plate,))


def _spread(results: Results, judged: Judged) -> Section:
    caption = (
        f"A dot per replicate; bar: {wording.percent(judged.rule.confidence)} interval of the "
        "arm's own mean, not of a difference: arms whose bars overlap can still differ, because "
        "replicates are paired. Dashed line: mean of the baseline."
    )
    if judged.references:
        caption += " Hollow marks: means of methods that train no network."
    plate = _plate(
        figures.spread(results, judged), "spread", "Every replicate", caption + _some(results)
    )
    return Section(id="replicates", title="Every replicate", figures=(plate,))


def _tuning(results: Results, judged: Judged) -> Section | None:
    table = tables.formatted_tuning(results)
    if table.empty:
        return None
    plates = []
    for index, name in enumerate(figures.searched(results)):
        figure = figures.sensitivity(results, judged, name)
        if figure is not None:
            caption = (
                "A dot per candidate; ring: the chosen one; cross: diverged. A choice at the end "
                "of its range may have its optimum outside." + _some(results)
            )
            title = f"Sensitivity to {name.replace('_', ' ')}"
            plates.append(_plate(figure, f"sensitivity{index}", title, caption))
    texts = []
    found = tables.edges(results)
    if found:
        arms = [results.arms[arm].label for arm in sorted(found)]
        texts.append(
            f"In {len(found)} of {wording.count(len(results.arms), 'arm')} the chosen candidate is "
            f"the one nearest to an end of the search range ({wording.listed(arms)}). Their "
            "optimum may lie outside: consider a wider range."
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
        caption = f"Mean {judged.units.name} of every arm; darker is better."
        plates.append(_plate(figure, "cells", "Mean of every arm", caption))
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
    """What the tables of factors show."""
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
            f"{level} holds for each family, not for the three at once."
        ),
        (
            "The second table says how much more a level does with a level of another factor than "
            "with the baseline's (a difference of differences). The last one describes and tests "
            "nothing: what share of the variance of all trainings comes from where."
        ),
    ]
    if len(found.main) and len({*(one.factor for one in found.main)}) > 2:
        texts.append("Interactions of three factors or more were not tested.")
    for factor in sorted(found.contradicted):
        names = dict.fromkeys(
            name for one in found.main if one.factor == factor for name in one.contradicted
        )
        texts.append(
            f"What {factor} does depends on {wording.listed([*names])}: an average would hide "
            "where the effect turns or vanishes. Its levels stand with each level of the others."
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


def _failed(results: Results) -> list[str]:
    """What of the references has no result."""
    rows = results.measured[results.measured["status"] != "completed"]
    label = {one.index: one.label for one in results.references}
    found = {label[row.arm]: row.reason or row.status for row in rows.itertuples()}
    return [f"{name} is missing replicates: {reason}." for name, reason in found.items()]


def _others(results: Results) -> Section | None:
    table = tables.formatted_others(results)
    if table.empty:
        return None
    text = (
        "What else was measured, with the same weights: means over replicates, empty where one "
        "is missing or has diverged. They describe; only the deciding metric was tested."
    )
    return Section(id="others", title="Other metrics", texts=(text,), tables=(grid(table),))


def _bias(results: Results, judged: Judged) -> Section | None:
    table = tables.formatted_bias(results, judged)
    if table.empty or results.study.tune is None:
        return None
    text = (
        "The best of several candidates looks better than it is. The chosen hyperparameters were "
        "trained again with fresh random streams; both columns show "
        f"{results.study.tune.objective}. Positive: the search flattered its choice. "
        "Negative: few trainings judged a candidate, and those of the chosen one were unlucky. "
        "The verdicts use fresh trials only."
    )
    return Section(id="bias", title="Selection bias", texts=(text,), tables=(grid(table),))


def _skipped(results: Results) -> Section | None:
    if results.skipped.empty:
        return None
    total = len(results.trials)
    number = len(results.skipped)
    text = f"{number} of {wording.count(total, 'trial')} enter no estimate."
    table = tables.formatted_skipped(results)
    return Section(id="skipped", title="Trials left out", texts=(text,), tables=(grid(table),))


def _history(results: Results) -> Section | None:
    table = tables.formatted_history(results)
    if table.empty:
        return None
    text = (
        "The study was changed after it was first stored. Confidence holds for a plan that does "
        "not depend on results: a change made after some had finished is for the reader to weigh."
    )
    return Section(id="history", title="Changes of the plan", texts=(text,), tables=(grid(table),))


def _data(results: Results) -> str:
    return results.card.label.replace("\\", "/").rstrip("/").rpartition("/")[2]
