"""The autoencoder: every bottleneck and corruption, equality with fit, what its code is worth."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from fitting import assert_equals_fit

from harness import catalog
from harness.blocks import bottleneck
from harness.blocks.style import Style
from harness.errors import StudyError, TemplateError
from harness.evaluation import images
from harness.evaluation.codes import probe_accuracy
from harness.templates.autoencoder import autoencoder
from harness.train import Trainer

SMALL = {"epochs": 3, "units": [6], "code": 3, "batch_size": 50, "learning_rate": 0.01}
SIGMOID = {"code_activation": "sigmoid", "units": []}


@pytest.fixture
def lay(plan, images):
    """Lays out an autoencoder study on small images."""

    def laid(data=images, factors=None, **fixed):
        given = {
            key: part for key, part in {**SMALL, **fixed}.items() if key not in (factors or {})
        }
        return plan(
            data=data, template="autoencoder", factors=factors or {"code": [3]}, fixed=given
        )

    return laid


def outcome(laid, arm=0):
    """One confirm trial."""
    return Trainer(laid.card, []).run(laid.trial(laid.arms[arm], {}, "confirm", 0))


def test_the_code_is_a_factor_although_it_is_fixed_too(lay):
    """The fixture drops what is swept."""
    assert [arm.levels["code"] for arm in lay(factors={"code": [2, 4]}).arms] == [2, 4]


@pytest.mark.parametrize(
    "fixed",
    [
        {},
        pytest.param({}, marks=[pytest.mark.xla, pytest.mark.slow], id="xla"),
        {"bottleneck": {"name": "sparse_l1", "weight": 0.1}, "tied": True},
        pytest.param(
            {"bottleneck": {"name": "sparse_kl", "weight": 0.1}, **SIGMOID}, marks=pytest.mark.slow
        ),
        {"bottleneck": {"name": "contractive", "weight": 0.1}, **SIGMOID, "optimizer": "rmsprop"},
        pytest.param({"filters": [2, 3], "normalization": "batch"}, marks=pytest.mark.slow),
        pytest.param(
            {"regularizer": {"name": "l2", "l2": 0.01}, "output_activation": "sigmoid"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "constraint": {"name": "max_norm", "max_value": 0.5},
                "bias_regularizer": "l2",
                "activity_regularizer": {"name": "l1", "l1": 0.1},
                "normalization": "batch",
                "normalization_order": "after",
            },
            marks=pytest.mark.slow,
        ),
    ],
)
def test_autoencoders_equal_fit(lay, fixed):
    """The inputs are the targets; penalties of the code are part of the loss."""
    assert_equals_fit(lay(**fixed))


@pytest.mark.parametrize("filters", [[], [3], [3, 4]])
@pytest.mark.parametrize("shape", [(8, 8), (7, 9), (6, 5, 3)])
def test_outputs_have_the_shape_of_inputs(shape, filters):
    """Odd sides too, which strided convolutions round up."""
    assert autoencoder(shape, 10, filters=filters, code=4).output_shape == (None, *shape)


def test_layers_mirror():
    """From the flat input down to the code and up again."""
    model = autoencoder((8, 8), 10, units=(30, 20), code=5)
    widths = [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert widths == [30, 20, 5, 20, 30, 64]
    assert model.get_layer("code").output.shape == (None, 5)


def test_regularization_is_placed():
    """On all hidden layers, not on the code's and not on the last; behind their activations."""
    l2, c = keras.regularizers.L2(0.1), keras.constraints.NonNeg()
    style = Style(
        constraint=c, bias_regularizer=l2, activity_regularizer=l2, dropout=0.1,
        dropout_kind="alpha", normalization="layer", normalization_order="after",
    )  # fmt: skip
    model = autoencoder((8, 8), 10, style, filters=(4, 6), units=(9,))

    def having(attribute, wanted):
        return {one.name for one in model.layers if getattr(one, attribute, None) is wanted}

    down, up = {"conv_1", "conv_2", "encoder_1"}, {"decoder_1", "flat", "deconv_2"}
    assert having("bias_regularizer", l2) == down | up
    assert having("kernel_constraint", c) == (down | up) - {"deconv_2"}
    assert having("activity_regularizer", l2) == {f"{name}_activation" for name in down | up}
    names = [layer.name for layer in model.layers]
    for name in down | up:
        places = [names.index(f"{name}_{part}") for part in ("activation", "normalization")]
        assert places == sorted(places)
    dropped = {one.name for one in model.layers if isinstance(one, keras.layers.AlphaDropout)}
    assert dropped == {f"{name}_dropout" for name in down | up}


def test_tied_decoders_have_no_kernels_of_their_own():
    """Half of the weights, and the transposed product."""
    plain, tied = (autoencoder((8, 8), 10, units=(20,), code=5, tied=one) for one in (False, True))
    kernels = 64 * 20 + 20 * 5
    biases = 20 + 5 + 20 + 64
    assert (plain.count_params(), tied.count_params()) == (2 * kernels + biases, kernels + biases)
    x = np.random.default_rng(0).normal(size=(2, 8, 8)).astype(np.float32)
    hidden, flat = (
        keras.Model(tied.input, tied.get_layer(name).output)(x)
        for name in ("decoder_1_activation", "flat")
    )
    expected = np.asarray(hidden) @ np.transpose(tied.get_layer("encoder_1").kernel)
    np.testing.assert_allclose(flat, expected, atol=1e-5)


NUMBERS = [
    (argument, name, key)
    for argument in ("bottleneck", "corruption")
    for name, entry in catalog.FAMILIES[argument].items()
    for key in entry.numbers
]


@pytest.mark.parametrize(("argument", "name", "key"), NUMBERS)
def test_their_numbers_are_inputs(lay, argument, name, key):
    """Two values, one program, two results."""
    sigmoid = SIGMOID if name in {"sparse_kl", "contractive"} else {}
    default = catalog.FAMILIES[argument][name].numbers[key]
    weight = {"weight": 1.0} if key == "target" else {}
    levels = [{"name": name, **weight, key: default.default * by} for by in (0.5, 1.5)]
    laid = lay(factors={argument: levels}, **sigmoid)
    trainer = Trainer(laid.card, [])
    found = [trainer.run(laid.trial(arm, {}, "tune", 0)) for arm in laid.arms]
    assert [one.status for one in found] == ["completed", "completed"], found[0].reason
    assert len(trainer.programs) == 1
    assert found[0].curve != found[1].curve


def test_the_contractive_penalty_is_the_jacobian():
    """The closed form equals the squared norm that a tape finds."""
    import tensorflow as tf

    inputs = keras.Input((4,))
    encoder = keras.layers.Dense(3)
    code = keras.layers.Activation("sigmoid")(encoder(inputs))
    model = keras.Model(inputs, bottleneck.Contractive(1.0, encoder)(code))
    x = tf.constant(np.random.default_rng(0).normal(size=(5, 4)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = model(x)
    (penalty,) = model.losses
    jacobian = tape.batch_jacobian(outputs, x)
    assert float(penalty) == pytest.approx(float(tf.reduce_sum(jacobian**2)) / 5, rel=1e-5)


def test_the_variational_penalty_is_the_divergence():
    """As the integral over a normal density; the mean is the code outside training."""
    from scipy import stats

    layer = bottleneck.Variational(1.0)
    mean, spread = 0.7, 0.4
    both = np.array([[mean, 2 * np.log(spread)]], np.float32)
    np.testing.assert_allclose(layer(both), [[mean]])
    ours, theirs = stats.norm(mean, spread), stats.norm()
    expected = ours.expect(lambda z: ours.logpdf(z) - theirs.logpdf(z))
    assert float(layer.losses[0]) == pytest.approx(expected, rel=1e-4)
    many = np.repeat(both, 20_000, axis=0)
    drawn = np.asarray(layer(many, training=True))
    assert drawn.mean() == pytest.approx(mean, abs=0.02)
    assert drawn.std() == pytest.approx(spread, rel=0.03)


def test_sparsity_is_reached(lay):
    """A heavy penalty brings the mean activation to its target."""
    laid = lay(bottleneck={"name": "sparse_kl", "weight": 5.0, "target": 0.1}, epochs=60, **SIGMOID)
    trainer = Trainer(laid.card, [])
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    assert trainer.run(trial).status == "completed"
    ((compiled,),) = trainer.programs.values()
    inputs, _ = trainer._data[trial.data, trial.task].inputs(np.arange(100, dtype=np.int32))
    code = compiled.program.evaluating.codes(inputs, np.arange(100, dtype=np.int32))
    assert code.mean() == pytest.approx(0.1, abs=0.05)


def test_a_linear_autoencoder_approaches_pca(lay, tmp_path):
    """It can explain no more than principal components of the same number, and nearly as much."""
    from sklearn.decomposition import PCA

    from harness import datasets

    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 2)) @ generator.normal(size=(2, 6))
    x += 0.3 * generator.normal(size=x.shape)
    np.savez(tmp_path / "plane.npz", x=x, y=(x[:, 0] > 0).astype(int))
    laid = lay(data=tmp_path / "plane.npz", units=[], code=2, epochs=150, activation="linear")
    found = outcome(laid)
    data = datasets.load(laid.card)
    pca = PCA(2).fit(data.x[:])
    theirs = images.explained(data.x_test[:], pca.inverse_transform(pca.transform(data.x_test[:])))
    assert found.metrics["test/explained@last"] == pytest.approx(theirs, abs=0.02)
    assert found.metrics["test/probe_accuracy@last"] > 0.8
    assert found.metrics["test/trustworthiness@last"] > 0.9


def test_reconstruction_metrics_by_hand():
    """Of two images, one exact and one off by a tenth."""
    x = np.array([[0.0, 1.0], [0.5, 0.5]])
    y = x + np.array([[0.1, 0.1], [0.01, 0.01]])
    assert images.psnr(x, y) == pytest.approx((20 + 40) / 2)
    assert images.explained(x, y) == pytest.approx(1 - 0.0202 / 0.25)
    assert images.explained(x, x) == 1


def test_the_probe_sees_classes_that_are_apart():
    """And guesses where there is nothing to see; a constant unit does no harm."""
    generator = np.random.default_rng(0)
    labels = np.arange(400) % 4
    noise = generator.normal(size=(400, 5))
    noise[:, 0] = 1.0
    apart = noise + 6 * np.eye(5)[labels + 1]
    even, odd = slice(None, None, 2), slice(1, None, 2)
    labels = np.repeat(np.arange(4), 100)
    apart = noise + 6 * np.eye(5)[labels + 1]
    probe = probe_accuracy
    assert probe(apart[even], labels[even], apart[odd], labels[odd]) > 0.98
    assert probe(noise[even], labels[even], noise[odd], labels[odd]) < 0.45


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            {"bottleneck": "sparse_kl"},
            "expected code_activation = 'sigmoid' with bottleneck = 'sparse_kl'",
        ),
        (
            {"bottleneck": "contractive", "code_activation": "sigmoid"},
            "Received: units = [128], filters = []. Set both to [].",
        ),
        ({"tied": True, "filters": (4,)}, "expected tied = true only for dense layers"),
        ({"tied": True, "bottleneck": "variational"}, "bottleneck = 'variational'. Leave it out."),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, expected):
    """With the argument and the remedy."""
    with pytest.raises(TemplateError) as caught:
        autoencoder((8, 8), 10, **arguments)
    assert expected in str(caught.value)


def test_convolutions_need_images():
    """Not a row of numbers."""
    with pytest.raises(TemplateError, match="Leave out 'filters'"):
        autoencoder((8,), 2, filters=(4,))


def test_labels_are_not_what_is_learned(lay, plan, images):
    """Metrics of classes do not fit, whatever the labels of the data."""
    laid = lay()
    assert laid.card.task == "reconstruction"
    assert str(laid.metric) == "test/mean_squared_error@best"
    with pytest.raises(StudyError, match="expected a metric for reconstruction data"):
        plan(data=images, template="autoencoder", fixed=SMALL, metric="test/accuracy@best")


# -- anomalies -----------------------------------------------------------------------------------


@pytest.fixture
def odd(tmp_path):
    """Points on a line (classes 0 and 1) and some beside it (class 2)."""
    generator = np.random.default_rng(0)
    y = np.arange(300) % 3
    along = generator.normal(size=(300, 1))
    x = along * [1.0, 1.0, 1.0] + 0.1 * generator.normal(size=(300, 3))
    x[y == 2] += [2.0, -2.0, 0.0]
    np.savez(tmp_path / "odd.npz", x=x, y=y)
    return tmp_path / "odd.npz"


def test_anomalies_are_told_by_their_error(plan, odd):
    """Trained on the normal classes alone, tested on all."""
    fixed = {"epochs": 60, "units": [], "code": 1, "batch_size": 20, "learning_rate": 0.02}
    laid = plan(data=odd, template="autoencoder", fixed=fixed, normal=(1, 0, 1))
    assert (laid.card.task, laid.card.normal, laid.card.cases) == ("anomaly", (0, 1), 160)
    assert str(laid.metric) == "test/auroc@best"
    assert laid.study.best == "val/mean_squared_error"
    found = outcome(laid)
    assert found.status == "completed", found.reason
    assert found.metrics["test/auroc@last"] > 0.95
    assert found.metrics["test/average_precision@last"] > 0.9
    assert "test/probe_accuracy@last" not in found.metrics
    assert "test/explained@last" in found.metrics


def test_anomalies_may_be_images(plan, tmp_path):
    """Their errors are means over all pixels, whatever numbers these hold."""
    pixels = np.random.default_rng(0).integers(0, 2, (150, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "black.npz", x=255 * pixels, y=np.arange(150) % 3)
    laid = plan(data=tmp_path / "black.npz", template="autoencoder", fixed=SMALL, normal=(0, 1))
    found = outcome(laid)
    assert found.status == "completed", found.reason
    names = {name for name in found.metrics if name.startswith("test/") and "@best" in name}
    assert names == {f"test/{one}@best" for one in catalog.TASK_METRICS["anomaly"]}


def test_normal_cases_are_all_that_is_trained_on(plan, odd):
    """Of subsets too; test labels say who is not normal."""
    from harness import datasets

    for reference, cases in ((str(odd), 80), (f"{odd}@100", 33)):
        laid = plan(
            data=reference, template="autoencoder", fixed=SMALL | {"batch_size": 8}, normal=(1,)
        )
        data = datasets.load(laid.card)
        assert laid.card.cases == len(data.x) == pytest.approx(cases, abs=1)
        assert set(data.y) == {1}
        assert data.y_test.mean() == pytest.approx(2 / 3, abs=0.01)
    whole = plan(data=odd, template="autoencoder", fixed=SMALL)
    assert laid.card.digest != whole.card.digest


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"normal": (3,)}, "expected one of the classes 0 to 2, by number. Received: 3."),
        ({"normal": (0, 1, 2)}, "count as anomalies. Received: [0, 1, 2]."),
        (
            {"normal": (0,), "template": "mlp"},
            "to detect anomalies: 'autoencoder', or one of your own",
        ),
        ({"normal": (-1,)}, "normal"),
        ({"normal": (0,), "metric": "test/probe_accuracy@last"}, "a metric for anomaly data"),
    ],
)
def test_what_cannot_be_normal_is_refused(plan, odd, changes, expected):
    """Unknown classes, all of them, templates that do not reconstruct."""
    fixed = {} if "template" in changes else {"code": 2}
    with pytest.raises(StudyError) as caught:
        plan(data=odd, **{"template": "autoencoder", "fixed": fixed, **changes})
    assert expected in str(caught.value)


def test_numbers_have_no_normal_class(plan, tmp_path):
    """A regression cannot be split so."""
    np.savez(
        tmp_path / "r.npz", x=np.random.default_rng(0).normal(size=(60, 3)), y=np.linspace(0, 1, 60)
    )
    with pytest.raises(StudyError, match="Received: regression data"):
        plan(data=tmp_path / "r.npz", template="autoencoder", normal=(0,))
