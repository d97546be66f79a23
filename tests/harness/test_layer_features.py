"""Measures of the features of a layer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import NearestNeighbors

from harness.evaluation import features


def planted(cases=1024, width=64, rank=5, noise=0.01, seed=0):
    """Features that spread over few directions, and little over all others."""
    rng = np.random.default_rng(seed)
    inside = np.linalg.qr(rng.normal(size=(width, rank)))[0].T
    return rng.normal(size=(cases, rank)) @ inside + noise * rng.normal(size=(cases, width))


def separable(cases=200, width=12, classes=4, seed=1):
    """Features of classes that planes can tell apart, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=cases)
    centres = 6 * np.linalg.qr(rng.normal(size=(width, width)))[0][:classes]
    return centres[labels] + rng.normal(size=(cases, width)), labels


def rng():
    """The stream that permutes."""
    return np.random.default_rng(7)


def test_a_planted_rank_is_found():
    """Five directions of 64 count as five, whatever the noise adds; the control has them all."""
    x = planted()
    assert 4.5 < features.effective_rank(x) < 5.6
    assert features.effective_rank(features.permuted(x, rng())) > 45
    assert np.linalg.matrix_rank(x) == 64


def test_pure_noise_is_of_nearly_full_rank():
    """Few cases bound it from above, as the permuted control says."""
    x = np.random.default_rng(0).normal(size=(256, 64))
    assert features.effective_rank(x) == pytest.approx(56.4, abs=1.0)
    control = features.effective_rank(features.permuted(x, rng()))
    assert features.effective_rank(x) == pytest.approx(control, abs=1.0)


def test_rank_is_that_of_the_plain_formula():
    """Wide or narrow, it is the entropy of the covariance's eigenvalues."""
    for shape in ((40, 12), (12, 40)):
        x = np.random.default_rng(3).normal(size=shape)
        shares = np.clip(np.linalg.eigvalsh(np.cov(x.T)), 1e-300, None)
        shares = shares / shares.sum()
        expected = np.exp(-np.sum(shares * np.log(shares)))
        assert features.effective_rank(x) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(-100, 100), st.floats(0.01, 100))
def test_offset_scale_and_rotation_change_no_rank(seed, offset, scale):
    """Features are centred; an offset would otherwise be the largest direction."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 6)) * rng.uniform(0.1, 3, size=6)
    turned = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    moved = features.effective_rank(scale * x @ turned + offset)
    assert moved == pytest.approx(features.effective_rank(x), rel=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 30), st.integers(1, 20), st.integers(0, 1000))
def test_a_rank_lies_between_one_and_the_width(cases, width, seed):
    """It is a number of directions."""
    x = np.random.default_rng(seed).normal(size=(cases, width))
    assert 1 - 1e-9 <= features.effective_rank(x) <= min(cases - 1, width) + 1e-9


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_what_does_not_vary_is_not_measured(constant):
    """It is ``None``: zero would be a measurement."""
    x, labels = np.full((100, 7), constant, np.float32), np.arange(100) % 2
    assert features.effective_rank(x) is None
    assert features.purity(x, labels) is None
    assert features.probe(x, labels, rng()) is None


def test_one_class_and_few_cases_are_not_measured():
    """There is nothing to tell apart, or too little to tell it by."""
    x = np.random.default_rng(0).normal(size=(100, 7))
    alone = np.zeros(100, np.int64)
    assert features.purity(x, alone) is None
    assert features.probe(x, alone, rng()) is None
    some = np.arange(100) // 2 % 2
    assert features.purity(x[:11], some[:11]) is None
    assert features.purity(x[:12], some[:12]) is not None
    assert features.probe(x[:39], some[:39], rng()) is None
    assert features.probe(x[:40], some[:40], rng()) is not None
    assert features.effective_rank(x[:1]) is None


def test_purity_is_that_of_scikit_learn():
    """The same neighbours by a plain search."""
    x, labels = separable()
    search = NearestNeighbors(n_neighbors=features.NEIGHBOURS).fit(x)
    found = search.kneighbors(return_distance=False)
    share, chance = features.purity(x, labels)
    assert share == pytest.approx(np.mean(labels[found] == labels[:, None]), abs=1e-12)
    drawn = np.random.default_rng(0).integers(len(x), size=(2, 200_000))
    drawn = drawn[:, drawn[0] != drawn[1]]
    assert chance == pytest.approx(np.mean(labels[drawn[0]] == labels[drawn[1]]), abs=0.005)


def test_purity_of_noise_is_chance():
    """Features that know nothing of classes have neighbours of any class."""
    random = np.random.default_rng(5)
    x, labels = random.normal(size=(1000, 10)), random.integers(3, size=1000)
    share, chance = features.purity(x, labels)
    assert share == pytest.approx(chance, abs=0.03)


@pytest.mark.parametrize("width", [12, 400])
def test_a_probe_finds_what_is_separable(width):
    """Narrow or wide; fitted to permuted labels it finds what chance gives."""
    accuracy, chance = features.probe(*separable(cases=400, width=width), rng())
    assert accuracy > 0.97
    assert chance == pytest.approx(1 / 4, abs=0.12)


@pytest.mark.parametrize("width", [5, 300])
@pytest.mark.parametrize("ridge", [1e-5, 1e-3, 1e-1])
def test_a_probe_is_the_ridge_classifier(width, ridge):
    """With one penalty, scikit-learn's classifier makes the same choices."""
    random = np.random.default_rng(2)
    labels = random.integers(3, size=300)
    x = random.normal(size=(300, width)) + 2 * np.eye(width)[labels]
    x[:, 0] += 20
    fitted = x[::2] - x[::2].mean(axis=0)
    alpha = ridge * np.sum(fitted**2)
    classifier = RidgeClassifier(alpha=alpha).fit(x[::2], labels[::2])
    accuracy, _ = features.probe(x, labels, rng(), ridges=(ridge,))
    assert accuracy == classifier.score(x[1::2], labels[1::2])
    assert 0.34 < accuracy < 1


def test_leaving_one_out_is_that():
    """The closed form is what fitting to all others gives, case by case."""
    x, labels = separable(cases=30, width=5)
    x -= x.mean(axis=0)
    truth = labels[:, None] == np.unique(labels)
    left, values, _ = np.linalg.svd(x, full_matrices=False)
    found = features._left_out(left, values, truth, 3.0)
    errors = []
    for case in range(30):
        rest = np.arange(30) != case
        targets = 2.0 * truth[rest] - 1
        mean, middle = targets.mean(axis=0), x[rest].mean(axis=0)
        square = (x[rest] - middle).T @ (x[rest] - middle) + 3.0 * np.eye(5)
        weights = np.linalg.solve(square, (x[rest] - middle).T @ (targets - mean))
        errors.append(2.0 * truth[case] - 1 - mean - (x[case] - middle) @ weights)
    assert found == pytest.approx(np.mean(np.square(errors)), rel=1e-9)


def test_a_probe_does_not_depend_on_the_scale():
    """The same penalties for all layers mean the same for each."""
    x, labels = separable()
    x = x + 3 * np.random.default_rng(0).normal(size=x.shape)
    assert features.probe(1e4 * x + 5, labels, rng()) == features.probe(x, labels, rng())
