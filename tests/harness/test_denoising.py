"""Removing noise: what evaluations are shown, what they are judged by, and that it is fixed."""

from __future__ import annotations

import json
from dataclasses import asdict

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from harness import catalog, datasets, program
from harness.blocks import noise
from harness.card import Card
from harness.errors import StudyError
from harness.evaluation.images import psnr, ssim
from harness.train import Trainer, drawn

SMALL = {"epochs": 3, "units": [6], "code": 3, "batch_size": 50, "learning_rate": 0.01}
NOISE = {"name": "gaussian", "stddev": 0.5}


@pytest.fixture
def lay(plan, images):
    """Lays out a study that removes noise from small images."""

    def laid(*, fixed=None, **changes):
        given = {"factors": {"code": [3]}, "denoise": NOISE, "data": images, **changes}
        swept = given["factors"]
        fixed = {key: part for key, part in {**SMALL, **(fixed or {})}.items() if key not in swept}
        return plan(template="autoencoder", fixed=fixed, **given)

    return laid


def test_what_is_asked(lay):
    """By default the noise of training is the one that is to be removed; PSNR decides."""
    laid = lay()
    assert laid.card.task == "denoising"
    assert str(laid.metric) == "test/psnr@best"
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    assert trial.settings["corruption"] == catalog.choice("corruption", NOISE).setting()
    other = lay(factors={"corruption": ["none", "masking"]})
    assert [
        other.trial(arm, {}, "confirm", 0).settings["corruption"]["name"] for arm in other.arms
    ] == ["none", "masking"]
    assert Card.read(json.loads(json.dumps(asdict(laid.card)))) == laid.card


def test_the_noise_is_part_of_the_identity(lay):
    """Another amount is other data, with other trials."""
    digests = {lay(denoise={"name": "gaussian", "stddev": s}).card.digest for s in (0.1, 0.2)}
    assert len(digests | {lay().card.digest}) == 3


def by_hand(laid, trial, trainer):
    """Validation and test numbers of the weights that a training left, computed outside."""
    ((compiled,),) = trainer.programs.values()
    data = datasets.load(laid.card)
    held = drawn(trial, data, laid.card)[1]
    layer = noise.GaussianNoise(0.5)
    corrupt = program.Corruption(layer, (trial.seed, trial.phase, trial.replicate))
    found = {}
    for part, clean in (("val", data.x[held]), ("test", data.x_test[:])):
        seen = corrupt(tf.constant(clean), part)
        outputs = compiled.network.model(seen, training=False).numpy()
        found[part] = clean, seen.numpy(), outputs
    return found


def test_evaluations_see_noise_and_are_asked_for_what_was_clean(lay):
    """Equal to a forward pass of the noisy cases, compared with the clean ones."""
    laid = lay()
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    trainer = Trainer(laid.card, [])
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    # The last epoch's weights are in the model unless the best ones are others.
    assert outcome.best_epoch == 2, "the test needs a training that improves to its end"
    found = by_hand(laid, trial, trainer)
    clean, seen, outputs = found["val"]
    assert np.std(seen - clean) == pytest.approx(0.5, rel=0.1)
    expected = np.mean((outputs - clean) ** 2)
    assert outcome.curve[-1].quantities["val/mean_squared_error"] == pytest.approx(
        expected, rel=1e-5
    )
    clean, _, outputs = found["test"]
    assert outcome.metrics["test/psnr@last"] == pytest.approx(psnr(clean, outputs), rel=1e-5)
    assert outcome.metrics["test/ssim@last"] == pytest.approx(ssim(clean, outputs), rel=1e-5)
    assert "test/probe_accuracy@last" not in outcome.metrics


def test_noise_is_fixed_by_the_replicate(lay):
    """The same trial after others is bit-equal; another replicate sees other noise."""
    laid = lay()
    trials = [laid.trial(laid.arms[0], {}, "confirm", replicate) for replicate in (0, 1)]
    trainer = Trainer(laid.card, [])
    first, other, again = (trainer.run(trials[index]) for index in (0, 1, 0))
    assert first.curve == again.curve
    assert first.metrics == again.metrics
    assert first.curve != other.curve
    assert len(trainer.programs) == 1


def test_data_that_stays_in_its_file_gives_the_same(lay, tmp_path):
    """Noise is drawn in blocks that no chunk divides."""
    generator = np.random.default_rng(0)
    file = tmp_path / "many.npz"
    np.savez(file, x=generator.random((3000, 3, 3)).astype("f"), y=np.arange(3000) % 2)
    laid = lay(data=file, fixed={"validation": 0.5, "batch_size": 64, "epochs": 2})
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    resident = Trainer(laid.card, []).run(trial)
    chunked = Trainer(laid.card, [], resident=0, chunk=40_000).run(trial)
    assert chunked.status == "completed", chunked.reason
    assert chunked.curve == resident.curve
    assert chunked.metrics == resident.metrics


def test_more_noise_is_harder(lay):
    """Validation error grows with what has to be removed."""
    errors = []
    for spread in (0.1, 1.0):
        laid = lay(denoise={"name": "gaussian", "stddev": spread}, fixed={"epochs": 20})
        outcome = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "tune", 0))
        errors.append(outcome.metrics["val/mean_squared_error@best"])
    assert errors[0] < errors[1]


@pytest.mark.parametrize(
    ("changes", "expected", "key"),
    [
        ({"denoise": "none"}, "expected a kind of noise to remove", "denoise"),
        ({"denoise": "gausian"}, "Did you mean 'gaussian'?", "denoise"),
        ({"denoise": {"name": "gaussian", "rate": 0.1}}, "that corruption 'gaussian'", "denoise"),
        ({"normal": (0,)}, "'normal' (detect anomalies) or 'denoise' (remove", "denoise"),
        ({"metric": "test/auroc@best"}, "expected a metric for denoising data", "metric"),
        ({"metric": "val/ssim@best"}, "measured in every epoch", "metric"),
    ],
)
def test_what_makes_no_sense_is_refused(lay, changes, expected, key):
    """With the key."""
    with pytest.raises(StudyError) as caught:
        lay(**changes)
    assert expected in str(caught.value)
    assert caught.value.key == key


def test_a_classifier_removes_no_noise(plan, images):
    """The template has to reconstruct."""
    with pytest.raises(StudyError, match="to remove noise: 'autoencoder'"):
        plan(data=images, template="mlp", denoise="gaussian")


def test_structural_similarity_is_for_images(lay, blobs):
    """Not for rows of numbers."""
    assert lay(data=blobs).card.task == "denoising"
    with pytest.raises(StudyError, match="'ssim', which is for images"):
        lay(data=blobs, metric="test/ssim@best")


def similarity(first, second, peak):
    """SSIM of two images by its definition, in whole windows only."""
    offsets = np.arange(11) - 5
    weight = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(weight, weight) / np.outer(weight, weight).sum()

    def mean(image):
        return ndimage.correlate(image, window, mode="constant")[5:-5, 5:-5]

    m, n = mean(first), mean(second)
    a, b = mean(first**2) - m**2, mean(second**2) - n**2
    both = mean(first * second) - m * n
    c, d = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    return np.mean((2 * m * n + c) * (2 * both + d) / ((m**2 + n**2 + c) * (a + b + d)))


def test_ssim_is_its_definition():
    """By hand, with and without channels; 1 for equal images."""
    generator = np.random.default_rng(0)
    images = generator.random((4, 20, 16)).astype(np.float32)
    noisy = images + 0.2 * generator.normal(size=images.shape).astype(np.float32)
    peak = float(np.ptp(images))
    expected = np.mean([similarity(*pair, peak) for pair in zip(images, noisy, strict=True)])
    assert ssim(images, noisy) == pytest.approx(expected, abs=1e-4)
    assert ssim(images[..., None], noisy[..., None]) == pytest.approx(expected, abs=1e-4)
    assert ssim(images, images) == pytest.approx(1)
    assert 0 < ssim(images[:, :6, :6], noisy[:, :6, :6]) < 1


def test_corruptions_do_what_they_say():
    """Their shares and spreads; nothing outside training."""
    halves = np.full((300, 400), 0.5, np.float32)
    noisy = {}
    for name, entry in catalog.CORRUPTIONS.items():
        if name != "none":
            _, made = entry.target.split(":")
            layer = getattr(noise, made)(keras.Variable(0.2))
            noisy[name] = np.asarray(layer(halves, training=True))
            np.testing.assert_array_equal(layer(halves, training=False), halves)
    assert noisy["gaussian"].std() == pytest.approx(0.2, rel=0.02)
    assert noisy["gaussian"].mean() == pytest.approx(0.5, abs=0.01)
    assert (noisy["masking"] == 0).mean() == pytest.approx(0.2, abs=0.01)
    assert (noisy["masking"] == 0.5).mean() == pytest.approx(0.8, abs=0.01)
    assert (noisy["salt_pepper"] == 0).mean() == pytest.approx(0.1, abs=0.01)
    assert (noisy["salt_pepper"] == 1).mean() == pytest.approx(0.1, abs=0.01)
