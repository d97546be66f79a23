"""The inside of networks: tables, figures and their section, of planted numbers."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted import inside, looked_into
from synthetic import Maker, Script
from test_figures import drawn, lines, touching

from harness.records import NETWORK, Inside
from harness.spec import Diagnostics
from reports import diagnostics, estimates, export, figures, frames, page, tables, verdicts
from reports.figures import courses
from reports.page.sections import sections

FOUR = {"activation": ["relu", "tanh", "leaky_relu", "selu"]}
Judged = tuple[frames.Results, verdicts.Judged]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Four arms of eight replicates, three of them ill, looked into."""
    script = Script(settings=lambda arm: {"optimizer": "sgd" if arm else "adam"})
    folder = Maker(tmp_path_factory.mktemp("planted"))(
        script, factors=FOUR, replicates=8, diagnostics={"cases": 700}
    )
    results = looked_into(frames.read(folder), time=6)
    return results, verdicts.judge(results)


def values(results: frames.Results, quantity: str, layer: str, arm: int, epochs: int) -> np.ndarray:
    """Numbers of one arm by replicate."""
    rows = results.inside
    rows = rows[(rows["quantity"] == quantity) & (rows["layer"] == layer) & (rows["arm"] == arm)]
    return rows[rows["epochs"] == epochs].sort_values("replicate")["value"].to_numpy()


def test_estimates_are_means_and_the_study_s_test(planted: Judged) -> None:
    """Geometric means, ratios to the baseline, and the interval of the sign-flip test."""
    table = tables.estimates(*planted)
    name = "preactivation_gradient_rms"
    rows = table[(table["quantity"] == name) & (table["layer"] == "hidden_1")]
    row = rows[(rows["moment"] == "end") & (rows["arm"] == 1)].iloc[0]
    ours, theirs = (np.log(values(planted[0], name, "hidden_1", arm, 10)) for arm in (1, 0))
    mean = estimates.t_interval(ours, 0.95)
    assert [row["mean"], row["low"], row["high"]] == pytest.approx(np.exp(mean))
    tested = estimates.sign_flips(ours - theirs, 0.05, 3)
    assert [row["difference"], row["difference_low"], row["difference_high"]] == pytest.approx(
        [tested.estimate, tested.low, tested.high]
    )
    assert (row["word"], row["scale"], row["n"], row["pairs"]) == ("lower", "log", 8, 8)
    assert row["adjusted_p"] == tested.adjusted


def test_shares_are_compared_as_they_are_and_pictures_not_at_all(planted: Judged) -> None:
    """Differences of shares, no histogram bin, no step in time; the network as a whole, too."""
    table = tables.estimates(*planted)
    assert set(table.loc[table["quantity"] == "dead", "scale"]) == {"identity"}
    assert not table["quantity"].str.startswith(("hist_", "time_")).any()
    assert NETWORK in set(table["layer"])
    none = table[(table["quantity"] == "update_ratio") & (table["moment"] == "start")]
    assert none.empty, "it was not measured before the first step"


def test_zeros_and_values_below_zero(planted: Judged) -> None:
    """A zero has no logarithm and is the lowest; below zero nothing has one."""
    results, judged = planted
    rows = results.inside
    zero = (rows["quantity"] == "activation_spread") & (rows["arm"] == 2)
    below = (rows["quantity"] == "sharpness") & (rows["arm"] == 2)
    changed = rows["value"].mask(zero, 0.0).mask(below, -1.0)
    table = tables.estimates(replace(results, inside=rows.assign(value=changed)), judged)
    spread = table[(table["quantity"] == "activation_spread") & (table["arm"] == 2)]
    assert set(spread["word"]) == {"lower"}
    assert spread["mean"].isna().all()
    assert set(table.loc[table["quantity"] == "sharpness", "scale"]) == {"identity"}


def test_a_diverged_training_has_no_end(make: Maker) -> None:
    """The end is that of completed trainings; the start is of all."""
    script = Script(
        status=lambda arm, phase, _, replicate: (
            "diverged" if (arm, phase, replicate) == (1, "confirm", 0) else "completed"
        )
    )
    results = looked_into(frames.read(make(script, factors=FOUR, replicates=4)))
    table = tables.estimates(results, verdicts.judge(results))
    rows = table[(table["quantity"] == "loss") & (table["arm"] == 1)].set_index("moment")
    assert rows["n"].to_dict() == {"start": 4, "end": 3}


def test_numbers_of_a_store_are_read_once(make: Maker) -> None:
    """A depth that is told at every epoch makes no row twice, and is a column."""
    folder = make(factors={"activation": ["relu"]}, tune=None, replicates=1)
    told = {"inside/depth": 1.0, "inside/dead": 0.25}
    found = tuple(
        Inside(epoch=epoch, layer="hidden_1", quantities=told) for epoch in (-1, 0, 1)
    )  # fmt: skip
    with sqlite3.connect(folder / "study.db") as db:
        trial = db.execute("SELECT trial FROM member WHERE phase = 'confirm'").fetchone()[0]
        for one in found:
            for quantity, value in one.quantities.items():
                db.execute(
                    "INSERT INTO fact (trial, stage, epoch, layer, quantity, value) "
                    "VALUES (?, '', ?, ?, ?, ?)",
                    (trial, one.epoch, one.layer, quantity, value),
                )
    frame = frames.read(folder).inside
    assert frame["epochs"].tolist() == [0, 1, 2]
    assert set(frame["depth"]) == {1}
    assert set(frame["quantity"]) == {"dead"}


def test_relations_have_three_kinds_and_their_looks(planted: Judged) -> None:
    """A diagnostic that was made to go with the result is clear inside arms."""
    results, judged = planted
    rows = results.inside
    luck = judged.grid.cells[rows["arm"], rows["replicate"]]
    made = (rows["quantity"] == "sharpness") & (rows["epochs"] == 0)
    told = replace(results, inside=rows.assign(value=rows["value"].mask(made, 10 * luck)))
    table = tables.relations(told, judged)
    assert set(table["kind"]) == {"within", "pooled"}, "all first losses are the same here"
    row = table[(table["quantity"] == "sharpness") & (table["moment"] == "start")]
    assert row["r"].tolist() == pytest.approx([1.0, 1.0], abs=0.01)
    assert row["clear"].all()
    within = table[table["kind"] == "within"]
    assert set(within["looks"]) == {len(within)}
    assert (within["low_adjusted"] <= within["low"]).all()
    shown = tables.formatted_relations(table, 5)
    assert len(shown) == 5
    assert shown.iloc[0]["Quantity"].startswith("sharpness")
    assert shown.iloc[0]["Early loss held"] == "not available"


def test_tables_are_exported(planted: Judged, tmp_path: Path) -> None:
    """The tidy frame and what was made of it, as CSV and as Parquet."""
    found = tables.collect(*planted)
    names = {"inside", "inside_estimates", "inside_relations", "alarms"}
    assert names <= set(found)
    export.write(found, tmp_path)
    back = pd.read_csv(tmp_path / "inside.csv")
    assert len(back) == len(planted[0].inside)
    assert list(back) == [column.name for column in frames.INSIDE]
    for name in names:
        assert export.parquet(found[name])


def test_every_figure_is_there(planted: Judged) -> None:
    """All of them, but those of what was not measured."""
    assert {*figures.inside(*planted)} == {*figures.INSIDE}
    less = planted[0].inside
    less = less[~less["quantity"].str.startswith(("hist_", "time_", "saturated"))]
    found = figures.inside(replace(planted[0], inside=less), planted[1])
    assert {*figures.INSIDE} - {*found} == {"outputs", "through_time", "share_saturated"}


def test_profiles_draw_medians(planted: Judged) -> None:
    """A line of medians over depth for each arm, at the start and at the end; logarithmic."""
    figure = figures.INSIDE["depth_preactivation_gradient_rms"](*planted)
    assert figure is not None
    for axes, epochs in zip(figure.axes, (0, 10), strict=True):
        for arm in range(4):
            (line,) = lines(axes, f"median-{arm}")
            wanted = [
                np.median(values(planted[0], "preactivation_gradient_rms", name, arm, epochs))
                for name in ("hidden_1", "hidden_2", "hidden_3", "hidden_4", "outputs")
            ]
            assert line[:, 1] == pytest.approx(wanted)
            assert line[:, 0].tolist() == [1, 2, 3, 4, 5]
        assert axes.get_yscale() == "log"


def test_heat_maps_are_medians_of_layers_and_epochs(planted: Judged) -> None:
    """Rows are layers, columns measurements; colors are logarithmic over decades."""
    figure = figures.INSIDE["heat_preactivation_gradient_rms"](*planted)
    assert figure is not None
    (picture,) = [one for one in figure.axes[1].images if one.get_gid() == "heat-1"]
    array = np.asarray(picture.get_array())
    assert array.shape == (5, 11)
    wanted = np.median(values(planted[0], "preactivation_gradient_rms", "hidden_2", 1, 7))
    assert array[1, 7] == pytest.approx(wanted)
    assert type(picture.norm).__name__ == "LogNorm"


def test_histograms_hold_the_shares(planted: Judged) -> None:
    """Of the one arm whose activation is bounded."""
    figure = figures.INSIDE["outputs"](*planted)
    assert figure is not None
    assert len(figure.axes) == 4
    end = next(one for one in figure.axes[0].patches if one.get_gid() == "1-hidden_1")
    shares = np.array([
        np.median(values(planted[0], f"hist_{place:02d}", "hidden_1", 1, 10)) for place in range(20)
    ])  # fmt: skip
    assert np.asarray(end.get_data().values) == pytest.approx(shares)


def test_the_edge_of_stability_is_that_of_plain_descent(planted: Judged) -> None:
    """2 / learning rate of the three arms with SGD, none of Adam's."""
    figure = figures.INSIDE["sharpness"](*planted)
    assert figure is not None
    for arm in range(4):
        found = lines(figure.axes[0], f"edge-{arm}")
        assert len(found) == (1 if arm else 0)
        if arm:
            assert found[0][0, 1] == pytest.approx(2 / planted[0].settings[arm]["learning_rate"])


@pytest.mark.parametrize(
    ("settings", "plain"),
    [
        ({"optimizer": {"name": "sgd", "momentum": 0.0}}, True),
        ({"optimizer": {"name": "sgd", "momentum": 0.9}}, False),
        ({"optimizer": "sgd", "schedule": {"name": "cosine"}}, False),
        ({"optimizer": "sgd", "schedule": {"name": "constant", "warmup": 5.0}}, False),
        ({"optimizer": "adam"}, False),
    ],
)
def test_plain_descent_has_neither_momentum_nor_a_schedule(settings, *, plain: bool) -> None:
    """Warm-up is a schedule, too."""
    assert courses.is_plain(settings) == plain


@pytest.mark.parametrize("width", [figures.NARROW, pytest.param(720, marks=pytest.mark.slow)])
def test_texts_neither_touch_nor_leave_the_sheet(make: Maker, width: float) -> None:
    """Twelve arms with long names and nine layers, on a phone and on a wide page."""
    names = [f"an_activation_with_a_long_name_{index}" for index in range(12)]
    results = frames.read(make(factors={"activation": names}, tune=None, replicates=2))
    ill = {arm: {"saturates": 0.5} if arm % 2 else {"dies": 0.5} for arm in range(12)}
    results = looked_into(results, layers=9, epochs=4, ill=ill, time=3)
    judged = verdicts.judge(results)
    with figures.laid_out(width):
        found = {name: draw(results, judged) for name, draw in figures.INSIDE.items()}
    for name, figure in found.items():
        assert figure is not None, name
        assert not touching(drawn(figure)), name
        full, tall = figure.get_size_inches() * figure.dpi
        for text in [*figure.texts, *(one for axes in figure.axes for one in axes.texts)]:
            box = text.get_window_extent()
            assert min(box.x0, box.y0) >= -1, (name, text.get_text())
            assert box.x1 <= full + 1, (name, text.get_text())
            assert box.y1 <= tall + 1, (name, text.get_text())


def section(results: frames.Results, judged: verdicts.Judged, name: str) -> object:
    """A section of the page by its id; ``None`` where it is not there."""
    return next((one for one in sections(results, judged) if one.id == name), None)


def test_the_section_says_mode_cases_and_looks(planted: Judged) -> None:
    """Captions say on how many cases; the fold, how many comparisons were made."""
    found = section(*planted, "inside")
    assert found is not None
    assert [plate.title for plate in found.figures]
    assert len(found.figures) == len(figures.INSIDE)
    assert all("no dropout, a probe of 700 training cases" in one.caption for one in found.figures)
    assert "share of saturated outputs of relu, leaky_relu and selu" in " ".join(found.texts)
    against, relations = found.folds
    count = sum(one.word != "baseline" for one in verdicts.contrasts(*planted))
    assert f"{count} comparisons by the same exact test" in against.texts[0]
    assert len(against.tables[0].rows) == 30
    assert "mostly the difference between arms" in relations.texts[0]
    assert "were looked at" in relations.texts[1]


def test_nothing_measured_nothing_shown(make: Maker) -> None:
    """Without diagnostics no section, no table and no figure; asked in vain, it is said."""
    results = frames.read(make(factors=FOUR, replicates=2, tune=None))
    judged = verdicts.judge(results)
    assert section(results, judged, "inside") is None
    assert figures.inside(results, judged) == {}
    assert not {"inside", "inside_estimates", "inside_relations"} & {
        *tables.collect(results, judged)
    }
    asked = results.study.model_copy(update={"diagnostics": Diagnostics()})
    found = section(replace(results, study=asked), judged, "inside")
    assert found is not None
    assert found.texts[0].startswith("Not available: ")


@pytest.mark.slow
def test_a_measure_that_is_missing_is_named(planted: Judged) -> None:
    """The study asks for curvature, and there is none."""
    results, judged = planted
    rows = results.inside[~results.inside["quantity"].str.startswith("sharpness")]
    asked = results.study.model_copy(
        update={"diagnostics": Diagnostics(measures=("gradients", "sharpness"))}
    )
    found = section(replace(results, study=asked, inside=rows), judged, "inside")
    assert found is not None
    assert "Not available: sharpness." in found.texts


@pytest.mark.slow
def test_what_a_figure_leaves_out_is_said(make: Maker) -> None:
    """Ten arms: lines show seven, heat maps all; nine layers: six of them."""
    names = [f"level{index}" for index in range(10)]
    results = frames.read(make(factors={"activation": names}, tune=None, replicates=2))
    results = looked_into(results, layers=9, epochs=3)
    found = section(results, verdicts.judge(results), "inside")
    assert found is not None
    captions = {plate.title: plate.caption for plate in found.figures}
    told = "baseline and 6 arms from the best mean to the worst; 3 others"
    assert told in captions["Dead units"]
    assert "6 of 8 layers" in captions["Dead units"]
    assert "best mean" not in captions["Back-propagated gradients, layer by layer"]


@pytest.mark.slow
def test_the_page_is_the_same_twice_and_hostile_layers_are_text(planted: Judged, tmp_path) -> None:
    """Names of layers are anybody's."""
    results, judged = planted
    renamed = results.inside["layer"].replace({"hidden_1": "<script>alert(1)</script>"})
    hostile = replace(results, inside=results.inside.assign(layer=renamed))
    one, two = (
        page.lay_out(hostile, judged, tmp_path / name / "index.html").read_text()
        for name in ("a", "b")
    )
    assert one == two
    assert "<script>alert" not in one
    files = {file.stem for file in (tmp_path / "a" / "figures").glob("*.svg")}
    assert {*figures.INSIDE} <= files
    assert re.search(r'href="inside\.csv"', one)


def test_every_quantity_has_words_and_a_line_in_the_docs() -> None:
    """The page that explains them leaves none out."""
    text = (Path(__file__).parents[2] / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z_]+)`", text))
    assert set(diagnostics.DIAGNOSTICS) <= told
    assert all(one.words for one in diagnostics.DIAGNOSTICS.values())


def test_the_planted_frame_is_in_the_declared_format(planted: Judged) -> None:
    """So that tests speak of what a store gives."""
    frame = inside(planted[0], epochs=1)
    assert [str(dtype) for dtype in frame.dtypes] == [
        {"str": "str"}.get(column.dtype, column.dtype) for column in frames.INSIDE
    ]


def test_outputs_of_a_shallow_network_stand_behind_the_layers_of_a_deep_one() -> None:
    rows = pd.DataFrame(
        [("hidden_1", 1), ("outputs", 2), ("hidden_1", 1), ("hidden_2", 2), ("outputs", 3)],
        columns=["layer", "depth"],
    ).astype({"depth": "Int64"})
    assert diagnostics.layers(rows) == ["hidden_1", "hidden_2", "outputs"]
