"""One contract for every built-in template."""

from __future__ import annotations

import dataclasses
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import catalog, datasets, design, program
from harness.blocks.style import Style
from harness.errors import TemplateError
from harness.players import Stage
from harness.spec import Study
from harness.targets import resolve
from harness.templates.cnn import cnn
from harness.templates.mlp import mlp
from harness.templates.rnn import rnn
from harness.train import Trainer

SHAPE = (8, 8)


def template(name):
    """The function behind a template's name."""
    return resolve(catalog.TEMPLATES[name].target)


def model(name, *given, **arguments):
    """The model that a template makes, whether or not it says how that is trained."""
    made = template(name)(*given, **arguments)
    return made.model if isinstance(made, Stage) else made


DRAWN = {"pretrained": {"weights": "drawn", "size": 32}}
"""Arguments with which no weights have to be fetched."""


@pytest.mark.parametrize("name", sorted(catalog.TEMPLATES))
class TestTemplate:
    """What a study may rely on."""

    def test_arguments_are_those_of_the_catalogue(self, name):
        """The literal table and the function name the same arguments and defaults, in its style."""
        parameters = inspect.signature(template(name)).parameters
        keyword = {
            key: one.default for key, one in parameters.items() if one.kind is one.KEYWORD_ONLY
        }
        shared = dataclasses.asdict(parameters["style"].default) if "style" in parameters else {}
        said_by_data = {"every_step"} & set(keyword)
        assert not keyword.keys() & shared.keys()
        listed_here = catalog.TEMPLATES[name].arguments
        assert set(keyword) - said_by_data == set(listed_here) - set(shared)
        for key, argument in listed_here.items():
            default = {**shared, **keyword}[key]
            listed = list(default) if isinstance(default, tuple) else default
            assert listed == argument.default or (listed, argument.default) == (None, "none")

    def test_every_activation_is_a_named_layer(self, name):
        """Activations can be looked at one by one, but for those inside a recurrent cell."""
        taken = catalog.TEMPLATES[name].arguments
        if name in {"rnn", "autoencoder"} or "activation" not in taken:
            return
        given = {"critic_activation": "tanh"} if name == "gan" else {}
        made = model(name, SHAPE, 10, Style(activation="tanh"), **given)
        # A gan has two networks, and an activation of what is generated, as an autoencoder has.
        for network in (made.generator, made.critic) if name == "gan" else (made,):
            named = [layer for layer in network.layers if layer.name.endswith("_activation")]
            hidden = [layer.name for layer in network.layers if layer.count_params()][:-1]
            outputs = ["generator_activation"] * (network.name == "generator")
            assert [one.name for one in named] == [f"{one}_activation" for one in hidden] + outputs
            assert all(isinstance(layer, keras.layers.Activation) for layer in named)
            assert not any(
                getattr(layer, "activation", None) not in {None, keras.activations.linear}
                for layer in network.layers
                if not layer.name.endswith("_activation")
            )

    def test_outputs_are_linear(self, name):
        """One number per class, and no squashing behind it."""
        if catalog.TEMPLATES[name].makes or name == "quadratic":
            return
        model = template(name)(SHAPE, 7, **DRAWN.get(name, {}))
        assert model.output_shape == (None, 7)
        assert model.layers[-1].activation is keras.activations.linear

    def test_ranks(self, name):
        """Every rank that the catalogue admits builds."""
        for rank in catalog.TEMPLATES[name].ranks:
            shape = (8, 8, 3)[:rank]
            outputs = 8 if name == "quadratic" else 2
            assert model(name, shape, outputs, **DRAWN.get(name, {})).count_params() > 0


OFFERED = [
    (name, key, entry)
    for name, built_in in catalog.TEMPLATES.items()
    for key, argument in {**catalog.SETTINGS, **built_in.arguments}.items()
    for entry in catalog.FAMILIES.get(argument.family, ())
    if not built_in.brings  # too large to train so often
    if entry not in argument.without
    and not (key == "class_weight" and (built_in.makes or name == "quadratic"))  # there are none
]


SMALL = {"name": "random_normal", "stddev": 0.01}
"""Weights of which an exponential of an exponential stays finite: others rightly diverge."""

DEMANDS = {
    "sparse_kl": {"code_activation": "sigmoid"},
    "contractive": {"code_activation": "sigmoid", "units": [], "filters": []},
    "exponential": dict.fromkeys(("initializer", "recurrent_initializer"), SMALL),
}
"""What an entry needs beside it."""


def laid_out(plan, data, name, key, entry):
    """A study of one arm, of which one argument is an entry of the catalogue."""
    small = {"units": [6], "filters": [4], "epochs": 10, "learning_rate": 1e-3}
    taken = {**catalog.SETTINGS, **catalog.TEMPLATES[name].arguments}
    fixed = {size: number for size, number in small.items() if size in taken}
    fixed |= {other: of for other, of in DEMANDS.get(entry, {}).items() if other in taken}
    if name == "quadratic":  # which has data of its own
        given = {"template": name, "dataset": "quadratic-10", "factors": {key: [entry]}}
        study = Study(name="quadratic", fixed={"epochs": 10, "learning_rate": 1e-3}, **given)
        return design.plan(study, datasets.describe(study.dataset, []), [])
    return plan(data=data, template=name, factors={key: [entry]}, fixed=fixed)


@pytest.mark.parametrize(("name", "key", "entry"), OFFERED)
@pytest.mark.slow
def test_every_entry_trains(plan, images, name, key, entry):
    """Every catalogue entry in every template trains with a finite loss."""
    laid = laid_out(plan, images, name, key, entry)
    outcome = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "tune", 0))
    assert outcome.status == "completed", outcome.reason
    assert outcome.route == "program"
    assert np.isfinite(outcome.curve[0].quantities["train/loss"])


def obstacle(trial, card):
    """Why a trial would not train as a program; empty if it would."""
    (network,) = program.build(trial, card, template(trial.template))
    learner = program.Learner(trial, card, network)
    if not program.is_expressible(learner.model):
        return "it would be trained by fit"
    inputs = tf.TensorSpec((learner.sizes.batch, *card.shape), tf.float32)
    labels = (
        inputs
        if learner.objective.reconstructs
        else tf.TensorSpec((learner.sizes.batch,), tf.int64)
    )
    if card.task == "regression":
        labels = tf.TensorSpec((learner.sizes.batch, card.outputs), tf.float32)
    step = tf.function(program.Program(learner, xla=False)._step, autograph=False)
    try:
        several = [len(learner.players)] * (len(learner.players) > 1)
        step.get_concrete_function(inputs, labels, tf.TensorSpec(several, tf.float32))
    except Exception as error:  # noqa: BLE001, whatever it is, it is told
        return repr(error)
    return ""


def sample(offered):
    """Every entry once, the templates taking turns, and every argument of every template."""
    by_entry, by_argument = {}, {}
    for offer in offered:
        name, key, entry = offer
        argument = {**catalog.SETTINGS, **catalog.TEMPLATES[name].arguments}[key]
        by_entry.setdefault((argument.family, entry), []).append(offer)
        by_argument.setdefault((name, key), offer)
    turns = [offers[turn % len(offers)] for turn, offers in enumerate(by_entry.values())]
    taken = {(name, key) for name, key, _ in turns}
    return turns + [offer for place, offer in by_argument.items() if place not in taken]


@pytest.mark.parametrize(
    "template",
    [
        name if name == "mlp" else pytest.param(name, marks=pytest.mark.slow)
        for name in dict.fromkeys(name for name, *_ in OFFERED)
    ],
)
def test_whatever_is_built_in_is_a_program(plan, images, template):
    """No entry of the catalogue makes a built-in template fall back to ``fit``: none at all.

    The fallback is for networks of users. A training step is traced for every structure that
    differs; that all entries train in all templates is a matter of the slow test above.
    """
    structures = {}
    offered = [one for one in sample(OFFERED) if one[0] == template]
    for name, key, entry in offered:
        laid = laid_out(plan, images, name, key, entry)
        trial = laid.trial(laid.arms[0], {}, "tune", 0)
        case = f"{name}: {key} = {entry}"
        structures.setdefault(design.program_key(trial, laid.card), (case, trial, laid.card))
    keys = {key for name, key, _ in OFFERED if name == template}
    assert {key for _, key, _ in offered} == keys
    assert len(structures) > len(keys) / 4
    found = {case: obstacle(trial, card) for case, trial, card in structures.values()}
    assert {case: why for case, why in found.items() if why} == {}


def test_dropout_regularizer_and_normalization_are_placed():
    """Each goes where the documentation says."""
    style = Style(dropout=0.5, normalization="batch", regularizer="l2")
    model = cnn(SHAPE, 3, style, filters=(4,), units=(5,))
    names = [layer.name for layer in model.layers]
    assert names[names.index("hidden_1") :] == [
        "hidden_1",
        "hidden_1_normalization",
        "hidden_1_activation",
        "hidden_1_dropout",
        "outputs",
    ]
    regularized = {
        layer.name for layer in model.layers if getattr(layer, "kernel_regularizer", None)
    }
    assert regularized == {"conv_1", "hidden_1"}


def test_a_normalization_may_stand_behind_the_activation():
    """Then batch normalization replaces no bias."""
    model = mlp(SHAPE, 3, Style(normalization="batch", normalization_order="after"), units=(5,))
    names = [layer.name for layer in model.layers]
    assert names.index("hidden_1_activation") < names.index("hidden_1_normalization")
    assert model.get_layer("hidden_1").use_bias
    before = mlp(SHAPE, 3, Style(normalization="batch"), units=(5,))
    assert not before.get_layer("hidden_1").use_bias


def test_penalties_and_constraints_are_placed():
    """On kernels and biases of hidden layers, and behind activations; none on the outputs."""
    l2 = keras.regularizers.L2(0.1)
    constraint = keras.constraints.NonNeg()
    style = Style(bias_regularizer=l2, activity_regularizer=l2, constraint=constraint)
    model = cnn(SHAPE, 3, style, filters=(4,), units=(5,), block="residual")
    kernels = {"conv_1_1", "conv_1_2", "conv_1_shortcut", "hidden_1"}
    activations = {"conv_1_1_activation", "conv_1_2_activation", "hidden_1_activation"}

    def having(attribute, wanted):
        return {one.name for one in model.layers if getattr(one, attribute, None) is wanted}

    assert having("bias_regularizer", l2) == having("kernel_constraint", constraint) == kernels
    assert having("activity_regularizer", l2) == activations


def test_inputs_are_disturbed_and_images_augmented():
    """In front of everything else, in this order; nothing of it where amounts are zero."""
    names = ["flip", "shift", "input_dropout", "input_noise"]
    style = Style(input_dropout=0.1, noise=0.2)
    made = cnn(SHAPE, 3, style, flip=0.5, shift=1.0, block_dropout=0.3)
    layers = [layer.name for layer in made.layers]
    assert layers[2:6] == names
    assert layers.index("conv_1_dropout") == layers.index("conv_1_pool") + 1
    assert not {*names, "conv_1_dropout"} & {layer.name for layer in cnn(SHAPE, 3).layers}


@pytest.mark.parametrize(
    ("given", "shapes"),
    [
        ({}, [(8, 8, 4), (4, 4, 4), (4, 4, 6), (2, 2, 6)]),
        ({"downsampling": "stride"}, [(4, 4, 4), (2, 2, 6)]),
        ({"downsampling": "none"}, [(8, 8, 4), (8, 8, 6)]),
        ({"block": "vgg"}, [(8, 8, 4), (8, 8, 4), (4, 4, 4), (4, 4, 6), (4, 4, 6), (2, 2, 6)]),
        (
            {"block": "residual", "downsampling": "stride"},
            [(4, 4, 4), (4, 4, 4), (4, 4, 4), (2, 2, 6), (2, 2, 6), (2, 2, 6)],
        ),
    ],
)
def test_blocks_have_their_shapes(given, shapes):
    """Convolutions, shortcuts and pools, by the size of what they give."""
    model = cnn(SHAPE, 3, filters=(4, 6), **given)
    kinds = keras.layers.Conv2D | keras.layers.MaxPooling2D
    found = [layer.output.shape[1:] for layer in model.layers if isinstance(layer, kinds)]
    assert sorted(found) == sorted(shapes)


def test_a_residual_adds_what_it_was_given():
    """With kernels of zero a block gives back its input, activated."""
    style = Style(initializer="zeros")
    model = cnn(SHAPE, 3, style, filters=(1,), block="residual", downsampling="none")
    images = np.random.default_rng(0).normal(size=(5, 8, 8)).astype(np.float32)
    block = keras.Model(model.input, model.get_layer("conv_1_2_activation").output)
    assert np.asarray(block(images))[..., 0] == pytest.approx(np.maximum(images, 0))
    dense = mlp((6,), 3, style, units=(6, 6), residual=True)
    added = [layer.name for layer in dense.layers if isinstance(layer, keras.layers.Add)]
    assert added == ["hidden_2_add"]


def test_a_network_can_be_told_where_it_looks():
    """Row and column beside the channels, whatever the image; equal places without them."""
    images = np.zeros((2, 3, 5, 1), np.float32)
    for given, different in ((False, 1), (True, 15)):
        model = cnn(
            (3, 5, 1), 2, filters=(4,), kernel_size=1, downsampling="none", coordinates=given
        )
        first = model.get_layer("conv_1")
        shown = np.asarray(keras.Model(model.input, first.input)(images))
        assert shown.shape[-1] == (3 if given else 1)
        assert len(np.unique(shown[0].reshape(15, -1), axis=0)) == different
    rows, columns = shown[1, :, :, 1], shown[1, :, :, 2]
    assert (rows.T == [-1, 0, 1]).all()
    assert (columns == [-1, -0.5, 0, 0.5, 1]).all()


GROUPS = Style(normalization="group")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: mlp(SHAPE, 3, units=(4, 6), residual=True), "two hidden layers of equal width"),
        (lambda: mlp(SHAPE, 3, GROUPS, units=(5,)), "divides the 5 outputs of hidden_1"),
        (lambda: cnn(SHAPE, 3, GROUPS, filters=(3,)), "divides the 3 outputs of conv_1"),
        (lambda: rnn(SHAPE, 3, GROUPS, units=(5,)), "divides the 5 outputs of lstm_1"),
    ],
)
def test_what_cannot_be_built_is_told(make, expected):
    """The error says what was expected."""
    with pytest.raises(TemplateError, match=expected):
        make()


def test_too_much_pooling_is_refused():
    """The error names the argument and the remedy."""
    with pytest.raises(TemplateError, match="Shorten 'filters'"):
        cnn(SHAPE, 3, filters=(4, 4, 4, 4))
