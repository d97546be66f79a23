"""Generators and critics: exact in small cases, and each player's step its own."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import datasets, design, initial, program
from harness.blocks.generating import PURPOSES, Average, Draws
from harness.blocks.initializers import Received
from harness.blocks.layers import Drawn
from harness.blocks.style import Style
from harness.catalog import adversarial as tables
from harness.errors import TemplateError
from harness.program.weights import Weight
from harness.spec import Study
from harness.templates.gan import gan
from harness.train import Trainer, cases
from harness.train.programs import Programs

GAMES = """
import keras

from harness.blocks import adversarial
from harness.blocks.style import Style
from harness.players import Player, Stage, Turn
from harness.templates.gan import gan


def linear(shape, outputs, critic_steps=2):
    return gan(shape, outputs, latent=2, units=(), critic_steps=critic_steps, average=0.9)


def small(
    shape, outputs, critic_steps=1, penalty="none", normalization="none", width=8, packing=1,
    weight_limit=0.0,
):
    return gan(
        shape,
        outputs,
        Style(normalization="batch"),
        latent=2,
        units=(width,),
        critic_steps=critic_steps,
        penalty=penalty,
        critic_normalization=normalization,
        packing=packing,
        weight_limit=weight_limit,
    )


class Number(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(), initializer=keras.initializers.Constant(1.0), name="w")

    def call(self, x):
        return x * self.w


def dirac(shape, outputs, pair="minimax", gamma=0.0, together=False, times=1):
    inputs = keras.Input(shape)
    slope, place = Number(name="slope"), Number(name="place")
    model = keras.Model(inputs, slope(inputs) + place(inputs))
    losses = getattr(adversarial, pair)()

    def critic(x):
        return x * slope.w

    def attack(x, y):
        real, generated = keras.ops.zeros_like(x), keras.ops.ones_like(x) * place.w
        penalty = adversarial.r1(critic, real, generated, None, gamma=gamma)
        return losses.critic(critic(real), critic(generated)) + penalty

    def defend(x, y):
        return losses.generator(critic(keras.ops.ones_like(x) * place.w))

    return Stage(
        model=model,
        players=(
            Player(name="critic", layers=("slope",), loss=attack),
            Player(name="generator", layers=("place",), loss=defend),
        ),
        turns=(Turn(player="critic", times=times), Turn(player="generator")),
        simultaneous=together,
    )


def dropping(shape, outputs):
    return gan(shape, outputs, latent=2, units=(8,), critic_dropout=0.5)


def remembering(shape, outputs, penalty="none"):
    inputs = keras.Input(shape)
    cells = keras.layers.LSTM(3, name="cells")
    scores = keras.Sequential([keras.layers.Reshape((-1, 1)), cells, keras.layers.Dense(1)])
    model = keras.Model(inputs, keras.layers.Dense(outputs, name="made")(inputs) + scores(inputs))

    def attack(x, y):
        added = adversarial.r1(scores, x, None, None) if penalty == "r1" else 0.0
        return keras.ops.mean(scores(x)) + added

    return Stage(model=model, players=(Player(name="critic", loss=attack),))
"""


@pytest.fixture
def lay(tmp_path):
    """Lays out a study of the module above on points in a plane, 32 of which are trained on."""
    (tmp_path / "gangames.py").write_text(GAMES)
    generator = np.random.default_rng(3)
    x = generator.normal([1.0, -0.5], [1.0, 0.5], size=(50, 2))
    np.savez(tmp_path / "plane.npz", x=x, y=x)
    np.savez(tmp_path / "line.npz", x=x[:, :1], y=x[:, :1])

    def laid(template, data="plane", epochs=50, **fixed):
        study = Study(
            name="game",
            template=f"gangames:{template}",
            dataset=str(tmp_path / f"{data}.npz"),
            factors={"epochs": [epochs]},
            fixed={"batch_size": 32, "optimizer": "sgd", "learning_rate": 0.1, **fixed},
        )
        return design.plan(study, datasets.describe(study.dataset, [tmp_path]), [tmp_path])

    return laid


def trained(laid, folder):
    """A tune trial, its weights left as the last update has them; with its compiled program."""
    trainer = Trainer(laid.card, [folder])
    trial = laid.trial(laid.arms[0], {}, "tune", 0)
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    assert outcome.route == "program"
    ((compiled,),) = trainer.programs.values()
    assert compiled.program.traces == 1
    return trial, compiled


class Adam:
    """Adam as Keras has it, for one array."""

    def __init__(self, rate, beta_1, beta_2):
        self.rate, self.betas = rate, (beta_1, beta_2)
        self.mean = self.square = self.count = 0

    def step(self, array, gradient):
        self.count += 1
        first, second = self.betas
        self.mean += (gradient - self.mean) * (1 - first)
        self.square += (gradient**2 - self.square) * (1 - second)
        rate = self.rate * np.sqrt(1 - second**self.count) / (1 - first**self.count)
        return array - rate * self.mean / (np.sqrt(self.square) + 1e-7)


def replayed(model, purpose):
    """Draws of a stream from its start, as many as are asked for."""
    stream = keras.random.SeedGenerator(0)
    stream.state.assign([int(model.draws.streams[purpose].state.numpy()[0]), 0])
    while True:
        yield np.asarray(keras.random.normal((32, 2), seed=stream), np.float64)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def played(start, x, draws, critic_steps, adams, steps=50):
    """A linear GAN in NumPy, two losses and an Adam of its own for every array."""
    weights = {name: array.astype(float) for name, array in start.items()}
    average = [weights["kernel"], weights["bias"]]

    def step(name, gradient):
        weights[name] = adams[name].step(weights[name], gradient)

    for _ in range(steps):
        for _ in range(critic_steps):
            made = next(draws["critic"]) @ weights["kernel"] + weights["bias"]
            wrong = [
                (sigmoid(part @ weights["slope"] + weights["score"]) - target) / len(x)
                for part, target in ((x, 1), (made, 0))
            ]
            step("slope", x.T @ wrong[0] + made.T @ wrong[1])
            step("score", wrong[0].sum(axis=0) + wrong[1].sum(axis=0))
        z = next(draws["generator"])
        made = z @ weights["kernel"] + weights["bias"]
        wrong = (sigmoid(made @ weights["slope"] + weights["score"]) - 1) / len(x)
        towards = wrong @ weights["slope"].T
        step("kernel", z.T @ towards)
        step("bias", towards.sum(axis=0))
        now = (weights["kernel"], weights["bias"])
        average = [0.9 * old + 0.1 * new for old, new in zip(average, now, strict=True)]
    return weights, average


@pytest.mark.parametrize("critic_steps", [pytest.param(1, marks=pytest.mark.xla), 2])
def test_a_linear_gan_equals_numpy(lay, tmp_path, critic_steps):
    """Weights and their average after fifty steps, every player with an Adam of its own."""
    rates = {"critic": (0.01, 0.5, 0.9), "generator": (0.02, 0.3, 0.99)}
    own = {}
    for player, (rate, first, second) in rates.items():
        own[f"{player}.optimizer"] = {"name": "adam", "beta_1": first, "beta_2": second}
        own[f"{player}.learning_rate"] = rate
    laid = lay("linear", critic_steps=critic_steps, **own)
    trial, compiled = trained(laid, tmp_path)
    assert compiled.program.xla == (critic_steps == 1)
    model = compiled.network.model
    weights = {
        "kernel": model.generator.trainable_variables[0],
        "bias": model.generator.trainable_variables[1],
        "slope": model.critic.trainable_variables[0],
        "score": model.critic.trainable_variables[1],
    }
    drawn = initial.draw(compiled.network.weights, trial)
    by_id = {
        id(one.variable): array for one, array in zip(compiled.network.weights, drawn, strict=True)
    }
    start = {name: by_id[id(one)] for name, one in weights.items()}
    adams = {
        name: Adam(*rates["generator" if name in {"kernel", "bias"} else "critic"])
        for name in weights
    }
    x = cases(trial, laid.card).x_train.astype(float)
    draws = {purpose: replayed(model, purpose) for purpose in ("critic", "generator")}
    expected, average = played(start, x, draws, critic_steps, adams)
    for name, one in weights.items():
        assert np.asarray(one) == pytest.approx(expected[name], abs=1e-6), name
        assert not np.allclose(expected[name], start[name], atol=0.05)
    for found, one in zip(model.average.weights_now(), average, strict=True):
        assert np.asarray(found) == pytest.approx(one, abs=1e-6)
    drawn = next(replayed(model, "evaluation"))
    model.draws.streams["evaluation"].state.assign(
        [int(model.draws.streams["evaluation"].state.numpy()[0]), 0]
    )
    assert np.asarray(model(x)) == pytest.approx(drawn @ average[0] + average[1], abs=1e-5)


def orbit(steps, *, pair="minimax", gamma=0.0, together=False, rate=0.1):
    """Distance from the equilibrium of a critic ``s x`` and a point ``p``, from (1, 1)."""
    slope = place = 1.0
    for _ in range(steps):
        right = sigmoid(slope * place)
        moved = slope - rate * (place * right + gamma * slope)
        judge = slope if together else moved
        pull = -sigmoid(judge * place) if pair == "minimax" else sigmoid(judge * place) - 1
        slope, place = moved, place - rate * judge * pull
    return np.hypot(slope, place)


DIRAC = [
    # gan, epochs of 32 steps, lowest and highest radius in units of the start
    ({"together": True}, 63, 2.0, 2.5),
    ({}, 63, 0.95, 1.05),
    ({"pair": "non_saturating", "together": True}, 63, 0.3, 0.35),
    ({"pair": "non_saturating"}, 63, 0.1, 0.2),
    ({"gamma": 1.0, "together": True}, 15, 0.0, 1e-6),
    ({"gamma": 1.0}, 15, 0.0, 1e-6),
]


@pytest.mark.parametrize(("game", "epochs", "lowest", "highest"), DIRAC)
def test_the_smallest_gan_does_what_theory_says(lay, tmp_path, game, epochs, lowest, highest):
    """Spirals out, orbits, creeps in, and converges with R1 (Mescheder et al. 2018)."""
    laid = lay("dirac", data="line", epochs=epochs, batch_size=1, **game)
    _, compiled = trained(laid, tmp_path)
    found = np.hypot(*(float(one) for one in compiled.network.model.trainable_variables))
    assert found == pytest.approx(orbit(32 * epochs, **game), rel=1e-2, abs=1e-6)
    assert lowest <= found / np.sqrt(2) <= highest


def test_of_equal_vectors_one_case_is_made():
    """Also by a model that was saved."""
    stage = gan((2,), 1, latent=3, latent_kind="ones", units=(4,))
    made = np.asarray(stage.model(np.zeros((5, 2), np.float32)))
    assert (made == made[0]).all()
    draws = Draws.from_config(stage.model.draws.get_config())
    assert (np.asarray(draws.latent("critic", 2)) == 1).all()


@pytest.mark.parametrize("normalization", ["none", "layer", "spectral", "spectral_projection"])
@pytest.mark.parametrize(("shape", "sizes"), [((2,), {"units": (4,)}), ((8, 8), {"filters": (4,)})])
def test_a_game_without_biases(normalization, shape, sizes):
    """Neither network adds a number, but for those of a normalization."""
    both = [
        gan(shape, 1, Style(bias=bias), critic_normalization=normalization, **sizes).model
        for bias in (True, False)
    ]
    names = [{one.name for one in model.trainable_variables} for model in both]
    assert "bias" in names[0]
    assert "bias" not in names[1]


def steps(stage, x):
    """Updates of each player in turn, eager; what weights of either network changed in each."""
    networks = {"critic": stage.model.critic, "generator": stage.model.generator}
    seen = {}
    for player in stage.players:
        before = {name: one.get_weights() for name, one in networks.items()}
        variables = stage.model.get_layer(player.layers[0]).trainable_variables
        with tf.GradientTape() as tape:
            loss = player.loss(tf.constant(x), None)
        gradients = tape.gradient(loss, [one.value for one in variables])
        assert all(one is not None and np.isfinite(one).all() for one in gradients)
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.build(variables)
        optimizer.apply(gradients, variables)
        seen[player.name] = {
            name: [
                one.path
                for one, old in zip(networks[name].weights, before[name], strict=True)
                if not np.array_equal(np.asarray(one), old)
            ]
            for name in networks
        }
    return seen


@pytest.mark.parametrize("normalization", tables.CRITIC_NORMALIZATIONS)
@pytest.mark.parametrize(
    ("shape", "sizes"), [((2,), {"units": (8, 8)}), ((8, 8), {"filters": (4, 8)})]
)
def test_a_players_step_changes_its_own_network_alone(normalization, shape, sizes):
    """Whatever the critic holds beside its weights: vectors, moving averages, projections."""
    stage = gan(shape, 1, Style(normalization="batch"), critic_normalization=normalization, **sizes)
    x = np.random.default_rng(0).normal(size=(6, *shape)).astype(np.float32)
    stage.model(x)
    seen = steps(stage, x)
    assert seen["critic"]["generator"] == seen["generator"]["critic"] == []
    for name, own in (("critic", stage.model.critic), ("generator", stage.model.generator)):
        assert {one.path for one in own.trainable_variables} <= {*seen[name][name]}
    held = {path.rpartition("/")[2] for path in seen["critic"]["critic"]}
    expected = {"spectral": "u", "spectral_projection": "vector_u", "batch": "moving_mean"}
    assert expected.get(normalization, "kernel") in held
    assert any("moving_mean" in path for path in seen["generator"]["generator"])


def test_the_vector_of_a_spectral_critic_follows_in_its_own_steps(lay, tmp_path):
    """One power iteration per update of the critic, none per update of the generator."""
    rate = {"critic.learning_rate": 1e-30, "critic.optimizer": "sgd"}
    laid = lay("small", normalization="spectral", critic_steps=3, epochs=2, **rate)
    trial, compiled = trained(laid, tmp_path)
    drawn = initial.draw(compiled.network.weights, trial)
    by_id = {
        id(one.variable): array for one, array in zip(compiled.network.weights, drawn, strict=True)
    }
    layer = compiled.network.model.critic.get_layer("critic_1")
    matrix, u = by_id[id(layer.layer.kernel)].astype(float), by_id[id(layer.u)].astype(float)
    for _ in range(2 * 3):
        u = matrix.T @ (matrix @ u)
        u /= np.linalg.norm(u)
    assert np.asarray(layer.u) == pytest.approx(u, abs=1e-5)
    following = matrix.T @ (matrix @ u)
    assert following / np.linalg.norm(following) != pytest.approx(u, abs=1e-4)


RULED = [
    ("small", {}, True),
    ("small", {"penalty": "gradient_penalty", "packing": 2}, True),
    ("small", {"penalty": "r1", "normalization": "spectral_projection"}, True),
    ("dropping", {}, False),
    ("remembering", {}, True),
    ("remembering", {"penalty": "r1"}, False),
]


@pytest.mark.parametrize(("game", "settings", "expected"), RULED)
def test_xla_follows_the_operations_of_both_players(lay, tmp_path, game, settings, expected):
    """Draws of a game and slopes of a critic are quick under XLA; other draws and loops are not."""
    laid = lay(game, **settings)
    ((_, learner),) = Programs(laid.card, [tmp_path]).build(laid.trial(laid.arms[0], {}, "tune", 0))
    labels = np.zeros((64, 1), np.float32)
    assert program.operations.uses_xla(learner, labels) is expected


def test_streams_are_paired(lay, tmp_path):
    """Games that differ in a penalty, a width or in turns draw alike for the same purpose."""
    games = [
        {"critic_steps": 1},
        {"critic_steps": 3, "penalty": "gradient_penalty"},
        {"critic_steps": 1, "normalization": "spectral", "width": 4},
    ]
    states = []
    for game in games:
        _, compiled = trained(lay("small", epochs=2, **game), tmp_path)
        streams = compiled.network.model.draws.streams
        states.append({purpose: streams[purpose].state.numpy().tolist() for purpose in PURPOSES})
    seeds = [{purpose: state[0] for purpose, state in one.items()} for one in states]
    assert seeds[0] == seeds[1] == seeds[2]
    assert len(set(seeds[0].values())) == len(PURPOSES)
    counts = [{purpose: state[1] for purpose, state in one.items()} for one in states]
    assert [one["critic"] for one in counts] == [2, 6, 2]
    assert [one["generator"] for one in counts] == [2, 2, 2]
    assert [one["penalty"] for one in counts] == [0, 6, 0]
    assert counts[0]["evaluation"] == counts[1]["evaluation"]


def test_packs_and_bounds_in_a_program(lay, tmp_path):
    """Also with a last batch of two cases, fewer than a pack; weights are bounded at the end."""
    laid = lay(
        "small", packing=3, penalty="gradient_penalty", weight_limit=0.05, epochs=1, batch_size=5
    )
    _, compiled = trained(laid, tmp_path)
    model = compiled.network.model
    assert model.draws.streams["critic"].state.numpy()[1] == 7
    largest = [np.abs(np.asarray(one)).max() for one in model.critic.trainable_variables]
    assert max(largest) == pytest.approx(0.05)


def levels(table):
    return [{"name": name} for name in table]


@pytest.mark.parametrize(
    "game",
    [
        *({"adversarial_loss": one} for one in levels(tables.ADVERSARIAL_LOSSES)),
        *({"penalty": one} for one in levels(tables.CRITIC_PENALTIES)),
        {"weight_limit": 0.01, "adversarial_loss": "wgan"},
        {"packing": 2, "penalty": {"name": "gp", "one_sided": True}},
    ],
)
def test_every_entry_trains(game):
    """With finite gradients for both players, of vectors and of images."""
    for shape, sizes in (((2,), {"units": (8,)}), ((8, 8, 3), {"filters": (4,)})):
        stage = gan(shape, 1, **sizes, **game)
        x = np.random.default_rng(0).normal(size=(5, *shape)).astype(np.float32)
        stage.model(x)
        steps(stage, x)
        if "weight_limit" in game:
            largest = [np.abs(np.asarray(one)).max() for one in stage.model.critic.weights]
            assert max(largest) == pytest.approx(0.01)


@pytest.mark.parametrize("normalization", ["none", "layer", "batch", "spectral"])
def test_every_weight_of_the_critic_is_bounded(normalization):
    """Kernels, biases, and the numbers of a normalization."""
    stage = gan((2,), 1, critic_normalization=normalization, weight_limit=0.5)
    assert all(one.constraint.limit == 0.5 for one in stage.model.critic.trainable_variables)
    free = gan((2,), 1, critic_normalization=normalization)
    assert all(one.constraint is None for one in free.model.critic.trainable_variables)


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (32, 32, 3), (5, 7)])
def test_images_are_as_large_as_the_real_ones(shape):
    """Also where a side cannot be halved as often."""
    stage = gan(shape, 1, filters=(4, 6, 8), output_activation="sigmoid")
    made = np.asarray(stage.model(np.zeros((3, *shape), np.float32)))
    assert made.shape == (3, *shape)
    assert ((made > 0) & (made < 1)).all()
    found = [layer.filters for layer in stage.model.generator.layers if hasattr(layer, "filters")]
    assert found == [6, 4, shape[2] if len(shape) == 3 else 1]


def test_packing_shows_the_critic_fewer_and_wider_cases():
    """Real cases stay as many as they are."""
    for shape, wide in (((2,), (None, 6)), ((8, 8), (None, 8, 8, 3)), ((8, 8, 3), (None, 8, 8, 9))):
        assert gan(shape, 1, packing=3).model.critic.input_shape == wide


@pytest.mark.parametrize(
    ("game", "said"),
    [
        ({"filters": (4,)}, "expected images for convolutions"),
        ({"adversarial_loss": "higne"}, "Did you mean 'hinge'"),
        ({"adversarial_loss": {"name": "hinge", "smoothing": 0.1}}, "numbers that it takes"),
        ({"penalty": "r3"}, "'penalty'"),
        ({"critic_normalization": "spectrum"}, "'critic_normalization'"),
        ({"critic_normalization": "batch", "penalty": "r1"}, "without batch normalization"),
        ({"turns": "simultaneous", "critic_steps": 2}, "Received: critic_steps = 2"),
        ({"turns": "together"}, "alternating, simultaneous"),
    ],
)
def test_games_that_make_no_sense_are_refused(game, said):
    """With a word on what to do instead."""
    with pytest.raises(TemplateError, match=said):
        gan((2,), 1, **game)


def test_an_average_includes_the_newest_weights():
    """It starts at the initial weights, whatever was asked of it in between."""
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    (weight,) = network.trainable_variables
    average = Average(network, keras.Variable(0.9))
    expected = None
    for number in (5.0, 3.0, 4.0, -2.0):
        weight.assign([[number]])
        expected = number if expected is None else 0.9 * expected + 0.1 * number
        for _ in range(2):
            assert float(average.outputs(np.ones((1, 1)))[0, 0]) == pytest.approx(expected)
        average.follow()
    assert len(average.non_trainable_variables) == 2
    assert not average.trainable_variables


def test_draws_are_one_stream_per_purpose():
    """A draw for one purpose moves no other."""
    one, other = Draws(3), Draws(3)
    one.latent("critic", 4)
    one.places((4, 1))
    for purpose in ("generator", "evaluation"):
        assert np.array_equal(one.latent(purpose, 2), other.latent(purpose, 2))
    assert not np.array_equal(one.latent("critic", 4), other.latent("critic", 4))


COUNTS = [
    (mode, places, stride)
    for mode, places, stride in itertools.product(
        ("fan_in", "fan_out", "fan_avg"), ((4, 4), (3,)), (1, 2)
    )
]


@pytest.mark.parametrize(("mode", "places", "stride"), COUNTS)
def test_a_transposed_convolution_is_scaled_by_what_it_receives(mode, places, stride):
    """The deviation of many draws, as a template and as a program draw them."""
    shape = (*places, 64, 96)
    area = np.prod(places)
    fans = {"fan_in": area * 96 / stride ** len(places), "fan_out": area * 64}
    fans["fan_avg"] = (fans["fan_in"] + fans["fan_out"]) / 2
    plain = keras.initializers.VarianceScaling(2.0, mode, "untruncated_normal", seed=1)
    made = Received(plain, stride)
    again = keras.initializers.deserialize(keras.initializers.serialize(made))
    for one in (made, again):
        expected = np.sqrt(2 / fans[mode])
        assert np.asarray(one(shape)).std() == pytest.approx(expected, rel=0.03)


def test_a_program_draws_by_what_is_received(plan):
    """The same numbers as without, times a factor; other initializers are left alone."""
    laid = plan(factors={"initializer": ["he_normal", "orthogonal"]})
    variable = keras.Variable(np.zeros((4, 4, 64, 16), np.float32))
    for arm, factors in zip(laid.arms, ({1: 2, 2: 4}, {1: 1, 2: 1}), strict=True):
        trial = laid.trial(arm, {}, "tune", 0)
        (plain,) = initial.draw([Weight(variable, Drawn())], trial)
        for stride, factor in factors.items():
            (found,) = initial.draw([Weight(variable, Received(Drawn(), stride))], trial)
            assert found == pytest.approx(factor * plain, rel=1e-6)
            assert found.dtype == np.float32


def test_activations_keep_their_size_through_transposed_convolutions():
    """Second moments of a generator's hidden images, away from the borders."""
    moments = {}
    for fan in ("keras", "received"):
        stage = gan(
            (32, 32),
            1,
            Style(initializer="he_normal"),
            filters=(16, 32, 64),
            latent=64,
            transposed_fan=fan,
        )
        generator = stage.model.generator
        keras.utils.set_random_seed(0)
        inner = keras.Model(
            generator.input,
            [generator.get_layer(f"generator_{one}_activation").output for one in (0, 1, 2)],
        )
        z = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
        found = [np.asarray(one) for one in inner(z)]
        moments[fan] = [
            np.mean(np.square(one[:, 1:-1, 1:-1] if one.shape[1] > 4 else one)) for one in found
        ]
    kept = [after / before for before, after in itertools.pairwise(moments["received"])]
    lost = [after / before for before, after in itertools.pairwise(moments["keras"])]
    assert kept == pytest.approx([1, 1], rel=0.25)
    assert max(lost) < 0.8


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("normalization", ["none", "spectral"])
def test_a_model_is_saved_and_loaded(tmp_path, normalization):
    """With its average, and what its critic holds."""
    style = Style(normalization="batch")
    stage = gan((2,), 1, style, critic_normalization=normalization, average=0.9, weight_limit=0.1)
    x = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    stage.model(x)
    steps(stage, x)
    stage.model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for one, other in zip(stage.model.weights, again.weights, strict=True):
        assert np.array_equal(one, other)
    stage.model.draws.streams["evaluation"].state.assign([7, 0])
    again.draws.streams["evaluation"].state.assign([7, 0])
    assert np.array_equal(stage.model(x), again(x))
