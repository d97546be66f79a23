"""Images of one data set in the shape of another."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from harness import datasets, design
from harness.datasets.matching import matched
from harness.errors import StudyError
from harness.spec import Part, Study
from harness.train import Trainer

ASKED = {"name": "a", "template": "cnn", "factors": {"filters": [[2]]}, "fixed": {"epochs": 1}}


def _plan(source):
    study = Study(**ASKED, dataset=source)
    return design.plan(study, datasets.describe(source, []), [])


@settings(max_examples=25, deadline=None)
@given(some.integers(0, 99), *[some.integers(1, 20)] * 4)
def test_sizes_change_as_in_keras(seed, height, width, tall, wide):
    """Bilinear between the centres of pixels, without smoothing, larger and smaller."""
    images = np.random.default_rng(seed).random((2, height, width, 3), np.float32)
    theirs = keras.ops.image.resize(images, (tall, wide), interpolation="bilinear")
    np.testing.assert_allclose(matched(images, (tall, wide, 3)), theirs, atol=1e-5)


@given(some.integers(0, 99), some.sampled_from([(5, 4), (5, 4, 1), (5, 4, 3), (2, 9, 3)]))
def test_grey_levels_stay_grey_levels_and_ranges_stay(seed, shape):
    """Through colours and back, in 0..1; opacity is left out."""
    images = np.random.default_rng(seed).random((3, 6, 7), np.float32)
    found = matched(images, shape)
    assert found.shape == (3, *shape)
    assert found.min() >= 0
    assert found.max() <= 1
    coloured = matched(images, (6, 7, 3))
    np.testing.assert_allclose(matched(coloured, (6, 7)), images, atol=1e-6)
    opaque = np.concatenate([coloured, np.zeros((3, 6, 7, 1), np.float32)], axis=-1)
    np.testing.assert_array_equal(matched(opaque, (6, 7, 3)), coloured)


def test_colours_weigh_as_they_are_seen():
    """Red, green and blue by their luminance."""
    pixels = np.eye(3, dtype=np.float32).reshape(3, 1, 1, 3)
    np.testing.assert_allclose(matched(pixels, (1, 1)).ravel(), [0.299, 0.587, 0.114], atol=1e-7)


def test_digits_as_images_of_another_data_set():
    """All cases in the new shape and range; the content goes by the shape."""
    source = Part(name="digits", classes=[0, 1, 2], like={"shape": [28, 28]})
    card, plain = _plan(source).card, _plan(Part(name="digits", classes=[0, 1, 2])).card
    data, before = datasets.load(card), datasets.load(plain)
    assert card.shape == (28, 28) == data.x.shape[1:]
    np.testing.assert_array_equal(data.x[:], matched(before.x[:], (28, 28)))
    np.testing.assert_array_equal(data.y_test, before.y_test)
    assert card.scaling == "0..1; (8, 8) -> (28, 28): bilinear"
    smaller = _plan(Part(name="digits", classes=[0, 1, 2], like={"shape": [14, 14]})).card
    assert len({one.digest for one in (card, plain, smaller)}) == 3
    assert _plan(Part(name="digits", like={"shape": [8, 8]})).card == _plan("digits").card


def test_it_is_trained_on():
    """Grey images as colours, in a template for images, to the end."""
    laid = _plan(Part(name="digits@200", like={"shape": [10, 12, 3]}))
    found = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert found.status == "completed"


def test_pixels_in_a_file_are_scaled_as_before(tmp_path):
    """An interpolation of whole numbers 0..255 becomes 0..1, as the numbers themselves do."""
    x = np.random.default_rng(0).integers(0, 256, (60, 9, 9, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(60) % 3)
    laid = _plan(Part(name=str(tmp_path / "a.npz"), like={"shape": [18, 18]}))
    data = datasets.load(laid.card)
    assert data.x.shape[1:] == (18, 18)
    assert 0.9 < data.x[:].max() <= 1
    assert data.x.stamp == datasets.load(datasets.describe(str(tmp_path / "a.npz"), [])).x.stamp


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"name": "iris", "like": {"shape": [8, 8]}}, "expected images"),
        ({"name": "adding-50", "like": {"shape": [8, 8]}}, "expected images"),
        ({"name": "digits", "like": {"shape": [8, 8, 2]}}, "1 or 3 channels"),
        ({"name": "digits", "like": {"shape": [8]}}, "height, width, and 1 or 3"),
    ],
)
def test_what_are_no_images_is_refused(source, message):
    """Before anything is trained."""
    with pytest.raises(StudyError, match=message):
        _plan(Study(**ASKED, dataset=source).dataset)
