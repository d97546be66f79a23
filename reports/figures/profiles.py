"""Quantities of features over the depth of a network, before and after training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter

from reports import layers
from reports.figures.style import GREY, INK, PANELS, SERIES, panels, ranged, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged

_CONTROLS = {
    "probe_accuracy": ("probe_chance", "chance"),
    "effective_rank": ("effective_rank_permuted", "permuted"),
    "purity": ("purity_chance", "chance"),
}
"""The control of a quantity, and what the line is called."""

_AXES = {
    "probe_accuracy": "accuracy of a linear probe",
    "effective_rank": "effective rank",
    "purity": "near cases of the same class",
}


def profile(results: Results, judged: Judged, quantity: str) -> Figure | None:
    """A quantity by depth, one panel per arm: trained, untrained, and its control.

    Args:
        results: that were read.
        judged: their verdicts.
        quantity: ``probe_accuracy``, ``effective_rank`` or ``purity``.

    Returns:
        ``None`` where it was not measured.
    """
    control, called = _CONTROLS[quantity]
    rows = layers.profiles(results)
    rows = rows[rows["quantity"].isin([quantity, control])]
    there = rows.loc[rows["quantity"] == quantity, "arm"].unique()
    arms = [arm for arm in ranged(judged, PANELS) if arm in there]
    if not arms:
        return None
    with styled():
        figure, drawn = panels([judged.labels[arm] for arm in arms], 3, 130, above=24)
        for axes, arm in zip(drawn, arms, strict=True):
            own = rows[rows["arm"] == arm]
            of = {name: own[own["quantity"] == name] for name in (quantity, control)}
            trained = {name: one["trained"] for name, one in of.items()}
            _line(axes, of[control][trained[control]], GREY, ":", called)
            _line(axes, of[quantity][~trained[quantity]], INK, "--", "untrained")
            _line(axes, of[quantity][trained[quantity]], SERIES[0], "-", "trained")
        _finish(figure, drawn, quantity, int(rows["depth"].max()))
    return figure


def _line(axes: Axes, rows: pd.DataFrame, color: str, style: str, name: str) -> None:
    """Medians by depth, joined, with the middle half."""
    depth = rows["depth"].to_numpy(dtype=np.float64)
    low, median, high = (
        rows[part].to_numpy(dtype=np.float64) for part in ("low", "median", "high")
    )
    axes.fill_between(depth, low, high, color=color, alpha=0.16, lw=0)
    axes.plot(depth, median, style, color=color, lw=1.8, marker="o", ms=3.5, gid=name, label=name)


def _finish(figure: Figure, drawn: list[Axes], quantity: str, deepest: int) -> None:
    first = drawn[0]
    first.set_xlim(0.7, deepest + 0.3)
    step = -(-deepest // 12)
    first.xaxis.set_major_locator(FixedLocator([*range(1, deepest + 1, step)]))
    if quantity == "effective_rank":
        first.set_ylim(bottom=0)
    else:
        first.set_ylim(0, 1.03)
        first.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
    for axes in drawn:
        if axes.xaxis.get_tick_params()["labelbottom"]:
            axes.set_xlabel("layer, by depth", labelpad=3)
    figure.text(0.012, 0.5, _AXES[quantity], rotation=90, va="center", ha="center", size=10)
    handles, names = first.get_legend_handles_labels()
    figure.legend(
        handles[::-1],
        names[::-1],
        loc="upper left",
        bbox_to_anchor=(0.06, 1.0),
        ncols=3,
        frameon=False,
        handlelength=2.2,
        borderaxespad=0,
        fontsize=9.5,
    )
