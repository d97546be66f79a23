"""The tables of entries, by the word that a study says for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.activations import ACTIVATIONS
from harness.catalog.adversarial import (
    ADVERSARIAL_LOSSES,
    CRITIC_NORMALIZATIONS,
    CRITIC_PENALTIES,
)
from harness.catalog.autoencoding import BOTTLENECKS, CORRUPTIONS
from harness.catalog.initializers import INITIALIZERS
from harness.catalog.objectives import CLASS_WEIGHTS
from harness.catalog.optimizers import CLIPS, OPTIMIZERS, SCHEDULES
from harness.catalog.recurrent import CELLS, GATE_BIASES, POOLINGS
from harness.catalog.references import REFERENCES
from harness.catalog.regularization import CONSTRAINTS, DROPOUTS, NORMALIZATIONS, REGULARIZERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.catalog.entries import Entry

FAMILIES: Mapping[str, Mapping[str, Entry]] = {
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "regularizer": REGULARIZERS,
    "constraint": CONSTRAINTS,
    "normalization": NORMALIZATIONS,
    "dropout_kind": DROPOUTS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "clip": CLIPS,
    "class_weight": CLASS_WEIGHTS,
    "cell": CELLS,
    "gate_bias": GATE_BIASES,
    "pooling": POOLINGS,
    "bottleneck": BOTTLENECKS,
    "corruption": CORRUPTIONS,
    "adversarial_loss": ADVERSARIAL_LOSSES,
    "penalty": CRITIC_PENALTIES,
    "critic_normalization": CRITIC_NORMALIZATIONS,
    "reference": REFERENCES,
}

OPEN: Mapping[str, int] = {"activation": 1, "initializer": 2, "regularizer": 1, "optimizer": 0}
"""Families in which a study may name a function or class of the user's, as ``module:object``.

The number is how many positional arguments a function is called with: the inputs; shape and type;
the weight; none.
"""
