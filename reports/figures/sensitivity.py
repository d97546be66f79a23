"""Dependence of the tuning objective on each searched number, arm by arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from harness import catalog
from harness.spec import Choices, Metric, Range
from reports import frames, wording
from reports.figures.style import (
    COLORS,
    GREY,
    INK,
    SERIES,
    log_axis,
    panels,
    shown,
    styled,
    value_axis,
    wrapped,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts import Judged


def searched(results: Results) -> list[str]:
    """The searched hyperparameters that are real numbers."""
    space = results.study.tune.space if results.study.tune else {}
    return [
        name
        for name, part in space.items()
        if isinstance(part, Range)
        or (
            isinstance(part, Choices)
            and all(
                isinstance(value, int | float) and not isinstance(value, bool)
                for value in part.values  # noqa: PD011, a field of ours
            )
        )
    ]


def sensitivity(results: Results, judged: Judged, name: str) -> Figure | None:
    """The objective of every candidate against one hyperparameter, a panel per arm.

    A ring marks the choice; crosses at the worse edge are candidates with a training that
    diverged or failed.

    Args:
        results: of a study with tuning.
        judged: its verdicts.
        name: one of ``searched(results)``.

    Returns:
        ``None`` if no candidate has a result.
    """
    tune = results.study.tune
    if tune is None or tune.objective not in results.tune:
        return None
    column = frames.column(name)
    tried = results.candidates
    arms = [arm for arm in shown(judged) if (tried["arm"] == arm).any()]
    if not arms or not tried["objective"].notna().any():
        return None
    space = tune.space[name]
    low, high = _bounds(tried[column], space)
    with styled():
        titles = [results.arms[arm].label for arm in arms]
        figure, drawn = panels(titles, 4, 116 if len(arms) > 1 else 220)
        first = drawn[0]
        log = (isinstance(space, Range) and space.scale == "log") or (
            isinstance(space, Choices) and low > 0 and high / low > 20
        )
        _across(first, low, high, log=log)
        _up(first, tried["objective"].to_numpy(dtype=np.float64), tune.aim)
        for axes, arm in zip(drawn, arms, strict=True):
            _panel(axes, tried[tried["arm"] == arm], column, tune.aim)
            if axes.xaxis.get_tick_params()["labelbottom"]:
                axes.set_xlabel(wrapped(name.replace("_", " "), 24, lines=1), labelpad=3)
        text = f"validation {tune.aim.name.replace('_', ' ')}"
        figure.text(0.012, 0.5, text, rotation=90, va="center", ha="center", size=11)
    return figure


def _bounds(values: pd.Series, space: Range | Choices) -> tuple[float, float]:
    if isinstance(space, Range):
        return float(space.min), float(space.max)
    return float(values.min()), float(values.max())


def _across(axes: Axes, low: float, high: float, *, log: bool) -> None:
    if log:
        axes.set_xscale("log")
        margin = (high / low) ** 0.05
        axes.set_xlim(low / margin, high * margin)
        log_axis(axes.xaxis, low, high, most=4)
        return
    margin = 0.05 * (high - low) or 0.5
    axes.set_xlim(low - margin, high + margin)
    axes.xaxis.set_major_locator(MaxNLocator(3))


def _up(axes: Axes, values: NDArray[np.float64], metric: Metric) -> None:
    """The objective's axis, with room at the worse edge for diverged candidates."""
    known = values[np.isfinite(values)]
    entry = catalog.METRICS[metric.name]
    low, high = float(known.min()), float(known.max())
    if entry.scale == "log" and low > 0:
        span = max(high / low, 1.05)
        axes.set_yscale("log")
        axes.set_ylim(low / span**0.08, high * span**0.16)
        log_axis(axes.yaxis, low, high, most=4)
        return
    span = (high - low) or 0.1 * abs(high) or 1.0
    up, down = (0.08, 0.16) if not entry.minimize else (0.16, 0.08)
    axes.set_ylim(low - down * span, high + up * span)
    value_axis(axes.yaxis, wording.units(metric, entry, ()))


def _panel(axes: Axes, tried: pd.DataFrame, column: str, metric: Metric) -> None:
    known, lost = tried[tried["objective"].notna()], tried[tried["objective"].isna()]
    best = known[known["chosen"]]
    axes.plot(known[column], known["objective"], "o", ms=4.6, mew=0, color=SERIES[0], alpha=0.75)
    axes.plot(
        best[column], best["objective"], "o", ms=10, mew=1.8, mfc="none", mec=INK, gid="chosen"
    )
    edge = 0.95 if catalog.METRICS[metric.name].minimize else 0.05
    axes.plot(
        lost[column],
        np.full(len(lost), edge),
        "x",
        ms=5.5,
        mew=1.6,
        color=COLORS["worse"],
        transform=axes.get_xaxis_transform(),
        gid="diverged",
    )
    axes.grid(visible=True, axis="both", color=GREY)
