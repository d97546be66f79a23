"""Training settings and built-in templates, as literal tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.catalog.entries import Argument, Template

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS: Mapping[str, Argument] = {
    "epochs": Argument(
        kind="count", default=10, outside=True, note="passes over the training data"
    ),
    "batch_size": Argument(kind="count", default=32, note="cases per step"),
    "validation": Argument(
        kind="share", default=0.2, note="share of the non-test cases held out, per replicate"
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
    "clip": Argument(
        kind="choice",
        family="clip",
        default="none",
        note="of the gradients; equal to Keras', where the limit is compiled in as well",
    ),
    "class_weight": Argument(
        kind="choice", family="class_weight", default="none", note="in the training loss"
    ),
    "patience": Argument(
        kind="count",
        outside=True,
        note="stop after so many epochs without a better one; default: never",
    ),
    "loss": Argument(kind="choice", family="loss", note="default: by the kind of the labels"),
}

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
        kind="choice", family="normalization", default="none", note="before every activation"
    ),
    "dropout": Argument(
        kind="fraction",
        default=0.0,
        value=True,
        note="after every hidden dense layer; "
        "equal to Keras' Dropout, where the rate is compiled in; 0: no such layer",
    ),
}
TEMPLATES: Mapping[str, Template] = {
    "mlp": Template(
        target="harness.templates.mlp:mlp",
        ranks=(1, 2, 3),
        arguments={
            "units": Argument(kind="counts", default=[64, 64], note="width of each hidden layer"),
            **_SHARED,
        },
        note="dense layers on the flattened input",
    ),
    "cnn": Template(
        target="harness.templates.cnn:cnn",
        ranks=(2, 3),
        arguments={
            "filters": Argument(
                kind="counts", default=[16, 32], note="filters of each convolution, 2x2 pooled"
            ),
            "kernel_size": Argument(kind="count", default=3),
            "units": Argument(kind="counts", default=[64], note="dense layers behind them"),
            **_SHARED,
            "initializer": replace(_SHARED["initializer"], without=frozenset({"identity"})),
        },
        note="convolutions with max-pooling, then dense layers",
    ),
    "rnn": Template(
        target="harness.templates.rnn:rnn",
        ranks=(1, 2),
        tasks=frozenset({"classification", "regression", "sequence"}),
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
                value=True,
                initial=True,
                note="initial bias of an LSTM's forget gate; default 1",
            ),
            "recurrent_regularizer": Argument(
                kind="choice",
                family="regularizer",
                default="none",
                note="on the kernels from state to state",
            ),
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
        },
        note="recurrent layers over steps, then a dense layer; at every step if labels are",
    ),
    "autoencoder": Template(
        target="harness.templates.autoencoder:autoencoder",
        ranks=(1, 2, 3),
        tasks=frozenset({"reconstruction", "anomaly"}),
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
            # A gated unit halves what it is given, which the decoder could not undo.
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
}
