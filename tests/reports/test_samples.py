"""Figures of generated cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.coordinator import run
from harness.spec import Study
from reports import figures, frames, page, tables, verdicts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The store of a small study of two games, two replicates each."""
    study = Study(
        name="games",
        template="gan",
        dataset="ring-4@200",
        factors={"packing": [1, 2]},
        fixed={"epochs": 5, "units": [4], "latent": 2, "batch_size": 40},
        replicates=2,
    )
    return run(study, root=tmp_path_factory.mktemp("games"), workers=0).folder


def test_every_arm_and_replicate_is_shown(folder):
    """Beside the real cases, at every epoch that was kept."""
    results = frames.read(folder)
    judged = verdicts.judge(results)
    assert [*results.samples] == [(arm, replicate) for arm in (0, 1) for replicate in (0, 1)]
    developing, replicated = (
        draw(results, judged) for draw in (figures.developing, figures.replicated)
    )
    assert [axes.get_title(loc="left") for axes in developing.axes[:6]] == [
        "real", *(f"epoch {epoch}" for epoch in range(1, 6))
    ]  # fmt: skip
    assert len(developing.axes) == 2 * 6
    assert len(replicated.axes) == 2 * 2
    assert "How generated cases develop" in page.render(folder)


def test_what_is_gone_is_left_out(folder):
    """A page is made of what is there."""
    results = frames.read(folder)
    judged = verdicts.judge(results)
    gone = frames.read(folder)
    gone.samples.clear()
    assert figures.developing(gone, judged) is None
    assert figures.replicated(gone, judged) is None


def test_images_stand_side_by_side():
    """The first one above on the left, scaled from 0 to 1."""
    cases = np.zeros((4, 6), np.float32)
    cases[1] = 1.0
    picture = figures.samples._images(cases, (2, 3))
    assert picture.shape == (4, 6, 4)
    assert picture[:2, 3:, :3].min() == 1.0
    assert picture[2:, :, :3].max() == picture[:2, :3, :3].max() == 0.0


def test_points_stand_where_they_are():
    """Up is up; what is far outside is not shown."""
    real = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)
    made = np.array([[0.0, 1.0], [50.0, 50.0]], np.float32)
    picture = figures.samples._points(real, made, only_real=False)
    blue = np.argwhere(picture[..., 3] > 0.9)
    assert len(blue) == 1
    row, column = blue[0]
    assert row < figures.samples.BINS / 3
    assert column < figures.samples.BINS / 3


def test_rankings_at_several_budgets(folder):
    """Means of the validation cases after 1 to 5 epochs, every replicate with its own value."""
    results = frames.read(folder)
    table = tables.budgets(results)
    assert [*table.columns] == ["arm", *(f"after {epochs} epochs" for epochs in range(1, 6))]
    rows = results.epochs[(results.epochs["arm"] == 1) & (results.epochs["epoch"] == 2)]
    expected = rows["val/mode_total_variation"].mean()
    assert table["after 3 epochs"][1] == pytest.approx(expected)
    shown = tables.formatted_budgets(results)
    assert {cell[-3:] for cell in shown["After 5 epochs"]} <= {"(1)", "(2)"}
    assert "At other budgets" in page.render(folder)


def test_a_ranking_that_turns_is_told(folder):
    """The leader of each budget is named; an arm with a missing replicate has no mean."""
    results = frames.read(folder)
    epochs = results.epochs
    first = (epochs["arm"] == 0) & (epochs["epoch"] < 3)
    other = (epochs["arm"] == 1) & (epochs["epoch"] >= 3)
    epochs["val/mode_total_variation"] = np.where(first | other, 0.1, 0.9)
    leading = [*tables.leaders(results).values()]
    assert leading == ["packing=1"] * 3 + ["packing=2"] * 2
    gone = epochs.index[(epochs["arm"] == 0) & (epochs["epoch"] == 4)][:1]
    fewer = replace(results, epochs=epochs.drop(index=gone))
    assert np.isnan(tables.budgets(fewer)["after 5 epochs"][0])
