"""Metrics of generated cases: of modes where these are known, of features everywhere.

Numbers of modes hold for one threshold only, which is part of their names. Distances between
features are comparable for equal numbers of cases and one feature network only; what the data
itself gives at that number stands beside them (``floor``).
"""

from __future__ import annotations

from math import erf, exp, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from harness.datasets.synthetic import Mixture

    Samples = NDArray[np.floating]
    Numbers = NDArray[np.float64]

WITHIN = 3.0
"""Deviations from its centre within which a sample belongs to a mode."""

PERCENT = 0.01
"""Least share of all samples that ``modes_with_1_percent`` counts a mode with, and the share of
real cases that ``near_duplicates`` takes for as near as a copy."""

NEIGHBOURS = 5
"""Neighbours that a ball around a real case reaches to, as in Naeem et al. 2020."""

ROWS = 1024
"""Cases whose distances to all others are in memory at a time."""


def shares(mixture: Mixture, samples: Samples) -> Numbers:
    """Share of all samples that belong to each mode; what belongs to none is missing.

    A sample belongs to the mode whose centre is nearest, if it is fewer than 3 deviations
    (``WITHIN``) from it.

    Args:
        mixture: centres of the modes and their spread.
        samples: shape ``(samples, dimensions)``.

    Returns:
        Shape ``(modes,)``, with a sum of at most 1.
    """
    modes, found = len(mixture.centres), np.asarray(samples, np.float64)
    # One dimension after another: NumPy takes four times as long to sum over a short last axis.
    squares = np.zeros((len(found), modes))
    for places, centres in zip(found.T, mixture.centres.T, strict=True):
        squares += np.square(np.subtract.outer(places, centres))
    nearest = squares.argmin(axis=1)
    # A number that is not finite is near to nothing.
    within = squares.min(axis=1) < (WITHIN * mixture.spread) ** 2
    return np.bincount(nearest[within], minlength=modes) / len(found)


def mode_total_variation(mixture: Mixture, samples: Samples) -> float:
    r"""Total variation :math:`\frac12 (\sum_k |p_k - 1/K| + p_0)` from modes of equal weight.

    :math:`p_k` is the share of mode k, :math:`p_0` that of samples of no mode. It is
    :math:`1 - 1/K` for samples of one mode, 1 for samples of none, and for the data itself what
    ``mode_total_variation_floor`` says.

    Args:
        mixture: centres of the modes and their spread.
        samples: shape ``(samples, dimensions)``.
    """
    found = shares(mixture, samples)
    return float(np.abs(found - 1 / len(found)).sum() + (1 - found.sum())) / 2


def mode_total_variation_floor(modes: int, samples: int) -> float:
    """Expected total variation of so many samples of the data itself, in two dimensions.

    1.1 % of them are beyond 3 deviations, and no mode has its exact share; that share is taken as
    normally distributed.

    Args:
        modes: number of modes.
        samples: number of samples.

    Example:
        >>> round(mode_total_variation_floor(8, 2500), 4)
        0.027
    """
    beyond = exp(-(WITHIN**2) / 2)
    share = (1 - beyond) / modes
    spread, shift = sqrt(share * (1 - share) / samples), beyond / modes
    folded = spread * sqrt(2 / pi) * exp(-((shift / spread) ** 2) / 2)
    folded += shift * erf(shift / spread / sqrt(2))
    return (modes * folded + beyond) / 2


def modes_with_one_sample(mixture: Mixture, samples: Samples) -> float:
    """Number of modes that at least one sample belongs to.

    Reference:
        Srivastava et al., "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
        Learning", 2017, who draw 2,500 samples.
    """
    return float((shares(mixture, samples) > 0).sum())


def modes_with_1_percent(mixture: Mixture, samples: Samples) -> float:
    """Number of modes that at least 1 % of all samples belong to.

    Of K modes of the data itself each has 98.9 / K %, so that it tells little for 50 modes or more.
    """
    return float((shares(mixture, samples) >= PERCENT).sum())


def high_quality(mixture: Mixture, samples: Samples) -> float:
    r"""Share of samples within 3 deviations of a mode.

    In two dimensions it is :math:`1 - e^{-9/2}`, or 98.9 %, for the data itself: not 100 %.

    Reference:
        Srivastava et al., "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
        Learning", 2017; by Mahalanobis distance, as Lin et al., "PacGAN", 2018.
    """
    return float(shares(mixture, samples).sum())


def frechet_distance(real: Samples, generated: Samples) -> float:
    r"""Fréchet distance of two normal distributions with the features' means and covariances.

    :math:`\|\mu_1 - \mu_2\|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^{1/2})`. For N cases each of one
    d-dimensional normal distribution of covariance 1 it is about
    :math:`d^2 / (2 N) + 2 d / N`, not 0.

    Args:
        real: features of real cases, shape ``(cases, features)``.
        generated: features of generated cases.

    Raises:
        ValueError: for fewer cases than features plus one, whose covariance is singular.

    Reference:
        Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
        Equilibrium", 2017.
    """
    (mean, spread), (other_mean, other_spread) = map(_moments, (real, generated))
    root = _root(spread)
    # The symmetrised product has the eigenvalues of S1 S2, and they are real.
    shared = np.linalg.eigvalsh(root @ other_spread @ root)
    overlap = np.sqrt(np.maximum(shared, 0)).sum()
    distance = np.square(mean - other_mean).sum() + np.trace(spread) + np.trace(other_spread)
    return float(distance - 2 * overlap)


def _moments(features: Samples) -> tuple[Numbers, Numbers]:
    found = np.asarray(features, np.float64)
    cases, width = found.shape
    if cases < width + 1:
        raise ValueError(
            f"expected at least {width + 1} cases for {width} features, or their covariance is "
            f"singular. Received: {cases}. Take more cases, or fewer features."
        )
    return found.mean(axis=0), np.atleast_2d(np.cov(found, rowvar=False))


def _root(matrix: Numbers) -> Numbers:
    """The symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(matrix)
    root: Numbers = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def kernel_distance(real: Samples, generated: Samples) -> float:
    r"""Unbiased estimate of the squared MMD with the kernel :math:`(x \cdot y / d + 1)^3` (KID).

    Where nothing differs its mean is 0, and half of the estimates are negative: they are not cut
    off, and have neither logarithm nor ratio.

    Args:
        real: features of real cases, shape ``(cases, features)``; at least two cases.
        generated: features of generated cases; at least two.

    Reference:
        Binkowski et al., "Demystifying MMD GANs", 2018; Gretton et al., "A Kernel Two-Sample
        Test", 2012, equation 3.
    """
    x, y = (np.asarray(one, np.float64) for one in (real, generated))
    within = sum(
        _kernel_sum(one, one, itself=False) / (len(one) * (len(one) - 1)) for one in (x, y)
    )
    return within - 2 * _kernel_sum(x, y) / (len(x) * len(y))


def _kernel_sum(x: Numbers, y: Numbers, *, itself: bool = True) -> float:
    """The kernel summed over all pairs, perhaps without those of a case with itself."""
    width = x.shape[1]
    total = sum(_cubes(rows @ y.T / width + 1) for rows in _blocks(x))
    return total if itself else total - _cubes(np.square(x).sum(axis=1) / width + 1)


def _cubes(numbers: Numbers) -> float:
    """Sum of the third powers, of which NumPy's own takes many times as long."""
    return float((numbers * numbers * numbers).sum())


def classifier_frechet_distance(
    train: Samples,  # noqa: ARG001, all three have one kind of evidence
    real: Samples,
    generated: Samples,
) -> float:
    """Fréchet distance of a classifier's features; see ``frechet_distance``.

    Args:
        train: features of training cases; not used.
        real: features of test cases, shape ``(cases, features)``.
        generated: features of as many generated cases.
    """
    return frechet_distance(real, generated)


def classifier_kernel_distance(
    train: Samples,  # noqa: ARG001
    real: Samples,
    generated: Samples,
) -> float:
    """Kernel distance of a classifier's features; see ``kernel_distance``.

    Args:
        train: features of training cases; not used.
        real: features of test cases, shape ``(cases, features)``.
        generated: features of as many generated cases.
    """
    return kernel_distance(real, generated)


def classifier_frechet_floor(
    train: Samples,
    real: Samples,
    generated: Samples,
) -> float:
    """Fréchet distance of real cases to other real cases, as many as were generated.

    Args:
        train: features of training cases, shape ``(cases, features)``; where there are fewer of
            them, the floor is higher than it would be for as many.
        real: features of test cases.
        generated: features of generated cases, which are counted.
    """
    return frechet_distance(real, train[: len(generated)])


def classifier_kernel_floor(
    train: Samples,
    real: Samples,
    generated: Samples,
) -> float:
    """Kernel distance of real cases to other real cases; see ``classifier_frechet_floor``."""
    return kernel_distance(real, train[: len(generated)])


def critic_accuracy(real: Samples, generated: Samples) -> float:
    """Share of cases that a critic tells correctly, real and generated ones counting alike.

    One half where it cannot tell, or takes all for the same.

    Args:
        real: of real cases, whether it takes them for real.
        generated: of generated cases, likewise.

    Example:
        >>> import numpy as np
        >>> critic_accuracy(np.array([True, True]), np.array([True, False]))
        0.75
    """
    return float(real.mean() + (1 - generated.mean())) / 2


def near_duplicates(train: Samples, held: Samples, generated: Samples) -> float:
    """Share of generated cases that are as near to a training case as a copy.

    That is nearer than 99 % of real cases are that were not trained on, so that for the data
    itself it is 1 %.

    Args:
        train: features of the training cases, or the cases themselves, ``(cases, features)``.
        held: of other real cases.
        generated: of generated cases.
    """
    own, found = (_neighbour(train, one, 1) for one in (held, generated))
    return float(np.mean(found < np.quantile(own, PERCENT)))


def collapse(real: Samples, generated: Samples) -> float:
    """Share of real cases around which nothing is generated.

    Around a real case means no farther from it than the fifth nearest of the other real cases. It
    is 1 for samples far from all real cases, nearly 1 for one real case repeated, and for the data
    itself what ``collapse_floor`` says, 3.1 % for equal numbers of cases.

    Args:
        real: features of real cases, shape ``(cases, features)``; more than five cases.
        generated: features of generated cases.

    Reference:
        Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", 2020, whose
        coverage is 1 - collapse.
    """
    # The nearest real case to a real case is that case itself.
    reach = _neighbour(real, real, NEIGHBOURS + 1)
    return float(np.mean(_neighbour(generated, real, 1) > reach))


def collapse_floor(real: int, generated: int) -> float:
    """Expected collapse of so many cases of the data itself, whatever its distribution.

    Args:
        real: number of real cases.
        generated: number of generated cases.

    Example:
        >>> round(collapse_floor(2000, 2000), 4)
        0.0311
    """
    others = real - 1
    return float(
        np.prod([(others - place) / (others + generated - place) for place in range(NEIGHBOURS)])
    )


def floor(
    measure: Callable[[Samples, Samples], float],
    real: Samples,
    cases: int,
    generator: np.random.Generator,
) -> float:
    """A distance between real cases and other real cases: what a perfect generator would get.

    Args:
        measure: such as ``frechet_distance``.
        real: features of real cases, at least twice as many as are compared.
        cases: number on either side, the same as where generated cases are measured.
        generator: draws the two disjoint parts.

    Raises:
        ValueError: if there are not enough real cases.
    """
    if len(real) < 2 * cases:
        raise ValueError(
            f"expected {2 * cases} real cases for two parts of {cases}. Received: {len(real)}. "
            "Measure on fewer cases, generated ones likewise."
        )
    order = np.argsort(generator.random(len(real)), kind="stable")
    return measure(real[order[:cases]], real[order[cases : 2 * cases]])


def _neighbour(among: Samples, cases: Samples, rank: int) -> Numbers:
    """Squared distance of every case to its nearest neighbour of a rank, 1 for the nearest."""
    others = np.asarray(among, np.float64)
    norms = np.square(others).sum(axis=1)
    found = []
    for rows in _blocks(np.asarray(cases, np.float64)):
        squares = np.square(rows).sum(axis=1)[:, None] + norms - 2 * rows @ others.T
        found.append(np.partition(np.maximum(squares, 0), rank - 1, axis=1)[:, rank - 1])
    return np.concatenate(found)


def _blocks(cases: Numbers) -> Iterator[Numbers]:
    for start in range(0, len(cases), ROWS):
        yield cases[start : start + ROWS]
