"""Metrics beside the deciding one: described for every arm, decided on for none."""

from __future__ import annotations

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
    assert set(table.columns) == {"arm", *(f"test/{name}@best" for name in wanted)}
    rows = results.confirm[results.confirm["arm"] == 1]
    assert table["test/macro_f1@best"][1] == pytest.approx(rows["test/macro_f1@best"].mean())
    entropy = np.exp(np.log(rows["test/crossentropy@best"]).mean())
    assert table["test/crossentropy@best"][1] == pytest.approx(entropy)


def test_the_page_and_the_files_have_them(finished):
    """In percent where they are shares."""
    results = frames.read(finished)
    shown = tables.formatted_others(results)
    assert next(iter(shown.columns)) == "Arm"
    assert shown["macro f1"][0].endswith(" %")
    assert not shown["crossentropy"][0].endswith(" %")
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
