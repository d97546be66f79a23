"""Steps that do not count: in the recurrent template, in means, and in what is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.blocks import masking
from harness.blocks.style import Style
from harness.catalog import check_argument
from harness.catalog.templates import TEMPLATES
from harness.datasets import from_arrays
from harness.datasets.rows import Several
from harness.errors import DataError, StudyError, TemplateError
from harness.evaluation import Evidence, detection, images
from harness.templates.rnn import rnn

LENGTHS = np.array([3, 1, 5, 4, 2])


def tokens(front=False):
    """Five cases of five tokens, with zeros behind them or in front."""
    x = np.random.default_rng(0).integers(1, 6, (5, 5))
    x[np.arange(5) >= LENGTHS[:, None]] = 0
    return x[:, ::-1].copy() if front else x


def stock(units, both, normalization, steps):
    """The network that a Keras user would write."""
    made = [keras.Input((5,)), keras.layers.Embedding(6, 3, mask_zero=True)]
    for place, width in enumerate(units):
        layer = keras.layers.LSTM(width, return_sequences=steps or place < len(units) - 1)
        made.append(keras.layers.Bidirectional(layer) if both else layer)
        made += [keras.layers.BatchNormalization()] if normalization else []
    return keras.Sequential([*made, keras.layers.Dense(2)])


def share(theirs, ours):
    """Give our layers the weights of those that stand in their place."""
    mine = iter([one for one in ours.layers if one.weights and not one.name.endswith("_back")])
    for layer in [one for one in theirs.layers if one.weights]:
        one = next(mine)
        if isinstance(layer, keras.layers.Bidirectional):
            one.set_weights(layer.forward_layer.get_weights())
            ours.get_layer(f"{one.name}_back").set_weights(layer.backward_layer.get_weights())
        else:
            one.set_weights(layer.get_weights())


@pytest.mark.parametrize("front", [False, True])
@pytest.mark.parametrize(
    ("units", "both", "normalization", "steps"),
    [((4,), False, False, False), ((3, 4), True, False, True), ((4,), True, True, True)],
)
def test_padding_equals_mask_zero(front, units, both, normalization, steps):
    """Outputs of the same weights in training, and which of them count."""
    ours = rnn(
        (5,),
        2,
        Style(activation="tanh", normalization="batch" if normalization else "none"),
        vocabulary=6,
        embedding=3,
        padding=0,
        units=units,
        bidirectional=both,
        every_step=steps,
    )
    theirs = stock(units, both, normalization, steps)
    theirs.set_weights(
        [np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(theirs.weights)]
    )
    share(theirs, ours)
    x = tf.constant(tokens(front), tf.float32)
    found, expected = ours(x, training=True), theirs(x, training=True)
    kept = tokens(front) != 0 if steps else slice(None)
    np.testing.assert_allclose(found.numpy()[kept], expected.numpy()[kept], atol=1e-5)
    assert masking.is_masked(ours, None) == steps
    if steps:
        np.testing.assert_array_equal(masking.mask_of(found), kept)


@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_padding_changes_nothing(pooling):
    """The outputs of a case are those of the case without its padding; none for one of padding."""
    options = {"vocabulary": 6, "padding": 0, "pooling": pooling, "units": (4,), "cell": "gru"}
    long, short = rnn((5,), 2, **options), rnn((3,), 2, **options)
    short.set_weights(long.get_weights())
    x = tokens()
    np.testing.assert_allclose(long(x)[:1], short(x[:1, :3]), atol=1e-6)
    assert np.isfinite(long(np.zeros((1, 5)))).all()


def test_lengths_equal_padding():
    """A length leaves out the same steps as a token does."""
    by_token = rnn((5,), 2, vocabulary=6, padding=0, pooling="mean")
    by_length = rnn({"x": (5,), "lengths": ()}, 2, vocabulary=6, pooling="mean")
    by_length.set_weights(by_token.get_weights())
    x = tokens().astype(np.float32)
    given = {"x": tf.constant(x), "lengths": tf.constant(LENGTHS, tf.float32)}
    np.testing.assert_allclose(by_length(given), by_token(x), atol=1e-6)


def test_no_padding_is_the_same_network():
    """Without a mask there is not one layer more."""
    plain, none = (rnn((5,), 2, vocabulary=6, padding=part) for part in (None, -1))
    kinds = [type(layer).__name__ for layer in plain.layers]
    assert kinds == ["InputLayer", "Embedding", "LSTM", "Dense"]
    assert [type(layer).__name__ for layer in none.layers] == kinds


def test_padding_needs_a_vocabulary():
    """Numbers have no token that fills them up."""
    with pytest.raises(TemplateError, match="lengths"):
        rnn((5, 2), 2, padding=0)
    with pytest.raises(StudyError, match="token"):
        check_argument(TEMPLATES["rnn"].arguments["padding"], 0.5)


def test_a_mean_leaves_out_what_is_masked():
    """As Keras' losses reduce: the mean of the rest, zero if there is none."""
    values = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    for mask in ([[1, 1, 0], [0, 0, 1]], [[0, 0, 0], [0, 0, 0]]):
        outputs = tf.zeros((2, 3, 4))
        outputs._keras_mask = tf.constant(np.array(mask, bool))
        kept = np.array(mask, bool)
        expected = values[kept].mean() if kept.any() else 0.0
        assert float(masking.mean(tf.constant(values), outputs)) == pytest.approx(expected)
    with pytest.raises(TemplateError, match="removing the steps"):
        masking.mean(tf.zeros(2), outputs)


def test_errors_leave_out_what_is_masked():
    """Numbers that are not there count neither in errors nor in the variance."""
    exact = np.array([[[1.0], [3.0]], [[2.0], [np.nan]]])
    outputs = np.array([[[1.0], [2.0]], [[4.0], [9.0]]])
    shown = Evidence(labels=np.array([0, 1]), inputs=exact, outputs=outputs)
    assert detection.area(*shown.of("scores")) == 1
    # Squares 0, 1 and 4 around the means 1.5 and 3, from which 0.25 + 0 + 0.25 remain.
    assert images.explained(exact, outputs) == pytest.approx(1 - 5 / 0.5)


def arrays(**changes):
    """Sequences of four steps, with lengths."""
    y = np.arange(12) % 2
    x = np.random.default_rng(0).normal(size=(12, 4, 2))
    return {"x": x, "y": y, "lengths": np.arange(12) % 4 + 1, **changes}


def test_lengths_stay_with_their_cases():
    """Also where the test split is drawn."""
    given = arrays()
    data = from_arrays(given, "given")
    for rows in (data.x, data.x_test):
        assert isinstance(rows, Several)
        taken = rows[:]
        for x, length in zip(taken["x"], taken["lengths"], strict=True):
            (case,) = np.flatnonzero(np.isclose(given["x"], x).all(axis=(1, 2)))
            assert length == given["lengths"][case]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lengths": np.array([1] * 5 + [0] + [9] * 6)}, "0 for case 5, and 6 more"),
        ({"lengths": np.ones(11, int)}, "whole number for each of the 12 cases"),
        ({"lengths": np.ones(12)}, "whole number for each of the 12 cases"),
        ({"lengths_test": np.ones(12, int)}, "expected lengths for every part"),
    ],
)
def test_wrong_lengths_are_refused(changes, message):
    """With the number of the case."""
    with pytest.raises(DataError, match=message):
        from_arrays(arrays(**changes), "given")


def several(**changes):
    """Two inputs, with an official test split."""
    made = {}
    for part, cases in (("train", 12), ("test", 6)):
        generator = np.random.default_rng(cases)
        made[f"x_{part}/image"] = generator.integers(0, 256, (cases, 8, 8)).astype(np.uint8)
        made[f"x_{part}/age"] = np.arange(cases)
        made[f"y_{part}"] = np.arange(cases) % 2
    return {**made, **changes}


def test_several_inputs_are_read_one_by_one():
    """Each scaled as it would be alone; one number per case is a column."""
    data = from_arrays(several(), "given")
    assert (len(data.x), len(data.x_test)) == (12, 6)
    assert data.x.shapes == {"image": (8, 8), "age": (1,)}
    taken = data.x[np.array([3, 1])]
    pixels = several()["x_train/image"][[3, 1]] / 255
    np.testing.assert_allclose(taken["image"], pixels, atol=1e-6)
    np.testing.assert_array_equal(taken["age"], [[3], [1]])
    assert data.x.nbytes == 12 * 65 * 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": np.zeros((12, 3))}, "Received: x_train beside them"),
        ({"x_train/more": np.zeros((12, 3))}, "no x_test/more"),
        ({"x_train/age": np.arange(11)}, "input 'age'.*11 cases, 12 labels"),
        ({"x_train/age": np.full(12, np.nan)}, "input 'age'.*finite"),
    ],
)
def test_wrong_inputs_are_refused(changes, message):
    """By the name of the input."""
    with pytest.raises(DataError, match=message):
        from_arrays(several(**changes), "given")
