"""The tables of entries, by the word that a study says for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.activations import ACTIVATIONS
from harness.catalog.autoencoding import BOTTLENECKS, CORRUPTIONS
from harness.catalog.initializers import INITIALIZERS
from harness.catalog.objectives import CLASS_WEIGHTS
from harness.catalog.optimizers import CLIPS, OPTIMIZERS, SCHEDULES
from harness.catalog.recurrent import CELLS, POOLINGS
from harness.catalog.regularization import NORMALIZATIONS, REGULARIZERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.catalog.entries import Entry

FAMILIES: Mapping[str, Mapping[str, Entry]] = {
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "regularizer": REGULARIZERS,
    "normalization": NORMALIZATIONS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "clip": CLIPS,
    "class_weight": CLASS_WEIGHTS,
    "cell": CELLS,
    "pooling": POOLINGS,
    "bottleneck": BOTTLENECKS,
    "corruption": CORRUPTIONS,
}

OPEN = frozenset({"activation", "initializer", "regularizer", "optimizer"})
"""Families in which a study may name an object of the user's, as ``module:object``."""
