"""Regularizers and normalizations, as literal tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number

if TYPE_CHECKING:
    from collections.abc import Mapping

REGULARIZERS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no penalty"),
    "l1": Entry(
        target="harness.layers:Penalty",
        numbers={"l1": Number(default=0.01)},
        note="l1 * sum |w|",
        source="Tibshirani 1996",
    ),
    "l2": Entry(
        target="harness.layers:Penalty",
        numbers={"l2": Number(default=0.01)},
        note="l2 * sum w^2",
        source="Hoerl & Kennard 1970; Krogh & Hertz 1991",
    ),
    "l1l2": Entry(
        target="harness.layers:Penalty",
        numbers={"l1": Number(default=0.01), "l2": Number(default=0.01)},
        aliases=("l1_l2", "elastic_net"),
        note="l1 * sum |w| + l2 * sum w^2",
        source="Zou & Hastie 2005",
    ),
}

NORMALIZATIONS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no normalization"),
    "batch": Entry(
        target="keras.layers:BatchNormalization",
        aliases=("batch_normalization", "batchnorm"),
        source="Ioffe & Szegedy 2015",
    ),
    "layer": Entry(
        target="keras.layers:LayerNormalization",
        aliases=("layer_normalization", "layernorm"),
        source="Ba et al. 2016",
    ),
}
