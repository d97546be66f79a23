"""Noise in labels: of training and validation cases, drawn per replicate, never of test cases."""

from __future__ import annotations

import numpy as np
import pytest

from harness import datasets, design
from harness.errors import StudyError
from harness.spec import Study
from harness.train import Trainer, cases

FIXED = {"units": [4], "epochs": 1}


def _plan(dataset, template="mlp", **changes):
    study = Study(name="a", template=template, dataset=dataset, **{"fixed": FIXED, **changes})
    return design.plan(study, datasets.describe(dataset, []), [])


def _labels(laid, arm=0, replicate=0):
    found = cases(laid.trial(laid.arms[arm], {}, "confirm", replicate), laid.card)
    return found.y_train, found.y_val, found.y_test


def test_numbers_are_off_by_so_much():
    """Noise of the deviation asked for, twice as large where twice as much is wanted."""
    laid = _plan("teacher-20", factors={"label_noise": [0.0, 0.5, 1.0]})
    clean, half, whole = (_labels(laid, arm) for arm in range(3))
    for part in (0, 1):
        assert np.std(half[part] - clean[part]) == pytest.approx(0.5, rel=0.05)
        np.testing.assert_allclose(
            whole[part] - clean[part], 2 * (half[part] - clean[part]), atol=1e-5
        )
    np.testing.assert_array_equal(half[2], clean[2])


def test_a_share_of_the_classes_is_drawn_anew():
    """One class in ten stays by chance, and what a little noise changes, more noise changes too."""
    laid = _plan("noise-4", factors={"label_noise": [0.0, 0.2, 1.0]})
    (clean, _, tests), (some, *_), (all_, _, same) = (_labels(laid, arm) for arm in range(3))
    assert np.mean(some != clean) == pytest.approx(0.2 * 0.9, abs=0.01)
    assert np.mean(all_ != clean) == pytest.approx(0.9, abs=0.01)
    np.testing.assert_array_equal(some[some != clean], all_[some != clean])
    np.testing.assert_array_equal(tests, same)


def test_replicates_draw_other_noise():
    """And arms of a replicate share it."""
    laid = _plan(
        "teacher-5", fixed={**FIXED, "label_noise": 0.5}, factors={"activation": ["relu", "tanh"]}
    )
    np.testing.assert_array_equal(_labels(laid)[0], _labels(laid, arm=1)[0])
    again = np.isin(_labels(laid)[0], _labels(laid, replicate=1)[0])
    assert np.mean(again) < 0.01  # most training cases are the same ones


def test_the_noise_of_a_standardized_target_is_in_its_own_unit():
    """A deviation of ten years is ten years, however the target is trained on."""
    laid = _plan("diabetes", factors={"label_noise": [0.0, 50.0]})
    clean, noisy = (cases(laid.trial(arm, {}, "confirm", 0), laid.card) for arm in laid.arms)
    assert clean.unit == noisy.unit
    assert np.std(noisy.y_train - clean.y_train) * clean.unit == pytest.approx(50, rel=0.1)


def test_what_is_trained_on_is_noisy():
    """A network cannot learn labels that are drawn anew; the program is that of clean ones."""
    fixed = {"units": [], "epochs": 20, "learning_rate": 0.01}
    laid = _plan("irrelevant-2", fixed=fixed, factors={"label_noise": [0.0, 1.0]})
    trials = [laid.trial(arm, {}, "confirm", 0) for arm in laid.arms]
    assert len({design.program_key(trial, laid.card) for trial in trials}) == 1
    trainer = Trainer(laid.card, [])
    clean, noisy = (trainer.run(trial).curve[-1].quantities for trial in trials)
    for quantity in ("train/accuracy", "val/accuracy"):
        assert clean[quantity] > 0.8
        assert noisy[quantity] < 0.56


def test_no_noise_is_no_setting():
    """Noise of zero is the trial of a study that does not speak of it."""
    laid, plain = (
        _plan("teacher-5", factors={"label_noise": [0.0]}),
        _plan("teacher-5", factors={"dropout": [0.0]}),
    )
    one, other = (one.trial(one.arms[0], {}, "confirm", 0) for one in (laid, plain))
    assert one.key == other.key


@pytest.mark.parametrize(
    ("dataset", "changes", "message"),
    [
        ("digits", {"factors": {"label_noise": [0.5, 1.5]}}, "from 0 to 1. Received: 1.5"),
        (
            "copy-5",
            {"template": "rnn", "fixed": {}, "factors": {"label_noise": [0.5]}},
            "Received: sequence data",
        ),
        (
            "digits",
            {"template": "autoencoder", "factors": {"label_noise": [0.5]}},
            "Received: reconstruction data",
        ),
        ("digits", {"factors": {"label_noise": [-0.5]}}, "at least 0"),
        (
            "digits",
            {
                "factors": {"units": [[4]]},
                "fixed": {},
                "tune": {"space": {"label_noise": {"min": 0.1, "max": 0.5}}},
            },
            "which would choose labels without noise",
        ),
    ],
)
def test_what_cannot_be_is_refused(dataset, changes, message):
    """Before anything is trained, with what there is."""
    with pytest.raises(StudyError, match=message):
        _plan(dataset, **changes)
