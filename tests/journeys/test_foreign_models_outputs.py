"""What other people's models give for classes and labels, against Keras and scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from foreign import row
from scipy.special import expit, softmax
from sklearn import metrics as theirs

from harness import datasets, design, initial, seeds
from harness.errors import StudyError

MODELS = """
    import keras
    from keras import layers, ops

    class ByFit(keras.Model):
        def compute_loss(self, *args, **kwargs):
            return super().compute_loss(*args, **kwargs)

    def average(shape, outputs):
        x = keras.Input(shape)
        parts = [layers.Dense(outputs, activation="softmax")(x) for _ in range(2)]
        return keras.Model(x, layers.Average()(parts))

    def gated(shape, outputs):
        x = keras.Input(shape)
        gate = layers.Dense(outputs, activation="softmax")(x)
        return keras.Model(x, layers.Multiply()([gate, layers.Dense(outputs)(x)]))

    def logarithms(shape, outputs):
        x = keras.Input(shape)
        return keras.Model(x, ops.log(ops.softmax(layers.Dense(outputs)(x))))

    def sigmoids(shape, outputs):
        x = keras.Input(shape)
        return keras.Model(x, layers.Dense(outputs, activation="sigmoid")(x))

    def linear(shape, outputs):
        x = keras.Input(shape)
        return keras.Model(x, layers.Dense(outputs)(x))

    def one_sigmoid(shape, outputs):
        x = keras.Input(shape)
        return keras.Model(x, layers.Dense(1, activation="sigmoid")(x))

    def one_logit(shape, outputs):
        x = keras.Input(shape)
        return ByFit(x, layers.Dense(1)(x))

    def steps(shape, outputs, model=keras.Model):
        x = keras.Input(shape)
        head = layers.TimeDistributed(layers.Dense(outputs, activation="softmax"))
        return model(x, head(layers.Conv1D(3, 2, padding="same")(x)))

    def steps_by_fit(shape, outputs):
        return steps(shape, outputs, ByFit)
"""


def classes(count=3, cases=120, width=4):
    """Noisy cases of some classes, as many of the first as of all others."""
    generator = np.random.default_rng(count)
    y = np.where(np.arange(cases) % 2, np.arange(cases) // 2 % count, 0)
    return {"x": generator.normal(size=(cases, width)) + 0.7 * y[:, None], "y": y}


def trained(foreign, data, template, **fixed):
    """The plan and the outcome of a training, its trial, and the model with the last weights."""
    foreign.module(MODELS)
    rest = {"optimizer": "sgd", "epochs": 2, "batch_size": 32, **fixed}
    plan = foreign.plan(foreign.arrays(**data), f"theirs:{template}", fixed=rest)
    outcome, trainer = foreign.train(plan)
    assert outcome.status == "completed", outcome.reason
    ((compiled,),) = trainer.programs.values()
    return plan, outcome, compiled


def cases_of(trial, data):
    """Training cases in the order of every epoch."""
    streams = (trial.seed, trial.phase, trial.replicate)
    size = round(len(data.y) * trial.settings["validation"])
    train, held = datasets.draw(data.y, (len(data.y) - size, size), streams)
    order = seeds.stream(*streams, "order")
    return [train[seeds.permutation(order, len(train))] for _ in range(2)], held


def by_keras(plan, compiled, loss, weights=None):
    """The same model from the same weights in the same order, by stock Keras; its test outputs.

    Args:
        plan: of the study.
        compiled: its program, whose model is used again.
        loss: of Keras.
        weights: a function from labels to sample weights.

    Returns:
        Training and validation loss of both epochs, test inputs' outputs, and the test labels.
    """
    trial, data = plan.trial(plan.arms[0], {}, "confirm", 0), datasets.load(plan.card)
    model, curve = compiled.network.model, []
    made = compiled.network.weights
    for weight, array in zip(made, initial.draw(made, trial), strict=True):
        weight.variable.assign(array)
    # Some small steps are faster than their graphs are traced.
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss=loss, run_eagerly=True)
    epochs, held = cases_of(trial, data)
    for cases in epochs:
        history = model.fit(
            data.x[cases],
            data.y[cases],
            batch_size=32,
            shuffle=False,
            verbose=0,
            sample_weight=weights(data.y[cases]) if weights else None,
            validation_data=(data.x[held], data.y[held]),
        ).history
        curve.append((history["loss"][0], history["val_loss"][0]))
    return curve, np.asarray(model(data.x_test[:])), data.y_test


def assert_same(outcome, curve):
    """Losses of training and validation."""
    found = [(one.quantities["train/loss"], one.quantities["val/loss"]) for one in outcome.curve]
    np.testing.assert_allclose(found, curve, rtol=1e-5)


def last(outcome, name):
    """A test metric with the last weights."""
    return outcome.metrics[f"test/{name}@last"]


NLL = keras.losses.SparseCategoricalCrossentropy


@row(
    "a softmax that is not the last layer (Average, Reshape, nested, keras.ops.softmax)", "program"
)
@row("logits times a softmax gate: logits", "program")
@row("ops.log(softmax): log probabilities", "program")
@pytest.mark.parametrize("template", ["average", "gated", "logarithms"])
def test_outputs_are_what_they_are(foreign, template):
    """Losses, accuracy and calibration equal those of Keras, told what the outputs are."""
    plan, outcome, compiled = trained(foreign, classes(), template)
    loss = {"gated": NLL(from_logits=True), "logarithms": of_logarithms}.get(template, NLL())
    curve, outputs, y = by_keras(plan, compiled, loss)
    assert_same(outcome, curve)
    z = outputs.astype(np.float64)
    p = {"gated": softmax(z, axis=1), "logarithms": np.exp(z)}.get(template, z)
    p /= p.sum(axis=1, keepdims=True)
    assert last(outcome, "crossentropy") == pytest.approx(theirs.log_loss(y, p), rel=1e-5)
    assert last(outcome, "accuracy") == pytest.approx(np.mean(p.argmax(axis=1) == y))
    assert last(outcome, "calibration_error") == pytest.approx(calibration(y, p), rel=1e-4)
    found = theirs.roc_auc_score(y, p, multi_class="ovr")
    assert last(outcome, "auroc") == pytest.approx(found, rel=1e-5)


def of_logarithms(y, outputs):
    """What a Keras user writes for logarithms of probabilities."""
    return -keras.ops.take_along_axis(outputs, keras.ops.cast(y, "int32")[:, None], axis=-1)[:, 0]


def calibration(y, p):
    """By the definition, bin by bin."""
    sure, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.minimum((sure * 15).astype(int), 14)
    gaps = [abs(np.mean((sure - right)[bins == one])) * np.mean(bins == one) for one in set(bins)]
    return sum(gaps)


@row("a sigmoid for each of three classes", "refused: say outputs = 'probabilities'")
def test_what_is_unclear_is_refused_before_training(foreign):
    """With the remedy; with it, the numbers are those of Keras, which makes rows sum to 1."""
    foreign.module(MODELS)
    file = foreign.arrays(**classes())
    outcome, _ = foreign.train(foreign.plan(file, "theirs:sigmoids"))
    assert outcome.status == "failed"
    assert not outcome.curve
    assert "expected outputs that are clearly logits" in outcome.reason
    assert "outputs = 'probabilities'" in outcome.reason
    plan, outcome, compiled = trained(foreign, classes(), "sigmoids", outputs="probabilities")
    assert_same(outcome, by_keras(plan, compiled, NLL())[0])
    outcome, _ = foreign.train(
        foreign.plan(file, "theirs:linear", fixed={"outputs": "probabilities"})
    )
    assert "as outputs = 'probabilities' says" in outcome.reason


@row("one sigmoid unit for two classes", "program")
@row("one logit for two classes, in a model with a compute_loss of its own", "fit")
@pytest.mark.parametrize("template", ["one_sigmoid", "one_logit"])
def test_one_output_for_two_classes(foreign, template):
    """Equal to BinaryCrossentropy and to scikit-learn, with weights and smoothing."""
    plan, outcome, compiled = trained(
        foreign, classes(2), template, class_weight="balanced", label_smoothing=0.1
    )
    logits = template == "one_logit"
    assert outcome.route == ("fit" if logits else "program")
    stock = keras.losses.BinaryCrossentropy(from_logits=logits, label_smoothing=0.1)
    curve, outputs, y = by_keras(plan, compiled, stock, balanced)
    assert_same(outcome, curve)
    raw = outputs.reshape(-1).astype(np.float64)
    p = expit(raw) if logits else raw
    assert last(outcome, "crossentropy") == pytest.approx(theirs.log_loss(y, p), rel=1e-5)
    expected = {
        "accuracy": theirs.accuracy_score(y, p > 0.5),
        "balanced_accuracy": theirs.balanced_accuracy_score(y, p > 0.5),
        "macro_f1": theirs.f1_score(y, p > 0.5, average="macro"),
        "auroc": theirs.roc_auc_score(y, p),
        "average_precision": theirs.average_precision_score(y, p),
        "calibration_error": calibration(y, np.stack([1 - p, p], axis=1)),
    }
    for name, number in expected.items():
        assert last(outcome, name) == pytest.approx(number, rel=1e-4), name


def balanced(y):
    """As scikit-learn has it; for labels per step, a weight for every step."""
    counts = np.bincount(y.ravel())
    return (y.size / len(counts) / counts).astype(np.float32)[y]


@row("labels per step with class_weight = 'balanced'", "program, and by fit where it has to be")
@pytest.mark.parametrize("template", ["steps", "steps_by_fit"])
def test_class_weights_of_steps(foreign, template):
    """Equal to a sample weight for every step; TimeDistributed(softmax) gives probabilities."""
    generator = np.random.default_rng(3)
    y = (generator.random((60, 5)) ** 2 * 3).astype(int)
    data = {"x": generator.normal(size=(60, 5, 2)) + y[..., None], "y": y}
    plan, outcome, compiled = trained(foreign, data, template, class_weight="balanced")
    assert outcome.route == ("fit" if template.endswith("fit") else "program")
    curve, outputs, y = by_keras(plan, compiled, NLL(), balanced)
    assert_same(outcome, curve)
    exact = -np.log2(np.take_along_axis(outputs, y[..., None], axis=-1)).mean()
    assert last(outcome, "bits") == pytest.approx(exact, rel=1e-5)


@row("several labels per case, each 0 or 1", "program")
@pytest.mark.parametrize("template", ["theirs:sigmoids", "mlp"])
def test_several_labels(foreign, template):
    """Equal to the binary crossentropy of Keras and the averages of scikit-learn."""
    foreign.module(MODELS)
    generator = np.random.default_rng(5)
    x = generator.normal(size=(150, 4)).astype(np.float32)
    y = (x @ generator.normal(size=(4, 3)) + generator.normal(size=(150, 3)) > 0.4).astype(float)
    rest = {"optimizer": "sgd", "label_smoothing": 0.2}
    study = foreign.plan(foreign.arrays(x=x, y=y), template).study
    card = replace(datasets.describe(study.dataset, foreign.places), task="multilabel")
    study = study.model_copy(update={"metric": "", "best": "", "fixed": {**study.fixed, **rest}})
    plan = design.plan(study, card, foreign.places)
    assert str(plan.metric) == "test/average_precision@best"
    outcome, trainer = foreign.train(plan)
    assert (outcome.status, outcome.route) == ("completed", "program"), outcome.reason
    ((compiled,),) = trainer.programs.values()
    logits = template != "theirs:sigmoids"
    loss = keras.losses.BinaryCrossentropy(from_logits=logits, label_smoothing=0.2)
    curve, outputs, y = by_keras(plan, compiled, loss)
    assert_same(outcome, curve)
    p = expit(outputs.astype(np.float64)) if logits else outputs.astype(np.float64)
    columns = range(3)
    expected = {
        "crossentropy": np.mean([theirs.log_loss(y[:, one], p[:, one]) for one in columns]),
        "accuracy": np.mean((p > 0.5) == y),
        "auroc": theirs.roc_auc_score(y, p, average="macro"),
        "average_precision": theirs.average_precision_score(y, p, average="macro"),
        "macro_f1": theirs.f1_score(y, p > 0.5, average="macro", zero_division=0),
        "balanced_accuracy": np.mean(
            [theirs.balanced_accuracy_score(y[:, one], p[:, one] > 0.5) for one in columns]
        ),
    }
    for name, number in expected.items():
        assert last(outcome, name) == pytest.approx(number, rel=1e-5), name


@row(
    "inputs far from 1, whose softmax is 0 or 1", "ranked by its logits, as scikit-learn ranks them"
)
def test_ranks_come_from_logits(foreign):
    """In single precision the softmax of hundreds of logits is 0 or 1, and cases tie."""
    data = classes(8, 240)
    data["x"] *= 1e3
    plan, outcome, compiled = trained(foreign, data, "linear", epochs=1)
    tested = datasets.load(plan.card)
    z = np.asarray(compiled.network.model(tested.x_test[:]), np.float64)
    y, every = tested.y_test, np.arange(8)
    others = [np.logaddexp.reduce(np.delete(z, one, axis=1), axis=1) for one in every]
    areas = [theirs.roc_auc_score(y == one, z[:, one] - others[one]) for one in every]
    found = theirs.top_k_accuracy_score(y, z, k=5, labels=every)
    assert last(outcome, "top_5_accuracy") == pytest.approx(found)
    assert last(outcome, "auroc") == pytest.approx(np.mean(areas))
    p = softmax(z.astype(np.float32), axis=1)
    tied = [theirs.roc_auc_score(y == one, p[:, one]) for one in every]
    assert abs(np.mean(tied) - np.mean(areas)) > 1e-3


@row("classes without a test case", "left out of macro F1 and AUROC, and named")
def test_absent_classes_are_named_and_left_out(foreign):
    """A classifier that is right everywhere scores 1."""
    x, y = np.eye(3)[np.arange(60) % 3] * 9, np.arange(60) % 3
    file = foreign.arrays(x=x, y=y, x_test=x[y < 2], y_test=y[y < 2])
    foreign.module(MODELS)
    plan = foreign.plan(file, "theirs:linear", fixed={"epochs": 30, "batch_size": 8})
    assert plan.card.lines()["absent"] == "no test case: 2"
    outcome, _ = foreign.train(plan)
    assert last(outcome, "accuracy") == 1
    assert (last(outcome, "macro_f1"), last(outcome, "auroc")) == (1, 1)


@row("class_weight = 'balanced' for a regression", "refused")
def test_class_weights_of_a_regression(foreign):
    """The key is named."""
    generator = np.random.default_rng(0)
    file = foreign.arrays(x=generator.normal(size=(80, 3)), y=generator.normal(size=80))
    with pytest.raises(StudyError, match=r"fixed.class_weight.*regression data"):
        foreign.plan(file, "mlp", fixed={"class_weight": "balanced"})
