"""Optimizers on the quadratic problem of DeepOBS, beside the curves that its authors published."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from harness import datasets, design
from harness.datasets import quadratic
from harness.spec import Study
from harness.train import Trainer

ASSET = Path(__file__).parent.parent / "assets" / "deepobs.csv"
USED = 896
"""Points that an epoch has, and that are evaluated."""

OPTIMIZERS = {
    "GradientDescent": {"name": "sgd"},
    "Momentum": {"name": "sgd", "momentum": 0.99},
    "Adam": {"name": "adam", "epsilon": 1e-8},
}
TUNED = {"GradientDescent": "0.0158489", "Momentum": "0.00251189", "Adam": "0.0398107"}


def published():
    """Test losses over seeds, by optimizer, learning rate and epoch."""
    found = defaultdict(list)
    with ASSET.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            place = row["optimizer"], row["learning_rate"], int(row["epoch"])
            found[place].append(float(row["test_loss"]))
    return dict(found)


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """A function that trains by the published protocol, and gives outcomes.

    The points that are evaluated are the validation cases, so that every epoch is measured.
    """
    file = tmp_path_factory.mktemp("deepobs") / "points.npz"
    x, x_test = (quadratic.points(100, part) for part in ("train", "test"))
    parts = {"x_train": x, "x_val": x_test[:USED], "x_test": x_test[:USED]}
    zeros = {name.replace("x", "y", 1): np.zeros_like(part) for name, part in parts.items()}
    np.savez(file, **parts, **zeros, task="regression")
    fixed = {"epochs": 100, "batch_size": 128, "batch_order": "fixed", "last_batch": "drop"}
    rates = {(name, rate) for name, rate, _ in published()}
    arms = {
        place: {**OPTIMIZERS[place[0]], "learning_rate": float(place[1])} for place in sorted(rates)
    }
    study = Study(
        name="p1",
        template="quadratic",
        dataset=str(file),
        fixed=fixed,
        factors={"optimizer": [*arms.values()]},
    )
    laid = design.plan(study, datasets.describe(str(file), []), [])
    trainer = Trainer(laid.card, [])

    def trained(name, rate, replicates):
        arm = laid.arms[[*arms].index((name, rate))]
        return [trainer.run(laid.trial(arm, {}, "confirm", one)) for one in range(replicates)]

    return trained


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("GradientDescent", marks=pytest.mark.slow),
        "Momentum",  # which feels the order of the batches most
        pytest.param("Adam", marks=pytest.mark.slow),
    ],
)
def test_curves_are_the_published_ones(train, name):
    """Mean over ten orders, within three standard deviations of the published seeds."""
    outcomes = train(name, TUNED[name], 10)
    curves = np.array(
        [[one.quantities["val/mean_squared_error"] for one in found.curve] for found in outcomes]
    )
    apart = {}
    for epoch in (1, 2, 3, 5, 10, 20, 50, 100):
        seeds = published()[name, TUNED[name], epoch]
        assert len(seeds) == 10
        away = curves[:, epoch - 1].mean() - np.mean(seeds)
        apart[epoch] = away / np.std(seeds, ddof=1)
    assert max(map(abs, apart.values())) < 3, apart


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [("GradientDescent", "0.0251189", "0.0398107"), ("Momentum", "0.0630957", "0.1")],
)
def test_divergence_begins_between_the_published_rates(train, name, below, above):
    """Below as low as published, above no number at all."""
    (stays,), (leaves,) = train(name, below, 1), train(name, above, 1)
    assert np.isfinite(published()[name, below, 100]).all()
    assert not np.isfinite(published()[name, above, 100]).any()
    assert stays.status == "completed"
    assert stays.metrics["test/mean_squared_error@last"] < 354
    assert leaves.status == "diverged"
