"""Style shared by all figures: colors that survive both themes, sizes, and room for labels."""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import Any

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from reports.verdicts import Judged
    from reports.wording import Units

INK = "#010203"
"""Placeholder for the text color, which the page replaces by that of its theme."""

PAPER = "#fdfefc"
"""Placeholder for the page's color behind a figure."""

GREY = "#8a9099"
WIDTH = 720.0
"""Width of the page's figures, in CSS pixels."""

_WIDTH = ContextVar("width", default=WIDTH)
MOST = 40
"""Arms that a figure shows at most."""

PANELS = 12
"""Arms that a figure with a panel for each shows at most."""

COLORS: Mapping[str, str] = {
    "better": "#1a80bb",
    "worse": "#d2600a",
    "equivalent": "#8c62c2",
    "undecided": GREY,
    "no difference observed": GREY,
    "no verdict": GREY,
    "baseline": INK,
}
"""Colors by verdict: blue and orange differ for every kind of color vision, on any ground."""

SERIES = ("#1a80bb", "#d2600a", "#0a9a72", "#b65fa8", "#b08405", "#5a78d1", "#a3684a", GREY)

_PARTS = re.compile(r"[^\s(,_/]*[\s(,_/]*")
"""Parts of a label, which may break after white space, a parenthesis, a comma or an underscore."""

_MULTIPLES = (
    (1,),
    (1, 3),
    (1, 2, 5),
    (1, 1.5, 2, 3, 5, 7),
    (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8),
    tuple(np.arange(10, 100) / 10),
)
"""Ticks of a logarithmic axis within a decade, coarse to fine."""

SIZE = 11.0
"""Size of text, in points."""

_RC: Mapping[str, Any] = {
    "axes.axisbelow": True,
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "font.family": ["DejaVu Sans"],
    "font.size": SIZE,
    "axes.titlesize": SIZE,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titley": 1.0,  # where it is anyway; Matplotlib would measure every tick to find it
    "axes.labelsize": SIZE,
    "axes.linewidth": 0.8,
    "axes.edgecolor": GREY,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "axes.labelcolor": INK,
    "text.color": INK,
    "axes.titlecolor": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SIZE - 1,
    "ytick.labelsize": SIZE - 1,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "grid.color": GREY,
    "grid.linewidth": 0.6,
    "grid.alpha": 0.25,
    "lines.solid_capstyle": "round",
    # A level may hold a dollar sign; it is a name, not a formula.
    "text.parse_math": False,
    "svg.fonttype": "none",
}


@contextmanager
def styled() -> Iterator[None]:
    """Apply the settings for drawing and saving figures; put the old ones back afterwards."""
    with style.context(["default", dict(_RC)]):
        yield


@contextmanager
def laid_out(width: float) -> Iterator[None]:
    """Draw the figures inside so many CSS pixels wide."""
    token = _WIDTH.set(width)
    try:
        yield
    finally:
        _WIDTH.reset(token)


NARROW = 360
"""Width of a figure for a phone, where labels stand above what they name."""


def is_narrow() -> bool:
    """True if figures are drawn for a phone."""
    return full_width() < 1.3 * NARROW


def full_width() -> float:
    """The width that figures are drawn in, in CSS pixels."""
    return _WIDTH.get()


def sheet(height: float, width: float | None = None) -> Figure:
    """An empty figure of some size in CSS pixels."""
    width = full_width() if width is None else width
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def place(
    figure: Figure, left: float, top: float, width: float, height: float, **kwargs: Any
) -> Axes:
    """Axes at a place in CSS pixels from the upper left corner."""
    full_width, full_height = figure.get_size_inches() * 72
    box = (
        left / full_width,
        1 - (top + height) / full_height,
        width / full_width,
        height / full_height,
    )
    axes: Axes = figure.add_axes(box, **kwargs)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="minor", length=0)
    return axes


def canvas(
    ax: Axes | None, height: float, left: float, top: float, width: float, tall: float
) -> tuple[Figure, Axes]:
    """Axes at a place of a new sheet, or the given ones, with their figure."""
    if ax is None:
        figure = sheet(height)
        return figure, place(figure, left, top, width, tall)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(which="minor", length=0)
    given = ax.get_figure(root=True)
    assert given is not None  # axes stand in one
    return given, ax


def panels(
    titles: Sequence[str], across: int, height: float, *, above: float = 4
) -> tuple[Figure, list[Axes]]:
    """A grid of small multiples with common axes, one per title; a single one needs none."""
    number = len(titles)
    across = min(across, 2) if is_narrow() else across
    down = ceil(number / across)
    across = ceil(number / down)  # rows of like length
    left, gap, below = 58.0, 16.0, 40.0
    width = (full_width() - left - 10 - gap * (across - 1)) / across
    fitting = [wrapped(title, int(width / 6.3), lines=3) for title in titles]
    title = 14 + 11.5 * max(text.count("\n") + 1 for text in fitting) if any(fitting) else 4.0
    figure = sheet(above + down * (height + title) + below)
    found: list[Axes] = []
    for index, text in enumerate(fitting):
        row, column = divmod(index, across)
        shared = {"sharex": found[0], "sharey": found[0]} if found else {}
        x, y = left + column * (width + gap), above + row * (height + title) + title
        axes = place(figure, x, y, width, height, **shared)
        axes.tick_params(labelleft=column == 0, labelbottom=index + across >= number)
        axes.grid(visible=True, axis="y")
        axes.set_title(text, size=9.5, linespacing=1.05)
        found.append(axes)
    return figure, found


def shown(judged: Judged, most: int = MOST) -> list[int]:
    """The arms that figures show: all, or the baseline and those with the best means.

    Args:
        judged: the verdicts.
        most: how many are shown.
    """
    arms = list(range(len(judged.labels)))
    if len(arms) <= most:
        return arms
    means = np.array([interval.mean for interval in judged.means])
    means[judged.baseline] = np.nan
    order = np.argsort(-means if judged.rule.maximize else means, kind="stable")
    best = [arm for arm in order.tolist() if arm != judged.baseline][: most - 1]
    return sorted([judged.baseline, *best])


def ranged(judged: Judged, most: int, among: Collection[int] | None = None) -> list[int]:
    """The arms that figures of the inside show: the baseline, and others from best to worst.

    Networks that learn badly are those whose inside tells most: the best ones alone would not do.

    Args:
        judged: the verdicts.
        most: how many are shown.
        among: the arms to choose from. Default: all.
    """
    arms = [arm for arm in range(len(judged.labels)) if among is None or arm in among]
    if len(arms) <= most:
        return arms
    means = np.array([judged.means[arm].mean for arm in arms if arm != judged.baseline])
    others = np.array([arm for arm in arms if arm != judged.baseline])
    order = others[np.argsort(-means if judged.rule.maximize else means, kind="stable")]
    kept = [judged.baseline] if judged.baseline in arms else []
    places = np.linspace(0, len(order) - 1, most - len(kept)).round().astype(int)
    return sorted([*kept, *order[places].tolist()])


def wrapped(text: str, width: int, lines: int = 2) -> str:
    r"""A label on a few lines, broken between its parts, shortened where even they do not hold it.

    Example:
        >>> wrapped("tanh, truncated_normal(stddev=0.05)", 24)
        'tanh, truncated_normal(\nstddev=0.05)'
    """
    rows = [""]
    for part in _pieces(text, width):
        if rows[-1] and len(rows[-1] + part.rstrip()) > width:
            rows.append("")
        rows[-1] += part if rows[-1] else part.lstrip()
    if len(rows) > lines:
        rows = [*rows[: lines - 1], rows[lines - 1][: width - 1].rstrip(" ,") + "\u2026"]
    return "\n".join(row.rstrip() for row in rows)


def _pieces(text: str, width: int) -> list[str]:
    """The parts of a label, none longer than a line."""
    return [
        part[start : start + width]
        for part in _PARTS.findall(text)
        for start in range(0, len(part), width)
    ]


def gutter(labels: Sequence[str]) -> float:
    """Room for labels beside their rows."""
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    return 22 + 6.3 * longest


def signed(number: float) -> str:
    """A tick of differences, with its sign."""
    return f"{number:+g}".replace("-", "\u2212") if abs(number) > 1e-12 else "0"


def value_axis(axis: Axis, units: Units) -> None:
    """Format an axis of values of the metric."""
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    factor, unit = (100, " %") if units.percent else (1, "")
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{factor * value:.6g}{unit}"))


def log_axis(axis: Axis, low: float, high: float, *, most: int = 5) -> None:
    """Label a logarithmic axis with plain round numbers."""
    powers = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1)
    ticks: list[float] = []
    for multiples in _MULTIPLES:
        found = [step * 10.0**power for power in powers for step in multiples]
        found = [tick for tick in found if low * 0.999 <= tick <= high * 1.001]
        if len(found) > most:
            ticks = ticks or found[:: ceil(len(found) / most)]
            break
        ticks = found
    if len(ticks) < 2:
        linear = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
        ticks = [float(tick) for tick in linear if low <= tick <= high]
    axis.set_ticks(ticks)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def short(number: float) -> str:
    """A tick of a logarithmic axis.

    Example:
        >>> short(0.0001), short(0.003), short(250.0), short(20000.0)
        ('1e-4', '0.003', '250', '2e4')
    """
    if number == 0 or 1e-3 <= abs(number) < 1e4:
        return f"{number:.4g}"
    mantissa, power = f"{number:.2e}".split("e")
    return f"{float(mantissa):g}e{int(power)}"


def separated(positions: Sequence[float], gap: float) -> list[float]:
    """Positions of labels within 0 and 1, moved apart to keep them ``gap`` from each other.

    Where they cannot all fit, they move closer together.

    Example:
        >>> separated([0.4, 0.5, 0.9], 0.2)
        [0.35, 0.55, 0.9]
        >>> separated([0.9, 1.0], 0.2)
        [0.8, 1.0]
    """
    gap = min(gap, 1 / max(len(positions) - 1, 1))
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    groups: list[list[float]] = []  # labels that touch each other
    for index in order:
        groups.append([positions[index]])
        while len(groups) > 1 and _start(groups[-1], gap) < _start(groups[-2], gap) + gap * len(
            groups[-2]
        ):
            last = groups.pop()
            groups[-1] += last
    placed = [_start(group, gap) + gap * rank for group in groups for rank in range(len(group))]
    found = [0.0] * len(positions)
    for index, position in zip(order, placed, strict=True):
        found[index] = round(position, 9)
    return found


def _start(group: Sequence[float], gap: float) -> float:
    """Lower end of a group of labels, centred on the points that they name."""
    length = gap * (len(group) - 1)
    return min(max(sum(group) / len(group) - length / 2, 0.0), 1.0 - length)
