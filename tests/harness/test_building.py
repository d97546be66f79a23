"""Built-in templates as ordinary Keras models, and as the code that makes them."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest

import harness
from harness import building, catalog, source
from harness.errors import StudyError, TemplateError

# Keras writes weights through an array interface that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SEQUENCES = {"x": (4, 3), "lengths": ()}
NETWORKS = [
    ("mlp", (8, 8), {"activation": "leaky_relu", "normalization": "batch", "dropout": 0.2}),
    (
        "mlp",
        (8, 8),
        {
            "activation": "glu",
            "regularizer": "orthogonal",
            "initializer": "classical",
            "noise": 0.1,
            "input_dropout": 0.1,
            "normalization": {"name": "group", "groups": 2},
            "bias_regularizer": "l1",
            "activity_regularizer": "l2",
            "constraint": "max_norm",
        },
    ),
    ("mlp", (5,), {"activation": {"name": "celu", "alpha": 0.5}, "residual": True}),
    (
        "mlp",
        (5,),
        {
            "units": [],
            "bias": False,
            "output_constraint": {"name": "bounded", "limit": 0.1},
        },
    ),
    ("mlp", (5,), {"dropout": 0.1, "dropout_kind": "spatial", "constraint": "min_max_norm"}),
    (
        "cnn",
        (8, 8),
        {
            "activation": {"name": "prelu", "alpha": 0.25},
            "block": "residual",
            "flip": 0.5,
            "shift": 1,
            "block_dropout": 0.1,
            "dropout_kind": "spatial",
            "constraint": "unit_norm",
            "regularizer": "orthogonal",
            "normalization": "layer",
        },
    ),
    (
        "cnn",
        (8, 8, 3),
        {
            "activation": {"name": "elu", "alpha": 0.5},
            "block": "vgg",
            "head": "mean",
            "coordinates": True,
        },
    ),
    (
        "rnn",
        (4, 3),
        {
            "bidirectional": True,
            "units": [4, 4],
            "constraint": "max_norm",
            "recurrent_regularizer": "orthogonal",
            "pooling": "mean",
            "recurrent_dropout": 0.1,
        },
    ),
    (
        "rnn",
        (4,),
        {
            "cell": "gru",
            "vocabulary": 9,
            "padding": 0,
            "pooling": "max",
            "activation": {"name": "elu", "alpha": 0.5},
        },
    ),
    ("rnn", SEQUENCES, {"forget_bias": 2.0, "bidirectional": True, "units": [4, 4]}),
    ("rnn", SEQUENCES, {"forget_bias": {"name": "chrono", "steps": 9}, "units": [4, 4]}),
    ("rnn", SEQUENCES, {"cell": "simple", "pooling": "mean"}),
    ("autoencoder", (8, 8), {"corruption": "masking"}),
    ("autoencoder", (8, 8), {"bottleneck": "sparse_l1", "corruption": "salt_pepper"}),
    ("autoencoder", (8, 8), {"bottleneck": "sparse_kl", "code_activation": "sigmoid"}),
    ("autoencoder", (8, 8), {"bottleneck": "variational"}),
    ("autoencoder", (9, 9), {"filters": [4], "corruption": "gaussian"}),
    (
        "gan",
        (2,),
        {
            "activation": "prelu",
            "normalization": "batch",
            "dropout": 0.1,
            "critic_normalization": "spectral",
            "critic_dropout": 0.1,
            "weight_limit": 0.1,
            "average": 0.9,
        },
    ),
    ("gan", (8, 8), {"filters": [4, 6], "critic_normalization": "layer", "packing": 2}),
    ("pretrained", (8, 8, 3), {"weights": "drawn", "size": 32}),
    ("quadratic", (6,), {}),
]
NETWORKS += [
    (name, (8, 8, 3)[: template.ranks[-1]], {})
    for name, template in catalog.TEMPLATES.items()
    if name not in {named for named, *_ in NETWORKS}
]
WITH_SOURCE = [
    one
    for one in NETWORKS
    if not (catalog.TEMPLATES[one[0]].players or catalog.TEMPLATES[one[0]].brings)
]
"""Those that plain Keras trains as drawn: a script is refused for all others."""

REFERRING = [
    ("autoencoder", (8, 8), {"tied": True}),
    (
        "autoencoder",
        (8, 8),
        {"bottleneck": "contractive", "units": [], "code_activation": "sigmoid"},
    ),
]


def built(template, shape, arguments):
    """The network, and some cases for it."""
    generator = np.random.default_rng(0)
    outputs = 6 if template == "quadratic" else 3
    model = building.build(template, shape, outputs, **arguments)
    if isinstance(shape, dict):
        x = {key: generator.random((5, *part)).astype("float32") for key, part in shape.items()}
        return model, x | {"lengths": np.array([1, 2, 3, 4, 4], "float32")}
    x = generator.random((5, *shape)).astype("float32")
    return model, np.floor(9 * x) if "vocabulary" in arguments else x


def written(model):
    """The same network, made by its source code alone."""
    text = source.Source()
    body = [f"    {line}" for line in text.model(model)]
    head = ["from __future__ import annotations", *text.standard, *text.typing]
    lines = [*head, "import keras", "import numpy as np", *text.keras, *text.classes]
    space = {}
    exec("\n".join([*lines, "def build():", *body]), space)
    return space["build"]()


def test_every_template_is_among_the_networks():
    """What is proven of all networks is proven of all templates."""
    assert {template for template, *_ in NETWORKS} == {*catalog.TEMPLATES}


@pytest.mark.parametrize(("template", "shape", "arguments"), NETWORKS)
def test_a_network_can_be_saved_and_loaded(template, shape, arguments, tmp_path):
    """A saved model predicts what the model did; it comes uncompiled."""
    model, x = built(template, shape, arguments)
    assert not model.compiled
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(model(x), loaded(x), rtol=1e-6)


@pytest.mark.parametrize(("template", "shape", "arguments"), [*WITH_SOURCE, *REFERRING])
def test_a_network_is_what_its_source_makes(template, shape, arguments):
    """Layer by layer: the same weights give the same outputs and the same penalties."""
    model, x = built(template, shape, arguments)
    copy = written(model)
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(model(x), copy(x), rtol=1e-5, atol=1e-6)
    mine, theirs = (float(sum(one.losses)) for one in (model, copy))
    assert mine == pytest.approx(theirs, rel=1e-5)
    constraints = [
        [
            (type(one.constraint).__name__, getattr(one.constraint, "limit", 0))
            for one in net.weights
        ]
        for net in (model, copy)
    ]
    assert constraints[0] == constraints[1]


@pytest.mark.parametrize("name", sorted(catalog.ACTIVATIONS))
def test_every_activation_can_be_saved_and_written(name, tmp_path):
    """Also those that Keras lacks: a winner is saved as a model, or as a script."""
    model, x = built("mlp", (8,), {"units": [4], "activation": name})
    model.save(tmp_path / "model.keras")
    copy = written(model)
    copy.set_weights(model.get_weights())
    for other in (keras.models.load_model(tmp_path / "model.keras"), copy):
        np.testing.assert_allclose(model(x), other(x), rtol=1e-5, atol=1e-6)


def test_outputs_of_an_mlp_can_be_held_and_have_no_bias():
    """Neither of which is so by default."""
    given = {"bias": False, "output_constraint": {"name": "bounded", "limit": 0.1}}
    held, free = (harness.build("mlp", (8,), 3, **one).layers[-1] for one in (given, {}))
    assert (held.use_bias, held.kernel_constraint.limit) == (False, 0.1)
    assert (free.use_bias, free.kernel_constraint) == (True, None)


def test_layers_are_keras_own():
    """Where Keras has a layer, a penalty or a constraint, it is that one."""
    model = harness.build(
        "cnn",
        (8, 8),
        10,
        activation="leaky_relu",
        dropout=0.1,
        block_dropout=0.1,
        dropout_kind="spatial",
        noise=0.1,
        regularizer={"name": "l1l2", "l1": 0.1, "l2": 0.2},
        constraint="max_norm",
    )
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    kernel = model.get_layer("conv_1")
    assert kernel.kernel_constraint.axis == [0, 1, 2]
    assert kernel.kernel_regularizer.get_config() == pytest.approx({"l1": 0.1, "l2": 0.2})


def test_weights_are_drawn_by_the_named_initializer():
    """Layers of one shape differ from each other, calls too, and the spread is the named one."""
    given = {"units": [64, 64, 64], "initializer": "he_normal"}
    one, two = (harness.build("mlp", (64,), 3, **given) for _ in range(2))
    second, third = (one.get_layer(f"hidden_{index}").kernel.numpy() for index in (2, 3))
    assert not np.array_equal(second, third)
    assert not np.array_equal(second, two.get_layer("hidden_2").kernel.numpy())
    assert second.std() == pytest.approx(np.sqrt(2 / 64), rel=0.05)


def test_disturbances_draw_apart():
    """Two layers with a seed generator each do not draw the same numbers."""
    model = harness.build("cnn", (8, 8), 3, flip=0.5, shift=1)
    states = [model.get_layer(name).seed_generator.state.numpy() for name in ("flip", "shift")]
    assert states[0].tolist() != states[1].tolist()


@pytest.mark.parametrize(
    ("template", "arguments", "message"),
    [
        ("mpl", {}, "Did you mean 'mlp'"),
        ("mlp", {"unit": [3]}, "Did you mean 'units'"),
        ("mlp", {"dropout": 2.0}, "dropout"),
        ("mlp", {"activation": "gelo"}, "Did you mean 'gelu'"),
    ],
)
def test_mistakes_are_named(template, arguments, message):
    """As in a study file."""
    with pytest.raises(StudyError, match=message):
        harness.build(template, (8, 8), 10, **arguments)


def test_an_initializer_that_needs_data_is_refused():
    """Its weights would not be what its name says."""
    with pytest.raises(TemplateError, match="orthogonal"):
        harness.build("mlp", (8, 8), 10, initializer="lsuv")


@pytest.mark.slow
def test_importing_the_package_stays_light():
    """The public name is loaded when it is used."""
    code = (
        "import sys, harness; assert 'build' in harness.__all__; assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
