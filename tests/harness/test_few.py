"""Few training cases, of each class or of all: nested, on the splits of the whole data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from harness import datasets, design
from harness.errors import StudyError
from harness.spec import Study
from harness.train import Trainer, data

FIXED = {"units": [4], "epochs": 1, "batch_size": 4}
DIGITS = datasets.describe("digits", [])


def _plan(**changes):
    asked = {"name": "a", "template": "mlp", "dataset": "digits", "fixed": FIXED}
    return design.plan(Study(**asked | changes), DIGITS, [])


def _drawn(laid, replicate=0):
    whole = datasets.load(laid.card)
    return whole, [
        data.drawn(laid.trial(arm, {}, "confirm", replicate), whole, laid.card) for arm in laid.arms
    ]


def test_a_smaller_choice_is_a_part_of_a_larger_one():
    """Five of a class are among its ten; the validation cases are those of the whole data."""
    laid = _plan(factors={"cases_per_class": [2, 5, 10, 40]})
    whole, parts = _drawn(laid)
    _, [(every, held)] = _drawn(_plan(factors={"activation": ["relu"]}))
    counts = [np.bincount(whole.y[train]).tolist() for train, _ in parts]
    assert counts == [[2] * 10, [5] * 10, [10] * 10, [40] * 10]
    for (fewer, _), (more, _) in zip(parts, [*parts[1:], (every, held)], strict=True):
        assert set(fewer) < set(more)
    for _, validating in parts:
        np.testing.assert_array_equal(validating, held)


def test_a_smaller_choice_of_all_cases_is_a_part_of_a_larger_one():
    """So many cases whatever their class, and the validation cases of the whole data."""
    whole, parts = _drawn(_plan(factors={"cases": [7, 40, 1000]}))
    _, [(every, held)] = _drawn(_plan(factors={"activation": ["relu"]}))
    assert [len(train) for train, _ in parts] == [7, 40, 1000]
    for (fewer, _), (more, _) in zip(parts, [*parts[1:], (every, held)], strict=True):
        assert set(fewer) < set(more)
    for train, validating in parts:
        assert (np.diff(train) > 0).all()
        np.testing.assert_array_equal(validating, held)
    assert len(np.unique(np.bincount(whole.y[parts[1][0]]))) > 1


@pytest.mark.parametrize("name", ["cases_per_class", "cases"])
def test_replicates_choose_other_cases(name):
    """The choice is a draw of the replicate, as the split is."""
    laid = _plan(factors={name: [4]})
    (first, _), (second, _) = (_drawn(laid, replicate)[1][0] for replicate in (0, 1))
    assert set(first) != set(second)


def test_replicates_choose_from_the_same_cases():
    """Another replicate has another order, not only another split: few cases are in both."""
    train, labels = np.arange(1000, dtype=np.int32), np.zeros(1000, np.int32)
    for choose in (datasets.some, lambda cases, *rest: datasets.few(labels, cases, *rest)):
        first, second = (choose(train, 100, (1, "confirm", replicate)) for replicate in (0, 1))
        assert len(np.intersect1d(first, second)) < 25


@settings(max_examples=30, deadline=None)
@given(some.integers(0, 99), some.integers(1, 6), some.integers(1, 6))
def test_any_labels(seed, classes, most):
    """Sorted cases of the training part, as many of each class, whatever the labels."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat(np.arange(classes), most + 3)).astype(np.int32)
    train = np.sort(generator.permutation(len(labels)).astype(np.int32))
    before: set[int] = set()
    for count in range(1, most + 1):
        chosen = datasets.few(labels, train, count, (seed, "confirm", 0))
        assert (np.diff(chosen) > 0).all()
        assert np.bincount(labels[chosen]).tolist() == [count] * classes
        assert before < set(chosen.tolist())
        before = set(chosen.tolist())


@pytest.mark.parametrize("factors", [{"cases_per_class": [2, 4]}, {"cases": [20, 40]}])
def test_it_is_trained_on_so_many_cases(factors):
    """The steps of an epoch are those of the few cases, and another number is another program."""
    laid = _plan(factors=factors)
    trials = [laid.trial(arm, {}, "confirm", 0) for arm in laid.arms]
    trainer = Trainer(laid.card, [])
    assert [trainer.run(trial).status for trial in trials] == ["completed"] * 2
    programs = [trainer.programs[design.program_key(trial, laid.card)][-1] for trial in trials]
    assert [one.program.learner.sizes.train for one in programs] == [20, 40]


def test_a_trial_without_it_knows_nothing_of_it():
    """No key and no program of a study without it changes."""
    laid = _plan(factors={"activation": ["relu"]})
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    assert not {"cases", "cases_per_class"} & {*trial.settings, *design.split(trial)[0]}


@pytest.mark.parametrize("few", [{"cases_per_class": 4}, {"cases": 40}])
def test_references_are_fitted_on_the_same_few(few):
    """A reference sees the cases that the arms see, where all of these see the same."""
    study = Study(
        name="a",
        template="autoencoder",
        dataset="digits",
        factors={"code": [2]},
        fixed={**few, "batch_size": 8},
        references=["pca"],
    )
    laid = design.plan(study, DIGITS, [])
    whole = datasets.load(laid.card)
    arm, reference = (
        data.drawn(laid.trial(row, {}, "confirm", 0), whole, laid.card)[0] for row in laid.rows
    )
    np.testing.assert_array_equal(arm, reference)
    found = Trainer(laid.card, []).run(laid.trial(laid.references[0], {}, "confirm", 0))
    assert found.status == "completed"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": {"cases_per_class": [10, 112]}}, "at most the 111 training cases of the rar"),
        ({"dataset": "diabetes", "factors": {"cases_per_class": [2]}}, "Received: regression data"),
        ({"factors": {"cases": [10, 1151]}}, "at most the 1150 training cases of 'digits'"),
        ({"fixed": {"cases": 10, "cases_per_class": 5}}, "either 'cases' or 'cases_per_class'"),
        ({"factors": {"cases": [30]}}, "a batch no larger than the 30 training cases"),
        ({"factors": {"cases_per_class": [0]}}, "a whole number of at least 1"),
        ({"factors": {"cases_per_class": [3]}}, "a batch no larger than the 30 training cases"),
        (
            {"tune": {"space": {"cases_per_class": {"values": [5, 10]}}}},
            "which would choose the largest number",
        ),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    """Before anything is trained, with what there is."""
    asked = {"name": "a", "template": "mlp", "dataset": "digits", "factors": {"units": [[4]]}}
    study = Study(**asked | changes)
    with pytest.raises(StudyError, match=message):
        design.plan(study, datasets.describe(study.dataset, []), [])
