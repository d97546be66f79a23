"""Order of the training cases, and the last batch of an epoch, on every route."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from harness import datasets, design, script, seeds
from harness.datasets import quadratic
from harness.spec import Study, Trial
from harness.store import Trained
from harness.train import Trainer

SIZE, CASES, BATCH, EPOCHS, RATE = 10, 43, 8, 3, 0.01
OWN_STEP = """
import keras
from harness.templates.quadratic import Quadratic

class Own(keras.Model):
    def train_step(self, data):
        return super().train_step(data)

def net(shape, outputs):
    inputs = keras.Input(shape)
    return Own(inputs, Quadratic(name="outputs")(inputs))
"""
RULES = [
    ("shuffled", "drop"),
    ("fixed", "keep"),
    ("fixed", "drop"),
    ("given", "drop"),
]


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """Folder with 54 points to train on and 5 to test, and a network with a step of its own."""
    folder = tmp_path_factory.mktemp("points")
    x = np.random.default_rng(0).normal(size=(59, SIZE)).astype(np.float32)
    y = np.zeros_like(x)
    parts = {"x_train": x[:54], "y_train": y[:54], "x_test": x[54:], "y_test": y[54:]}
    np.savez(folder / "points.npz", **parts, task="regression")
    (folder / "ownstep.py").write_text(OWN_STEP)
    return folder


@pytest.fixture
def lay(points):
    """A function that plans trainings on the points, one arm per pair of rules."""

    def made(order="shuffled", last="keep", **changes):
        given = {
            "name": "a",
            "template": "quadratic",
            "dataset": str(points / "points.npz"),
            "factors": {"optimizer": ["sgd"]},
            "fixed": {
                "epochs": EPOCHS,
                "batch_size": BATCH,
                "learning_rate": RATE,
                "batch_order": order,
                "last_batch": last,
            },
        }
        study = Study(**(given | changes))
        return design.plan(study, datasets.describe(study.dataset, [points]), [points])

    return made


def expected(laid, order, last):
    """Test loss of the last epoch by NumPy, and the cases of every epoch."""
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    data = datasets.load(laid.card)
    replicate = trial.seed, trial.phase, trial.replicate
    train, _ = datasets.draw(data.y, (CASES, 11), replicate)
    stream, root = seeds.stream(*replicate, "order"), quadratic.root(SIZE)
    matrix, point, epochs = root.T @ root, np.ones(SIZE), []
    drawn = [train[seeds.permutation(stream, CASES)] for _ in range(EPOCHS)]
    orders = {"shuffled": drawn, "fixed": drawn[:1] * EPOCHS, "given": [train] * EPOCHS}
    for cases in orders[order]:
        used = cases[: CASES - CASES % BATCH] if last == "drop" else cases
        epochs.append(used.tolist())
        for start in range(0, len(used), BATCH):
            batch = data.x[used[start : start + BATCH]]
            point -= RATE * matrix @ (point - batch.mean(axis=0, dtype=float))
    away = (point - data.x_test[:]) @ root.T
    return 0.5 * np.square(away).sum(axis=1).mean(), epochs


@pytest.mark.parametrize(("order", "last"), RULES)
def test_batches_are_those_of_the_rule(lay, order, last):
    """As computed in NumPy; resident, in chunks, and again in a trainer that has trained others."""
    laid = lay(order, last)
    loss, epochs = expected(laid, order, last)
    assert len({*map(tuple, epochs)}) == (EPOCHS if order == "shuffled" else 1)
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    trainer = Trainer(laid.card, [])
    found = trainer.run(trial)
    assert found.metrics["test/loss@last"] == pytest.approx(loss, rel=1e-5)
    trainer.run(laid.trial(laid.arms[0], {}, "confirm", 1))
    chunked = Trainer(laid.card, [], resident=0, chunk=BATCH * SIZE * 4 * 2)
    assert trainer.run(trial).curve == found.curve == chunked.run(trial).curve


def test_a_training_step_of_ones_own_has_the_same_batches(lay, points):
    """On the route through ``fit``."""
    laid = lay("fixed", "drop", template="ownstep:net")
    loss, _ = expected(laid, "fixed", "drop")
    found = Trainer(laid.card, [points]).run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert found.route == "fit"
    assert found.metrics["test/loss@last"] == pytest.approx(loss, rel=1e-5)


def test_frozen_layers_are_asked_for_all_cases(lay, points, blobs):
    """What another epoch drops is not missing among the features that are kept."""
    from harness.program.features import Features

    seen = []
    real = Features.of

    def watched(self, data, order, held):
        made, first, second = real(self, data, order, held)
        seen.append((made.x.shape[0], len(order) + len(held)))
        return made, first, second

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Features, "of", watched)
        (points / "frozen.py").write_text(
            "import keras\n"
            "def net(shape, outputs):\n"
            "    inputs = keras.Input(shape)\n"
            "    still = keras.layers.Dense(4, trainable=False)(inputs)\n"
            "    return keras.Model(inputs, keras.layers.Dense(outputs)(still))\n"
        )
        laid = lay(
            template="frozen:net",
            dataset=str(blobs),
            fixed={"epochs": EPOCHS, "batch_size": 50, "last_batch": "drop"},
        )
        found = Trainer(laid.card, [points]).run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert found.status == "completed", found.reason
    assert len(seen) == EPOCHS
    assert {*seen} == {(150 - 30, 150 - 30)}


def test_the_default_is_no_setting(lay):
    """Said or not, it is the same trial; every other rule is another one."""
    plain = lay(fixed={"epochs": EPOCHS, "batch_size": BATCH, "learning_rate": RATE})
    said = [lay(*rules) for rules in [("shuffled", "keep"), *RULES]]
    keys = [one.trial(one.arms[0], {}, "confirm", 0).key for one in (plain, *said)]
    assert keys[0] == keys[1]
    assert len({*keys}) == 1 + len(RULES)
    assert "batch_order" not in plain.trial(plain.arms[0], {}, "confirm", 0).settings


def test_outputs_as_ever_are_no_setting(plan):
    """With a bias and no constraint, said or not, it is the same trial."""
    said = {"bias": True, "output_constraint": "none"}
    keys = {
        laid.trial(laid.arms[0], {}, "confirm", 0).key
        for laid in (plan(), plan(fixed=said), plan(fixed={"bias": False}))
    }
    assert len(keys) == 2


def test_one_program_serves_every_order(lay):
    """An order is an input of a program; how many cases an epoch has is its structure."""
    factors = {"batch_order": ["shuffled", "fixed", "given"], "last_batch": ["keep", "drop"]}
    laid = lay(fixed={"epochs": 1, "batch_size": BATCH, "optimizer": "sgd"}, factors=factors)
    trainer = Trainer(laid.card, [])
    losses = [
        trainer.run(laid.trial(arm, {}, "confirm", 0)).metrics["test/loss@last"]
        for arm in laid.arms
    ]
    assert len(trainer.programs) == 2
    # All begin alike: the first epoch of a fixed order is that of the shuffled one.
    assert losses[:2] == losses[2:4]
    assert all(not math.isclose(one, other) for one, other in pairwise(losses[:2] + losses[4:]))


@pytest.mark.parametrize(("order", "last"), RULES)
def test_a_script_has_the_batches_as_far_as_it_can(lay, order, last, tmp_path):
    """In the order of the study, or without a last batch; what differs is said."""
    laid = lay(order, last)
    _, (first, *_) = expected(laid, order, last)
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    stored = Trained(
        trial=Trial(**trial.model_dump()),
        card=laid.card,
        metrics={},
        hyperparameters={},
        environment=None,
    )
    written = script.write(stored, tmp_path / "winner.py")
    x = np.load(written.data)["x_train"]
    data = datasets.load(laid.card)
    wanted = data.x[np.sort(first) if order == "shuffled" else first]
    np.testing.assert_array_equal(x, wanted)
    text = written.script.read_text()
    assert ("shuffle=False" in text) == (order != "shuffled")
    assert ("here the same cases are left out" in " ".join(written.notes)) == (order == "shuffled")
    assert ("order of the replicate" in " ".join(written.notes)) == (order == "fixed")
