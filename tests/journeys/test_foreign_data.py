"""Other people's arrays: what they are taken for, against plain Keras and scikit-learn."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from foreign import row
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from harness import datasets, run
from harness.errors import DataError, StudyError
from harness.spec import Study
from harness.train import Trainer

LINEAR = """
    import keras

    def build(shape, outputs, first="none"):
        inputs = keras.Input(shape)
        x = inputs
        if first == "rescaling":
            x = keras.layers.Rescaling(1 / 255)(x)
        if first == "embedding":
            x = keras.layers.Embedding(256, 4)(x)
        if first == "positions":
            x = x + keras.layers.Embedding(8, 8)(keras.ops.arange(8))
        x = keras.layers.Flatten()(x)
        return keras.Model(inputs, keras.layers.Dense(outputs, kernel_initializer="zeros")(x))
"""
GENERATOR = np.random.default_rng(0)
Y = np.arange(120) % 2
PIXELS = GENERATOR.integers(0, 120, (120, 8, 8)) + 100 * Y[:, None, None]
PIXELS[:2] = 255


def curve(outcome, name="val/loss"):
    """One quantity by epoch."""
    assert outcome.status == "completed", outcome.reason
    return [epoch.quantities[name] for epoch in outcome.curve]


def drawn(plan):
    """The data of a plan, and the cases that its first replicate trains and validates on."""
    data = datasets.load(plan.card)
    sizes = plan.card.training_cases(0.2), plan.card.validation_cases(0.2)
    last = data.drawing in {"official", "ordered"}
    cases = datasets.draw(data.y, sizes, (1, "confirm", 0), groups=data.groups, last=last)
    return data, *cases


@row("pictures of 0..255, as 8-bit, 32-bit or real numbers", "0..1, and said")
def test_the_type_of_a_file_does_not_turn_a_verdict(foreign):
    """The same pixels are the same inputs; 8-bit ones alone were scaled."""
    foreign.module(LINEAR)
    made = []
    for kind in ("uint8", "int32", "float64"):
        plan = foreign.plan(foreign.arrays(x=PIXELS.astype(kind), y=Y))
        assert plan.card.lines()["inputs"] == "0..255 -> 0..1"
        made.append(datasets.load(plan.card).x[:])
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])
    assert made[0].max() == 1


@row("a Rescaling(1/255) on pictures that are 0..1 already", "refused: the layer or scale = false")
def test_nothing_is_scaled_twice(foreign):
    """Refused when it is built; with ``scale = false`` the layer does it, and the same."""
    foreign.module(LINEAR)
    file = foreign.arrays(x=PIXELS.astype(np.uint8), y=Y)
    twice, _ = foreign.train(foreign.plan(file, fixed={"first": "rescaling"}))
    assert twice.status == "failed"
    assert "0..255 -> 0..1. Received: one with Rescaling" in twice.reason
    assert "scale = false" in twice.reason
    looked_up, _ = foreign.train(foreign.plan(file, fixed={"first": "embedding"}))
    assert "Received: one with Embedding" in looked_up.reason
    positions, _ = foreign.train(foreign.plan(file, fixed={"first": "positions"}))
    assert positions.status == "completed", positions.reason
    raw = {"file": file, "scale": False}
    theirs, _ = foreign.train(foreign.plan(raw, fixed={"first": "rescaling"}))
    ours, _ = foreign.train(foreign.plan(file))
    np.testing.assert_allclose(curve(theirs), curve(ours), rtol=1e-5)


@row("tokens of 0..255 in 8 bits", "program; not scaled")
def test_tokens_in_8_bits(foreign):
    """They stay tokens, and can be told apart; scaled, all of them were zero."""
    foreign.module(LINEAR)
    x = GENERATOR.integers(0, 128, (120, 6)) + 128 * Y[:, None]
    plan = foreign.plan(
        foreign.arrays(x=x.astype(np.uint8), y=Y),
        fixed={"first": "embedding", "epochs": 20, "learning_rate": 0.1},
        factors={"patience": [20]},
    )
    outcome, _ = foreign.train(plan)
    assert outcome.metrics["train/accuracy@last"] == 1
    assert "not scaled" in plan.card.lines()["inputs"]


@row("measurements of very different widths in an .npz, standardize = true", "as a table's")
def test_standardized_by_training_cases_alone(foreign):
    """The wine data: equal to a StandardScaler fitted on the training cases, and plain Keras."""
    foreign.module(LINEAR)
    x, y = load_wine(return_X_y=True)
    raw = foreign.arrays(x=x, y=y)
    assert "column 12 is" in foreign.plan(raw).card.lines()["inputs"]
    plan = foreign.plan(
        {"file": raw, "standardize": True},
        fixed={"epochs": 30, "batch_size": 114, "optimizer": "sgd"},
        factors={"learning_rate": [0.5]},
    )
    outcome, _ = foreign.train(plan)
    data, train, held = drawn(plan)
    scaler = StandardScaler().fit(data.x[:][train].astype(float))
    model = keras.Sequential(
        [keras.Input((13,)), keras.layers.Dense(3, kernel_initializer="zeros")]
    )
    model.compile(
        keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    whole = scaler.transform(data.x[:])
    theirs = model.fit(
        whole[train], data.y[train], batch_size=114, epochs=30, verbose=0,
        validation_data=(whole[held], data.y[held]),
    )  # fmt: skip
    np.testing.assert_allclose(curve(outcome), theirs.history["val_loss"], rtol=1e-4)
    assert outcome.metrics["test/accuracy@last"] > 0.9


@row("a price to predict, standardize = true", "errors in its own unit")
def test_errors_of_a_regression_are_in_the_unit_of_the_target(foreign):
    """The error of what is predicted, undone; the loss is what was trained on."""
    foreign.module(LINEAR)
    x = GENERATOR.normal(size=(120, 3))
    y = 500 + 70 * x[:, 0] + 5 * GENERATOR.normal(size=120)
    file = foreign.arrays(x=x, y=y, target_name="price")
    plan = foreign.plan(
        {"file": file, "standardize": True},
        fixed={"epochs": 15, "batch_size": 77, "optimizer": "sgd"},
        factors={"learning_rate": [0.1]},
    )
    outcome, _ = foreign.train(plan)
    data, train, _ = drawn(plan)
    xs, ys = (StandardScaler().fit(part[train]) for part in (data.x[:], data.y))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.1), "mean_squared_error")
    model.fit(
        xs.transform(data.x[:][train]), ys.transform(data.y[train]),
        batch_size=77, epochs=15, verbose=0,
    )  # fmt: skip
    made = ys.inverse_transform(model.predict(xs.transform(data.x_test[:]), verbose=0))
    errors = made - data.y_test
    found = outcome.metrics
    assert found["test/mean_squared_error@last"] == pytest.approx(np.mean(errors**2), rel=1e-4)
    assert found["test/mean_absolute_error@last"] == pytest.approx(
        np.mean(np.abs(errors)), rel=1e-4
    )
    assert found["test/loss@last"] == pytest.approx(np.mean(errors**2) / ys.var_[0], rel=1e-4)
    assert plan.card.lines()["target"].startswith(
        "price; trained on with mean 0 and deviation 1; the mean"
    )


@row("one-hot labels", "classes, and said")
def test_one_hot_labels(foreign):
    """The same data as with labels as numbers, in every type of file."""
    x, y = GENERATOR.normal(size=(120, 3, 2)), np.arange(120) % 3
    expected = datasets.load(datasets.describe(foreign.arrays(x=x, y=y), []))
    for kind in ("int", "float", "bool"):
        card = datasets.describe(
            foreign.arrays(f"{kind}.npz", x=x, y=np.eye(3)[y].astype(kind)), []
        )
        assert (card.task, card.outputs) == ("classification", 3)
        assert card.notes == ("labels are one-hot: each stands for one of 3 classes",)
        data = datasets.load(card)
        np.testing.assert_array_equal(data.y, expected.y)
        np.testing.assert_array_equal(data.x_test[:], expected.x_test[:])


@row("11,602 whole-number prices", "refused: name a task")
@row("labels 0.0 and 1.0", "classes")
@row("labels -1 and 1, 1..C, words", "classes by name")
def test_labels_are_told_or_asked_for(foreign):
    """What the lines say, and what has to be said."""
    x = GENERATOR.normal(size=(120, 3))
    prices = foreign.arrays("prices.npz", x=x, y=GENERATOR.integers(10**5, 10**6, 120))
    with pytest.raises(DataError, match=r"different whole numbers\. Say what they are"):
        datasets.describe(prices, [])
    told = datasets.describe(Study(
        name="a", template="mlp", factors={"units": [[4]]},
        dataset={"file": prices, "task": "regression"},
    ).dataset, [])  # fmt: skip
    assert (told.task, told.outputs) == ("regression", 1)
    for y, line in (
        (Y * 1.0, "0 48, 1 48 (chance 50.0 %)"),
        (np.where(Y, 1, -1), "-1 48, 1 48 (chance 50.0 %)"),
        (np.array(["no", "yes"])[Y], "no 48, yes 48 (chance 50.0 %)"),
        (Y + 1, "1 48, 2 48 (chance 50.0 %)"),
    ):
        card = datasets.describe(foreign.arrays(x=x, y=y), [])
        assert card.lines()["classes"] == line


@row("x_val and y_val in an .npz", "validation cases of every replicate")
def test_an_official_validation_part(foreign):
    """As ``fit`` with ``validation_data``; a share beside it is refused."""
    foreign.module(LINEAR)
    x = GENERATOR.normal(size=(120, 3)).astype(np.float32)
    file = foreign.arrays(
        x_train=x[:60], y_train=Y[:60], x_val=x[60:90], y_val=Y[60:90], x_test=x[90:], y_test=Y[90:]
    )
    fixed = {"epochs": 5, "batch_size": 60, "optimizer": "sgd"}
    plan = foreign.plan(file, fixed=fixed, factors={"learning_rate": [0.1]})
    outcome, _ = foreign.train(plan, replicate=3)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="zeros")])
    model.compile(
        keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    theirs = model.fit(
        x[:60], Y[:60], batch_size=60, epochs=5, verbose=0, validation_data=(x[60:90], Y[60:90])
    )
    np.testing.assert_allclose(curve(outcome), theirs.history["val_loss"], rtol=1e-5)
    assert plan.card.lines()["validation"].startswith("the 30 cases that come with the data")
    with pytest.raises(StudyError, match="comes with 30 validation cases"):
        foreign.plan(file, fixed={"validation": 0.3})
    with pytest.raises(DataError, match="a subset is drawn by class"):
        foreign.plan(f"{file}@40")


@row("groups in an .npz", "no group in two parts")
@pytest.mark.parametrize("alike", [True, False])
def test_groups_stay_whole(foreign, alike):
    """Test, validation and training cases have no patient in common, in any replicate."""
    foreign.module(LINEAR)
    sizes = np.full(24, 5) if alike else np.array([2, 3, 4, 5, 6, 10] * 4)
    patients = GENERATOR.permutation(np.repeat(np.arange(24), sizes)[:120])
    x = np.c_[patients, GENERATOR.normal(size=120)]
    plan = foreign.plan(foreign.arrays(x=x, y=Y, groups=patients))
    data = datasets.load(plan.card)
    seen = set()
    for replicate in range(8):
        train, held = datasets.draw(
            data.y,
            (plan.card.training_cases(0.2), plan.card.validation_cases(0.2)),
            (1, "confirm", replicate),
            groups=data.groups,
        )
        assert len(train) == plan.card.training_cases(0.2)
        assert len(held) == plan.card.validation_cases(0.2)
        parts = [set(part[:, 0]) for part in (data.x[train], data.x[held], data.x_test[:])]
        assert sum(map(len, parts)) == len(set.union(*parts))
        seen.add(tuple(held))
    assert len(seen) == 8
    assert (plan.card.spare == 0) == alike
    if not alike:
        assert foreign.train(plan)[0].status == "completed"


@row("sample_weight, x_valid and other names in an .npz", "refused or noted by name")
def test_what_is_not_read_is_said(foreign):
    """Nothing vanishes without a word."""
    x = GENERATOR.normal(size=(120, 3))
    for name, expected in (
        ("sample_weight", "expected no weights of single cases"),
        ("x_valid", "Rename it, or leave it out"),
        ("X", "Rename it, or leave it out"),
    ):
        with pytest.raises(DataError, match=expected):
            datasets.describe(foreign.arrays(x=x, y=Y, **{name: Y}), [])
    card = datasets.describe(foreign.arrays(x=x, y=Y, ids=np.arange(120)), [])
    assert card.notes == ("not read: ids",)


@row("pictures with channels first, (3, 32, 32)", "refused, or channels = 'first'")
def test_channels_first(foreign):
    """Turned, they have channels last."""
    foreign.module(LINEAR)
    x = GENERATOR.random((120, 3, 8, 8)).astype(np.float32)
    file = foreign.arrays(x=x, y=Y)
    with pytest.raises(DataError, match="channels = 'first' } turns them"):
        foreign.plan(file)
    turned = foreign.plan({"file": file, "channels": "first"})
    assert turned.card.shape == (8, 8, 3)
    np.testing.assert_array_equal(
        datasets.load(turned.card).x[:][0],
        np.moveaxis(x, 1, -1)[datasets.load(turned.card).x.index[0]],
    )


@row("test cases that are copies of training cases", "counted, with those of another label")
def test_copies_are_counted(foreign):
    """By their bytes, in single precision."""
    x = GENERATOR.normal(size=(60, 3))
    tests = np.concatenate([x[:7], GENERATOR.normal(size=(13, 3))])
    labels = np.r_[Y[:4], 1 - Y[4:7], Y[:13]]
    file = foreign.arrays(x=x, y=Y[:60], x_test=tests, y_test=labels)
    card = datasets.describe(file, [])
    assert card.lines()["copies"] == (
        "7 of 20 test cases are copies of training cases, 3 of them with another label"
    )
    electric = datasets.describe("electric_devices", [])
    assert electric.lines()["copies"].startswith("208 of 7,711 test cases are copies")


@row("arrays given to harness.run, dataset = { standardize = true }", "as from a file")
def test_given_arrays(foreign):
    """What is said of a file can be said of arrays."""
    study = Study(
        name="given", template="mlp", dataset={"standardize": True}, replicates=1,
        factors={"units": [[4], [8]]}, fixed={"epochs": 1, "batch_size": 32},
    )  # fmt: skip
    x = GENERATOR.normal(1000, 5, (120, 3))
    finished = run(study, data=(x, np.array(["no", "yes"])[Y]), root=foreign.folder, workers=0)
    assert finished.exit_code == 0


@row(
    "targets that single precision cannot tell apart, such as times in seconds",
    "refused, or standardize = true: in double precision",
)
def test_large_targets_keep_their_differences(foreign):
    """Standardized they train; as they are they would be a handful of numbers."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 3))
    y = 1.7e9 + 10 * x[:, 0] + generator.normal(size=200)
    file = foreign.arrays(x=x, y=y)
    with pytest.raises(DataError, match=r"tell apart.*Say standardize = true"):
        foreign.plan(file, "mlp")
    plan = foreign.plan({"file": file, "standardize": True}, "mlp", fixed={"epochs": 1})
    data = datasets.load(plan.card)
    train = np.arange(100)
    made = data.standardized(train)
    np.testing.assert_allclose(made.y[train].std(), 1, rtol=1e-5)
    np.testing.assert_allclose(made.unit, y_of(data)[train].std(), rtol=1e-5)
    assert len(np.unique(made.y)) > 150
    assert plan.card.copies == (0, 0)
    assert "trained on with mean 0 and deviation 1" in plan.card.lines()["target"]


def y_of(data):
    """Targets as the file holds them."""
    return data.y[:, 0]


@row("training pixels of 0..255 beside test pixels of 0..1", "refused: divide both, or neither")
def test_parts_have_one_scale(foreign):
    """In whatever part the other scale is."""
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 256, size=(60, 8, 8)), np.arange(60) % 2
    for part in ("test", "val"):
        parts = {f"x_{part}": x[:20] / 255, f"y_{part}": y[:20]}
        file = foreign.arrays(x_train=x, y_train=y, **parts)
        with pytest.raises(DataError, match=rf"x_train of 0\.\.25\d, x_{part} of .*Divide both"):
            foreign.plan(file, "mlp")


@row(
    "tokens beyond the vocabulary, of `rnn` or of an `Embedding`",
    "refused: as large as the data asks for",
)
def test_tokens_have_rows(foreign):
    """Keras stops there; a compiled program would take the last row."""
    foreign.module("""
        import keras

        def build(shape, outputs):
            inputs = keras.Input(shape)
            x = keras.layers.Embedding(30, 4)(inputs)
            return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Flatten()(x)))
    """)
    x = np.arange(600).reshape(100, 6) % 60
    file = foreign.arrays(x=x, y=np.arange(100) % 2)
    for template, fixed in (("theirs:build", {}), ("rnn", {"vocabulary": 30})):
        plan = foreign.plan(file, template, fixed=fixed)
        said = Trainer(plan.card, foreign.places).rehearse(
            plan.trial(plan.arms[0], {}, "confirm", 0)
        )
        assert "an embedding of the 60 tokens that the data has, 0..59" in said.problem
    (note,) = foreign.plan(file, "rnn").card.notes
    assert "say vocabulary = 60" in note


def test_a_missing_target_is_named(foreign):
    """By array and case."""
    y = np.r_[np.linspace(0, 1, 30), np.nan]
    file = foreign.arrays(x=np.zeros((31, 2)), y=y)
    with pytest.raises(DataError, match=r"numbers in y\. Received: 1 .*first in case 30"):
        foreign.plan(file, "mlp")
