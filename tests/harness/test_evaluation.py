"""Metrics equal those of scikit-learn, and those of others where it has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from harness import catalog, evaluation
from harness.blocks.outputs import Form
from harness.card import Card
from harness.evaluation import Evidence, detection, outputs


def predictions(seed, cases, classes):
    """Labels of all classes, and probabilities that know something of them, with ties."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(cases) % classes)
    raw = generator.normal(size=(cases, classes)) + 1.5 * np.eye(classes)[labels]
    scores = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return labels, np.round(scores, 2) if seed % 2 else scores


def measured(task, **shown):
    """All metrics of some evidence."""
    given = shown.get("outputs")
    shape = () if given is None else given.shape[1:]
    card = Card(
        locator="",
        digest="",
        task=task,
        shape=shape,
        cases=10,
        tests=len(shown["labels"]),
        outputs=shape[-1] if shape else 1,
    )
    return evaluation.measure(Evidence(**shown), card)


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
    assert outputs.macro_f1(labels, scores) == pytest.approx(expected)


@some
def test_auroc(seed, cases, classes):
    """Of class 1, or one against the rest; ties count a half."""
    labels, scores = predictions(seed, cases, classes)
    if classes == 2:
        expected = theirs.roc_auc_score(labels, scores[:, 1])
    else:
        columns = [theirs.roc_auc_score(labels == one, scores[:, one]) for one in range(classes)]
        expected = np.mean(columns)
    assert outputs.auroc(labels, scores) == pytest.approx(expected)


@FEW
@given(seed=st.integers(0, 5000), cases=st.integers(20, 60), classes=st.integers(6, 12))
def test_top_5_accuracy(seed, cases, classes):
    """The label is among the five largest."""
    labels, scores = predictions(2 * seed, cases, classes)  # no ties: there libraries differ
    expected = theirs.top_k_accuracy_score(labels, scores, k=5, labels=np.arange(classes))
    assert outputs.top_5_accuracy(labels, scores) == pytest.approx(expected)


@FEW
@given(seed=st.integers(0, 10_000), targets=st.integers(1, 3))
def test_r2(seed, targets):
    """Averaged over targets."""
    generator = np.random.default_rng(seed)
    labels = generator.normal(size=(30, targets))
    scores = labels + generator.normal(size=labels.shape)
    assert outputs.r2(labels, scores) == pytest.approx(theirs.r2_score(labels, scores))


def test_r2_of_a_constant_target():
    """There is nothing to explain, and nothing explodes."""
    assert outputs.r2(np.ones((4, 1)), np.array([[1.0], [2.0], [1.0], [1.0]])) == 0


@some
def test_average_precision(seed, cases, classes):
    """Of a detector with ties, as scikit-learn counts it; and of errors, largest first."""
    labels, scores = predictions(seed, cases, classes)
    positive = labels == 0
    ours = detection.average_precision(positive, scores[:, 0])
    assert ours == pytest.approx(theirs.average_precision_score(positive, scores[:, 0]))
    found = measured(
        "anomaly",
        labels=positive.astype(int),
        inputs=np.zeros((cases, 1)),
        outputs=np.sqrt(scores[:, :1]),
    )
    assert found["average_precision"] == pytest.approx(ours)
    assert found["auroc"] == pytest.approx(theirs.roc_auc_score(positive, scores[:, 0]))


def test_calibration_error():
    """Two bins by hand: 0.9 sure and right in half of the cases, 0.6 sure and always right."""
    scores = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 2)
    labels = np.array([0, 0, 1, 1, 1, 1])
    expected = (4 * abs(0.9 - 0.5) + 2 * abs(0.6 - 1.0)) / 6
    assert outputs.calibration_error(labels, scores) == pytest.approx(expected)
    assert outputs.calibration_error(np.array([1]), np.array([[0.0, 1.0]])) == 0


def test_a_missing_class_is_left_out():
    """A test split without a class says nothing about it: who is right everywhere gets 1."""
    labels = np.array([0, 0, 2, 2, 0])
    right = np.eye(3)[labels]
    for measure in (outputs.auroc, outputs.macro_f1, outputs.balanced_accuracy):
        assert measure(labels, right) == 1
    wrong = np.eye(3)[[0, 1, 2, 2, 0]]
    expected = theirs.f1_score(labels, wrong.argmax(axis=1), labels=[0, 2], average="macro")
    assert outputs.macro_f1(labels, wrong) == pytest.approx(expected)


def test_a_metric_about_which_the_test_split_tells_nothing_is_left_out():
    """A half would look like a result: cases of a single class have no area to measure."""
    found = measured("classification", labels=np.zeros(3, int), outputs=np.eye(3))
    assert not {"auroc", "average_precision"} & set(found)
    assert found["macro_f1"] >= 0
    assert measured("anomaly", labels=np.zeros(3), scores=np.arange(3.0)) == {}
    found = measured("anomaly", labels=np.arange(3) % 2, scores=np.arange(3.0))
    assert set(found) == {"auroc", "average_precision"}


def test_ties_of_the_five_largest_count_as_fractions():
    """As if they were broken by chance: of seven alike, five are among the five largest."""
    alike = np.zeros((4, 7))
    assert outputs.top_5_accuracy(np.arange(4), alike) == pytest.approx(5 / 7)
    some = np.array([[9, 9, 9, 9, 1, 1, 0.0]])
    found = [outputs.top_5_accuracy(np.array([one]), some) for one in range(7)]
    assert found == [1, 1, 1, 1, 0.5, 0.5, 0]


@some
def test_balanced_accuracy(seed, cases, classes):
    """The mean recall."""
    labels, scores = predictions(seed, cases, classes)
    expected = theirs.balanced_accuracy_score(labels, scores.argmax(axis=1))
    assert outputs.balanced_accuracy(labels, scores) == pytest.approx(expected)


@some
def test_average_precision_of_classes(seed, cases, classes):
    """Of class 1, or the mean of one against the rest."""
    labels, scores = predictions(seed, cases, classes)
    true = (labels == 1) if classes == 2 else np.eye(classes, dtype=int)[labels]
    told = scores[:, 1] if classes == 2 else scores
    expected = theirs.average_precision_score(true, told, average="macro")
    assert outputs.mean_average_precision(labels, scores) == pytest.approx(expected)


@FEW
@given(seed=st.integers(0, 10_000), labels=st.integers(2, 5))
def test_several_labels(seed, labels):
    """The means over labels that scikit-learn takes; a label that no case has is left out."""
    generator = np.random.default_rng(seed)
    true = generator.random((40, labels)) < 0.4
    margins = np.round(generator.normal(size=true.shape) + true - 0.5, 1)
    columns = np.flatnonzero(true.any(axis=0))
    y, z = true[:, columns], margins[:, columns]
    found = measured(
        "multilabel", labels=true.astype(np.float32), outputs=margins, form=Form(each=True)
    )
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
    """In every epoch, or from the test outputs; none is both or neither.

    Generated cases are judged by the same evaluators in every epoch.
    """
    streamed = set(evaluation.of_task(task)) | {"loss", "crossentropy"}
    known = {one.name for one in evaluation.EVALUATORS if one.needs in catalog.TASKS[task].evidence}
    for name in catalog.TASK_METRICS[task]:
        assert (name in streamed) != (name in known), name
        if not catalog.TASKS[task].generates:
            assert catalog.METRICS[name].test_only == (name in known), name


@pytest.mark.parametrize("name", catalog.TASK_METRICS["regression"])
def test_an_error_is_counted_in_a_power_of_its_target(name):
    """Targets ten times as large make it so many times as large: that is how it gets its unit."""
    if name == "loss":
        return
    generator = np.random.default_rng(0)
    labels, found = (generator.normal(size=(20, 2)).astype(np.float32) for _ in range(2))

    def of(size):
        streamed = evaluation.of_task("regression")
        if name in streamed:
            return float(np.mean(streamed[name](size * labels, size * found)))
        return measured("regression", labels=size * labels, outputs=size * found)[name]

    assert of(10) == pytest.approx(10 ** catalog.METRICS[name].power * of(1), rel=1e-4)


def test_every_evaluator_has_evidence_and_a_metric():
    """The tables name the same things."""
    kinds = frozenset().union(*(task.evidence for task in catalog.TASKS.values()))
    for one in evaluation.EVALUATORS:
        assert one.name in catalog.METRICS
        assert one.needs in kinds
        assert Evidence(labels=np.zeros(1)).of(one.needs) is None


def test_what_does_not_suit_the_data_is_not_measured():
    """Five of four classes, structure of what is no image, a probe of no classes."""
    four = measured("classification", labels=np.arange(8) % 4, outputs=np.eye(4)[np.arange(8) % 4])
    assert "top_5_accuracy" not in four
    flat = np.arange(6.0).reshape(2, 3)
    assert "ssim" not in measured("denoising", labels=np.zeros(2), inputs=flat, outputs=flat + 1)
    codes = evaluation.Codes(
        train=flat, labels=np.zeros(2), test=flat, test_labels=np.zeros(2), inputs=flat
    )
    given = {"labels": np.zeros(2), "inputs": flat, "outputs": flat + 1, "codes": codes}
    assert "probe_accuracy" not in measured("reconstruction", **given)
    assert "trustworthiness" in measured("reconstruction", **given)
