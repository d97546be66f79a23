"""The arm means of a two-factor study as a heat map: where factors interact, it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import seaborn as sns

from harness.spec import label
from reports.figures.style import INK, MOST, full_width, place, sheet, styled, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts import Judged

_ROW, _LEFT = 34.0, 170.0
_WIDEST = 104.0


def cells(results: Results, judged: Judged) -> Figure | None:
    """Arm means, levels of the first factor by levels of the second; darker is better.

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
    step = min((full_width() - _LEFT - 10) / len(across), _WIDEST)
    with styled():
        figure = sheet(62 + _ROW * len(down) + 6)
        axes = place(figure, _LEFT, 62, step * len(across), _ROW * len(down))
        texts = [[judged.units.value(mean, unit="") for mean in row] for row in means.tolist()]
        _heat(axes, means, texts, judged, small=step < 60)
        fits = max(int(step / 6.4), 6)
        axes.set_xticklabels(
            [wrapped(label(level), fits) for level in across], rotation=0, size=9.5
        )
        axes.set_yticklabels([wrapped(label(level), 24) for level in down], rotation=0, size=10)
        axes.xaxis.tick_top()
        axes.tick_params(length=0, pad=5)
        axes.set_ylabel(rows, weight="bold")
        figure.text(
            _LEFT / full_width(),
            1 - 4 / (72 * figure.get_figheight()),
            columns,
            weight="bold",
            va="top",
        )
        axes.set_xlabel("")
    return figure


def _heat(
    axes: Axes,
    means: NDArray[np.float64],
    texts: list[list[str]],
    judged: Judged,
    *,
    small: bool,
) -> None:
    shades = np.log(means) if judged.rule.scale == "log" else means
    low, high = np.nanquantile(shades, [0.0, 1.0])
    palette = sns.color_palette("blend:#e7f1f8,#1a80bb,#0b3c5d", as_cmap=True)
    flipped = palette if judged.rule.maximize else palette.reversed()
    sns.heatmap(
        shades,
        annot=np.array(texts, dtype=object),
        fmt="s",
        cmap=flipped,
        vmin=low,
        vmax=high if high > low else low + 1,
        cbar=False,
        linewidths=0,
        annot_kws={"size": 9 if small else 10.5},
        ax=axes,
    )
    style: dict[str, Any] = {"size": 9, "ha": "center", "va": "center", "style": "italic"}
    for row, column in np.argwhere(np.isnan(means)).tolist():
        axes.text(column + 0.5, row + 0.5, "no mean", color=INK, **style)
