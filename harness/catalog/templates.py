"""Training settings and built-in templates, as literal tables."""

from __future__ import annotations

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
        },
        note="convolutions with max-pooling, then dense layers",
    ),
}
