"""Methods that train no network: equal to what scikit-learn and SciPy give on the same splits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.svm import OneClassSVM

from harness import catalog, datasets, design, program, seeds
from harness.blocks.noise import SaltPepper
from harness.coordinator import run
from harness.errors import StudyError
from harness.evaluation.codes import probe_accuracy
from harness.evaluation.images import explained, psnr, ssim
from harness.spec import Study
from harness.train import Trainer

SMALL = {"epochs": 1, "units": [4], "code": 2, "batch_size": 20}


@pytest.fixture
def lay(plan, images):
    """Lays out an autoencoder study with references."""

    def laid(*references, data=images, fixed=None, **changes):
        given = {"factors": {"activation": ["relu", "tanh"]}, **changes}
        fixed = {key: part for key, part in {**SMALL, **(fixed or {})}.items()
                 if key not in given["factors"]}  # fmt: skip
        return plan(data=data, template="autoencoder", fixed=fixed, references=references, **given)

    return laid


def split(laid, replicate=0):
    """Training and test cases of a replicate, flat, with their labels."""
    data = datasets.load(laid.card)
    held = round(0.2 * len(data.y))
    train, _ = datasets.draw(data.y, (len(data.y) - held, held), (1, "confirm", replicate))
    known, unknown = data.x[train], data.x_test[:]
    return known.reshape(len(known), -1), data.y[train], unknown, data.y_test


def measured(laid, place=0, replicate=0):
    """What a reference reaches, by name."""
    trial = laid.trial(laid.references[place], {}, "confirm", replicate)
    outcome = Trainer(laid.card, []).run(trial)
    assert outcome.status == "completed", outcome.reason
    ends = {name.partition("@")[2] for name in outcome.metrics}
    assert ends == {"best", "last"}
    last = {name: part for name, part in outcome.metrics.items() if name.endswith("@last")}
    for name, number in last.items():
        assert outcome.metrics[name.replace("@last", "@best")] == number
    return {name[len("test/") : -len("@last")]: number for name, number in last.items()}


def test_principal_components(lay):
    """Reconstruction and code, fitted on the training cases of the replicate alone."""
    found = measured(lay({"name": "pca", "components": 3}), replicate=1)
    known, labels, unknown, test_labels = split(lay(), replicate=1)
    fitted = PCA(3, svd_solver="full").fit(known)
    codes = [fitted.transform(part.reshape(len(part), -1)) for part in (known, unknown)]
    outputs = fitted.inverse_transform(codes[1]).reshape(unknown.shape)
    assert found["mean_squared_error"] == pytest.approx(np.mean((unknown - outputs) ** 2), rel=1e-4)
    assert found["mean_absolute_error"] == pytest.approx(
        np.mean(np.abs(unknown - outputs)), rel=1e-4
    )
    assert found["explained"] == pytest.approx(explained(unknown, outputs), rel=1e-4)
    probe = probe_accuracy(codes[0], labels, codes[1], test_labels)
    assert found["probe_accuracy"] == pytest.approx(probe)
    assert set(found) == set(catalog.TASK_METRICS["reconstruction"]) - {"loss"}


def test_more_cases_than_numbers_and_fewer(lay, tmp_path):
    """Both ways to the components are exact."""
    wide = np.random.default_rng(0).normal(size=(30, 60)).astype("f")
    np.savez(tmp_path / "wide.npz", x=wide, y=np.arange(30) % 2)
    fixed = {"batch_size": 8}
    laid = lay({"name": "pca", "components": 4}, data=tmp_path / "wide.npz", fixed=fixed)
    known, _, unknown, _ = split(laid)
    fitted = PCA(4, svd_solver="full").fit(known)
    outputs = fitted.inverse_transform(fitted.transform(unknown))
    expected = np.mean((unknown - outputs) ** 2)
    assert measured(laid)["mean_squared_error"] == pytest.approx(expected, rel=1e-4)


@pytest.fixture
def odd(tmp_path):
    """A cloud (classes 0 and 1) and points outside of it (class 2)."""
    generator = np.random.default_rng(0)
    y = np.arange(600) % 3
    x = generator.normal(size=(600, 4))
    x[y == 2] += 2.5
    np.savez(tmp_path / "odd.npz", x=x.astype("f"), y=y)
    return tmp_path / "odd.npz"


def test_detectors(lay, odd):
    """Scores of scikit-learn's detectors, fitted on normal training cases."""
    laid = lay("isolation_forest", {"name": "one_class_svm", "nu": 0.2}, "pca", data=odd,
               normal=(0, 1))  # fmt: skip
    known, _, unknown, anomalous = split(laid)
    seed = int(seeds.stream(1, "confirm", 0, "reference", "isolation_forest").integers(2**31))
    forest = IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(known)
    for place, fitted in enumerate((forest, OneClassSVM(nu=0.2).fit(known))):
        scores = -fitted.score_samples(unknown)
        found = measured(laid, place)
        assert found["auroc"] == pytest.approx(roc_auc_score(anomalous, scores))
        assert found["average_precision"] == pytest.approx(
            average_precision_score(anomalous, scores)
        )
        assert found["auroc"] > 0.9
    assert measured(laid, 2).keys() >= {"auroc", "mean_squared_error"}


def test_filters(lay, images):
    """They are shown the same noise as the networks, and judged on the clean images."""
    laid = lay("noisy_input", "median_filter", {"name": "pca", "components": 8},
               denoise={"name": "salt_pepper", "rate": 0.2})  # fmt: skip
    data = datasets.load(laid.card)
    corrupt = program.Corruption(SaltPepper(0.2), (1, "confirm", 0))
    clean, seen = data.x_test[:], corrupt(data.x_test[:], "test").numpy()
    found = [measured(laid, place) for place in range(3)]
    assert found[0]["psnr"] == pytest.approx(psnr(clean, seen), rel=1e-5)
    smooth = ndimage.median_filter(seen, (1, 3, 3), mode="mirror")
    assert found[1]["psnr"] == pytest.approx(psnr(clean, smooth), rel=1e-5)
    assert found[1]["ssim"] == pytest.approx(ssim(clean, smooth), rel=1e-5)
    fitted = PCA(8, svd_solver="full").fit(split(laid)[0])
    outputs = fitted.inverse_transform(fitted.transform(seen.reshape(len(seen), -1)))
    expected = psnr(clean, outputs.reshape(clean.shape))
    assert found[2]["psnr"] == pytest.approx(expected, rel=1e-4)


def test_components_follow_the_code(lay):
    """One for every width that is compared, meant for the arms of that width."""
    laid = lay("pca", factors={"code": [2, 5], "activation": ["relu", "tanh"]})
    assert [one.label for one in laid.references] == ["pca(components=2)", "pca(components=5)"]
    assert [one.index for one in laid.references] == [4, 5]
    meant = [[arm.index for arm in laid.arms if one.meets(arm)] for one in laid.references]
    assert meant == [[0, 1], [2, 3]]
    fixed = lay("pca", fixed={"code": 7})
    assert fixed.references[0].method == {"name": "pca", "components": 7}
    assert all(fixed.references[0].meets(arm) for arm in fixed.arms)
    assert laid.sizes() == {"tune": 0, "confirm": 8, "reference": 4}
    assert design.count(laid.study) == 12


def test_a_reference_is_the_same_trial_in_every_study(lay):
    """What the networks are does not enter; data, replicate and numbers do."""
    first, second = lay("pca"), lay("pca", factors={"activation": ["elu"]})
    keys = [laid.trial(laid.references[0], {}, "confirm", 0).key for laid in (first, second)]
    assert keys[0] == keys[1]
    assert first.trial(first.references[0], {}, "confirm", 1).key != keys[0]
    trial = first.trial(first.references[0], {}, "confirm", 0)
    assert not Trainer(first.card, []).rehearse(trial).problem


@pytest.mark.parametrize(
    ("references", "changes", "expected"),
    [
        (["pcaa"], {}, "Did you mean 'pca'?"),
        (["pca", {"name": "pca", "components": 2}], {}, "that differ. Received: pca(components=2)"),
        (["isolation_forest"], {}, "for reconstruction data of shape (8, 8) (pca). Received: 'iso"),
        (["median_filter"], {"normal": (0,)}, "(pca, isolation_forest, one_class_svm)"),
        ([{"name": "pca", "components": 65}], {}, "expected at most 64 components"),
        ([{"name": "pca", "components": -1}], {}, "expected a whole number from 0"),
        (["pca"], {"factors": {"validation": [0.1, 0.2]}}, "expected the same validation share"),
        (
            ["pca"],
            {"tune": {"space": {"code": {"values": [2, 3]}}}, "fixed": {"code": None}},
            "because the width of the code, its default, is tuned",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(plan, images, references, changes, expected):
    """Before anything trains, with the key."""
    fixed = {key: part for key, part in {**SMALL, **changes.pop("fixed", {})}.items() if part}
    with pytest.raises(StudyError) as caught:
        plan(data=images, template="autoencoder", references=references, fixed=fixed, **changes)
    assert expected in str(caught.value)
    assert caught.value.key == "references"


def test_a_classifier_has_none(plan, blobs):
    """None of them is for classes."""
    with pytest.raises(StudyError, match="there is none"):
        plan(data=blobs, references=["pca"])


def test_a_study_measures_them_once(images, tmp_path):
    """With its arms, and not again; one that comes later is all that is new."""
    asked = {
        "name": "measured",
        "template": "autoencoder",
        "dataset": str(images),
        "factors": {"code": [2, 3]},
        "fixed": {"epochs": 1, "units": [4], "batch_size": 20},
        "replicates": 2,
    }
    first = run(Study(**asked, references=["pca"]), root=tmp_path, workers=0)
    assert (first.trained, first.reused, first.failed) == (8, 0, 0)
    more = Study(**asked, references=["pca", {"name": "pca", "components": 1}])
    second = run(more, root=tmp_path, workers=0)
    assert (second.trained, second.reused) == (2, 8)
