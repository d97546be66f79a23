"""Learning curves on validation data: medians over replicates, with their middle half."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from harness import catalog
from harness.spec import Arm, Quantity, label, measured
from reports import estimates, wording
from reports.figures.lines import End, arm_colors, name_ends
from reports.figures.style import (
    GREY,
    INK,
    SERIES,
    is_narrow,
    log_axis,
    panels,
    shown,
    styled,
    value_axis,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.estimates import Band
    from reports.frames import Results
    from reports.verdicts import Judged
    from reports.wording import Units

_SINGLE = 7
"""Arms that one panel can hold, each line labelled at its end."""

_LONGEST, _WIDE = 80, 0.6
"""Most letters of the axis' name, and the width of a letter as a share of its height."""

_THIN = 60
"""Number of single replicates' lines that a figure can bear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curves:
    """The curves of all shown arms.

    Args:
        single: by arm, shape ``(replicates, epochs)``, NaN after a divergence.
        bands: by arm.
        log: whether the axis is logarithmic.
    """

    single: Mapping[int, NDArray[np.float64]]
    bands: Mapping[int, Band]
    log: bool


def curves(results: Results, judged: Judged) -> Figure | None:
    """Validation curves of the confirm trials: of the metric that decides, where it is recorded.

    Otherwise those of the quantity that chose the best epoch. Few arms share a panel. Two factors
    give a panel per level of the first, a color per level of
    the second; otherwise each arm has a panel with all others in grey behind it.

    Returns:
        ``None`` if neither was recorded.
    """
    quantity = curved(results)
    if quantity is None:
        return None
    found = _gather(results, judged, quantity)
    if not found.bands:
        return None
    arms = list(found.bands)
    factors = list(results.study.factors.items())
    with styled():
        if len(arms) <= _SINGLE:
            figure, drawn = _together(arms, found, judged)
        elif len(factors) == 2 and len(factors[1][1]) <= len(SERIES):
            figure, drawn = _by_factor(arms, found, results)
        else:
            figure, drawn = _apart(arms, found, results, judged)
        _axes(figure, drawn, found, _units(results, judged, quantity), quantity)
        if len(arms) <= _SINGLE:
            _label_ends(drawn[0], arms, found, results, judged)
    return figure


def decided(results: Results) -> str:
    """The deciding metric on validation data."""
    return str(Quantity(split="val", name=results.metric.name))


def curved(results: Results) -> str | None:
    """The quantity that learning curves show."""
    wanted = (decided(results), results.study.best)
    return next((name for name in wanted if name in results.epochs), None)


def _units(results: Results, judged: Judged, quantity: str) -> Units:
    """Units in which the curves' quantity is written."""
    if quantity == decided(results):
        return judged.units
    metric = Quantity.parse(quantity).at("best")
    return wording.units(metric, catalog.METRICS[metric.name], (), results.card.target)


def _gather(results: Results, judged: Judged, quantity: str) -> _Curves:
    arms = shown(judged)
    rows = results.epochs[results.epochs["phase"] == "confirm"]
    rows = rows[rows["arm"].isin(arms) & rows[quantity].notna()]
    wide: pd.DataFrame = rows.pivot_table(
        index=["arm", "replicate"], columns="epoch", values=quantity
    )
    single = {
        int(arm): group.to_numpy(dtype=np.float64)
        for arm, group in wide.groupby(level="arm", sort=True)
    }
    entry = catalog.METRICS[measured(quantity)]
    worst = entry.sign * np.inf
    bands = {arm: estimates.band(lines, worst) for arm, lines in single.items()}
    positive = bool((wide.to_numpy() > 0)[~np.isnan(wide.to_numpy())].all())
    return _Curves(single=single, bands=bands, log=entry.scale == "log" and positive)


def _together(arms: list[int], found: _Curves, judged: Judged) -> tuple[Figure, list[Axes]]:
    figure, (axes,) = panels([""], 1, 290)
    left, bottom, _, height = axes.get_position().bounds
    axes.set_position((left, bottom, 1 - left - (0.42 if is_narrow() else 0.26), height))
    thin = sum(len(found.single[arm]) for arm in arms) <= _THIN
    colors = arm_colors(arms, judged)
    for arm in arms:
        _line(axes, found, arm, colors[arm], thin=thin)
    return figure, [axes]


def _by_factor(arms: list[int], found: _Curves, results: Results) -> tuple[Figure, list[Axes]]:
    (first, down), (second, across) = results.study.factors.items()
    groups = [arms_of for arms_of in _chunks(arms, len(across)) if arms_of]
    shown = [down[group[0] // len(across)] for group in groups]
    titles = [Arm(index=0, levels={first: level}).label for level in shown]
    columns = min(len(across), 1 if is_narrow() else 4)
    above = 14 + 16 * ceil(len(across) / columns) + (14 if is_narrow() else 0)
    figure, drawn = panels(titles, 3, 140, above=above)
    thin = len(arms) * results.study.replicates <= _THIN
    for axes, group in zip(drawn, groups, strict=True):
        for arm in group:
            _line(axes, found, arm, SERIES[arm % len(across)], thin=thin)
    handles = [
        drawn[0].plot(
            [], [], lw=2.2, color=SERIES[index], label=wrapped(label(level), 34, lines=1)
        )[0]
        for index, level in enumerate(across)
    ]
    figure.legend(
        handles=handles,
        title=f"{second}  ",
        loc="upper left",
        bbox_to_anchor=(0.005, 1.0),
        ncols=columns,
        frameon=False,
        handlelength=1.3,
        columnspacing=1.6,
        borderaxespad=0,
        alignment="left",
    )
    return figure, drawn


def _chunks(arms: list[int], size: int) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for arm in arms:
        groups.setdefault(arm // size, []).append(arm)
    return list(groups.values())


def _apart(
    arms: list[int], found: _Curves, results: Results, judged: Judged
) -> tuple[Figure, list[Axes]]:
    figure, drawn = panels([results.arms[arm].label for arm in arms], 4, 110)
    lines = [np.stack([_steps(found, arm), found.bands[arm].median], axis=1) for arm in arms]
    for axes, arm in zip(drawn, arms, strict=True):
        axes.set_autoscale_on(False)  # one limit for all panels is set once all are drawn
        axes.add_collection(LineCollection(lines, lw=0.7, color=GREY, alpha=0.35), autolim=False)
        color = INK if arm == judged.baseline else SERIES[0]
        _line(axes, found, arm, color, thin=False)
    return figure, drawn


def _steps(found: _Curves, arm: int) -> NDArray[np.int64]:
    return np.arange(1, len(found.bands[arm].median) + 1)


def _line(axes: Axes, found: _Curves, arm: int, color: str, *, thin: bool) -> None:
    steps, band = _steps(found, arm), found.bands[arm]
    if thin:
        for single in found.single[arm]:
            axes.plot(steps, single, lw=0.6, color=color, alpha=0.3)
    axes.fill_between(steps, band.low, band.high, color=color, alpha=0.16, lw=0)
    axes.plot(steps, band.median, lw=2.0, color=color, gid=f"median-{arm}")


def _axes(figure: Figure, drawn: list[Axes], found: _Curves, units: Units, quantity: str) -> None:
    """Limits that show the end of the training, where arms differ, not its first steps."""
    first = drawn[0]
    longest = max(len(band.median) for band in found.bands.values())
    low, high = _range(found, longest)
    if found.log:
        first.set_yscale("log")
        first.set_ylim(low, high)
        log_axis(first.yaxis, low, high)
    else:
        first.set_ylim(low, high)
        value_axis(first.yaxis, units)
    first.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    pad = 0.02 * longest
    first.set_xlim(1 - pad, longest + pad)
    for axes in drawn:
        if axes.xaxis.get_tick_params()["labelbottom"]:
            axes.set_xlabel("epoch", labelpad=3)
    name = quantity.replace("val/", "validation ").replace("_", " ")
    text = wrapped(replace(units, name=name).axis, _LONGEST, lines=1)
    size = min(11.0, 72 * figure.get_figheight() / (_WIDE * len(text)))
    figure.text(0.012, 0.5, text, rotation=90, va="center", ha="center", size=size)


def _range(found: _Curves, longest: int) -> tuple[float, float]:
    tails = []
    for band in found.bands.values():
        start = min(longest // 4, len(band.median) - 1)
        tails += [part[start:] for part in band]
    values = np.concatenate(tails)
    values = values[np.isfinite(values)]
    if not values.size:
        values = np.concatenate([lines[np.isfinite(lines)] for lines in found.single.values()])
    low, high = float(values.min()), float(values.max())
    if found.log:
        return low / (high / low) ** 0.05 * 0.98, high * (high / low) ** 0.05 * 1.02
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    return low - margin, high + margin


def _label_ends(
    axes: Axes, arms: list[int], found: _Curves, results: Results, judged: Judged
) -> None:
    """Name lines at their ends, moved apart where they would overlap."""
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted, labels = [], []
    longest = max(len(found.bands[arm].median) for arm in arms)
    for arm in arms:
        median = found.bands[arm].median
        finite = np.flatnonzero(np.isfinite(median))
        value = median[finite[-1]] if len(finite) else axes.get_ylim()[1]
        ended = "" if len(finite) and finite[-1] == longest - 1 else " (diverged)"
        labels.append(wrapped(results.arms[arm].label + ended, 24))
        wanted.append(min(max(float(to_axes.transform((1, value))[1]), 0.0), 1.0))
    colors = arm_colors(arms, judged)
    ends = [
        End(y, text, colors[arm], arm == judged.baseline)
        for arm, text, y in zip(arms, labels, wanted, strict=True)
    ]
    name_ends(axes, ends)
