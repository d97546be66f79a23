"""What labels are: told where that can be told, asked for where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from harness.datasets import from_arrays
from harness.datasets.targets import understood
from harness.errors import DataError

GENERATOR = np.random.default_rng(0)
Y = np.arange(60) % 3
HOT = np.eye(3)[Y]
STEPS = GENERATOR.integers(0, 4, (60, 5))
BITS = GENERATOR.integers(0, 2, (60, 4))
CASE, SERIES = (7,), (5, 2)


def read(y, shape=CASE, task=""):
    """Labels of training cases alone."""
    return understood({"y": np.asarray(y)}, shape, task, "data")


@pytest.mark.parametrize(
    ("y", "shape", "task"),
    [
        (Y, CASE, "classification"),
        (Y[:, None], CASE, "classification"),
        (Y % 2 * 1.0, CASE, "classification"),
        (Y == 1, CASE, "classification"),
        (np.array(["a", "b", "c"])[Y], CASE, "classification"),
        (np.array([b"a", b"b", b"c"])[Y], CASE, "classification"),
        (HOT, CASE, "classification"),
        (HOT.astype(int), CASE, "classification"),
        (HOT.astype(bool), CASE, "classification"),
        (HOT, (3, 2), "classification"),  # as many classes as steps
        (STEPS, SERIES, "sequence"),
        (STEPS, (5,), "sequence"),
        (STEPS[..., None], SERIES, "sequence"),
        (np.eye(4)[STEPS], SERIES, "sequence"),
        (STEPS % 2, SERIES, "sequence"),
        (BITS, CASE, "multilabel"),
        (BITS.astype(float), CASE, "multilabel"),
        (GENERATOR.random(60), CASE, "regression"),
        (GENERATOR.random((60, 2)), CASE, "regression"),
        (GENERATOR.random((60, 5)), SERIES, "regression"),
    ],
)  # fmt: skip
def test_what_can_be_told(y, shape, task):
    """Whatever the type of the file."""
    found = read(y, shape)
    assert found.task == task
    part = found.parts["y"]
    kinds = {"regression": np.float64, "multilabel": np.float32}
    assert part.dtype == kinds.get(task, np.int32)


@pytest.mark.parametrize(
    ("y", "shape", "expected"),
    [
        (GENERATOR.integers(1, 10_000, 60), CASE, "different whole numbers. Say what they are:"),
        (np.arange(60) % 21, CASE, "Received: 21 different whole numbers."),
        (np.r_[[7] * 4, [8] * 56], CASE, "Received: whole numbers of which 7 occurs only 4 times."),
        (Y * 1.0, CASE, "Received: 3 different whole numbers in real numbers."),
        (STEPS % 2, (5,), "'sequence' for a class at every step, 'multilabel' for several"),
        (STEPS % 2 * 1.0, SERIES, "Received: 5 zeros and ones per case, as many as a case has"),
        (STEPS, (9, 2), "Received: 5 whole numbers per case."),
    ],
)
def test_what_has_to_be_said(y, shape, expected):
    """Both ways to read the labels are named."""
    with pytest.raises(DataError, match=r"expected a task, .* task = \.\.\. }") as caught:
        read(y, shape)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("y", "shape", "task", "width"),
    [
        (np.arange(60) % 30, CASE, "classification", None),
        (np.arange(60) * 1000, CASE, "regression", 1),
        (Y * 1.0, CASE, "classification", None),
        (Y, CASE, "regression", 1),
        (HOT, CASE, "regression", 3),
        (HOT, CASE, "multilabel", 3),
        (HOT.astype(int), (3, 2), "sequence", 3),
        (STEPS % 2, (5,), "multilabel", 5),
        (STEPS, SERIES, "regression", 5),
    ],
)
def test_a_task_decides(y, shape, task, width):
    """What is said is done."""
    found = read(y, shape, task)
    assert found.task == task
    assert found.parts["y"].shape[1:] == (() if width is None else (width,))


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (GENERATOR.random((60, 2)), "classification"),
        (GENERATOR.random(60), "classification"),
        (GENERATOR.random((60, 2)), "multilabel"),
        (Y, "multilabel"),
        (Y, "sequence"),
        (np.array(["a", "b", "c"])[Y], "regression"),
    ],
)
def test_a_task_that_cannot_be(y, task):
    """It is not ignored."""
    with pytest.raises(DataError, match=f"expected labels for task = '{task}': .* Received: "):
        read(y, CASE, task)


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (Y, ()),
        (Y + 1, ("1", "2", "3")),
        (np.where(Y > 0, 1, -1), ("-1", "1")),
        (np.where(Y > 0, 1.0, -1.0), ("-1", "1")),
        (np.array([0, 5, 9])[Y], ("0", "5", "9")),
        (np.array(["no", "maybe", "yes"])[Y], ("maybe", "no", "yes")),
        (np.array(["10", "9", "11"])[Y], ("10", "11", "9")),
        (HOT, ()),
    ],
)
def test_classes_are_numbered_in_the_order_of_their_names(y, names):
    """Text, -1 and 1, 1 to C and gaps are classes by name."""
    found = read(y)
    assert found.classes == names
    whole = np.argmax(y, axis=1) if y.ndim > 1 else y
    expected = np.unique(whole, return_inverse=True)[1]
    np.testing.assert_array_equal(found.parts["y"], expected)


def test_one_hot_is_said():
    """A note says that labels were read as classes."""
    assert read(HOT).notes == ("labels are one-hot: each stands for one of 3 classes",)
    assert read(Y).notes == ()


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (np.array(["d"] * 60), "expected test labels that also occur in training. Received: d."),
        (Y, "expected y_test like y, <U1 of shape () per case. Received: int64 of shape ()."),
    ],
)
def test_test_labels_are_like_the_others(other, expected):
    """By name."""
    with pytest.raises(DataError) as caught:
        understood({"y": np.array(["a", "b", "c"])[Y], "y_test": other}, CASE, "", "data")
    assert expected in str(caught.value)


def test_names_that_are_given():
    """What wrote the file knows them better."""
    x = GENERATOR.normal(size=(60, 4))
    arrays = {"x": x, "y": Y, "classes": np.array(["one", "two", "three"])}
    assert from_arrays(arrays, "data").classes == ("one", "two", "three")
