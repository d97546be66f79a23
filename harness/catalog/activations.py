"""Activations, as a literal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number, stock

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTIVATIONS: Mapping[str, Entry] = {
    "linear": stock("activations", "linear", note="identity: the depth without the bends"),
    "relu": stock("activations", "relu", source="Nair & Hinton 2010"),
    "relu6": stock("activations", "relu6", source="Krizhevsky 2010"),
    "leaky_relu": stock(
        "activations",
        "leaky_relu",
        numbers={"negative_slope": Number(default=0.2, value=False)},
        source="Maas et al. 2013",
    ),
    "elu": stock(
        "activations",
        "elu",
        numbers={"alpha": Number(default=1.0, value=False)},
        source="Clevert et al. 2016",
    ),
    "selu": stock(
        "activations",
        "selu",
        note="self-normalizing with lecun_normal",
        source="Klambauer et al. 2017",
    ),
    "celu": stock(
        "activations",
        "celu",
        numbers={"alpha": Number(default=1.0, value=False)},
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
        source="Elfwing et al. 2018; Ramachandran et al. 2017",
    ),
    "mish": stock("activations", "mish", source="Misra 2020"),
    "softplus": stock("activations", "softplus", source="Dugas et al. 2001"),
    "softsign": stock("activations", "softsign", source="Glorot & Bengio 2010"),
    "tanh": stock("activations", "tanh", source="LeCun et al. 1998"),
    "sigmoid": stock("activations", "sigmoid", aliases=("logistic",), source="Cybenko 1989"),
    "hard_sigmoid": stock("activations", "hard_sigmoid", source="Courbariaux et al. 2015"),
    "hard_silu": stock(
        "activations", "hard_silu", aliases=("hard_swish",), source="Howard et al. 2019"
    ),
    "hard_tanh": stock("activations", "hard_tanh", source="Collobert 2004"),
    "tanh_shrink": stock("activations", "tanh_shrink"),
    "exponential": stock("activations", "exponential"),
}
