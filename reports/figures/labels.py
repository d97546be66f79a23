"""The deciding metric against the number of labels, a line per arm of the other factors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reports import verdicts
from reports.figures.style import (
    GREY,
    INK,
    MOST,
    SERIES,
    is_narrow,
    log_axis,
    panels,
    separated,
    styled,
    value_axis,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts import Judged, Ladder

    Array = NDArray[np.float64]

TOGETHER = 7
"""Arms that one panel can hold, each line labelled at its end."""

_APART = 0.012
"""Step between the bars of two arms, as a share of the axis."""

_LONGEST, _ABOVE = 80, 12.0


def labels(results: Results, judged: Judged) -> Figure | None:
    """Means and their intervals by labels per class, on a logarithmic axis.

    Few arms share a panel; otherwise each has one, with the baseline's line in it and all others
    in grey behind. A line has a gap where a training diverged, with a cross at the worse edge.

    Returns:
        ``None`` unless the study varies the number of labels and something else.
    """
    found = _shown(verdicts.ladders(results), judged)
    if not found:
        return None
    with styled():
        together = len(found) <= TOGETHER
        figure, drawn = _together(found, judged) if together else _apart(found, judged)
        _axes(figure, drawn, found, judged)
        if together:
            _name_ends(drawn[0], found, judged)
    return figure


def _shown(found: Sequence[Ladder], judged: Judged) -> list[Ladder]:
    """All arms, or the baseline and those that do best with the most labels."""
    if len(found) <= MOST:
        return list(found)
    last = np.array([judged.means[one.arms[-1]].mean for one in found[1:]])
    order = np.argsort(-last if judged.rule.maximize else last, kind="stable")
    return [found[0], *(found[1 + place] for place in sorted(order[: MOST - 1].tolist()))]


def _means(one: Ladder, judged: Judged) -> Array:
    """Means with the ends of their intervals, shape ``(counts, 3)``."""
    return np.array([judged.means[arm] for arm in one.arms], dtype=np.float64)


def _color(place: int) -> str:
    return INK if place == 0 else SERIES[place - 1]


def _together(found: Sequence[Ladder], judged: Judged) -> tuple[Figure, list[Axes]]:
    figure, (axes,) = panels([""], 1, 290, above=_ABOVE)
    left, bottom, _, height = axes.get_position().bounds
    axes.set_position((left, bottom, 1 - left - (0.42 if is_narrow() else 0.26), height))
    for place, one in enumerate(found):
        shift = _APART * (place - (len(found) - 1) / 2)
        _line(axes, one, judged, _color(place), shift)
    return figure, [axes]


def _apart(found: Sequence[Ladder], judged: Judged) -> tuple[Figure, list[Axes]]:
    figure, drawn = panels([one.label for one in found], 4, 110)
    for axes, own in zip(drawn, found, strict=True):
        for one in found:
            axes.plot(one.counts, _means(one, judged)[:, 0], lw=0.7, color=GREY, alpha=0.35)
        base = found[0]
        axes.plot(base.counts, _means(base, judged)[:, 0], lw=1.2, color=INK, gid="baseline")
        _line(axes, own, judged, INK if own is base else SERIES[0], 0.0)
    return figure, drawn


def _line(axes: Axes, one: Ladder, judged: Judged, color: str, shift: float) -> None:
    """An arm's means and intervals, moved sideways by a share of the axis; crosses for failures."""
    means, counts = _means(one, judged), np.array(one.counts, dtype=np.float64)
    across = counts * (counts[-1] / counts[0]) ** shift
    axes.plot(
        across, means[:, 0], "o-", lw=2.0, ms=4.5, mew=0, color=color, gid=f"mean-{one.label}"
    )
    axes.vlines(across, means[:, 1], means[:, 2], color=color, lw=1.3, alpha=0.75)
    failed = np.array([judged.grid.diverged[arm].any() for arm in one.arms])
    edge = 0.03 if judged.rule.maximize else 0.97
    axes.plot(
        across[failed],
        np.full(failed.sum(), edge),
        "x",
        ms=5.5,
        mew=1.6,
        color=color,
        transform=axes.get_xaxis_transform(),
        gid=f"diverged-{one.label}",
    )


def _axes(figure: Figure, drawn: list[Axes], found: Sequence[Ladder], judged: Judged) -> None:
    first, counts = drawn[0], found[0].counts
    _up(first, np.concatenate([_means(one, judged) for one in found]), judged)
    pad = (counts[-1] / counts[0]) ** 0.06
    for axes in drawn:
        axes.set_xscale("log")
        axes.set_xlim(counts[0] / pad, counts[-1] * pad)
        axes.xaxis.set_major_locator(FixedLocator(_ticks(axes, counts)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        if axes.xaxis.get_tick_params()["labelbottom"]:
            wide = axes.get_window_extent().width > 200
            name = "labelled training cases per class" if wide else "labels per class"
            axes.set_xlabel(name, labelpad=3)
    text = wrapped(judged.units.axis, _LONGEST, lines=1)
    size = min(11.0, 72 * figure.get_figheight() / (0.6 * len(text)))
    figure.text(0.012, 0.5, text, rotation=90, va="center", ha="center", size=size)


def _up(axes: Axes, values: Array, judged: Judged) -> None:
    """The metric's axis, with room at the worse edge for crosses."""
    below, above = (0.1, 0.05) if judged.rule.maximize else (0.05, 0.1)
    log = judged.rule.scale == "log" and not (values[:, 0] <= 0).any()
    low, high = _range(values, log=log)
    if log:
        span = max(high / low, 1.05)
        axes.set_yscale("log")
        axes.set_ylim(low / span**below, high * span**above)
        log_axis(axes.yaxis, *axes.get_ylim())
        return
    span = (high - low) or 0.1 * abs(high) or 1.0
    axes.set_ylim(low - below * span, high + above * span)
    value_axis(axes.yaxis, judged.units)


def _range(means: Array, *, log: bool) -> tuple[float, float]:
    """Ends of what is drawn: all means, and intervals unless they dwarf the means.

    Args:
        means: with the ends of their intervals, shape ``(arms, 3)``.
        log: whether distances are ratios.
    """
    known = means[np.isfinite(means[:, 0])]
    if not known.size:
        return (0.1, 1.0) if log else (0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.log(known) if log else known
    low, high = float(scaled[:, 0].min()), float(scaled[:, 0].max())
    room = (high - low) / 2 or np.inf
    ends = scaled[np.isfinite(scaled)]
    low, high = max(float(ends.min()), low - room), min(float(ends.max()), high + room)
    return (float(np.exp(low)), float(np.exp(high))) if log else (low, high)


def _ticks(axes: Axes, counts: Sequence[int]) -> list[float]:
    """The numbers that were tried, without those whose labels would touch; the ends first."""
    width = axes.get_window_extent().width
    low, high = np.log(axes.get_xlim())
    kept: list[float] = []
    for count in (counts[-1], *counts[:-1]):
        room = 6.3 * (len(str(counts[-1])) + 1)
        at = (np.log(count) - low) / (high - low) * width
        if all(abs(at - (np.log(one) - low) / (high - low) * width) >= room for one in kept):
            kept.append(float(count))
    return sorted(kept)


def _name_ends(axes: Axes, found: Sequence[Ladder], judged: Judged) -> None:
    """Name lines at their ends, moved apart where they would overlap."""
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted, texts = [], []
    for one in found:
        means = _means(one, judged)[:, 0]
        known = means[np.isfinite(means)]
        value = known[-1] if known.size else axes.get_ylim()[0 if judged.rule.maximize else 1]
        texts.append(wrapped(one.label, 24))
        wanted.append(min(max(float(to_axes.transform((1, value))[1]), 0.0), 1.0))
    gap = (28 if any("\n" in text for text in texts) else 16) / axes.get_window_extent().height
    for place, (text, y) in enumerate(zip(texts, separated(wanted, gap), strict=True)):
        axes.text(
            1.02,
            y,
            text,
            transform=axes.transAxes,
            color=_color(place),
            weight="bold" if place == 0 else "normal",
            va="center",
            size=10,
            linespacing=1.05,
            clip_on=False,
        )
