"""Splits: which cases are held out, stratified by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness import seeds
from harness.spec import training_cases

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEST_SHARE = 0.2
TEST_SEED = 20240229
"""Fixed for ever: the test split of a data set without an official one is never redrawn."""


def quotas(counts: NDArray[np.integer], size: int) -> NDArray[np.integer]:
    """How many of each class a stratified choice of so many cases takes."""
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
    return held_out(labels, max(1, round(len(labels) * TEST_SHARE)), generator)


def draw(
    labels: NDArray[np.generic], validation: float, seed: int, phase: str, replicate: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Train and validation cases of one replicate.

    Args:
        labels: of all cases outside the test split.
        validation: share to validate on.
        seed: the study's.
        phase: of the trial.
        replicate: of the trial.

    Returns:
        Sorted indices of the training and of the validation cases.
    """
    size = len(labels) - training_cases(len(labels), validation)
    mask = held_out(labels, size, seeds.stream(seed, phase, replicate, "split"))
    return np.flatnonzero(~mask).astype(np.int32), np.flatnonzero(mask).astype(np.int32)
