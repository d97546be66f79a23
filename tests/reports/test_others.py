"""Metrics beside the deciding one: described for every arm, decided on for none."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from harness import catalog
from harness.coordinator import run
from harness.spec import Study
from reports import frames, tables, verdicts
from reports.page import render


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A real study, small: two arms, three replicates."""
    generator = np.random.default_rng(0)
    data = generator.normal(size=(90, 3)), np.arange(90) % 3
    fixed = {"epochs": 2, "units": [4], "batch_size": 16}
    study = Study(
        name="others",
        template="mlp",
        factors={"activation": ["relu", "tanh"]},
        fixed=fixed,
        replicates=3,
    )
    return run(study, data=data, root=tmp_path_factory.mktemp("others"), workers=0).folder


def test_every_other_metric_has_a_mean(finished):
    """Of the confirm trials, at the same epoch; geometric where the scale is logarithmic."""
    results = frames.read(finished)
    table = tables.others(results)
    wanted = set(catalog.TASK_METRICS["classification"]) - {"loss", "accuracy", "top_5_accuracy"}
    names = {f"test/{name}@best" for name in wanted}
    assert set(table.columns) == {"arm", *names, *(f"{name} sd" for name in names)}
    rows = results.confirm[results.confirm["arm"] == 1]
    assert table["test/macro_f1@best"][1] == pytest.approx(rows["test/macro_f1@best"].mean())
    entropy = np.exp(np.log(rows["test/crossentropy@best"]).mean())
    assert table["test/crossentropy@best"][1] == pytest.approx(entropy)
    assert table["test/macro_f1@best sd"][1] == pytest.approx(rows["test/macro_f1@best"].std())


def test_the_page_and_the_files_have_them(finished):
    """In percent where they are shares."""
    results = frames.read(finished)
    shown = tables.formatted_others(results)
    assert next(iter(shown.columns)) == "Arm"
    assert re.fullmatch(r"[\d.]+ % \([\d.]+\)", shown["macro f1"][0])
    assert re.fullmatch(r"[\d.]+ \([\d.]+\)", shown["crossentropy"][0])
    assert "Other metrics" in render(finished)
    assert "other_metrics" in tables.collect(results, verdicts.judge(results))


def test_a_diverged_replicate_leaves_no_mean(finished):
    """A mean of the others would flatter the arm."""
    results = frames.read(finished)
    first = (results.trials["arm"] == 0) & (results.trials["replicate"] == 0)
    results.trials.loc[first, "test/auroc@best"] = np.nan
    table = tables.others(results)
    assert np.isnan(table["test/auroc@best"][0])
    assert np.isfinite(table["test/auroc@best"][1])
    assert tables.formatted_others(results)["auroc"][0] == ""


def test_best_values_are_marked_and_silent_metrics_left_out(finished):
    """Highest or lowest as the metric wants it; a metric that is always the same is not shown."""
    results = frames.read(finished)
    entropy = tables.others(results)["test/crossentropy@best"]
    best = tables.best_others(results)
    assert [row for row, name in best if name == "crossentropy"] == [int(entropy.idxmin())]
    f1 = tables.others(results)["test/macro_f1@best"]
    assert (int(f1.idxmax()), "macro f1") in best
    printed = tables.formatted_others(results)["macro f1"].str.partition(" ")[0]
    assert len({printed[row] for row, name in best if name == "macro f1"}) == 1
    assert "<strong>" in render(finished)
    results = replace(results, trials=results.trials.assign(**{"test/macro_f1@best": 0.5}))
    assert "macro f1" not in tables.formatted_others(results)
    assert "test/macro_f1@best" in tables.others(results)
    assert "macro f1" not in {name for _, name in tables.best_others(results)}
