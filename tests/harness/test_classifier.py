"""Generated images are compared in the features of a classifier that is trained once."""

from __future__ import annotations

import numpy as np
import pytest

from harness import datasets, design, store
from harness.coordinator import run
from harness.evaluation import samples
from harness.spec import Study
from reports import frames, tables


def study(**changes):
    """Two tiny arms that generate digits."""
    fixed = {"epochs": 1, "filters": [4], "latent": 4, "batch_size": 64}
    given = {"dataset": "digits", "fixed": fixed, "factors": {"packing": [1, 2]}, **changes}
    return Study(name="digits", template="gan", replicates=2, **given)


def laid_out(**changes):
    found = study(**changes)
    return design.plan(found, datasets.describe_all(found, []), [])


def test_one_classifier_serves_all_arms_and_replicates():
    laid = laid_out()
    found = [
        laid.trial(arm, {}, "confirm", replicate).needs for arm in laid.arms for replicate in (0, 1)
    ]
    assert len({one.key for (one,) in found}) == 1
    one = found[0][0]
    assert (one.template, one.task, one.data) == ("cnn", "classification", laid.card.digest)
    assert laid.sizes()["source"] == 1


def test_a_search_needs_none():
    """It is judged by validation cases, on which such distances are not taken."""
    laid = laid_out()
    assert laid.trial(laid.arms[0], {}, "tune", 0).needs == ()


@pytest.mark.parametrize("dataset", ["ring-8@200", "wine"])
def test_what_is_no_image_needs_none(dataset):
    laid = laid_out(dataset=dataset, fixed={"epochs": 1, "units": [4], "batch_size": 32})
    assert laid.trial(laid.arms[0], {}, "confirm", 0).needs == ()


def test_the_floor_is_of_as_many_real_cases():
    generator = np.random.default_rng(0)
    train, real, made = (generator.normal(size=(count, 3)) for count in (90, 40, 40))
    floor = samples.classifier_frechet_floor(train, real, made)
    assert floor == samples.frechet_distance(real, train[:40])
    assert floor != samples.frechet_distance(real, train)


@pytest.mark.slow
def test_distances_are_stored_and_the_classifier_is_shown(tmp_path):
    """An untrained generator is far from the data, the data itself is not."""
    run(study(), root=tmp_path, workers=0)
    found = frames.read(tmp_path / "digits")
    distance, floor = (
        found.confirm[f"test/classifier_{name}@last"]
        for name in ("frechet_distance", "frechet_floor")
    )
    assert (distance > 3 * floor).all()
    assert floor.nunique() == 2  # of each replicate, the same in both arms
    shown = tables.sources(found)
    assert shown["mean"][0] > 0.8
    assert (shown["arms"][0], shown["trained"][0]) == (2, 1)
    kept = store.contents.contents(tmp_path / "digits").sources
    assert len({row[kept.names.index("key")] for row in kept.rows}) == 1
