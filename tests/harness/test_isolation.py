"""A world of user code: seeded as it is entered, and left without a trace."""

from __future__ import annotations

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import isolation, seeds
from harness.errors import TemplateError

DRAWS = {
    "numpy.random": np.random.normal,
    "numpy.random, unseeded": lambda: np.random.default_rng().normal(),
    "random": random.random,
    "tf.random": lambda: float(tf.random.normal(())),
    "keras.random": lambda: float(keras.random.normal(())),
}


def entered(world, number):
    """A world, seeded by a number."""
    return world.entered(seeds.stream(number, "test", 0))


@pytest.mark.parametrize("name", DRAWS)
def test_draws_follow_the_stream(name):
    """Two worlds entered alike draw alike, each draw differs, and what is drawn from is known."""
    found = []
    for number in (1, 1, 2):
        world = isolation.World()
        with entered(world, number):
            assert world.drawn() == []
            found.append([DRAWS[name]() for _ in range(3)])
            assert world.drawn() == [name.partition(",")[0]]
    assert found[0] == found[1]
    assert not {*found[0]} & {*found[2]}
    assert len({*found[0]}) == 3


def test_nothing_is_left_behind():
    """Neither functions nor generators are others afterwards."""
    before = np.random.default_rng, keras.layers.Layer.add_weight, random.getstate()
    random.seed(5)
    state = random.getstate()
    with entered(isolation.World(), 1):
        keras.utils.set_random_seed(7)
        random.random()
    assert random.getstate() == state
    random.setstate(before[2])
    assert (np.random.default_rng, keras.layers.Layer.add_weight) == before[:2]


def test_a_seed_is_no_draw():
    """Templates that seed everything first draw nothing."""
    world = isolation.World()
    with entered(world, 1):
        keras.utils.set_random_seed(7)
        keras.layers.Dense(3).build((None, 2))
        assert world.drawn() == []


@pytest.mark.parametrize("name", ["numpy.random", "numpy.random, unseeded", "random"])
def test_draws_while_a_graph_is_made_are_refused(name):
    """They would be constants of it."""
    world = isolation.World()
    with entered(world, 1):
        said = f"a call of {name.partition(',')[0]} in"
        with pytest.raises(TemplateError, match=said), world.traced():
            DRAWS[name]()
        with world.traced():
            DRAWS["tf.random"]()


def test_settings_of_a_template_hold_whenever_it_is_entered():
    """And for no other."""
    mine, other = isolation.World(), isolation.World()
    with entered(mine, 1):
        keras.config.set_epsilon(1e-3)
    assert keras.config.epsilon() == 1e-7
    with entered(other, 1):
        assert keras.config.epsilon() == 1e-7
    with entered(mine, 2):
        assert keras.config.epsilon() == 1e-3
