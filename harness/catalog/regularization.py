"""Regularizers, normalizations, constraints and kinds of dropout, as literal tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number

if TYPE_CHECKING:
    from collections.abc import Mapping

REGULARIZERS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no penalty"),
    "l1": Entry(
        target="harness.blocks.penalties:Penalty",
        numbers={"l1": Number(default=0.01)},
        note="l1 * sum |w|",
        source="Tibshirani 1996",
    ),
    "l2": Entry(
        target="harness.blocks.penalties:Penalty",
        numbers={"l2": Number(default=0.01)},
        note="l2 * sum w^2",
        source="Hoerl & Kennard 1970; Krogh & Hertz 1991",
    ),
    "l1l2": Entry(
        target="harness.blocks.penalties:Penalty",
        numbers={"l1": Number(default=0.01), "l2": Number(default=0.01)},
        aliases=("l1_l2", "elastic_net"),
        note="l1 * sum |w| + l2 * sum w^2",
        source="Zou & Hastie 2005",
    ),
    "orthogonal": Entry(
        target="harness.blocks.penalties:Orthogonal",
        numbers={"factor": Number(default=0.01)},
        options={"mode": ("rows", "columns")},
        note="factor * mean |cos| of the angles between rows (inputs) or columns (units)",
        source="Brock et al. 2017",
    ),
}

_EPSILON = Number(default=0.001)
NORMALIZATIONS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no normalization"),
    "batch": Entry(
        target="keras.layers:BatchNormalization",
        numbers={"momentum": Number(default=0.99, high=1.0), "epsilon": _EPSILON},
        aliases=("batch_normalization", "batchnorm", "batchnorm1d", "batchnorm2d", "bn"),
        note="over cases and places; replaces the bias of the layer right before it",
        source="Ioffe & Szegedy 2015",
    ),
    "layer": Entry(
        target="keras.layers:LayerNormalization",
        numbers={"epsilon": _EPSILON},
        aliases=("layer_normalization", "layernorm"),
        note="over units",
        source="Ba et al. 2016",
    ),
    "group": Entry(
        target="keras.layers:GroupNormalization",
        numbers={
            "groups": Number(default=2, low=1, value=False, whole=True),
            "epsilon": _EPSILON,
        },
        aliases=("group_normalization", "groupnorm"),
        note="over places and groups of units, which must divide evenly",
        source="Wu & He 2018",
    ),
    "rms": Entry(
        target="keras.layers:RMSNormalization",
        numbers={"epsilon": Number(default=1e-6)},
        aliases=("rms_normalization", "rmsnorm"),
        note="over units, without a mean",
        source="Zhang & Sennrich 2019",
    ),
}

CONSTRAINTS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no constraint"),
    "max_norm": Entry(
        target="harness.blocks.penalties:max_norm",
        numbers={"max_value": Number(default=2.0)},
        note="norm of the weights into each unit or filter, after every step",
        source="Srebro & Shraibman 2005; Srivastava et al. 2014",
    ),
    "unit_norm": Entry(
        target="harness.blocks.penalties:unit_norm",
        note="a norm of one, after every step",
        source="Salimans & Kingma 2016",
    ),
    "min_max_norm": Entry(
        target="harness.blocks.penalties:min_max_norm",
        numbers={
            "min_value": Number(default=0.0),
            "max_value": Number(default=1.0),
            "rate": Number(default=1.0, high=1.0),
        },
        note="a norm in a range, approached at a rate",
    ),
    "bounded": Entry(
        target="harness.blocks.adversarial:Bounded",
        numbers={"limit": Number(default=1.0)},
        aliases=("weight_clipping",),
        note="no weight below -limit or above limit, after every step",
        source="Arjovsky et al. 2017",
    ),
    "non_neg": Entry(
        target="keras.constraints:NonNeg",
        aliases=("non_negative",),
        note="negative weights become zero, after every step",
        source="Lee & Seung 1999",
    ),
}

DROPOUTS: Mapping[str, Entry] = {
    "standard": Entry(
        target="harness.blocks.noise:Dropout",
        aliases=("dropout",),
        note="every output on its own",
        source="Srivastava et al. 2014",
    ),
    "spatial": Entry(
        target="harness.blocks.noise:SpatialDropout",
        aliases=("spatial_dropout", "spatial_dropout1d", "spatial_dropout2d"),
        note="whole feature maps; of dense layers, units",
        source="Tompson et al. 2015",
    ),
    "alpha": Entry(
        target="harness.blocks.noise:AlphaDropout",
        aliases=("alpha_dropout",),
        note="keeps mean and variance of SELU networks",
        source="Klambauer et al. 2017",
    ),
    "gaussian": Entry(
        target="harness.blocks.noise:GaussianDropout",
        aliases=("gaussian_dropout",),
        note="times normal numbers of variance rate / (1 - rate)",
        source="Srivastava et al. 2014",
    ),
}
