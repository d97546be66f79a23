"""A user's data as columns, as images, from a function: read, refused, trained on."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness import cli, datasets, design, store, studyfile
from harness.coordinator import run
from harness.datasets.splits import test_mask as held_out
from harness.errors import DataError, StudyError
from harness.identity import digest_file
from harness.spec import Columns, Images, Study
from reports import frames, page

SMALL = {"fixed": {"epochs": 1, "units": [4], "batch_size": 16}, "replicates": 2}


@pytest.fixture
def flowers(tmp_path):
    """A table with numbers, words and truth values, 120 rows, as CSV."""
    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "length": generator.normal(50, 10, 120),
            "colour": np.array(["red", "blue", "white"])[np.arange(120) % 3],
            "wild": np.arange(120) % 2 == 0,
            "count": generator.integers(1, 9, 120),
            "kind": np.array(["rose", "iris"])[np.arange(120) % 2],
            "price": generator.normal(5, 2, 120),
        }
    )
    table.to_csv(tmp_path / "flowers.csv", index=False)
    return tmp_path, table


def loaded(source, folder):
    """The card that planning sees, and the arrays in a form that a worker reads."""
    card = datasets.describe(source, [folder])
    arrays = datasets.read_own(datasets.sized(source)[0], [folder])
    return card, datasets.from_arrays(arrays, "it", {"task": card.task})


def test_columns_become_classes(flowers):
    """Words are numbered in their order; words of inputs spread out; numbers are as they were."""
    folder, table = flowers
    source = Columns(file="flowers.csv", target="kind")
    card = datasets.describe(source, [folder])
    assert (card.task, card.outputs, card.shape, card.label) == (
        "classification",
        2,
        (1 + 3 + 2 + 1 + 1,),
        "flowers.csv",
    )
    assert (card.cases, card.tests) == (96, 24)
    test = held_out(np.unique(table["kind"], return_inverse=True)[1].astype(np.int32))
    arrays = datasets.read_own(source, [folder])
    assert arrays["classes"].tolist() == ["iris", "rose"]
    np.testing.assert_array_equal(arrays["y_train"], (table["kind"] == "rose")[~test])
    np.testing.assert_array_equal(arrays["x_test"][:, 0], table["length"][test])
    np.testing.assert_array_equal(arrays["x_train"][:, 1], (table["colour"] == "blue")[~test])
    np.testing.assert_array_equal(arrays["x_train"][:, 5], table["wild"][~test])
    assert arrays["columns"].tolist() == [
        "length",
        *(f"colour={word}" for word in ("blue", "red", "white")),
        "wild=False",
        "wild=True",
        "count",
        "price",
    ]
    numbers = [name in {"length", "count", "price"} for name in arrays["columns"]]
    assert arrays["standardize"].tolist() == numbers


def test_columns_become_numbers(flowers):
    """Real numbers are predicted, whole ones if the study says so; standardized or as they are."""
    folder, table = flowers
    columns = {"file": "flowers.csv", "inputs": ["length"]}
    card, _ = loaded(Columns(**columns, target="price"), folder)
    assert (card.task, card.outputs, card.shape) == ("regression", 1, (1,))
    assert card.target == "price"
    arrays = datasets.read_own(Columns(**columns, target="price"), [folder])
    together = np.concatenate([arrays["y_train"], arrays["y_test"]])[:, 0]
    np.testing.assert_array_equal(np.sort(together), np.sort(table["price"]))
    assert arrays["target_name"].tolist() == ["price"]
    source = Columns(**columns, target="count", task="regression", standardize=False)
    card, data = loaded(source, folder)
    assert card.task == "regression"
    assert set(data.y[:, 0]) == set(range(1, 9))
    assert "standardize" not in datasets.read_own(source, [folder])
    assert loaded(Columns(**columns, target="count"), folder)[0].task == "classification"
    card, data = loaded(Columns(**columns, target=["price", "count"]), folder)
    assert (card.task, card.outputs) == ("regression", 2)
    assert card.target == "price, count, each in standard deviations"


def test_other_forms_hold_the_same(flowers):
    """TSV, gzip and Parquet."""
    folder, table = flowers
    source = Columns(file="flowers.csv", target="kind")
    expected = datasets.describe(source, [folder]).digest
    table.to_csv(folder / "f.tsv", index=False, sep="\t")
    table.to_csv(folder / "f.csv.gz", index=False)
    names = ["f.tsv", "f.csv.gz"]
    if importlib.util.find_spec("pyarrow"):  # an extra
        table.to_parquet(folder / "f.parquet")
        table.astype({"count": "Int64", "length": "Float64", "wild": "boolean"}).to_parquet(
            folder / "nullable.parquet"
        )
        names += ["f.parquet", "nullable.parquet"]
    for name in names:
        assert datasets.describe(Columns(file=name, target="kind"), [folder]).digest == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"target": "kid"}, "Received: 'kid'. Did you mean 'kind'?"),
        ({"inputs": ["lenght"]}, "Did you mean 'length'?"),
        ({"inputs": ["kind"]}, "input columns that are neither target nor dropped"),
        ({"file": "flower.csv"}, "Received: 'flower.csv', which is in none of"),
        ({"file": "flowers.xlsx"}, "expected a file that ends in .csv"),
        ({"file": "gap.csv"}, "none in 1 of 4 rows of 'length' (first: 3). Say missing = 'median'"),
        (
            {"file": "names.csv"},
            "at most 50 different words in a column. Received: 53 in 'name', such as",
        ),
        ({"file": "names.csv", "target": "name", "inputs": ["kind"]}, "set task = 'regression'"),
        ({"file": "broken.csv"}, "broken.csv: cannot be read as a table: Error tokenizing data"),
        ({"target": "colour", "task": "regression"}, "expected numbers in column 'colour'"),
        ({"file": "broken.parquet"}, "broken.parquet"),
    ],
)
def test_columns_that_cannot_be_trained_on(flowers, changes, expected):
    """File, column and row are named."""
    folder, _ = flowers
    (folder / "flowers.xlsx").write_text("")
    (folder / "gap.csv").write_text("length,kind\n1,a\n2,b\n,a\n4,b\n")
    rows = "".join(f"n{index % 60},{'ab'[index % 2]}\n" for index in range(90))
    (folder / "names.csv").write_text(f"name,kind\n{rows}")
    (folder / "broken.csv").write_text('a,b\n1,2\n1,2,3,4\n"')
    (folder / "broken.parquet").write_text("no")
    with pytest.raises(DataError) as caught:
        datasets.describe(Columns(**{"file": "flowers.csv", "target": "kind", **changes}), [folder])
    assert expected in str(caught.value)


def paint(folder, sizes=((8, 8),), modes=("L",), classes=("cat", "dog"), count=12):
    """Images of one shade per class."""
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            size, mode = sizes[index % len(sizes)], modes[index % len(modes)]
            shade = 60 + 100 * label + index
            Image.new(mode, size, shade if mode == "L" else (shade, shade, shade)).save(
                folder / name / f"{index:02}.png"
            )
    return folder


def test_a_folder_of_images(tmp_path):
    """Classes in the order of their names, files in the order of theirs, 8-bit as 0 to 1."""
    paint(tmp_path / "pets")
    (tmp_path / "pets" / "dog" / "notes.txt").write_text("no image")
    card, data = loaded("pets", tmp_path)
    assert (card.task, card.shape, card.outputs) == ("classification", (8, 8), 2)
    assert (card.cases, card.tests, card.label) == (19, 5, "pets")
    shades = np.rint(data.x[:][:, 0, 0] * 255)
    assert set(shades[data.y == 0]) <= set(range(60, 72))
    assert set(shades[data.y == 1]) <= set(range(160, 172))


def test_images_are_brought_to_one_form(tmp_path):
    """One size if it is named, grey if asked, colour if one of them has it."""
    paint(tmp_path / "pets", sizes=((8, 8), (16, 12)), modes=("L", "RGB"))
    with pytest.raises(DataError, match=r"Received: 01.png of 16x12.*size = \[8, 8\]"):
        datasets.describe("pets", [tmp_path])
    card, _ = loaded(Images(folder="pets", size=(10, 6)), tmp_path)
    assert card.shape == (10, 6, 3)
    card, _ = loaded(Images(folder="pets", size=(10, 6), gray=True, cases=12), tmp_path)
    assert card.shape == (10, 6)
    assert card.cases == 12


def test_an_official_split_of_images(tmp_path):
    """Folders of that name are the split."""
    paint(tmp_path / "pets" / "train")
    paint(tmp_path / "pets" / "test", count=3)
    card, _ = loaded("pets", tmp_path)
    assert (card.cases, card.tests) == (24, 6)
    (tmp_path / "pets" / "test" / "cow").mkdir()
    with pytest.raises(DataError, match=r"expected the classes of .*train"):
        datasets.describe("pets", [tmp_path])


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda folder: (folder / "cow").mkdir(), "Received: no image in 'cow'"),
        (lambda folder: folder.rename(folder.with_name("cats")).with_name("pets").touch(), "pets"),
        (
            lambda folder: (folder / "cat" / "00.png").write_bytes(b"\x89PNG no"),
            "1 of 24 files that cannot be read as one: cat/00.png (none of PNG",
        ),
    ],
)
def test_images_that_cannot_be_read(tmp_path, spoil, expected):
    """The file is named."""
    folder = paint(tmp_path / "pets")
    spoil(folder)
    with pytest.raises(DataError) as caught:
        datasets.describe(Images(folder="pets"), [tmp_path])
    assert expected in str(caught.value)


def test_a_known_name_is_not_a_folder(tmp_path):
    """Whatever lies beside the study."""
    paint(tmp_path / "digits")
    assert datasets.describe("digits", [tmp_path]).cases == 1438


FUNCTION = """
from pathlib import Path
import numpy as np

def load():
    log = Path({log!r})
    log.write_text(log.read_text() + "x" if log.exists() else "x")
    generator = np.random.default_rng(0)
    return generator.normal(size=(60, 3)), np.arange(60) % 3

def both():
    x, y = load()
    return (x[:40], y[:40]), (x[40:], y[40:])

def named():
    x, y = load()
    return {{"x": x, "y": y}}

def wrong():
    return 3

def raises():
    raise RuntimeError("no luck")

def needs(path):
    return load()
"""


@pytest.fixture
def mine(tmp_path):
    """A module of data functions, and the file that tells how often they were called."""
    (tmp_path / "mydata.py").write_text(FUNCTION.format(log=str(tmp_path / "log")))
    return tmp_path


@pytest.mark.parametrize(("name", "cases"), [("load", 48), ("both", 40), ("named", 48)])
def test_a_function_gives_arrays(mine, name, cases):
    """In the forms that are common."""
    assert len(loaded_function(mine, name).x) == cases


def loaded_function(folder, name):
    """What a function gives, checked."""
    return datasets.from_arrays(datasets.read_own(f"mydata:{name}", [folder]), name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wrong", "expected mydata:wrong to return x and y"),
        ("raises", "mydata:raises raised RuntimeError: no luck"),
        ("needs", "without required arguments. Received: 'mydata:needs', which needs path"),
        ("lod", "Did you mean 'load'?"),
    ],
)
def test_functions_that_give_none(mine, name, expected):
    """With what they gave instead."""
    with pytest.raises((DataError, StudyError)) as caught:
        loaded_function(mine, name)
    assert expected in str(caught.value)


STUDY = """
name = "own"
template = "mlp"
dataset = {dataset}
replicates = 2
factors.activation = ["relu", "tanh"]
fixed = {{ epochs = 1, units = [4], batch_size = 16 }}
"""


@pytest.mark.slow
def test_only_run_calls_a_function(mine, capsys, monkeypatch):
    """``check`` says how far it came, ``plan`` that it cannot; ``run`` trains, and again not."""
    monkeypatch.chdir(mine)
    (mine / "own.toml").write_text(STUDY.format(dataset='"mydata:load"'))

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["keras-harness", *arguments])
        code = cli.main()
        return code, capsys.readouterr()

    code, said = call("check", "own.toml")
    assert code == 0
    assert "valid as far as can be told without its data" in said.out
    code, said = call("plan", "own.toml")
    assert code == 4
    assert "a function that only 'keras-harness run' calls" in said.err
    assert not (mine / "log").exists()
    code, said = call("run", "own.toml", "--workers", "0")
    assert code == 0
    assert (mine / "log").read_text() == "x"
    code, said = call("run", "own.toml", "--workers", "0")
    assert "0 trials trained, 4 were there before" in said.err


@pytest.mark.slow
def test_a_study_of_columns_plans_and_runs_alike(flowers):
    """What ``plan`` says of the data is what a run trains on; the page names the file."""
    folder, _ = flowers
    text = STUDY.format(dataset='{ file = "flowers.csv", target = "kind", cases = 60 }')
    study = studyfile.parse(text)
    assert studyfile.parse(studyfile.dump(study)) == study
    planned = design.plan(study, datasets.describe(study.dataset, [folder]), [folder])
    ended = run(study, root=folder / "results", folders=[folder], workers=0)
    results = frames.read(ended.folder)
    assert results.card.digest == planned.card.digest
    assert results.card.cases == planned.card.cases == 60
    assert results.card.label == "flowers.csv"
    html = page.render(ended.folder)
    assert "flowers.csv" in html
    assert str(folder) not in html
    again = run(study, root=folder / "results", folders=[folder], workers=0)
    assert (again.trained, again.changed) == (0, ())


def test_what_is_said_of_data_is_not_its_content(flowers):
    """The same numbers with another note are the same data: nothing is trained again."""
    folder, table = flowers
    source = Columns(file="flowers.csv", target="kind")
    planned = datasets.describe(source, [folder])
    assert planned.notes == ()
    factors = {"activation": ["relu"]}
    study = Study(name="own", template="mlp", factors=factors, dataset=source, **SMALL)
    first = run(study, root=folder / "results", folders=[folder], workers=0)
    table.to_csv(folder / "flowers.csv")  # with the index, which is told not to be an input
    again = datasets.describe(source, [folder])
    assert again.digest == planned.digest
    assert len(again.notes) == 1
    second = run(study, root=folder / "results", folders=[folder], workers=0)
    assert (first.trained, second.trained, second.reused) == (2, 0, 2)
    assert frames.read(second.folder).card.notes == again.notes
    with store.reading(second.folder) as db:
        left = {digest for (digest,) in db.execute("SELECT digest FROM artifact")}
    files = (second.folder / "objects").rglob("*.npz")
    (kept,) = (file for file in files if file.stem not in left)
    assert kept.stem == digest_file(kept)
    table.assign(length=table["length"] + 1).to_csv(folder / "flowers.csv")
    assert datasets.describe(source, [folder]).digest != planned.digest


@pytest.mark.slow
def test_workers_read_images(tmp_path):
    """From where the coordinator has put them."""
    paint(tmp_path / "pets", count=20)
    # Dropout is not compiled by XLA, which would take most of the time.
    factors = {"activation": ["relu"], "dropout": [0.1]}
    study = Study(name="pets", template="mlp", dataset="pets", factors=factors, **SMALL)
    ended = run(study, root=tmp_path, folders=[tmp_path], workers=1)
    assert (ended.trained, ended.failed) == (2, 0)


@pytest.mark.parametrize(
    ("dataset", "key", "expected"),
    [
        ('{ file = "a.csv" }', "dataset.target", "expected this key. Received: nothing."),
        ('{ file = "a.csv", target = "b", sise = 3 }', "dataset.sise", "sise"),
        ('{ folder = "a", size = [3] }', "dataset.size", ""),
        ('{ folder = "a", target = "b" }', "dataset.target", ""),
        ("3", "dataset", "3"),
    ],
)
def test_a_study_says_what_is_wrong_with_its_data(dataset, key, expected):
    """By the key of the file."""
    with pytest.raises(StudyError) as caught:
        studyfile.parse(STUDY.format(dataset=dataset))
    assert caught.value.key.startswith(key)
    assert expected in str(caught.value)


def test_a_table_without_a_target_is_advised(flowers):
    """How to name one."""
    folder, _ = flowers
    with pytest.raises(DataError, match=r"\{ file = 'flowers.csv', target = \.\.\. \}"):
        datasets.describe("flowers.csv", [folder])


def test_the_kept_form_is_json(flowers):
    """A card with a name survives the way to a worker and into a store."""
    folder, _ = flowers
    card = datasets.describe(Columns(file="flowers.csv", target="kind"), [folder])
    assert type(card).read(json.loads(json.dumps(asdict(card)))) == card
