"""Every arm against the baseline: simultaneous intervals, with the paired differences behind."""

from __future__ import annotations

from math import log1p
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.figures.style import (
    COLORS,
    GREY,
    INK,
    canvas,
    full_width,
    gutter,
    is_narrow,
    shown,
    signed,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.verdicts import Comparison, Judged, Verdict

_ROW, _TALL, _TOP, _BOTTOM = 30.0, 62.0, 30.0, 46.0
_PERCENTS = sorted(
    [-99.9, -99, -95, -90, -75, -50, -30, -20, -10, -5, -2, -1, -0.5, -0.2, -0.1, 0]
    + [step * 10**power for power in range(-1, 6) for step in (1, 2, 5)]
)


FAR, FEW = 3.0, 4
"""Ratio of the axis' end to the usual interval's end, and the arms from which it applies."""


def forest(judged: Judged, *, ax: Axes | None = None) -> Figure | None:
    """A forest plot against the baseline, arms in the order of the table.

    Thick lines are simultaneous intervals, dots their means, faint dots single pairs, crosses
    pairs that diverged in one arm, arrows what lies beyond the axis. Where the exact interval is
    open on both sides, a thin dashed line is Student's, as a description. In a narrow figure labels
    stand above the bars.

    Args:
        judged: the verdicts.
        ax: axes to draw into. Default: a figure of its own.

    Returns:
        ``None`` for a study of one arm.
    """
    arms = [arm for arm in shown(judged) if arm != judged.baseline]
    if not arms:
        return None
    found = [judged.by_arm[arm] for arm in arms]
    texts = [(_short(one.text), _numbers(one, judged)) for one in found]
    narrow = ax is None and is_narrow()
    labels = [
        wrapped(judged.labels[arm], 50 if narrow else 32, lines=1 if narrow else 2) for arm in arms
    ]
    left = 12.0 if narrow else gutter(labels)
    right = 12.0 if narrow else 24 + 6.9 * max(len(part) for pair in texts for part in pair)
    with styled():
        tall, wide = (_TALL if narrow else _ROW) * len(arms), full_width() - left - right
        figure, axes = canvas(ax, _TOP + tall + _BOTTOM + 14 * narrow, left, _TOP, wide, tall)
        _limits(axes, found, judged)
        for row, verdict in enumerate(found):
            _row(axes, row + 0.18 * narrow, verdict, gid=row)
            color = COLORS[verdict.word]
            if narrow:
                _above(axes, row, labels[row], texts[row], color)
            else:
                _beside(axes, row, texts[row], color)
        _frame(axes, [] if narrow else labels, len(arms), judged)
    return figure


def _row(axes: Axes, row: float, verdict: Verdict, *, gid: int) -> None:
    found, color = verdict.comparison, COLORS[verdict.word]
    points = np.array(found.differences)
    finite = points[np.isfinite(points)]
    axes.plot(finite, np.full(len(finite), row + 0.24), "o", ms=3.4, mew=0, color=color, alpha=0.4)
    low, high = axes.get_xlim()
    for side, edge in ((-1, low), (1, high)):
        if (points == side * np.inf).any():
            inside = edge - side * 0.012 * (high - low)
            axes.plot([inside], [row], "x", ms=6, mew=1.6, color=color, clip_on=False)
    ends = _interval(found)
    if ends:
        limits = np.clip(ends, low, high)
        axes.plot(limits, [row, row], "-", lw=3, color=color, gid=f"interval-{gid}")
    center = found.difference if np.isfinite(found.difference) else found.typical
    if low <= center <= high:
        axes.plot([center], [row], "o", ms=7, mew=0, color=color)
    described = found.described
    if ends is None and found.decided_by and np.isfinite(described.low):
        limits = np.clip([described.low, described.high], low, high)
        axes.plot(limits, [row, row], "--", lw=1.3, color=color, gid=f"described-{gid}")
    low_end, high_end = ends or (np.nan, np.nan)
    for beyond, edge, arrow in ((low_end < low, low, "<"), (high_end > high, high, ">")):
        if beyond:
            axes.plot([edge], [row], arrow, ms=8, mew=0, color=color, clip_on=False)


def _beside(axes: Axes, row: int, texts: tuple[str, str], color: str) -> None:
    style: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),
        "va": "center",
        "clip_on": False,
    }
    axes.text(1.03, row - 0.17, texts[0], color=color, weight="bold", size=10, **style)
    axes.text(1.03, row + 0.22, texts[1], color=INK, size=9.5, **style)


def _above(axes: Axes, row: int, name: str, texts: tuple[str, str], color: str) -> None:
    style: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
    axes.text(0, row - 0.36, name, color=INK, size=10, **style)
    axes.text(0, row - 0.13, texts[0], color=color, weight="bold", size=9.5, **style)
    axes.text(1, row - 0.13, texts[1], color=INK, size=9.5, ha="right", **style)


def _interval(found: Comparison) -> tuple[float, float] | None:
    """The exact interval; none where it is open on both sides or all differences are zero."""
    if found.decided_by == "" or not (np.isfinite(found.low) or np.isfinite(found.high)):
        return None
    return found.low, found.high


def _short(text: str) -> str:
    return "no difference" if text == "no difference observed" else text


def _numbers(verdict: Verdict, judged: Judged) -> str:
    found = verdict.comparison
    if np.isfinite(found.difference):
        return judged.units.difference(found.difference).replace("-", "\u2212")
    if found.diverged or found.diverged_baseline:
        return f"won {found.wins}, lost {found.losses}"
    return f"n = {found.pairs}"


def _limits(axes: Axes, rows: list[Verdict], judged: Judged) -> None:
    """Room for all intervals; single pairs far outside do not squeeze them."""
    ends = [0.0, *_margin(judged)]
    for verdict in rows:
        found = verdict.comparison
        points = np.array(found.differences)
        open_ended = _interval(found) is None
        ends += [found.described.low, found.described.high] if open_ended else []
        ends += [found.low, found.high, found.difference, found.typical]
        ends += (
            np.quantile(points[np.isfinite(points)], [0.05, 0.95]).tolist()
            if np.isfinite(points).any()
            else []
        )
    reach = _reach(rows)
    known = [min(max(end, -reach), reach) for end in ends if np.isfinite(end)]
    span = (max(known) - min(known)) or 1.0
    axes.set_xlim(min(known) - 0.06 * span, max(known) + 0.06 * span)
    axes.set_ylim(len(rows) - 0.5, -0.5)


def _reach(rows: list[Verdict]) -> float:
    """Largest distance from zero on the axis, so that one failing arm does not flatten the rest."""
    parts = [(row.comparison.low, row.comparison.high, row.comparison.difference) for row in rows]
    ends = [max((abs(end) for end in part if np.isfinite(end)), default=0.0) for part in parts]
    usual = FAR * float(np.quantile(ends, 0.7))
    return usual if len(rows) >= FEW and max(ends) > 1.5 * usual > 0 else np.inf


def _margin(judged: Judged) -> list[float]:
    return list(judged.rule.margin or ())


def _frame(axes: Axes, labels: list[str], rows: int, judged: Judged) -> None:
    narrow = not labels
    if judged.rule.margin is not None:
        axes.axvspan(*_margin(judged), color=GREY, alpha=0.16, lw=0)
    if narrow:  # beside the bars only, so that it crosses no label
        below = np.arange(rows)
        axes.vlines([0.0] * rows, below, below + 0.48, color=INK, lw=1.1, zorder=1)
    else:
        axes.axvline(0, color=INK, lw=1.1, zorder=1)
    axes.set_yticks(range(len(labels)), labels, linespacing=1.05)
    axes.tick_params(axis="y", length=0, pad=8)
    axes.spines["left"].set_visible(False)
    for row in range(rows - 1):
        axes.axhline(row + 0.5, color=GREY, lw=0.5, alpha=0.25, zorder=0)
    _ticks(axes, judged, most=4 if narrow else 7)
    low, high = axes.get_xlim()
    name = judged.labels[judged.baseline]
    share = (0 - low) / (high - low)
    axes.text(
        min(max(share, 0.0), 1.0),
        1 + 9 / ((_TALL if narrow else _ROW) * rows),
        wrapped(f"baseline: {name}", 32 if narrow else 52, lines=1),
        transform=axes.transAxes,
        ha="left" if share < 0.33 else ("right" if share > 0.67 else "center"),
        size=10,
        weight="bold",
    )
    unit = judged.units.unit
    unit = {"%": "percent change", "points": "percentage points"}.get(unit, unit)
    better = "right" if judged.rule.maximize else "left"
    what = f"difference in {judged.units.name}{', ' + unit if unit else ''}  ({better} is better)"
    axes.set_xlabel(wrapped(what, 46 if narrow else 80), labelpad=8)


def _ticks(axes: Axes, judged: Judged, most: int) -> None:
    low, high = axes.get_xlim()
    if not judged.units.relative:
        factor = 100 if judged.units.percent else 1
        axes.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: signed(round(factor * value, 9)))
        )
        return
    candidates = [tick for tick in _PERCENTS if low <= log1p(tick / 100) <= high]
    kept: list[float] = [0.0]
    # From zero outwards, so that the round numbers near it win.
    for tick in sorted(candidates, key=lambda percent: abs(log1p(percent / 100)), reverse=True):
        at = log1p(tick / 100)
        if all(abs(at - log1p(other / 100)) > 0.77 / most * (high - low) for other in kept):
            kept.append(tick)
    axes.set_xticks(
        [log1p(tick / 100) for tick in sorted(kept)], [f"{signed(tick)} %" for tick in sorted(kept)]
    )
