"""Computed data sets are what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest

from harness import datasets
from harness.datasets import synthetic
from harness.errors import DataError


@pytest.mark.parametrize("name", [*synthetic.EXAMPLES, "adding-2", "copy-2"])
def test_cards_are_what_is_drawn(name):
    """Shape, counts and classes, without drawing; and the same draw every time."""
    card = datasets.describe(name, [])
    data, again = datasets.load(card), datasets.load(card)
    assert (len(data.x), len(data.x_test)) == (card.cases, card.tests)
    assert data.x.shape[1:] == card.shape
    np.testing.assert_array_equal(data.x[:], again.x[:])
    np.testing.assert_array_equal(data.y_test, again.y_test)
    assert not np.array_equal(data.x[:5], data.x_test[:5])
    if card.task == "sequence":
        assert set(np.unique(data.y)) == set(range(card.outputs))
        assert set(np.unique(data.x[:])) == set(range(card.tokens))


def test_adding():
    """Two marks, anywhere, and the sum of what they mark; 1 is the best constant."""
    data = datasets.load(datasets.describe("adding-30", []))
    numbers, marks = data.x[:][..., 0], data.x[:][..., 1]
    assert (marks.sum(axis=1) == 2).all()
    assert ((marks == 0) | (marks == 1)).all()
    np.testing.assert_allclose((numbers * marks).sum(axis=1), data.y[:, 0], atol=1e-6)
    assert marks.mean(axis=0) == pytest.approx(2 / 30, abs=0.02)
    assert np.mean((data.y - 1) ** 2) == pytest.approx(1 / 6, rel=0.05)


def test_copy():
    """Ten symbols, a wait, eleven signals; nothing to say until the last ten steps."""
    data = datasets.load(datasets.describe("copy-20", []))
    x, y = data.x[:], data.y
    assert x.shape[1] == 40
    assert ((x[:, :10] >= 1) & (x[:, :10] <= 8)).all()
    assert (x[:, 10:29] == 0).all()
    assert (x[:, 29:] == 9).all()
    assert (y[:, :30] == 0).all()
    np.testing.assert_array_equal(y[:, 30:], x[:, :10])


def test_steps_and_subsets():
    """Any number of steps is a data set of its own; subsets work as everywhere."""
    digests = {datasets.describe(f"adding-{steps}", []).digest for steps in (5, 6, 50)}
    assert len(digests) == 3
    assert len(datasets.load(datasets.describe("adding-5@300", [])).x) == 300


@pytest.mark.parametrize("name", ["adding-1", "adding-0", "adding-", "adding", "copy-x", "add-9"])
def test_other_names_are_refused(name):
    """With the nearest."""
    with pytest.raises(DataError, match=r"at least 2 steps|expected a data set"):
        datasets.describe(name, [])


def test_views_of_mnist(tmp_path, monkeypatch):
    """One pixel per step; permuted in one order, the same for training and test images."""
    from harness.datasets import folder
    from harness.datasets.known import KNOWN

    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (6, 28, 28), dtype=np.uint8)
    arrays = {
        "x_train": images,
        "x_test": images[:3],
        "y_train": np.arange(6),
        "y_test": np.arange(3),
    }
    real = folder.read
    monkeypatch.setattr(folder, "read", lambda name: arrays if name == "mnist" else real(name))
    plain, permuted = (real(name) for name in ("sequential_mnist", "permuted_mnist"))
    np.testing.assert_array_equal(plain["x_train"], images.reshape(6, 784, 1))
    assert not np.array_equal(plain["x_train"], permuted["x_train"])
    np.testing.assert_array_equal(np.sort(plain["x_test"], 1), np.sort(permuted["x_test"], 1))
    np.testing.assert_array_equal(permuted["x_train"][:3], permuted["x_test"])
    np.testing.assert_array_equal(permuted["y_train"], arrays["y_train"])
    assert KNOWN["permuted_mnist"].card.digest != KNOWN["sequential_mnist"].card.digest
