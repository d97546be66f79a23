"""Effects of the levels of each factor, judged by the same exact rule as the arms.

A full factorial gives one paired difference per replicate for more than arms: for a level against
the baseline's level, averaged over the other factors (a main effect) or at one combination of
theirs (a simple effect), and for how much one such difference changes with another factor (an
interaction). Each of the three is a family of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.spec import label
from reports.verdicts.rules import Scores, compare, decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.spec import Level
    from reports.verdicts.rules import Comparison, Rule, Word

    Array = NDArray[np.float64]
    Contrast = tuple[str, Level, dict[str, Level], Array, Array]
    """Factor, level, levels of other factors, and the two vectors that are compared."""

Kind = Literal["main", "interaction", "simple"]
DECIDED = frozenset({"better", "worse"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Effect of a level, compared with the baseline's level of the same factor.

    Args:
        kind: ``main``, averaged over all other factors; ``simple``, at one level of each of them;
            or ``interaction``, how much more it does at a level of another factor than at the
            baseline's.
        factor: its name.
        level: of it.
        against: the baseline's level of it.
        given: levels of other factors by name; none for a main effect.
        comparison: the numbers; for an interaction, of the difference of differences.
        word: the verdict, in the metric's direction.
        contradicted: for a main effect, the factors whose interaction turns or hides it, so that
            an average over their levels speaks for none of them.
    """

    kind: Kind
    factor: str
    level: Level
    against: Level
    given: Mapping[str, Level]
    comparison: Comparison
    word: Word
    contradicted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Factorial:
    """All effects of a full factorial.

    Args:
        main: averaged over the other factors; one family.
        interactions: of two factors each; another.
        simple: at every combination of the other factors; a third.
        why: why there are none; empty if there are.
    """

    main: tuple[Effect, ...] = ()
    interactions: tuple[Effect, ...] = ()
    simple: tuple[Effect, ...] = ()
    why: str = ""

    @property
    def contradicted(self) -> frozenset[str]:
        """Factors with a main effect that holds for no level of another factor."""
        return frozenset(effect.factor for effect in self.main if effect.contradicted)


def factorial(
    factors: Mapping[str, Sequence[Level]],
    baseline: Mapping[str, Level],
    scores: Sequence[Scores],
    rule: Rule,
    *,
    whole: bool = True,
) -> Factorial | None:
    """Effects of all levels, or the reason why there are none.

    Args:
        factors: levels by factor.
        baseline: one level of each.
        scores: of all their combinations, the last factor fastest.
        rule: how arms are judged; the families are these effects' own.
        whole: whether no result is missing.

    Returns:
        ``None`` where fewer than two factors have several levels.
    """
    if sum(len(levels) > 1 for levels in factors.values()) < 2:
        return None
    values = np.array([one.numbers for one in scores])
    if any(one.diverged.any() for one in scores):
        return Factorial(why="trainings diverged, and an arm with a diverged training has no mean")
    if not whole or np.isnan(values).any():
        return Factorial(why="results are missing")
    if np.isinf(values).any():
        return Factorial(why="a loss of zero has no ratio")
    cube = values.reshape(*map(len, factors.values()), -1)
    base = [list(levels).index(baseline[name]) for name, levels in factors.items()]
    simple = _judged("simple", list(_simple(factors, base, cube)), baseline, rule)
    crossed = _judged("interaction", list(_crossed(factors, base, cube)), baseline, rule)
    main = _judged("main", list(_main(factors, base, cube)), baseline, rule)
    return Factorial(
        main=tuple(replace(one, contradicted=_against(one, crossed, simple)) for one in main),
        interactions=crossed,
        simple=simple,
    )


def _judged(
    kind: Kind, contrasts: Sequence[Contrast], baseline: Mapping[str, Level], rule: Rule
) -> tuple[Effect, ...]:
    """One family of effects, by the rule of the arms."""
    rule = replace(rule, family=max(1, len(contrasts)))
    found = []
    for place, (factor, level, given, treated, control) in enumerate(contrasts):
        sound = np.zeros(treated.shape, dtype=np.bool_)
        compared = compare(place, Scores(treated, sound), Scores(control, sound), rule)
        found.append(
            Effect(
                kind=kind,
                factor=factor,
                level=level,
                against=baseline[factor],
                given=given,
                comparison=compared,
                word=decide(compared, rule),
            )
        )
    return tuple(found)


def _main(
    factors: Mapping[str, Sequence[Level]], base: Sequence[int], cube: Array
) -> Iterator[Contrast]:
    for axis, (factor, levels) in enumerate(factors.items()):
        means = _over_others(cube, axis)
        for index in _others(levels, base[axis]):
            yield factor, levels[index], {}, means[index], means[base[axis]]


def _simple(
    factors: Mapping[str, Sequence[Level]], base: Sequence[int], cube: Array
) -> Iterator[Contrast]:
    for axis, (factor, levels) in enumerate(factors.items()):
        rest = {name: theirs for name, theirs in factors.items() if name != factor}
        first = np.moveaxis(cube, axis, 0)
        for index in _others(levels, base[axis]):
            for place in product(*(range(len(theirs)) for theirs in rest.values())):
                given = {name: rest[name][at] for name, at in zip(rest, place, strict=True)}
                yield factor, levels[index], given, first[index][place], first[base[axis]][place]


def _crossed(
    factors: Mapping[str, Sequence[Level]], base: Sequence[int], cube: Array
) -> Iterator[Contrast]:
    """Interactions, as contrasts of two sums of cells, whose size tells what is mere rounding.

    Yields:
        ``(i, j) + (b, b)`` against ``(i, b) + (b, j)``, for levels ``i`` and ``j`` of two factors
        and those of the baseline, ``b``.
    """
    for (one, (factor, levels)), (two, (other, theirs)) in combinations(
        enumerate(factors.items()), 2
    ):
        means = _over_others(cube, one, two)
        start, there = base[one], base[two]
        for i, j in product(_others(levels, start), _others(theirs, there)):
            treated = means[i, j] + means[start, there]
            yield factor, levels[i], {other: theirs[j]}, treated, means[i, there] + means[start, j]


def _over_others(cube: Array, *axes: int) -> Array:
    """Means over all factors but some, replicate by replicate."""
    rest = tuple(axis for axis in range(cube.ndim - 1) if axis not in axes)
    return np.asarray(cube.mean(axis=rest), dtype=np.float64)


def _others(levels: Sequence[Level], start: int) -> list[int]:
    return [index for index in range(len(levels)) if index != start]


def _against(main: Effect, crossed: Sequence[Effect], simple: Sequence[Effect]) -> tuple[str, ...]:
    """Factors that interact with an effect and at whose levels it is not decided alike."""
    words = {one.word for one in simple if (one.factor, one.level) == (main.factor, main.level)}
    if len(words) == 1 and words <= DECIDED:
        return ()
    found = {}
    for one in crossed:
        ((other, level),) = one.given.items()
        for factor, mine, name in ((one.factor, one.level, other), (other, level, one.factor)):
            if one.word in DECIDED and (factor, mine) == (main.factor, main.level):
                found[name] = True
    return tuple(found)


def told(given: Mapping[str, Level]) -> str:
    """Levels of other factors in words.

    Example:
        >>> told({"initializer": "he_normal", "dropout": 0.5})
        'initializer he_normal, dropout 0.5'
    """
    return ", ".join(f"{name.replace('_', ' ')} {label(level)}" for name, level in given.items())
