"""Tasks: the kinds of data, and what a training does with each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Task that a network is trained for.

    Args:
        loss: training loss, where a study names none.
        fit: the metric that chooses where a study does not say: how well the data is fitted,
            penalties left out.
        decides: the metric that decides between arms where a study does not say.
        otherwise: the metric that does both where the data does not suit those; empty: none.
        evidence: kinds of evidence that test cases give; see ``harness.evaluation``.
        classes: whether every case, or every step, has one class.
        labels: whether it has classes, or several labels.
        reconstructs: whether the inputs are the targets.
        generates: whether outputs are cases of the network's own making, judged all together.
    """

    loss: str
    fit: str
    decides: str
    evidence: frozenset[str]
    otherwise: str = ""
    classes: bool = False
    labels: bool = False
    reconstructs: bool = False
    generates: bool = False


_CLASSES = frozenset({"outputs", "ranks", "probabilities", "log_probabilities"})
_INPUTS = frozenset({"reconstruction"})

TASKS: Mapping[str, Task] = {
    "classification": Task(
        loss="sparse_categorical_crossentropy",
        fit="crossentropy",
        decides="accuracy",
        evidence=_CLASSES,
        classes=True,
        labels=True,
    ),
    "sequence": Task(
        loss="sparse_categorical_crossentropy",
        fit="crossentropy",
        decides="crossentropy",
        evidence=_CLASSES,
        classes=True,
        labels=True,
    ),
    "multilabel": Task(
        loss="binary_crossentropy",
        fit="crossentropy",
        decides="average_precision",
        evidence=_CLASSES,
        labels=True,
    ),
    "regression": Task(
        loss="mean_squared_error",
        fit="mean_squared_error",
        decides="mean_squared_error",
        evidence=frozenset({"numbers"}),
    ),
    "reconstruction": Task(
        loss="mean_squared_error",
        fit="mean_squared_error",
        decides="mean_squared_error",
        evidence=_INPUTS | {"codes", "probe"},
        reconstructs=True,
    ),
    "anomaly": Task(
        loss="mean_squared_error",
        fit="mean_squared_error",
        decides="auroc",
        evidence=_INPUTS | {"scores"},
        reconstructs=True,
    ),
    "denoising": Task(
        loss="mean_squared_error",
        fit="mean_squared_error",
        decides="psnr",
        evidence=_INPUTS | {"images"},
        reconstructs=True,
    ),
    "generation": Task(
        loss="players",
        fit="mode_total_variation",
        decides="mode_total_variation",
        otherwise="collapse",
        evidence=frozenset({"modes", "samples", "features", "copies", "told"}),
        reconstructs=True,
        generates=True,
    ),
}
