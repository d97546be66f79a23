"""Sentences on the levels of factors, one for each factor."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from harness.spec import Arm, label
from reports import wording
from reports.verdicts.groups import grouped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.spec import Level
    from reports.verdicts.factors import Effect, Factorial
    from reports.verdicts.rules import Rule, Word
    from reports.wording import Units

    Factors = Mapping[str, Sequence[Level]]

_SAID = frozenset({"better", "worse", "equivalent"})
_ORDER: tuple[Word, ...] = (
    "better",
    "worse",
    "equivalent",
    "undecided",
    "no difference observed",
)


def by_level(found: Factorial, factors: Factors, rule: Rule, units: Units) -> list[str]:
    """A sentence for each factor; each claim in it was tested.

    A level that does the same with all levels of the other factors has one clause for all of them.
    Otherwise the average over them speaks where no interaction contradicts it, and else each of
    them.

    Args:
        found: the effects.
        factors: levels by factor.
        rule: how they were judged.
        units: how the metric is written.
    """
    several = {name: levels for name, levels in factors.items() if len(levels) > 1}
    sentences = []
    for factor in several:
        mains = [one for one in found.main if one.factor == factor]
        cells = [one for one in found.simple if one.factor == factor]
        others = {name: levels for name, levels in several.items() if name != factor}
        count = len(cells) // len(mains)
        alike: dict[tuple[str, ...], list[tuple[Effect, Sequence[Effect]]]] = {}
        for place, main in enumerate(mains):
            its = cells[place * count : (place + 1) * count]
            alike.setdefault(_pattern(main, its), []).append((main, its))
        clauses = [
            f"{wording.listed([label(main.level) for main, _ in levels])} "
            f"{'are' if len(levels) > 1 else 'is'} "
            f"{', '.join(_claims(levels, others, rule, units))}"
            for levels in alike.values()
        ]
        name = factor.replace("_", " ")
        against = f"{name[:1].upper()}{name[1:]}, against {label(mains[0].against)}"
        sentences.append(f"{against}: {'; '.join(clauses)}.")
    return sentences


def by(differences: Sequence[float], units: Units) -> str:
    """A range of differences without their signs, such as `` by 1.0 to 2.5 points``."""
    if not differences or not np.isfinite(differences).all():
        return ""
    amounts = [units.amount(difference) for difference in differences]
    low, high = (find(amounts, key=lambda pair: pair[0])[1] for find in (min, max))
    return f" by {low if low == high else f'{units.bare(low)} to {high}'} of {units.name}"


def _pattern(main: Effect, cells: Sequence[Effect]) -> tuple[str, ...]:
    """Pattern of a level's verdicts: the same everywhere, one on average, or a verdict per cell."""
    words = {one.word for one in cells}
    if len(words) == 1 and words <= _SAID:
        return (*words, "with any")
    if main.word in _SAID and not main.contradicted:
        return (main.word, "on average")
    return tuple(one.word for one in cells)


def _claims(
    levels: Sequence[tuple[Effect, Sequence[Effect]]], others: Factors, rule: Rule, units: Units
) -> Iterator[str]:
    """Claims about levels that share one pattern."""
    main, cells = levels[0]
    pattern = _pattern(main, cells)
    every = wording.listed([f"any {name.replace('_', ' ')}" for name in others])
    if pattern[1:] == ("on average",):
        names = wording.listed([name.replace("_", " ") for name in others])
        yield f"{_claim([main for main, _ in levels], rule, units)} on average over {names}"
        return
    for word in _ORDER:
        places = [place for place, one in enumerate(cells) if one.word == word]
        if places:
            where = every if len(places) == len(cells) else _where(places, others)
            theirs = [its[place] for _, its in levels for place in places]
            yield f"{_claim(theirs, rule, units)} with {where}"


def _claim(effects: Sequence[Effect], rule: Rule, units: Units) -> str:
    """Effects with one word, and their sizes."""
    match effects[0].word:
        case "better" | "worse" as word:
            return word + by([one.comparison.difference for one in effects], units)
        case "equivalent":
            return f"equivalent within {units.margin(rule.margin)}"
        case "undecided":
            return "undecided"
        case _:
            return "without any difference"


def _where(places: Sequence[int], others: Factors) -> str:
    """Combinations of levels of the other factors."""
    cells = product(*others.values())
    arms = [
        Arm(index=place, levels=dict(zip(others, cell, strict=True)))
        for place, cell in enumerate(cells)
    ]
    phrases = [phrase.replace(" with ", " and ") for phrase in grouped(arms, others, places)]
    return wording.listed(phrases, most=6)
