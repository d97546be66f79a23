"""Training settings and built-in templates, as literal tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.catalog.entries import Argument, Template
from harness.catalog.tasks import TASKS
from harness.catalog.transfer import TRANSFER

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRAINING: Mapping[str, Argument] = {
    "epochs": Argument(
        kind="count", default=10, outside=True, note="passes over the training data"
    ),
    "batch_size": Argument(kind="count", default=32, note="cases per step"),
    "batch_order": Argument(
        kind="option",
        options=("shuffled", "fixed", "given"),
        default="shuffled",
        outside=True,
        later=True,
        note="of the training cases: shuffled anew in every epoch; fixed: all epochs have the "
        "shuffled order of the first; given: that of the data",
    ),
    "last_batch": Argument(
        kind="option",
        options=("keep", "drop"),
        default="keep",
        later=True,
        note="a smaller last batch of an epoch is kept, or dropped",
    ),
    "validation": Argument(
        kind="share", default=0.2, note="share of the non-test cases held out, per replicate"
    ),
    "cases_per_class": Argument(
        kind="count",
        later=True,
        note="train on so many of each class, the same ones among more of them in a replicate; "
        "validation and test cases stay; default: all",
    ),
    "cases": Argument(
        kind="count",
        later=True,
        note="train on so many of all cases, the same ones among more of them in a replicate; "
        "validation and test cases stay; default: all",
    ),
    "label_noise": Argument(
        kind="amount",
        later=True,
        outside=True,
        note="in labels outside the test split, drawn per replicate: standard deviation of normal "
        "noise that is added to numbers, or the share of classes that are drawn anew, each class "
        "as likely; default: none",
    ),
    "optimizer": Argument(kind="choice", family="optimizer", default="adam"),
    "learning_rate": Argument(
        kind="number", value=True, note="default: the optimizer's own default in Keras"
    ),
    "schedule": Argument(
        kind="choice",
        family="schedule",
        default="constant",
        value=True,
        note="of the learning rate",
    ),
    "weight_decay": Argument(
        kind="amount",
        value=True,
        note="decoupled: every weight shrinks by learning rate * weight_decay in every step, as "
        "with Keras' argument of every optimizer; default: the optimizer's own",
    ),
    "clip": Argument(
        kind="choice",
        family="clip",
        default="none",
        note="of the gradients; equal to Keras', where the limit is compiled in as well",
    ),
    "class_weight": Argument(
        kind="choice",
        family="class_weight",
        default="none",
        note="in the training loss; or { CLASS = WEIGHT, ... }, where others count 1",
    ),
    "label_smoothing": Argument(
        kind="fraction",
        default=0.0,
        value=True,
        note="in the loss, also the validation loss, as in Keras; crossentropy and accuracy are "
        "of the labels as they are",
    ),
    "patience": Argument(
        kind="count",
        outside=True,
        note="stop after so many epochs without a better one; default: never",
    ),
    "loss": Argument(kind="choice", family="loss", note="default: by the kind of the labels"),
    "outputs": Argument(
        kind="option",
        options=("logits", "probabilities", "log_probabilities"),
        note="what a model of yours gives for classes or labels; default: as one forward pass "
        "tells",
    ),
    "salt": Argument(
        kind="count",
        outside=True,
        note="other initial weights, orders and noise on the same split; arms that differ in it "
        "alone are equal but for chance, which shows how large chance is; default: none",
    ),
}

SETTINGS: Mapping[str, Argument] = {**_TRAINING, **TRANSFER}
"""Settings of every training, whatever the template."""

_SHARED = {
    "activation": Argument(kind="choice", family="activation", default="relu"),
    "initializer": Argument(
        kind="choice",
        family="initializer",
        default="glorot_uniform",
        value=True,
        initial=True,
        note="of every kernel",
    ),
    "regularizer": Argument(
        kind="choice",
        family="regularizer",
        default="none",
        note="on every kernel but the last; "
        "equal to Keras' L1L2, where coefficients are compiled in",
    ),
    "normalization": Argument(
        kind="choice",
        family="normalization",
        default="none",
        note="of every hidden layer, before or after its activation",
    ),
    "dropout": Argument(
        kind="fraction",
        default=0.0,
        value=True,
        note="after every hidden dense layer; "
        "equal to Keras' Dropout, where the rate is compiled in; 0: no such layer",
    ),
}
_PLAIN_PENALTIES = Argument(
    kind="choice", family="regularizer", without=frozenset({"orthogonal"}), default="none"
)
_BEYOND = {
    "bias_regularizer": replace(_PLAIN_PENALTIES, note="on every bias but the last"),
    "activity_regularizer": replace(
        _PLAIN_PENALTIES, note="on the outputs of every activation, per case"
    ),
    "constraint": Argument(
        kind="choice",
        family="constraint",
        default="none",
        note="of every kernel but the last; on the weights into each unit or filter",
    ),
    "normalization_order": Argument(
        kind="option",
        options=("before", "after"),
        default="before",
        note="normalization before or after the activation",
    ),
    "dropout_kind": Argument(
        kind="choice",
        family="dropout_kind",
        default="standard",
        note="of dropout, but on the input",
    ),
}
_ON_INPUTS = {
    "input_dropout": Argument(
        kind="fraction", default=0.0, value=True, note="standard dropout of the inputs"
    ),
    "noise": Argument(
        kind="amount",
        default=0.0,
        value=True,
        note="standard deviation of normal noise on the inputs, in training",
    ),
}
_PLAYED = replace(_SHARED["initializer"], without=frozenset({"identity", "lsuv"}))
_HIDDEN = {**_SHARED, **_BEYOND, **_ON_INPUTS}
TEMPLATES: Mapping[str, Template] = {
    "mlp": Template(
        target="harness.templates.mlp:mlp",
        ranks=(1, 2, 3),
        arguments={
            "units": Argument(kind="counts", default=[64, 64], note="width of each hidden layer"),
            "residual": Argument(
                kind="flag",
                default=False,
                note="the input of a hidden layer is added to its output, where widths are equal",
            ),
            **_HIDDEN,
            "bias": Argument(kind="flag", default=True, later=True, note="of every layer"),
            "output_constraint": replace(
                _BEYOND["constraint"], later=True, note="of the last kernel"
            ),
            "output_regularizer": Argument(
                kind="choice",
                later=True,
                family="regularizer",
                note="on the last kernel; default: none",
            ),
        },
        note="dense layers on the flattened input",
    ),
    "cnn": Template(
        target="harness.templates.cnn:cnn",
        ranks=(2, 3),
        arguments={
            "filters": Argument(kind="counts", default=[16, 32], note="filters of each block"),
            "block": Argument(
                kind="option",
                options=("plain", "vgg", "residual"),
                default="plain",
                note="one convolution; two (Simonyan & Zisserman 2015); two, and the input added "
                "before the last activation (He et al. 2016)",
            ),
            "kernel_size": Argument(kind="count", default=3),
            "downsampling": Argument(
                kind="option",
                options=("pool", "stride", "none"),
                default="pool",
                note="how a block halves its image: pooling behind it, or a first convolution "
                "of stride 2",
            ),
            "pool": Argument(
                kind="option", options=("max", "mean"), default="max", note="2x2, where blocks pool"
            ),
            "head": Argument(
                kind="option",
                options=("flatten", "mean"),
                default="flatten",
                note="what follows the blocks: all of the image, or the mean of each map",
            ),
            "coordinates": Argument(
                kind="flag",
                default=False,
                later=True,
                note="row and column of each pixel as two more channels (Liu et al. 2018)",
            ),
            "units": Argument(kind="counts", default=[64], note="dense layers behind them"),
            **_HIDDEN,
            "initializer": replace(_SHARED["initializer"], without=frozenset({"identity"})),
            "block_dropout": Argument(
                kind="fraction", default=0.0, value=True, note="after every block"
            ),
            "flip": Argument(
                kind="fraction",
                default=0.0,
                value=True,
                note="augmentation: probability that an image is mirrored, left to right",
            ),
            "shift": Argument(
                kind="amount",
                default=0.0,
                value=True,
                note="augmentation: pixels that an image is moved at most, in either direction",
            ),
        },
        note="blocks of convolutions, then dense layers",
    ),
    "rnn": Template(
        target="harness.templates.rnn:rnn",
        ranks=(1, 2),
        tasks=frozenset({"classification", "multilabel", "regression", "sequence"}),
        arguments={
            "cell": Argument(kind="choice", family="cell", default="lstm"),
            "units": Argument(kind="counts", default=[32], note="width of each recurrent layer"),
            "bidirectional": Argument(
                kind="flag", default=False, note="every layer also reads backwards"
            ),
            "pooling": Argument(
                kind="choice", family="pooling", default="last", note="of the last layer's steps"
            ),
            "vocabulary": Argument(
                kind="count", note="number of different tokens; default: the data set's"
            ),
            "embedding": Argument(kind="count", default=32, note="width of the token embedding"),
            "padding": Argument(
                kind="token",
                note="the token that fills cases up: its steps are masked, also in the loss of "
                "labels per step; -1: none; default: the data set's",
            ),
            **_SHARED,
            "activation": Argument(
                kind="choice",
                family="activation",
                without=frozenset({"prelu", "glu"}),
                default="tanh",
                note="of candidates and outputs; gates keep their sigmoid",
            ),
            "initializer": replace(_SHARED["initializer"], without=frozenset({"lsuv"})),
            "recurrent_initializer": Argument(
                kind="choice",
                family="initializer",
                without=frozenset({"lsuv"}),
                default="orthogonal",
                value=True,
                initial=True,
                note="of the kernels from state to state",
            ),
            "forget_bias": Argument(
                kind="real",
                family="gate_bias",
                value=True,
                initial=True,
                note="initial bias of an LSTM's forget gate; or chrono biases, those of its "
                "input gate, too; default 1",
            ),
            "recurrent_regularizer": Argument(
                kind="choice",
                family="regularizer",
                default="none",
                note="on the kernels from state to state",
            ),
            "bias_regularizer": replace(_PLAIN_PENALTIES, note="on the biases of the cells"),
            "activity_regularizer": replace(
                _PLAIN_PENALTIES, note="on what every recurrent layer gives, per case"
            ),
            "constraint": replace(_BEYOND["constraint"], note="of the input kernels"),
            "recurrent_constraint": replace(
                _BEYOND["constraint"], note="of the kernels from state to state"
            ),
            "dropout_kind": _BEYOND["dropout_kind"],
            **_ON_INPUTS,
            "dropout": Argument(
                kind="fraction", default=0.0, value=True, note="behind every recurrent layer"
            ),
            "normalization": Argument(
                kind="choice",
                family="normalization",
                default="none",
                note="behind every recurrent layer",
            ),
            "recurrent_dropout": Argument(
                kind="fraction",
                default=0.0,
                note="of the state that enters a step; Keras' own, so compiled in",
            ),
            "step_width": Argument(
                kind="count",
                later=True,
                note="numbers of a case that are read at every step; 1: an image pixel by pixel; "
                "default: its last axis",
            ),
        },
        note="recurrent layers over steps, then a dense layer; at every step if labels are",
    ),
    "autoencoder": Template(
        target="harness.templates.autoencoder:autoencoder",
        ranks=(1, 2, 3),
        tasks=frozenset(name for name, task in TASKS.items() if task.reconstructs),
        makes="reconstruction",
        arguments={
            "filters": Argument(
                kind="counts", default=[], note="of convolutions in front, each halves the image"
            ),
            "kernel_size": Argument(kind="count", default=3),
            "units": Argument(
                kind="counts", default=[128], note="dense layers in front of the code"
            ),
            "code": Argument(kind="count", default=32, note="width of the code"),
            "bottleneck": Argument(
                kind="choice", family="bottleneck", default="plain", note="what the code must be"
            ),
            "corruption": Argument(
                kind="choice", family="corruption", default="none", note="of inputs in training"
            ),
            "tied": Argument(
                kind="flag", default=False, note="the decoder uses the encoder's dense kernels"
            ),
            **_SHARED,
            **_BEYOND,
            # A gated unit halves the number of units, which the decoder could not undo.
            "activation": replace(_SHARED["activation"], without=frozenset({"glu"})),
            "initializer": replace(_SHARED["initializer"], without=frozenset({"identity"})),
            "code_activation": Argument(
                kind="choice", family="activation", without=frozenset({"glu"}), default="linear"
            ),
            "output_activation": Argument(
                kind="choice",
                family="activation",
                without=frozenset({"glu", "softmax", "log_softmax", "sparsemax"}),
                default="linear",
            ),
        },
        note="encoder, code and decoder: dense, or convolutional with filters",
    ),
    "pretrained": Template(
        target="harness.templates.pretrained:pretrained",
        ranks=(2, 3),
        brings=True,
        arguments={
            "trunk": Argument(
                kind="word",
                default="squeezenet",
                note="what was trained before: a name of `keras-harness data list`, or the path of "
                "a .keras file",
            ),
            "size": Argument(
                kind="count", note="pixels a side that images are resized to; default: the trunk's"
            ),
            "weights": Argument(
                kind="option",
                options=("trained", "drawn"),
                default="trained",
                note="those of the trunk, or drawn as in a training from scratch",
            ),
            "initializer": replace(_PLAYED, note="of the kernel of the outputs"),
        },
        note="a network trained on ImageNet, or a saved one of yours, with outputs of its own; "
        "frozen_layers, new_head and the like say how it is trained on",
    ),
    "gan": Template(
        target="harness.templates.gan:gan",
        ranks=(1, 2, 3),
        tasks=frozenset({"generation"}),
        makes="generation",
        players=("critic", "generator"),
        arguments={
            "latent": Argument(
                kind="count", default=16, note="width of the vectors that cases are made of"
            ),
            "latent_kind": Argument(
                kind="option",
                options=("normal", "ones"),
                default="normal",
                later=True,
                note="of these vectors: standard normal numbers; or ones, of which one and the "
                "same case is made",
            ),
            "bias": Argument(
                kind="flag", default=True, later=True, note="of every layer of both networks"
            ),
            "units": Argument(
                kind="counts", default=[128, 128], note="dense layers of both, without filters"
            ),
            "filters": Argument(
                kind="counts",
                default=[],
                note="of the critic's convolutions, and in reverse of the generator, as in DCGAN",
            ),
            "kernel_size": Argument(kind="count", default=4),
            "adversarial_loss": Argument(
                kind="choice", family="adversarial_loss", default="non_saturating"
            ),
            "penalty": Argument(
                kind="choice", family="penalty", default="none", note="on the critic's slope"
            ),
            "weight_limit": Argument(
                kind="amount",
                default=0.0,
                value=True,
                note="largest size of each of the critic's weights, as in WGAN; 0: none",
            ),
            "packing": Argument(
                kind="count", default=1, note="cases that the critic judges as one (PacGAN)"
            ),
            "critic_steps": Argument(
                kind="count", default=1, note="updates of the critic per update of the generator"
            ),
            "turns": Argument(
                kind="option",
                options=("alternating", "simultaneous"),
                default="alternating",
                note="whether the generator faces the critic as it has just become, or both take "
                "their gradients at the same weights",
            ),
            "average": Argument(
                kind="fraction",
                default=0.0,
                value=True,
                note="decay of an average of the generator's weights, which is judged; 0: none",
            ),
            "output_activation": Argument(
                kind="choice",
                family="activation",
                without=frozenset({"glu", "softmax", "log_softmax", "sparsemax"}),
                default="linear",
                note="of generated cases",
            ),
            "transposed_fan": Argument(
                kind="option",
                options=("keras", "received"),
                default="keras",
                note="fan-in of a transposed convolution: Keras takes kernel * outputs; a unit "
                "receives kernel * inputs / stride^2",
            ),
            "critic_activation": Argument(
                kind="choice",
                family="activation",
                default={"name": "leaky_relu", "negative_slope": 0.2},
            ),
            "critic_initializer": replace(_PLAYED, note="of every kernel of the critic"),
            "critic_regularizer": replace(
                _SHARED["regularizer"], note="on the critic's hidden kernels, in its loss"
            ),
            "critic_normalization": Argument(
                kind="choice", family="critic_normalization", default="none"
            ),
            "critic_dropout": replace(
                _SHARED["dropout"], note="behind every hidden layer of the critic"
            ),
            **_SHARED,
            "activation": replace(_SHARED["activation"], note="of the generator's hidden layers"),
            "initializer": replace(_PLAYED, note="of every kernel of the generator"),
            "regularizer": replace(
                _SHARED["regularizer"], note="on the generator's hidden kernels, in its loss"
            ),
            "normalization": replace(_SHARED["normalization"], note="of the generator"),
            "normalization_order": _BEYOND["normalization_order"],
            "dropout": replace(
                _SHARED["dropout"], note="behind every hidden layer of the generator"
            ),
        },
        note="a generator and a critic in a game: dense, or convolutional with filters",
    ),
    "quadratic": Template(
        target="harness.templates.quadratic:quadratic",
        ranks=(1,),
        tasks=frozenset({"regression"}),
        arguments={},
        note="a quadratic loss and no network, for data quadratic-D: optimizers alone "
        "(Schneider, Balles & Hennig 2019)",
    ),
}


def may_bring(template: str) -> bool:
    """True if the networks of a template may bring weights along: any of a user's may.

    Example:
        >>> may_bring("mlp"), may_bring("pretrained"), may_bring("mynets:wide")
        (False, True, True)
    """
    return template not in TEMPLATES or TEMPLATES[template].brings
