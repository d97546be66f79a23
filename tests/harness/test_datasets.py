"""Data sets: what is described is what is loaded, and splits are what they should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import datasets, seeds
from harness.card import Card
from harness.datasets import copies, describe, draw, load, rows
from harness.datasets.splits import held_out
from harness.datasets.splits import test_mask as fixed_mask
from harness.errors import DataError
from harness.identity import digest_file

GENERATOR = np.random.default_rng(0)
X = GENERATOR.random((50, 4))
Y = np.arange(50) % 3
PINNED = [6, 19, 20, 21, 34, 35, 36, 37, 38, 39]  # test cases of Y
PINNED_DRAW = [13, 20, 22, 30, 35, 36, 38, 45, 46, 48]


@pytest.fixture
def save(tmp_path):
    """Write arrays to an ``.npz`` and describe it."""

    def saved(**arrays):
        np.savez(tmp_path / "data.npz", **arrays)
        return describe("data.npz", [tmp_path])

    return saved


@pytest.fixture(scope="module")
def digits():
    """The loaded data set."""
    return load(describe("digits", []))


# -- bundled -----------------------------------------------------------------------------------


def assert_as_the_card_says(name):
    """Shape, counts, kind and content; the card is written down, not computed."""
    card = describe(name, [])
    data = load(card)  # refuses content with another digest
    assert (len(data.x), len(data.x_test)) == (card.cases, card.tests)
    assert data.x.shape[1:] == data.x_test.shape[1:] == card.shape
    assert len(data.y) == card.cases
    assert data.x.array.dtype == datasets.KNOWN[name].dtype
    assert data.x[:2].dtype == np.float32
    if card.task == "classification":
        assert set(data.y_test) <= set(data.y) == set(range(card.outputs))
        assert data.y.dtype == data.y_test.dtype == np.int32
        assert tuple(np.bincount(data.y)) == card.counts
    else:
        assert data.y.shape[1:] == (card.outputs,)
        assert data.y.dtype == np.float64
    if datasets.KNOWN[name].standardized:
        train = np.arange(0, card.cases, 2)
        made = data.standardized(train)
        for column in (made.x[train], *([made.y[train]] if made.y.ndim > 1 else [])):
            np.testing.assert_allclose(column.mean(axis=0), 0, atol=1e-4)
            np.testing.assert_allclose(column.std(axis=0), 1, atol=1e-4)
    assert card.copies == copies.count(data.x, data.y, data.x_test, data.y_test)


INSTALLED = sorted(
    name for name, known in datasets.KNOWN.items() if not (known.package or known.base)
)


@pytest.mark.parametrize("name", INSTALLED)
def test_bundled_sets_are_what_their_cards_say(name):
    """Those of scikit-learn, which are always there."""
    assert_as_the_card_says(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(datasets.KNOWN) - set(INSTALLED)))
def test_fetched_sets_are_what_their_cards_say(name, tmp_path, monkeypatch):
    """Each of the others, obtained into an empty folder by whatever source answers."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    datasets.obtain(name)
    source = datasets.KNOWN[name].base or name
    assert [file.name for file in tmp_path.iterdir()] == [f"{source}.npz"]
    assert_as_the_card_says(name)


def test_digits_is_all_of_scikit_learns(digits):
    """1,797 images in 17 grey levels, every one of them in exactly one part."""
    from sklearn.datasets import load_digits

    whole = load_digits()
    ours = np.concatenate([digits.x[:], digits.x_test[:]]).reshape(1797, -1) * 16
    assert sorted(map(bytes, ours)) == sorted(map(bytes, whole.data.astype(np.float32)))
    labels = np.concatenate([digits.y, digits.y_test])
    assert np.bincount(labels).tolist() == np.bincount(whole.target).tolist()


def test_the_test_split_is_fixed(digits):
    """Never redrawn: a fifth of every class, the same cases in every study for ever."""
    share = np.bincount(digits.y_test) / np.bincount(np.concatenate([digits.y, digits.y_test]))
    assert np.abs(share - 0.2).max() < 0.01
    assert np.flatnonzero(fixed_mask(Y)).tolist() == PINNED
    np.testing.assert_array_equal(fixed_mask(Y), fixed_mask(Y))


def test_changed_content_is_refused(monkeypatch):
    """An installed package that ships other numbers is noticed."""
    known = datasets.KNOWN["digits"]
    other = replace(known, card=replace(known.card, digest="0" * 64))
    monkeypatch.setitem(datasets.KNOWN, "digits", other)
    with pytest.raises(DataError, match="Received: content bc063f66b9a3 from the installed"):
        load(other.card)


# -- subsets -----------------------------------------------------------------------------------


def test_a_subset_is_stratified(digits):
    """500 of 1,438: every class in proportion, the test split untouched."""
    card = describe("digits@500", [])
    data = load(card)
    assert (card.cases, card.tests, card.locator) == (500, 359, "digits@500")
    assert len(data.x) == len(data.y) == 500
    np.testing.assert_array_equal(data.x_test[:], digits.x_test[:])
    expected = np.bincount(digits.y) * 500 / 1438
    assert np.abs(np.bincount(data.y) - expected).max() < 1
    rows = set(map(bytes, digits.x[:].reshape(1438, -1)))
    assert set(map(bytes, data.x[:].reshape(500, -1))) <= rows


def test_a_subset_is_the_same_every_time():
    """Its cases and its digest are fixed, and differ from those of other sizes."""
    one, again = load(describe("digits@100", [])), load(describe("digits@100", []))
    np.testing.assert_array_equal(one.x[:], again.x[:])
    names = ("digits", "digits@100", "digits@101", "digits@1438")
    assert len({describe(name, []).digest for name in names}) == 4


def test_a_subset_of_a_file(save, tmp_path):
    """Files have subsets too."""
    save(x=X, y=Y)
    card = describe("data.npz@12", [tmp_path])
    assert card.cases == len(load(card).x) == 12
    assert card.counts == tuple(np.bincount(load(card).y))
    assert np.bincount(load(card).y).tolist() == [4, 4, 4]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("digits@9", "expected a subset of 10 to 1438 cases. Received: 'digits@9'."),
        ("digits@1439", "expected a subset of 10 to 1438 cases."),
        ("digits@0", "Received: 'digits@0'. Did you mean 'digits'?"),
        ("digits@-5", "Received: 'digits@-5'."),
        ("digits@many", "Received: 'digits@many'."),
        ("digits@²", "Received: 'digits@²'."),
        ("digits@", "Received: 'digits@'."),
        ("digits@500@200", "Received: 'digits@500'."),
        ("digit", ("the path of an .npz file or of a folder of images, or module:function. "
                  "Received: 'digit'. Did you mean 'digits'?")),
        ("", "Received: ''."),
        ("data.csv", "Received: 'data.csv'. Of a table name the column to predict"),
        ("gone.npz", "expected an .npz file. Received: 'gone.npz', which is in none of: /nowhere"),
        ("a\0b.npz", "expected an .npz file."),
    ],
)  # fmt: skip
def test_unknown_data_is_refused(name, expected):
    """The nearest data set, or where was looked."""
    with pytest.raises(DataError) as caught:
        describe(name, [Path("/nowhere")])
    assert expected in str(caught.value)


# -- files -------------------------------------------------------------------------------------


def test_a_file_without_a_test_split(save, tmp_path):
    """A stratified fifth becomes it; cards name the file and its content."""
    card = save(x=X, y=Y)
    assert card == Card(
        locator=str((tmp_path / "data.npz").resolve()),
        digest=digest_file(tmp_path / "data.npz"),
        task="classification",
        shape=(4,),
        cases=40,
        tests=10,
        outputs=3,
        counts=(13, 14, 13),
        test_counts=(4, 3, 3),
        scaling=card.scaling,
        copies=(0, 0),
    )
    data = load(card)
    test = fixed_mask(Y.astype(np.int32))
    np.testing.assert_array_equal(data.x_test[:], X[test].astype(np.float32))
    np.testing.assert_array_equal(data.x[:], X[~test].astype(np.float32))
    np.testing.assert_array_equal(data.y, Y[~test])


@pytest.mark.parametrize("names", [("x", "y"), ("x_train", "y_train")])
def test_a_file_with_a_test_split(save, names):
    """An official test split is taken as it is."""
    arrays = dict(zip(names, (X[:30], Y[:30]), strict=True))
    card = save(**arrays, x_test=X[30:], y_test=Y[30:])
    data = load(card)
    assert (card.cases, card.tests) == (30, 20)
    np.testing.assert_array_equal(data.x[:], X[:30].astype(np.float32))
    np.testing.assert_array_equal(data.y_test, Y[30:])


@pytest.mark.parametrize("kind", ["uint8", "int8", "int64", "uint64", "bool"])
def test_whole_numbers_are_classes(save, kind):
    """Any type of whole number, in one column or none."""
    y = (np.arange(50) % 2).astype(kind)
    for labels in (y, y[:, None]):
        card = save(x=X, y=labels)
        assert (card.task, card.outputs) == ("classification", 2)
        assert load(card).y.dtype == np.int32


@pytest.mark.parametrize(("columns", "outputs"), [((), 1), ((1,), 1), ((3,), 3)])
def test_real_numbers_are_targets(save, columns, outputs):
    """Regression: as many outputs as columns, and a random fifth to test on."""
    card = save(x=X, y=GENERATOR.random((50, *columns)))
    data = load(card)
    assert (card.task, card.outputs, card.cases, card.tests) == ("regression", outputs, 40, 10)
    assert data.y.shape == (40, outputs)
    assert data.y.dtype == np.float64


def test_two_cases_are_the_least(save):
    """One of them is the test split, which is never empty."""
    card = save(x=X[:2], y=X[:2, 0])
    assert (card.cases, card.tests) == (1, 1)


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"a": X}, ("expected arrays x and y, or x_train and y_train; with x_test and y_test if "
                   "there is a test split. Received: a.")),
        ({}, "Received: none."),
        ({"x": X, "y_train": Y}, "Received: x, y_train."),
        # cases
        ({"x": X[:, 0], "y": Y}, ("expected x to be an array of numbers, the first axis for "
                                 "cases and at least one more for their content. Received: "
                                 "float64 of shape (50,).")),
        ({"x": X.astype(str), "y": Y}, "expected x to be an array of numbers"),
        ({"x": X.astype(complex), "y": Y}, "expected x to be an array of numbers"),
        ({"x": np.zeros((50, 0)), "y": Y}, "Received: float64 of shape (50, 0)."),
        ({"x": np.float64(3), "y": Y}, "Received: float64 of shape ()."),
        ({"x": np.where(X.max() == X, np.nan, X), "y": Y},
         "expected finite numbers in x. Received: 1 that are not, the first in case "),
        ({"x": np.where(X > 2, X, np.inf), "y": Y}, ("Received: 200 that are not, the first in "
                                                    "case 0.")),
        ({"x": X + 1e39, "y": Y}, "expected finite numbers in x. Received: 200"),
        ({"x": X[:1], "y": Y[:1]}, ("expected as many labels as cases, and at least 2. Received: "
                                   "1 cases, 1 labels.")),
        ({"x": X[:0], "y": Y[:0]}, "Received: 0 cases, 0 labels."),
        # labels
        ({"x": X, "y": Y[:-1]}, "Received: 50 cases, 49 labels."),
        ({"x": X, "y": Y * 0}, "expected at least 2 classes in y. Received: 0."),
        ({"x": X, "y": np.arange(50) * 2}, ("expected a task, because labels may be more than one "
                                           "thing. Received: 50 different whole numbers.")),
        ({"x": X, "y": np.int64(1)}, "Received: 50 cases, 0 labels."),
        ({"x": X, "y": np.full(50, np.nan)}, "expected finite numbers in y."),
        ({"x": X, "y": np.full(50, 1e39)}, "expected finite numbers in y."),
        ({"x": X, "y": np.array([1, "a"] * 25, dtype=object)}, "pickled objects."),
        # test split
        ({"x": X, "y": Y, "x_test": X[:, :3], "y_test": Y},
         "expected x_test like the other cases, of shape (4,). Received: (3,)."),
        ({"x": X, "y": X, "x_test": X, "y_test": X[:, :1]},
         "expected y_test like y, float64 of shape (4,) per case. Received: float64 of shape ()"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y[:9]}, "Received: 50 cases, 9 labels."),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1},
         "expected test labels that also occur in training. Received: 3."),
    ],
)  # fmt: skip
def test_bad_arrays_are_refused(save, arrays, expected):
    """File, array, expectation and what was received."""
    with pytest.raises(DataError) as caught:
        save(**arrays)
    assert "data.npz" in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_damaged_files_are_refused(tmp_path, write):
    """Cut off anywhere, or with any byte changed: refused, or still the same arrays."""
    file = tmp_path / "data.npz"
    write(file, x=X[:20], y=Y[:20])
    raw = file.read_bytes()
    whole = load(describe("data.npz", [tmp_path]))
    generator = np.random.default_rng(1)
    damaged = [raw[:cut] for cut in range(0, len(raw), 11)]
    for place in generator.integers(0, len(raw), 300):
        changed = bytearray(raw)
        changed[place] ^= 1 << int(generator.integers(8))
        damaged.append(bytes(changed))
    refused = 0
    for content in damaged:
        file.write_bytes(content)
        try:
            data = load(describe("data.npz", [tmp_path]))
        except DataError as error:
            assert "data.npz" in str(error)  # noqa: PT017, most of these are refused
            refused += 1
        else:
            np.testing.assert_array_equal(data.x[:], whole.x[:])
            np.testing.assert_array_equal(data.y, whole.y)
    assert refused > len(damaged) / 2


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x80\x04N."])
def test_files_of_another_kind_are_refused(tmp_path, content):
    """Empty, text, a pickle: never executed, never a traceback."""
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"data\.npz cannot be read as \.npz: expected an archive"):
        describe("data.npz", [tmp_path])


def test_one_array_is_no_archive(tmp_path):
    """What ``numpy.save`` wrote has no names."""
    with (tmp_path / "data.npz").open("wb") as stream:
        np.save(stream, X)
    with pytest.raises(DataError, match="it holds one array without a name"):
        describe("data.npz", [tmp_path])


@pytest.mark.parametrize("reference", ["data.npz", "data.npz@20"])
def test_a_file_that_changed_is_refused(save, tmp_path, reference):
    """Between planning and training the content must stay the same."""
    save(x=X, y=Y)
    card = describe(reference, [tmp_path])
    load(card)
    save(x=X + 1, y=Y)
    with pytest.raises(DataError, match="It has changed since the study was planned"):
        load(card)


def test_a_file_that_is_gone(save, tmp_path):
    """The error names it."""
    card = save(x=X, y=Y)
    (tmp_path / "data.npz").unlink()
    with pytest.raises(DataError, match=r"data\.npz cannot be read"):
        load(card)


def test_where_files_are_looked_for(tmp_path):
    """Folders in order; an absolute path is taken as it is."""
    for place, shift in (("a", 0), ("b", 1)):
        (tmp_path / place).mkdir()
        np.savez(tmp_path / place / "data.npz", x=X + shift, y=Y)
    a, b = tmp_path / "a", tmp_path / "b"
    assert describe("data.npz", [b, a]).digest == digest_file(b / "data.npz")
    assert describe(str(a / "data.npz"), [b]).digest == digest_file(a / "data.npz")


# -- draws -------------------------------------------------------------------------------------

COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=5)


@settings(deadline=None)
@given(COUNTS, st.floats(0.01, 0.99), st.integers(0, 5))
def test_draws_are_stratified_disjoint_and_exhaustive(counts, share, replicate):
    """Every case is in one part, every class in proportion to within one case."""
    labels = np.repeat(np.arange(len(counts)), counts)
    size = round((len(labels) - 1) * share)
    train, held = draw(labels, (len(labels) - size, size), (1, "tune", replicate))
    assert sorted([*train, *held]) == list(range(len(labels)))
    assert sorted(train) == list(train)
    expected = np.array(counts) * len(held) / len(labels)
    assert np.abs(np.bincount(labels[held], minlength=len(counts)) - expected).max() < 1


@settings(deadline=None)
@given(COUNTS, st.data())
def test_as_many_are_held_out_as_asked(counts, data):
    """Rounding by class never changes the number."""
    labels = np.repeat(np.arange(len(counts)), counts)
    size = data.draw(st.integers(0, len(labels)))
    assert held_out(labels, size, seeds.stream(1, "tune", 0, "x")).sum() == size


def test_draws_are_fixed_by_seed_phase_and_replicate(digits):
    """Equal over calls; another one for every other replicate, phase and seed."""
    places = [(1, "tune", 0), (1, "tune", 1), (1, "confirm", 0), (2, "tune", 0)]
    masks = [tuple(draw(digits.y, (1150, 288), place)[1]) for place in places]
    assert masks == [tuple(draw(digits.y.copy(), (1150, 288), place)[1]) for place in places]
    assert len(set(masks)) == len(places)
    for one in masks[1:]:
        assert 10 < len(set(one) & set(masks[0])) < 150


def test_draws_never_change():
    """Pinned: another split would need a new engine version."""
    assert draw(Y, (40, 10), (1, "confirm", 0))[1].tolist() == PINNED_DRAW


def test_targets_of_a_regression_are_one_class():
    """Real numbers cannot be stratified; the draw is uniform, one or more columns."""
    train, held = draw(GENERATOR.random((50, 2)), (40, 10), (1, "tune", 0))
    assert (len(train), len(held)) == (40, 10)


def test_draws_do_not_depend_on_the_labels_type():
    """One data set, one split."""
    masks = {tuple(fixed_mask(Y.astype(kind))) for kind in (np.int32, np.int64, np.uint8)}
    assert len(masks) == 1


def test_half_a_test_split_is_refused(tmp_path):
    """A misspelt y_test must not mean another test split."""
    x, y = np.zeros((10, 2)), np.arange(10) % 2
    for name, expected in (("y_tset", "Received: 'y_tset'. Rename it"), ("note", "or neither of")):
        np.savez(tmp_path / "half.npz", x=x, y=y, x_test=x, **{name: y})
        with pytest.raises(DataError, match=expected):
            datasets.describe("half.npz", [tmp_path])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_uncompressed_arrays_stay_in_their_file(tmp_path, dtype, order):
    """Rows of a mapped array are those of the array, in any order and with repeats."""
    raw = np.arange(40 * 6).reshape(40, 2, 3).astype(dtype, order=order)
    np.savez(tmp_path / "data.npz", x=raw, y=Y[:40])
    data = load(describe("data.npz", [tmp_path]))
    assert isinstance(data.x.array, np.memmap)
    cases = np.array([5, 0, 31, 5])
    expected = raw[data.x.index[cases]].astype(np.float32)
    np.testing.assert_array_equal(data.x[cases], expected)
    assert data.nbytes == data.x[:].nbytes + data.x_test[:].nbytes


def test_blocks_find_what_is_not_finite(tmp_path, monkeypatch):
    """The check of large data goes through it in parts, and names the case all the same."""
    monkeypatch.setattr(rows, "BLOCK", 60)
    raw = np.zeros((40, 4))
    raw[33, 1], raw[37, 2] = np.nan, np.inf
    np.savez(tmp_path / "data.npz", x=raw, y=Y[:40])
    with pytest.raises(DataError, match=r"Received: 2 that are not, the first in case 33\."):
        describe("data.npz", [tmp_path])
