"""Initial draws have Keras' distributions, and arms share what lies beneath them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import stats

from harness import catalog, datasets, initial
from harness.blocks.layers import Drawn
from harness.program import Weight
from harness.targets import resolve
from harness.train import Trainer

SHAPES = [(300, 200), (3, 3, 40, 60)]
FIXED = {"zeros", "ones", "constant", "identity"}
RANDOM = catalog.INITIALIZERS.keys() - FIXED - {"orthogonal", "lsuv"}
VARIANCE_SCALING = catalog.INITIALIZERS["variance_scaling"].options


class Variable:
    """The shape and type of a weight."""

    def __init__(self, shape):
        self.shape, self.dtype = shape, "float32"


def drawn(plan, level, shape, replicate=0):
    """What one weight starts from, for an initializer level."""
    laid = plan(factors={"initializer": [level]})
    trial = laid.trial(laid.arms[0], {}, "confirm", replicate)
    (values,) = initial.draw([Weight(Variable(shape), Drawn())], trial)
    return values


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", sorted(RANDOM))
def test_same_distribution_as_keras(plan, name, shape):
    """Every family has the quantiles of Keras' own draws."""
    same_distribution(plan, name, shape)


@pytest.mark.parametrize("distribution", VARIANCE_SCALING["distribution"])
@pytest.mark.parametrize("mode", VARIANCE_SCALING["mode"])
def test_variance_scaling_has_all_of_its_forms(plan, mode, distribution):
    """Every option reaches the draw."""
    level = {"name": "variance_scaling", "scale": 3, "mode": mode, "distribution": distribution}
    same_distribution(plan, level, (300, 100))


def same_distribution(plan, level, shape):
    """Ours against Keras' own, with a seed of its own."""
    ours = drawn(plan, level, shape).ravel()
    chosen = catalog.choice("initializer", level)
    theirs = np.asarray(resolve(chosen.entry.target)(**chosen.arguments, seed=3)(shape)).ravel()
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-4
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    far = [np.quantile(abs(values), 0.999) for values in (ours, theirs)]
    assert far[0] == pytest.approx(far[1], rel=0.1)


@pytest.mark.parametrize("name", sorted(FIXED))
def test_what_is_not_random_is_equal_to_keras(plan, name):
    """To the last bit."""
    chosen = catalog.choice("initializer", name)
    theirs = np.asarray(resolve(chosen.entry.target)(**chosen.arguments)((30, 20)))
    assert np.array_equal(drawn(plan, name, (30, 20)), theirs)


def test_the_classical_draw_is_within_one_over_the_root(plan):
    """Uniform, up to 1 / sqrt(n) for n inputs."""
    values = drawn(plan, "classical", (400, 50))
    assert abs(values).max() == pytest.approx(1 / 20, rel=1e-3)
    assert values.std() == pytest.approx(1 / 20 / 3**0.5, rel=0.02)


def all_of_keras():
    """The initializers that Keras offers by class, but for STFT, which only fits spectrograms."""
    found = {
        one
        for one in vars(keras.initializers).values()
        if isinstance(one, type) and issubclass(one, keras.initializers.Initializer)
    }
    return found - {keras.initializers.Initializer, keras.initializers.STFT}


def test_all_of_keras_is_listed():
    """Every class of ``keras.initializers`` has an entry."""
    listed = {resolve(entry.target) for entry in catalog.INITIALIZERS.values()}
    assert all_of_keras() <= listed


@pytest.mark.parametrize(
    ("template", "activation", "normalization"),
    [("mlp", "relu", "none"), ("mlp", "tanh", "batch"), ("cnn", "gelu", "layer")],
)
def test_lsuv_gives_every_layer_its_variance(plan, images, template, activation, normalization):
    """On other training cases too, more or less; with orthogonal kernels, up to a factor."""
    fixed = {"epochs": 1, "units": [30, 20], "batch_size": 32, "learning_rate": 1e-12}
    fixed |= {"activation": activation, "normalization": normalization}
    if template == "cnn":
        fixed["filters"] = [8]
    levels = ["orthogonal", {"name": "lsuv", "variance": 2.0}]
    laid = plan(data=images, template=template, factors={"initializer": levels}, fixed=fixed)
    trainer = Trainer(laid.card, [])
    kernels = []
    for arm in laid.arms:
        outcome = trainer.run(laid.trial(arm, {}, "tune", 0))
        assert outcome.status == "completed", outcome.reason
        ((compiled,),) = trainer.programs.values()
        model = compiled.network.model
        layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
        kernels.append([np.asarray(layer.kernel) for layer in layers])
    inputs = datasets.load(laid.card).x[:]
    for layer in layers:
        outputs = keras.Model(model.input, layer.output)(inputs)
        assert float(np.var(outputs)) == pytest.approx(2.0, rel=0.25)
    for plain, scaled in zip(*kernels, strict=True):
        factor = scaled / plain
        assert factor == pytest.approx(factor.flat[0], rel=1e-3)
        assert factor.flat[0] != pytest.approx(1, rel=1e-2)


@pytest.mark.parametrize("shape", [(40, 20), (20, 40), (3, 3, 4, 5)])
def test_orthogonal_is_orthogonal(plan, shape):
    """The matrix has orthonormal rows or columns, times the gain."""
    values = drawn(plan, {"name": "orthogonal", "gain": 2.0}, shape)
    matrix = values.reshape(-1, shape[-1]).astype(float)
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    assert small == pytest.approx(4 * np.eye(len(small)), abs=1e-5)


def test_arms_share_their_draws(plan):
    """Families of one shape are monotone maps of the same uniforms: ranks agree."""
    normal = drawn(plan, "he_normal", (50, 40)).ravel()
    uniform = drawn(plan, "glorot_uniform", (50, 40)).ravel()
    assert stats.spearmanr(normal, uniform).statistic == pytest.approx(1.0)


def test_replicates_and_occurrences_differ(plan):
    """Another replicate, or a second weight of the same shape, is another draw."""
    laid = plan(factors={"initializer": ["he_normal"]})
    weights = [Weight(Variable((20, 20)), Drawn()) for _ in range(2)]
    first, second = initial.draw(weights, laid.trial(laid.arms[0], {}, "confirm", 0))
    other, _ = initial.draw(weights, laid.trial(laid.arms[0], {}, "confirm", 1))
    tuned, _ = initial.draw(weights, laid.trial(laid.arms[0], {}, "tune", 0))
    for values in (second, other, tuned):
        assert not np.array_equal(first, values)


def test_deterministic_weights_do_not_shift_the_draws(plan):
    """An arm with extra zeros and ones (a normalization) keeps its kernels paired."""
    laid = plan(factors={"initializer": ["he_normal"]})
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    kernel = Weight(Variable((20, 20)), Drawn())
    scale = Weight(Variable((20, 20)), keras.initializers.Ones())
    (alone,) = initial.draw([kernel], trial)
    _, behind = initial.draw([scale, kernel], trial)
    assert np.array_equal(alone, behind)


def test_a_users_seed_does_not_make_replicates_one(plan):
    """A seed fixed inside a user's initializer is replaced by the replicate's stream."""
    laid = plan()
    weights = [Weight(Variable((5, 5)), keras.initializers.HeNormal(seed=3))]
    draws = [
        initial.draw(weights, laid.trial(laid.arms[0], {}, "confirm", replicate))[0]
        for replicate in range(2)
    ]
    assert not np.array_equal(*draws)


def test_unknown_initializers_are_seeded_and_leave_the_callers_state(plan):
    """A function that draws from global generators is repeatable, and disturbs nobody."""
    laid = plan()

    def noisy(shape, dtype=None):
        return keras.random.normal(shape, dtype=dtype)

    weights = [Weight(Variable((5, 5)), noisy)]
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    np.random.seed(1)  # noqa: NPY002, the state of a user's program
    expected = np.random.RandomState(1).rand()
    (first,), (second,) = initial.draw(weights, trial), initial.draw(weights, trial)
    assert np.array_equal(first, second)
    assert np.random.rand() == expected  # noqa: NPY002


def test_a_decoder_is_told_how_keras_counts(plan, images):
    """Where a trial's initializer goes by fan-in and fills a transposed convolution."""
    fixed = {"filters": [4], "units": [], "code": 4, "epochs": 1}
    levels = ["he_normal", "glorot_uniform", "lecun_uniform", "orthogonal"]
    laid = plan(data=images, template="autoencoder", factors={"initializer": levels}, fixed=fixed)
    trials = [laid.trial(arm, {}, "tune", 0) for arm in laid.arms]
    trainer = Trainer(laid.card, [])
    (network,) = trainer.networks(trials[0])
    notes = [initial.notes(network, trial) for trial in trials]
    assert [len(one) for one in notes] == [1, 0, 1, 0]
    assert notes[0] == notes[2]
    assert "Keras counts the output channels as fan-in" in notes[0][0]
    assert trainer.run(trials[2]).notes == notes[2]
    dense = plan(template="autoencoder", factors={"initializer": ["he_normal"]}, fixed={"code": 4})
    assert not trainer.rehearse(dense.trial(dense.arms[0], {}, "tune", 0)).notes
