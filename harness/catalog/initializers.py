"""Initializers, as a literal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number, stock

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPREAD = {"mean": Number(default=0.0, low=-1e6), "stddev": Number(default=0.05)}
INITIALIZERS: Mapping[str, Entry] = {
    "glorot_uniform": stock(
        "initializers",
        "GlorotUniform",
        aliases=("xavier_uniform", "xavier"),
        note="Keras' default",
        source="Glorot & Bengio 2010",
    ),
    "glorot_normal": stock(
        "initializers", "GlorotNormal", aliases=("xavier_normal",), source="Glorot & Bengio 2010"
    ),
    "he_uniform": stock(
        "initializers", "HeUniform", aliases=("kaiming_uniform",), source="He et al. 2015"
    ),
    "he_normal": stock(
        "initializers", "HeNormal", aliases=("kaiming_normal", "he"), source="He et al. 2015"
    ),
    "lecun_uniform": stock("initializers", "LecunUniform", source="LeCun et al. 1998"),
    "lecun_normal": stock("initializers", "LecunNormal", source="LeCun et al. 1998"),
    "random_uniform": stock(
        "initializers",
        "RandomUniform",
        numbers={
            "minval": Number(default=-0.05, low=-1e6),
            "maxval": Number(default=0.05, low=-1e6),
        },
        note="one fixed range, whatever the layer's size",
    ),
    "random_normal": stock(
        "initializers",
        "RandomNormal",
        numbers=_SPREAD,
        note="one fixed spread, whatever the layer's size",
    ),
    "truncated_normal": stock("initializers", "TruncatedNormal", numbers=_SPREAD),
    "orthogonal": stock(
        "initializers",
        "Orthogonal",
        numbers={"gain": Number(default=1.0)},
        source="Saxe et al. 2014",
    ),
    "zeros": stock("initializers", "Zeros", note="breaks no symmetry: a control"),
    "ones": stock("initializers", "Ones", note="breaks no symmetry: a control"),
    "constant": stock("initializers", "Constant", numbers={"value": Number(default=0.0, low=-1e6)}),
}
