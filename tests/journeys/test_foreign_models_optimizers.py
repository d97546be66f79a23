"""Other people's optimizers, against plain Keras from the same weights, order and seeds."""

from __future__ import annotations

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from fitting import assert_same_curve, curve_of, drawn
from foreign import row

from harness import datasets, initial, program
from harness.templates.mlp import mlp
from harness.train import Compiled, Trainer

EPOCHS, BATCH = 3, 30

MODULE = """
    import keras

    def build(shape, outputs):
        inputs = keras.Input(shape)
        x = keras.layers.Dense(6, activation="tanh")(inputs)
        return keras.Model(inputs, keras.layers.Dense(outputs)(x))

    class Own(keras.Model):
        def train_step(self, data):
            return super().train_step(data)

    def through_fit(shape, outputs):
        whole = build(shape, outputs)
        return Own(whole.input, whole.output)

    def adam(learning_rate, **given):
        return keras.optimizers.Adam(learning_rate, **given)

    def scaled(learning_rate, **given):
        return keras.optimizers.LossScaleOptimizer(
            keras.optimizers.Adam(learning_rate, **given), dynamic_growth_steps=4
        )

    def decayed(learning_rate):
        made = keras.optimizers.AdamW(learning_rate, weight_decay=0.5)
        made.exclude_from_weight_decay(var_names=["bias"])
        return made

    def schedule_free(learning_rate):
        return keras.optimizers.ScheduleFreeAdamW(learning_rate)

    def scheduled(learning_rate):
        return keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=10)
        )

    def called(learning_rate):
        return keras.optimizers.Adam(lambda: learning_rate)

    def several(learning_rate):
        return keras.optimizers.MultiOptimizer(
            keras.optimizers.OptimizerMap(keras.optimizers.Adam(learning_rate))
        )

    def constant(learning_rate):
        return keras.optimizers.Adam(5e-4)
"""


@pytest.fixture
def theirs(foreign):
    """A folder with the module above, and three overlapping classes of unequal size."""
    foreign.module(MODULE)
    y = np.repeat([0, 1, 2], [90, 50, 40])
    x = np.random.default_rng(0).normal(size=(180, 5)) + y[:, None]
    return foreign, foreign.arrays(x=x.astype(np.float32), y=y)


def lay(theirs, optimizer, template="theirs:build", **fixed):
    """A study of an optimizer; three epochs, the last batch a partial one."""
    foreign, file = theirs
    given = {"name": f"theirs:{optimizer}"} if isinstance(optimizer, str) else optimizer
    settings = {"epochs": EPOCHS, "batch_size": BATCH, "optimizer": given, **fixed}
    rate = {"learning_rate": [settings.pop("learning_rate", 0.02)]}
    return foreign.plan(file, template, fixed=settings, factors=rate)


def by_fit(trial, card, network):
    """One ``fit`` of all epochs, and what the model that it leaves is on the test split."""
    data, module = datasets.load(card), importlib.import_module("theirs")
    given = dict(trial.settings["optimizer"])
    function = getattr(module, given.pop("name").partition(":")[2])
    model = module.build(card.shape, card.outputs)
    model.set_weights(initial.draw(network.weights, trial))
    optimizer = function(trial.settings["learning_rate"], **given)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        run_eagerly=True,
    )
    optimizer.build(model.trainable_variables)
    orders, held = drawn(trial, data)
    parts = [
        tf.data.Dataset.from_tensor_slices((data.x[cases], data.y[cases])).batch(BATCH)
        for cases in orders
    ]
    batches = parts[0].concatenate(parts[1]).concatenate(parts[2])
    averages = given.get("use_ema", False)
    history = model.fit(
        batches,
        epochs=EPOCHS,
        steps_per_epoch=-(-len(orders[0]) // BATCH),
        shuffle=False,
        verbose=0,
        validation_data=(data.x[held], data.y[held]),
        callbacks=[keras.callbacks.SwapEMAWeights()] if averages else [],
    ).history
    return curve_of(history), model.evaluate(data.x_test[:], data.y_test[:], verbose=0)


KEYWORDS = {
    "nothing": {},
    "use_ema": {"use_ema": True, "ema_momentum": 0.8},
    "ema_overwrite_frequency": {
        "use_ema": True,
        "ema_momentum": 0.8,
        "ema_overwrite_frequency": 3,
    },
    "loss_scale_factor": {"loss_scale_factor": 64.0},
    "gradient_accumulation_steps": {"gradient_accumulation_steps": 3},
    "clipnorm": {"clipnorm": 0.05, "loss_scale_factor": 8.0},
    "global_clipnorm": {"global_clipnorm": 0.05},
    "clipvalue": {"clipvalue": 0.01},
    "weight_decay": {"weight_decay": 0.5},
}
CASES = {
    **{name: {"name": "theirs:adam", **given} for name, given in KEYWORDS.items()},
    "LossScaleOptimizer": {"name": "theirs:scaled"},
    "average inside of it": {"name": "theirs:scaled", "use_ema": True},
    "exclude_from_weight_decay": {"name": "theirs:decayed"},
    "ScheduleFreeAdamW": {"name": "theirs:schedule_free"},
}
QUICK = {"use_ema", "loss_scale_factor", "gradient_accumulation_steps", "ScheduleFreeAdamW"}


@row("an optimizer of one's own with any keyword of Keras' optimizers", "program")
@row("use_ema, ema_overwrite_frequency", "program: the average is validated and tested")
@row("loss_scale_factor, LossScaleOptimizer, gradient_accumulation_steps", "program")
@pytest.mark.parametrize(
    "case",
    [
        pytest.param("use_ema", marks=pytest.mark.xla),
        *sorted(QUICK - {"use_ema"}),
        *(pytest.param(name, marks=pytest.mark.slow) for name in CASES if name not in QUICK),
    ],
)
def test_every_keyword_of_an_optimizer_equals_fit(theirs, case):
    """The curve, and the test split after the training; the second trial of a program."""
    optimizer = CASES[case]
    plan = lay(theirs, optimizer)
    _, trainer = theirs[0].train(plan, replicate=0)
    trial = plan.trial(plan.arms[0], {}, "confirm", 1)
    outcome = trainer.run(trial)
    ((compiled,),) = trainer.programs.values()
    assert (outcome.route, outcome.reused) == ("program", True)
    curve, (loss, accuracy) = by_fit(trial, plan.card, compiled.network)
    assert_same_curve(outcome, curve, 1e-4)
    assert outcome.metrics["test/loss@last"] == pytest.approx(loss, rel=1e-4)
    assert outcome.metrics["test/accuracy@last"] == pytest.approx(accuracy, abs=1e-6)


@row("use_ema with a training step of one's own", "fit: the same numbers")
@pytest.mark.parametrize("name", ["adam", pytest.param("scaled", marks=pytest.mark.slow)])
def test_an_average_is_the_same_on_every_route(theirs, name):
    """As a program, with its data in chunks, and through ``fit``: every epoch, last and best."""
    optimizer = {"name": f"theirs:{name}", "use_ema": True, "ema_momentum": 0.8}
    plan = lay(theirs, optimizer)
    whole, _ = theirs[0].train(plan)
    chunks = Trainer(plan.card, theirs[0].places, resident=0).run(
        plan.trial(plan.arms[0], {}, "confirm", 0)
    )
    fitted, _ = theirs[0].train(lay(theirs, optimizer, "theirs:through_fit"))
    assert (whole.route, fitted.route) == ("program", "fit")
    for other in (chunks, fitted):
        assert_same_curve(other, [epoch.quantities for epoch in whole.curve], 1e-5)
        assert other.metrics == pytest.approx(whole.metrics, rel=1e-5)
        assert any("average (use_ema)" in note for note in other.notes)


@row("an optimizer with a LearningRateSchedule or a function as its rate", "refused: schedule =")
@row("a MultiOptimizer", "refused: one learning rate")
@row("an optimizer that does not pass on the learning rate", "refused: learning_rate =")
@pytest.mark.parametrize(
    ("name", "fixed", "expected"),
    [
        ("scheduled", {}, "constant learning rate inside 'theirs:scheduled', because the study"),
        ("scheduled", {}, "Received: CosineDecay. Pass on the learning_rate"),
        ("called", {}, "Received: function. Pass on"),
        ("several", {}, "Received: MultiOptimizer."),
        ("constant", {}, "Received: 0.0005. Pass it on, and give the rate in the study"),
        ("scaled", {"clip": "norm"}, "Received: {'name': 'norm', 'limit': 1.0} and LossScaleOpt"),
    ],
)
def test_an_optimizer_that_a_study_cannot_drive_is_refused(theirs, name, fixed, expected):
    """Before anything trains, with what to write instead."""
    plan = lay(theirs, name, **fixed)
    trainer = Trainer(plan.card, theirs[0].places)
    problem = trainer.rehearse(plan.trial(plan.arms[0], {}, "tune", 0)).problem
    assert expected in problem


def test_slots_that_begin_at_the_weights_begin_at_scaled_ones(theirs):
    """An initializer that looks at the data changes the weights after they were drawn."""
    foreign, file = theirs
    fixed = {"initializer": "lsuv", "optimizer": "schedule_free_adamw", "units": [4]}
    plan = foreign.plan(file, "mlp", fixed=fixed)
    trial = plan.trial(plan.arms[0], {}, "tune", 0)
    (network,) = program.build(trial, plan.card, mlp)
    learner = program.Learner(trial, plan.card, network)
    data = program.Resident.of(datasets.load(plan.card))
    compiled = Compiled(program=program.Program(learner, xla=False), network=network)
    compiled.fill(trial, np.asarray(data.y))
    compiled.calibrate(trial, data, np.arange(100, dtype=np.int32))
    begun = {variable.path: variable.numpy() for variable in learner.variables}
    copies = learner.players[0].copies
    slots = {path: slot for slot, variable in copies for path in [variable.path]}
    assert set(slots) == set(begun)
    for path, slot in slots.items():
        np.testing.assert_array_equal(slot.numpy(), begun[path])
