"""Activations, as a literal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number, stock

if TYPE_CHECKING:
    from collections.abc import Mapping


ACTIVATIONS: Mapping[str, Entry] = {
    "linear": stock(
        "activations",
        "linear",
        aliases=("identity",),
        note="identity: the depth without the bends",
    ),
    "relu": stock("activations", "relu", source="Nair & Hinton 2010"),
    "relu6": stock("activations", "relu6", note="ReLU cut at 6", source="Krizhevsky 2010"),
    "leaky_relu": Entry(
        target="harness.blocks.activations:leaky_relu",
        aliases=("lrelu",),
        numbers={"negative_slope": Number(default=0.2)},
        note="equal to Keras', where the slope is compiled in",
        source="Maas et al. 2013",
    ),
    "prelu": Entry(
        target="harness.blocks.activations:PReLU",
        numbers={"alpha": Number(default=0.0, low=-1e6, value=False)},
        note="a learned slope per unit or feature map, which starts at alpha; He et al. take 0.25",
        source="He et al. 2015",
    ),
    "threshold": stock(
        "activations",
        "threshold",
        numbers={
            "threshold": Number(default=1.0, low=-1e6),
            "default_value": Number(default=0.0, low=-1e6),
        },
        aliases=("thresholded_relu",),
        note="x above the threshold, else the default value",
        source="Konda et al. 2015",
    ),
    "elu": Entry(
        target="harness.blocks.activations:elu",
        numbers={"alpha": Number(default=1.0)},
        note="equal to Keras', where alpha is compiled in",
        source="Clevert et al. 2016",
    ),
    "selu": stock(
        "activations",
        "selu",
        note="self-normalizing with lecun_normal and alpha dropout",
        source="Klambauer et al. 2017",
    ),
    "celu": stock(
        "activations",
        "celu",
        numbers={"alpha": Number(default=1.0, low=1e-6)},
        source="Barron 2017",
    ),
    "gelu": stock(
        "activations",
        "gelu",
        flags={"approximate": False},
        note="exact; approximate = true for the tanh form",
        source="Hendrycks & Gimpel 2016",
    ),
    "silu": stock(
        "activations",
        "silu",
        aliases=("swish",),
        note="x times sigmoid(x)",
        source="Elfwing et al. 2018; Ramachandran et al. 2017",
    ),
    "mish": stock("activations", "mish", note="x times tanh(softplus(x))", source="Misra 2020"),
    "glu": stock(
        "activations",
        "glu",
        gated=True,
        note="half of the outputs times the sigmoid of the others; the layer is made twice as wide",
        source="Dauphin et al. 2017",
    ),
    "softplus": stock("activations", "softplus", source="Dugas et al. 2001"),
    "squareplus": stock(
        "activations",
        "squareplus",
        numbers={"b": Number(default=4.0)},
        note="(x + sqrt(x^2 + b)) / 2",
        source="Barron 2021",
    ),
    "sparse_plus": stock(
        "activations", "sparse_plus", note="quadratic between -1 and 1", source="Peters et al. 2019"
    ),
    "exponential": stock("activations", "exponential", aliases=("exp",)),
    "softsign": stock("activations", "softsign", source="Glorot & Bengio 2010"),
    "tanh": stock("activations", "tanh", source="LeCun et al. 1998"),
    "hard_tanh": stock("activations", "hard_tanh", source="Collobert 2004"),
    "tanh_shrink": stock("activations", "tanh_shrink", note="x - tanh(x)"),
    "soft_shrink": stock(
        "activations",
        "soft_shrink",
        numbers={"threshold": Number(default=0.5)},
        note="zero around zero, continuous",
        source="Donoho 1995",
    ),
    "hard_shrink": stock(
        "activations",
        "hard_shrink",
        numbers={"threshold": Number(default=0.5)},
        note="zero around zero, with jumps",
        source="Donoho & Johnstone 1994",
    ),
    "sigmoid": stock("activations", "sigmoid", aliases=("logistic",), source="Cybenko 1989"),
    "hard_sigmoid": stock("activations", "hard_sigmoid", source="Courbariaux et al. 2015"),
    "sparse_sigmoid": stock("activations", "sparse_sigmoid", source="Martins & Astudillo 2016"),
    "log_sigmoid": stock("activations", "log_sigmoid", aliases=("logsigmoid",)),
    "hard_silu": stock(
        "activations", "hard_silu", aliases=("hard_swish",), source="Howard et al. 2019"
    ),
    "softmax": stock(
        "activations", "softmax", note="over the units of a layer", source="Bridle 1990"
    ),
    "log_softmax": stock("activations", "log_softmax", note="over the units of a layer"),
    "sparsemax": stock(
        "activations",
        "sparsemax",
        note="over the units of a layer; in Keras 3.15.1 not that of the paper: where two units or "
        "more are above its threshold they do not sum to 1",
        source="Martins & Astudillo 2016",
    ),
}
