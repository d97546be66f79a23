"""Several stages in one trial: what they take over, what they leave, and what is judged."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from harness import datasets, design, environment, initial, rerun, seeds
from harness.errors import TemplateError
from harness.players import Stage
from harness.spec import Study
from harness.store import Trained
from harness.train import Trainer, cases

STEPS = '''
import keras

from harness.players import Player, Stage


def net(shape, outputs, dropout=0.0, size=6, kind=keras.Model):
    inputs = keras.Input(shape)
    x = keras.layers.Dense(size, activation="tanh", name="encoder")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(dropout, name="drop")(x)
    x = keras.layers.Dense(5, activation="tanh", name="middle")(x)
    return kind(inputs, keras.layers.Dense(outputs, name="head")(x))


def steps(shape, outputs, first=3, dropout=0.0, kind=keras.Model):
    return (
        Stage(name="pretrain", model=net(shape, outputs, dropout, kind=kind), epochs=first),
        Stage(
            name="adapt",
            model=net(shape, outputs, dropout, kind=kind),
            takes=("encoder", "norm", "middle"),
            frozen=("encoder", "norm"),
        ),
    )


class Own(keras.Model):
    def train_step(self, data):
        return super().train_step(data)


def fitted(shape, outputs):
    return steps(shape, outputs, kind=Own)


def averaged(learning_rate):
    return keras.optimizers.SGD(learning_rate, use_ema=True, ema_momentum=0.7)


def apart(shape, outputs, dropout=0.0):
    """Two stages that are the same and share nothing."""
    return tuple(Stage(name=name, model=net(shape, outputs, dropout)) for name in ("a", "b"))


def alone(shape, outputs, dropout=0.0):
    return net(shape, outputs, dropout)


def pair(shape, outputs, before=None, **after):
    names = {"name": "first", **(before or {})}, {"name": "second", **after}
    return tuple(Stage(model=net(shape, outputs), **given) for given in names)


def misspelt(shape, outputs):
    return pair(shape, outputs, takes=("norm", "encodr"))


def weightless(shape, outputs):
    return pair(shape, outputs, takes=("drop",))


def shaped(shape, outputs):
    return (
        Stage(name="first", model=net(shape, outputs, size=7)),
        Stage(name="second", model=net(shape, outputs), takes=("encoder", "head")),
    )


def too_soon(shape, outputs):
    return Stage(model=net(shape, outputs), takes=("encoder",))


def thawed(shape, outputs):
    return pair(shape, outputs, frozen=("heads",))


def frozen(shape, outputs):
    return pair(shape, outputs, frozen=("encoder", "norm", "middle", "head"))


def still(shape, outputs):
    players = (Player(name="whole"), Player(name="start", layers=("encoder",)))
    return pair(shape, outputs, players=players, frozen=("encoder",))


def bare(shape, outputs):
    return pair(shape, outputs, takes="head")


def shared(shape, outputs):
    model = net(shape, outputs)
    return Stage(name="first", model=model), Stage(name="second", model=model)


def nameless(shape, outputs):
    return pair(shape, outputs, name="")


def namesakes(shape, outputs):
    return pair(shape, outputs, name="first")


def hurried(shape, outputs):
    return pair(shape, outputs, before={"epochs": 0})


def mixed(shape, outputs):
    return Stage(name="first", model=net(shape, outputs)), net(shape, outputs)


def empty(shape, outputs):
    return ()
'''

PAGE = Path(__file__).parents[2] / "docs" / "your-own-model.md"
TAKEN, FROZEN = ("encoder", "norm", "middle"), ("encoder", "norm")


@pytest.fixture
def lay(tmp_path, blobs):
    """Lays out a study of the module above on the blobs."""
    (tmp_path / "twosteps.py").write_text(STEPS)

    def laid(template, factors=None, **fixed):
        factors = factors or {"epochs": [4]}
        given = {"batch_size": 32, "learning_rate": 0.01, **fixed}
        study = Study(
            name="steps",
            template=f"twosteps:{template}",
            dataset=str(blobs),
            factors=factors,
            fixed={key: given[key] for key in given if key not in factors},
        )
        return design.plan(study, datasets.describe(study.dataset, [tmp_path]), [tmp_path])

    return laid


def trained(laid, folder, trainer=None, phase="tune", replicate=0, arm=0):
    """A trial, its outcome, its programs by stage, and who trained it."""
    trainer = trainer or Trainer(laid.card, [folder])
    trial = laid.trial(laid.arms[arm], {}, phase, replicate)
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    return trial, outcome, trainer.programs[design.program_key(trial, laid.card)], trainer


def refused(laid, folder):
    """What is said of a template when its network is built."""
    with pytest.raises(TemplateError) as caught:
        Trainer(laid.card, [folder]).networks(laid.trial(laid.arms[0], {}, "tune", 0))
    return str(caught.value)


def weights(network, layers=()):
    """Arrays of some layers of a network by path, or of all."""
    found = {one.path: one.numpy() for one in network.model.weights}
    return {path: found[path] for path in found if not layers or path.split("/")[0] in layers}


def losses(outcome, stage=""):
    """Loss in training and validation, of every epoch of a stage."""
    found = [one for one in outcome.curve if one.stage == stage]
    assert [one.epoch for one in found] == list(range(len(found)))
    return [[one.quantities[f"{part}/loss"] for part in ("train", "val")] for one in found]


def batches(given, orders, size):
    """Batches of all epochs, one after another, so that a stage is one call of ``fit``."""
    for order in orders:
        for start in range(0, len(order), size):
            part = order[start : start + size]
            yield given.x_train[part], given.y_train[part]


def two_fits(trial, card, programs, optimizers, epochs):
    """The stages as a Keras user would train them: two models, two calls of ``fit``."""
    given, curves, models = cases(trial, card), [], []
    size = trial.settings["batch_size"]
    for compiled, optimizer, count in zip(programs, optimizers, epochs, strict=True):
        made = compiled.network.weights
        drawn = initial.draw([replace(one, taken=None) for one in made], trial)
        by_path = {one.variable.path: array for one, array in zip(made, drawn, strict=True)}
        model = keras.models.clone_model(compiled.network.model)
        model.set_weights([by_path[one.path] for one in model.weights])
        if models:
            for name in TAKEN:
                model.get_layer(name).set_weights(models[0].get_layer(name).get_weights())
            for name in FROZEN:
                model.get_layer(name).trainable = False
        purpose = ("order", "stage", "pretrain") if not models else ("order",)
        stream = seeds.stream(trial.seed, trial.phase, trial.replicate, *purpose)
        orders = [seeds.permutation(stream, len(given.y_train)) for _ in range(count)]
        model.compile(
            optimizer=optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        history = model.fit(
            batches(given, orders, size),
            epochs=count,
            shuffle=False,
            steps_per_epoch=math.ceil(len(given.y_train) / size),
            verbose=0,
            validation_data=(given.x_val, given.y_val),
        ).history
        curves.append(np.transpose([history["loss"], history["val_loss"]]))
        models.append(model)
    return curves, models


@pytest.mark.parametrize(
    "xla", [pytest.param(True, marks=[pytest.mark.xla, pytest.mark.slow]), False]
)
def test_two_stages_equal_two_fits(lay, tmp_path, xla):
    """Losses of every epoch, and all weights at the end; with an optimizer for each."""
    own = {"pretrain.optimizer": {"name": "sgd", "momentum": 0.9}, "pretrain.learning_rate": 0.05}
    laid = lay("steps", **own)
    trial, outcome, programs, _ = trained(laid, tmp_path)
    assert outcome.xla == xla
    optimizers = keras.optimizers.SGD(0.05, momentum=0.9), keras.optimizers.Adam(0.01)
    curves, models = two_fits(trial, laid.card, programs, optimizers, (3, 4))
    assert losses(outcome, "pretrain") == pytest.approx(curves[0], abs=1e-5)
    assert losses(outcome) == pytest.approx(curves[1], abs=1e-5)
    for compiled, model in zip(programs, models, strict=True):
        for one in model.weights:
            found = weights(compiled.network)[one.path]
            np.testing.assert_allclose(found, one.numpy(), atol=1e-5, err_msg=one.path)


@pytest.mark.slow
def test_a_model_with_a_step_of_its_own_is_trained_by_two_fits(lay, tmp_path):
    """The other route gives the same numbers."""
    _, by_program, _, _ = trained(lay("steps"), tmp_path)
    _, by_fit, _, _ = trained(lay("fitted"), tmp_path)
    assert (by_program.route, by_fit.route) == ("program", "fit")
    for stage in ("pretrain", ""):
        assert losses(by_fit, stage) == pytest.approx(np.array(losses(by_program, stage)), abs=1e-5)


@pytest.mark.slow
def test_averaged_weights_are_handed_over(lay, tmp_path):
    """An optimizer that ends a training by exchanging the weights ends a stage so."""
    own = {"pretrain.optimizer": {"name": "twosteps:averaged"}, "pretrain.learning_rate": 0.01}
    laid = lay("steps", **own)
    trial, outcome, programs, _ = trained(laid, tmp_path)
    first = keras.optimizers.SGD(0.01, use_ema=True, ema_momentum=0.7)
    optimizers = first, keras.optimizers.Adam(0.01)
    curves, _ = two_fits(trial, laid.card, programs, optimizers, (3, 4))
    assert losses(outcome) == pytest.approx(curves[1], abs=1e-5)


def test_frozen_layers_keep_their_bits(lay, tmp_path):
    """Moving statistics included; what is taken over and not frozen has moved, as has the rest."""
    _, outcome, (before, after), _ = trained(lay("steps"), tmp_path)
    handed, ended = weights(before.network), weights(after.network)
    for path in weights(after.network, FROZEN):
        np.testing.assert_array_equal(ended[path], handed[path], err_msg=path)
    for path in weights(after.network, ("middle", "head")):
        assert not np.array_equal(ended[path], handed[path]), path
    assert outcome.parameters == 6 * 5 + 5 + 5 * 2 + 2
    told = " ".join(outcome.notes)
    assert "8 of 10 weights from the last epoch of stage 'pretrain'" in told
    assert "not trained in stage 'adapt': encoder, norm" in told


def test_the_last_stage_is_the_trial_that_it_would_be_alone(lay, tmp_path):
    """Same draws, order and noise where nothing is taken over: stages before leave nothing."""
    _, alone, _, _ = trained(lay("alone", dropout=0.3), tmp_path, phase="confirm")
    _, after, _, _ = trained(lay("apart", dropout=0.3), tmp_path, phase="confirm")
    assert losses(after) == losses(alone)
    assert after.metrics == alone.metrics
    assert after.best_epoch == alone.best_epoch


@pytest.mark.parametrize("purpose", ["order", "noise", "neither"])
def test_stages_share_no_stream(lay, tmp_path, monkeypatch, purpose):
    """Equal models from equal weights differ by the order, by the noise, and by nothing else."""
    if purpose != "order":
        monkeypatch.setattr(seeds, "permutation", lambda generator, size: np.arange(size))
    dropout = 0.3 if purpose == "noise" else 0.0
    _, outcome, _, _ = trained(lay("apart", dropout=dropout), tmp_path)
    differ = np.abs(np.subtract(losses(outcome, "a"), losses(outcome))).max()
    assert differ == 0 if purpose == "neither" else differ > 1e-3


def test_patience_and_metrics_are_of_the_last_stage(lay, tmp_path):
    """An earlier one is trained to its end, and no metric is of it."""
    fixed = {"patience": 1, "pretrain.learning_rate": 1e-12, "adapt.learning_rate": 1e-12}
    _, outcome, _, _ = trained(lay("steps", {"epochs": [9]}, first=5, **fixed), tmp_path)
    assert len(losses(outcome, "pretrain")) == 5
    assert len(losses(outcome)) < 9
    last = [one for one in outcome.curve if not one.stage]
    assert outcome.metrics["val/loss@last"] == last[-1].quantities["val/loss"]
    assert outcome.metrics["val/loss@best"] == last[outcome.best_epoch].quantities["val/loss"]


def test_a_stage_without_epochs_has_those_of_the_study(lay, tmp_path):
    """Its schedule extends over its own ones."""
    _, outcome, _, _ = trained(lay("apart", {"epochs": [2]}), tmp_path)
    assert (len(losses(outcome, "a")), len(losses(outcome))) == (2, 2)
    late = {"schedule": {"name": "linear", "floor": 0.0}}
    _, outcome, (first, _), _ = trained(lay("steps", {"epochs": [6]}, first=2, **late), tmp_path)
    (player,) = first.program.learner.players
    assert float(player.optimizer.learning_rate) < 0.01 / 4
    assert len(losses(outcome, "pretrain")) == 2


def test_a_stage_that_diverges_ends_the_trial(lay, tmp_path):
    """It is named, and nothing is measured of a stage that was never reached."""
    laid = lay("steps", **{"pretrain.optimizer": "sgd", "pretrain.learning_rate": 1e38})
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    outcome = Trainer(laid.card, [tmp_path]).run(trial)
    assert outcome.status == "diverged"
    assert "of stage 'pretrain'" in outcome.reason
    assert {one.stage for one in outcome.curve} <= {"pretrain"}
    assert (outcome.metrics, outcome.best_epoch) == ({}, None)


@pytest.mark.slow
def test_trials_through_the_same_programs_equal_each_alone(lay, tmp_path):
    """Nothing of an earlier trial is left; every stage is traced once."""
    # The better one first: an epoch of its that stayed the best would show.
    laid = lay("steps", {"learning_rate": [0.1, 0.001]}, epochs=3, dropout=0.3)
    trainer, together = None, []
    for arm in (0, 1):
        _, outcome, programs, trainer = trained(laid, tmp_path, trainer, "confirm", arm=arm)
        together.append(outcome)
    _, alone, _, _ = trained(laid, tmp_path, None, "confirm", arm=1)
    assert together[1].curve == alone.curve
    assert together[1].metrics == alone.metrics
    assert together[0].curve != alone.curve
    assert len(trainer.programs) == 1
    assert [one.program.traces for one in programs] == [1, 1]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("misspelt", r"2 layers.*'first'. Received: 1\. .*'encodr'.* mean 'encoder'"),
        ("weightless", r"Received: 0\. .*no layer 'drop' with weights"),
        ("shaped", r"Received: 1\. Layer 'encoder'.*4x7, 7 in stage 'first'.*4x6, 6"),
        ("too_soon", "has one before it. Received: 'encoder'"),
        ("thawed", "stage 'second'.*'heads'.* mean 'head'"),
        ("frozen", "layers to train. Received: none"),
        ("still", "layers to train. Received: none"),
        ("bare", r"takes=\('head',\)"),
        ("shared", "stage 'second'.*layers of its own.*'encoder/kernel'"),
        ("nameless", "different names.*'first', ''"),
        ("namesakes", "different names.*'first', 'first'"),
        ("hurried", "epochs above 0. Received: 0"),
        ("mixed", "Received: one that holds Functional"),
        ("empty", "Received: an empty one"),
    ],
)
def test_stages_that_do_not_fit_are_refused(lay, tmp_path, template, said):
    """When they are built, before anything is trained, with what is meant."""
    laid = lay(template)
    message = refused(laid, tmp_path)
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(message)
    trainer = Trainer(laid.card, [tmp_path])
    assert trainer.rehearse(laid.trial(laid.arms[0], {}, "tune", 0)).problem == message


def test_a_setting_of_no_stage_is_refused(lay, tmp_path):
    """A stage with one player shares its name with it."""
    assert "'adopt'" in refused(lay("steps", **{"adopt.learning_rate": 0.1}), tmp_path)


def test_a_rehearsal_tells_of_all_stages(lay, tmp_path):
    """And keeps what it has built for the training."""
    laid = lay("steps")
    trainer = Trainer(laid.card, [tmp_path])
    found = trainer.rehearse(laid.trial(laid.arms[0], {}, "tune", 0))
    assert found.problem == ""
    assert "stage 'adapt' starts with 8 of 10 weights" in " ".join(found.notes)
    _, outcome, _, _ = trained(laid, tmp_path, trainer)
    assert outcome.notes == found.notes


# Keras writes weights through an array interface that NumPy 2 deprecates.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_saved_model_is_that_of_the_last_stage(lay, tmp_path):
    """Trained again through all stages, to the stored metrics."""
    laid = lay("steps")
    trial, outcome, (_, judged), _ = trained(laid, tmp_path, phase="confirm")
    stored = Trained(
        trial=trial,
        card=laid.card,
        metrics=outcome.metrics,
        hyperparameters={},
        environment=environment.observe(),
    )
    kept = rerun.keep(stored, tmp_path / "winner.keras", [tmp_path])
    assert dict(kept.metrics) == dict(outcome.metrics)
    loaded, trained_here = keras.models.load_model(kept.file), judged.network.model
    for found, expected in zip(loaded.weights, trained_here.weights, strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


@pytest.mark.slow
def test_plan_shows_the_models_of_all_stages(lay, tmp_path, blobs):
    """Each under its name."""
    lay("steps")
    (tmp_path / "steps.toml").write_text(
        f'schema = 1\nname = "steps"\ntemplate = "twosteps:steps"\ndataset = "{blobs}"\n'
        "[factors]\nfirst = [1]\n"
    )
    command = [sys.executable, "-m", "harness", "plan", "steps.toml", "--models"]
    shown, listed = (
        subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
        for more in ([], ["--json"])
    )
    assert ": stage pretrain" in shown.stdout, shown.stderr
    models = json.loads(listed.stdout)["models"]
    assert [one["stage"] for one in models] == ["pretrain", "adapt"]
    assert models[1]["parameters"] == models[0]["parameters"] - (4 * 6 + 6 + 2 * 6)


def test_the_example_of_the_page_trains(lay, tmp_path):
    """As it stands there, with a setting of a stage's own."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    (example,) = [block for block in blocks if "takes=" in block]
    lay("steps")
    (tmp_path / "twosteps.py").write_text(example)
    own = {"adapt.learning_rate": 1e-4}
    _, outcome, _, _ = trained(lay("staged", {"pretraining": [2]}, epochs=1, **own), tmp_path)
    assert (len(losses(outcome, "pretrain")), len(losses(outcome))) == (2, 1)


def test_a_stage_without_players_has_one_of_its_name(lay, tmp_path):
    """So that its settings bear the name of the stage."""
    assert Stage(model=None).players == ()
    laid = lay("steps")
    networks = Trainer(laid.card, [tmp_path]).networks(laid.trial(laid.arms[0], {}, "tune", 0))
    assert [[one.name for one in network.stage.players] for network in networks] == [
        ["pretrain"],
        ["adapt"],
    ]
