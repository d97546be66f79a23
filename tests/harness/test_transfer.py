"""Trainings that start from others, beside the same in plain Keras."""

from __future__ import annotations

import math
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from fitting import stock_model

from harness import datasets, design, initial, objects, seeds
from harness.errors import StudyError, TemplateError
from harness.spec import Study
from harness.train import Trainer, cases

LOW = {"name": "digits", "classes": [0, 1, 2]}
HIGH = {"name": "digits", "classes": [6, 7, 8, 9]}
SOURCES = {"low": {"dataset": LOW, "fixed": {"epochs": 2, "batch_size": 50, "learning_rate": 0.01}}}
FIXED = {
    "mlp": {"units": [12, 10]},
    "cnn": {"filters": [4, 6], "units": [8]},
    "rnn": {"units": [8]},
}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def lay(template="mlp", *, source="low", sources=SOURCES, folders=(), data=HIGH, **fixed):
    """A plan of one arm that starts from digits 0-2, and is judged on 6-9."""
    usual = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01, **FIXED.get(template, {})}
    study = Study(
        name="small",
        template=template,
        dataset=data,
        factors={"source": [source]},
        fixed=usual | fixed,
        sources=sources,
    )
    return design.plan(study, datasets.describe_all(study, folders), folders)


class Run:
    """A trial that was trained with what it needs, and all that is left of it.

    Args:
        laid: a plan of one arm.
        folder: in which weights are kept.
        trainer: trains it.
        known: hashes of the weights of sources, by key; more are added.
        phase: of the trial.
    """

    def __init__(self, laid, folder, trainer, known, phase="tune"):
        self.laid, self.trainer = laid, trainer
        self.trial = laid.trial(laid.arms[0], {}, phase, 0)
        self.stored = {}
        for source in self.trial.needs:
            if source.key not in known:
                outcome = trainer.run(source, hands_on=True)
                assert outcome.status == "completed", outcome.reason
                known[source.key] = outcome.artifacts[-1].digest
            kept = objects.read_arrays(folder, known[source.key])
            paths = [one.variable.path for one in self.programs(source)[-1].network.weights]
            self.stored = {path: kept[str(place)] for place, path in enumerate(paths)}
        given = [known[source.key] for source in self.trial.needs]
        self.outcome = trainer.run(self.trial, given=given)
        assert self.outcome.status == "completed", self.outcome.reason
        self.stages = self.programs(self.trial)

    def programs(self, trial):
        """Compiled programs of a trial, one per stage."""
        return self.trainer.programs[design.program_key(trial, self.laid.card)]

    def losses(self, stage=""):
        """Loss in training and validation of every epoch of a stage."""
        found = [one for one in self.outcome.curve if one.stage == stage]
        return [[one.quantities[f"{part}/loss"] for part in ("train", "val")] for one in found]

    def weights(self, stage=-1):
        """Arrays of a stage by path, as they are now."""
        return {one.path: one.numpy() for one in self.stages[stage].network.model.weights}

    def start(self, stage=-1, make=stock_model):
        """The network as a Keras user makes it, with the weights that the trial draws."""
        network = self.stages[stage].network
        drawn = initial.draw([replace(one, taken=None) for one in network.weights], self.trial)
        paths = [one.variable.path for one in network.weights]
        arrays = dict(zip(paths, drawn, strict=True))
        model = make(self.trial, self.laid.card)
        model.set_weights([arrays[one.path] for one in model.weights])
        return model

    def take(self, model, layers):
        """Fill layers of a model with the weights that were stored of the source."""
        for name in layers:
            layer = model.get_layer(name)
            layer.set_weights([self.stored[one.path] for one in layer.weights])

    def orders(self, count, *stage):
        """Order of the training cases in every epoch."""
        stream = seeds.salted(self.trial, "order", *stage)
        size = len(self.cases.y_train)
        return [seeds.permutation(stream, size) for _ in range(count)]

    @property
    def cases(self):
        """The data of the trial."""
        return cases(self.trial, self.laid.card)


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Trains the arm of a plan; trials of all tests share programs and sources."""
    folder, trainers, known = tmp_path_factory.mktemp("kept"), {}, {}

    def trained(laid, **given):
        name = laid.card.digest, *(one.digest for one in laid.card.sources.values())
        if name not in trainers:
            trainers[name] = Trainer(laid.card, [], keep=folder)
        return Run(laid, folder, trainers[name], known, **given)

    return trained


def freeze(model, layers):
    """Layers that are not trained."""
    for name in layers:
        model.get_layer(name).trainable = False


def fit(model, run, orders, rate=0.01):
    """Losses of every epoch, as ``fit`` reports them."""
    given, size = run.cases, run.trial.settings["batch_size"]

    def batches():
        for order in orders:
            for start in range(0, len(order), size):
                part = order[start : start + size]
                yield given.x_train[part], given.y_train[part]

    model.compile(optimizer=keras.optimizers.Adam(rate), loss=LOSS, jit_compile=False)
    history = model.fit(
        batches(),
        epochs=len(orders),
        steps_per_epoch=math.ceil(len(given.y_train) / size),
        validation_data=(given.x_val, given.y_val),
        shuffle=False,
        verbose=0,
    ).history
    return np.transpose([history["loss"], history["val_loss"]])


def assert_same_weights(model, found, tolerance=1e-5):
    """All weights of a model are the found ones."""
    for one in model.weights:
        np.testing.assert_allclose(found[one.path], one.numpy(), atol=tolerance, err_msg=one.path)


# -- equal to Keras -------------------------------------------------------------------------------

MLP = ["hidden_1", "hidden_1_normalization", "hidden_2", "hidden_2_normalization"]


@pytest.mark.parametrize(
    ("given", "taken", "frozen"),
    [
        ({}, 4, 0),
        pytest.param({"frozen_layers": 1}, 4, 2, marks=pytest.mark.slow),
        ({"frozen_layers": "all"}, 4, 4),
        pytest.param({"source_layers": 1, "frozen_layers": "all"}, 2, 2, marks=pytest.mark.slow),
        ({"frozen_normalization": True}, 4, "norm"),
    ],
)
def test_a_start_equals_set_weights(train, given, taken, frozen):
    """Losses of every epoch and all weights, moving statistics included."""
    run = train(lay(normalization="batch", **given))
    model = run.start()
    assert [one.name for one in model.layers if one.weights] == [*MLP, "outputs"]
    run.take(model, MLP[:taken])
    kept = [name for name in MLP if "norm" in name] if frozen == "norm" else MLP[:frozen]
    freeze(model, kept)
    before = {one.path: one.numpy() for one in model.weights}
    assert run.losses() == pytest.approx(fit(model, run, run.orders(3)), abs=1e-5)
    assert_same_weights(model, run.weights(), 2e-5)
    for path, array in run.weights().items():
        still = np.array_equal(array, before[path])
        assert still == (path.split("/")[0] in kept), path


@pytest.mark.slow
def test_the_head_first_equals_two_fits(train):
    """What is new for two epochs, then all that is not frozen, each with a new optimizer."""
    laid = lay("cnn", normalization="batch", frozen_layers=1, source_layers=2, head_epochs=2)
    run = train(laid)
    assert [one.stage for one in run.outcome.curve] == ["head"] * 2 + [""] * 3
    model = run.start(0)
    names = [one.name for one in model.layers if one.weights]
    first, both = names[:2], names[:4]
    run.take(model, both)
    freeze(model, both)
    found = fit(model, run, run.orders(2, "stage", "head"))
    assert run.losses("head") == pytest.approx(found, abs=1e-5)
    for layer in model.layers:
        layer.trainable = layer.name not in first
    assert run.losses() == pytest.approx(fit(model, run, run.orders(3)), abs=1e-5)
    assert_same_weights(model, run.weights(), 2e-5)


def by_hand(model, run, orders, update, penalty=lambda: 0.0):
    """Losses of every epoch of a loop of one's own; ``update`` is given loss and its tape."""
    given, size = run.cases, run.trial.settings["batch_size"]
    curve = []
    for order in orders:
        total = 0.0
        for start in range(0, len(order), size):
            part = order[start : start + size]
            with tf.GradientTape() as tape:
                outputs = model(given.x_train[part], training=True)
                loss = LOSS(given.y_train[part], outputs) + penalty()
            update(tape, loss)
            total += float(loss) * len(part)
        held = LOSS(given.y_val, model(given.x_val, training=False)) + penalty()
        curve.append([total / len(order), float(held)])
    return curve


@pytest.mark.parametrize("frozen", [pytest.param("none", marks=pytest.mark.slow), 1])
def test_every_layer_has_an_adam_of_its_own(train, frozen):
    """Rates, not gradients, are divided: with one Adam these would make no difference."""
    run = train(lay(layer_decay=2.6, frozen_layers=frozen, epochs=2))
    above = ["hidden_1", "hidden_2", "outputs"][0 if frozen == "none" else 1 :]
    ends = {}
    for way in ("rates", "gradients"):
        model = run.start()
        run.take(model, ["hidden_1", "hidden_2"])
        groups = [model.get_layer(name).trainable_variables for name in above]
        factors = [2.6**-depth for depth in reversed(range(len(above)))]
        scaled = way == "gradients"
        several = [keras.optimizers.Adam(0.01 * (1 if scaled else one)) for one in factors]

        def update(tape, loss, several=several, groups=groups, factors=factors, scaled=scaled):
            found = tape.gradient(loss, [[one.value for one in group] for group in groups])
            for own, group, gradients, factor in zip(several, groups, found, factors, strict=True):
                own.apply([one * factor if scaled else one for one in gradients], group)

        ends[way] = by_hand(model, run, run.orders(2), update), model
    curve, model = ends["rates"]
    assert len(run.orders(1)[0]) > 14 * 32
    assert run.losses() == pytest.approx(np.array(curve), abs=1e-6)
    # Features of all cases at once are rounded otherwise than those of a batch.
    assert_same_weights(model, run.weights(), 1e-6 if frozen == "none" else 1e-5)
    assert run.losses() != pytest.approx(np.array(ends["gradients"][0]), abs=1e-2)


@pytest.mark.parametrize("amount", [pytest.param(0.1, marks=pytest.mark.slow), 2.0])
def test_the_distance_to_the_start_is_part_of_the_loss(train, amount):
    """Beside another penalty, which acts on the same weights."""
    given = {"regularizer": {"name": "l2", "l2": 0.01}, "frozen_layers": 1, "epochs": 2}
    run = train(lay(l2_sp=amount, **given))
    model = run.start()
    run.take(model, ["hidden_1", "hidden_2"])
    freeze(model, ["hidden_1"])
    second = model.get_layer("hidden_2")
    start = [one.numpy() for one in second.weights]
    adam = keras.optimizers.Adam(0.01)

    def penalty():
        away = zip(second.weights, start, strict=True)
        moved = sum(tf.reduce_sum((one.value - before) ** 2) for one, before in away)
        return amount / 2 * moved + tf.add_n(model.losses)

    def update(tape, loss):
        variables = model.trainable_variables
        adam.apply(tape.gradient(loss, [one.value for one in variables]), variables)

    curve = by_hand(model, run, run.orders(2), update, penalty)
    assert run.losses() == pytest.approx(np.array(curve), abs=1e-5)
    assert_same_weights(model, run.weights(), 2e-5)


def with_head(widths):
    """A network whose layers behind the first one are new."""

    def make(trial, card):
        first = stock_model(trial, card)
        x = first.get_layer("hidden_1_activation").output
        for place, width in enumerate(widths, start=1):
            x = keras.layers.Dense(width, "tanh", name=f"new_{place}")(x)
        x = keras.layers.Dense(card.outputs, name="new_outputs")(x)
        return keras.Model(first.inputs, x)

    return make


@pytest.mark.parametrize("widths", [pytest.param([], marks=pytest.mark.slow), [7, 6]])
def test_a_new_head_equals_a_model_made_so(train, widths):
    """Behind the first layer and its activation; its kernels are drawn as the others are."""
    run = train(lay(new_head=widths, source_layers=1, frozen_layers="all", activation="tanh"))
    model = run.start(make=with_head(widths))
    run.take(model, ["hidden_1"])
    freeze(model, ["hidden_1"])
    assert run.losses() == pytest.approx(fit(model, run, run.orders(3)), abs=1e-5)
    assert_same_weights(model, run.weights(), 2e-5)


def test_a_source_is_trained_as_it_would_be_alone(train):
    """Handing on changes nothing, and what is handed on is of the best epoch, not of the last."""
    steep = {"epochs": 4, "batch_size": 50, "learning_rate": 1.0}
    laid = lay(sources={"low": {"dataset": LOW, "fixed": steep}}, epochs=1)
    run = train(laid)
    (trial,) = run.trial.needs
    trainer = Trainer(laid.sources["low"].card, [])
    alone = trainer.run(trial)
    assert alone.best_epoch < 3
    assert run.trainer.run(trial).curve == alone.curve
    ((compiled,),) = trainer.programs.values()
    best = compiled.program.keep_best()
    for one, array in zip(compiled.network.weights, best, strict=True):
        np.testing.assert_array_equal(run.stored[one.variable.path], array)


def test_what_a_reader_is_told(train):
    """Of the layers that were taken over, and of those that are not trained."""
    run = train(lay(frozen_layers="all", normalization="batch"))  # which another test compiles
    told = " ".join(run.outcome.notes)
    assert "10 of 12 weights from the best epoch of its source" in told
    assert f"layers that are not trained: {', '.join(MLP)}" in told


# -- what cannot be built -------------------------------------------------------------------------

OWN = """
import keras

from harness.players import Player, Stage


def unnamed(shape, outputs):
    return keras.Sequential([
        keras.Input(shape),
        keras.layers.Flatten(),
        keras.layers.Dense(6, activation="tanh"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(5, activation="tanh"),
        keras.layers.Dense(outputs),
    ])


class Called(keras.Model):
    def __init__(self, outputs):
        super().__init__()
        self.flat = keras.layers.Flatten()
        self.first = keras.layers.Dense(6, activation="tanh")
        self.second = keras.layers.Dense(5, activation="tanh")
        self.last = keras.layers.Dense(outputs)

    def call(self, x):
        return self.last(self.second(self.first(self.flat(x))))


def called(shape, outputs):
    return Called(outputs)


def played(shape, outputs):
    return Stage(model=unnamed(shape, outputs), players=(Player(name="one"),))


def staged(shape, outputs):
    return tuple(Stage(name=name, model=unnamed(shape, outputs)) for name in ("a", "b"))


def sized(shape, outputs):
    return keras.Sequential([
        keras.Input(shape),
        keras.layers.Flatten(),
        keras.layers.Dense(3 * outputs),
        keras.layers.Dense(outputs),
    ])


def alone(shape, outputs):
    return keras.Sequential([
        keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(outputs)
    ])
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder with a module of a user's, and a function that trains or builds with it."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "startnets.py").write_text(OWN)
    return folder


def built(laid, folder=None):
    """The networks of the arm of a plan."""
    trainer = Trainer(laid.card, [folder] if folder else [])
    return trainer.networks(laid.trial(laid.arms[0], {}, "tune", 0))


def test_residual_blocks_are_cut_between(own):
    """Behind a whole block only; within one there is another way around."""
    given = {"block": "residual", "filters": [3, 4], "new_head": []}
    said = []
    for count in range(1, 6):
        try:
            built(lay("cnn", source_layers=count, **given))
        except TemplateError as error:
            said.append((count, str(error)))
    assert said, "some place is within a block"
    for _, one in said:
        assert "branches around" in one
        assert "Choose another 'source_layers'" in one


@pytest.mark.parametrize(
    ("template", "given", "said"),
    [
        ("mlp", {"source_layers": 3}, "expected source_layers from 1 to 2"),
        ("mlp", {"source_layers": 1, "frozen_layers": 2}, "expected frozen_layers up to 1"),
        ("mlp", {"frozen_layers": 3}, "expected frozen_layers up to 2"),
        (
            "mlp",
            {"frozen_layers": 3, "source": "none", "sources": {}},
            "expected frozen_layers up to 2",
        ),
        ("gan", {}, "players or stages of its own"),
        ("startnets:called", {"new_head": []}, "Leave 'new_head' out"),
        ("startnets:played", {}, "players or stages of its own"),
        ("startnets:staged", {}, "players or stages of its own"),
        ("startnets:alone", {}, "source_layers"),
        ("startnets:sized", {}, "Layer 'dense' has weights of shapes 64x9, 9"),
    ],
)
def test_what_cannot_be_built_is_told_before_anything_trains(own, template, given, said):
    """With what was expected, what was received, and what to do."""
    with pytest.raises((TemplateError, StudyError)) as caught:
        built(lay(template, folders=[own], **given), own)
    message = str(caught.value)
    assert said in message
    assert "xpected" in message
    assert "Received" in message


# -- templates of a user's ------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["unnamed", pytest.param("called", marks=pytest.mark.slow)])
def test_layers_without_names_pair_up(own, tmp_path, template):
    """The source was built after another network, whose layers Keras has counted on from."""
    laid = lay(f"startnets:{template}", folders=[own], frozen_layers=1, head_epochs=1)
    keras.layers.Dense(3)
    trainer = Trainer(laid.card, [own], keep=tmp_path)
    run = Run(laid, tmp_path, trainer, {})
    assert [one.stage for one in run.outcome.curve] == ["head", "", "", ""]
    first = run.stages[-1].network.stage
    assert first.frozen
    source = run.stages[0].network.source
    found = run.weights()
    stored = {one.variable.path: one.variable.numpy() for one in source.weights}
    kept = zip(stored.values(), run.stored.values(), strict=True)
    assert all(np.array_equal(one, other) for one, other in kept)
    frozen = [path for path in found if path.split("/")[-2] in first.frozen]
    assert frozen
    for path in frozen:
        np.testing.assert_array_equal(found[path], stored[path])
    again = Run(laid, tmp_path, Trainer(laid.card, [own], keep=tmp_path), {})
    assert again.losses() == run.losses()


# -- standardized data ----------------------------------------------------------------------------


def test_standardized_by_the_cases_of_the_source(tmp_path):
    """An arm with a source sees inputs as this saw its own; from scratch, by its own cases."""
    generator = np.random.default_rng(5)
    for name, shift in (("there", 10.0), ("here", 0.0)):
        x = generator.normal(shift, 1 + shift, size=(120, 4))
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.arange(120) % 2)
    table = {
        name: {"file": str(tmp_path / f"{name}.npz"), "standardize": True}
        for name in ("there", "here")
    }
    seen = {}
    for source in ("none", "far"):
        laid = lay(
            data=table["here"],
            source=source,
            sources={"far": {"dataset": table["there"], "fixed": {"epochs": 1}}}
            if source == "far"
            else {},
            units=[4],
            epochs=1,
        )
        trainer = Trainer(laid.card, [], keep=tmp_path)
        trial = laid.trial(laid.arms[0], {}, "tune", 0)
        train, _, inputs, _ = trainer._cases(trial)
        seen[source] = np.asarray(inputs.x), train
        Run(laid, tmp_path, trainer, {})
    own, train = seen["none"]
    assert own[train].mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert own[train].std(axis=0) == pytest.approx(1, abs=1e-2)
    far, _ = seen["far"]
    rows = np.load(tmp_path / "there.npz")["x"]
    assert far.mean(axis=0) == pytest.approx(-rows.mean(axis=0) / rows.std(axis=0), abs=0.3)
    assert far.std(axis=0) == pytest.approx(1 / rows.std(axis=0), abs=0.1)
