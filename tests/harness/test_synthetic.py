"""Computed data sets are what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from harness import datasets, design
from harness.datasets import quadratic, shapes, synthetic
from harness.errors import DataError
from harness.spec import Study
from harness.train import Trainer


@pytest.mark.parametrize(
    "name",
    [
        *(
            pytest.param(name, marks=[pytest.mark.slow] * (name == "shapes-32"))
            for name in synthetic.EXAMPLES
        ),
        "adding-2",
        "copy-2",
        "ring-3",
        "grid-4",
        "shapes-8",
    ],
)
def test_cards_are_what_is_drawn(name):
    """Shape, counts and classes, without drawing; and the same draw every time."""
    card = datasets.describe(name, [])
    data, again = datasets.load(card), datasets.load(card)
    assert (len(data.x), len(data.x_test)) == (card.cases, card.tests)
    assert data.x.shape[1:] == card.shape
    assert data.x.array.dtype == synthetic.SYNTHETIC[name.partition("-")[0]].dtype
    np.testing.assert_array_equal(data.x[:], again.x[:])
    np.testing.assert_array_equal(data.y_test, again.y_test)
    assert np.array_equal(data.x[:5], data.x_test[:5]) == name.startswith("dirac")
    if card.task == "classification":
        assert tuple(np.bincount(data.y)) == card.counts
        assert set(data.y_test) == set(range(card.outputs))
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


def test_ring():
    """Eight places on the unit circle, with their spread; the label is the nearest place."""
    data = datasets.load(datasets.describe("ring-8", []))
    x, y = data.x[:], data.y
    angles = 2 * np.pi * np.arange(8) / 8
    places = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    distances = np.linalg.norm(x[:, None] - places, axis=-1)
    np.testing.assert_array_equal(distances.argmin(axis=1), y)
    assert (x - places[y]).std() == pytest.approx(0.01, rel=0.03)


def test_grid():
    """The 25 places of {-4, -2, 0, 2, 4} in two dimensions."""
    data = datasets.load(datasets.describe("grid-25", []))
    x, y = data.x[:], data.y
    places = np.array([x[y == label].mean(axis=0) for label in range(25)])
    expected = [(a, b) for a in (-4, -2, 0, 2, 4) for b in (-4, -2, 0, 2, 4)]
    np.testing.assert_allclose(places, expected, atol=0.02)
    assert (x - np.array(expected)[y]).std() == pytest.approx(0.05, rel=0.03)


def test_dirac():
    """The point 0, whatever is drawn."""
    data = datasets.load(datasets.describe("dirac-3@40", []))
    assert data.x.shape == (40, 3)
    assert not data.x[:].any()
    assert not data.y.any()


def pieces(image):
    """How many connected pieces a picture has."""
    _, count = ndimage.label(image > 0, np.ones((3, 3)))
    return count


def test_shapes():
    """One grey per shape on black; two at most; every class looks different from the others."""
    labels = np.repeat(np.arange(shapes.CLASSES), 40)
    images = shapes.draw(labels, 48, np.random.default_rng(0))
    assert images.shape == (360, 48, 48)
    assert shapes.KINDS == ((0,), (1,), (2,), (0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    counts = np.array([pieces(image) for image in images])
    assert (counts[labels < 3] == 1).all()
    assert set(counts[labels >= 3]) == {1, 2}
    inside = [len(np.unique(image[image > 0])) for image in images[labels < 3]]
    areas = [(image > 127 * 0.4).mean() for image in images[labels < 3]]
    assert min(areas) > 0.01
    assert max(areas) < 0.3
    assert max(inside) < 20, "flat greys, and a few steps at the edges"


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_single_shapes_have_their_areas(ratio):
    """In a circle of radius 1, which they do not leave."""
    places = np.linspace(-1.2, 1.2, 601)
    u, v = np.meshgrid(places, places)
    areas = [3 * np.sqrt(3) / 4, ratio, np.pi * ratio]
    made = [
        shapes._triangle(u, v),
        shapes._parallelogram(u, v, ratio),
        shapes._ellipse(u, v, ratio),
    ]
    for inside, area in zip(made, areas, strict=True):
        assert inside.sum() * (places[1] - places[0]) ** 2 == pytest.approx(area, rel=0.02)
        assert (np.hypot(u, v)[inside] <= 1).all()


def test_one_shape_in_front_covers_half_of_the_other_at_most():
    """Of what is behind, at least half can be seen."""
    generator = np.random.default_rng(0)
    labels = np.full(300, 5)  # a triangle and an ellipse
    for image in shapes.draw(labels, 64, generator):
        _, counts = np.unique(image[image > 0], return_counts=True)
        # The two flat greys; the rest is edges. Half of the smallest ellipse has some 70 pixels.
        assert np.sort(counts)[-2] > 20


def test_quadratic_is_the_published_one():
    """Its loss at the start, on the points that DeepOBS evaluates, to all published digits."""
    root = quadratic.root(100)
    test = quadratic.points(100, "test")[:896].astype(np.float64)
    losses = 0.5 * np.square((1.0 - test) @ root.T).sum(axis=1)
    assert losses.mean() == pytest.approx(353.4468, abs=1e-3)
    values = np.linalg.eigvalsh(root.T @ root)
    assert (values[:90] <= 1).all()
    assert ((values[90:] >= 30) & (values[90:] <= 60)).all()


def test_the_template_has_that_loss(plan):
    """Mean squared error of its outputs, from the start at one, and towards the mean point."""
    fixed = {"epochs": 60, "batch_size": 100, "optimizer": "sgd", "learning_rate": 0.02}
    laid = design.plan(
        Study(
            name="q", template="quadratic", dataset="quadratic-100", fixed=fixed,
            factors={"schedule": ["constant"]},
        ),
        datasets.describe("quadratic-100", []), [],
    )  # fmt: skip
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    trainer = Trainer(laid.card, [])
    (network,) = trainer.networks(trial)
    points = quadratic.points(100, "test")
    outputs = np.asarray(network.model(points))
    expected = 0.5 * np.square((1.0 - points) @ quadratic.root(100).T).sum(axis=1)
    np.testing.assert_allclose(np.square(outputs).mean(axis=1), expected, rtol=1e-4)
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    assert 85 < outcome.metrics["test/mean_squared_error@last"] < 90
    assert outcome.parameters == 100


def test_steps_and_subsets():
    """Any number of steps is a data set of its own; subsets work as everywhere."""
    digests = {datasets.describe(f"adding-{steps}", []).digest for steps in (5, 6, 50)}
    assert len(digests) == 3
    assert len(datasets.load(datasets.describe("adding-5@300", [])).x) == 300


@pytest.mark.parametrize(
    "name",
    [
        "adding-1",
        "adding-0",
        "adding-",
        "adding",
        "copy-x",
        "add-9",
        "ring-1",
        "grid-26",
        "shapes-500",
    ],
)
def test_other_names_are_refused(name):
    """With the nearest."""
    with pytest.raises(DataError, match=r"number of [a-z ]+ from \d+ to|expected a data set"):
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


def test_cyclic_data_comes_in_its_order():
    """A steep slope and flat ones that do not make up for it, in every part; the last validate."""
    for period in (3, 101):
        card = datasets.describe(f"cyclic-{period}", [])
        data = datasets.load(card)
        cycle = [float(period), *[-1.0] * (period - 1)]
        assert data.x[:].ravel().tolist() == cycle * (card.cases // period)
        assert data.x_test[:].ravel().tolist() == cycle
        assert np.sum(cycle) == 1, "so that the mean loss is least at -1"
        train, held = datasets.draw(data.y, (card.cases - 10, 10), (1, "confirm", 0), last=True)
        assert (data.drawing, train[-1] + 1) == ("ordered", held[0])
        weights = np.linspace(-1, 1, 9)
        errors = np.abs(data.x_test[:] * weights - data.y_test)
        np.testing.assert_allclose(errors, data.x_test[:] * weights + period + 1)


def test_a_linear_teacher_says_it_all():
    """Least squares finds weights whose squares sum to 1, in no special direction."""
    data = datasets.load(datasets.describe("teacher-50", []))
    found, _, rank, _ = np.linalg.lstsq(data.x[:].astype(float), data.y[:, 0], rcond=None)
    assert rank == 50
    np.testing.assert_allclose(found, synthetic.teacher(50), atol=1e-6)
    np.testing.assert_allclose(data.x_test[:] @ found, data.y_test[:, 0], atol=1e-5)
    assert np.square(found).sum() == pytest.approx(1)
    assert np.abs(found).max() < 0.5
    assert data.x[:].std() == pytest.approx(1, abs=0.01)


def test_one_number_tells_the_class():
    """The odds are exp(3 x) of the first number, whatever the others; 0.164 is the least error."""
    data = datasets.load(datasets.describe("irrelevant-20", []))
    x, y = data.x[:], data.y
    for low, high in [(-0.6, -0.4), (-0.1, 0.1), (0.4, 0.6)]:
        near = (low < x[:, 0]) & (x[:, 0] < high)
        expected = 1 / (1 + np.exp(-3 * (low + high) / 2))
        assert y[near].mean() == pytest.approx(expected, abs=0.04)
    assert np.mean((x[:, 0] > 0) != y) == pytest.approx(0.164, abs=0.01)
    assert np.abs(x[:, 1:].T @ (y - 0.5)).max() / len(x) < 0.02
    assert x.mean(axis=0) == pytest.approx(0, abs=0.05)
    assert x.std(axis=0) == pytest.approx(1, abs=0.03)
