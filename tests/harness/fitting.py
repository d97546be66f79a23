"""The same trial, trained as the Keras documentation shows it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from harness import catalog, datasets, initial, seeds
from harness.blocks.adversarial import Bounded
from harness.blocks.style import styled
from harness.targets import resolve
from harness.templates.autoencoder import autoencoder
from harness.templates.cnn import cnn
from harness.templates.mlp import mlp
from harness.templates.rnn import rnn
from harness.train import Trainer

TEMPLATES = {"mlp": mlp, "cnn": cnn, "rnn": rnn, "autoencoder": autoencoder}


def stock_schedule(setting, rate, steps, epochs):
    """The schedule that a Keras user would write."""
    made, number = keras.optimizers.schedules, setting.get
    makers = {
        "constant": lambda: rate,
        "step": lambda: made.ExponentialDecay(
            rate, number("every") * steps, number("factor"), staircase=True
        ),
        "exponential": lambda: made.ExponentialDecay(rate, steps, number("factor")),
        "linear": lambda: made.PolynomialDecay(rate, epochs * steps, number("floor") * rate),
        "polynomial": lambda: made.PolynomialDecay(
            rate, epochs * steps, number("floor") * rate, number("power")
        ),
        "inverse_time": lambda: made.InverseTimeDecay(rate, steps, number("decay")),
        "cosine": lambda: made.CosineDecay(rate, epochs * steps, alpha=number("floor")),
        "cosine_restarts": lambda: made.CosineDecayRestarts(
            rate, number("every") * steps, number("growth"), number("factor"), number("floor")
        ),
    }
    return makers[setting["name"]]()


def stock_clip(setting):
    """The optimizer's arguments for clipping."""
    names = {"norm": "clipnorm", "global_norm": "global_clipnorm", "value": "clipvalue"}
    return {names[setting["name"]]: setting["limit"]} if setting["name"] in names else {}


def stock_optimizer(settings, rate):
    """The optimizer that a Keras user would write."""
    chosen = catalog.choice("optimizer", settings["optimizer"])
    numbers = {**chosen.arguments, "learning_rate": rate, **stock_clip(settings["clip"])}
    if settings["weight_decay"] is not None:
        numbers["weight_decay"] = settings["weight_decay"]
    _, _, name = chosen.entry.target.partition(":")
    made = getattr(keras.optimizers, name, None) or resolve(chosen.entry.target)
    return made(**numbers)


def stock_model(trial, card):
    """The network that a Keras user would build: with Keras' own regularizer."""
    settings = trial.settings
    arguments = {}
    for name, argument in catalog.TEMPLATES[trial.template].arguments.items():
        if name not in settings:
            continue
        if argument.family == "regularizer":
            arguments[name] = stock_penalty(settings[name])
        elif argument.family == "constraint":
            arguments[name] = stock_constraint(settings[name])
        elif not argument.initial:
            arguments[name] = settings[name]
    if card.task == "sequence":
        arguments["every_step"] = True
    return TEMPLATES[trial.template](card.shape, card.outputs, **styled(arguments))


def stock_penalty(setting):
    """The regularizer that a Keras user would write."""
    if setting["name"] == "none":
        return None
    if setting["name"] == "orthogonal":
        return keras.regularizers.OrthogonalRegularizer(setting["factor"], setting["mode"])
    return keras.regularizers.L1L2(l1=setting.get("l1", 0.0), l2=setting.get("l2", 0.0))


def stock_constraint(setting):
    """The constraint that a Keras user would write, for a dense layer."""
    numbers = {key: number for key, number in setting.items() if key != "name"}
    names = {
        "max_norm": keras.constraints.MaxNorm,
        "unit_norm": keras.constraints.UnitNorm,
        "min_max_norm": keras.constraints.MinMaxNorm,
        "non_neg": keras.constraints.NonNeg,
        "bounded": Bounded,
    }
    return names[setting["name"]](**numbers) if setting["name"] in names else None


def stock_loss(settings):
    """The loss that a Keras user would write for classes."""
    if not settings["label_smoothing"]:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    smooth = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=settings["label_smoothing"], reduction=None
    )
    return lambda y, outputs: smooth(
        keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(y, (-1,)), "int32"), outputs.shape[-1]),
        outputs,
    )


def stock_compile(model, trial, card, rate):
    """Give a model optimizer, loss and metric as a Keras user would."""
    settings = trial.settings
    classes = card.task in {"classification", "sequence"}
    model.compile(
        optimizer=stock_optimizer(settings, rate),
        loss=stock_loss(settings) if classes else keras.losses.MeanSquaredError(),
        metrics=["accuracy"] if classes else ["mean_absolute_error"],
        jit_compile=False,
        # A few steps are done sooner than they are traced, and to the last bit the same.
        run_eagerly=True,
    )


def targets_of(card, data, cases):
    """Labels, or the inputs themselves."""
    return data.x[cases] if card.task == "reconstruction" else data.y[cases]


def stock_class_weight(setting, labels):
    """One weight per class, or none."""
    if setting["name"] == "none":
        return None
    if setting["name"] == "by_class":
        return dict(enumerate(setting["weights"]))
    counts = np.bincount(labels)
    return dict(enumerate(len(labels) / len(counts) / counts))


def steps_of(settings, train):
    """Batches in one epoch, the partial one included."""
    return -(-len(train) // settings["batch_size"])


def drawn(trial, data):
    """Training cases in the order of every epoch, and validation cases."""
    settings = trial.settings
    streams = (trial.seed, trial.phase, trial.replicate)
    size = max(1, round(len(data.y) * settings["validation"]))
    train, held = datasets.draw(data.y, (len(data.y) - size, size), streams)
    order = seeds.stream(*streams, "order")
    epochs = [train[seeds.permutation(order, len(train))] for _ in range(settings["epochs"])]
    return np.stack(epochs), held


def curve_of(history):
    """What ``fit`` reports, by our names, one entry per epoch."""
    part = {True: "val/{}", False: "train/{}"}
    named = {
        part[name.startswith("val_")].format(name.removeprefix("val_")): numbers
        for name, numbers in history.items()
    }
    return [dict(zip(named, numbers, strict=True)) for numbers in zip(*named.values(), strict=True)]


def by_fit(trial, card, weights):
    """Per-epoch quantities of the same trial, trained as the Keras documentation shows it."""
    settings = trial.settings
    data = datasets.load(card)
    epochs, held = drawn(trial, data)
    steps = steps_of(settings, epochs[0])
    rate = stock_schedule(
        settings["schedule"], settings["learning_rate"], steps, settings["epochs"]
    )
    model = stock_model(trial, card)
    model.set_weights(weights(model))
    stock_compile(model, trial, card, rate)
    # Built inside of fit, schedule-free AdamW would begin at zero and not at the weights.
    model.optimizer.build(model.trainable_variables)
    curve = []
    for cases in epochs:
        history = model.fit(
            data.x[cases],
            targets_of(card, data, cases),
            batch_size=settings["batch_size"],
            shuffle=False,
            verbose=0,
            class_weight=stock_class_weight(settings["class_weight"], data.y[cases]),
            validation_data=(data.x[held], targets_of(card, data, held)),
        ).history
        curve += curve_of(history)
    return curve


def initial_weights(network, trial):
    """A function from a model of the same layers to the initial weights of a trial."""
    drawn = initial.draw(network.weights, trial)
    made = {
        weight.variable.path: array for weight, array in zip(network.weights, drawn, strict=True)
    }
    return lambda model: [made[one.path] for one in model.weights]


def assert_same_curve(outcome, curve, tolerance, case=""):
    """Every quantity that ``fit`` reports, in every epoch."""
    assert outcome.status == "completed", outcome.reason
    for ours, theirs in zip(outcome.curve, curve, strict=True):
        for name, number in theirs.items():
            expected = pytest.approx(number, rel=tolerance, abs=1e-7)
            assert ours.quantities[name] == expected, f"{name} {case}"


def assert_equals_fit(plan):
    """A trial's curve is what fit gives for the same initial weights and batch order."""
    trial = plan.trial(plan.arms[0], {}, "confirm", 1)
    trainer = Trainer(plan.card, [])
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    ((compiled,),) = trainer.programs.values()
    curve = by_fit(trial, plan.card, initial_weights(compiled.network, trial))
    assert_same_curve(outcome, curve, 1e-4 if outcome.xla else 1e-5)
