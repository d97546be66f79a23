"""Excerpts of what networks and other methods say of test cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from harness import datasets, evaluation, objects
from harness.card import Card
from harness.coordinator import run
from harness.evaluation import Codes, Evidence, Looked
from harness.evaluation.seen import CODES, _looks
from harness.spec import Study
from harness.store import reading
from harness.train import Trainer

TESTS = 2400
SMALL = {"epochs": 2, "units": [4], "batch_size": 20}


def card(task="classification", shape=(28, 28), outputs=10, **more):
    """A card of images unless it says otherwise."""
    given = {"locator": "a", "digest": "", "cases": 600, "tests": TESTS}
    return Card(task=task, shape=shape, outputs=outputs, **given, **more)


def looked(shape=(28, 28), count=TESTS, **more):
    """Test cases, each of which is its own number in every place."""
    cases = np.arange(count, dtype=np.float32).reshape(-1, *(1 for _ in shape)) / count
    cases = np.broadcast_to(cases, (count, *shape))
    return Looked(take=lambda places: cases[places], **more)


def classified(outputs=10, count=TESTS):
    """A network that takes every second 3 for an 8, and nothing else for anything else."""
    labels = np.arange(count) % outputs
    chosen = labels.copy()
    threes = np.flatnonzero(labels == 3)
    chosen[threes[::2]] = 8
    return Evidence(labels=labels, outputs=np.eye(outputs, dtype=np.float32)[chosen])


def kept(laid, folder, arm=0, phase="confirm", replicate=0, place=None):
    """The outcome of a trial or a reference, and the arrays that it has left."""
    chosen = laid.arms[arm] if place is None else laid.references[place]
    trial = laid.trial(chosen, {}, phase, replicate)
    outcome = Trainer(laid.card, [], keep=folder).run(trial)
    assert outcome.status == "completed", outcome.reason
    return outcome, [objects.read_arrays(folder, one.digest) for one in outcome.artifacts]


def test_planted_confusions_are_kept():
    """Counts of all cases; classes of every second one; pictures of wrong ones alone."""
    found = evaluation.seen(classified(), card(), looked())
    each = TESTS // 10
    assert found["confusion"].sum() == TESTS
    assert found["confusion"][3, 8] == found["confusion"][3, 3] == each // 2
    assert np.trace(found["confusion"]) == TESTS - each // 2
    assert int(found["stride"]) == 2
    assert found["true"].tolist() == (np.arange(0, TESTS, 2) % 10).tolist()
    assert set(found["true"][found["true"] != found["predicted"]]) <= {3}
    assert all(case % 10 == 3 for case in found["wrong_cases"].tolist())
    exact = np.round(255 * found["wrong_cases"] / TESTS)
    assert found["wrong"][:, 0, 0].tolist() == exact.tolist()
    assert found["range"].tolist() == [0, 1]


def test_the_worst_errors_are_shown_first():
    """The case whose class was ranked lowest, of those that are wrong."""
    labels, outputs = np.zeros(5, int), np.zeros((5, 2), np.float32)
    outputs[:, 1] = [0.0, 3.0, 1.0, -9.0, 2.0]
    found = evaluation.seen(
        Evidence(labels=labels, outputs=outputs), card(outputs=2), looked(count=5)
    )
    assert found["wrong_cases"].tolist() == [1, 4, 2]


def test_a_class_without_test_cases_has_a_row_of_zeros():
    """It cannot be told, and nothing fails."""
    labels = np.arange(40) % 2
    outputs = np.eye(3, dtype=np.float32)[labels]
    found = evaluation.seen(
        Evidence(labels=labels, outputs=outputs), card(outputs=3), looked(count=40)
    )
    assert found["confusion"].tolist() == [[20, 0, 0], [0, 20, 0], [0, 0, 0]]
    assert "wrong" not in found


def test_of_many_classes_the_frequent_confusions_are_kept():
    """Totals and right ones of all classes, and pairs with their counts."""
    found = evaluation.seen(classified(300), card(outputs=300), looked())
    assert "confusion" not in found
    assert found["totals"].tolist() == [8] * 300
    assert found["right"][3] == 4
    assert found["pairs"].tolist() == [[3, 8, 4]]
    assert found["true"].tolist() == (np.arange(0, TESTS, 3) % 300).tolist()


def anomalous():
    """Reconstructions of which those of anomalies are bad."""
    generator = np.random.default_rng(0)
    inputs = generator.random((TESTS, 28, 28), np.float32)
    labels = np.arange(TESTS) % 4 == 0
    outputs = inputs + 0.1 * generator.normal(size=inputs.shape) * (1 + labels)[:, None, None]
    return Evidence(labels=labels.astype(int), outputs=outputs, inputs=inputs)


def rebuilt():
    """Reconstructions with a wide code."""
    generator = np.random.default_rng(0)
    inputs = generator.random((TESTS, 28, 28), np.float32)
    code, labels = generator.normal(size=(TESTS, 64)), np.arange(TESTS) % 10
    codes = Codes(train=code, labels=labels, test=code, test_labels=labels, inputs=inputs)
    return Evidence(labels=labels, outputs=inputs / 2, inputs=inputs, codes=codes)


SHOWN = {
    "classification": classified,
    "anomaly": anomalous,
    "reconstruction": rebuilt,
    "denoising": rebuilt,
    "regression": lambda: Evidence(labels=np.arange(TESTS), outputs=np.arange(TESTS)[:, None]),
}


@pytest.mark.parametrize("task", SHOWN)
def test_a_study_of_a_hundred_trials_keeps_at_most_a_megabyte(task, tmp_path):
    """Of ten arms and ten replicates, pictures in the first of these."""
    outputs = 1 if task == "regression" else 10
    noise = {"name": "gaussian", "stddev": 0.3} if task == "denoising" else {}
    evidence = SHOWN[task]()
    sizes = []
    for pictured in (True, False):
        noisy = np.zeros((1024, 28, 28)) if noise else None
        cases = looked(pictured=pictured, noisy=noisy)
        arrays = evaluation.seen(evidence, card(task, outputs=outputs, noise=noise), cases)
        assert bool(arrays) == (pictured or task not in {"denoising", "reconstruction"})
        file = objects.keep_arrays(tmp_path, arrays) if arrays else None
        sizes.append(file.stat().st_size if file else 0)
    assert sizes[0] <= 21_000
    assert sizes[1] <= 10_500
    assert 10 * sizes[0] + 90 * sizes[1] <= 1_000_000


@pytest.mark.parametrize("classes", [2, 40, 41, 257, 1000])
def test_no_number_of_classes_takes_more(classes, tmp_path):
    """The worst that a network can do, over images with colors."""
    generator = np.random.default_rng(0)
    shown = Evidence(
        labels=generator.integers(0, classes, 10_000),
        outputs=generator.random((10_000, classes), np.float32),
    )
    large = card(outputs=classes, shape=(96, 96, 3))
    file = objects.keep_arrays(tmp_path, evaluation.seen(shown, large, looked((96, 96, 3), 10_000)))
    assert file.stat().st_size <= 12_000


def test_tasks_of_which_nothing_is_kept():
    """Several labels, several numbers, and generated cases; steps are counted, and not shown."""
    many = Evidence(labels=np.ones((9, 3)), outputs=np.ones((9, 3)))
    for task in ("multilabel", "regression"):
        assert evaluation.seen(many, card(task, outputs=3), looked(count=9)) == {}
    assert evaluation.seen(Evidence(labels=np.ones(9)), card("generation"), looked(count=9)) == {}
    steps = np.arange(12).reshape(3, 4) % 2
    shown = Evidence(labels=steps, outputs=np.eye(2)[1 - steps])
    found = evaluation.seen(shown, card("sequence", shape=(4,), outputs=2), looked((4,), 3))
    assert {name: part.tolist() for name, part in found.items()} == {"confusion": [[0, 6], [6, 0]]}


def test_large_images_are_made_small():
    """Blocks are averaged; a rest at the edge is left out."""
    x = np.zeros((1, 70, 64, 3), np.float32)
    x[:, :3, :3] = 1
    small = _looks(x, card(shape=(70, 64, 3)))
    assert small.shape == (1, 23, 21, 3)
    assert small[0, 0, 0].tolist() == [1, 1, 1]
    assert small.sum() == 3


def test_a_wide_code_is_kept_on_its_main_axes():
    """As scikit-learn has them, but for a sign."""
    from sklearn.decomposition import PCA

    shown = rebuilt()
    found = evaluation.seen(shown, card("reconstruction"), looked())
    some = shown.codes.test[:: int(found["stride"])]
    expected = PCA(2, svd_solver="full").fit_transform(some)
    assert np.abs(found["code"]) == pytest.approx(np.abs(expected), abs=1e-4)
    assert int(found["code_width"]) == 64
    assert len(found["code"]) <= CODES
    assert (
        found["code_classes"].tolist() == shown.codes.test_labels[:: int(found["stride"])].tolist()
    )


def test_a_confirm_trial_keeps_its_best_epoch(plan, tmp_path):
    """What is kept agrees with the metrics; training is what it is without."""
    laid = plan(fixed={"epochs": 6, "learning_rate": 0.1})
    outcome, (arrays,) = kept(laid, tmp_path)
    (one,) = outcome.artifacts
    assert (one.kind, one.epoch) == ("seen", outcome.best_epoch)
    told = np.mean(arrays["true"] == arrays["predicted"])
    assert told == pytest.approx(outcome.metrics["test/accuracy@best"])
    assert np.trace(arrays["confusion"]) == (arrays["true"] == arrays["predicted"]).sum()
    assert arrays["true"].tolist() == datasets.load(laid.card).y_test.tolist()
    again, _ = kept(laid, tmp_path / "again")
    assert again.artifacts == outcome.artifacts
    plain = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert plain.curve == outcome.curve
    assert plain.artifacts == ()


def test_nothing_is_kept_of_a_search(plan, tmp_path):
    """Tune trials are many, and see no test cases."""
    assert kept(plan(), tmp_path, phase="tune")[1] == []
    assert not (tmp_path / "objects").exists()


def test_numbers_are_kept_in_their_own_unit(tmp_path):
    """Targets are standardized for training; what is kept gives the reported error."""
    from harness import design

    study = Study(
        name="numbers",
        template="mlp",
        dataset="diabetes",
        factors={"activation": ["relu", "tanh"]},
        fixed=SMALL,
    )
    laid = design.plan(study, datasets.describe("diabetes", []), [])
    outcome, (arrays,) = kept(laid, tmp_path, replicate=1)
    assert arrays["true"] == pytest.approx(datasets.load(laid.card).y_test.ravel())
    error = np.mean((arrays["true"] - arrays["predicted"]) ** 2)
    assert error == pytest.approx(outcome.metrics["test/mean_squared_error@best"], rel=1e-3)


@pytest.fixture
def lay(plan, images):
    """Lays out a study of autoencoders with references."""

    def laid(*references, **changes):
        return plan(
            data=images, template="autoencoder", references=references,
            fixed={**SMALL, "code": 3, "epochs": 1}, **changes
        )  # fmt: skip

    return laid


def test_reconstructions_and_codes(lay, tmp_path):
    """Of a network and of components alike; only in the first replicate."""
    laid = lay({"name": "pca", "components": 2})
    for place in (None, 0):
        outcome, (arrays,) = kept(laid, tmp_path, place=place)
        x = datasets.load(laid.card).x_test[:]
        low, high = arrays["range"].tolist()
        original = low + arrays["original"] / 255 * (high - low)
        assert original == pytest.approx(x[:8].reshape(original.shape), abs=(high - low) / 500)
        assert arrays["restored"].shape == arrays["original"].shape == (8, 8, 8)
        assert arrays["code"].shape == (len(x), 2)
        assert int(arrays["code_width"]) == (3 if place is None else 2)
        assert set(arrays["code_classes"]) == {0, 1, 2}
        assert kept(laid, tmp_path, place=place, replicate=1)[0].artifacts == ()
    assert outcome.artifacts[0].epoch == 0


def test_all_methods_show_as_many_noisy_images():
    """Eight of the size of Fashion-MNIST, whether there is a code or not."""
    noisy = card("denoising", noise={"name": "gaussian", "stddev": 0.3})
    found = evaluation.seen(rebuilt(), noisy, looked(noisy=np.zeros((1024, 28, 28))))
    assert {name: len(part) for name, part in found.items() if name != "range"} == {
        "original": 8, "restored": 8, "noisy": 8
    }  # fmt: skip


def test_noise_is_shown_as_networks_see_it(lay, tmp_path):
    """What removes nothing gives back what it was shown; clean images are those of the data."""
    laid = lay("noisy_input", denoise={"name": "gaussian", "stddev": 0.3})
    _, (arrays,) = kept(laid, tmp_path, place=0)
    assert np.array_equal(arrays["restored"], arrays["noisy"])
    assert not np.array_equal(arrays["original"], arrays["noisy"])
    _, (trained,) = kept(laid, tmp_path)
    for name in ("original", "noisy"):
        assert np.array_equal(trained[name], arrays[name])


def test_scores_of_anomalies(lay, tmp_path):
    """They have the area that was measured, and the extreme ones are those at the ends."""
    laid = lay("isolation_forest", normal=[0])
    for place in (None, 0):
        outcome, (arrays,) = kept(laid, tmp_path, place=place)
        truth = np.unpackbits(arrays["anomalous"])[: len(arrays["scores"])]
        area = roc_auc_score(truth, arrays["scores"].astype(float))
        assert area == pytest.approx(outcome.metrics["test/auroc@best"], abs=0.01)
        scores, ends = arrays["scores"].astype(float), arrays["extreme_cases"]
        assert scores[ends[0]] == scores.min()
        assert scores[ends[len(ends) // 2]] == scores.max()
        assert arrays["extreme_anomalous"].tolist() == truth[ends].astype(bool).tolist()
        assert arrays["extreme_scores"] == pytest.approx(
            scores[ends] * float(arrays["scale"]), rel=2e-3
        )
        later = kept(laid, tmp_path, place=place, replicate=1)[1][0]
        assert "extreme" not in later


def test_a_resumed_store_holds_the_same(blobs, tmp_path):
    """A study that is stopped and goes on leaves the files that an undisturbed one leaves."""

    def asked(replicates):
        return Study(
            name="resumed",
            template="mlp",
            dataset=str(blobs),
            factors={"activation": ["relu", "tanh"]},
            fixed=SMALL,
            replicates=replicates,
        )

    def left(folder):
        with reading(folder) as db:
            return sorted(db.execute("SELECT trial, kind, epoch, digest FROM artifact").fetchall())

    whole = run(asked(3), root=tmp_path / "whole", workers=0).folder
    for count in (1, 3):
        parts = run(asked(count), root=tmp_path / "parts", workers=0).folder
    assert left(parts) == left(whole)
    assert len(left(whole)) == 6
