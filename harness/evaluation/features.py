"""Measures of the features of a layer: what can be read off them, and how many they are.

Features are an array of shape ``(cases, width)``. What cannot be measured is ``None``, never zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.floating]
    Labels = NDArray[np.integer]

NEIGHBOURS = 10
"""Nearest cases whose class is compared with a case's own."""

RIDGES = tuple(10.0**power for power in range(-6, 1))
"""Penalties that a linear probe chooses from, relative to the sum of squares of the features: the
same for all layers, whatever their scale."""

CONTROLS = 20
"""Permutations of the labels: where cases of a class lie close together, all of them get the same
class by luck, and a single permutation says little."""

LEAST = 20
"""Cases in each half below which a linear probe says nothing."""

WHOLE = 2048
"""Cases that are compared at most; distances take memory by their square."""


FLAT = 1e-7
"""Spread, relative to the size of features, below which they do not vary: about what is lost when
the mean of single-precision numbers is taken."""


class Probe(NamedTuple):
    """A linear probe, judged on cases that it was not fitted to.

    Args:
        accuracy: share of right classes.
        chance: the mean of the same of probes of that penalty fitted to permuted labels.
    """

    accuracy: float
    chance: float


class Purity(NamedTuple):
    """Nearest neighbours of the same class.

    Args:
        share: of all pairs of a case and a near one.
        chance: the same of pairs drawn at random.
    """

    share: float
    chance: float


def effective_rank(features: Array) -> float | None:
    """Number of directions that features spread over: ``exp(H(l / sum(l)))``.

    ``l`` are the eigenvalues of the covariance, ``H`` is the entropy. An offset and a scale change
    nothing. Few cases bound it: see ``permuted``.

    Args:
        features: shape ``(cases, width)``.

    Returns:
        From 1 to ``width``; ``None`` where features are constant, or of fewer than two cases.

    Example:
        >>> effective_rank(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        2.0

    Reference:
        Roy & Vetterli, "The effective rank: a measure of effective dimensionality", 2007, who take
        singular values; eigenvalues are their squares.
    """
    moved = centred(features)
    if moved is None:
        return None
    narrow = moved if moved.shape[1] <= len(moved) else moved.T
    shares = np.clip(np.linalg.eigvalsh(narrow.T @ narrow), 0, None)
    shares = shares[shares > 0] / shares.sum()
    return float(round(np.exp(-np.sum(shares * np.log(shares))), 12))


def permuted(features: Array, rng: np.random.Generator) -> Array:
    """Features whose columns are permuted, each by itself: as spread, and without a relation.

    Their effective rank is the largest that so many cases can show.
    """
    return rng.permuted(features, axis=0)


def purity(features: Array, labels: Labels) -> Purity | None:
    """Share of the ``NEIGHBOURS`` nearest cases (Euclidean) that are of a case's own class.

    Args:
        features: shape ``(cases, width)``; the first ``WHOLE`` are compared.
        labels: shape ``(cases,)``.

    Returns:
        ``None`` where features are constant, of one class, or of too few cases.

    Example:
        >>> two = np.repeat([[0.0], [1.0]], 12, axis=0)
        >>> purity(two + np.linspace(0, 0.1, 24)[:, None], np.repeat([0, 1], 12)).share
        1.0
    """
    features, labels = features[:WHOLE], labels[:WHOLE]
    moved, counts = centred(features), np.unique(labels, return_counts=True)[1]
    if moved is None or len(counts) < 2 or len(labels) <= NEIGHBOURS + 1:
        return None
    squares = np.sum(moved**2, axis=1)
    distances = squares[:, None] + squares - 2 * moved @ moved.T
    np.fill_diagonal(distances, np.inf)
    near = np.argpartition(distances, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    pairs = len(labels) * (len(labels) - 1)
    chance = float(np.sum(counts * (counts - 1)) / pairs)
    return Purity(float(np.mean(labels[near] == labels[:, None])), chance)


def probe(
    features: Array,
    labels: Labels,
    rng: np.random.Generator,
    ridges: Sequence[float] = RIDGES,
) -> Probe | None:
    """Accuracy of a ridge classifier that is given the features of a layer.

    It is fitted to every other case and judged on the rest; the penalty is the one with the least
    squared error in leave-one-out cross-validation of the cases that it is fitted to, in closed
    form. Least squares to +1 for a case's class and -1 for the others.

    Args:
        features: shape ``(cases, width)``; of any width, which costs little.
        labels: shape ``(cases,)``.
        rng: permutes the labels of the control.
        ridges: penalties, relative to the sum of squares of the centred features.

    Returns:
        ``None`` where features are constant, of one class, or of too few cases.

    Reference:
        Alain & Bengio, "Understanding intermediate layers using linear classifier probes", 2017;
        Hewitt & Liang, "Designing and Interpreting Probes with Control Tasks", 2019.
    """
    fitted, held = features[::2], features[1::2]
    known, unknown = labels[::2], labels[1::2]
    moved, classes = centred(fitted), np.unique(known)
    if moved is None or len(classes) < 2 or len(held) < LEAST:
        return None
    left, values, right = np.linalg.svd(moved, full_matrices=False)
    seen = (held - fitted.mean(axis=0, dtype=np.float64)) @ right.T
    penalties = [ridge * float(np.sum(moved**2)) for ridge in ridges]

    def fit(given: Labels, penalty: float) -> float:
        """Accuracy on the held cases, after fitting to the given labels of the others."""
        targets = 2.0 * (given[:, None] == classes) - 1
        mean = targets.mean(axis=0)
        weights = (values / (values**2 + penalty))[:, None] * (left.T @ (targets - mean))
        return float(np.mean(classes[np.argmax(seen @ weights + mean, axis=1)] == unknown))

    errors = [_left_out(left, values, known[:, None] == classes, one) for one in penalties]
    best = penalties[int(np.argmin(errors))]
    controls = [fit(rng.permutation(known), best) for _ in range(CONTROLS)]
    return Probe(fit(known, best), float(np.mean(controls)))


def _left_out(left: Array, values: Array, truth: NDArray[np.bool_], penalty: float) -> float:
    """Mean squared error of every case by the ridge regression that is fitted to all others."""
    targets = 2.0 * truth - 1
    kept = values**2 / (values**2 + penalty)
    mean = targets.mean(axis=0)
    errors = targets - mean - left @ (kept[:, None] * (left.T @ (targets - mean)))
    pull = 1 / len(left) + np.sum(left**2 * kept, axis=1)
    return float(np.mean((errors / np.maximum(1 - pull, 1e-12)[:, None]) ** 2))


def centred(features: Array) -> Array | None:
    """Features without their mean, as exact numbers; ``None`` where they do not vary."""
    if len(features) < 2:
        return None
    exact = np.asarray(features, np.float64)
    moved = exact - exact.mean(axis=0)
    spread = np.sqrt(np.mean(moved**2))
    # Rounding leaves something of what is constant.
    if not np.isfinite(spread) or spread <= FLAT * np.sqrt(np.mean(exact**2)):
        return None
    return np.asarray(moved)
