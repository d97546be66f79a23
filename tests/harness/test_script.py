"""A trial as a plain Keras script: it trains as the study did."""

from __future__ import annotations

import sys
from typing import Any

import keras
import numpy as np
import pytest

from harness import catalog, initial, script, seeds, source, store
from harness.coordinator import run
from harness.errors import TemplateError
from harness.spec import Arrays, Study, Trial
from harness.train import Trainer
from reports import frames

PLAIN = {"epochs": 2, "batch_size": 32}
STUDIES = {
    "sgd": {
        "template": "mlp",
        "fixed": {
            "units": [8],
            "activation": "tanh",
            "optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True},
            "learning_rate": 0.05,
            "schedule": {"name": "cosine", "warmup": 0.5},
            "clip": {"name": "global_norm", "limit": 0.5},
            "weight_decay": 0.01,
            "regularizer": "l2",
            "label_smoothing": 0.1,
            "class_weight": "balanced",
        },
    },
    "adam": {
        "template": "mlp",
        "fixed": {
            "units": [8],
            "activation": "leaky_relu",
            "normalization": "batch",
            "optimizer": {"name": "adam", "beta_1": 0.8},
            "constraint": "max_norm",
            "clip": {"name": "value", "limit": 0.1},
        },
    },
    "logistic": {
        "template": "mlp",
        "fixed": {"units": [], "output_regularizer": {"name": "l1", "l1": 0.05}},
    },
    "cnn": {
        "template": "cnn",
        "fixed": {
            "filters": [4],
            "units": [],
            "activation": "prelu",
            "block": "residual",
            "optimizer": "rmsprop",
            "regularizer": {"name": "orthogonal", "factor": 0.1},
        },
    },
    "rnn": {"template": "rnn", "fixed": {"units": [4], "cell": "lstm", "optimizer": "adamw"}},
    "tied": {
        "template": "autoencoder",
        "fixed": {"units": [8], "code": 4, "tied": True, "bottleneck": "sparse_l1"},
    },
    "contractive": {
        "template": "autoencoder",
        "fixed": {
            "units": [],
            "code": 4,
            "bottleneck": "contractive",
            "code_activation": "sigmoid",
        },
    },
}


@pytest.fixture(autouse=True)
def without_arguments(monkeypatch):
    """A script takes its seed from the command line, which is pytest's here."""
    monkeypatch.setattr(sys, "argv", ["winner.py"])


@pytest.fixture
def trained(images, tmp_path):
    """A function that runs a study of one replicate, and gives its first arm's training."""

    def train(data=images, folders=(), **changes):
        given = {
            "name": "one",
            "dataset": str(data) if not isinstance(data, Arrays) else data,
            "replicates": 1,
            "factors": {"learning_rate": [0.01, 0.02]},
        }
        fixed = PLAIN | changes.pop("fixed", {})
        if "learning_rate" in fixed:
            given["factors"] = {"batch_size": [32, 16]}
            del fixed["batch_size"]
        study = Study(**(given | changes | {"fixed": fixed}))
        finished = run(study, root=tmp_path, workers=0, folders=folders)
        assert not finished.problems
        return finished.folder, store.trained(finished.folder, 0)

    return train


def started(file, stored, folders=()):
    """The script up to its training, with the initial weights of the study's replicate."""
    text = file.read_text().split("model.fit(")[0]
    space = {"__file__": str(file), "__name__": "winner"}
    exec(compile(text, str(file), "exec"), space)
    trial = stored.trial
    (network,) = Trainer(stored.card, [*folders]).networks(trial)
    draws = initial.draw(network.weights, trial)
    for weight, array in zip(network.weights, draws, strict=True):
        weight.variable.assign(array)
    for layer in space["model"].layers:
        if layer.weights:
            layer.set_weights(network.model.get_layer(layer.name).get_weights())
    return space


def fitted(space, stored):
    """The curve of the script's model over the study's batches."""
    trial = stored.trial
    order = seeds.stream(trial.seed, trial.phase, trial.replicate, "order")
    callbacks = [space["Rates"]()] if "Rates" in space else []
    weights = {}
    if trial.settings["class_weight"]["name"] != "none":
        (line,) = [
            one for one in space["text"].splitlines() if one.strip().startswith("class_weight=")
        ]
        weights = eval(f"dict({line.split(', epochs')[0].strip()})")
    found = []
    for _ in range(trial.settings["epochs"]):
        places = seeds.permutation(order, len(space["x_train"]))
        history = (
            space["model"]
            .fit(
                space["x_train"][places],
                space["y_train"][places],
                validation_data=(space["x_val"], space["y_val"]),
                batch_size=space["BATCH_SIZE"],
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
                **weights,
            )
            .history
        )
        found.append({name: values[-1] for name, values in history.items()})
    return found


LONGER = {"adam", "cnn", "rnn", "contractive"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in LONGER)) for name in STUDIES],
)
def test_a_script_trains_as_the_study(trained, name, tmp_path):
    """From the same weights, over the same batches, it gives the study's curve."""
    folder, stored = trained(**STUDIES[name])
    script.write(stored, tmp_path / "winner.py")
    space = started(tmp_path / "winner.py", stored)
    space["text"] = (tmp_path / "winner.py").read_text()
    found = fitted(space, stored)
    rows = frames.read(folder).epochs.query("arm == 0 and phase == 'confirm'")
    names = {
        "train/loss": "loss",
        "val/loss": "val_loss",
        **{f"val/{one}": f"val_{one}" for one in ("crossentropy", "accuracy")},
        **{f"val/{one}": f"val_{one}" for one in ("mean_squared_error", "mean_absolute_error")},
    }
    compared = [pair for pair in names.items() if pair[0] in rows]
    assert len(compared) >= 3
    for ours, theirs in compared:
        script_numbers = [epoch[theirs] for epoch in found]
        np.testing.assert_allclose(rows[ours], script_numbers, rtol=2e-4, err_msg=ours)
    result = space["model"].evaluate(space["x_test"], space["y_test"], return_dict=True, verbose=0)
    assert result["loss"] == pytest.approx(stored.metrics["test/loss@last"], rel=1e-3)


@pytest.mark.parametrize("name", catalog.OPTIMIZERS)
def test_every_optimizer_can_be_written(trained, name, tmp_path):
    """Its numbers are those of the study, and Keras takes them."""
    chosen = catalog.choice("optimizer", name)
    trial = Trial.model_construct(
        settings={
            "optimizer": chosen.setting(),
            "learning_rate": 0.5,
            "weight_decay": None,
            "clip": {"name": "norm", "limit": 2.0},
        }
    )
    text = source.Source()
    script._bring_optimizer(trial, text)
    space = {"keras": keras, "Any": Any}
    exec("\n".join(text.classes), space)  # of an optimizer that Keras lacks
    made = eval(script._optimizer(trial, changing=False), space)
    config = made.get_config()
    assert config["learning_rate"] == 0.5
    assert config["clipnorm"] == 2.0
    for key, number in chosen.arguments.items():
        if key != "learning_rate":
            assert config[key] == pytest.approx(number)


def test_errors_of_a_standardized_target_are_in_its_unit(trained, tmp_path):
    """As in the study."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(120, 3))
    y = 50 * x[:, :1] + 5 * generator.normal(size=(120, 1))
    np.savez(tmp_path / "amounts.npz", x=x, y=y)
    data = Arrays(file=str(tmp_path / "amounts.npz"), task="regression", standardize=True)
    _, stored = trained(data=data, template="mlp", fixed={"units": [4]})
    script.write(stored, tmp_path / "winner.py")
    space = started(tmp_path / "winner.py", stored)
    fitted(space, stored)
    tail = (tmp_path / "winner.py").read_text().split("verbose=2,\n)\n")[1]
    exec(tail, space)
    assert space["result"]["mean_squared_error"] == pytest.approx(
        stored.metrics["test/mean_squared_error@last"], rel=1e-3
    )


NETS = """
import keras

def net(shape, outputs, *, width=4, last=None):
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(width, name="first")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, activation=last, name="last")(x))
"""


@pytest.mark.parametrize(("last", "logits"), [(None, True), ("softmax", False)])
def test_a_template_of_ones_own_is_imported(trained, images, last, logits, tmp_path, monkeypatch):
    """The script calls it with its arguments; whether it gives logits is seen."""
    module = f"nets_{last}"
    (tmp_path / f"{module}.py").write_text(NETS)
    _, stored = trained(
        template=f"{module}:net",
        folders=[tmp_path],
        fixed={"width": 6, **({"last": last} if last else {})},
    )
    script.write(stored, tmp_path / "winner.py")
    monkeypatch.syspath_prepend(tmp_path)
    space = started(tmp_path / "winner.py", stored, [tmp_path])
    assert space["logits"] is logits
    assert space["model"].get_layer("first").units == 6
    fitted(space, stored)
    result = space["model"].evaluate(space["x_test"], space["y_test"], return_dict=True, verbose=0)
    assert result["loss"] == pytest.approx(stored.metrics["test/loss@last"], rel=1e-3)


STAGED = """
import keras
from harness.players import Stage

def net(shape, outputs):
    inputs = keras.Input(shape)
    outputs = keras.layers.Dense(outputs)(keras.layers.Flatten()(inputs))
    return Stage(model=keras.Model(inputs, outputs))
"""


def test_a_script_refuses_stages(trained, tmp_path, monkeypatch):
    """It runs the template, which writing does not, and says what to do instead."""
    (tmp_path / "stagednets.py").write_text(STAGED)
    _, stored = trained(template="stagednets:net", folders=[tmp_path])
    script.write(stored, tmp_path / "winner.py")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SystemExit, match=r"expected a Keras model.*best --weights"):
        started(tmp_path / "winner.py", stored, [tmp_path])


def test_what_a_script_does_otherwise_is_said(trained, tmp_path):
    """In the script as a comment, and to the caller."""
    _, stored = trained(
        template="mlp",
        fixed={"units": [4], "initializer": "lsuv"},
        best="val/accuracy",
    )
    wrote = script.write(stored, tmp_path / "winner.py")
    text = wrote.script.read_text()
    assert any("lsuv" in note for note in wrote.notes)
    comments = " ".join(text.replace("\n# ", " ").split())
    assert all(note in comments for note in wrote.notes)
    assert "'val_accuracy', mode='max'" in text


def test_code_of_ones_own_inside_a_template_is_refused(trained, tmp_path):
    """Writing it out would run it."""
    (tmp_path / "ownbends.py").write_text("import keras\n\ndef bend(x):\n    return x\n")
    _, stored = trained(
        template="mlp",
        folders=[tmp_path],
        fixed={"units": [4], "activation": "ownbends:bend"},
    )
    with pytest.raises(TemplateError, match="--weights"):
        script.write(stored, tmp_path / "winner.py")
