"""Figures as files for a paper, as wide as a column and with text of its size."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.collections import Collection, PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from harness.errors import UsageError
from reports import figures
from reports.export.files import keep

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged

FORMATS = ("svg", "pdf", "png")
NARROWEST = 480.0
"""Width in CSS pixels at the page's text size below which labels leave no room for data."""

_DPI = 300
_POINTS = 72.0


def plates(
    results: Results, judged: Judged, folder: Path, *, width: float, size: float
) -> list[Path]:
    """Write every figure of a study as SVG, PDF and PNG.

    Args:
        results: of the study.
        judged: its verdicts.
        folder: made when it does not exist.
        width: of the figures, in inches.
        size: of their text, in points.

    Raises:
        UsageError: if text of that size leaves no room for data.
        DiskError: if the disk refuses.
    """
    factor = size / figures.SIZE
    layout = width * _POINTS / factor
    if layout < NARROWEST:
        least, most = NARROWEST * factor / _POINTS, width * _POINTS * figures.SIZE / NARROWEST
        raise UsageError(
            f"expected a width of {least:.2f} in or more for text of {size:g} pt. Received: "
            f"{width:.2f} in. At that width text has room up to {most:.1f} pt."
        )
    written = []
    with figures.styled(), figures.laid_out(layout):
        for name, figure in figures.every(results, judged).items():
            _scale(figure, factor)
            written += [
                keep(saved(figure, name, kind), folder / f"{name}.{kind}") for kind in FORMATS
            ]
    return written


def _scale(figure: Figure, factor: float) -> None:
    """Shrink a figure as a whole, with the sizes in points, which do not shrink by themselves."""
    figure.set_size_inches(figure.get_figwidth() * factor, figure.get_figheight() * factor)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.labelpad *= factor
            for which in ("major", "minor"):
                known = axis.get_tick_params(which=which)
                pad = 8 if axis is axes.yaxis and known.get("length") == 0 else 3.5
                length = known.get("length", mpl.rcParams[f"{axis.axis_name}tick.{which}.size"])
                axis.set_tick_params(
                    which=which, length=length * factor, pad=known.get("pad", pad) * factor
                )
    for one in figure.findobj():
        if isinstance(one, Text):
            one.set_fontsize(float(one.get_fontsize()) * factor)
        elif isinstance(one, Line2D):
            one.set(linewidth=one.get_linewidth() * factor, ms=one.get_markersize() * factor)
            one.set_markeredgewidth(one.get_markeredgewidth() * factor)
        elif isinstance(one, Patch):
            one.set_linewidth(one.get_linewidth() * factor)
        elif isinstance(one, Collection):
            one.set_linewidth((np.asarray(one.get_linewidth()) * factor).tolist())
            if isinstance(one, PathCollection):
                one.set_sizes(one.get_sizes() * factor**2)


def saved(figure: Figure, name: str, kind: str) -> bytes:
    """The bytes of a figure on white paper, the same for the same results.

    Args:
        figure: drawn inside ``figures.styled()``.
        name: of the figure, which its inner names are made from.
        kind: one of ``FORMATS``.
    """
    stream = io.BytesIO()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
    with mpl.rc_context({"svg.hashsalt": name, "pdf.fonttype": 42}):
        figure.savefig(
            stream,
            format=kind,
            metadata=dates[kind],
            dpi=_DPI,
            transparent=False,
            facecolor="white",
        )
    return stream.getvalue()
