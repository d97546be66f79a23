"""Generated cases that are kept to look at."""

from __future__ import annotations

import numpy as np
import pytest

from harness import datasets, design, objects
from harness.spec import Study
from harness.train import Trainer

MODES, EPOCHS = 4, 7


@pytest.fixture
def laid():
    """A small game on a ring."""
    study = Study(
        name="game",
        template="gan",
        dataset=f"ring-{MODES}@200",
        factors={"adversarial_loss": ["hinge", "minimax"]},
        fixed={"epochs": EPOCHS, "units": [4], "latent": 2, "batch_size": 40},
    )
    return design.plan(study, datasets.describe(study.dataset, []), [])


def kept(laid, folder, arm=0, phase="confirm"):
    """The outcome of a trial, and the arrays that it has left."""
    trial = laid.trial(laid.arms[arm], {}, phase, 0)
    outcome = Trainer(laid.card, [], keep=folder).run(trial)
    assert outcome.status == "completed", outcome.reason
    arrays = [objects.read_arrays(folder, one.digest) for one in outcome.artifacts]
    return outcome, arrays


@pytest.mark.parametrize(
    "route", ["traced", pytest.param("compiled", marks=[pytest.mark.xla, pytest.mark.slow])]
)
def test_cases_are_kept_without_a_trace_in_the_training(laid, tmp_path, route):
    """Five epochs, the last one included; every number is what it is without them."""
    outcome, (arrays,) = kept(laid, tmp_path)
    assert [*arrays] == ["epoch_1", "real", "epoch_2", "epoch_4", "epoch_5", "epoch_6"]
    assert all(array.shape == (500, 2) for array in arrays.values())
    assert [one.epoch for one in outcome.artifacts] == [EPOCHS - 1]
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    plain = Trainer(laid.card, []).run(trial)
    assert plain.curve == outcome.curve
    assert plain.artifacts == ()
    again, _ = kept(laid, tmp_path / "again")
    assert again.artifacts == outcome.artifacts


def test_nothing_is_kept_of_a_search(laid, tmp_path):
    """Tune trials are many, and nobody looks at them."""
    assert kept(laid, tmp_path, phase="tune")[1] == []
    assert not (tmp_path / "objects").exists()


def test_a_file_that_is_gone_or_damaged_is_not_read(tmp_path):
    """Its name says what it has to hold."""
    file = objects.keep_arrays(tmp_path, {"a": np.arange(3)})
    assert objects.read_arrays(tmp_path, file.stem)["a"].tolist() == [0, 1, 2]
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert objects.read_arrays(tmp_path, file.stem) is None
    assert objects.read_arrays(tmp_path, "0" * 64) is None
