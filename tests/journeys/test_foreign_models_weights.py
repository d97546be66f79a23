"""Other people's weights and ways of making them, against plain Keras."""

from __future__ import annotations

import importlib
import json

import keras
import numpy as np
import pytest
from fitting import assert_same_curve, curve_of, drawn
from foreign import row
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from harness import cli, datasets, initial
from harness.train import Trainer

pytestmark = [
    # Keras reads its variables in a way that NumPy is going to refuse.
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    # A model without a build of its own is built by a call, which Keras recommends.
    pytest.mark.filterwarnings(r"ignore:`build\(\)` was called"),
]

HEAD = """
    import keras
    import numpy as np
    from pathlib import Path

    HERE = Path(__file__).parent
"""


def numbers(foreign, cases=120, width=4, classes=3, name="theirs.npz"):
    """Classes that can be told apart; where the file is."""
    y = np.arange(cases) % classes
    x = np.random.default_rng(0).normal(size=(cases, width)) + 2 * np.eye(classes, width)[y]
    return foreign.arrays(name, x=x.astype(np.float32), y=y)


def network_of(trainer):
    """The network of the only program."""
    ((compiled,),) = trainer.programs.values()
    return compiled.network


def by_fit(plan, network):
    """The curve of the first arm's trial by plain Keras, from the same weights, in the same order.

    Args:
        plan: of the study.
        network: that was trained; its weights are drawn again.
    """
    trial = plan.trial(plan.arms[0], {}, "confirm", 0)
    data = datasets.load(plan.card)
    model = importlib.import_module("theirs").build(plan.card.shape, plan.card.outputs)
    model(data.x[:2])  # builds what waits for data
    values = initial.draw(network.weights, trial)
    made = {id(one.variable): value for one, value in zip(network.weights, values, strict=True)}
    model.set_weights([made[id(variable)] for variable in network.model.weights])
    model.compile(
        optimizer=keras.optimizers.Adam(trial.settings["learning_rate"]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    epochs, held = drawn(trial, data)
    curve = []
    for cases in epochs:
        history = model.fit(
            data.x[cases],
            data.y[cases],
            batch_size=trial.settings["batch_size"],
            shuffle=False,
            verbose=0,
            validation_data=(data.x[held], data.y[held]),
        ).history
        curve += curve_of(history)
    return curve


@pytest.fixture(scope="module")
def fitted():
    """A logistic regression of digits: inputs, classes, weights and bias."""
    data = load_digits()
    x, y = (data.data[:600] / 16).astype(np.float32), data.target[:600]
    found = LogisticRegression(max_iter=300, C=10).fit(x, y)
    return x, y, found.coef_.T.astype(np.float32), found.intercept_.astype(np.float32)


WAYS = {
    "set_weights": "model.set_weights([given['kernel'], given['bias']])",
    "assign": "model.layers[0].kernel.assign(given['kernel']); "
    "model.layers[0].bias.assign(given['bias'])",
    "load_weights": "model.load_weights(HERE / 'w.weights.h5')",
    "legacy": "model.load_weights(HERE / 'w.h5')",
    "load_model": "model = keras.saving.load_model(HERE / 'w.keras')",
}


def bring(foreign, fitted, how):
    """A plan of a template that brings fitted weights along in one of the ways there are."""
    x, y, kernel, bias = fitted
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    model.set_weights([kernel, bias])
    model.save_weights(foreign.folder / "w.weights.h5")
    model.save(foreign.folder / "w.keras")
    if how == "legacy":
        model.save(foreign.folder / "w.h5")
    np.savez(foreign.folder / "w.npz", kernel=kernel, bias=bias)
    foreign.module(f"""{HEAD}
    def build(shape, outputs):
        given = np.load(HERE / "w.npz")
        model = keras.Sequential([keras.Input(shape), keras.layers.Dense(outputs)])
        {WAYS[how]}
        return model
    """)
    file = foreign.arrays(x=x, y=y)
    return foreign.plan(file, factors={"learning_rate": [1e-6]}, fixed={"epochs": 1})


@row("a model that brings fitted weights (`set_weights`, `assign`)", "program, starting from them")
def test_fitted_weights(foreign, fitted):
    """A tiny learning rate leaves them as they are: what scikit-learn knew is still known."""
    outcome, _ = foreign.train(bring(foreign, fitted, "set_weights"))
    assert outcome.route == "program"
    assert outcome.metrics["test/accuracy@last"] > 0.98


@row("weights from a file (`load_weights`), or a saved model (`.keras`)", "program; they are kept")
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_ways_of_bringing_weights(foreign, fitted, how):
    """Each is noticed, to the last bit."""
    plan = bring(foreign, fitted, how)
    trial = plan.trial(plan.arms[0], {}, "confirm", 0)
    (network,) = Trainer(plan.card, foreign.places).networks(trial)
    kernel, bias = initial.draw(network.weights, trial)
    assert np.array_equal(kernel, fitted[2])
    assert np.array_equal(bias, fitted[3])
    (note,) = network.notes
    assert note.startswith("2 of 2 weights start from values that the template brings along (")
    assert "dense/kernel" in note
    assert "): the same in every replicate. Their content has the hash " in note


@row("a frozen table of word vectors (`Embedding(weights=[W])`)", "program; the table is kept")
def test_word_vectors(foreign):
    """Good words point one way, bad ones the other: a table tells them apart without a mistake."""
    generator = np.random.default_rng(1)
    table = generator.normal(size=(200, 16)).astype(np.float32)
    table[:100] += 2
    table[100:] -= 2
    np.save(foreign.folder / "table.npy", table)
    foreign.module(f"""{HEAD}
    def build(shape, outputs):
        table = np.load(HERE / "table.npy")
        inputs = keras.Input(shape)
        known = keras.layers.Embedding(*table.shape, weights=[table], trainable=False)
        x = keras.layers.GlobalAveragePooling1D()(known(inputs))
        return keras.Model(inputs, keras.layers.Dense(outputs)(x))
    """)
    y = np.arange(300) % 2
    # A word that was not seen in training is known all the same.
    words = np.where(np.arange(300) < 240, 50, 100)[:, None]
    file = foreign.arrays(x=generator.integers(words, size=(300, 6)) + 100 * y[:, None], y=y)
    plan = foreign.plan(file, factors={"learning_rate": [0.05]}, fixed={"epochs": 5})
    outcome, _ = foreign.train(plan)
    assert outcome.metrics["test/accuracy@last"] == 1.0
    assert outcome.notes[0].startswith(
        "1 of 3 weights start from values that the template brings along (embedding/embeddings):"
    )


@row("batch normalization that brings its moving statistics", "program; they are kept")
def test_moving_statistics(foreign):
    """A learning rate of almost nothing: what is measured goes by what was brought along."""
    foreign.module(f"""{HEAD}
    def build(shape, outputs):
        inputs = keras.Input(shape)
        norm = keras.layers.BatchNormalization(momentum=1.0)
        model = keras.Model(inputs, keras.layers.Dense(outputs)(norm(inputs)))
        norm.moving_mean.assign(np.arange(shape[0]) + 5.0)
        return model
    """)
    plan = foreign.plan(numbers(foreign))
    outcome, trainer = foreign.train(plan)
    (mean,) = [
        np.asarray(one.variable)
        for one in network_of(trainer).weights
        if one.variable.path.endswith("moving_mean")
    ]
    assert mean == pytest.approx(np.arange(4) + 5.0)
    assert "batch_normalization/moving_mean" in outcome.notes[0]
    assert_same_curve(outcome, by_fit(plan, network_of(trainer)), 1e-4)


def test_what_is_not_brought_along_is_drawn(foreign):
    """Replicates share what was kept, and nothing else; a constant is not worth a note."""
    foreign.module(f"""{HEAD}
    def build(shape, outputs):
        inputs = keras.Input(shape)
        first = keras.layers.Dense(5, kernel_initializer=keras.initializers.HeNormal(seed=3))
        second = keras.layers.Dense(outputs, bias_initializer="ones")
        model = keras.Model(inputs, second(first(inputs)))
        second.kernel.assign(np.arange(5 * outputs).reshape(5, outputs) / 10)
        return model
    """)
    plan = foreign.plan(numbers(foreign), replicates=2)
    trials = [plan.trial(plan.arms[0], {}, "confirm", replicate) for replicate in (0, 1)]
    (network,) = Trainer(plan.card, foreign.places).networks(trials[0])
    one, other = (initial.draw(network.weights, trial) for trial in trials)
    assert not np.array_equal(one[0], other[0])
    assert np.array_equal(one[2], np.arange(15, dtype=np.float32).reshape(5, 3) / np.float32(10))
    assert np.array_equal(one[2], other[2])
    (note,) = network.notes
    assert note.startswith("1 of 4 weights start from values that the template brings along (den")
    assert "(dense_1/kernel)" in note


def test_arms_alike_are_told_once(foreign):
    """However often Keras has counted its layers, and whichever program it is."""
    foreign.module(f"""{HEAD}
    def build(shape, outputs, *, act="relu"):
        model = keras.Sequential([
            keras.Input(shape), keras.layers.Dense(4, activation=act), keras.layers.Dense(outputs)
        ])
        model.layers[0].kernel.assign(np.eye(*model.layers[0].kernel.shape))
        return model
    """)
    plan = foreign.plan(numbers(foreign), factors={"act": ["relu", "tanh"]})
    trainer = Trainer(plan.card, foreign.places)
    notes = [trainer.rehearse(plan.trial(arm, {}, "confirm", 0)).notes for arm in plan.arms]
    assert notes[0] == notes[1]
    assert len(notes[0]) == 1


@row("layers that are made when the module is imported", "refused: create them in the function")
def test_made_at_import(foreign):
    """The second network would begin where the first has ended."""
    foreign.module(f"""{HEAD}
    SHARED = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])

    def build(shape, outputs):
        return SHARED
    """)
    plan = foreign.plan(numbers(foreign))
    problem = (
        Trainer(plan.card, foreign.places)
        .rehearse(plan.trial(plan.arms[0], {}, "confirm", 0))
        .problem
    )
    assert "made before. Create its layer, or load its model, inside of the function." in problem


@row("a network of `keras.applications`, without weights or from a file", "program")
@pytest.mark.slow
def test_applications(foreign):
    """Random ones are drawn for each replicate, those of a file are kept."""
    make = keras.applications.MobileNetV2
    stock = make(input_shape=(32, 32, 3), alpha=0.35, weights=None, include_top=False)
    rng = np.random.default_rng(0)
    kernels = [weight for weight in stock.weights if weight.path.endswith("kernel")]
    for weight in kernels:
        weight.assign(rng.normal(size=weight.shape))
    stock.save_weights(foreign.folder / "base.weights.h5")
    foreign.module(f"""{HEAD}
    def build(shape, outputs, *, weights=None):
        base = keras.applications.MobileNetV2(
            input_shape=shape, alpha=0.35, include_top=False, pooling="avg",
            weights=weights and str(HERE / weights),
        )
        return keras.Sequential([base, keras.layers.Dense(outputs)])
    """)
    file = foreign.arrays(x=np.zeros((80, 32, 32, 3), np.float32), y=np.arange(80) % 2)
    for given, kept in ({}, 0), ({"weights": "base.weights.h5"}, len(kernels)):
        plan = foreign.plan(file, fixed=given)
        trial = plan.trial(plan.arms[0], {}, "confirm", 0)
        (network,) = Trainer(plan.card, foreign.places).networks(trial)
        brought = [one for one in network.weights if one.kept is not None]
        assert len(brought) == kept
        assert len(network.notes) == bool(kept)


MODELS = {
    "subclassed": """
    class Net(keras.Model):
        def __init__(self, outputs):
            super().__init__()
            self.hidden = keras.layers.Dense(8, activation="relu")
            self.norm = keras.layers.BatchNormalization()
            self.out = keras.layers.Dense(outputs)

        def call(self, inputs, training=False):
            return self.out(self.norm(self.hidden(inputs), training=training))

    def build(shape, outputs):
        return Net(outputs)
    """,
    "sequential": """
    def build(shape, outputs):
        return keras.Sequential([
            keras.layers.Dense(8, activation="relu"), keras.layers.Dense(outputs)
        ])
    """,
    "variables": """
    class Scale(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.gain = keras.Variable(1.5)
            self.shift = keras.Variable(np.arange(6, dtype="float32"))

        def build(self, shape):
            self.mix = keras.Variable("he_normal", shape=(shape[-1], 6), dtype="float32")

        def call(self, inputs):
            return keras.ops.tanh(self.gain * (inputs @ self.mix) + self.shift)

    class Net(keras.Model):
        def __init__(self, outputs):
            super().__init__()
            self.scale = Scale()
            self.kernel = keras.Variable(
                keras.initializers.GlorotUniform(), shape=(6, outputs), dtype="float32"
            )

        def call(self, inputs):
            return self.scale(inputs) @ self.kernel

    def build(shape, outputs):
        return Net(outputs)
    """,
    "built": """
    class Net(keras.Model):
        def __init__(self, outputs):
            super().__init__()
            self.out = keras.layers.Dense(outputs)

        def call(self, inputs):
            return self.out(inputs)

    def build(shape, outputs):
        model = Net(outputs)
        model.build((None, *shape))
        return model
    """,
}


@row("a subclassed `keras.Model`, built or not", "program")
@row("a `Sequential` without an input", "program")
@row("`keras.Variable` assigned in a layer or a model", "program; from an array it is kept")
@pytest.mark.parametrize(
    "name",
    [
        "subclassed",
        "variables",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("sequential", "built")),
    ],
)
def test_ways_of_making_a_model(foreign, name):
    """Each trains as plain Keras trains it."""
    foreign.module(HEAD + MODELS[name])
    plan = foreign.plan(numbers(foreign))
    outcome, trainer = foreign.train(plan)
    assert outcome.route == "program"
    network = network_of(trainer)
    assert network.output_shape == (None, 3)
    assert_same_curve(outcome, by_fit(plan, network), 1e-4)
    assert [note[:12] for note in network.notes] == ["1 of 4 weigh"] * (name == "variables")


@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_returns_is_known(foreign, name):
    """Whether it tells or not; what waited for data is built."""
    foreign.module(HEAD + MODELS[name])
    plan = foreign.plan(numbers(foreign))
    trial = plan.trial(plan.arms[0], {}, "confirm", 0)
    (network,) = Trainer(plan.card, foreign.places).networks(trial)
    assert network.output_shape == (None, 3)
    assert len(network.weights) == len(network.model.weights) > 1


def test_variables_of_an_initializer_are_drawn(foreign):
    """For each replicate anew, as those of ``add_weight``."""
    foreign.module(HEAD + MODELS["variables"])
    plan = foreign.plan(numbers(foreign), replicates=2)
    trials = [plan.trial(plan.arms[0], {}, "confirm", replicate) for replicate in (0, 1)]
    (network,) = Trainer(plan.card, foreign.places).networks(trials[0])
    draws = [initial.draw(network.weights, trial) for trial in trials]
    differ = {
        one.variable.path.rpartition("/")[2].partition("_")[0]
        + str(tuple(one.variable.shape)): not np.array_equal(*pair)
        for one, pair in zip(network.weights, zip(*draws, strict=True), strict=True)
    }
    assert differ == {
        "variable()": False,
        "variable(6,)": False,
        "variable(6, 3)": True,
        "variable(4, 6)": True,
    }


STEP = """
    class Own(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.tracker = keras.metrics.Mean(name="their_loss")

        @property
        def metrics(self):
            return [self.tracker]

        def train_step(self, data):
            import tensorflow as tf

            x, y = data[:2]
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
            kernels = self.trainable_weights
            self.optimizer.apply(tape.gradient(loss, kernels), kernels)
            self.tracker.update_state(loss)
            return {"their_loss": self.tracker.result()}

        def test_step(self, data):
            return {"their_loss": 7.0}

    def build(shape, outputs):
        inputs = keras.Input(shape)
        model = OWN(inputs, keras.layers.Dense(outputs)(inputs))
        model.layers[-1].kernel.assign(np.eye(shape[0], outputs))
        return model
"""


@row("a `train_step` with metrics of its own names", "fit; loss and metrics are the study's own")
@pytest.mark.parametrize("hidden", [True, False])
def test_own_train_step(foreign, hidden):
    """The same numbers as by the compiled program, from the same kept and drawn weights.

    Whether or not the model hides the metrics that it is compiled with.
    """
    text = STEP if hidden else STEP.replace("def metrics(self)", "def unused(self)")
    foreign.module(HEAD + text.replace("OWN", "Own"))
    plan = foreign.plan(numbers(foreign))
    own, trainer = foreign.train(plan)
    assert (own.status, own.route) == ("completed", "fit"), own.reason
    foreign.module(HEAD + STEP.replace("OWN", "keras.Model"), "stock")
    stock, other = foreign.train(foreign.plan(plan.study.dataset, "stock:build"))
    assert stock.route == "program"
    for one, two in zip(own.curve, stock.curve, strict=True):
        assert one.quantities.keys() == two.quantities.keys()
        for name in one.quantities:
            if name.startswith("val/"):
                assert one.quantities[name] == pytest.approx(two.quantities[name], rel=1e-4), name
    assert own.metrics.keys() == stock.metrics.keys()
    for name, number in own.metrics.items():
        if name.startswith("test/"):
            assert number == pytest.approx(stock.metrics[name], rel=1e-4), name
    assert own.notes[1].startswith("train/loss, train/crossentropy, train/accuracy: not reported")
    final = network_of(trainer).model
    data = datasets.load(plan.card)
    train = drawn(plan.trial(plan.arms[0], {}, "confirm", 0), data)[0][0]
    right = np.argmax(final(data.x[train]), axis=-1) == data.y[train]
    last = own.curve[-1].quantities["train/accuracy"]
    if own.best_epoch == len(own.curve) - 1:
        assert last == pytest.approx(right.mean())
    assert network_of(other).notes == network_of(trainer).notes


@row("a model with a second optimizer of its own", "refused: its state cannot be begun anew")
def test_second_optimizer(foreign):
    """Replicates would share it."""
    foreign.module(
        HEAD
        + STEP.replace("OWN", "Own").replace(
            "self.tracker = ", "self.inner = keras.optimizers.SGD(); self.tracker = "
        )
    )
    outcome, _ = foreign.train(foreign.plan(numbers(foreign)))
    assert outcome.status == "failed"
    assert "a model with an optimizer of its own, 'inner'" in outcome.reason


@row(
    "weights in a file beside the module",
    "a changed file is another study's weights: trained again",
)
def test_changed_files(foreign):
    """The file that a module names is part of what a trial is."""
    np.save(foreign.folder / "table.npy", np.eye(4))
    foreign.module(f"""{HEAD}
    def build(shape, outputs):
        return keras.Sequential([keras.Input(shape), keras.layers.Dense(outputs)])

    TABLE = HERE / "table.npy"
    """)
    file = numbers(foreign)

    def key():
        plan = foreign.plan(file)
        return plan.trial(plan.arms[0], {}, "confirm", 0).key

    before = key()
    assert key() == before
    np.save(foreign.folder / "table.npy", 2 * np.eye(4))
    assert key() != before


def test_check_says_what_is_brought_along(foreign, capsys):
    """With ``--models``; without, it runs no code and says where to look."""
    foreign.module(HEAD + STEP.replace("OWN", "keras.Model"))
    numbers(foreign)
    (foreign.folder / "s.toml").write_text(
        'schema = 1\nname = "s"\ntemplate = "theirs:build"\ndataset = "theirs.npz"\n'
        "[factors]\nlearning_rate = [0.1, 0.2]\n"
    )
    assert cli.check("s.toml") == 0
    assert "networks:   not built: that runs your code. --models does" in capsys.readouterr().out
    assert cli.check("s.toml", models=True) == 0
    shown = capsys.readouterr().out
    assert "networks:   1 built" in shown
    assert "networks:   1 of 2 weights start from values that the template brings" in shown
    assert cli.check("s.toml", models=True, as_json=True) == 0
    (built,) = json.loads(capsys.readouterr().out)["models"]
    assert built["notes"][0].startswith("1 of 2 weights")


def test_plan_shows_subclassed_models(foreign, capsys):
    """Even with a layer that is never called."""
    foreign.module(
        HEAD
        + MODELS["subclassed"].replace(
            "self.out =", "self.spare = keras.layers.Dense(2); self.out ="
        )
    )
    numbers(foreign)
    (foreign.folder / "s.toml").write_text(
        'schema = 1\nname = "s"\ntemplate = "theirs:build"\ndataset = "theirs.npz"\n'
        "[factors]\nlearning_rate = [0.1, 0.2]\n"
    )
    assert cli.plan("s.toml", models=True, as_json=True) == 0
    (built,) = json.loads(capsys.readouterr().out)["models"]
    assert built["parameters"] == 4 * 8 + 8 + 16 + 8 * 3 + 3
    assert [layer[3] for layer in built["layers"]] == [40, 32, 0, 27]
