"""Every figure of what was measured inside networks, by the name of its file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reports.figures.courses import shares, sharpness
from reports.figures.depths import deep, through_time
from reports.figures.heat import heated
from reports.figures.outputs import outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged

    Draw = Callable[[Results, Judged], Figure | None]

DEEP = ("preactivation_gradient_rms", "weight_gradient_rms", "activation_spread")
"""Quantities that are drawn over depth."""

HEATED = ("preactivation_gradient_rms", "update_ratio", "activation_spread")
"""Quantities that are drawn as heat maps."""

SHARES = ("dead", "saturated")
"""Quantities that are drawn over epochs."""

INSIDE: Mapping[str, Draw] = {
    **{f"depth_{name}": partial(deep, quantity=name) for name in DEEP},
    "through_time": through_time,
    "outputs": outputs,
    **{f"share_{name}": partial(shares, quantity=name) for name in SHARES},
    "sharpness": sharpness,
    **{f"heat_{name}": partial(heated, quantity=name) for name in HEATED},
}
"""Functions that draw, in the order of the page."""


def inside(results: Results, judged: Judged) -> dict[str, Figure]:
    """Those figures that the study has something for."""
    if results.inside.empty:
        return {}
    found = {name: draw(results, judged) for name, draw in INSIDE.items()}
    return {name: figure for name, figure in found.items() if figure is not None}
