"""Predicted numbers beside the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports.seen.arrays import found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.frames import Results

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Predictions of one arm for the same test cases in every replicate.

    Args:
        arm: its index.
        cases: places in the test split.
        true: shape ``(cases,)``, in the unit of the target.
        predicted: shape ``(replicates, cases)``.
    """

    arm: int
    cases: NDArray[np.int64]
    true: Array
    predicted: Array

    @property
    def mean(self) -> Array:
        """Mean prediction over replicates."""
        return np.asarray(self.predicted.mean(axis=0))


def fitted(results: Results) -> list[Fitted]:
    """Predictions of all arms that have left some; none of data with classes."""
    if results.card.task != "regression":
        return []
    rows: dict[int, list[tuple[Array, Array, int]]] = {}
    for arm, _, arrays in found(results, "true", "predicted", "stride"):
        true, predicted = (arrays[name].astype(np.float64) for name in ("true", "predicted"))
        if true.shape == predicted.shape and np.isfinite(predicted).all():
            rows.setdefault(arm, []).append((true, predicted, int(arrays["stride"])))
    return [
        Fitted(
            arm=arm,
            cases=np.arange(len(kept[0][0])) * kept[0][2],
            true=kept[0][0],
            predicted=np.stack([one for true, one, _ in kept if len(true) == len(kept[0][0])]),
        )
        for arm, kept in rows.items()
    ]
