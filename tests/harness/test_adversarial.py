"""Losses, penalties, bounds and packs are those of their papers."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.blocks import adversarial
from harness.catalog import adversarial as tables
from harness.targets import resolve

GENERATOR = np.random.default_rng(0)
REAL, GENERATED = GENERATOR.normal(size=(2, 40, 1)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def crossed(target, scores):
    p = sigmoid(scores)
    return -np.mean(target * np.log(p) + (1 - target) * np.log(1 - p))


FORMULAS = {
    "minimax": (
        lambda r, g: crossed(1, r) + crossed(0, g),
        lambda g: np.mean(np.log(1 - sigmoid(g))),
    ),
    "non_saturating": (lambda r, g: crossed(1, r) + crossed(0, g), lambda g: crossed(1, g)),
    "least_squares": (
        lambda r, g: np.mean((r - 1) ** 2) / 2 + np.mean(g**2) / 2,
        lambda g: np.mean((g - 1) ** 2) / 2,
    ),
    "hinge": (
        lambda r, g: np.mean(np.maximum(0, 1 - r)) + np.mean(np.maximum(0, 1 + g)),
        lambda g: -np.mean(g),
    ),
    "wasserstein": (lambda r, g: np.mean(g) - np.mean(r), lambda g: -np.mean(g)),
}


def test_every_loss_has_a_formula():
    """The table and the formulas below name the same losses."""
    assert FORMULAS.keys() == tables.ADVERSARIAL_LOSSES.keys()


@pytest.mark.parametrize("name", FORMULAS)
def test_losses_are_those_of_the_papers(name):
    """Written out with logarithms and probabilities, in double precision."""
    pair = resolve(tables.ADVERSARIAL_LOSSES[name].target)()
    critic, generator = FORMULAS[name]
    assert float(pair.critic(REAL, GENERATED)) == pytest.approx(critic(REAL, GENERATED), rel=1e-5)
    assert float(pair.generator(GENERATED)) == pytest.approx(generator(GENERATED), rel=1e-5)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("size", [100.0, 1e4])
def test_losses_of_extreme_scores_are_finite(name, size):
    """Where a sigmoid is 0 or 1 in single precision; so are their slopes."""
    pair = resolve(tables.ADVERSARIAL_LOSSES[name].target)()
    for sign in (-size, size):
        scores = tf.constant([[sign]])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(scores)
            found = pair.critic(scores, scores), pair.generator(scores)
        assert np.isfinite(found).all()
        assert all(np.isfinite(tape.gradient(one, scores)).all() for one in found)


def test_a_sure_critic_stops_one_generator_and_not_the_other():
    """Slopes at a generated case that the critic is sure about."""
    slopes = {}
    for name in ("minimax", "non_saturating"):
        scores = tf.constant([[-20.0]])
        with tf.GradientTape() as tape:
            tape.watch(scores)
            loss = getattr(adversarial, name)().generator(scores)
        slopes[name] = float(tape.gradient(loss, scores)[0, 0])
    assert slopes["minimax"] == pytest.approx(0, abs=1e-8)
    assert slopes["non_saturating"] == pytest.approx(-1)


def test_minimax_is_a_zero_sum_game():
    """What the generator can change of the two losses adds up to nothing."""
    pair = adversarial.minimax(0.1)
    sums = [
        float(pair.critic(REAL, scores) + pair.generator(scores))
        for scores in (GENERATED, 3 * GENERATED)
    ]
    assert sums[0] == pytest.approx(sums[1])


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares"])
@pytest.mark.parametrize("kind", [float, keras.Variable])
def test_labels_are_smoothed_on_one_side(name, kind):
    """The target of real cases is 0.9, that of generated ones stays 0."""
    pair = getattr(adversarial, name)(kind(0.1))
    plain = getattr(adversarial, name)()
    found = float(pair.critic(REAL, GENERATED))
    if name == "least_squares":
        expected = np.mean((REAL - 0.9) ** 2) / 2 + np.mean(GENERATED**2) / 2
    else:
        expected = crossed(0.9, REAL) + crossed(0, GENERATED)
    assert found == pytest.approx(expected, rel=1e-5)
    assert float(pair.generator(GENERATED)) == float(plain.generator(GENERATED))


def test_the_table_says_which_losses_have_labels():
    """Hinge and Wasserstein have none to be smoothed."""
    labelled = {name for name, one in tables.ADVERSARIAL_LOSSES.items() if one.numbers}
    assert labelled == {"minimax", "non_saturating", "least_squares"}


def quadratic(weight):
    """A critic whose slope at x is ``2 * weight * x``."""
    return lambda x: keras.ops.sum(weight * keras.ops.square(x), axis=-1, keepdims=True)


POINTS, OTHERS = GENERATOR.normal(size=(2, 30, 3)).astype(np.float32)


def halves(shape):
    return keras.ops.full(shape, 0.25)


@pytest.mark.parametrize("one_sided", [False, True])
def test_the_gradient_penalty_is_that_of_the_paper(one_sided):
    """Norms at the drawn places, and its own slope with respect to a weight of the critic."""
    weight = tf.Variable(0.4)
    with tf.GradientTape() as tape:
        found = adversarial.gradient_penalty(
            quadratic(weight), POINTS, OTHERS, halves, weight=3.0, one_sided=one_sided
        )
    norms = np.linalg.norm(2 * 0.4 * (0.25 * POINTS + 0.75 * OTHERS), axis=1)
    excess = np.maximum(norms - 1, 0) if one_sided else norms - 1
    assert float(found) == pytest.approx(3 * np.mean(excess**2), rel=1e-5)
    expected = 3 * np.mean(2 * excess * norms / 0.4)
    assert float(tape.gradient(found, weight)) == pytest.approx(expected, rel=1e-5)


def test_a_flat_critic_has_a_penalty_with_a_slope():
    """The norm of a gradient of zero is not differentiable; its penalty stays finite."""
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        found = adversarial.gradient_penalty(quadratic(weight), POINTS, OTHERS, halves)
    assert float(found) == pytest.approx(10, rel=1e-4)
    assert np.isfinite(float(tape.gradient(found, weight)))


def test_places_are_drawn_per_case():
    """One number for all coordinates of a case, whatever its rank."""
    shapes = []

    def drawn(shape):
        shapes.append(shape)
        return halves(shape)

    images = tf.ones((5, 4, 4, 2))
    adversarial.gradient_penalty(keras.ops.sum, images, images, drawn)
    assert shapes == [(5, 1, 1, 1)]


def test_r1_is_that_of_the_paper():
    """Squared norms at real cases alone, half of gamma times."""
    weight = tf.Variable(0.4)
    with tf.GradientTape() as tape:
        found = adversarial.r1(quadratic(weight), POINTS, OTHERS, halves, gamma=3.0)
    squares = np.mean(np.sum((2 * 0.4 * POINTS) ** 2, axis=1))
    assert float(found) == pytest.approx(1.5 * squares, rel=1e-5)
    assert float(tape.gradient(found, weight)) == pytest.approx(2 * 1.5 * squares / 0.4, rel=1e-5)


def test_bounded_weights_stay_bounded():
    """Kernel and bias, after every update; the bound may be a variable."""
    limit = keras.Variable(0.05)
    bounded = {"kernel_constraint": adversarial.Bounded(limit)}
    layer = keras.layers.Dense(3, **bounded, bias_constraint=adversarial.Bounded(limit))
    layer.build((None, 4))
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(layer.trainable_variables)
    optimizer.apply([keras.ops.ones_like(one) for one in layer.trainable_variables])
    assert [np.unique(one).tolist() for one in layer.get_weights()] == [[np.float32(-0.05)]] * 2
    again = keras.constraints.deserialize(keras.constraints.serialize(adversarial.Bounded(0.01)))
    assert again.limit == 0.01


@pytest.mark.parametrize("shape", [(6, 2), (6, 4, 5, 3)])
def test_packs_hold_every_case_once(shape):
    """Joined on the last axis, in their order."""
    cases = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    found = np.asarray(adversarial.packed(keras.ops.convert_to_tensor(cases), 3))
    expected = np.stack([np.concatenate(cases[one : one + 3], axis=-1) for one in (0, 3)])
    assert np.array_equal(found, expected)
    assert adversarial.packed(cases, 1) is cases


def test_a_pack_that_is_not_full_is_filled_up():
    """With the first cases of the batch, also where that has fewer than a pack."""
    cases = keras.ops.convert_to_tensor([[0.0], [1.0], [2.0]])
    assert np.asarray(adversarial.packed(cases, 2)).tolist() == [[0, 1], [2, 0]]
    assert np.asarray(adversarial.packed(cases[:1], 3)).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("table", [tables.ADVERSARIAL_LOSSES, tables.CRITIC_PENALTIES])
def test_entries_take_what_the_tables_say(table):
    """Every target takes the numbers and flags of its entry, under these names."""
    for entry in table.values():
        if not entry.target:
            continue
        numbers = {key: one.default for key, one in entry.numbers.items()} | dict(entry.flags)
        made = resolve(entry.target)
        if table is tables.CRITIC_PENALTIES:
            found = made(quadratic(1.0), POINTS, OTHERS, halves, **numbers)
            assert float(found) == float(made(quadratic(1.0), POINTS, OTHERS, halves))
        else:
            assert float(made(**numbers).critic(REAL, GENERATED)) == pytest.approx(
                float(made().critic(REAL, GENERATED))
            )
