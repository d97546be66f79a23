"""The studies that come with the harness."""

from __future__ import annotations

import pytest

from harness import datasets, design, studyfile

STUDIES = studyfile.built_in()


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_every_study_is_ready_to_run(name):
    """It loads, fits catalogue and data, is named as its file, and says what it asks."""
    study = studyfile.load(STUDIES[name])
    laid = design.plan(study, datasets.describe_all(study, []), [])
    assert study.name == name
    assert study.question.endswith("?")
    assert set(study.baseline) == set(study.factors)
    assert design.baseline(study) in laid.arms
    assert laid.notes == ()  # enough replicates to decide, and a declared baseline


def test_quickstart_is_large_enough_to_decide():
    """At least 8 arms, 10 confirm replicates, and a learning rate tuned per arm."""
    study = studyfile.load(STUDIES["quickstart"])
    assert len([*design.arms(study)]) >= 8
    assert study.replicates >= 10
    assert "learning_rate" in study.tune.space
