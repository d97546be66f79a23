"""Scores of anomalies: ROC curves over replicates, and the cases at both ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reports import estimates
from reports.seen.arrays import between, first, found, ordered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.estimates import Band
    from reports.frames import Results

    Array = NDArray[np.float64]

GRID = np.linspace(0, 1, 101)
"""Shares of false alarms at which a curve is read."""

BINS = 40
"""Of a histogram."""

_WIDE = 100.0
"""Ratio of the largest to the smallest score from which on a histogram is logarithmic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Scores of an arm or a reference.

    Args:
        index: of the arm; references are counted behind the arms.
        curve: share of anomalies that is found at ``GRID``, over replicates; quartiles.
        normal: scores of normal cases, of all replicates, each in units of its median score.
        anomalous: scores of anomalies, likewise.
        replicates: how many there are.
    """

    index: int
    curve: Band
    normal: Array
    anomalous: Array
    replicates: int


class Extreme(NamedTuple):
    """The cases at both ends of the scores.

    Args:
        cases: places in the test split, the least anomalous first, then the most anomalous.
        scores: of these.
        anomalous: which of them are anomalies.
        pictures: of these, as pictures or rows.
        least: how many of them are the least anomalous.
    """

    cases: list[int]
    scores: list[float]
    anomalous: list[bool]
    pictures: Array
    least: int


class Histogram(NamedTuple):
    """Shares of cases by score.

    Args:
        edges: of the bins.
        normal: share of the normal cases in each bin.
        anomalous: share of the anomalies.
        logarithmic: whether bins are of equal width on a logarithmic scale.
    """

    edges: Array
    normal: Array
    anomalous: Array
    logarithmic: bool


def scored(results: Results) -> list[Scored]:
    """Scores of all arms and references that have left some; of a single kind of case, none."""
    rows: dict[int, list[tuple[Array, NDArray[np.bool_]]]] = {}
    for index, _, arrays in found(results, "scores", "anomalous"):
        scores = arrays["scores"].astype(np.float64)
        anomalous = np.unpackbits(arrays["anomalous"])[: len(scores)].astype(bool)
        if len(anomalous) == len(scores) and anomalous.any() and not anomalous.all():
            rows.setdefault(index, []).append((scores, anomalous))
    return [
        Scored(
            index=index,
            curve=estimates.band([_curve(*row) for row in kept], -np.inf),
            normal=np.concatenate([scores[~there] for scores, there in kept]),
            anomalous=np.concatenate([scores[there] for scores, there in kept]),
            replicates=len(kept),
        )
        for index, kept in ((index, rows[index]) for index in ordered(results, rows))
    ]


def _curve(scores: Array, anomalous: NDArray[np.bool_]) -> Array:
    """Share of anomalies found at every share of false alarms of ``GRID``; ties are shared out."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    hits = np.concatenate([[0], np.cumsum(anomalous[order])[last]]) / anomalous.sum()
    alarms = np.concatenate([[0], np.cumsum(~anomalous[order])[last]]) / (~anomalous).sum()
    # Where a curve rises straight up, its upper end counts.
    return np.asarray(np.interp(GRID + 1e-8, alarms + 1e-12 * np.arange(len(alarms)), hits))


def histogram(one: Scored) -> Histogram:
    """Shares of normal cases and of anomalies by score; the outermost bins hold what is beyond."""
    both = np.concatenate([one.normal, one.anomalous])
    low, high = np.quantile(both, [0.005, 0.995])
    logarithmic = bool(both.min() > 0 and high > _WIDE * low)
    spaced = np.geomspace if logarithmic else np.linspace
    edges = spaced(low, high if high > low else low + 1, BINS + 1)
    normal, anomalous = (
        np.histogram(np.clip(part, edges[0], edges[-1]), edges)[0] / len(part)
        for part in (one.normal, one.anomalous)
    )
    return Histogram(edges, normal, anomalous, logarithmic)


def extremes(results: Results) -> dict[int, Extreme]:
    """The most and the least anomalous cases, by arm or reference."""
    names = ("extreme", "extreme_cases", "extreme_scores", "extreme_anomalous", "range")
    return {
        index: Extreme(
            cases=arrays["extreme_cases"].tolist(),
            scores=arrays["extreme_scores"].tolist(),
            anomalous=arrays["extreme_anomalous"].tolist(),
            pictures=between(arrays, "extreme"),
            least=len(arrays["extreme_cases"]) // 2,
        )
        for index, arrays in first(results, *names).items()
        if len(arrays["extreme"])
    }
