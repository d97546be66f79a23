"""Other people's tables, folders of pictures and anomalies, from the file to the network."""

from __future__ import annotations

import os

import keras
import numpy as np
import pandas as pd
import pytest
from foreign import row
from PIL import Image
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from harness import datasets, objects
from harness.coordinator import run
from harness.errors import DataError
from harness.spec import Columns, Images, Study
from reports import frames

ROWS = 120


@pytest.fixture
def patients():
    """A table of somebody's: real, whole and missing numbers, words, dates, a class at random."""
    generator = np.random.default_rng(0)
    days = generator.integers(0, 300, ROWS)
    return pd.DataFrame(
        {
            "patient": [f"p{number:02}" for number in np.arange(ROWS) // 4],
            "visit": (pd.Timestamp("2021-01-01") + pd.to_timedelta(days, unit="D")).date,
            "pressure": generator.normal(130, 15, ROWS).round(6),
            "stage": generator.integers(1, 5, ROWS),
            "smoker": np.array(["None", "yes"])[generator.integers(0, 2, ROWS)],
            "outcome": np.array(["well", "ill"])[np.arange(ROWS) % 2],
        }
    )


def columns(foreign, table, name="theirs.csv", **changes):
    """A source of data, and the arrays that are read from it."""
    if table is not None:
        table.to_csv(foreign.folder / name, index=changes.pop("index", False))
    source = Columns(**{"file": name, "target": "outcome", **changes})
    return source, datasets.read_own(source, foreign.places)


def trained(foreign, source, **changes):
    """The results of a small study of such data."""
    given = {
        "name": "theirs",
        "template": "mlp",
        "dataset": source,
        "factors": {"activation": ["relu"]},
        "fixed": {"epochs": 30, "units": [8], "learning_rate": 0.01, "batch_size": 16},
        "replicates": 1,
    }
    study = Study(**(given | changes))
    ended = run(study, root=foreign.folder / "results", folders=foreign.places, workers=0)
    assert (ended.trained, ended.failed) == (1, 0)
    return frames.read(ended.folder)


def described(foreign, source):
    """The card of such data, without training on it."""
    return datasets.describe(source, foreign.places)


def accuracy(results):
    """Of the test cases."""
    return float(results.trials["test/accuracy@last"].iloc[0])


@row("a CSV with the index that pandas writes, sorted by class", "program; the index is no input")
def test_a_sorted_table_with_its_index(foreign):
    """What is noise stays at chance; it was told perfectly by the row number."""
    table = pd.DataFrame(
        {
            "noise": np.random.default_rng(0).normal(size=ROWS),
            "outcome": np.repeat(["ill", "well"], ROWS // 2),
        }
    )
    source, arrays = columns(foreign, table.assign(number=np.arange(ROWS) + 1000), index=True)
    assert arrays["columns"].tolist() == ["noise"]
    results = trained(foreign, source)
    assert accuracy(results) < 0.8
    said = " ".join(results.card.notes)
    assert "a column without a name, such as a table's index, is no input" in said
    assert "number or name the rows: number" in said


@pytest.mark.slow
@row("wine as CSV", "program; standardized by the training cases of each replicate")
def test_wine_as_csv(foreign):
    """The inputs that a network sees are those that scikit-learn's scaler gives."""
    data = load_wine(as_frame=True)
    table = data.data.assign(outcome=data.target_names[data.target])
    source, arrays = columns(foreign, table)
    assert arrays["classes"].tolist() == ["class_0", "class_1", "class_2"]
    kept = objects.keep_arrays(foreign.folder, arrays)
    loaded = datasets.load(datasets.describe(str(kept), []))
    train = np.arange(100)
    made = loaded.standardized(train)
    scaler = StandardScaler().fit(arrays["x_train"][train])
    np.testing.assert_allclose(made.x[:], scaler.transform(arrays["x_train"]), atol=1e-4)
    np.testing.assert_allclose(made.x_test[:], scaler.transform(arrays["x_test"]), atol=1e-4)
    assert accuracy(trained(foreign, source)) > 0.9


@row("numbers with decimal commas, thousands, blanks, `?`", "program; read as numbers, said")
def test_numbers_as_people_write_them(foreign, patients):
    """Not as one input for each of them."""
    written = patients.assign(
        pressure=[f" {number}".replace(".", ",") for number in patients["pressure"]],
        stage=[f"{1000000 * number:,}" for number in patients["stage"]],
    )
    _, plain = columns(foreign, patients, drop=["patient", "visit"])
    _, arrays = columns(foreign, written, drop=["patient", "visit"])
    assert arrays["columns"].tolist() == plain["columns"].tolist()
    np.testing.assert_allclose(arrays["x_test"][:, 0], plain["x_test"][:, 0])
    np.testing.assert_allclose(arrays["x_test"][:, 1], 1e6 * plain["x_test"][:, 1])
    written.loc[[3, 50], "pressure"] = "?"
    with pytest.raises(DataError, match="none in 2 of 120 rows of 'pressure'"):
        columns(foreign, written, drop=["patient", "visit"])


@row("`1,234` alone: a thousand or one", "refused: which one is asked, by `decimal`")
@row("one infinite number", "refused: column, row and how many")
@row("words among numbers", "refused: column, word and row")
def test_what_cannot_be_read_in_one_way(foreign, patients):
    """All columns are told at once."""
    wrong = patients.assign(
        stage=[f"1,{100 + number}" for number in patients["stage"]],
        pressure=patients["pressure"].where(patients.index != 7, np.inf),
        smoker=np.where(patients.index == 9, "often", "12"),
    )
    with pytest.raises(DataError) as caught:
        columns(foreign, wrong)
    said = str(caught.value)
    assert "column 'stage': expected numbers that can be read in one way" in said
    assert "column 'pressure': expected finite numbers. Received: inf in row 8." in said
    assert "column 'smoker': expected numbers, as nearly all of its cells are" in said


@row("missing values", "refused until `missing` is said: all columns at once")
@row('`missing = "median"`, `"indicator"` or `"drop"`', "program; filled from rows without test")
def test_missing_values(foreign, patients):
    """Names of no value among words are words."""
    holed = patients.assign(
        pressure=patients["pressure"].where(patients.index % 10 != 0),
        stage=patients["stage"].where(patients.index % 11 != 5),
    )
    with pytest.raises(DataError) as caught:
        columns(foreign, holed, drop=["patient", "visit"])
    assert "12 of 120 rows of 'pressure' (first: 1), 11 of 120 rows of 'stage'" in str(caught.value)
    source, arrays = columns(foreign, None, drop=["patient", "visit"], missing="indicator")
    names = arrays["columns"].tolist()
    assert names[2:] == ["stage", "stage missing", "smoker=None", "smoker=yes"]
    known = np.concatenate([arrays["x_train"], arrays["x_test"]])
    assert known[:, names.index("pressure missing")].sum() == 12
    given = arrays["x_train"][arrays["x_train"][:, 1] == 0, 0]
    assert set(arrays["x_train"][arrays["x_train"][:, 1] == 1, 0]) == {np.median(given)}
    assert described(foreign, source).shape == (6,)


@row("a table of test cases of its own", "program; it is the test split")
@row("dates", "program; days since the first, and how to test on the latest is said")
def test_a_table_of_tests(foreign, patients):
    """Whole and in its order."""
    patients.tail(30).to_csv(foreign.folder / "later.csv", index=False)
    source, arrays = columns(foreign, patients.head(90), test="later.csv", drop=["patient"])
    place = arrays["columns"].tolist().index("pressure")
    np.testing.assert_array_equal(arrays["x_test"][:, place], patients["pressure"].tail(30))
    assert "column visit is read as days since 2021-" in " ".join(arrays["notes"])
    assert described(foreign, source).tests == 30


@row('`split = { group = "patient" }`', "program; no patient is in two parts")
def test_a_split_by_patient(foreign, patients):
    """Neither of the test split nor of validation."""
    source, arrays = columns(foreign, patients, split={"group": "patient"}, drop=["visit"])
    by_pressure = dict(zip(patients["pressure"], patients["patient"], strict=True))
    known, tested = (
        {by_pressure[number] for number in arrays[part][:, 0]} for part in ("x_train", "x_test")
    )
    assert len(tested) == 6
    assert not known & tested
    card = described(foreign, source)
    assert card.drawing == "grouped"
    sizes = (card.training_cases(0.2), card.validation_cases(0.2))
    labels, groups = arrays["y_train"], arrays["groups"]
    for replicate in range(3):
        train, held = datasets.draw(labels, sizes, (1, "confirm", replicate), groups=groups)
        assert not {*groups[train]} & {*groups[held]}


@row('`split = { time = "date" }`', "program; the latest rows are the test split")
def test_a_split_by_time(foreign, patients):
    """The last fifth tests, and of the rest the last rows validate."""
    source, arrays = columns(foreign, patients, split={"time": "visit"}, drop=["patient"])
    by_pressure = dict(zip(patients["pressure"], patients["visit"], strict=True))
    known, tested = (
        [by_pressure[number] for number in arrays[part][:, 0]] for part in ("x_train", "x_test")
    )
    assert known == sorted(known)
    assert max(known) < min(tested)
    assert described(foreign, source).drawing == "ordered"


def paint(folder, make, count=24):
    """Two classes of pictures; ``make`` gives one of a class."""
    for label, name in enumerate(("dark", "light")):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            make(label, index).save(folder / name / f"{index:02}.png")


@row("16-bit pictures", "program; 0..65535 becomes 0..1")
def test_deep_pictures(foreign):
    """What lies above 255 is seen; it was cut off."""
    shades = np.random.default_rng(0).integers(1000, 4000, (2, 24, 6, 6))

    def deep(label, index):
        return Image.fromarray((shades[label, index] + 50000 * label).astype(np.uint16))

    paint(foreign.folder / "scans", deep)
    results = trained(foreign, "scans")
    assert results.card.scaling == "0..65535 -> 0..1"
    assert results.card.classes == ("dark", "light")
    assert accuracy(results) == 1


@pytest.mark.slow
@row("black figures on transparent ground", "program; put on white, said")
def test_transparent_pictures(foreign):
    """They were all black."""

    def drawn(label, index):
        figure = np.zeros((6, 6, 4), np.uint8)
        figure[: 3 if label else 6, : 2 + index % 4, 3] = 255
        return Image.fromarray(figure)

    paint(foreign.folder / "icons", drawn)
    results = trained(foreign, "icons")
    assert "48 of 48 pictures are put on white where they are transparent" in results.card.notes
    assert accuracy(results) > 0.9


@row("`train`, `val` and `test`, hidden files of a Mac", "program; `val` validates always")
@row("pictures that cannot be read, of any format that starts a program", "refused: all by name")
def test_a_folder_from_somebody(foreign, monkeypatch):
    """Nothing of it vanishes, and nothing of it is run."""
    folder = foreign.folder / "pets"
    for part, count in (("train", 12), ("val", 5), ("test", 4)):
        paint(
            folder / part, lambda label, index: Image.new("L", (6, 6), 150 * label + index), count
        )
    (folder / "train" / "dark" / "._00.png").write_bytes(b"\0\5\x16\7")
    card = described(foreign, Images(folder="pets"))
    assert (card.drawing, card.held, card.cases, card.tests) == ("official", 10, 34, 8)
    (foreign.folder / "gs").write_text(f"#!/bin/sh\ntouch {foreign.folder}/started\n")
    (foreign.folder / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(foreign.folder), prepend=os.pathsep)
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 6\n%%EndComments\nshowpage\n%%EOF\n"
    (folder / "train" / "dark" / "01.png").write_bytes(eps)
    (folder / "test" / "light" / "00.png").write_text("")
    with pytest.raises(DataError, match=r"2 of 42 files .*train/dark/01.png .*test/light/00.png"):
        datasets.describe("pets", foreign.places)
    assert not (foreign.folder / "started").exists()


@row(
    "anomalies, `normal` by name", "program; which classes these are is shown, a minority warned of"
)
def test_the_normal_class_by_name(foreign):
    """A study that had the two the wrong way round would say so."""
    generator = np.random.default_rng(0)
    kind = np.array(["ok"] * 90 + ["broken"] * 30)
    x = generator.normal(size=(ROWS, 4)) + 3 * (kind == "broken")[:, None]
    table = pd.DataFrame(x, columns=list("abcd")).assign(outcome=kind)
    source, _ = columns(foreign, table)
    card = foreign.plan(source, "autoencoder", normal=["ok"], fixed={"batch_size": 8}).card
    assert card.lines()["normal"] == "1 (ok); anomalies, in the test split alone: 0 (broken)"
    assert card.notes == ()
    plan = foreign.plan(source, "autoencoder", normal=["broken"], fixed={"batch_size": 8})
    assert "the normal classes have 24 of 96 cases, a minority" in plan.card.notes[-1]


@row("`class_weight` by name, as a table", "program; equal to Keras' `class_weight`")
def test_class_weights_by_name(foreign):
    """The loss of the first epoch is Keras' own, of the weighted cases."""
    foreign.module("""
        import keras

        def build(shape, outputs):
            inputs = keras.Input(shape)
            outputs = keras.layers.Dense(outputs, kernel_initializer="zeros")(inputs)
            return keras.Model(inputs, outputs)
    """)
    y = np.array(["rare"] * 20 + ["usual"] * 100)
    x = np.random.default_rng(0).normal(size=(ROWS, 3))
    file = foreign.arrays(x=x, y=y)
    plan = foreign.plan(
        file,
        fixed={"epochs": 1, "batch_size": 77, "class_weight": {"rare": 4.0}},
        factors={"learning_rate": [1e-6]},
    )
    outcome, _ = foreign.train(plan)
    data = datasets.load(plan.card)
    sizes = (plan.card.training_cases(0.2), plan.card.validation_cases(0.2))
    train, _ = datasets.draw(data.y, sizes, (1, "confirm", 0))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="zeros")])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.learning_rate = 0.0
    expected = model.fit(
        data.x[train], data.y[train], batch_size=77, class_weight={0: 4.0, 1: 1.0}, verbose=0
    ).history["loss"][0]
    assert outcome.curve[0].quantities["train/loss"] == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(np.log(2) * 1.5, rel=0.05)
