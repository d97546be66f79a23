"""What becomes of the columns of a table: each oddity read rightly, or refused, and said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer

from harness import datasets
from harness.errors import DataError, StudyError
from harness.spec import Columns, Split

ROWS = 60


@pytest.fixture
def table():
    """A plain table: two real inputs and a class, nothing in order."""
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": generator.normal(50, 10, ROWS).round(3),
            "age": generator.integers(1, 9, ROWS),
            "kind": np.array(["b", "a", "c"])[np.arange(ROWS) % 3],
        }
    )


@pytest.fixture
def read(tmp_path):
    """The arrays of a table that is written as CSV first."""

    def written(table, target="kind", test=None, **changes):
        if isinstance(table, str):
            (tmp_path / "t.csv").write_text(table)
        else:
            table.to_csv(tmp_path / "t.csv", index=False)
        if test is not None:
            test.to_csv(tmp_path / "test.csv", index=False)
            changes["test"] = "test.csv"
        return datasets.read_own(Columns(file="t.csv", target=target, **changes), [tmp_path])

    return written


def notes(arrays):
    """All that is said, as one text."""
    return "\n".join(arrays["notes"].tolist()) if "notes" in arrays else ""


def column(arrays, name):
    """One input: of the cases outside the test split, and of the test cases."""
    place = arrays["columns"].tolist().index(name)
    return arrays["x_train"][:, place], arrays["x_test"][:, place]


def test_a_plain_table_says_nothing(read, table):
    """Numbers as in the file, classes by name, what to standardize; no note."""
    arrays = read(table)
    assert arrays["columns"].tolist() == ["size", "age"]
    assert arrays["classes"].tolist() == ["a", "b", "c"]
    assert str(arrays["task"]) == "classification"
    assert arrays["standardize"].tolist() == [True, True]
    assert "notes" not in arrays
    both = np.concatenate(column(arrays, "size"))
    np.testing.assert_array_equal(np.sort(both), np.sort(table["size"]))


@pytest.mark.parametrize(
    "made",
    [
        lambda table: table.assign(row=np.arange(ROWS)),
        lambda table: table.assign(row=np.arange(ROWS)[::-1] + 1000),
        lambda table: table.assign(row=np.arange(ROWS) // 2),
        lambda table: table.assign(row=np.random.default_rng(1).permutation(ROWS) * 7),
        lambda table: table.assign(row=np.arange(ROWS) * 0.25),
        lambda table: table.assign(row=[f"N{index}" for index in range(ROWS)]),
        lambda table: table.assign(row=[np.nan, *range(1, ROWS)]),
    ],
    ids=["counted", "down", "in pairs", "shuffled", "seconds", "names", "with a gap"],
)
def test_what_numbers_the_rows_is_no_input(read, table, made):
    """A file in order would be told by it; who wants it says so."""
    arrays = read(made(table))
    assert arrays["columns"].tolist() == ["size", "age"]
    assert "number or name the rows: row" in notes(arrays)
    if not made(table)["row"].isna().any() and made(table)["row"].dtype.kind in "if":
        kept = read(made(table), inputs=["size", "row"])
        assert kept["columns"].tolist() == ["size", "row"]
        assert "notes" not in kept


def test_groups_of_columns_are_inputs_by_name(read, table):
    """Each with what is said of its columns; a column may be in two of them."""
    plain = read(table.assign(word=["x", "y"] * (ROWS // 2)))
    groups = {"one": ["age"], "both": ["word", "size", "age"]}
    arrays = read(table.assign(word=["x", "y"] * (ROWS // 2), other=1.5), inputs=groups)
    assert arrays["columns/one"].tolist() == ["age"]
    assert arrays["columns/both"].tolist() == ["word=x", "word=y", "size", "age"]
    assert arrays["standardize/both"].tolist() == [False, False, True, True]
    for part, mine in zip(("x_train", "x_test"), column(plain, "age"), strict=True):
        np.testing.assert_array_equal(arrays[f"{part}/one"], mine[:, None])
        np.testing.assert_array_equal(arrays[f"{part}/both"][:, 3], mine)
    made = datasets.from_arrays(arrays, "t.csv", {"scale": False})
    assert {name: part.tolist() for name, part in made.standardize.items()} == {
        "one": [True],
        "both": [False, False, True, True],
    }
    assert made.notes == ()
    with pytest.raises(DataError, match=r"in each group of inputs\. Received: none in 'flat'"):
        read(table.assign(other=1.5), inputs={"size": ["size"], "flat": ["other"]})
    with pytest.raises(DataError, match=r"expected a column. Received: 'no'"):
        read(table, inputs={"size": ["size", "no"]})


def test_several_columns_of_zeros_and_ones_are_labels(read, table, kinds):
    """Named by their columns; what is measured, or one-hot, is something else."""
    arrays = read(table.assign(**kinds), target=["wet", "cold"], drop=["kind"])
    assert str(arrays["task"]) == "multilabel"
    assert arrays["classes"].tolist() == ["wet", "cold"]
    made = datasets.from_arrays(arrays, "t.csv", {"scale": False})
    assert (made.task, made.classes, made.target) == ("multilabel", ("wet", "cold"), "")
    truth = {one: kinds["wet"][row] == "True" for row, one in enumerate(table["size"])}
    for x, y in ((made.x, made.y), (made.x_test, made.y_test)):
        sizes = np.float64(x[:][:, 0]).round(3)
        assert [bool(one) for one in y[:, 0]] == [truth[size] for size in sizes]


@pytest.fixture
def kinds():
    """Truth values as words and as numbers."""
    wet = np.arange(ROWS) % 3 == 0
    return {"wet": wet.astype(str), "cold": (np.arange(ROWS) % 2).astype(int)}


def test_the_task_of_several_targets_may_be_said(read, table, kinds):
    """And what does not fit it is refused."""
    table = table.assign(**kinds, dry=(kinds["wet"] == "False").astype(int))
    hot = read(table, target=["wet", "dry"])
    assert (str(hot["task"]), hot["classes"].tolist()) == ("classification", ["wet", "dry"])
    assert "one of the 2 target columns is 1 in each row: they are classes" in notes(hot)
    assert str(read(table, target=["wet", "dry"], task="multilabel")["task"]) == "multilabel"
    numbers = read(table, target=["cold", "dry"], task="regression")
    assert (str(numbers["task"]), numbers["y_train"].shape[1]) == ("regression", 2)
    assert str(read(table, target=["cold", "age"])["task"]) == "regression"
    for target, received in ((["wet", "age"], "something else in age"), ("cold", "1")):
        with pytest.raises(DataError, match=f"several target columns.* Received: {received}"):
            read(table, target=target, task="multilabel")


@pytest.mark.parametrize("inputs", [{}, {"a": []}, {"": ["size"]}, {"a": "size"}, "size", [1]])
def test_groups_have_names_and_columns(inputs):
    """What is no list and no table of lists is refused in the words of a study."""
    with pytest.raises(StudyError, match="expected a list of columns, or lists by name"):
        Columns(file="t.csv", target="kind", inputs=inputs)


def test_the_nameless_index_is_no_input(read, table, tmp_path):
    """As ``to_csv`` writes it, once or twice, or R does."""
    assert read(table.to_csv())["columns"].tolist() == ["size", "age"]
    assert "without a name" in notes(read(table.to_csv()))
    table.sample(frac=1, random_state=0).to_csv(tmp_path / "once.csv")
    twice = pd.read_csv(tmp_path / "once.csv").to_csv()
    assert read(twice)["columns"].tolist() == ["size", "age"]
    lines = table.to_csv(index=False).splitlines()
    as_r = "\n".join([lines[0], *(f"{index},{line}" for index, line in enumerate(lines[1:]))])
    arrays = read(as_r)
    assert "first column, which has no name" in notes(arrays)
    np.testing.assert_array_equal(arrays["x_train"], read(table)["x_train"])
    trailing = "\n".join([lines[0], *(f"{line}," for line in lines[1:])])
    arrays = read(trailing)
    assert "a separator too many" in notes(arrays)
    np.testing.assert_array_equal(arrays["x_train"], read(table)["x_train"])


def test_a_column_that_says_nothing_is_left_out(read, table):
    """A constant one decides nothing, not even by rounding."""
    arrays = read(table.assign(tenth=0.1, one="x", none=""))
    assert arrays["columns"].tolist() == ["size", "age"]
    assert "same in every row: one=x, tenth" in notes(arrays)
    assert "empty: none" in notes(arrays)


def test_numbers_in_other_forms(read, table):
    """Decimal commas, thousands and blanks are the same numbers."""
    expected = read(table)["x_train"]
    comma = table.assign(size=[f" {number}".replace(".", ",") + " " for number in table["size"]])
    arrays = read(comma)
    np.testing.assert_array_equal(arrays["x_train"], expected)
    assert "decimal comma: size" in notes(arrays)
    european = comma.to_csv(index=False, sep=";")
    arrays = read(european)
    np.testing.assert_array_equal(arrays["x_train"], expected)
    assert "separated by semicolons" in notes(arrays)
    many = table.assign(size=[f"{1e6 * number:,.0f}" for number in table["size"]])
    arrays = read(many, inputs=["size"])  # else different in every row
    np.testing.assert_allclose(arrays["x_train"][:, 0], 1e6 * expected[:, 0])
    assert "commas between thousands: size" in notes(arrays)


def test_numbers_that_can_be_read_in_two_ways_are_refused(read, table):
    """``1,234`` is a thousand or one, until the study says so."""
    odd = table.assign(size=[f"{1 + index % 5},{100 + index % 7}" for index in range(ROWS)])
    with pytest.raises(DataError, match=r"'1,100', 1100 or 1\.1\. Say decimal = '\.' or"):
        read(odd)
    assert read(odd, decimal=".")["x_train"][:, 0].min() >= 1000
    assert read(odd, decimal=",")["x_train"][:, 0].max() < 10
    mixed = table.assign(other=[f"{index % 7},5" for index in range(ROWS)])
    arrays = read(mixed)  # the points cannot stand between thousands
    np.testing.assert_array_equal(column(arrays, "size")[0], column(read(table), "size")[0])
    unclear = mixed.assign(size=[f"{1 + index % 9}.{100 + index}" for index in range(ROWS)])
    with pytest.raises(DataError, match="in column 'other', and points in 'size' that may stand"):
        read(unclear)
    grouped = read(unclear, decimal=",", inputs=["size", "other"])
    assert column(grouped, "size")[0].min() >= 1000


@pytest.mark.parametrize("mark", ["?", "NA", "N/A", "nan", "", "-", "null", "None", "NaN"])
def test_marks_of_no_value_among_numbers(read, table, mark):
    """They leave a gap; all gaps are told at once, and filled by the median of other rows."""
    numbers = table["size"].astype(str)
    numbers[[4, 17, 30]] = mark
    holed = table.assign(size=numbers, age=table["age"].where(table.index != 2))
    with pytest.raises(DataError) as caught:
        read(holed)
    assert "none in 3 of 60 rows of 'size' (first: 5), 1 of 60 rows of 'age' (first: 3)" in str(
        caught.value
    )
    arrays = read(holed, missing="median")
    plain = read(table)
    raw = pd.to_numeric(numbers, errors="coerce").to_numpy()[:, None]
    test = np.isin(table["size"], column(plain, "size")[1])
    imputer = SimpleImputer(strategy="median").fit(raw[~test])
    np.testing.assert_allclose(column(arrays, "size")[0], imputer.transform(raw[~test])[:, 0])
    np.testing.assert_allclose(column(arrays, "size")[1], imputer.transform(raw[test])[:, 0])
    assert "median of the rows outside the test split: size, age" in notes(arrays)
    shown = read(holed, missing="indicator")
    np.testing.assert_array_equal(column(shown, "size missing")[0], np.isnan(raw[~test][:, 0]))
    place = shown["columns"].tolist().index("size missing")
    assert not shown["standardize"][place]
    dropped = read(holed, missing="drop")
    assert len(dropped["x_train"]) + len(dropped["x_test"]) == ROWS - 4
    assert "4 of 60 rows lack a value: left out" in notes(dropped)


def test_words_that_look_missing_are_words(read, table):
    """None, NA and null are categories among words; only an empty cell is none."""
    words = np.array(["None", "NA", "null", "yes"])[np.arange(ROWS) % 4]
    arrays = read(table.assign(word=words))
    names = arrays["columns"].tolist()[2:]
    assert names == ["word=NA", "word=None", "word=null", "word=yes"]
    np.testing.assert_array_equal(arrays["x_train"][:, 2:].sum(axis=1), 1)
    classes = read(table.assign(kind=words))
    assert classes["classes"].tolist() == ["NA", "None", "null", "yes"]
    holed = table.assign(word=np.where(np.arange(ROWS) == 7, "", words))
    with pytest.raises(DataError, match=r"1 of 60 rows of 'word' \(first: 8\)"):
        read(holed)
    assert "a word of its own in: word" in notes(read(holed, missing="median"))


def test_words_among_numbers_are_refused(read, table):
    """They would become a column for every number."""
    words = table.assign(
        size=table["size"].astype(str).where(table.index != 9, "unknown"),
        share=[f"{index % 30} %" for index in range(ROWS)],
    )
    with pytest.raises(DataError) as caught:
        read(words)
    assert "column 'size': expected numbers, as nearly all" in str(caught.value)
    assert "Received: 'unknown' (row 10)" in str(caught.value)
    assert "column 'share'" in str(caught.value)
    assert read(words, drop=["share", "size"])["columns"].tolist() == ["age"]
    rooms = np.array(["1", "2", "3", "4+"])[np.arange(ROWS) % 4]
    assert "though some are numbers: rooms" in notes(read(table.assign(rooms=rooms)))


def test_infinite_numbers_are_told_once(read, table):
    """By column, row and count."""
    table.loc[11, "size"] = np.inf
    with pytest.raises(DataError) as caught:
        read(table)
    assert "column 'size': expected finite numbers. Received: inf in row 12." in str(caught.value)


def test_words_that_only_test_cases_have(read, table):
    """Nothing was learned of them."""
    test = table.head(6).assign(word="new")
    arrays = read(table.assign(word=np.where(table.index % 2, "x", "y")), test=test)
    assert arrays["columns"].tolist() == ["size", "age", "word=x", "word=y"]
    assert not arrays["x_test"][:, 2:].any()
    assert "only test cases have count as none of its words: new" in notes(arrays)


def test_a_table_of_test_cases(read, table):
    """It is the test split, whole and in its order; row numbers begin anew in it."""
    numbered = table.assign(id=np.arange(ROWS))
    test = numbered.sample(12, random_state=0).assign(id=np.arange(12))
    arrays = read(numbered, test=test)
    np.testing.assert_array_equal(arrays["x_train"], table[["size", "age"]])
    np.testing.assert_array_equal(arrays["x_test"], test[["size", "age"]])
    with pytest.raises(DataError, match=r"rows in test.csv, .*\. Received: no 'age'"):
        read(table, test=test.drop(columns="age"))
    with pytest.raises(DataError, match=r"class in the test split\. Received: none of 'z'"):
        read(table, test=table.head(6).assign(kind="z"))


def test_numbers_as_categories(read, table):
    """And columns that are not looked at."""
    arrays = read(table, categorical=["age"], drop=["size"])
    ages = sorted(map(str, {*table["age"]}))
    assert arrays["columns"].tolist() == [f"age={age}" for age in ages]
    assert not arrays["standardize"].any()
    with pytest.raises(DataError, match="Did you mean 'age'"):
        read(table, drop=["agee"])


def test_dates_are_days(read, table):
    """Since the first outside the test split; that rows of all times are mixed is said."""
    days = np.random.default_rng(2).integers(0, 400, ROWS)
    dates = pd.Timestamp("2020-03-01 12:00") + pd.to_timedelta(days, unit="D")
    arrays = read(table.assign(date=dates.astype(str)))
    (known, _), sizes = column(arrays, "date"), column(arrays, "size")
    by_size = dict(zip(table["size"], days, strict=True))
    expected = np.array([by_size[size] for size in sizes[0]])
    np.testing.assert_allclose(known - known[0], expected - expected[0])
    assert 0 <= known.min() < 1
    assert "read as days since 2020-" in notes(arrays)
    assert "split = { time = 'date' }" in notes(arrays)
    with pytest.raises(DataError, match="begin with the year"):
        read(table.assign(date=dates.strftime("%d/%m/%Y")))


def test_rows_of_a_group_stay_together(read, table):
    """A fifth of the groups is the test split, and the rest is told apart."""
    patients = np.array([f"p{number}" for number in np.arange(ROWS) // 4])
    given = table.assign(patient=patients)
    arrays = read(given, split={"group": "patient"})
    assert "patient" not in " ".join(arrays["columns"])
    by_size = dict(zip(table["size"], patients, strict=True))
    known, tested = ({by_size[size] for size in part} for part in column(arrays, "size"))
    assert len(tested) == 3
    assert not known & tested
    groups = [by_size[size] for size in column(arrays, "size")[0]]
    for one in known:
        numbers = arrays["groups"][[group == one for group in groups]]
        assert len({*numbers.tolist()}) == 1
    assert len({*arrays["groups"].tolist()}) == len(known) == 12
    with pytest.raises(DataError, match="at least 3 groups"):
        read(table.assign(patient=np.arange(ROWS) % 2), split={"group": "patient"})


def test_the_latest_rows_are_the_test_split(read, table):
    """In the order of their time, rows of one time on one side."""
    day = np.random.default_rng(3).permutation(ROWS) // 5
    given = table.assign(date=[f"2021-01-{number + 1:02}" for number in day])
    arrays = read(given, split={"time": "date"})
    assert bool(arrays["ordered"])
    assert arrays["columns"].tolist() == ["size", "age"]
    by_size = dict(zip(table["size"], day, strict=True))
    known, tested = ([by_size[size] for size in part] for part in column(arrays, "size"))
    assert known == sorted(known)
    assert tested == sorted(tested)
    assert max(known) < min(tested)
    assert len(tested) == 15
    with pytest.raises(DataError, match="expected dates such as"):
        read(table, split={"time": "kind"}, target="size")
    with pytest.raises(StudyError, match="a column to split by"):
        Split()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (np.arange(ROWS) % 25, "25 different whole numbers. Say task"),
        ((np.arange(ROWS) > 57) * 1, "2 different whole numbers, the rarest in 2 rows"),
    ],
)
def test_whole_numbers_that_may_be_either(read, table, target, expected):
    """Classes or amounts: the study says which."""
    given = table.assign(kind=target)
    with pytest.raises(DataError, match=expected):
        read(given)
    assert str(read(given, task="regression")["task"]) == "regression"
    assert read(given, task="regression")["y_train"].dtype == np.float64
    assert str(read(given, task="classification")["task"]) == "classification"


def test_targets(read, table):
    """Zeros and ones are classes, however they are written; numbers keep their unit."""
    arrays = read(table.assign(kind=(np.arange(ROWS) % 2).astype(float)))
    assert arrays["classes"].tolist() == ["0", "1"]
    arrays = read(table, target="size")
    assert arrays["y_train"].mean() == pytest.approx(50, abs=5)
    assert arrays["target_name"].tolist() == ["size"]
    with pytest.raises(DataError, match=r"one target column of classes.*Received: 2 columns\."):
        read(table, target=["size", "age"], task="classification")
    with pytest.raises(DataError, match="Say missing = 'drop'"):
        read(table.assign(size=table["size"].where(table.index != 3)), target="size")


def test_two_columns_of_one_name_are_refused(read):
    """Else the second would give the answer away."""
    with pytest.raises(DataError, match="Received: 'kind' twice"):
        read("a,kind,kind\n1,x,x\n2,y,y\n")


def test_all_columns_of_too_many_words_are_told_at_once(read, table):
    """With the remedy."""
    words = np.array([f"w{index}" for index in np.arange(600) % 300])
    wide = pd.concat([table] * 10, ignore_index=True)
    with pytest.raises(DataError) as caught:
        read(wide.assign(first=words, second=words[::-1]))
    assert "drop = ['first', 'second']" in str(caught.value)


def test_parquet_gaps(table, tmp_path):
    """Of numbers, truth values and words, as in a CSV."""
    pytest.importorskip("pyarrow")
    given = table.assign(
        age=table["age"].astype("Int64").where(table.index != 2),
        flag=pd.array([True, None, False] * 20, "boolean"),
    )
    given.to_parquet(tmp_path / "t.parquet")
    given.to_csv(tmp_path / "t.csv", index=False)
    one, other = (
        datasets.read_own(Columns(file=file, target="kind", missing="median"), [tmp_path])
        for file in ("t.csv", "t.parquet")
    )
    assert one["columns"].tolist() == other["columns"].tolist()
    np.testing.assert_array_equal(one["x_train"], other["x_train"])
    assert [name for name in one["columns"] if "flag" in name] == [
        "flag=",
        "flag=False",
        "flag=True",
    ]
