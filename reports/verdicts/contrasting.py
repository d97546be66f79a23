"""Numbers of the inside of networks, arm by arm against the baseline, by the study's test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from reports import diagnostics, estimates
from reports.estimates import Interval, Tested

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from reports.diagnostics import Moment
    from reports.estimates import Scale
    from reports.frames import Results
    from reports.verdicts.judged import Judged

    Array = NDArray[np.float64]

Direction = Literal["baseline", "higher", "lower", "undecided", "no difference observed"]
"""Words on a difference that has no better side."""

_ENUMERATED = 14
"""Pairs up to which all subsets are enumerated; there are hundreds of comparisons, none decides."""

_BASELINE: Direction = "baseline"
_ITSELF = Tested(np.nan, -np.inf, np.inf, np.nan, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One quantity of one layer of one arm, and its difference from the baseline's.

    Args:
        quantity: its name.
        layer: name of the layer.
        moment: when it was measured.
        scale: of the difference.
        arm: index of the arm.
        n: replicates that were measured.
        mean: over them with Student's interval, in the unit of the quantity (geometric on a log
            scale); NaN where there are none, or zeros on a log scale.
        pairs: replicates that were measured in both arms.
        tested: the difference on its scale, its simultaneous interval, and p.
        word: the verdict on it.
    """

    quantity: str
    layer: str
    moment: Moment
    scale: Scale
    arm: int
    n: int
    mean: Interval
    pairs: int
    tested: Tested
    word: Direction


def contrasts(results: Results, judged: Judged) -> list[Contrast]:
    """All arms, quantities and layers, before the first step and at the end.

    The exact sign-flip test of the study, simultaneous over the arms within a quantity of a layer
    at a moment, and not beyond: diagnostics are explored.
    """
    rows = diagnostics.measured(results)
    if rows.empty:
        return []
    moments: tuple[Moment, ...] = ("start", "end")
    return [
        one
        for moment in moments
        for (quantity, layer), cells in diagnostics.cells(
            results, diagnostics.at(results, rows, moment)
        ).items()
        for one in _contrasted(quantity, layer, moment, cells, judged)
    ]


def _contrasted(
    quantity: str, layer: str, moment: Moment, cells: Array, judged: Judged
) -> Iterator[Contrast]:
    scale = diagnostics.compared_on(cells, quantity)
    values, rule = estimates.on_scale(cells, scale), judged.rule
    for arm, own in enumerate(values):
        there = own[~np.isnan(own)]
        if not there.size:
            continue
        both = ~(np.isnan(own) | np.isnan(values[judged.baseline]))
        tested, word = _ITSELF, _BASELINE
        if arm != judged.baseline:
            tested, word = _compared(
                own[both], values[judged.baseline][both], scale, rule.level, rule.family
            )
        yield Contrast(
            quantity=quantity,
            layer=layer,
            moment=moment,
            scale=scale,
            arm=arm,
            n=len(there),
            mean=_mean(there, scale, rule.confidence),
            pairs=0 if arm == judged.baseline else int(both.sum()),
            tested=tested,
            word=word,
        )


def _compared(
    ours: Array, theirs: Array, scale: Scale, level: float, family: int
) -> tuple[Tested, Direction]:
    """The difference by the study's test, and its word."""
    found = estimates.differences(ours, theirs)
    rounding = estimates.tolerance([ours, theirs], scale)
    found[np.abs(found) <= rounding] = 0.0
    if np.isfinite(found).all():
        tested = estimates.sign_flips(found, level, family, rounding, _ENUMERATED)
    else:
        tested = estimates.signed_ranks(found, level, family, rounding)
    if len(found) > 1 and not found.any():
        return tested, "no difference observed"
    if tested.low > 0:
        return tested, "higher"
    return tested, "lower" if tested.high < 0 else "undecided"


def _mean(values: Array, scale: Scale, confidence: float) -> Interval:
    """An arm's own mean, in the unit of the quantity."""
    if not np.isfinite(values).all():
        return Interval(np.nan, np.nan, np.nan)
    parts = estimates.t_interval(values, confidence)
    return Interval(*(float(np.exp(part)) for part in parts)) if scale == "log" else parts
