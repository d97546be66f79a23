"""Many arms in few words: a set of arms as products of levels."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from harness.spec import Arm
from reports import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.spec import Level

    Block = tuple[frozenset[int], ...]
    """Per factor, the indices of levels that it spans."""


def grouped(
    arms: Sequence[Arm], factors: Mapping[str, Sequence[Level]], said: Iterable[int]
) -> list[str]:
    """A set of arms, as few phrases as it takes.

    A phrase stands for all combinations of the levels that it names, and every arm stands in
    exactly one.

    Args:
        arms: of the study, a full factorial.
        factors: their levels.
        said: indices of the arms to name.

    Example:
        >>> from harness.spec import Arm
        >>> factors = {"activation": ["relu", "tanh"], "initializer": ["he", "glorot"]}
        >>> cells = product(*factors.values())
        >>> arms = [Arm(index=i, levels=dict(zip(factors, c))) for i, c in enumerate(cells)]
        >>> grouped(arms, factors, [1, 2, 3])
        ['glorot with any activation', 'tanh with he']
    """
    if len(factors) == 1:
        chosen = set(said)
        return [arm.label for arm in arms if arm.index in chosen]
    places = {
        tuple(list(levels).index(arm.levels[name]) for name, levels in factors.items()): arm
        for arm in arms
    }
    wanted = {place for place, arm in places.items() if arm.index in set(said)}
    phrases = []
    while wanted:
        block = max(
            (_grown(place, wanted, factors) for place in sorted(wanted)),
            key=lambda block: len(list(product(*block))),
        )
        wanted -= set(product(*block))
        phrases.append(_phrase(block, factors))
    return phrases


def _grown(
    place: tuple[int, ...], wanted: set[tuple[int, ...]], factors: Mapping[str, Sequence[Level]]
) -> Block:
    """The largest block around a place that holds wanted places only, one factor at a time."""
    best: Block = tuple(frozenset({index}) for index in place)
    for first in range(len(place)):
        block = [frozenset({index}) for index in place]
        for axis in (first, *(axis for axis in range(len(place)) if axis != first)):
            for index in range(len(list(factors.values())[axis])):
                wider = [*block[:axis], block[axis] | {index}, *block[axis + 1 :]]
                if set(product(*wider)) <= wanted:
                    block = wider
        if len(list(product(*block))) > len(list(product(*best))):
            best = tuple(block)
    return best


def _phrase(block: Block, factors: Mapping[str, Sequence[Level]]) -> str:
    """Phrase such as ``relu or tanh with any initializer``; whole factors come last."""
    named, whole = [], []
    for spanned, (name, levels) in zip(block, factors.items(), strict=True):
        if len(spanned) == len(levels) > 1:
            whole.append(f"any {name.replace('_', ' ')}")
        else:
            # A number is told by its factor.
            names = [Arm(index=0, levels={name: levels[index]}).label for index in sorted(spanned)]
            *most, last = names
            named.append(f"{', '.join(most)} or {last}" if most else last)
    if not named:
        return "every arm"
    first, *rest = [*named, *whole]
    return f"{first} with {wording.listed(rest)}" if rest else first
