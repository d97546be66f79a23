"""Masks, lengths, several inputs and own autoencoders, against plain Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from foreign import row

from harness import datasets, initial, seeds
from harness.coordinator import run
from harness.errors import HarnessError, StudyError, TemplateError
from harness.program import sizes
from harness.spec import Study

TAGGER = """
    import keras

    def build(shape, outputs):
        return keras.Sequential([
            keras.Input(shape),
            keras.layers.Embedding(6, 4, mask_zero=True),
            keras.layers.SimpleRNN(5, return_sequences=True),
            keras.layers.Dense(outputs),
        ])

    class Stepping(keras.Model):
        def train_step(self, data):
            return super().train_step(data)

    def stepping(shape, outputs):
        made = build(shape, outputs)
        return Stepping(made.inputs[0], made.outputs[0])
"""


def padded(cases=90, steps=7):
    """Token rows that end in zeros, and a label for every step; a third of all is padding."""
    generator = np.random.default_rng(0)
    x = generator.integers(1, 6, (cases, steps))
    lengths = generator.integers(2, steps + 1, cases)
    x[np.arange(steps) >= lengths[:, None]] = 0
    return x, x % 3, lengths


def shown(plan, trainer, replicate=0):
    """Data, weights as they were drawn, and the cases of every epoch of a trial."""
    trial = plan.trial(plan.arms[0], {}, "confirm", replicate)
    ((compiled,),) = trainer.programs.values()
    data, settings = datasets.load(plan.card), trial.settings
    streams = (trial.seed, trial.phase, trial.replicate)
    counts = sizes(trial, plan.card)
    train, held = datasets.draw(data.y, (counts.train, counts.validation), streams)
    order = seeds.stream(*streams, "order")
    epochs = [train[seeds.permutation(order, len(train))] for _ in range(settings["epochs"])]
    return data, initial.draw(compiled.network.weights, trial), epochs, held


def fitted(model, x, y, epochs, held, loss, metrics):
    """A plain model trained by ``fit`` in a given order; what it reports, epoch by epoch."""
    # A few steps are done sooner than they are traced.
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=metrics, run_eagerly=True)
    found = []
    for cases in epochs:
        history = model.fit(
            taken(x, cases),
            y[cases],
            batch_size=32,
            shuffle=False,
            verbose=0,
            validation_data=(taken(x, held), y[held]),
        ).history
        found.append({name: numbers[0] for name, numbers in history.items()})
    return found


def taken(x, cases):
    """Some cases of an array, or of each of several."""
    return {name: part[cases] for name, part in x.items()} if isinstance(x, dict) else x[cases]


def alike(outcome, curve):
    """Loss and every metric, of training and validation, epoch by epoch."""
    assert outcome.status == "completed", outcome.reason
    for ours, theirs in zip(outcome.curve, curve, strict=True):
        for name, number in theirs.items():
            part = "val/" if name.startswith("val_") else "train/"
            found = ours.quantities[part + name.removeprefix("val_")]
            assert found == pytest.approx(number, rel=2e-5, abs=1e-6), name


ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@row("`mask_zero` or `Masking`, with a label per step", "program; padding counts nowhere")
@row("the same with a `train_step` of its own", "fit; padding counts nowhere")
@pytest.mark.parametrize(
    ("function", "engine"),
    [
        ("build", "program"),
        pytest.param("build", "program", marks=[pytest.mark.xla, pytest.mark.slow], id="xla"),
        ("stepping", "fit"),
    ],
)
def test_masks_reach_loss_and_metrics(foreign, function, engine):
    """Loss, accuracy and bits are those of the steps that are no padding."""
    module = foreign.module(TAGGER)
    x, y, _ = padded()
    plan = foreign.plan(foreign.arrays(x=x, y=y), f"{module}:{function}")
    outcome, trainer = foreign.train(plan)
    assert outcome.status == "completed", outcome.reason
    assert outcome.route == engine
    data, weights, epochs, held = shown(plan, trainer)
    import theirs

    model = theirs.build((7,), 3)
    model.set_weights(weights)
    alike(outcome, fitted(model, data.x[:], data.y, epochs, held, ENTROPY, ["accuracy"]))
    labels, kept = data.y_test, data.x_test[:] != 0
    outputs = keras.ops.log_softmax(model.predict(data.x_test[:], verbose=0))
    right = np.take_along_axis(np.asarray(outputs), labels[..., None], -1)[..., 0][kept]
    assert outcome.metrics["test/bits@last"] == pytest.approx(-right.mean() / np.log(2), rel=1e-4)


@pytest.mark.slow
@row("padding behind the tokens, template `rnn`", "program; `padding = 0` masks it")
def test_rnn_masks_padding(foreign):
    """The first token decides, with twenty zeros behind it; equal to Keras' ``mask_zero``."""
    generator = np.random.default_rng(1)
    x = np.zeros((120, 22), int)
    x[:, :2] = generator.integers(1, 5, (120, 2))
    y = (x[:, 0] > 2).astype(int)
    fixed = {"cell": "gru", "units": [4], "vocabulary": 5, "embedding": 3, "padding": 0}
    plan = foreign.plan(foreign.arrays(x=x, y=y), "rnn", fixed=fixed)
    outcome, trainer = foreign.train(plan)
    data, weights, epochs, held = shown(plan, trainer)
    model = keras.Sequential(
        [
            keras.Input((22,)),
            keras.layers.Embedding(5, 3, mask_zero=True),
            keras.layers.GRU(4),
            keras.layers.Dense(2),
        ]
    )
    model.set_weights(weights)
    alike(outcome, fitted(model, data.x[:], data.y, epochs, held, ENTROPY, ["accuracy"]))


@row("the same with `padding` left out", "program; the token that most cases end in is named")
def test_padding_that_nobody_names(foreign):
    """A note where tokens are embedded, unless the study says what padding is."""
    x, _, _ = padded()
    y = np.arange(len(x)) % 2
    files = {
        "behind": foreign.arrays("behind.npz", x=x, y=y),
        "other": foreign.arrays("other.npz", x=np.where(x == 0, 6, x), y=y),
        "front": foreign.arrays("front.npz", x=x[:, ::-1], y=y),
        "full": foreign.arrays("full.npz", x=1 + np.arange(7) + y[:, None], y=y),
    }

    def notes(name, template="rnn", **fixed):
        given = {"vocabulary": 9} if template == "rnn" else {}
        return foreign.plan(files[name], template, fixed={**given, **fixed}).card.notes

    said = "most cases end in {}: if that is padding, say padding = {} in [fixed]"
    assert notes("behind") == (said.format("zeros", 0),)
    assert notes("other") == (said.format("a run of 6", 6),)
    assert notes("behind", padding=0) == notes("behind", padding=-1) == ()
    assert notes("front") == notes("full") == notes("behind", "mlp") == ()


@pytest.mark.slow
@row("`lengths` beside `x` in an `.npz`, template `rnn`", "program; later steps count nowhere")
def test_lengths(foreign):
    """Labels per step of measured numbers, with rubbish behind the length of every case."""
    _, _, lengths = padded()
    generator = np.random.default_rng(2)
    x = generator.normal(size=(90, 7, 2)).astype(np.float32)
    y = np.clip(np.round(x.sum(axis=2)), -1, 1).astype(int) + 1
    x[np.arange(7) >= lengths[:, None]] = 99
    fixed = {"cell": "lstm", "units": [3], "bidirectional": True}
    plan = foreign.plan(foreign.arrays(x=x, y=y, lengths=lengths), "rnn", fixed=fixed)
    outcome, trainer = foreign.train(plan)
    data, weights, epochs, held = shown(plan, trainer)
    steps, long = data.x[:]["x"], data.x[:]["lengths"].astype(int)
    steps[np.arange(7) >= long[:, None]] = -9
    model = keras.Sequential(
        [
            keras.Input((7, 2)),
            keras.layers.Masking(-9),
            keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True)),
            keras.layers.Dense(3),
        ]
    )
    model.set_weights(weights)
    alike(outcome, fitted(model, steps, data.y, epochs, held, ENTROPY, ["accuracy"]))


BOTH = """
    import keras

    def build(shape, outputs):
        image = keras.Input(shape["image"], name="image")
        meta = keras.Input(shape["meta"], name="meta")
        x = keras.layers.Flatten()(image)
        x = keras.layers.Concatenate()([x, keras.layers.Dense(3, "relu")(meta)])
        return keras.Model([meta, image], keras.layers.Dense(outputs)(x))

    def other(shape, outputs):
        image = keras.Input((4, 4), name="picture")
        return keras.Model(image, keras.layers.Dense(outputs)(keras.layers.Flatten()(image)))

    class Stepping(keras.Model):
        def train_step(self, data):
            return super().train_step(data)

    def stepping(shape, outputs):
        made = build(shape, outputs)
        return Stepping(made.inputs, made.outputs)
"""


def pairs():
    """Images and measurements of 90 cases in three classes."""
    generator = np.random.default_rng(3)
    y = np.arange(90) % 3
    image = generator.normal(size=(90, 4, 4)) + (y == 1)[:, None, None]
    return {"x/image": image, "x/meta": generator.normal(size=(90, 2)) + y[:, None], "y": y}


@row("several inputs, `x/NAME` in an `.npz`", "program; fed by name")
@row("the same with a `train_step` of its own", "fit; fed by name")
@pytest.mark.parametrize(("function", "engine"), [("build", "program"), ("stepping", "fit")])
def test_several_inputs(foreign, function, engine):
    """A model whose inputs stand in another order than the data's."""
    module = foreign.module(BOTH)
    plan = foreign.plan(foreign.arrays(**pairs()), f"{module}:{function}")
    outcome, trainer = foreign.train(plan)
    assert outcome.status == "completed", outcome.reason
    assert outcome.route == engine
    data, weights, epochs, held = shown(plan, trainer)
    import theirs

    model = theirs.build({"image": (4, 4), "meta": (2,)}, 3)
    model.set_weights(weights)
    alike(outcome, fitted(model, data.x[:], data.y, epochs, held, ENTROPY, ["accuracy"]))


@row("a model whose inputs are not those of the data", "refused at the rehearsal, with both lists")
def test_wrong_inputs_are_told_before_training(foreign):
    """Names and shapes of both."""
    module = foreign.module(BOTH)
    plan = foreign.plan(foreign.arrays(**pairs()), f"{module}:other")
    trial = plan.trial(plan.arms[0], {}, "confirm", 0)
    from harness.train import Trainer

    problem = Trainer(plan.card, foreign.places).rehearse(trial).problem
    assert "image (4, 4), meta (2,)" in problem
    assert "picture (4, 4)" in problem
    with pytest.raises(HarnessError, match="several inputs"):
        foreign.plan(foreign.arrays(**pairs()), "mlp")


OWN = """
    import keras

    def build(shape, outputs):
        assert outputs == 6
        return keras.Sequential([
            keras.Input(shape),
            keras.layers.Dense(3, "tanh", name="code"),
            keras.layers.Dense(outputs),
        ])

    class Stepping(keras.Model):
        def train_step(self, data):
            return super().train_step(data)

    def stepping(shape, outputs):
        made = build(shape, outputs)
        return Stepping(made.inputs, made.outputs)
"""


def measured():
    """Six numbers of 90 cases in three classes."""
    generator = np.random.default_rng(4)
    y = np.arange(90) % 3
    return {"x": (generator.normal(size=(90, 6)) + y[:, None]).astype(np.float32), "y": y}


@row('an autoencoder of one\'s own, `task = "reconstruction"`', "program")
@row("the same with a `train_step` of its own", "fit")
@pytest.mark.parametrize(("function", "engine"), [("build", "program"), ("stepping", "fit")])
def test_own_reconstruction(foreign, function, engine):
    """Trained as ``fit(x, x)``; the code is probed where there is a layer of that name."""
    module = foreign.module(OWN)
    plan = foreign.plan(foreign.arrays(**measured()), f"{module}:{function}", task="reconstruction")
    outcome, trainer = foreign.train(plan)
    assert outcome.status == "completed", outcome.reason
    assert outcome.route == engine
    data, weights, epochs, held = shown(plan, trainer)
    import theirs

    model = theirs.build((6,), 6)
    model.set_weights(weights)
    alike(
        outcome, fitted(model, data.x[:], data.x[:], epochs, held, "mse", ["mean_absolute_error"])
    )
    assert 0 < outcome.metrics["test/probe_accuracy@last"] <= 1


@row(
    "the same without a layer named `code`, whose code decides",
    "refused at the rehearsal, with the remedy",
)
@pytest.mark.parametrize("metric", ["probe_accuracy", "trustworthiness"])
@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_code_that_decides_has_to_be_there(foreign, metric, workers):
    """Nothing is trained; where something else decides, that it is missing is a note."""
    module = foreign.module(OWN.replace(', name="code"', ""))
    given = {
        "name": "codeless",
        "template": f"{module}:build",
        "task": "reconstruction",
        "factors": {"learning_rate": [0.01]},
        "fixed": {"epochs": 1, "batch_size": 32},
        "replicates": 1,
    }
    where = {"root": foreign.folder, "folders": foreign.places, "workers": workers}
    file = foreign.arrays(**measured())
    with pytest.raises(TemplateError, match=r"layer named 'code', because test/.* Name the layer"):
        run(Study(**given, dataset=file, metric=metric), **where)
    ended = run(Study(**given, dataset=file), **where)
    assert (ended.trained, ended.reused) == (1, 0)
    assert any("no layer named 'code'" in note for note in ended.notes)
    without = foreign.arrays("numbers.npz", x=measured()["x"], y=measured()["x"][:, :1])
    with pytest.raises(StudyError, match="which takes a class for each case"):
        run(Study(**given, dataset=without, metric="probe_accuracy"), **where)


@row("an autoencoder of one's own for anomalies, `normal = [0, 1]`", "program")
def test_own_anomalies(foreign):
    """Trained on the normal classes; the others are told by their error."""
    from sklearn.metrics import roc_auc_score

    module = foreign.module(OWN)
    plan = foreign.plan(foreign.arrays(**measured()), f"{module}:build", normal=[0, 1])
    outcome, trainer = foreign.train(plan)
    data, weights, epochs, held = shown(plan, trainer)
    import theirs

    model = theirs.build((6,), 6)
    model.set_weights(weights)
    alike(
        outcome, fitted(model, data.x[:], data.x[:], epochs, held, "mse", ["mean_absolute_error"])
    )
    errors = np.square(model.predict(data.x_test[:], verbose=0) - data.x_test[:]).mean(axis=1)
    assert outcome.metrics["test/auroc@last"] == pytest.approx(roc_auc_score(data.y_test, errors))


@row("an autoencoder of one's own for noise, `denoise = ...`", "program; trained on noisy inputs")
def test_own_denoising(foreign):
    """Noise in training as from a layer in front, and as fixed in validation, clean targets."""
    from harness.blocks.noise import GaussianNoise
    from harness.program import Corruption

    module = foreign.module(OWN)
    plan = foreign.plan(
        foreign.arrays(**measured()),
        f"{module}:build",
        denoise={"name": "gaussian", "stddev": 0.5},
    )
    outcome, trainer = foreign.train(plan)
    data, weights, epochs, held = shown(plan, trainer)
    import theirs

    noise = GaussianNoise(0.5)
    stream = seeds.stream(1, "confirm", 0, "noise")
    noise.seed_generator.state.assign([int(stream.integers(2**31)), 0])
    inner = theirs.build((6,), 6)
    inner.set_weights(weights)
    inputs = keras.Input((6,))
    model = keras.Model(inputs, inner(noise(inputs)))
    fixed = Corruption(GaussianNoise(0.5), (1, "confirm", 0))
    seen = data.x[:].copy()
    model.compile(
        keras.optimizers.Adam(0.01), "mse", metrics=["mean_absolute_error"], jit_compile=False
    )
    curve = []
    for cases in epochs:
        train = model.fit(
            data.x[cases], data.x[cases], batch_size=32, shuffle=False, verbose=0
        ).history
        seen = np.asarray(fixed(data.x[held], "val"))
        val = model.evaluate(seen, data.x[held], verbose=0, return_dict=True)
        curve.append(
            {name: numbers[0] for name, numbers in train.items()}
            | {f"val_{name}": number for name, number in val.items()}
        )
    assert outcome.curve[0].quantities["train/loss"] != outcome.curve[0].quantities["val/loss"]
    alike(outcome, curve)
