"""Methods that train no network, to be measured against, as a literal table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Entry):
    """A method that trains no network.

    Args:
        tasks: kinds of data that it is for.
        ranks: numbers of axes that a case may have; none: any.
    """

    tasks: frozenset[str]
    ranks: tuple[int, ...] = ()


_ANOMALY, _DENOISING = frozenset({"anomaly"}), frozenset({"denoising"})

SPLITTING = ("validation", "cases_per_class", "cases", "label_noise")
"""Settings of a training that a method without one has, too: they are of its data."""

REFERENCES: Mapping[str, Method] = {
    "pca": Method(
        target="harness.references:pca",
        numbers={"components": Number(default=0, value=False, whole=True)},
        tasks=frozenset({"reconstruction"}) | _ANOMALY | _DENOISING,
        aliases=("principal_components",),
        note="principal components of the training cases; 0: as many as the code is wide, once "
        "for every width that is compared; anomalies by their error",
        source="Pearson 1901; Hotelling 1933",
    ),
    "least_squares": Method(
        target="harness.references:least_squares",
        numbers={
            "l2": Number(default=0.0, value=False),
            "dropout": Number(default=0.0, high=0.99, value=False),
            "inputs": Number(default=0, value=False, whole=True),
        },
        tasks=frozenset({"regression"}),
        aliases=("ridge", "linear_regression"),
        note="linear, in closed form: squared errors summed over the training cases, plus l2 * "
        "sum w^2; dropout: of the inputs, in expectation; inputs: how many, drawn per replicate; "
        "0: all; of several solutions the smallest",
        source="Legendre 1805; Hoerl & Kennard 1970; Wager, Wang & Liang 2013",
    ),
    "isolation_forest": Method(
        target="harness.references:isolation_forest",
        numbers={
            "trees": Number(default=100, low=1, value=False, whole=True),
            "samples": Number(default=256, low=2, value=False, whole=True),
        },
        tasks=_ANOMALY,
        note="how few random cuts isolate a case; samples: training cases per tree",
        source="Liu, Ting & Zhou 2008",
    ),
    "one_class_svm": Method(
        target="harness.references:one_class_svm",
        numbers={"nu": Number(default=0.1, low=1e-6, high=1.0, value=False)},
        tasks=_ANOMALY,
        aliases=("ocsvm",),
        note="radial kernel of width 1 / (numbers per case * variance); nu: share of training "
        "cases that may lie outside",
        source="Schoelkopf et al. 2001",
    ),
    "noisy_input": Method(
        target="harness.references:noisy_input",
        tasks=_DENOISING,
        note="nothing is removed",
    ),
    "median_filter": Method(
        target="harness.references:median_filter",
        numbers={"size": Number(default=3, low=2, value=False, whole=True)},
        tasks=_DENOISING,
        ranks=(2, 3),
        note="median over squares of so many pixels a side, edges mirrored",
        source="Tukey 1977",
    ),
}
