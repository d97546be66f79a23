"""Splits: which cases are held out, by class, by group or by time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness import seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEST_SHARE = 0.2
TEST_SEED = 20240229
"""Seed of the test splits, fixed for ever: without an official split none is ever redrawn."""


def quotas(counts: NDArray[np.integer], size: int) -> NDArray[np.integer]:
    """Number of cases of each class in a stratified choice of ``size`` cases."""
    exact = counts * (size / counts.sum())
    quota: NDArray[np.integer] = np.floor(exact).astype(int)
    remainders = np.argsort(-(exact - quota), kind="stable")
    quota[remainders[: size - quota.sum()]] += 1
    return quota


def held_out(
    labels: NDArray[np.generic], size: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose cases, from every class in proportion.

    Classes are ordered by their labels; what rounding leaves over goes to the classes with
    the largest remainders, so that exactly ``size`` cases are chosen.

    Args:
        labels: class of each case; numbers of a regression count as one class.
        size: how many to choose.
        generator: of the draw.

    Returns:
        A mask of the chosen cases.
    """
    stratified = labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer)
    classes = labels if stratified else np.zeros(len(labels), dtype=int)
    names, counts = np.unique(classes, return_counts=True)
    quota = quotas(counts, size)
    chosen = np.zeros(len(labels), dtype=bool)
    for name, share in zip(names, quota, strict=True):
        (cases,) = np.nonzero(classes == name)
        chosen[cases[seeds.permutation(generator, len(cases))[:share]]] = True
    return chosen


def test_mask(labels: NDArray[np.generic]) -> NDArray[np.bool_]:
    """The fixed test split of a data set that has no official one."""
    generator = seeds.stream(TEST_SEED, "data", 0, "test")
    return held_out(labels, _tests(len(labels)), generator)


def last_mask(cases: int) -> NDArray[np.bool_]:
    """Mask of the test cases where cases are in order of time: the last ones."""
    return np.arange(cases) >= cases - _tests(cases)


def group_mask(groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask of the test cases where cases are in groups, none of which is split."""
    generator = seeds.stream(TEST_SEED, "data", 0, "test")
    return _whole_groups(groups, _tests(len(groups)), generator)


def _tests(cases: int) -> int:
    return max(1, round(cases * TEST_SHARE))


def _whole_groups(
    groups: NDArray[np.int64], size: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose groups at random until they have so many cases."""
    counts = np.bincount(groups)
    names = np.flatnonzero(counts)
    order = names[seeds.permutation(generator, len(names))]
    enough = int(np.searchsorted(np.cumsum(counts[order]), size)) + 1
    return np.isin(groups, order[:enough])


def draw(
    labels: NDArray[np.generic],
    sizes: tuple[int, int],
    replicate: tuple[int, str, int],
    *,
    groups: NDArray[np.int64] | None = None,
    last: bool = False,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Train and validation cases of one replicate.

    Args:
        labels: of all cases outside the test split.
        sizes: numbers of training and of validation cases; where groups stay whole, some are
            neither.
        replicate: study seed, phase and replicate of the trial.
        groups: of these cases; none is in both parts.
        last: whether the last cases validate, in every replicate.

    Returns:
        Sorted indices of the training and of the validation cases.
    """
    train, validation = sizes
    stream = seeds.stream(*replicate, "split")
    if last:
        mask = np.arange(len(labels)) >= len(labels) - validation
    elif groups is not None:
        mask = _whole_groups(groups, validation, stream)
    else:
        mask = held_out(labels, validation, stream)
    return _some(~mask, train, stream), _some(mask, validation, stream)


def few(
    labels: NDArray[np.generic],
    train: NDArray[np.int32],
    per_class: int,
    replicate: tuple[int, str, int],
) -> NDArray[np.int32]:
    """Some of the training cases of one replicate, as many of each class.

    They are the first ones of an order of every class that the replicate alone decides: a
    smaller choice is a part of a larger one.

    Args:
        labels: class of each case outside the test split.
        train: the training cases.
        per_class: how many of each class; no more than it has.
        replicate: study seed, phase and replicate of the trial.

    Returns:
        Sorted indices, shape ``(per_class * classes,)``.

    Reference:
        Yosinski et al., "How Transferable Are Features in Deep Neural Networks?", 2014, varies
        the target's cases; nested choices leave the same luck in all of them.
    """
    chosen = []
    for name in np.unique(labels[train]):
        cases = train[labels[train] == name]
        order = seeds.permutation(seeds.stream(*replicate, "few", int(name)), len(cases))
        chosen.append(cases[order[:per_class]])
    return np.sort(np.concatenate(chosen))


def some(
    train: NDArray[np.int32], count: int, replicate: tuple[int, str, int]
) -> NDArray[np.int32]:
    """Some of the training cases of one replicate, whatever their class.

    They are the first ones of an order that the replicate alone decides: a smaller choice is a
    part of a larger one.

    Args:
        train: the training cases.
        count: how many; no more than there are.
        replicate: study seed, phase and replicate of the trial.

    Returns:
        Sorted indices, shape ``(count,)``.

    Example:
        >>> small, large = (some(np.arange(9), count, (1, "confirm", 0)) for count in (3, 5))
        >>> set(small.tolist()) < set(large.tolist())
        True
    """
    order = seeds.permutation(seeds.stream(*replicate, "some"), len(train))
    return np.sort(train[order[:count]])


def _some(mask: NDArray[np.bool_], size: int, generator: np.random.Generator) -> NDArray[np.int32]:
    """Random choice of ``size`` of these cases, sorted."""
    cases = np.flatnonzero(mask).astype(np.int32)
    if len(cases) == size:
        return cases
    return np.sort(cases[seeds.permutation(generator, len(cases))[:size]])
