"""One trial, from its initial draw to its outcome; user models included."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from harness.train import Trainer

USER_CODE = """
import keras

def net(shape, outputs, *, width=4, act="relu", noise=0.0):
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(width, activation=act, kernel_initializer="he_normal")(x)
    if noise:
        x = keras.layers.Dropout(noise)(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, activation="softmax")(x))

def recurrent(shape, outputs):
    inputs = keras.Input(shape)
    x = keras.layers.Reshape((*shape, 1))(inputs)
    x = keras.layers.SimpleRNN(3, dropout=0.2, recurrent_dropout=0.1)(x)
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))

class Own(keras.Model):
    def train_step(self, data):
        return super().train_step(data)

def own_step(shape, outputs):
    inputs = keras.Input(shape)
    return Own(inputs, keras.layers.Dense(outputs)(keras.layers.Flatten()(inputs)))

def broken(shape, outputs):
    raise RuntimeError("no such luck")

class Spread(keras.layers.Layer):
    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="uniform")
    def call(self, inputs):
        return inputs * self.gain

def custom(shape, outputs):
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(outputs)(Spread()(inputs)))
"""


@pytest.fixture
def folder(tmp_path):
    """A user's folder with a module of network functions."""
    (tmp_path / "usernets.py").write_text(USER_CODE)
    return tmp_path


def outcomes(plan, folder, *, resident=math.inf, **changes):
    """One confirm trial per arm, in one trainer."""
    changes = {"fixed": {}, **changes}
    laid = plan(folders=[folder], **changes)
    trainer = Trainer(laid.card, [folder], resident)
    return [trainer.run(laid.trial(arm, {}, "confirm", 0)) for arm in laid.arms]


@pytest.fixture
def lay():
    """The plan fixture without the settings that only built-in templates know."""

    def without(**changes):
        from harness import datasets, design
        from harness.spec import Study

        folders = changes.pop("folders")
        data = changes.pop("data")
        study = Study(name="mine", dataset=str(data), **changes)
        return design.plan(study, datasets.describe(str(data), []), folders)

    return without


def test_a_users_function_is_a_template(lay, folder, blobs):
    """Its keyword arguments are the factors, and it runs as a compiled program."""
    found = outcomes(
        lay,
        folder,
        data=blobs,
        template="usernets:net",
        factors={"act": ["relu", "tanh"], "width": [3, 5]},
        fixed={"epochs": 2},
    )
    assert {outcome.status for outcome in found} == {"completed"}
    assert {outcome.route for outcome in found} == {"program"}
    assert len({outcome.metrics["test/loss@last"] for outcome in found}) == 4
    assert [outcome.parameters for outcome in found[:2]] == [4 * 3 + 3 + 3 * 2 + 2, 37]


def test_softmax_outputs_are_probabilities(lay, folder, tmp_path):
    """The loss of a softmax model is its cross-entropy, not that of its logits twice squashed."""
    y = np.arange(120) % 2
    np.savez(tmp_path / "apart.npz", x=np.eye(2)[y] * 4, y=y)
    (outcome,) = outcomes(
        lay,
        folder,
        data=tmp_path / "apart.npz",
        template="usernets:net",
        factors={"width": [8]},
        fixed={"epochs": 60, "learning_rate": 0.05},
    )
    # Squashed twice, a two-class loss cannot fall below ln(1 + e) - 1.
    assert outcome.curve[-1].quantities["train/loss"] < np.log1p(np.e) - 1


@pytest.mark.parametrize("function", [pytest.param("recurrent", marks=pytest.mark.slow), "custom"])
def test_stock_and_custom_layers_are_paired_and_repeatable(lay, folder, blobs, function):
    """Recurrent dropout, and weights of a custom layer, follow the replicate's streams."""
    laid = lay(
        folders=[folder],
        data=blobs,
        template=f"usernets:{function}",
        factors={"batch_size": [20]},
        fixed={"epochs": 2},
    )
    trials = [laid.trial(laid.arms[0], {}, "confirm", replicate) for replicate in (0, 1)]
    shared = Trainer(laid.card, [folder])
    first, second, again = (shared.run(trial) for trial in (*trials, trials[0]))
    alone = Trainer(laid.card, [folder]).run(trials[1])
    assert first.status == "completed", first.reason
    assert first.curve == again.curve
    assert second.curve == alone.curve
    assert first.curve != second.curve


def test_a_training_step_of_its_own_falls_back_to_fit(lay, folder, blobs):
    """What no program expresses is trained by fit, with the same records, and says so."""
    study = {
        "data": blobs,
        "template": "usernets:own_step",
        "factors": {"batch_size": [20]},
        "fixed": {"epochs": 3},
    }
    (own,), (streamed,) = (outcomes(lay, folder, resident=most, **study) for most in (math.inf, 0))
    assert streamed.metrics == own.metrics
    assert own.status == "completed", own.reason
    assert own.route == "fit"
    assert len(own.curve) == 3
    assert {"test/loss@best", "test/accuracy@last", "val/loss@best"} <= set(own.metrics)


def test_an_exception_in_user_code_is_an_outcome(lay, folder, blobs):
    """The trial fails with the user's own message; the trainer goes on."""
    (outcome,) = outcomes(
        lay, folder, data=blobs, template="usernets:broken", factors={"epochs": [1]}, fixed={}
    )
    assert outcome.status == "failed"
    assert outcome.reason == "RuntimeError: no such luck (usernets.py, line 27)"


def test_divergence_keeps_the_curve_up_to_there(plan):
    """A loss that is no number ends the trial at its epoch; earlier epochs stay."""
    laid = plan(
        factors={"learning_rate": [3.0]},
        fixed={"epochs": 60, "optimizer": "sgd", "activation": "exponential"},
    )
    outcome = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert outcome.status == "diverged"
    assert f"in epoch {len(outcome.curve) + 1}" in outcome.reason
    assert outcome.metrics == {}
    assert [epoch.epoch for epoch in outcome.curve] == list(range(len(outcome.curve)))


def test_tune_trials_never_see_the_test_split(plan):
    """Only a confirm trial has test metrics."""
    laid = plan()
    trainer = Trainer(laid.card, [])
    tune = trainer.run(laid.trial(laid.arms[0], {}, "tune", 0))
    confirm = trainer.run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert not [name for name in tune.metrics if name.startswith("test/")]
    assert {"test/accuracy@best", "test/accuracy@last"} <= set(confirm.metrics)


def test_time_is_kept_apart(plan):
    """Compiling is booked to the first trial of a program only."""
    laid = plan()
    trainer = Trainer(laid.card, [])
    first = trainer.run(laid.trial(laid.arms[0], {}, "confirm", 0))
    second = trainer.run(laid.trial(laid.arms[0], {}, "confirm", 1))
    assert first.seconds.compile > 0
    assert not first.reused
    assert second.seconds.compile == 0
    assert second.reused
    assert second.seconds.train > 0


@pytest.mark.parametrize(
    "fixed",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"dropout": 0.3, "normalization": "batch"},
        pytest.param({"batch_size": 96}, marks=pytest.mark.xla),
    ],
)
def test_data_in_chunks_gives_equal_results(plan, fixed, tmp_path):
    """Data that stays in its file is trained on in the same order, to the same last bit."""
    generator = np.random.default_rng(5)
    y = np.arange(3000) % 3
    np.savez(tmp_path / "long.npz", x=generator.normal(size=(3000, 4)) + y[:, None], y=y)
    laid = plan(
        data=tmp_path / "long.npz",
        factors={"activation": ["tanh"]},
        fixed={"epochs": 3, "validation": 0.5, "batch_size": 32, **fixed},
    )
    trials = [laid.trial(laid.arms[0], {}, "confirm", replicate) for replicate in (0, 1)]
    whole = Trainer(laid.card, [])
    expected = [whole.run(trial) for trial in trials]
    chunked = Trainer(laid.card, [], resident=0, chunk=5000)
    found = [chunked.run(trial) for trial in trials]
    assert [one.curve for one in found] == [one.curve for one in expected]
    assert [one.metrics for one in found] == [one.metrics for one in expected]
    ((compiled,),) = chunked.programs.values()
    assert compiled.program.traces == 2, "one for whole chunks, one for the last"


@pytest.mark.slow
@pytest.mark.xla
def test_memory_does_not_grow(plan):
    """500 trials in one worker take less than 50 MB more than the first 20."""
    laid = plan(
        factors={"learning_rate": [0.01 + 0.001 * index for index in range(10)]},
        fixed={"epochs": 2, "normalization": "batch", "dropout": 0.2},
    )
    trainer = Trainer(laid.card, [])
    trials = [laid.trial(arm, {}, "confirm", r) for r in range(52) for arm in laid.arms]
    for trial in trials[:20]:
        trainer.run(trial)
    before = _resident()
    for trial in trials[20:]:
        trainer.run(trial)
    assert _resident() - before < 50e6
    ((compiled,),) = trainer.programs.values()
    assert compiled.program.traces == 1


def _resident():
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_data_that_changes_under_a_study_is_refused(plan, tmp_path):
    """A file that is read in chunks must stay what it was; resident data is a copy."""
    file = tmp_path / "moving.npz"
    arrays = {"x": np.random.default_rng(0).normal(size=(60, 3)), "y": np.arange(60) % 2}
    np.savez(file, **arrays)
    laid = plan(data=file)
    trial = laid.trial(laid.arms[0], {}, "tune", 0)
    streaming, holding = Trainer(laid.card, [], resident=0), Trainer(laid.card, [])
    for trainer in (streaming, holding):
        assert trainer.run(trial).status == "completed"
    np.savez(file, x=arrays["x"] + 1, y=arrays["y"])
    assert "written since" in streaming.run(trial).reason
    assert holding.run(trial).status == "completed"


def test_changed_data_is_refused(plan, tmp_path):
    """Data that changed after planning is not trained on under the old identity."""
    file = tmp_path / "moving.npz"
    arrays = {"x": np.random.default_rng(0).normal(size=(60, 3)), "y": np.arange(60) % 2}
    np.savez(file, **arrays)
    laid = plan(data=file)
    np.savez(file, x=arrays["x"] + 1, y=arrays["y"])
    outcome = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "tune", 0))
    assert outcome.status == "failed"
    assert "changed since the study was planned" in outcome.reason


def test_linear_algebra_keeps_to_the_threads_of_a_training(plan, monkeypatch):
    """Its idle threads would spin on the core of the next worker; afterwards they are free."""
    laid = plan(threads=1)
    trainer = Trainer(laid.card, [])
    seen = []

    def spy(*_given, **_named):
        seen.extend(part["num_threads"] for part in threadpool_info())
        raise RuntimeError("seen enough")

    monkeypatch.setattr(trainer, "_run", spy)
    before = [part["num_threads"] for part in threadpool_info()]
    trainer.run(laid.trial(laid.arms[0], {}, "tune", 0))
    assert set(seen) == {1}
    assert [part["num_threads"] for part in threadpool_info()] == before
