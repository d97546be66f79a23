"""Metrics equal those of scikit-learn, and those of others where it has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from harness import catalog, metrics
from harness.outputs import Form


def predictions(seed, cases, classes):
    """Labels of all classes, and probabilities that know something of them, with ties."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(cases) % classes)
    raw = generator.normal(size=(cases, classes)) + 1.5 * np.eye(classes)[labels]
    scores = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return labels, np.round(scores, 2) if seed % 2 else scores


FEW = settings(deadline=None, max_examples=40)


def some(test):
    """Runs a test on random predictions."""
    sizes = {"cases": st.integers(20, 60), "classes": st.integers(2, 8)}
    return FEW(given(seed=st.integers(0, 10_000), **sizes)(test))


@some
def test_macro_f1(seed, cases, classes):
    """The unweighted mean over classes."""
    labels, scores = predictions(seed, cases, classes)
    expected = theirs.f1_score(labels, scores.argmax(axis=1), average="macro", zero_division=0)
    assert metrics.macro_f1(labels, scores) == pytest.approx(expected)


@some
def test_auroc(seed, cases, classes):
    """Of class 1, or one against the rest; ties count a half."""
    labels, scores = predictions(seed, cases, classes)
    if classes == 2:
        expected = theirs.roc_auc_score(labels, scores[:, 1])
    else:
        columns = [theirs.roc_auc_score(labels == one, scores[:, one]) for one in range(classes)]
        expected = np.mean(columns)
    assert metrics.auroc(labels, scores) == pytest.approx(expected)


@FEW
@given(seed=st.integers(0, 5000), cases=st.integers(20, 60), classes=st.integers(6, 12))
def test_top_5_accuracy(seed, cases, classes):
    """The label is among the five largest."""
    labels, scores = predictions(2 * seed, cases, classes)  # no ties: there libraries differ
    expected = theirs.top_k_accuracy_score(labels, scores, k=5, labels=np.arange(classes))
    assert metrics.top_5_accuracy(labels, scores) == pytest.approx(expected)


@FEW
@given(seed=st.integers(0, 10_000), targets=st.integers(1, 3))
def test_r2(seed, targets):
    """Averaged over targets."""
    generator = np.random.default_rng(seed)
    labels = generator.normal(size=(30, targets))
    scores = labels + generator.normal(size=labels.shape)
    assert metrics.r2(labels, scores) == pytest.approx(theirs.r2_score(labels, scores))


def test_r2_of_a_constant_target():
    """There is nothing to explain, and nothing explodes."""
    assert metrics.r2(np.ones((4, 1)), np.array([[1.0], [2.0], [1.0], [1.0]])) == 0


@some
def test_average_precision(seed, cases, classes):
    """Of a detector with ties, as scikit-learn counts it; and of errors, largest first."""
    labels, scores = predictions(seed, cases, classes)
    positive = labels == 0
    ours = metrics.average_precision(positive, scores[:, 0])
    assert ours == pytest.approx(theirs.average_precision_score(positive, scores[:, 0]))
    outputs = np.sqrt(scores[:, :1])
    found = metrics.from_errors(positive.astype(int), np.zeros((cases, 1)), outputs)
    assert found["average_precision"] == pytest.approx(ours)
    assert found["auroc"] == pytest.approx(theirs.roc_auc_score(positive, scores[:, 0]))


def test_calibration_error():
    """Two bins by hand: 0.9 sure and right in half of the cases, 0.6 sure and always right."""
    scores = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 2)
    labels = np.array([0, 0, 1, 1, 1, 1])
    expected = (4 * abs(0.9 - 0.5) + 2 * abs(0.6 - 1.0)) / 6
    assert metrics.calibration_error(labels, scores) == pytest.approx(expected)
    assert metrics.calibration_error(np.array([1]), np.array([[0.0, 1.0]])) == 0


def test_a_missing_class_is_left_out():
    """A test split without a class says nothing about it: who is right everywhere gets 1."""
    labels = np.array([0, 0, 2, 2, 0])
    right = np.eye(3)[labels]
    for measure in (metrics.auroc, metrics.macro_f1, metrics.balanced_accuracy):
        assert measure(labels, right) == 1
    wrong = np.eye(3)[[0, 1, 2, 2, 0]]
    expected = theirs.f1_score(labels, wrong.argmax(axis=1), labels=[0, 2], average="macro")
    assert metrics.macro_f1(labels, wrong) == pytest.approx(expected)


def test_a_metric_about_which_the_test_split_tells_nothing_is_left_out():
    """A half would look like a result: cases of a single class have no area to measure."""
    found = metrics.from_outputs("classification", np.zeros(3, int), np.eye(3))
    assert not {"auroc", "average_precision"} & set(found)
    assert found["macro_f1"] >= 0
    assert metrics.from_scores(np.zeros(3), np.arange(3.0)) == {}
    assert set(metrics.from_scores(np.arange(3) % 2, np.arange(3.0))) == set(metrics.OF_ERRORS)


def test_ties_of_the_five_largest_count_as_fractions():
    """As if they were broken by chance: of seven alike, five are among the five largest."""
    alike = np.zeros((4, 7))
    assert metrics.top_5_accuracy(np.arange(4), alike) == pytest.approx(5 / 7)
    some = np.array([[9, 9, 9, 9, 1, 1, 0.0]])
    found = [metrics.top_5_accuracy(np.array([one]), some) for one in range(7)]
    assert found == [1, 1, 1, 1, 0.5, 0.5, 0]


@some
def test_balanced_accuracy(seed, cases, classes):
    """The mean recall."""
    labels, scores = predictions(seed, cases, classes)
    expected = theirs.balanced_accuracy_score(labels, scores.argmax(axis=1))
    assert metrics.balanced_accuracy(labels, scores) == pytest.approx(expected)


@some
def test_average_precision_of_classes(seed, cases, classes):
    """Of class 1, or the mean of one against the rest."""
    labels, scores = predictions(seed, cases, classes)
    true = (labels == 1) if classes == 2 else np.eye(classes, dtype=int)[labels]
    told = scores[:, 1] if classes == 2 else scores
    expected = theirs.average_precision_score(true, told, average="macro")
    assert metrics.mean_average_precision(labels, scores) == pytest.approx(expected)


@FEW
@given(seed=st.integers(0, 10_000), labels=st.integers(2, 5))
def test_several_labels(seed, labels):
    """The means over labels that scikit-learn takes; a label that no case has is left out."""
    generator = np.random.default_rng(seed)
    true = generator.random((40, labels)) < 0.4
    margins = np.round(generator.normal(size=true.shape) + true - 0.5, 1)
    columns = np.flatnonzero(true.any(axis=0))
    y, z = true[:, columns], margins[:, columns]
    found = metrics.from_outputs("multilabel", true.astype(np.float32), margins, Form(each=True))
    recalls = [theirs.balanced_accuracy_score(a, b > 0) for a, b in zip(y.T, z.T, strict=True)]
    expected = {
        "auroc": theirs.roc_auc_score(y, z, average="macro"),
        "average_precision": theirs.average_precision_score(y, z, average="macro"),
        "macro_f1": theirs.f1_score(y, z > 0, average="macro", zero_division=0),
        "balanced_accuracy": np.mean(recalls),
    }
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("task", sorted(catalog.TASK_METRICS))
def test_every_metric_of_the_catalogue_is_computed(task):
    """In every epoch, or from the test outputs; none is both or neither."""
    streamed = set(metrics.of_task(task)) | {"loss", "crossentropy"}
    for name in catalog.TASK_METRICS[task]:
        late = name in {*metrics.FROM_OUTPUTS, *metrics.FROM_CODES, "average_precision"}
        assert (name in streamed) != late, name
        assert catalog.METRICS[name].test_only == late, name
