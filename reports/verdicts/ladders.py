"""The arms of a study of several numbers of labels, each with all of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from harness.spec import Arm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.frames import Results

LABELS = "cases_per_class"
"""The factor: labelled training cases of each class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One combination of the other factors' levels, at every number of labels.

    Args:
        label: of the combination.
        counts: labels per class, rising.
        arms: index of the arm, by count.
    """

    label: str
    counts: tuple[int, ...]
    arms: tuple[int, ...]


def ladders(results: Results) -> Sequence[Ladder]:
    """Arms that differ in more than the number of labels, the baseline's first.

    Returns:
        Empty unless the study varies the number of labels and something else.
    """
    groups: dict[str, tuple[str, dict[int, int]]] = {}
    for arm in results.arms:
        others = {name: level for name, level in arm.levels.items() if name != LABELS}
        if LABELS in arm.levels and others:
            named = Arm(index=0, levels=others).label
            _, members = groups.setdefault(repr(others), (named, {}))
            members[cast("int", arm.levels[LABELS])] = arm.index
    found = [
        Ladder(label=name, counts=(*sorted(arms),), arms=tuple(arms[n] for n in sorted(arms)))
        for name, arms in groups.values()
    ]
    if len(found) < 2 or len(found[0].counts) < 2:
        return []
    return sorted(found, key=lambda one: results.baseline.index not in one.arms)
