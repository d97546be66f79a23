"""The recurrent template: cells, directions, steps, tokens, and equality with fit."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from fitting import assert_equals_fit

from harness import design, initial
from harness.blocks.layers import ForgetBias
from harness.blocks.style import Style
from harness.errors import DataError, StudyError, TemplateError
from harness.templates.rnn import rnn
from harness.train import Trainer

SMALL = {"epochs": 3, "units": [5], "batch_size": 50, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Two classes of series, six steps of two numbers, told apart by their drift."""
    generator = np.random.default_rng(0)
    y = np.arange(140) % 2
    x = generator.normal(size=(140, 6, 2)) + np.linspace(0, 1, 6)[:, None] * y[:, None, None]
    file = tmp_path_factory.mktemp("series") / "series.npz"
    np.savez(file, x=x, y=y)
    return file


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """Sequence to sequence: each step's class is the sign of the number one step before."""
    x = np.random.default_rng(1).normal(size=(140, 7, 1))
    y = np.concatenate([np.zeros((140, 1), int), (x[:, :-1, 0] > 0).astype(int)], axis=1)
    file = tmp_path_factory.mktemp("echo") / "echo.npz"
    np.savez(file, x=x, y=y)
    return file


@pytest.fixture
def lay(plan, series):
    """Lays out an rnn study on the series."""

    def laid(data=series, factors=None, **fixed):
        given = {
            key: part for key, part in {**SMALL, **fixed}.items() if key not in (factors or {})
        }
        return plan(data=data, template="rnn", factors=factors or {"dropout": [0.0]}, fixed=given)

    return laid


def outcome(laid, arm=0, phase="confirm", replicate=0):
    """One trial, trained."""
    return Trainer(laid.card, []).run(laid.trial(laid.arms[arm], {}, phase, replicate))


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "fixed",
    [
        {"cell": "simple"},
        pytest.param({"cell": "simple"}, marks=[pytest.mark.xla, SLOW], id="xla"),
        pytest.param({"cell": "gru", "pooling": "mean"}, marks=SLOW),
        pytest.param({"cell": "lstm", "units": [4, 3], "bidirectional": True}, marks=SLOW),
        {"cell": "lstm", "pooling": "max", "normalization": "layer", "optimizer": "rmsprop"},
        pytest.param(
            {
                "cell": "simple",
                "recurrent_regularizer": {"name": "l2", "l2": 0.1},
                "activation": "relu",
            },
            marks=SLOW,
        ),
        pytest.param(
            {"cell": "gru", "clip": {"name": "global_norm", "limit": 0.1}, "optimizer": "sgd"},
            marks=SLOW,
        ),
        {
            "cell": "gru",
            "constraint": {"name": "max_norm", "max_value": 0.5},
            "recurrent_constraint": "unit_norm",
            "recurrent_regularizer": {"name": "l2", "l2": 0.1},
            "bias_regularizer": "l2",
            "activity_regularizer": {"name": "l1", "l1": 0.1},
        },
    ],
)
def test_rnn_equals_fit(lay, fixed):
    """Every cell, stacked and in both directions, pooled in every way."""
    assert_equals_fit(lay(**fixed))


def test_sequences_equal_fit(lay, echo):
    """A class at every step: the loss is the mean over steps."""
    assert_equals_fit(lay(data=echo, cell="gru"))


def test_a_sequence_is_learned_step_by_step(lay, echo):
    """What was one step before can be remembered; bits and perplexity follow from the test loss."""
    found = outcome(lay(data=echo, cell="gru", units=[12], epochs=60, learning_rate=0.03))
    assert found.status == "completed", found.reason
    assert found.metrics["test/accuracy@last"] > 0.95
    bits = found.metrics["test/bits@last"]
    assert bits == pytest.approx(found.metrics["test/crossentropy@last"] / np.log(2), rel=1e-4)
    assert found.metrics["test/perplexity@last"] == pytest.approx(2**bits)


@pytest.mark.slow
def test_recurrent_initializers_and_forget_biases_share_a_program(lay):
    """They fill initial weights, so they are inputs, and each of them reaches the training."""
    factors = {"recurrent_initializer": ["orthogonal", "zeros"], "forget_bias": [0.0, 1.0, 3.0]}
    laid = lay(factors=factors, cell="lstm")
    trainer = Trainer(laid.card, [])
    found = [trainer.run(laid.trial(arm, {}, "tune", 0)) for arm in laid.arms]
    assert len(trainer.programs) == 1
    assert len({one.curve[0].quantities["train/loss"] for one in found}) == 6


def test_an_unsaid_forget_bias_is_one(lay):
    """As in Keras; the second quarter of the bias."""
    unsaid, one = lay(cell="lstm"), lay(cell="lstm", forget_bias=1.0)
    trainer = Trainer(unsaid.card, [])
    trials = [laid.trial(laid.arms[0], {}, "confirm", 0) for laid in (unsaid, one)]
    first, second = (trainer.run(trial) for trial in trials)
    assert first.curve == second.curve
    np.testing.assert_array_equal(ForgetBias(2.0)((8,)), [0, 0, 2, 2, 0, 0, 0, 0])
    stock = keras.layers.LSTM(3)
    stock.build((None, 4, 2))
    np.testing.assert_array_equal(stock.cell.bias, ForgetBias(1.0)((12,)))


def test_chrono_biases_are_spread_over_the_steps(lay):
    """Log-uniform forget gates, and opposite input gates; paired over arms, not over replicates."""
    biases = [{"name": "chrono", "steps": steps} for steps in (30, 90)]
    laid = lay(factors={"forget_bias": [1.0, *biases]}, cell="lstm", units=[200])
    trainer = Trainer(laid.card, [])
    found = []
    for arm, replicate in ((1, 0), (2, 0), (1, 1)):
        trial = laid.trial(laid.arms[arm], {}, "confirm", replicate)
        (network,) = trainer.networks(trial)
        drawn = zip(network.weights, initial.draw(network.weights, trial), strict=True)
        (bias,) = (array for one, array in drawn if one.variable.path.endswith("lstm_cell/bias"))
        gates, forget = bias[:200], bias[200:400]
        np.testing.assert_array_equal(gates, -forget)
        assert not bias[400:].any()
        found.append(np.exp(forget))
    longest, other, again = found
    assert (longest >= 1).all()
    assert (longest <= 29).all()
    assert longest.mean() == pytest.approx(15, rel=0.1)
    np.testing.assert_allclose((other - 1) / 88, (longest - 1) / 28, atol=1e-5)
    assert not np.allclose(longest, again)
    keys = {design.program_key(laid.trial(arm, {}, "confirm", 0), laid.card) for arm in laid.arms}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("bias", "said"),
    [
        ({"name": "chrono", "steps": 2}, "from 3 to inf for 'steps'"),
        ({"name": "chronos"}, "Did you mean 'chrono'"),
        ("many", "expected the name of a gate_bias"),
        ([1.0], "expected a finite number"),
    ],
)
def test_other_biases_are_refused(lay, bias, said):
    with pytest.raises(StudyError, match=said):
        lay(cell="lstm", forget_bias=bias)


def test_recurrent_kernels_follow_their_own_initializer(lay):
    """Input kernels follow the other; embeddings and outputs too."""
    laid = lay(cell="simple", initializer="ones", recurrent_initializer="orthogonal")
    trainer = Trainer(laid.card, [])
    trial = laid.trial(laid.arms[0], {}, "tune", 0)
    trainer.run(trial)
    ((compiled,),) = trainer.programs.values()
    drawn = dict(
        zip(
            [weight.variable.path for weight in compiled.network.weights],
            initial.draw(compiled.network.weights, trial),
            strict=True,
        )
    )
    recurrent = next(array for path, array in drawn.items() if "recurrent_kernel" in path)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(5), atol=1e-6)
    assert all((array == 1).all() for path, array in drawn.items() if path.endswith("/kernel"))


def test_tokens_are_embedded(lay, tmp_path):
    """Numbers of words, in a row each; the vocabulary is said, or known to the data set."""
    generator = np.random.default_rng(2)
    y = np.arange(120) % 2
    x = generator.integers(2, 9, size=(120, 5))
    x[np.arange(120), generator.integers(0, 5, 120)] = y  # one word says it
    np.savez(tmp_path / "words.npz", x=x, y=y)
    found = outcome(
        lay(data=tmp_path / "words.npz", vocabulary=9, embedding=6, epochs=40, units=[8])
    )
    assert found.metrics["test/accuracy@last"] > 0.9
    assert found.parameters == 9 * 6 + 4 * 8 * (6 + 8 + 1) + 2 * 9


def test_one_number_per_step_needs_no_axis(lay, tmp_path):
    """A plain series is read as steps of one feature."""
    x = np.random.default_rng(3).normal(size=(60, 8))
    np.savez(tmp_path / "plain.npz", x=x, y=(x[:, -1] > 0).astype(int))
    laid = lay(data=tmp_path / "plain.npz", batch_size=20, cell="simple")
    assert outcome(laid).status == "completed"


def test_regularization_is_placed():
    """In both directions of every layer; inputs, or embeddings, are disturbed first."""
    l2, c, d = keras.regularizers.L2(0.1), keras.constraints.NonNeg(), keras.constraints.UnitNorm()
    style = Style(
        constraint=c, bias_regularizer=l2, activity_regularizer=l2, dropout=0.1,
        dropout_kind="spatial", input_dropout=0.1, noise=0.1,
    )  # fmt: skip
    given = {"recurrent_constraint": d, "units": (4, 5), "bidirectional": True}
    for shape, first in (((6, 2), "inputs"), ((6,), "embedding")):
        model = rnn(shape, 3, style, **given, vocabulary=None if len(shape) == 2 else 9)
        names = [layer.name for layer in model.layers]
        assert names[names.index(first) :][:3] == [first, "input_dropout", "input_noise"]
        recurrent = [layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)]
        assert len(recurrent) == 4
        for layer in recurrent:
            assert layer.cell.kernel_constraint is c
            assert layer.cell.recurrent_constraint is d
            assert layer.cell.bias_regularizer is l2
            assert layer.activity_regularizer is l2
        below, top = (model.get_layer(f"lstm_{number}_dropout") for number in (1, 2))
        assert isinstance(below, keras.layers.SpatialDropout1D)
        assert isinstance(top, keras.layers.Dropout)  # one step is left: nothing to share it


def test_bidirectional_layers_join_both_directions():
    """Twice the weights and twice the features."""
    one, both = rnn((6, 2), 3), rnn((6, 2), 3, bidirectional=True)
    assert both.get_layer("lstm_1_both").output.shape == (None, 64)
    kernel = one.get_layer("lstm_1").count_params()
    assert both.count_params() == 2 * kernel + 3 * (64 + 1)


@pytest.mark.parametrize("every_step", [False, True])
def test_both_directions_are_those_of_keras(every_step):
    """The outputs of Keras' own wrapper, for the same weights."""
    ours = rnn((6, 2), 3, units=(4,), bidirectional=True, every_step=every_step)
    inputs = keras.Input((6, 2))
    both = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=every_step))
    theirs = keras.Model(inputs, keras.layers.Dense(3)(both(inputs)))
    parts = ("lstm_1/", "lstm_1_back/", "outputs/")  # a graph's layers may come in another order
    found = [weight for part in parts for weight in ours.weights if weight.path.startswith(part)]
    theirs.set_weights([weight.numpy() for weight in found])
    x = np.random.default_rng(0).normal(size=(5, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"cell": "gru", "forget_bias": 1.0}, "only with cell = 'lstm'. Received: 'gru'"),
        ({"units": []}, "at least one recurrent layer. Received: units = []"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, expected):
    """With the argument and the remedy."""
    with pytest.raises(TemplateError) as caught:
        rnn((6, 2), 3, **arguments)
    assert expected in str(caught.value)


def test_labels_for_other_steps_are_refused(tmp_path, plan):
    """A label per step, for as many steps as there are."""
    np.savez(tmp_path / "odd.npz", x=np.zeros((90, 6, 1)), y=np.arange(450).reshape(90, 5) % 3)
    with pytest.raises(DataError, match="labels may be more than one thing"):
        plan(data=tmp_path / "odd.npz", template="rnn")


def test_only_rnn_takes_sequences(echo, plan):
    """A template with one output per case cannot answer at every step."""
    with pytest.raises(
        StudyError,
        match=r"expected classification or multilabel or regression data.*Template 'rnn' takes it",
    ):
        plan(data=echo, template="mlp")


def test_unfit_metrics_are_refused(echo, plan):
    """Perplexity is for sequences, macro F1 for single classes."""
    with pytest.raises(StudyError, match="expected a metric for sequence data"):
        plan(data=echo, template="rnn", fixed=SMALL, metric="test/macro_f1@last")


@pytest.mark.parametrize("width", [1, 3, 4, 12])
def test_a_case_is_read_in_steps_of_any_width(width):
    """Its numbers in their order, as Keras reads a reshaped case."""
    model = rnn((6, 2), 3, units=(4,), step_width=width)
    assert model.get_layer("steps").output.shape == (None, 12 // width, width)
    x = np.random.default_rng(2).normal(size=(5, 6, 2)).astype(np.float32)
    plain = rnn((12 // width, width), 3, units=(4,))
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(model(x), plain(x.reshape(5, 12 // width, width)), rtol=1e-6)


def test_a_width_that_leaves_numbers_over_is_refused():
    with pytest.raises(TemplateError, match=r"Received: 5\. Possible: 1, 2, 3, 4, 6, 12"):
        rnn((6, 2), 3, step_width=5)
    with pytest.raises(TemplateError, match="tokens"):
        rnn((6,), 3, vocabulary=9, step_width=2)


def test_a_width_that_is_not_given_is_in_no_key(lay):
    without, given = (lay(step_width=width) if width else lay() for width in (None, 2))
    trials = [one.trial(one.arms[0], {}, "confirm", 0) for one in (without, given)]
    assert "step_width" not in trials[0].settings
    assert trials[0].key != trials[1].key
