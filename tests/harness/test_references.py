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
from harness.train.data import drawn

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
        (
            ["pca"],
            {"tune": {"space": {"validation": {"values": [0.1, 0.2]}}}},
            "Received: a search over 'validation'",
        ),
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


def _regression(references, dataset="teacher-20", **changes):
    asked = {"factors": {"activation": ["relu", "tanh"]}, "fixed": {"cases": 30, "batch_size": 30}}
    study = Study(name="a", template="mlp", dataset=dataset, references=references,
                  **asked | changes)  # fmt: skip
    return design.plan(study, datasets.describe(dataset, []), [])


def _taught(laid, labels=0.0, replicate=0):
    """Training and test cases of data with a linear teacher, with a column of ones."""
    trial = laid.trial(laid.references[0], {}, "confirm", replicate)
    data = datasets.load(laid.card)
    train, _ = drawn(trial, data, laid.card)
    stream = seeds.stream(1, "confirm", replicate, "labels")
    y = datasets.relabelled(data.y, labels, 1, stream)[train].astype(float)
    x, unknown = (
        np.column_stack([part.astype(float), np.ones(len(part))])
        for part in (data.x[train], data.x_test[:])
    )
    return x, y, unknown, data.y_test.astype(float)


def test_least_squares():
    """Ridge regression, no more than noise allows, with its bias free; r2 as of networks."""
    fixed = {"cases": 30, "batch_size": 30, "label_noise": 0.5}
    laid = _regression([{"name": "ridge", "l2": 2.0}], fixed=fixed)
    found = measured(laid, replicate=1)
    x, y, unknown, wanted = _taught(laid, 0.5, replicate=1)
    penalty = 2.0 * np.diag([1.0] * 20 + [0.0])
    said = unknown @ np.linalg.solve(x.T @ x + penalty, x.T @ y)
    assert found["mean_squared_error"] == pytest.approx(np.mean((said - wanted) ** 2), rel=1e-4)
    assert found["r2"] == pytest.approx(1 - np.mean((said - wanted) ** 2) / wanted.var(), rel=1e-4)
    assert set(found) == set(catalog.TASK_METRICS["regression"]) - {"loss"}


def test_dropout_of_inputs_is_a_penalty():
    """Averaged over many masks, squared errors with dropped inputs are smallest where it says."""
    laid = _regression([{"name": "least_squares", "dropout": 0.3}], dataset="teacher-4")
    x, y, unknown, wanted = _taught(laid)
    many = np.repeat(x, 20_000, axis=0)
    kept = np.random.default_rng(0).random((len(many), 4)) > 0.3
    many[:, :4] *= kept / 0.7
    said = unknown @ np.linalg.lstsq(many, np.repeat(y, 20_000, axis=0), rcond=None)[0]
    expected = np.mean((said - wanted) ** 2)
    assert measured(laid)["mean_squared_error"] == pytest.approx(expected, rel=0.02)


def test_of_some_inputs_the_smallest_solution():
    """Fewer inputs are among more; with more of them than cases, weights are the smallest."""
    methods = [{"name": "least_squares", "inputs": count} for count in (5, 12, 20)]
    laid = _regression(methods, fixed={"cases": 10, "batch_size": 10})
    x, y, unknown, wanted = _taught(laid)
    order = seeds.permutation(seeds.stream(1, "confirm", 0, "reference", "least_squares"), 20)
    for place, count in enumerate((5, 12, 20)):
        chosen = [*order[:count], 20]
        said = unknown[:, chosen] @ np.linalg.pinv(x[:, chosen]) @ y
        expected = np.mean((said - wanted) ** 2)
        assert measured(laid, place)["mean_squared_error"] == pytest.approx(expected, rel=1e-3)


def test_errors_are_in_the_unit_of_a_standardized_target():
    """As those of networks are: of the diabetes data, in its own unit."""
    laid = _regression([{"name": "least_squares"}], dataset="diabetes", fixed={"batch_size": 30})
    found = measured(laid)
    assert found["mean_squared_error"] == pytest.approx(2900, rel=0.2)


def test_each_kind_of_data_has_its_own():
    """One method for every number of cases and amount of noise, for the arms of these."""
    factors = {"cases": [10, 30], "label_noise": [0.0, 0.5], "activation": ["relu", "tanh"]}
    laid = _regression([{"name": "least_squares", "l2": 2.0}], factors=factors,
                       fixed={"batch_size": 10})  # fmt: skip
    labels = [one.label for one in laid.references]
    assert labels[1] == "least_squares(l2=2), cases=10, label_noise=0.5"
    assert {one.shared for one in laid.references} == {"least_squares(l2=2)"}
    meant = [[arm.index for arm in laid.arms if one.meets(arm)] for one in laid.references]
    assert meant == [[0, 1], [2, 3], [4, 5], [6, 7]]
    given = [laid.trial(one, {}, "confirm", 0).settings for one in laid.references]
    assert [(one["cases"], one.get("label_noise")) for one in given] == [
        (10, None), (10, 0.5), (30, None), (30, 0.5)
    ]  # fmt: skip
    assert len({measured(laid, place)["mean_squared_error"] for place in range(4)}) == 4


def test_more_inputs_than_there_are_are_refused():
    """With how many there are."""
    with pytest.raises(StudyError, match="at most the 20 inputs of a case"):
        _regression([{"name": "least_squares", "inputs": 21}])


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
