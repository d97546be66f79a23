"""The same trial, trained as the Keras documentation shows it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from harness import catalog, datasets, initial, seeds
from harness.layers import resolve
from harness.templates.cnn import cnn
from harness.templates.mlp import mlp
from harness.train import Trainer

TEMPLATES = {"mlp": mlp, "cnn": cnn}


def stock_schedule(setting, rate, steps, epochs):
    """The schedule that a Keras user would write."""
    made = keras.optimizers.schedules
    match setting["name"]:
        case "step":
            every = setting["every"] * steps
            return made.ExponentialDecay(rate, every, setting["factor"], staircase=True)
        case "exponential":
            return made.ExponentialDecay(rate, steps, setting["factor"])
        case "linear":
            return made.PolynomialDecay(rate, epochs * steps, setting["floor"] * rate)
        case "cosine":
            return made.CosineDecay(rate, epochs * steps, alpha=setting["floor"])
    return rate


def stock_clip(setting):
    """The optimizer's arguments for clipping."""
    names = {"norm": "clipnorm", "global_norm": "global_clipnorm", "value": "clipvalue"}
    return {names[setting["name"]]: setting["limit"]} if setting["name"] in names else {}


def stock_optimizer(setting, rate, clip):
    """The optimizer that a Keras user would write."""
    chosen = catalog.choice("optimizer", setting)
    entry = catalog.OPTIMIZERS[chosen.name]
    numbers = {**chosen.numbers, **chosen.flags, "learning_rate": rate, **clip}
    if chosen.name == "sgd":
        return keras.optimizers.SGD(**numbers)
    return resolve(entry.target)(**numbers)


def by_fit(trial, card, weights):
    """Per-epoch quantities of the same trial, trained as the Keras documentation shows it."""
    settings = trial.settings
    data = datasets.load(card)
    train, held = datasets.draw(
        data.y, settings["validation"], trial.seed, trial.phase, trial.replicate
    )
    arguments = {
        name: settings[name]
        for name in ("units", "filters", "kernel_size", "activation", "normalization", "dropout")
        if name in settings
    }
    penalty = settings["regularizer"]
    arguments["regularizer"] = (
        keras.regularizers.L1L2(l1=penalty.get("l1", 0.0), l2=penalty.get("l2", 0.0))
        if penalty["name"] != "none"
        else None
    )
    model = TEMPLATES[trial.template](card.shape, card.outputs, **arguments)
    model.set_weights(weights(model))
    classes = card.task == "classification"
    steps = -(-len(train) // settings["batch_size"])
    rate = stock_schedule(
        settings["schedule"], settings["learning_rate"], steps, settings["epochs"]
    )
    weights = None
    if settings["class_weight"]["name"] == "balanced":
        counts = np.bincount(data.y[train])
        weights = dict(enumerate(len(train) / len(counts) / counts))
    model.compile(
        optimizer=stock_optimizer(settings["optimizer"], rate, stock_clip(settings["clip"])),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if classes
        else keras.losses.MeanSquaredError(),
        metrics=["accuracy"] if classes else ["mean_absolute_error"],
        jit_compile=False,
    )
    order = seeds.stream(trial.seed, trial.phase, trial.replicate, "order")
    metric = "accuracy" if classes else "mean_absolute_error"
    curve = []
    for _ in range(settings["epochs"]):
        cases = train[seeds.permutation(order, len(train))]
        history = model.fit(
            data.x[cases],
            data.y[cases],
            batch_size=settings["batch_size"],
            shuffle=False,
            verbose=0,
            class_weight=weights,
            validation_data=(data.x[held], data.y[held]),
        ).history
        curve.append(
            {
                "train/loss": history["loss"][0],
                f"train/{metric}": history[metric][0],
                "val/loss": history["val_loss"][0],
                f"val/{metric}": history[f"val_{metric}"][0],
            }
        )
    return curve


def assert_equals_fit(plan):
    """A trial's curve is what fit gives for the same initial weights and batch order."""
    trial = plan.trial(plan.arms[0], {}, "confirm", 1)
    trainer = Trainer(plan.card, [])
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    (compiled,) = trainer.programs.values()
    made = {
        weight.variable.path: array
        for weight, array in zip(
            compiled.network.weights, initial.draw(compiled.network.weights, trial), strict=True
        )
    }
    curve = by_fit(trial, plan.card, lambda model: [made[one.path] for one in model.weights])
    tolerance = 1e-4 if outcome.xla else 1e-5
    for ours, theirs in zip(outcome.curve, curve, strict=True):
        for name, number in theirs.items():
            assert ours.quantities[name] == pytest.approx(number, rel=tolerance, abs=1e-7), name
