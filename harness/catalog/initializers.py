"""Initializers, as a literal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number, stock

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPREAD = {"mean": Number(default=0.0, low=-1e6), "stddev": Number(default=0.05)}
TRANSPOSED = "of a transposed convolution, Keras counts the output channels as fan-in"
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
        "initializers",
        "HeUniform",
        aliases=("kaiming_uniform",),
        note=TRANSPOSED,
        source="He et al. 2015",
    ),
    "he_normal": stock(
        "initializers",
        "HeNormal",
        aliases=("kaiming_normal", "he"),
        note=TRANSPOSED,
        source="He et al. 2015",
    ),
    "lecun_uniform": stock(
        "initializers", "LecunUniform", note=TRANSPOSED, source="LeCun et al. 1998"
    ),
    "lecun_normal": stock(
        "initializers", "LecunNormal", note=TRANSPOSED, source="LeCun et al. 1998"
    ),
    "variance_scaling": stock(
        "initializers",
        "VarianceScaling",
        numbers={"scale": Number(default=1.0, low=1e-12)},
        options={
            "mode": ("fan_in", "fan_out", "fan_avg"),
            "distribution": ("truncated_normal", "untruncated_normal", "uniform"),
        },
        note="variance scale / n, where n is the fan; Glorot, He and LeCun are cases of it; "
        + TRANSPOSED,
        source="He et al. 2015",
    ),
    "classical": Entry(
        target="harness.blocks.initializers:Classical",
        aliases=("fan_in_uniform",),
        note="uniform between -1/sqrt(n) and 1/sqrt(n), where n is the number of inputs",
        source="LeCun et al. 1998",
    ),
    "random_uniform": stock(
        "initializers",
        "RandomUniform",
        aliases=("uniform",),
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
        aliases=("normal",),
        note="one fixed spread, whatever the layer's size",
    ),
    "truncated_normal": stock(
        "initializers", "TruncatedNormal", numbers=_SPREAD, aliases=("trunc_normal",)
    ),
    "orthogonal": stock(
        "initializers",
        "Orthogonal",
        numbers={"gain": Number(default=1.0)},
        source="Saxe et al. 2014",
    ),
    "lsuv": Entry(
        target="harness.blocks.initializers:LSUV",
        numbers={"variance": Number(default=1.0, low=1e-12)},
        note="orthogonal, then every layer scaled until its outputs before normalization and "
        "activation have this variance on training data",
        source="Mishkin & Matas 2016",
    ),
    "identity": stock(
        "initializers",
        "Identity",
        numbers={"gain": Number(default=1.0)},
        aliases=("eye",),
        note="of matrices: not for convolutions",
        source="Le et al. 2015",
    ),
    "zeros": stock("initializers", "Zeros", note="breaks no symmetry: a control"),
    "ones": stock("initializers", "Ones", note="breaks no symmetry: a control"),
    "constant": stock("initializers", "Constant", numbers={"value": Number(default=0.0, low=-1e6)}),
}
