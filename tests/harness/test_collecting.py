"""Features that a trial measures and leaves."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import objects
from harness.coordinator import run
from harness.program import Pooling, Resident, layer_names, picturing
from harness.spec import Study
from harness.train import collecting, features
from reports import frames

CASES = np.arange(600, dtype=np.int32)


def data(*shape):
    """Random cases of some shape."""
    x = np.random.default_rng(5).normal(size=(600, *shape))
    x, y = tf.constant(x, tf.float32), tf.constant(np.arange(600) % 3, tf.int32)
    return Resident(x=x, y=y, x_test=x[:3], y_test=y[:3])


def pooled(model, given, cases=CASES):
    """Features of a model's layers."""
    return Pooling(model, layer_names(model)).features(given, cases)


def study(**changes):
    """Two arms of small networks on digits, four replicates each."""
    return Study(
        **{
            "name": "features",
            "template": "cnn",
            "dataset": "digits",
            "fixed": {"epochs": 2, "filters": [4], "units": [12], "batch_size": 256},
            "factors": {"activation": ["relu", "tanh"]},
            "replicates": 4,
            "diagnostics": {"measures": ["features"]},
        }
        | changes
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results of a small study."""
    return frames.read(run(study(), root=tmp_path_factory.mktemp("features"), workers=0).folder)


def test_layers_are_measured_before_the_first_step_and_at_the_end(results):
    """Every layer and replicate; nothing in between."""
    rows = results.inside
    assert {*rows["epochs"]} == {0, 2}
    assert {*rows["layer"]} == {"conv_1", "hidden_1", "outputs"}
    assert {*rows["replicate"]} == {0, 1, 2, 3}
    assert {*rows["quantity"]} == {
        "probe_accuracy", "probe_chance", "effective_rank", "effective_rank_permuted",
        "purity", "purity_chance",
    }  # fmt: skip
    assert len(rows) == 2 * 4 * 2 * 3 * 6
    known = rows.pivot_table("value", ["layer", "epochs"], "quantity")
    assert known.loc[("hidden_1", 2), "probe_accuracy"] > 0.6
    assert known["probe_chance"].between(0.05, 0.15).all()
    assert (known["effective_rank"] < known["effective_rank_permuted"]).all()


def test_three_replicates_leave_features_of_the_same_cases(results):
    """They are small, and can be compared over arms and replicates."""
    assert {*results.features} == {(arm, one) for arm in (0, 1) for one in (0, 1, 2)}
    found = [results.kept(results.features, *place) for place in results.features]
    first = found[0]
    for arrays in found:
        np.testing.assert_array_equal(arrays["cases"], first["cases"])
        np.testing.assert_array_equal(arrays["labels"], first["labels"])
        assert arrays["hidden_1"].shape == (512, 12)
        assert arrays["hidden_1"].dtype == np.float16
        assert arrays["start/conv_1"].shape == (512, 4)
        assert arrays["picture/filters"].shape == (4, 3, 3, 1)
        assert arrays["picture/maps/conv_1"].shape == (2, 8, 8, 4)
        assert not np.array_equal(arrays["hidden_1"], arrays["start/hidden_1"])
    assert len({*first["cases"].tolist()}) == 512
    for digest in results.features.values():
        assert objects.place(results.folder, digest).stat().st_size < 300_000


def test_arms_and_layers_share_the_controls(results):
    """What is permuted does not depend on the arm, nor on the layer."""
    rows = results.inside[results.inside["quantity"] == "purity_chance"]
    assert rows.groupby("replicate")["value"].nunique().eq(1).all()


def test_nothing_changes_in_the_training(results, tmp_path):
    """Every number of every epoch is the same without."""
    plain = frames.read(run(study(diagnostics=None), root=tmp_path, workers=0).folder)
    assert plain.epochs.equals(results.epochs)
    assert plain.inside.empty
    assert not plain.features


def test_codes_are_moved_through_the_decoder(tmp_path):
    """An autoencoder leaves what its code stands for; without classes it leaves no shares."""
    given = study(
        template="autoencoder",
        fixed={"epochs": 1, "units": [8], "batch_size": 256},
        factors={"code": [3]},
        replicates=1,
    )
    found = frames.read(run(given, root=tmp_path, workers=0).folder)
    arrays = found.kept(found.features, 0, 0)
    assert arrays["picture/traversals"].shape == (4, 3, 5, 8, 8, 1)
    assert arrays["picture/filters"].shape == (8, 8, 8, 1)
    still = arrays["picture/traversals"][:, :, 2]
    np.testing.assert_array_equal(still[:, 0], still[:, 1])


def test_cases_without_a_class_have_no_shares():
    """A number, several labels, or a class per step is no class of a case."""
    whole = SimpleNamespace(y=np.arange(6))
    assert collecting._classes(whole, np.array([4, 2])).tolist() == [4, 2]
    for labels in (np.linspace(0, 1, 6), np.zeros((6, 3), np.int32)):
        assert collecting._classes(SimpleNamespace(y=labels), np.array([4, 2])) is None
    numbers = features.measured({"a": np.random.default_rng(0).normal(size=(90, 4))}, None, stream)
    assert {*numbers["a"]} == {"effective_rank", "effective_rank_permuted"}


def stream():
    """The stream of the controls."""
    return np.random.default_rng(0)


def test_what_cannot_be_measured_is_left_out():
    """A dead layer, and one that is not finite, have no number and leave no features."""
    dead, broken = np.zeros((90, 4)), np.full((90, 4), np.nan)
    labels = np.arange(90) // 2 % 3
    assert features.measured({"a": dead, "b": broken}, labels, stream) == {"a": {}, "b": {}}
    assert features.kept({"a": dead, "b": broken}) == {}


def test_images_are_averaged_over_places():
    """Of a convolution, one number per channel: the mean behind its activation."""
    given = keras.Input((6, 5, 2))
    x = keras.layers.Conv2D(3, 2, activation="relu", name="conv")(given)
    out = keras.layers.Dense(4, name="outputs")(keras.layers.Flatten()(x))
    model, cases = keras.Model(given, out), data(6, 5, 2)
    found = pooled(model, cases)
    plain = keras.Model(given, x)(cases.x).numpy().mean(axis=(1, 2))
    np.testing.assert_allclose(found["conv"], plain, atol=1e-6)
    np.testing.assert_allclose(found["outputs"], model(cases.x).numpy(), atol=1e-5)
    some = np.array([7, 3], np.int32)
    np.testing.assert_allclose(pooled(model, cases, some)["conv"], plain[some], atol=1e-6)


def test_of_a_recurrent_layer_the_last_state_counts():
    """Whether or not it hands on all of them."""
    given = keras.Input((7, 2))
    x = keras.layers.GRU(5, return_sequences=True, name="below")(given)
    y = keras.layers.LSTM(4, name="above")(x)
    model = keras.Model(given, keras.layers.Dense(3, name="outputs")(y))
    cases = data(7, 2)
    found = pooled(model, cases)
    states = keras.Model(given, [x, y])(cases.x)
    np.testing.assert_allclose(found["below"], states[0].numpy()[:, -1], atol=1e-5)
    np.testing.assert_allclose(found["above"], states[1].numpy(), atol=1e-5)


def test_pooling_leaves_statistics_as_they_were():
    """Normalization by the batch moves its variables; they are put back."""
    given = keras.Input((5,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(4, name="hidden")(given))
    model = keras.Model(given, keras.layers.Dense(3, name="outputs")(x))
    before = [variable.numpy() for variable in model.variables]
    pooled(model, data(5))
    for variable, array in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), array)


def test_wide_layers_leave_their_principal_components():
    """Distances survive that better than the first units; the share says how well."""
    random = np.random.default_rng(0)
    signal = random.normal(size=(512, 6)) @ random.normal(size=(6, 512))
    wide = {f"hidden_{one}": signal + 0.3 * random.normal(size=(512, 512)) for one in range(3)}
    found = features.kept(wide)
    some = found["hidden_1"].astype(np.float64)
    assert found["width/hidden_1"] == 512
    assert some.shape == (512, features.ROOM // (4 * 512 * 3))
    assert 0.95 < float(found["share/hidden_1"]) < 0.999
    whole = wide["hidden_1"] - wide["hidden_1"].mean(axis=0)
    whole /= np.sqrt(np.mean(whole**2))

    def lost(columns):
        return np.linalg.norm(columns @ columns.T - whole @ whole.T)

    assert lost(some) < 0.1 * lost(whole[:, : some.shape[1]])
    assert features.kept(wide)["hidden_1"].tobytes() == found["hidden_1"].tobytes()


def test_features_are_small_whatever_the_network():
    """Forty layers of any width fit; scales beyond half precision are no matter."""
    random = np.random.default_rng(0)
    many = {f"conv_{one}": 1e9 * random.normal(size=(512, 300)) for one in range(40)}
    found = features.kept(many)
    names = [name for name in found if "/" not in name]
    assert len(names) == features.LAYERS
    assert names[0] == "conv_0"
    assert names[-1] == "conv_39"
    assert 2 * sum(one.nbytes for one in found.values()) < 1.02 * features.ROOM
    assert all(np.isfinite(found[name]).all() for name in names)


def test_filters_are_the_kernel():
    """Zero is the middle of the scale, and the largest weight is at its end."""
    given = keras.Input((6, 6))
    x = keras.layers.Dense(3, name="hidden")(keras.layers.Flatten()(given))
    model = keras.Model(given, x)
    kernel = model.get_layer("hidden").kernel.numpy()
    found = picturing.filters(model, (6, 6)) / 255 - 0.5
    assert found.shape == (3, 6, 6, 1)
    scaled = kernel.T.reshape(3, 6, 6, 1) / (2 * np.abs(kernel).max())
    np.testing.assert_allclose(found, scaled, atol=0.004)
    assert picturing.filters(model, (6, 6, 2)) is None
    assert picturing.filters(model, (36,)) is None


def test_a_decoder_has_no_other_way_to_the_inputs():
    """Where outputs need more than the code, nothing is decoded."""
    given = keras.Input((4, 4))
    flat = keras.layers.Flatten()(given)
    code = keras.layers.Dense(2, name="code")(flat)
    images = keras.layers.Reshape((4, 4))(keras.layers.Dense(16)(code))
    model = keras.Model(given, images)
    x = np.random.default_rng(0).normal(size=(9, 4, 4)).astype(np.float32)
    codes = keras.Model(given, code)(x).numpy()
    found = picturing.traversals(model, codes)
    plain = np.clip(model(x[:4]).numpy(), 0, 1)
    np.testing.assert_allclose(found[:, 1, 2, ..., 0] / 255, plain, atol=0.003)
    around = keras.Model(given, keras.layers.Add()([images, given]))
    assert picturing.decoding(around) is None
    assert picturing.traversals(keras.Model(given, flat), codes) is None
