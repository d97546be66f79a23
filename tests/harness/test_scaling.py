"""What happens to inputs: by what they are, not by the type of the file; and said."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from harness.datasets import copies, from_arrays
from harness.datasets.rows import Joined, all_rows
from harness.errors import DataError

GENERATOR = np.random.default_rng(0)
Y = np.arange(60) % 2
PIXELS = GENERATOR.integers(0, 256, (60, 8, 8))
PIXELS[0] = 255


def read(x, **reading):
    """The data set of some inputs."""
    return from_arrays({"x": np.asarray(x), "y": Y}, "data", reading)


def inputs(data):
    """All inputs, in the order of the file."""
    made = np.empty((60, *data.x.shape[1:]), np.float32)
    for rows in (data.x, data.x_test):
        made[rows.index] = rows[:]
    return made


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "int64", "float32", "float64"])
def test_pixels_are_scaled_whatever_their_type(kind):
    """0..255 becomes 0..1 in every type that holds it."""
    data = read(PIXELS.astype(kind))
    np.testing.assert_array_equal(inputs(data), PIXELS.astype(np.float32) / np.float32(255))
    assert (data.scaling, data.scaled) == ("0..255 -> 0..1", True)


@pytest.mark.parametrize(
    ("x", "white", "scaling"),
    [
        (PIXELS[..., None], 255, "0..255 -> 0..1"),
        (np.stack([PIXELS] * 3, -1), 255, "0..255 -> 0..1"),
        (PIXELS * 257, 65535, "0..65535 -> 0..1"),
        (PIXELS // 15, 1, "0..17, not scaled"),
        (PIXELS * 16, 1, "0..4080, not scaled"),
        (PIXELS - 1, 1, "-1..254, not scaled"),
        (PIXELS / 255, 1, "0..1, not scaled"),
        (PIXELS + 0.5, 1, "0.5..255.5, not scaled"),
        (PIXELS[:, :3], 1, ("0..255, not scaled: these may be tokens or counts; scale = true "
                           "divides by 255")),  # three rows of eight are no picture
        (PIXELS.reshape(60, 64), 1, ("0..255, not scaled: these may be tokens or counts; "
                                    "scale = true divides by 255")),
    ],
)  # fmt: skip
def test_what_is_a_picture(x, white, scaling):
    """Shape and range decide; tokens in 8 bits stay what they are."""
    data = read(x)
    np.testing.assert_allclose(inputs(data), np.float32(x) / np.float32(white), rtol=1e-6)
    assert data.scaling == scaling
    assert data.scaled == (white > 1)


def test_tokens_in_8_bits_stay_tokens():
    """Their numbers are not made smaller than one."""
    tokens = GENERATOR.integers(0, 256, (60, 12)).astype(np.uint8)
    np.testing.assert_array_equal(inputs(read(tokens)), tokens)


def test_a_study_decides():
    """``scale`` leaves pixels alone, or makes pixels of rows."""
    np.testing.assert_array_equal(inputs(read(PIXELS, scale=False)), PIXELS)
    assert read(PIXELS, scale=False).scaling == "0..255, not scaled"
    rows = PIXELS.reshape(60, 64)
    np.testing.assert_allclose(inputs(read(rows, scale=True)), rows / 255, rtol=1e-6)
    dark = (PIXELS // 10).astype(np.uint8)
    np.testing.assert_allclose(inputs(read(dark, scale=True)), dark / 255, rtol=1e-6)
    with pytest.raises(DataError, match=r"expected pixels, .* Received: -1\.\.254"):
        read(PIXELS - 1, scale=True)


def test_a_wide_column_is_told():
    """With how much wider it is, by its name where it has one."""
    x = GENERATOR.random((60, 13))
    x[:, 12] *= 1000
    told = read(x).scaling
    assert "not scaled: column 12 is 1,0" in told or "not scaled: column 12 is 9" in told
    assert told.endswith("times wider than most; standardize = true makes them alike")
    names = np.array([f"c{index}" for index in range(13)])
    named = from_arrays({"x": x, "y": Y, "columns": names}, "data")
    assert "column 'c12' is" in named.scaling


@pytest.mark.parametrize("shape", [(4,), (6, 4), (5, 6, 3)])
def test_standardized_like_keras(shape):
    """Along the last axis, over the training cases alone, as its Normalization does."""
    x = GENERATOR.normal(3, 5, (60, *shape)).astype(np.float32)
    data = read(x, standardize=True)
    train = np.arange(0, len(data.x), 3)
    made = data.standardized(train)
    layer = keras.layers.Normalization()
    layer.adapt(data.x[:][train])
    for ours, raw in ((made.x, data.x), (made.x_test, data.x_test)):
        np.testing.assert_allclose(ours[:], layer(raw[:]), atol=2e-5)
    assert "mean 0 and deviation 1 over the training cases" in data.scaling


def test_standardizing_in_blocks_is_the_same(monkeypatch):
    """Files larger than memory go through it in parts."""
    x = GENERATOR.normal(3, 5, (60, 4))
    whole = read(x, standardize=True).standardized(np.arange(40)).x[:]
    monkeypatch.setattr("harness.datasets.rows.BLOCK", 100)
    np.testing.assert_allclose(
        read(x, standardize=True).standardized(np.arange(40)).x[:], whole, rtol=1e-6
    )


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_constant_column_becomes_zero(kind):
    """Though rounding gives it a deviation; a narrow one that is real does not."""
    x = np.stack([np.full(60, 0.1), 1e4 + GENERATOR.random(60)], 1).astype(kind)
    made = read(x, standardize=True).standardized(np.arange(40)).x[:]
    assert (made[:, 0] == 0).all()
    assert made[:40, 1].std() == pytest.approx(1, rel=1e-3)


def test_some_columns_only():
    """A table says which: its zeros and ones stay."""
    x = np.stack([GENERATOR.normal(5, 2, 60), Y], axis=1)
    data = from_arrays({"x": x, "y": Y, "standardize": np.array([True, False])}, "data")
    made = data.standardized(np.arange(40)).x[:]
    assert made[:40, 0].mean() == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(made[:, 1], data.x[:][:, 1])


def test_targets_with_their_unit():
    """A single target is trained on standardized; its unit is its deviation."""
    x, y = GENERATOR.normal(size=(60, 2)), GENERATOR.normal(50, 7, 60)
    data = from_arrays({"x": x, "y": y}, "data", {"standardize": True})
    train = np.arange(10, 40)
    made = data.standardized(train)
    assert made.unit == pytest.approx(data.y[train].std(), rel=1e-6)
    np.testing.assert_allclose(
        made.y_test * made.unit + data.y[train].mean(), data.y_test, rtol=1e-5
    )
    two = from_arrays({"x": x, "y": np.c_[y, y]}, "data", {"standardize": True})
    assert (two.standardized(train).unit, two.target) == (
        1,
        "2 targets, each in standard deviations",
    )


def test_two_arrays_read_as_one():
    """In any order."""
    a, b = GENERATOR.random((5, 2)), GENERATOR.random((3, 2))
    rows = all_rows(Joined(a, b))
    cases = np.array([7, 0, 4, 5, 5])
    np.testing.assert_array_equal(rows[cases], np.concatenate([a, b])[cases].astype(np.float32))
    assert rows.shape == (8, 2)


def test_channels_first():
    """Refused, with the remedy; turned if that is given."""
    x = GENERATOR.random((60, 3, 8, 9))
    with pytest.raises(DataError, match=r"expected images with channels last, such as \(8, 9, 3\)"):
        read(x)
    data = read(x, channels="first")
    np.testing.assert_array_equal(inputs(data), np.moveaxis(x, 1, -1).astype(np.float32))


def test_several_inputs_are_scaled_each():
    """Pictures by 255, measurements by their moments; a length of a sequence stays."""
    x = GENERATOR.normal(50, 3, (60, 4))
    data = from_arrays({"x/image": PIXELS, "x/table": x, "y": Y}, "data")
    assert data.x[:]["image"].max() == 1
    assert data.scaling.startswith("image 0..255 -> 0..1; table ")
    both = from_arrays({"x/a": x, "x/b": x * 2, "y": Y}, "data", {"standardize": True})
    made = both.standardized(np.arange(30)).x[:]
    np.testing.assert_allclose(made["a"], made["b"], atol=1e-6)
    assert made["a"][:30].std() == pytest.approx(1, rel=1e-5)
    steps = {"x": GENERATOR.normal(50, 3, (60, 4, 2)), "y": Y, "lengths": 1 + np.arange(60) % 4}
    long = from_arrays(steps, "data", {"standardize": True}).standardized(np.arange(30)).x[:]
    assert abs(long["x"][:30].mean()) < 1e-5
    assert set(long["lengths"]) == {1, 2, 3, 4}


def test_copies_of_several_inputs():
    """All of them have to be the same."""
    x = np.arange(120.0).reshape(60, 2)
    other = x.copy()
    other[5:] += 0.5
    arrays = {"x_train/a": x, "x_train/b": x, "y_train": Y, "y_test": Y}
    data = from_arrays({**arrays, "x_test/a": x, "x_test/b": other}, "data")
    assert copies.count(data.x, data.y, data.x_test, data.y_test) == (5, 0)
