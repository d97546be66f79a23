"""Several players in one program: their turns, losses and settings."""

from __future__ import annotations

import numpy as np
import pytest

from harness import datasets, design
from harness.errors import StudyError, TemplateError
from harness.players import Player, Stage, Turn
from harness.spec import Study
from harness.train import Trainer, cases

GAME = """
import keras

from harness.players import Player, Stage, Turn


class Scaled(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.5), name="w")

    def call(self, x):
        return x * self.w


def game(shape, outputs, times=3, together=False):
    inputs = keras.Input(shape)
    first, second = Scaled(name="first"), Scaled(name="second")
    model = keras.Model(inputs, first(inputs) + second(inputs))

    def attack(x, y):
        return keras.ops.mean(keras.ops.square(first.w * x - y)) + first.w * second.w

    def defend(x, y):
        return keras.ops.mean(keras.ops.square(second.w - x)) / 2 - first.w * second.w

    return Stage(
        model=model,
        players=(
            Player(name="attack", layers=("first",), loss=attack),
            Player(name="defend", layers=("second",), loss=defend),
        ),
        turns=(Turn(player="attack", times=times), Turn(player="defend")),
        simultaneous=together,
    )


def plain(shape, outputs):
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(outputs)])


def named(shape, outputs):
    return Stage(model=plain(shape, outputs), players=(Player(name="all"),))


def astray(shape, outputs):
    return Stage(model=plain(shape, outputs), players=(Player(name="all", layers=("none",)),))
"""


@pytest.fixture
def lay(tmp_path):
    """Lays out a study of the module above on a line with noise, one batch an epoch."""
    (tmp_path / "games.py").write_text(GAME)
    generator = np.random.default_rng(3)
    x = generator.normal(0.3, 1.0, size=(50, 1))
    np.savez(tmp_path / "line.npz", x=x, y=1.5 * x + generator.normal(0, 0.1, size=x.shape))

    def laid(template, epochs=50, **fixed):
        study = Study(
            name="game",
            template=f"games:{template}",
            dataset=str(tmp_path / "line.npz"),
            factors={"epochs": [epochs]},
            fixed={"batch_size": 32, "optimizer": "sgd", "learning_rate": 0.05, **fixed},
        )
        return design.plan(study, datasets.describe(study.dataset, [tmp_path]), [tmp_path])

    return laid


def trained(laid, folder, trainer=None):
    """A tune trial, its weights left as the last update has them; and who trained it."""
    trainer = trainer or Trainer(laid.card, [folder])
    trial = laid.trial(laid.arms[0], {}, "tune", 0)
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    ((compiled,),) = trainer.programs.values()
    model = compiled.network.model
    weights = np.concatenate([one.numpy().ravel() for one in model.trainable_variables])
    return trial, outcome, weights.tolist(), trainer


def played(data, times, rates, steps=50, *, together=False):
    """The game in NumPy: plain descent against descent with momentum."""
    x, y = data.x_train.astype(float), data.y_train.astype(float)
    a = b = 0.5
    speed = 0.0
    for _ in range(steps):
        before = a
        for _ in range(times):
            a -= rates[0] * (np.mean(2 * x * (a * x - y)) + b)
        speed = 0.9 * speed - rates[1] * (b - np.mean(x) - (before if together else a))
        b += speed
    return [a, b]


@pytest.mark.parametrize(
    ("times", "together"),
    [pytest.param(3, False, marks=pytest.mark.xla), (1, False), (1, True)],
)
def test_a_game_of_two_players_equals_numpy(lay, tmp_path, times, together):
    """Two losses, two optimizers, turns three to one or at the same weights, over fifty steps."""
    defend = {
        "defend.optimizer": {"name": "sgd", "momentum": 0.9},
        "defend.learning_rate": 0.02,
    }
    laid = lay("game", times=times, together=together, **defend)
    trial, outcome, found, trainer = trained(laid, tmp_path)
    expected = played(cases(trial, laid.card), times, (0.05, 0.02), together=together)
    assert found == pytest.approx(expected, abs=1e-6)
    assert outcome.route == "program"
    ((compiled,),) = trainer.programs.values()
    assert compiled.program.traces == 1


@pytest.mark.slow
def test_rates_of_players_are_inputs_of_one_program(lay, tmp_path):
    """As those of a single player are; a player without settings of its own shares them."""
    trainer, ends = None, []
    for rate in (0.02, 0.01):
        laid = lay("game", **{"defend.learning_rate": rate})
        _, _, found, trainer = trained(laid, tmp_path, trainer)
        ends.append(found)
    assert len(trainer.programs) == 1
    assert ends[0] != ends[1]
    shared = lay("game")
    own = lay("game", **{"defend.learning_rate": 0.05})
    assert trained(shared, tmp_path)[2] == trained(own, tmp_path)[2]


def test_one_player_with_a_name_is_a_model_without(lay, tmp_path):
    """What a template need not say changes nothing."""
    _, plain, *_ = trained(lay("plain", epochs=3), tmp_path)
    _, named, *_ = trained(lay("named", epochs=3), tmp_path)
    assert plain.curve == named.curve


def test_what_names_nothing_is_refused(lay, tmp_path):
    """A layer that is not there, a player that is not there, a setting that no player has."""
    laid = lay("astray")
    with pytest.raises(TemplateError, match="'none'"):
        Trainer(laid.card, [tmp_path]).networks(laid.trial(laid.arms[0], {}, "tune", 0))
    laid = lay("game", **{"critic.optimizer": "adam"})
    with pytest.raises(TemplateError, match=r"attack, defend.*'critic'"):
        Trainer(laid.card, [tmp_path]).networks(laid.trial(laid.arms[0], {}, "tune", 0))
    laid = lay("game", times=3, together=True)
    with pytest.raises(TemplateError, match=r"one turn per player.*4 turns of 2 players"):
        Trainer(laid.card, [tmp_path]).networks(laid.trial(laid.arms[0], {}, "tune", 0))
    with pytest.raises(StudyError, match=r"defend\.epochs"):
        lay("game", **{"defend.epochs": 3})
    with pytest.raises(StudyError, match="above 0"):
        lay("game", **{"defend.learning_rate": -1.0})


def test_turns():
    """In their order, each player once where nothing is said."""
    players = (Player(name="a"), Player(name="b"))
    assert Stage(model=None, players=players).order == (0, 1)
    turns = (Turn(player="b", times=2), Turn(player="a"), Turn(player="b"))
    assert Stage(model=None, players=players, turns=turns).order == (1, 1, 0, 1)
