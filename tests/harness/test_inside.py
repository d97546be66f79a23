"""What a study finds inside its networks: known numbers, at no cost to the training."""

from __future__ import annotations

import numpy as np
import pytest
from test_coordinator import attempts
from test_gan import orbit

from harness import store, studyfile
from harness.coordinator import run
from harness.datasets import quadratic
from harness.errors import HarnessError, StudyError
from harness.spec import Diagnostics, Study
from reports import frames

SMALL = {"epochs": 2, "units": [16, 16], "batch_size": 128}


def asked(**changes):
    """A study of two arms on digits."""
    given = {
        "name": "inside",
        "template": "mlp",
        "dataset": "digits",
        "replicates": 1,
        "fixed": SMALL,
        "factors": {"activation": ["relu", "tanh"]},
        "diagnostics": {},
    }
    return Study(**{key: part for key, part in (given | changes).items() if part is not None})


def measured(ended, quantity, arm=0):
    """Numbers of one arm by layer and trained epochs."""
    rows = frames.read(ended.folder).inside
    rows = rows[(rows["arm"] == arm) & (rows["quantity"] == quantity)]
    return {(row.layer, row.epochs): row.value for row in rows.itertuples()}


def normal(width, cases=1800):
    """Standard normal cases of ten classes drawn by chance."""
    stream = np.random.default_rng(2)
    return stream.normal(size=(cases, width)).astype(np.float32), stream.integers(10, size=cases)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A small study, with the inside of its networks."""
    return run(asked(), root=tmp_path_factory.mktemp("inside"), workers=0)


def test_layers_are_in_order_and_every_epoch_is_there(ended):
    rows = frames.read(ended.folder).inside
    assert {*rows["layer"]} == {"hidden_1", "hidden_2", "outputs", "(network)"}
    depths = rows.dropna(subset="depth").groupby("layer")["depth"].first().to_dict()
    assert depths == {"hidden_1": 1, "hidden_2": 2, "outputs": 3}
    assert [*rows["epochs"].unique()] == [0, 1, 2]
    assert not rows["quantity"].eq("depth").any()
    assert rows["value"].notna().all()


def test_the_loss_on_the_probe_falls_while_it_trains(ended):
    found = measured(ended, "loss")
    assert found["(network)", 0] > found["(network)", 1] > found["(network)", 2]


def test_a_look_inside_changes_no_bit_of_a_training(ended, tmp_path):
    """Not even with dropout and normalization, whose variables a probe moves."""
    fixed = SMALL | {"dropout": 0.3, "normalization": "batch", "optimizer": "adam"}
    measures = ["gradients", "activations", "sharpness"]
    trained = {}
    for name, looks in (("off", None), ("on", {"measures": measures})):
        folder = run(asked(fixed=fixed, diagnostics=looks), root=tmp_path / name, workers=0).folder
        with store.reading(folder) as db:
            trained[name] = db.execute(
                "SELECT trial, epoch, quantity, value FROM fact WHERE layer = '' ORDER BY 1, 2, 3"
            ).fetchall()
    assert len(trained["on"]) > 20
    assert trained["on"] == trained["off"]


def test_asked_for_later_only_what_is_missing_is_trained_again(tmp_path):
    first = run(asked(diagnostics=None), root=tmp_path, workers=0)
    before = frames.read(first.folder)
    assert before.inside.empty
    second = run(asked(), root=tmp_path, workers=0)
    assert (first.trained, second.trained) == (2, 2)
    assert "had not measured their inside" in " ".join(second.notes)
    after = frames.read(second.folder)
    assert not after.inside.empty
    np.testing.assert_array_equal(
        before.trials["test/accuracy@best"], after.trials["test/accuracy@best"]
    )
    third = run(asked(replicates=2), root=tmp_path, workers=0)
    assert third.trained == 2
    assert run(asked(replicates=2, diagnostics=None), root=tmp_path, workers=0).trained == 0
    assert attempts(third.folder) == {"completed": 6}


@pytest.mark.slow
def test_measurements_are_as_far_apart_as_asked(tmp_path):
    looks = {"measures": ["gradients"], "every": 3}
    one = run(asked(fixed=SMALL | {"epochs": 5}, diagnostics=looks), root=tmp_path, workers=0)
    rows = frames.read(one.folder).inside
    assert [*rows["epochs"].unique()] == [0, 3, 5]
    assert not rows["quantity"].str.startswith(("activation", "dead")).any()


def test_a_training_that_ends_early_is_measured_at_its_end(tmp_path):
    fixed = SMALL | {"epochs": 9, "patience": 1, "learning_rate": 1e-12, "optimizer": "sgd"}
    looks = {"every": 9}
    one = run(asked(fixed=fixed, diagnostics=looks), root=tmp_path, workers=0)
    results = frames.read(one.folder)
    last = results.epochs[results.epochs["arm"] == 0]["epoch"].max() + 1
    assert [*results.inside["epochs"].unique()] == [0, last]
    assert last < 9


def gradients_back(activation, initializers, depth, width, tmp_path):
    """Ratios of back-propagated variance and of weight gradients, by initializer."""
    study = asked(
        dataset="",
        fixed={
            "epochs": 1,
            "units": [width] * depth,
            "activation": activation,
            "batch_size": 1152,
            "learning_rate": 1e-6,
        },
        factors={"initializer": initializers},
        diagnostics={"measures": ["gradients"], "every": 9},
    )
    ended = run(study, root=tmp_path, workers=0, data=normal(width))
    ratios, weights = [], []
    for arm in range(len(initializers)):
        ratios.append(measured(ended, "gradient_ratio", arm)["(network)", 0])
        own = measured(ended, "weight_gradient_variance", arm)
        weights.append(own["hidden_1", 0] / own[f"hidden_{depth}", 0])
    return ratios, weights


def test_glorot_and_bengio(tmp_path):
    """Five layers of 1,000 tanh units: back-propagated variance vanishes from U(+-1/sqrt n).

    Of weight gradients it stays nearly the same (Glorot & Bengio 2010, section 4.2.2). Expected
    numbers were computed apart, in NumPy.
    """
    ratios, weights = gradients_back("tanh", ["classical", "glorot_uniform"], 5, 1000, tmp_path)
    assert ratios[0] == pytest.approx(0.0072, rel=0.25)
    assert ratios[1] == pytest.approx(0.175, rel=0.25)
    assert all(0.8 < one < 1.6 for one in weights)


@pytest.mark.slow
def test_he(tmp_path):
    """Thirty layers of 256 rectified units (He et al. 2015): 1/n vanishes, 2/n does not."""
    by_width = {"name": "variance_scaling", "scale": 1.0, "distribution": "untruncated_normal"}
    ratios, _ = gradients_back("relu", [by_width, "he_normal"], 30, 256, tmp_path)
    assert 2e-10 < ratios[0] < 2e-8
    assert 0.4 < ratios[1] < 4


def test_the_bowl_is_as_steep_as_it_was_made(tmp_path):
    """Gradient descent on it diverges beyond a learning rate of two over that."""
    steepest = np.linalg.norm(quadratic.root(100), 2) ** 2
    rates = [1.9 / steepest, 2.1 / steepest]
    study = asked(
        template="quadratic",
        dataset="quadratic-100",
        fixed={"epochs": 200, "batch_size": 800, "optimizer": "sgd"},
        factors={"learning_rate": rates},
        diagnostics={"measures": ["gradients", "sharpness"], "every": 200},
        metric="test/mean_squared_error@last",
    )
    ended = run(study, root=tmp_path, workers=0)
    for arm in (0, 1):
        found = measured(ended, "sharpness", arm)
        assert found["(network)", 0] == pytest.approx(steepest, rel=1e-3)
        assert measured(ended, "sharpness_residual", arm)["(network)", 0] < 0.01
    results = frames.read(ended.folder)
    ends = results.confirm.set_index("arm")["test/mean_squared_error@last"]
    starts = measured(ended, "loss", 0)["(network)", 0]
    assert ends[0] < starts
    assert ends.get(1, np.inf) > 100 * starts or results.confirm["status"].eq("diverged").iloc[1]


def test_a_network_without_hidden_layers_has_gradients_but_no_ratio(tmp_path):
    ended = run(asked(fixed=SMALL | {"units": []}), root=tmp_path, workers=0)
    assert measured(ended, "weight_gradient_rms")["outputs", 0] > 0
    assert not measured(ended, "gradient_ratio")
    assert not measured(ended, "dead")


@pytest.mark.parametrize(
    ("looks", "message"),
    [
        ({"cases": 100_000}, "at most 1150 cases"),
        ({"cases": 100}, "at least 512 cases"),
        ({"measures": []}, "measures"),
        ({"measures": ["gradient"]}, "'gradients'"),
        ({"layers": ["hiden_1"]}, "hidden_1"),
        ({"every": 0}, "every"),
        ({"evry": 2}, "every"),
    ],
)
def test_what_cannot_be_measured_is_refused(looks, message, tmp_path):
    with pytest.raises(HarnessError, match=message):
        run(asked(diagnostics=looks), root=tmp_path, workers=0)


def test_a_game_is_refused(tmp_path):
    with pytest.raises(StudyError, match="losses of their own"):
        run(
            asked(
                template="gan",
                dataset="ring-8",
                fixed={"epochs": 1},
                metric="",
                factors={"adversarial_loss": ["hinge", "minimax"]},
                name="game",
            ),
            root=tmp_path,
            workers=0,
        )


def test_the_smallest_game_is_a_study(tmp_path):
    """One number against one slope, by arguments of template gan; the norm of both together."""
    study = studyfile.load(studyfile.find("mescheder2018"))
    arms = {"turns": ["simultaneous", "alternating"], "adversarial_loss": ["minimax"]}
    changes = {"published": None, "replicates": 1, "factors": arms, "baseline": {}}
    game = run(Study(**study.model_dump(by_alias=True) | changes), root=tmp_path, workers=0)
    for arm, together in enumerate((True, False)):
        expected = {0: np.sqrt(2), 4: orbit(2000, together=together)}
        found = measured(game, "weight_norm", arm)
        assert found == {
            ("(network)", epochs): pytest.approx(radius, rel=1e-4)
            for epochs, radius in expected.items()
        }


def test_the_norm_of_all_weights_is_that_of_all_layers(tmp_path):
    """Biases, which start at zero, included; measured beside gradients."""
    one = run(asked(diagnostics={"measures": ["gradients", "weights"]}), root=tmp_path, workers=0)
    found = measured(one, "weight_norm")
    kernels = [found[name, 0] for name in ("hidden_1", "hidden_2", "outputs")]
    assert found["(network)", 0] == pytest.approx(np.linalg.norm(kernels), rel=1e-6)
    kernels = [found[name, 2] for name in ("hidden_1", "hidden_2", "outputs")]
    assert found["(network)", 2] > np.linalg.norm(kernels)


def test_sharpness_is_not_in_the_default(ended):
    assert Diagnostics().measures == ("gradients", "activations")
    assert not measured(ended, "sharpness")
