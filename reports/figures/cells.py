"""The arms of a two-factor study as a heat map: where factors interact, it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.spec import label
from reports.figures.style import COLORS, INK, MOST, canvas, full_width, is_narrow, styled, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts import Judged

_ROW, _LEFT = 34.0, 170.0
_WIDEST = 104.0

FULL = 4.0
"""Widths of the neutral zone at which a color is full."""


def cells(results: Results, judged: Judged, *, ax: Axes | None = None) -> Figure | None:
    """Arm means, colored by their difference from the baseline on the scale of the margin.

    Cells within the margin (without one: within half the usual interval) are neutral; color is
    full at four times that. Levels of the first factor run down, those of the second across.

    Args:
        results: that were read.
        judged: their verdicts.
        ax: axes to draw into. Default: a figure of its own.

    Returns:
        ``None`` unless the study has two factors of two levels or more, few enough to read.
    """
    sizes = [len(levels) for levels in results.study.factors.values()]
    if len(sizes) != 2 or min(sizes) < 2 or sizes[1] > 12 or sizes[0] > MOST:
        return None
    means = np.array([interval.mean for interval in judged.means]).reshape(sizes)
    if np.isnan(means).all():
        return None
    (rows, down), (columns, across) = results.study.factors.items()
    left = 96.0 if is_narrow() else _LEFT
    step = min((full_width() - left - 10) / len(across), _WIDEST)
    with styled():
        tall = _ROW * len(down)
        figure, axes = canvas(ax, 62 + tall + 6, left, 62, step * len(across), tall)
        texts = [[judged.units.value(mean, unit="") for mean in row] for row in means.tolist()]
        _heat(axes, _shades(judged).reshape(sizes), texts, small=step < 60)
        fits = max(int(step / 6.4), 6)
        axes.set_xticklabels(
            [wrapped(label(level), fits) for level in across], rotation=0, size=9.5
        )
        axes.set_yticklabels(
            [wrapped(label(level), int((left - 26) / 6)) for level in down], rotation=0, size=10
        )
        axes.xaxis.tick_top()
        axes.tick_params(length=0, pad=5)
        axes.set_ylabel(rows, weight="bold")
        axes.set_xlabel("")
        if ax is None:
            top = 1 - 4 / (72 * figure.get_figheight())
            figure.text(left / full_width(), top, columns, weight="bold", va="top")
        else:
            axes.set_title(columns, weight="bold", loc="left")
    return figure


def _shades(judged: Judged) -> NDArray[np.float64]:
    """Differences from the baseline, good ones positive, in neutral widths; NaN without a mean."""
    found = judged.by_arm
    gains = np.zeros(len(judged.means))
    for arm in range(len(gains)):
        if arm != judged.baseline:
            gains[arm] = found[arm].comparison.difference * (1 if judged.rule.maximize else -1)
    return gains / _neutral(judged)


def _neutral(judged: Judged) -> float:
    """The difference up to which a cell has no color."""
    if judged.rule.margin:
        return judged.rule.margin[1]
    halves = [verdict.comparison.half for verdict in judged.verdicts]
    known = [half for half in halves if np.isfinite(half) and half > 0]
    return float(np.median(known)) if known else 1.0


def _heat(axes: Axes, shades: NDArray[np.float64], texts: list[list[str]], *, small: bool) -> None:
    import seaborn as sns  # half a second, for this figure alone

    inside = np.where(np.abs(shades) <= 1, 0.0, shades)
    sns.heatmap(
        inside,
        annot=np.array(texts, dtype=object),
        fmt="s",
        cmap=sns.color_palette(f"blend:{COLORS['worse']},#f0efec,{COLORS['better']}", as_cmap=True),
        vmin=-FULL,
        vmax=FULL,
        cbar=False,
        linewidths=0,
        annot_kws={"size": 9 if small else 10.5, "color": "#15181c"},
        ax=axes,
    )
    style: dict[str, Any] = {"size": 9, "ha": "center", "va": "center", "style": "italic"}
    for row, column in np.argwhere(np.isnan(shades)).tolist():
        axes.text(column + 0.5, row + 0.5, "no mean", color=INK, **style)
