"""What a model's outputs are is seen in a forward pass, whatever its layers are called."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax

from harness.blocks import losses, outputs
from harness.card import Card
from harness.errors import TemplateError

ops, layers = keras.ops, keras.layers


def card(classes=4, shape=(6,), task="classification", **rest):
    """Of data with some classes."""
    return Card(
        locator="a",
        digest="",
        task=task,
        shape=shape,
        cases=80,
        tests=20,
        outputs=classes,
        **rest,
    )


def model(head, shape=(6,)):
    """A small network that ends as told."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, head(layers.Dense(8, activation="relu")(inputs)))


def told(made, data, said=None):
    """What a model's outputs are taken for."""
    return outputs.form(made, data, "a:b", said, built_in=False)


def average(x):
    """Two softmaxes and their mean."""
    return layers.Average()([layers.Dense(4, activation="softmax")(x) for _ in range(2)])


def gated(x):
    """Logits times a gate that is a softmax."""
    gate = layers.Dense(4, activation="softmax")(x)
    return layers.Multiply()([gate, layers.Dense(4)(x)])


def nested(x):
    """A head that is a model."""
    inside = keras.Input(x.shape[1:])
    return keras.Model(inside, layers.Dense(4, activation="softmax")(inside))(x)


def quarter(shape, dtype=None):
    """Biases that sum to 1."""
    return ops.full(shape, 0.25, dtype=dtype)


HEADS = {
    "logits": (layers.Dense(4), "logits"),
    "zeros at first": (layers.Dense(4, kernel_initializer="zeros"), "logits"),
    "halves at first": (
        layers.Dense(4, kernel_initializer="zeros", bias_initializer=quarter),
        "logits",
    ),
    "softmax": (layers.Dense(4, activation="softmax"), "probabilities"),
    "a uniform softmax at first": (
        layers.Dense(4, activation="softmax", kernel_initializer="zeros"),
        "probabilities",
    ),
    "keras.ops.softmax": (lambda x: ops.softmax(layers.Dense(4)(x)), "probabilities"),
    "the mean of two softmaxes": (average, "probabilities"),
    "a softmax behind reshaping": (
        lambda x: layers.Reshape((4,))(layers.Dense(4, activation="softmax")(x)),
        "probabilities",
    ),
    "a nested head": (nested, "probabilities"),
    "logits times a softmax": (gated, "logits"),
    "log of softmax": (lambda x: ops.log(ops.softmax(layers.Dense(4)(x))), "log_probabilities"),
    "log_softmax": (layers.Dense(4, activation="log_softmax"), "log_probabilities"),
    "squashed logits": (layers.Dense(4, activation="tanh"), "logits"),
}


@pytest.mark.parametrize("head", HEADS)
def test_what_is_seen(head):
    """Weights as built, and others, tell; afterwards they are as they were."""
    make, expected = HEADS[head]
    made = model(make)
    before = [weight.numpy() for weight in made.variables]
    assert told(made, card()) == outputs.Form(kind=expected)
    for weight, array in zip(made.variables, before, strict=True):
        np.testing.assert_array_equal(weight, array)


UNCLEAR = {
    "a sigmoid for each of several classes": layers.Dense(4, activation="sigmoid"),
    "no negative number": layers.Dense(4, activation="relu"),
    "not a number": lambda x: ops.log(layers.Dense(4)(x) * 0 - 1),
}


@pytest.mark.parametrize("head", UNCLEAR)
def test_what_is_unclear_is_refused(head):
    """With the setting that says it."""
    with pytest.raises(TemplateError, match="outputs = 'logits'"):
        told(model(UNCLEAR[head]), card())


def test_what_is_told_is_believed_unless_it_cannot_be():
    """A sigmoid per class may be called probabilities, negative numbers may not."""
    sigmoid, logits = (
        model(UNCLEAR["a sigmoid for each of several classes"]),
        model(layers.Dense(4)),
    )
    soft = model(HEADS["softmax"][0])
    assert told(sigmoid, card(), "probabilities").kind == "probabilities"
    assert told(logits, card(), "logits").kind == "logits"
    for made, said in [
        (logits, "probabilities"),
        (logits, "log_probabilities"),
        (soft, "log_probabilities"),
        (soft, "logits"),
        (sigmoid, "logits"),
    ]:
        with pytest.raises(TemplateError, match=f"as outputs = '{said}' says"):
            told(made, card(), said)


SINGLE = {
    "logit": ({}, "logits"),
    "sigmoid": ({"activation": "sigmoid"}, "probabilities"),
    "half at first": ({"activation": "sigmoid", "kernel_initializer": "zeros"}, "probabilities"),
    "zero at first": ({"kernel_initializer": "zeros"}, "logits"),
    "positive at first": ({"kernel_initializer": quarter}, "logits"),
}


@pytest.mark.parametrize("head", SINGLE)
def test_one_output_for_two_classes(head):
    """It is a logit or the probability of class 1, with an axis of its own or without."""
    arguments, kind = SINGLE[head]
    for made in (
        model(layers.Dense(1, **arguments)),
        model(lambda x: layers.Dense(1, **arguments)(x)[:, 0]),
    ):
        assert told(made, card(2)) == outputs.Form(kind=kind, single=True)


@pytest.mark.parametrize("head", ["relu", "log_sigmoid"])
def test_one_output_of_one_sign_is_unclear(head):
    """A logit has both signs."""
    with pytest.raises(TemplateError, match="probabilities \\(0 to 1\\)"):
        told(model(layers.Dense(1, activation=head)), card(2))


def test_steps_and_tokens():
    """The last axis decides, and tokens are tokens."""
    inputs = keras.Input((5,))
    x = layers.Embedding(7, 3)(inputs)
    made = keras.Model(inputs, layers.TimeDistributed(layers.Dense(4, activation="softmax"))(x))
    data = card(shape=(5,), task="sequence", tokens=7)
    assert told(made, data).kind == "probabilities"
    # Nobody has said that these numbers are tokens.
    assert told(made, card(shape=(5,), task="sequence")).kind == "probabilities"


def test_several_labels():
    """Each a yes or no: they need not sum to 1."""
    data = card(3, task="multilabel")
    form = told(model(layers.Dense(3, activation="sigmoid")), data)
    assert form == outputs.Form(kind="probabilities", each=True)
    assert told(model(layers.Dense(3)), data) == outputs.Form(kind="logits", each=True)
    with pytest.raises(TemplateError, match="outputs = 'logits'"):
        told(model(layers.Dense(3, activation="relu")), data)


def test_predictions_of_logits():
    """As SciPy has them, and log odds that rank as probabilities do, without their ties."""
    z = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32) * 4
    made = outputs.Form().read(z)
    p = softmax(z.astype(np.float64), axis=-1)
    np.testing.assert_allclose(made.probabilities, p)
    np.testing.assert_allclose(made.log_probabilities, log_softmax(z.astype(np.float64), axis=-1))
    np.testing.assert_allclose(made.ranks, np.log(p / (1 - p)), rtol=1e-6)
    far = outputs.Form().read(np.float32([[300, 0, 0], [200, 0, 0], [100, -900, 0]])).ranks
    np.testing.assert_allclose(far[:, 0], [300 - np.log(2), 200 - np.log(2), 100])


def test_predictions_of_one_output():
    """Both classes get what is theirs."""
    z = np.float32([-2.0, 0.5, 30.0])[:, None]
    logit = outputs.Form(single=True).read(z)
    share = outputs.Form(kind="probabilities", single=True).read(expit(z))
    for made in (logit, share):
        np.testing.assert_allclose(made.probabilities[:, 1:], expit(z), rtol=1e-6)
        np.testing.assert_array_equal(made.raw.argmax(axis=-1), [0, 1, 1])
    np.testing.assert_allclose(logit.ranks[:, 1], z[:, 0])


@pytest.mark.parametrize("kind", ["logits", "probabilities"])
def test_the_loss_of_one_output_is_of_every_case(kind):
    """With an axis of its own or without, and in every step."""
    z, y = np.float32([-1, 2, 0.5, 3]), np.int32([0, 1, 1, 0])
    given = z if kind == "logits" else expit(z)
    loss = losses.per_case("binary_crossentropy", outputs.Form(kind=kind, single=True)).each
    expected = np.log1p(np.exp(np.where(y, -z, z)))
    for shape in [(4,), (4, 1)]:
        found = loss(y, ops.convert_to_tensor(given.reshape(shape)))
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    found = loss(y.reshape(2, 2), ops.convert_to_tensor(given.reshape(2, 2, 1)))
    np.testing.assert_allclose(found, expected.reshape(2, 2), rtol=1e-5)
