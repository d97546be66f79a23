"""Tests of the figures, through the values they draw."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from synthetic import Maker, Script, accuracy

from reports import figures, frames, verdicts
from reports.figures import style

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    Judged = tuple[frames.Results, verdicts.Judged]

LONG = {
    "activation": [
        "relu",
        "tanh",
        "sigmoid",
        {"name": "leaky_relu", "negative_slope": 0.25},
        "elu",
    ],
    "initializer": [
        "glorot_uniform",
        "he_normal",
        {"name": "truncated_normal", "stddev": 0.05},
        {"name": "random_uniform", "maxval": 0.1, "minval": -0.1},
        "orthogonal",
        "lecun_normal",
    ],
}


def judged(folder: Path) -> Judged:
    """A store, read and judged."""
    results = frames.read(folder)
    return results, verdicts.judge(results)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The plain two-factor study, with enough pairs for intervals."""
    return judged(Maker(tmp_path_factory.mktemp("plain"))(replicates=8))


@pytest.fixture
def thirty(make: Maker) -> Judged:
    """Thirty arms with long labels, some of them diverged."""

    def status(arm: int, phase: str, _candidate: int, replicate: int) -> str:
        return "diverged" if phase == "confirm" and arm % 7 == 3 and replicate else "completed"

    script = Script(lambda arm, replicate: accuracy(arm % 4, replicate), status)
    tune = {"trials": 3, "space": {"learning_rate": {"min": 1e-4, "max": 1e-1, "scale": "log"}}}
    return judged(make(script, factors=LONG, replicates=3, tune=tune))


def drawn(figure: Figure) -> Figure:
    """A figure with all its texts in place."""
    with figures.styled():
        FigureCanvasAgg(figure).draw()
    return figure


def tick_labels(axes: Axes) -> list[Text]:
    """The labels of those ticks that are in view."""
    found = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        found += [tick.label1 for tick in ticks] + [tick.label2 for tick in ticks]
    return found


def lines(axes: Axes, gid: str) -> list[np.ndarray]:
    """Data of the lines with an id."""
    return [np.asarray(line.get_xydata()) for line in axes.lines if line.get_gid() == gid]


def test_forest_draws_the_simultaneous_intervals(plain: Judged) -> None:
    """Each thick line spans the interval of its arm's verdict, in its verdict's color."""
    figure = figures.forest(plain[1])
    assert figure is not None
    (axes,) = figure.axes
    for row, verdict in enumerate(plain[1].verdicts):
        (line,) = [line for line in axes.lines if line.get_gid() == f"interval-{row}"]
        comparison = verdict.comparison
        assert line.get_xdata() == pytest.approx([comparison.low, comparison.high])
        assert line.get_color() == figures.COLORS[verdict.word]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == [arm.label for arm in plain[0].arms[1:]]


def test_forest_marks_comparisons_without_interval(thirty: Judged) -> None:
    """A comparison whose interval is open on both sides draws none, and counts its pairs."""
    figure = figures.forest(thirty[1])
    assert figure is not None
    texts = [text.get_text() for text in figure.axes[0].texts]
    ranked = [row for row, verdict in enumerate(thirty[1].verdicts) if verdict.comparison.diverged]
    assert ranked
    assert sum("won 1, lost 2" in text or "won 0, lost 3" in text for text in texts) >= 1
    assert not any(lines(figure.axes[0], f"interval-{row}") for row in ranked)


def test_curves_draw_medians_over_replicates(plain: Judged) -> None:
    """The line of an arm is the median of its confirm replicates, epoch by epoch."""
    results, _ = plain
    figure = figures.curves(*plain)
    assert figure is not None
    epochs = results.epochs[results.epochs["phase"] == "confirm"]
    medians = epochs.groupby(["arm", "epoch"])["val/accuracy"].median()
    for arm in results.arms:
        (line,) = lines(figure.axes[0], f"median-{arm.index}")
        assert line[:, 1] == pytest.approx(medians.loc[arm.index].to_numpy())
        assert line[:, 0].tolist() == list(range(1, len(line) + 1))


@pytest.mark.parametrize("target", ["price", "median value of owner-occupied homes, in 1000 $"])
def test_curves_name_the_unit_of_an_error(make: Maker, target: str) -> None:
    """What the errors of a single target are counted in stands on the axis, and on the sheet."""
    given = {"factors": {"activation": ["relu", "tanh"]}, "tune": None, "replicates": 2}
    metric = "test/mean_squared_error@best"
    script = Script(card={"target": target})
    figure = figures.curves(*judged(make(script, metric=metric, task="regression", **given)))
    assert figure is not None
    (text,) = figure.texts
    assert text.get_text().startswith(f"validation mean squared error ({target}"[:70])
    assert target != "price" or text.get_text().endswith("(price squared)")
    box = drawn(figure).texts[0].get_window_extent()
    assert box.y0 >= 0
    assert box.y1 <= 72 * figure.get_figheight()


def test_two_factors_get_a_panel_per_first_level(thirty: Judged) -> None:
    """Thirty arms of five by six levels are five panels with six lines each."""
    figure = figures.curves(*thirty)
    assert figure is not None
    assert len(figure.axes) == 5
    found = [
        sum(str(line.get_gid()).startswith("median-") for line in axes.lines)
        for axes in figure.axes
    ]
    assert found == [6] * 5


def test_many_arms_of_one_factor_get_a_panel_each(make: Maker) -> None:
    """Twelve arms are twelve panels, each with one line of its own."""
    levels = [f"level{index}" for index in range(12)]
    figure = figures.curves(*judged(make(factors={"activation": levels}, tune=None, replicates=2)))
    assert figure is not None
    assert len(figure.axes) == 12


def test_spread_draws_every_replicate(plain: Judged) -> None:
    """The dots of a row are the confirm values of its arm."""
    figure = figures.spread(plain[1])
    for arm in range(6):
        (points,) = lines(figure.axes[0], f"replicates-{arm}")
        assert np.abs(points[:, 1] - arm).max() < 0.5
        row = sorted(points[:, 0])
        assert row == pytest.approx(sorted(accuracy(arm, replicate) for replicate in range(8)))


def test_sensitivity_rings_the_choice_and_crosses_the_diverged(make: Maker) -> None:
    """The ring is at the chosen learning rate; a diverged candidate is a cross, not a number."""
    script = Script(
        status=lambda _arm, phase, candidate, _: (
            "diverged" if phase == "tune" and candidate == 1 else "completed"
        )
    )
    results, found = judged(make(script))
    figure = figures.sensitivity(results, found, "learning_rate")
    assert figure is not None
    rates = results.tune.set_index(["arm", "candidate"])["learning_rate"]
    for arm, axes in enumerate(figure.axes):
        (ring,) = lines(axes, "chosen")
        assert ring[0, 0] == rates[arm, results.chosen[arm]]
        (crosses,) = lines(axes, "diverged")
        assert crosses[:, 0].tolist() == [rates[arm, 1]]
        assert axes.get_xscale() == "log"


def test_cells_are_annotated_with_arm_means(plain: Judged) -> None:
    """The heat map prints the mean of each arm in its place."""
    figure = figures.cells(*plain)
    assert figure is not None
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == [plain[1].units.value(interval.mean, unit="") for interval in plain[1].means]


def test_figures_without_content_are_none(make: Maker) -> None:
    """One arm has no forest, one factor no cells, no tuning no sensitivity."""
    found = judged(make(factors={"activation": ["relu"]}, tune=None))
    assert figures.forest(found[1]) is None
    assert figures.cells(*found) is None
    assert figures.searched(found[0]) == []


def test_labels_do_not_overlap(thirty: Judged) -> None:
    """With thirty arms and long labels no two texts of a figure cover each other."""
    found = figures.every(*thirty)
    assert len(found) >= 5
    covered = {name: touching(drawn(one)) for name, one in found.items()}
    assert not any(covered.values()), covered


def touching(figure: Figure) -> list[object]:
    """Boxes of texts that cover each other."""
    loose = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    boxes = [text.get_window_extent().padded(-0.5) for text in loose]
    for axes in figure.axes:
        texts = [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label, axes._left_title]
        texts += tick_labels(axes)
        boxes += [
            text.get_window_extent().padded(-0.5)
            for text in texts
            if text.get_visible() and text.get_text()
        ]
    assert len(boxes) > 10
    return [
        (one, two) for one, two in combinations(boxes, 2) if one.overlaps(two) and one.width > 0
    ]


def test_texts_stay_on_the_sheet(thirty: Judged) -> None:
    """No text is cut off at an edge of its figure."""
    for name, figure in figures.every(*thirty).items():
        drawn(figure)
        width, height = figure.get_size_inches() * figure.dpi
        for axes in figure.axes:
            for text in [*axes.texts, *tick_labels(axes)]:
                if text.get_text() and text.get_visible():
                    box = text.get_window_extent()
                    assert min(box.x0, box.y0) >= -1, (name, text.get_text())
                    assert box.x1 <= width + 1, (name, text.get_text())
                    assert box.y1 <= height + 1, (name, text.get_text())


def test_the_most_arms_are_the_best_ones(make: Maker) -> None:
    """Beyond what a figure can hold, the baseline and the best means are shown."""
    levels = [f"level{index}" for index in range(figures.MOST + 5)]
    script = Script(lambda arm, replicate: 0.5 + 0.001 * arm + 0.0001 * ((arm * replicate) % 7))
    found = judged(make(script, factors={"activation": levels}, tune=None, replicates=2))
    assert figures.shown(found[1]) == [0, *range(6, figures.MOST + 5)]
    assert figures.ranged(found[1], 4) == [0, 1, len(levels) // 2, len(levels) - 1]
    assert figures.ranged(found[1], 2, {3, 4, 7}) == [3, 7]


def test_nothing_global_is_touched(plain: Judged) -> None:
    """Drawing leaves rcParams as they were, and opens no figure of pyplot."""
    import matplotlib.pyplot as plt

    with mpl.rc_context():
        mpl.rcdefaults()
        before = dict(mpl.rcParams)
        for figure in figures.every(*plain).values():
            drawn(figure)
        assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []


def test_dollars_are_no_formulas(make: Maker) -> None:
    """A level with dollar signs is drawn as it is written."""
    found = judged(make(factors={"activation": ["$x^2$", "$$"]}, tune=None))
    figure = figures.forest(found[1])
    assert figure is not None
    drawn(figure)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "$$"


@pytest.mark.parametrize(
    ("low", "high"), [(1e-4, 0.1), (0.12, 0.121), (0.1, 0.17), (0.5, 40.0), (3e-9, 5.0)]
)
def test_log_axes_have_a_few_round_ticks(low: float, high: float) -> None:
    """Between two and six labels, whatever the span."""
    figure = style.sheet(200)
    axes = style.place(figure, 50, 10, 300, 150)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    style.log_axis(axes.xaxis, low, high)
    assert 2 <= len(axes.get_xticks()) <= 6
