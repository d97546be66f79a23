"""Other people's tables with several inputs or several targets, against plain Keras."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pytest
from fitting import assert_same_curve, curve_of, drawn
from foreign import row
from sklearn.preprocessing import StandardScaler

from harness import datasets, design, initial, objects
from harness.errors import StudyError
from harness.spec import Columns, Study

ROWS = 120


@pytest.fixture
def table():
    """Two wide numbers, two narrow ones, words, and a class that they tell."""
    generator = np.random.default_rng(5)
    kind = np.arange(ROWS) % 3
    return pd.DataFrame(
        {
            "red": (200 * generator.normal(size=ROWS) + 300 * kind).round(3),
            "blue": (10 * generator.normal(size=ROWS)).round(3),
            "age": (generator.normal(size=ROWS) + kind).round(3),
            "site": np.array(["north", "south"])[generator.integers(0, 2, ROWS)],
            "kind": np.array(["a", "b", "c"])[kind],
        }
    )


def laid(foreign, table, template, **changes):
    """The plan of a study of a table, and the arrays that were read from it."""
    table.to_csv(foreign.folder / "theirs.csv", index=False)
    study = Study(
        name="theirs",
        template=template,
        dataset=Columns(file="theirs.csv", **changes),
        factors={"learning_rate": [0.01]},
        fixed={"epochs": 2, "batch_size": 32},
        replicates=1,
    )
    arrays = datasets.read_own(study.dataset, foreign.places)
    kept = objects.keep_arrays(foreign.folder, datasets.without_notes(arrays))
    card = datasets.describe_kept(kept, study.dataset, arrays)
    return design.plan(study, card, foreign.places), arrays


def by_fit(plan, trainer, model, x, y, **compiled):
    """The curve of the first arm's trial by plain Keras, from the same weights, in the same order.

    Args:
        plan: of the study.
        trainer: that has trained it.
        model: a fresh one.
        x: makes inputs of training cases; of them and the cases to take.
        y: labels of all cases outside the test split.
        compiled: loss and metrics.
    """
    trial = plan.trial(plan.arms[0], {}, "confirm", 0)
    ((known,),) = trainer.programs.values()
    epochs, held = drawn(trial, datasets.load(plan.card))
    train = np.sort(epochs[0])
    model.set_weights(initial.draw(known.network.weights, trial))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False, **compiled)
    curve = []
    for cases in epochs:
        history = model.fit(
            x(train, cases),
            y[cases],
            batch_size=32,
            shuffle=False,
            verbose=0,
            validation_data=(x(train, held), y[held]),
        ).history
        curve += curve_of(history)
    return curve


BOTH = """
    import keras

    def build(shape, outputs):
        light = keras.Input(shape["light"], name="light")
        person = keras.Input(shape["person"], name="person")
        x = keras.layers.Dense(4, "tanh")(light)
        x = keras.layers.Concatenate()([x, keras.layers.Dense(3, "relu")(person)])
        return keras.Model([person, light], keras.layers.Dense(outputs)(x))
"""
GROUPS = {"light": ["red", "blue"], "person": ["site", "age"]}


@row("groups of columns as several inputs, `inputs = { light = [...] }`", "program; fed by name")
def test_groups_of_columns(foreign, table):
    """Numbers of each group have the mean and deviation of the training cases; words have not."""
    foreign.module(BOTH)
    plan, arrays = laid(foreign, table, "theirs:build", target="kind", inputs=GROUPS)
    assert plan.card.inputs == {"light": (2,), "person": (3,)}
    assert arrays["columns/person"].tolist() == ["site=north", "site=south", "age"]
    outcome, trainer = foreign.train(plan)
    light, person = arrays["x_train/light"], arrays["x_train/person"]

    def scaled(train, cases):
        ages = StandardScaler().fit(person[train, 2:]).transform(person[cases, 2:])
        return {
            "light": StandardScaler().fit(light[train]).transform(light[cases]),
            "person": np.hstack([person[cases, :2], ages]),
        }

    import theirs

    model = theirs.build({"light": (2,), "person": (3,)}, 3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    y = arrays["y_train"]
    curve = by_fit(plan, trainer, model, scaled, y, loss=loss, metrics=["accuracy"])
    assert_same_curve(outcome, curve, 1e-5)
    with pytest.raises(StudyError, match="several inputs"):
        laid(foreign, table, "mlp", target="kind", inputs=GROUPS)


LABELS = """
    import keras

    def build(shape, outputs):
        return keras.Sequential([keras.Input(shape), keras.layers.Dense(outputs)])
"""


@row('several columns of 0 and 1 or true and false, `target = ["wet", "cold"]`', "program; labels")
def test_several_columns_of_labels(foreign, table):
    """Equal to Keras' binary crossentropy of all labels; they are called as their columns."""
    foreign.module(LABELS)
    labels = np.stack([table["kind"] == "a", np.arange(ROWS) % 2 == 0], axis=1)
    given = table.drop(columns=["kind", "site"]).assign(wet=labels[:, 0], cold=labels[:, 1] * 1)
    plan, arrays = laid(foreign, given, "theirs:build", target=["wet", "cold"])
    assert plan.card.lines()["labels"] == "wet, cold"
    assert str(plan.metric) == "test/average_precision@best"
    rows = {one: row for row, one in enumerate(given["red"])}
    x = arrays["x_train"]
    y = labels[[rows[one] for one in x[:, 0]]].astype(np.float32)
    outcome, trainer = foreign.train(plan)

    def scaled(train, cases):
        return StandardScaler().fit(x[train]).transform(x[cases])

    import theirs

    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    accuracy = keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)
    model = theirs.build((3,), 2)
    curve = by_fit(plan, trainer, model, scaled, y, loss=loss, metrics=[accuracy])
    assert_same_curve(outcome, curve, 1e-5)
