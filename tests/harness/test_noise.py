"""Given the same random numbers, our disturbances are those of Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from harness.blocks import noise

OURS = {
    noise.AlphaDropout: keras.layers.AlphaDropout,
    noise.GaussianDropout: keras.layers.GaussianDropout,
    noise.GaussianNoise: keras.layers.GaussianNoise,
}
IMAGES = np.random.default_rng(0).normal(size=(40, 6, 5, 3)).astype(np.float32)
CORNER = np.zeros((2000, 7, 7, 1), np.float32)
CORNER[:, 3, 1] = 1


def disturbed(layer, inputs):
    """What leaves a layer in training."""
    return np.asarray(layer(inputs, training=True))


@pytest.mark.parametrize("ours", OURS, ids=lambda one: one.__name__)
def test_a_disturbance_is_that_of_keras(ours):
    """Equal numbers, for the same seed; with a variable as with a number."""
    theirs = disturbed(OURS[ours](0.3, seed=0), IMAGES)
    assert disturbed(ours(0.3), IMAGES) == pytest.approx(theirs, rel=1e-5, abs=1e-6)
    assert disturbed(ours(keras.Variable(0.3)), IMAGES) == pytest.approx(theirs, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("layer", [*OURS, noise.Dropout, noise.SpatialDropout, noise.Flip])
def test_outside_of_training_nothing_happens(layer):
    """And in training every call draws anew."""
    made = layer(0.5)
    assert np.array_equal(made(IMAGES, training=False), IMAGES)
    assert not np.array_equal(disturbed(made, IMAGES), disturbed(made, IMAGES))


def test_spatial_dropout_drops_whole_maps():
    """Of images whole channels, of vectors units; the others are divided by what is kept."""
    outputs = disturbed(noise.SpatialDropout(keras.Variable(0.25)), np.ones((500, 4, 4, 8), "f"))
    assert set(np.unique(outputs)) == {0, np.float32(1 / 0.75)}
    assert (outputs == outputs[:, :1, :1]).all()
    assert np.mean(outputs[:, 0, 0] == 0) == pytest.approx(0.25, abs=0.03)
    flat = disturbed(noise.SpatialDropout(0.25), np.ones((500, 80), "f"))
    assert np.mean(flat == 0) == pytest.approx(0.25, abs=0.02)


def test_flip_mirrors_its_share_of_images():
    """Left becomes right, for whole images."""
    outputs = disturbed(noise.Flip(keras.Variable(0.3)), CORNER)
    assert np.array_equal(outputs[:, 3, 1] + outputs[:, 3, 5], np.ones((2000, 1)))
    assert outputs[:, 3, 5].mean() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(("pixels", "most"), [(1.0, 1), (2.0, 2), (2.9, 2)])
def test_shift_moves_by_whole_pixels_in_all_directions(pixels, most):
    """As often to every place; zeros move in."""
    outputs = disturbed(noise.Shift(keras.Variable(pixels)), CORNER)[..., 0].mean(axis=0)
    expected = np.zeros((7, 7))
    expected[3 - most : 4 + most, max(0, 1 - most) : 2 + most] = 1 / (2 * most + 1) ** 2
    assert outputs == pytest.approx(expected, abs=0.03)
    whole = disturbed(noise.Shift(pixels), IMAGES)
    for moved, image in zip(whole, IMAGES, strict=True):
        assert np.isin(moved[moved != 0], image).all()
