"""Compiled epochs equal ``keras.Model.fit`` and forget every earlier trial."""

from __future__ import annotations

from itertools import product

import keras
import numpy as np
import pytest
from fitting import assert_equals_fit

from harness import catalog, design, store
from harness.coordinator import run
from harness.errors import TemplateError
from harness.program import build
from harness.train import Trainer

EPOCHS = 3


XLA, SLOW = pytest.mark.xla, pytest.mark.slow


def slow(fixed):
    """A case that is left out by default: the cover of test_equality holds most of what it does."""
    return pytest.param(fixed, marks=SLOW)


COMMON = {"sgd", "rmsprop", "adagrad", "adamw", "lion", "nadam"}
"""Optimizers that every run trains; the others are compared with fit in the slow part."""


@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param(name, marks=[XLA] if name == "adam" else [] if name in COMMON else [SLOW])
        for name in sorted(catalog.OPTIMIZERS)
    ],
)
def test_every_optimizer_equals_fit(plan, optimizer):
    """MLP with a partial last batch and a penalty, for every optimizer of the catalogue."""
    level = {"name": "sgd", "momentum": 0.9} if optimizer == "sgd" else optimizer
    assert_equals_fit(
        plan(
            factors={"optimizer": [level]},
            fixed={
                "epochs": EPOCHS,
                "batch_size": 50,
                "learning_rate": 0.01,
                "regularizer": {"name": "l1l2", "l1": 0.001, "l2": 0.02},
            },
        )
    )


@pytest.mark.parametrize(
    "fixed",
    [
        pytest.param({"normalization": "batch", "batch_size": 32}, marks=XLA),
        slow({"normalization": "layer", "batch_size": 48, "activation": "gelu"}),
        {"optimizer": {"name": "sgd", "momentum": 0.8, "nesterov": True}, "learning_rate": 0.05},
        {"optimizer": {"name": "rmsprop", "momentum": 0.5, "centered": True}},
        slow({"optimizer": {"name": "adam", "amsgrad": True, "beta_1": 0.8}}),
        {"units": []},
        {
            "units": [],
            "bias": False,
            "output_constraint": {"name": "bounded", "limit": 0.05},
            "optimizer": "sgd",
        },
        slow({"schedule": {"name": "step", "every": 1, "factor": 0.3}}),
        slow({"schedule": {"name": "exponential", "factor": 0.5}, "optimizer": "sgd"}),
        slow({"schedule": {"name": "linear", "floor": 0.1}, "optimizer": "rmsprop"}),
        slow({"schedule": {"name": "cosine", "floor": 0.2}, "batch_size": 50}),
        slow({"schedule": {"name": "polynomial", "floor": 0.1, "power": 3}, "optimizer": "sgd"}),
        {"schedule": {"name": "inverse_time", "decay": 2}, "optimizer": "sgd"},
        {"schedule": {"name": "cosine_restarts", "every": 1, "growth": 1.5, "factor": 0.5}},
        slow({"normalization": {"name": "batch", "momentum": 0.7, "epsilon": 0.1}}),
        {"normalization": {"name": "group", "groups": 4}, "normalization_order": "after"},
        {"normalization": {"name": "rms", "epsilon": 0.1}, "activation": "prelu"},
        slow({"normalization": "batch", "normalization_order": "after", "activation": "elu"}),
        {"regularizer": {"name": "orthogonal", "factor": 0.1, "mode": "columns"}},
        {"bias_regularizer": "l2", "activity_regularizer": {"name": "l1l2", "l1": 0.1}},
        {"constraint": {"name": "max_norm", "max_value": 0.5}, "learning_rate": 0.1},
        slow({"constraint": {"name": "min_max_norm", "max_value": 0.8, "rate": 0.5}}),
        {"constraint": "unit_norm", "weight_decay": 0.3, "optimizer": "sgd"},
        slow({"weight_decay": 0.5, "optimizer": "rmsprop"}),
        {"weight_decay": 0.5, "optimizer": "schedule_free_adamw"},
        slow({"weight_decay": 0.5, "optimizer": {"name": "adamw", "beta_1": 0.8}}),
        {"label_smoothing": 0.2, "batch_size": 50},
        {"units": [8, 8, 8], "residual": True, "activation": "glu"},
        slow({"clip": {"name": "norm", "limit": 0.05}, "optimizer": "sgd", "learning_rate": 0.5}),
        {"clip": {"name": "global_norm", "limit": 0.1}, "optimizer": "sgd", "learning_rate": 0.5},
        slow({"clip": {"name": "value", "limit": 0.01}, "optimizer": "sgd", "learning_rate": 0.5}),
    ],
)
def test_mlp_equals_fit(plan, fixed):
    """Normalization, flags and other numbers do not part the program from fit."""
    fixed = {"epochs": EPOCHS, "learning_rate": 0.01, **fixed}
    assert_equals_fit(plan(factors={"initializer": ["he_normal"]}, fixed=fixed))


@pytest.mark.parametrize(
    "fixed",
    [
        slow({}),
        {"normalization": "batch"},
        slow({"block": "vgg", "downsampling": "stride", "head": "mean"}),
        {"block": "residual", "normalization": "batch", "pool": "mean"},
        slow({"block": "residual", "normalization": "layer", "normalization_order": "after"}),
    ],
)
def test_cnn_equals_fit(plan, images, fixed):
    """The convolutional template, with a partial last batch."""
    fixed = {
        "epochs": EPOCHS,
        "batch_size": 40,
        "filters": [4, 8],
        "learning_rate": 0.005,
        **fixed,
    }
    assert_equals_fit(
        plan(data=images, template="cnn", factors={"activation": ["relu"]}, fixed=fixed)
    )


def test_class_weights_equal_fit(plan, tmp_path):
    """Unbalanced classes, balanced by weights that follow each replicate's training cases."""
    generator = np.random.default_rng(3)
    y = (np.arange(120) % 5 == 0).astype(int)
    file = tmp_path / "rare.npz"
    np.savez(file, x=generator.normal(size=(120, 4)) + y[:, None], y=y)
    fixed = {"epochs": EPOCHS, "class_weight": "balanced", "batch_size": 50}
    assert_equals_fit(plan(data=file, factors={"activation": ["tanh"]}, fixed=fixed))


def test_class_weights_by_class_equal_fit(plan, tmp_path):
    """As a table, of names or of numbers; what is left out counts once."""
    generator = np.random.default_rng(3)
    y = np.array(["no", "perhaps", "yes"])[np.arange(120) % 3]
    file = tmp_path / "named.npz"
    np.savez(file, x=generator.normal(size=(120, 4)) + (y == "yes")[:, None], y=y)
    for given in ({"yes": 5.0, "no": 0.5}, {2: 5, 0: 0.5}):
        fixed = {"epochs": EPOCHS, "class_weight": given, "batch_size": 50}
        laid = plan(data=file, factors={"activation": ["tanh"]}, fixed=fixed)
        trial = laid.trial(laid.arms[0], {}, "confirm", 0)
        assert trial.settings["class_weight"] == {"name": "by_class", "weights": [0.5, 1.0, 5.0]}
    assert_equals_fit(laid)


def untested(curve):
    """Quantities of training and validation; those of the test split are of the best and last."""
    return [
        {name: value for name, value in one.quantities.items() if not name.startswith("test/")}
        for one in curve
    ]


def test_patience_stops_after_the_best_epoch(plan):
    """The curve is that of the long training, cut so many epochs behind its best so far."""
    fixed = {"epochs": 40, "learning_rate": 0.2}
    long, short = plan(fixed=fixed), plan(fixed={**fixed, "patience": 3})
    whole = Trainer(long.card, []).run(long.trial(long.arms[0], {}, "confirm", 0))
    cut = Trainer(short.card, []).run(short.trial(short.arms[0], {}, "confirm", 0))
    assert len(cut.curve) < 40
    assert untested(cut.curve) == untested(whole.curve[: len(cut.curve)])
    assert len(cut.curve) == cut.best_epoch + 1 + 3
    assert cut.metrics["test/loss@best"] != cut.metrics["test/loss@last"]


def test_regression_equals_fit(plan, tmp_path):
    """Real-valued targets, two at a time."""
    generator = np.random.default_rng(2)
    x = generator.normal(size=(120, 3)).astype(np.float32)
    file = tmp_path / "line.npz"
    np.savez(file, x=x, y=(x[:, :2] * 2 + 1).astype(np.float32))
    assert_equals_fit(plan(data=file, factors={"activation": ["tanh"]}, fixed={"epochs": EPOCHS}))


LONGER = 6
MOMENTA = [{"name": "sgd", "momentum": momentum} for momentum in (0.0, 0.9)]
BETAS = [{"name": "adam", "beta_1": 0.9}, {"name": "adam", "beta_1": 0.5, "beta_2": 0.9}]
FACTORS = {
    "regularizer": [{"name": "l2", "l2": 0.1}, {"name": "l2", "l2": 0.0}],
    "clip": [{"name": "norm", "limit": 0.1}, {"name": "norm", "limit": 1.0}],
}
SPACE = {
    "learning_rate": {"min": 0.01, "max": 0.1, "scale": "log"},
    "dropout": {"min": 0.1, "max": 0.6},
    "initializer": {"values": ["glorot_uniform", "he_normal", "orthogonal"]},
    "schedule": {"values": sorted(catalog.SCHEDULES)},
}
STARTS = {
    "glorot_uniform": "constant",
    "he_normal": "step",
    "lecun_uniform": "exponential",
    "orthogonal": "linear",
    "truncated_normal": "cosine",
}
CANDIDATES = [
    {"learning_rate": 0.01 * place, "dropout": 0.1 * place, "initializer": name, "schedule": shape}
    for place, (name, shape) in enumerate(STARTS.items(), start=1)
]


@pytest.mark.parametrize(
    "optimizers", [pytest.param(MOMENTA, marks=XLA), BETAS], ids=["sgd", "adam"]
)
def test_forty_trials_share_one_trace(plan, optimizers):
    """Trials that differ only in values compile one program, traced once."""
    laid = plan(factors={"optimizer": optimizers, **FACTORS}, fixed={"epochs": LONGER})
    trainer = Trainer(laid.card, [])
    pairs = product(laid.arms, CANDIDATES)
    outcomes = [trainer.run(laid.trial(arm, given, "tune", 0)) for arm, given in pairs]
    assert len(outcomes) == 40
    losses = {outcome.curve[-1].quantities["val/loss"] for outcome in outcomes}
    assert len(losses) == 40, "two values gave one result"
    ((compiled,),) = trainer.programs.values()
    assert compiled.program.traces == 1
    assert [outcome.reused for outcome in outcomes] == [False] + [True] * 39


def test_a_worker_compiles_a_structure_once(ask, blobs, tmp_path):
    """Trials that differ only in values and are tuned: one program, made by the first of them."""
    study = ask(
        dataset=str(blobs),
        factors={"optimizer": MOMENTA},
        fixed={"epochs": LONGER, "units": [8]},
        tune={"trials": 4, "space": SPACE},
        replicates=1,
    )
    ended = run(study, root=tmp_path, workers=1)
    with store.reading(ended.folder) as db:
        found = db.execute("SELECT status, reused, compile FROM attempt").fetchall()
    assert [status for status, *_ in found] == ["completed"] * 10
    assert sum(not reused for _, reused, _ in found) == 1
    assert all(seconds == 0 for _, reused, seconds in found if reused)


NUMBERED = ("activation", "optimizer", "regularizer", "constraint", "normalization", "clip")
PLACED = ("bias_regularizer", "activity_regularizer")
AMOUNTS = [
    *(("mlp", name) for name in ("dropout", "input_dropout", "noise", "weight_decay")),
    *(("cnn", name) for name in ("block_dropout", "flip", "shift")),
    ("mlp", "label_smoothing"),
]


def pair(family, name, key, number):
    """Two values of a number, of which each does something."""
    if name == "min_max_norm" and key != "rate":
        return {"min_value": (0.7, 0.78), "max_value": (0.8, 0.9)}[key]  # among the norms
    if family in {"clip", "constraint"} and key != "rate":
        return (0.01, 0.001)  # below the gradients or norms
    return (number.default, number.default * 0.5 + 0.01)


def inputs():
    """Every entry of the catalogue with numbers that claim to be inputs, and two values of each."""
    for family in NUMBERED:
        for name, entry in catalog.FAMILIES[family].items():
            pairs = {
                key: pair(family, name, key, number)
                for key, number in entry.numbers.items()
                if number.value and key != "learning_rate"
            }
            if pairs:
                yield pytest.param(family, name, pairs, id=f"{family}-{name}")
    for family in PLACED:
        yield pytest.param(family, "l2", {"l2": (0.1, 1.0)}, id=family)


def losses(outcome):
    """Of training and validation, in every epoch."""
    assert outcome.status == "completed", outcome.reason
    return [
        epoch.quantities[name] for epoch in outcome.curve for name in ("train/loss", "val/loss")
    ]


@pytest.mark.parametrize(("family", "name", "pairs"), [*inputs()])
def test_two_values_give_two_results(plan, family, name, pairs):
    """Each number that is an input reaches the training: by more than rounding could."""
    first = {"name": name, **{key: one for key, (one, _) in pairs.items()}}
    levels = [first, *({**first, key: other} for key, (_, other) in pairs.items())]
    laid = plan(factors={family: levels}, fixed={"epochs": 3, "learning_rate": 0.05})
    trainer = Trainer(laid.card, [])
    start, *changed = (losses(trainer.run(laid.trial(arm, {}, "tune", 0))) for arm in laid.arms)
    assert len(trainer.programs) == 1
    for key, one in zip(pairs, changed, strict=True):
        assert np.abs(np.subtract(start, one)).max() > 1e-5, key


def test_every_number_that_is_an_input_has_such_a_test():
    """Whatever a template or a training takes; whole choices are drawn from elsewhere."""
    arguments = {
        name: argument
        for one in (catalog.SETTINGS, *(catalog.TEMPLATES[name].arguments for name in STOCK))
        for name, argument in one.items()
    }
    elsewhere = {"initializer", "schedule", "learning_rate", "layer_decay", "l2_sp"}
    named = {name for name, argument in arguments.items() if argument.value}
    assert named - elsewhere == {name for _, name in AMOUNTS}
    families = {one.family for one in arguments.values() if one.kind == "choice"}
    numbered = {
        family
        for family in families & catalog.FAMILIES.keys()
        for entry in catalog.FAMILIES[family].values()
        if any(number.value for number in entry.numbers.values())
    }
    assert numbered - elsewhere == {*NUMBERED}


STOCK = ("mlp", "cnn")


def kinds():
    """Every amount, and every kind of dropout of the two that there are."""
    for template, name in AMOUNTS:
        several = [*catalog.DROPOUTS] if name in {"dropout", "block_dropout"} else ["standard"]
        for kind in several:
            marks = [SLOW] if name == "block_dropout" and kind != "spatial" else []
            yield pytest.param(template, name, kind, marks=marks, id=f"{template}-{name}-{kind}")


@pytest.mark.parametrize(("template", "name", "kind"), [*kinds()])
def test_two_amounts_give_two_results(plan, blobs, images, template, name, kind):
    """The same for arguments that are numbers themselves, and for every kind of dropout."""
    amounts = [1.0, 2.0] if name == "shift" else [0.1, 0.7]
    fixed = {"epochs": 2, "dropout_kind": kind}
    fixed |= {"filters": [4]} if template == "cnn" else {}
    data = images if template == "cnn" else blobs
    laid = plan(data=data, template=template, factors={name: amounts}, fixed=fixed)
    trainer = Trainer(laid.card, [])
    outcomes = [trainer.run(laid.trial(arm, {}, "tune", 0)) for arm in laid.arms]
    assert [one.status for one in outcomes] == ["completed"] * 2
    assert len(trainer.programs) == 1
    assert outcomes[0].curve != outcomes[1].curve


@XLA
def test_a_trial_does_not_depend_on_those_before(plan):
    """Alone, after others and after a diverged trial, a curve is equal to the last bit."""
    laid = plan(
        factors={
            "learning_rate": [0.01, 1e30],
            "dropout": [0.3],
            "normalization": ["batch"],
            "optimizer": ["nadam"],
        },
        fixed={"epochs": 3},
    )
    alone = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "confirm", 0))
    shared = Trainer(laid.card, [])
    shared.run(laid.trial(laid.arms[0], {}, "confirm", 1))
    after_another = shared.run(laid.trial(laid.arms[0], {}, "confirm", 0))
    diverged = shared.run(laid.trial(laid.arms[1], {}, "confirm", 0))
    after_divergence = shared.run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert diverged.status == "diverged"
    for other in (after_another, after_divergence):
        assert other.curve == alone.curve
        assert other.metrics == alone.metrics


def test_the_best_epoch_of_a_better_trial_is_forgotten(plan):
    """Whichever of two trials comes first, each is tested with its own best weights."""
    laid = plan(fixed={"epochs": 4})
    trials = [laid.trial(laid.arms[0], {}, "confirm", replicate) for replicate in (0, 1)]
    forth, back = Trainer(laid.card, []), Trainer(laid.card, [])
    first = [forth.run(trial) for trial in trials]
    second = [back.run(trial) for trial in reversed(trials)]
    assert [one.metrics for one in first] == [one.metrics for one in reversed(second)]
    for one in first:
        assert one.best_epoch == 3, "the example must still learn at its end"
        assert one.metrics["test/loss@best"] == one.metrics["test/loss@last"]


def test_best_epoch_is_restored(plan):
    """Test metrics at the best epoch belong to the weights of that epoch."""
    laid = plan(fixed={"epochs": 12, "learning_rate": 0.3})
    trainer = Trainer(laid.card, [])
    long = trainer.run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert long.best_epoch is not None
    assert long.best_epoch < 11, "the example must overfit"
    short = plan(fixed={"epochs": long.best_epoch + 1, "learning_rate": 0.3})
    ended = Trainer(short.card, []).run(short.trial(short.arms[0], {}, "confirm", 0))
    assert long.metrics["test/loss@best"] == ended.metrics["test/loss@last"]
    assert long.metrics["test/loss@best"] != long.metrics["test/loss@last"]


@XLA
def test_xla_follows_operations(plan, images):
    """On a CPU a dense program is compiled by XLA, one with convolutions or dropout is not."""
    dense = plan()
    noisy = plan(factors={"dropout": [0.5]})
    conv = plan(data=images, template="cnn", fixed={"filters": [4]})
    for laid, expected in ((dense, True), (noisy, False), (conv, False)):
        outcome = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "tune", 0))
        assert outcome.xla is expected


def test_dropout_drops_its_share(plan):
    """The layer with a variable rate has the distribution of Keras' own."""
    from harness.blocks.noise import Dropout

    rate = keras.Variable(0.3)
    layer = Dropout(rate)
    inputs = np.ones((400, 500), np.float32)
    outputs = np.asarray(layer(inputs, training=True))
    assert np.mean(outputs == 0) == pytest.approx(0.3, abs=0.005)
    assert outputs[outputs > 0] == pytest.approx(1 / 0.7)
    assert np.array_equal(layer(inputs, training=False), inputs)
    again = np.asarray(layer(inputs, training=True))
    assert not np.array_equal(outputs, again)
    rate.assign(0.6)
    assert np.mean(np.asarray(layer(inputs, training=True)) == 0) == pytest.approx(0.6, abs=0.005)


def users(trial):
    """The same trial of a template that takes no arguments."""
    settings = {name: trial.settings[name] for name in catalog.SETTINGS if name in trial.settings}
    return trial.model_copy(update={"template": "mine:net", "settings": settings})


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (lambda shape, outputs: "text", "expected a Keras model. Received: str"),
        (
            lambda shape, outputs: keras.Sequential([keras.layers.Dense(outputs + 1)]),
            r"one output of shape \(None, 2\)",
        ),
        (
            lambda shape, outputs: keras.Sequential(
                [keras.Input(shape), keras.layers.Dense(outputs + 1)]
            ),
            r"one output of shape \(None, 2\)",
        ),
    ],
)
def test_a_wrong_model_is_refused(plan, template, expected):
    """What a user's function returns is checked before anything trains."""
    laid = plan()
    trial = users(laid.trial(laid.arms[0], {}, "tune", 0))
    with pytest.raises(TemplateError, match=expected):
        build(trial, laid.card, template)


def test_weights_made_elsewhere_are_refused(plan):
    """A model whose weights cannot be drawn anew would make all replicates one."""
    laid = plan()
    trial = users(laid.trial(laid.arms[0], {}, "tune", 0))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(
        TemplateError, match=r"made before\. Create its layer, or load its model, inside"
    ):
        build(trial, laid.card, lambda shape, outputs: model)


def test_program_key_needs_no_keras(plan):
    """The coordinator groups trials by program without building any."""
    laid = plan(factors={"activation": ["relu", "tanh"], "initializer": ["he_normal", "zeros"]})
    keys = {design.program_key(laid.trial(arm, {}, "tune", 0), laid.card) for arm in laid.arms}
    assert len(keys) == 2
