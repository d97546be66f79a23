"""Studies of template ``gan``: what is planned, what is refused, and what every argument does."""

from __future__ import annotations

import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import catalog, datasets, design, initial, rerun, script, store
from harness.blocks.style import styled
from harness.coordinator import run
from harness.errors import StudyError, TemplateError
from harness.spec import Study
from harness.targets import resolve
from harness.train import Trainer

GAN = catalog.TEMPLATES["gan"]


def laid_out(dataset="ring-8@200", folders=(), **changes):
    """A plan of one arm on few points, tiny networks."""
    factors = changes.pop("factors", {"latent": [2]})
    fixed = {"epochs": 1, "units": [4], "batch_size": 32} | changes.pop("fixed", {})
    fixed = {key: part for key, part in fixed.items() if key not in factors}
    given = {"factors": factors, "fixed": fixed, **changes}
    study = Study(name="game", template="gan", dataset=str(dataset), **given)
    return design.plan(study, datasets.describe(study.dataset, [*folders]), [*folders])


@pytest.mark.parametrize(
    ("dataset", "metric", "modes"),
    [
        ("ring-8", "mode_total_variation", "8 normal distributions of equal weight"),
        ("grid-25@1000", "mode_total_variation", "25 normal distributions of equal weight"),
        ("digits", "collapse", "not known"),
    ],
)
def test_data_with_known_modes_are_judged_by_them(dataset, metric, modes):
    """Others by what of the real cases nothing is near; classes and their chance say nothing."""
    laid = laid_out(dataset)
    assert laid.study.metric == f"test/{metric}@best"
    assert laid.study.best == f"val/{metric}"
    lines = laid.card.lines()
    assert lines["modes"] == modes
    assert "classes" not in lines
    assert "chance" not in " ".join(lines.values())


REFUSED = [
    ({"fixed": {"class_weight": "balanced"}}, "class_weight weighs classes"),
    ({"fixed": {"label_smoothing": 0.1}}, "label_smoothing changes these"),
    ({"fixed": {"outputs": "logits"}}, "Leave 'outputs' out"),
    ({"fixed": {"loss": "mean_squared_error"}}, r"fits generation data \(players\)"),
    ({"metric": "test/loss@best"}, "expected a metric for generation data"),
    ({"best": "val/loss"}, "expected a metric for generation data"),
    ({"best": "val/frechet_distance"}, "measured in every epoch"),
    ({"dataset": "digits", "metric": "high_quality"}, "takes data with known modes"),
    ({"dataset": "digits", "best": "val/modes_with_one_sample"}, "takes data with known modes"),
    ({"dataset": "mnist", "metric": "frechet_distance"}, "at most 64 numbers, not of 784"),
    ({"fixed": {"packing": 40}}, "no more than the 32 cases of a batch"),
    ({"fixed": {}, "factors": {"batch_size": [8, 32], "packing": [9]}}, "than the 8 cases"),
    ({"dataset": "adding-20"}, None),
    ({"dataset": "imdb@1000"}, "embeds tokens"),
    ({"normal": [0]}, "detect anomalies"),
    ({"denoise": "gaussian"}, "remove noise"),
    ({"task": "reconstruction"}, "gives back its inputs"),
    ({"references": ["pca"]}, "there is none"),
    ({"fixed": {"player.learning_rate": 0.1}}, "expected an argument of template 'gan'"),
    ({"fixed": {"critic.dropout": 0.1}}, "expected an argument of template 'gan'"),
    (
        {"fixed": {"critic.learning_rate": 0.1,
                   "critic.optimizer": {"name": "sgd", "learning_rate": 0.2}}},
        "learning rate in one place only",
    ),
    (
        {"tune": {"objective": "val/collapse@best",
                  "space": {"learning_rate": {"min": 1e-4, "max": 1e-2}}}},
        "Add best = 'val/collapse'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), REFUSED)
def test_settings_that_make_no_sense_are_refused(changes, said):
    """Before anything is trained, with a word on what to do; real numbers per step are cases."""
    fixed = {"units": [4]} | changes.get("fixed", {})
    if said is None:
        laid_out(**{**changes, "fixed": fixed})
        return
    with pytest.raises(StudyError, match=said):
        laid_out(**{**changes, "fixed": fixed})


def test_few_test_cases_measure_no_distances(tmp_path):
    """A covariance takes more cases than a case has numbers; a fifth neighbour takes six cases."""
    generator = np.random.default_rng(0)
    given = {"x_train": (60, 20), "x_test": (20, 20)}
    few = {name: generator.normal(size=shape).astype("float32") for name, shape in given.items()}
    labels = {"y_train": np.arange(60) % 2, "y_test": np.arange(20) % 2}
    np.savez(tmp_path / "few.npz", **few, **labels)
    with pytest.raises(StudyError, match="at least 21 test cases, while there are 20"):
        laid_out("few.npz", [tmp_path], metric="frechet_distance")
    laid = laid_out("few.npz", [tmp_path])
    outcome = Trainer(laid.card, [tmp_path]).run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert outcome.status == "completed", outcome.reason
    measured = {name for name in outcome.metrics if name.startswith("test/")}
    assert measured == {
        f"test/{name}@{epoch}"
        for name in ("collapse", "critic_accuracy", "near_duplicates")
        for epoch in ("best", "last")
    }


# -- arguments ---------------------------------------------------------------------------------

IMAGES = {"filters": [3, 4], "units": []}
LEVELS = {
    "latent": (2, 3),
    "units": ([4], [5]),
    "filters": ([3], [4]),
    "kernel_size": (3, 4, IMAGES),
    "adversarial_loss": ("non_saturating", {"name": "non_saturating", "smoothing": 0.1}),
    "penalty": ({"name": "r1", "gamma": 1.0}, {"name": "r1", "gamma": 2.0}),
    "weight_limit": (0.1, 0.2),
    "packing": (1, 2),
    "critic_steps": (1, 2),
    "turns": ("alternating", "simultaneous"),
    "average": (0.5, 0.9),
    "output_activation": ("linear", "sigmoid"),
    "transposed_fan": ("keras", "received", IMAGES | {"initializer": "he_normal"}),
    "activation": ("relu", "tanh"),
    "initializer": ("he_normal", "glorot_uniform"),
    "regularizer": ({"name": "l2", "l2": 0.1}, {"name": "l2", "l2": 0.2}),
    "normalization": ("none", "layer"),
    "normalization_order": ("before", "after", {"normalization": "layer"}),
    "dropout": (0.2, 0.5),
    "critic_activation": ("relu", "tanh"),
    "critic_initializer": ("he_normal", "glorot_uniform"),
    "critic_regularizer": ({"name": "l2", "l2": 0.1}, {"name": "l2", "l2": 0.2}),
    "critic_normalization": ("none", "layer"),
    "critic_dropout": (0.2, 0.5),
    "latent_kind": ("normal", "ones"),
    "bias": (True, False),
}
"""Two levels of every argument, and what has to stand beside them."""


def settled(arguments):
    """All arguments of the template, the others by default."""
    return {
        name: catalog.check_argument(one, arguments.get(name, one.default))
        for name, one in GAN.arguments.items()
    }


def made(arguments):
    """The stage of a template with these arguments, its numbers plain, weights as a seed draws."""
    from harness import building

    keras.utils.set_random_seed(0)
    settings = settled(arguments)
    given = {name: building._made(one, settings[name]) for name, one in GAN.arguments.items()}
    return resolve(GAN.target)((8, 8), 1, **styled(given))


@functools.cache
def moved_once(settings):
    """The same for settings as JSON: most levels below are defaults, and one game."""
    return moved(json.loads(settings))


def moved(arguments):
    """All that a step of both players leaves: cases, weights of both, and who moves when."""
    stage = made(arguments)
    x = np.random.default_rng(0).normal(size=(6, 8, 8)).astype("float32")
    for player in stage.players:
        variables = stage.model.get_layer(player.layers[0]).trainable_variables
        with tf.GradientTape() as tape:
            loss = player.loss(tf.constant(x), None)
        gradients = tape.gradient(loss, [one.value for one in variables])
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.build(variables)
        optimizer.apply(gradients, variables)
    numbers = [np.asarray(one) for one in (stage.model(x), *stage.model.critic.weights)]
    return stage.order, [one.tolist() for one in numbers]


@pytest.mark.parametrize("name", GAN.arguments)
@pytest.mark.parametrize("sizes", [{"units": [4, 4]}, IMAGES], ids=["dense", "images"])
def test_every_argument_has_an_effect(name, sizes):
    """Both kinds of networks heed it, but for the sizes of the other kind; chance does nothing."""
    one, other, *beside = LEVELS[name]
    if (beside and "filters" in beside[0] and sizes is not IMAGES) or (
        name in {"units", "filters"} and (name == "filters") != (sizes is IMAGES)
    ):
        return
    given = {**sizes, "latent": 2, **(beside[0] if beside else {})}
    first, second = (
        moved_once(json.dumps(settled(given | {name: level}))) for level in (one, other)
    )
    assert first != second


@pytest.mark.parametrize("sizes", [{"units": [4, 4]}, IMAGES], ids=["dense", "images"])
def test_what_has_no_effect_changes_nothing(sizes):
    """The test above would fail: two games with equal arguments are one."""
    given = {**sizes, "latent": 2}
    assert moved(given) == moved(given)


@pytest.mark.parametrize("sizes", [{"units": [4, 4]}, IMAGES], ids=["dense", "images"])
@pytest.mark.parametrize(
    ("player", "name", "layers"),
    [
        ("critic", "critic_regularizer", {"critic_1", "critic_2"}),
        ("generator", "regularizer", {"generator_1", "generator_2"}),
    ],
)
def test_a_penalty_is_in_the_loss_of_its_player(player, name, layers, sizes):
    """The sum of squares of hidden kernels, times the coefficient, and nothing in the other's."""
    x = tf.constant(np.random.default_rng(0).normal(size=(6, 8, 8)).astype("float32"))
    losses = {}
    for level in ("none", {"name": "l2", "l2": 0.5}):
        stage = made({**sizes, name: level})
        losses[str(level)] = {one.name: float(one.loss(x, None)) for one in stage.players}
    network = getattr(stage.model, player)
    if sizes is IMAGES and player == "generator":
        layers = {"generator_0", "generator_1"}
    expected = sum(float(np.sum(network.get_layer(one).kernel.numpy() ** 2)) for one in layers) / 2
    before, after = losses.values()
    for one in before:
        wanted = before[one] + expected * (one == player)
        assert after[one] == pytest.approx(wanted, rel=1e-5)


STILL = [
    {"learning_rate": 1e-12},
    {"clip": {"name": "value", "limit": 1e-12}},
    {"optimizer": {"name": "sgd", "learning_rate": 1e-12}},
]


def ends(laid, folders=()):
    """Largest change of a weight of each player, over a short training."""
    trainer = Trainer(laid.card, [*folders])
    trial = laid.trial(laid.arms[0], {}, "tune", 0)
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    ((compiled,),) = trainer.programs.values()
    network = compiled.network
    drawn = initial.draw(network.weights, trial)
    start = {id(one.variable): array for one, array in zip(network.weights, drawn, strict=True)}
    return {
        name: [
            np.asarray(one) / np.where(start[id(one)] == 0, 1, start[id(one)])
            for one in getattr(network.model, name).trainable_variables
            if len(one.shape) > 1
        ]
        for name in GAN.players
    }


@pytest.mark.parametrize("player", GAN.players)
@pytest.mark.parametrize("own", STILL, ids=lambda own: next(iter(own)))
def test_a_players_own_settings_reach_it_alone(player, own):
    """With a rate or gradients of nearly zero it stands still, and the other one does not."""
    fixed = {"optimizer": "sgd", "learning_rate": 0.1}
    fixed |= {f"{player}.{key}": part for key, part in own.items()}
    found = ends(laid_out(fixed=fixed))
    for name, ratios in found.items():
        still = all(np.allclose(one, 1, rtol=1e-6) for one in ratios)
        assert still == (name == player), name


@pytest.mark.parametrize("player", GAN.players)
def test_a_players_own_weight_decay_shrinks_it_alone(player):
    """Every kernel by the same factor per step, where gradients are nearly zero."""
    still = {"name": "value", "limit": 1e-12}
    fixed = {"optimizer": "sgd", "learning_rate": 0.1, "clip": still, f"{player}.weight_decay": 0.5}
    found = ends(laid_out(fixed=fixed))
    for name, ratios in found.items():
        expected = (1 - 0.1 * 0.5) ** 5 if name == player else 1  # 160 cases in batches of 32
        for one in ratios:
            assert one == pytest.approx(expected, rel=1e-5), name


def test_players_settings_are_factors():
    """Each arm has its own, and what only differs in a number shares a program."""
    laid = laid_out(
        factors={"critic.learning_rate": [1e-3, 1e-4], "generator.clip": ["none", "norm"]}
    )
    trials = [laid.trial(arm, {}, "confirm", 0) for arm in laid.arms]
    assert [one.settings["critic.learning_rate"] for one in trials] == [1e-3, 1e-3, 1e-4, 1e-4]
    assert {one.settings["generator.learning_rate"] for one in trials} == {1e-3}
    assert len({one.key for one in trials}) == 4
    assert len({design.program_key(one, laid.card) for one in trials}) == 2


# -- the winner --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_winner_is_saved_but_not_written(tmp_path):
    """Its weights generate what was judged; a script is refused, and says what there is instead."""
    study = Study(
        name="game",
        template="gan",
        dataset="ring-8@200",
        factors={"average": [0.9]},
        fixed={"epochs": 2, "units": [4], "dropout": 0.1, "critic_normalization": "spectral"},
        replicates=1,
    )
    finished = run(study, root=tmp_path, workers=0)
    assert not finished.problems
    stored = store.trained(finished.folder, 0)
    kept = rerun.keep(stored, tmp_path / "winner.keras", [])
    assert "import harness.building" in " ".join(kept.notes)
    loaded = keras.models.load_model(kept.file)
    assert loaded.generator(np.zeros((3, 16))).shape == (3, 2)
    with pytest.raises(TemplateError, match=r"player 'critic'\. --weights takes it away"):
        script.write(stored, tmp_path / "winner.py")


def judged(loss, packing=1, **fixed):
    """Metrics of a tiny game."""
    laid = laid_out(
        "ring-8@400", fixed={"adversarial_loss": loss, "packing": packing, "epochs": 2} | fixed
    )
    outcome = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert outcome.status == "completed", outcome.reason
    return outcome.metrics


@pytest.mark.parametrize(("loss", "packing"), [("hinge", 1), ("least_squares", 3)])
def test_a_critic_says_what_it_takes_for_real(loss, packing):
    """One that learns fast beside a generator that stands still tells nearly all apart."""
    learning = {"generator.learning_rate": 1e-9, "critic.learning_rate": 0.01, "epochs": 40}
    still = {"critic.learning_rate": 1e-9, "generator.learning_rate": 1e-9}
    assert judged(loss, packing, **learning)["test/critic_accuracy@last"] > 0.8
    assert 0.2 < judged(loss, packing, **still)["test/critic_accuracy@last"] < 0.8


def test_scores_without_a_threshold_decide_nothing():
    assert "test/critic_accuracy@last" not in judged("wasserstein")
