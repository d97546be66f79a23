"""Classes: what each was taken for, where arms differ, and the cases that most get wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from reports import verdicts
from reports.frames import Grid
from reports.seen.arrays import between, found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.seen.arrays import Arrays
    from reports.verdicts import Comparison, Judged, Word

    Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)  # without slots, which leave no room for what is cached
class Classes:
    """Shares of the test cases of every class.

    Args:
        names: of all classes.
        totals: test cases of each class, shape ``(classes,)``; some classes may have none.
        right: share of a class that is told, shape ``(arms, replicates, classes)``; NaN where a
            training has left nothing, or a class has no test case.
        taken: share of a class (rows) that is taken for another, mean over replicates, shape
            ``(arms, classes, classes)``; NaN likewise.
        partly: whether only the most frequent confusions of each training were kept.
    """

    names: tuple[str, ...]
    totals: NDArray[np.int64]
    right: Array
    taken: Array
    partly: bool

    @property
    def present(self) -> list[int]:
        """Classes that have a test case."""
        return [int(one) for one in np.flatnonzero(self.totals)]

    @property
    def absent(self) -> list[str]:
        """Names of the classes without one."""
        return [self.names[int(one)] for one in np.flatnonzero(self.totals == 0)]

    @cached_property
    def accuracy(self) -> Array:
        """Mean over replicates of the share that is told, shape ``(arms, classes)``."""
        return _mean(self.right, axis=1)

    def confused(self, most: int) -> list[int]:
        """The classes with the most errors, counted on both sides, in their order.

        Args:
            most: how many.
        """
        present = self.present
        wrong = np.nan_to_num(_mean(self.taken, axis=0)).copy()
        np.fill_diagonal(wrong, 0)
        both = (wrong.sum(axis=0) + wrong.sum(axis=1))[present]
        order = np.argsort(-both, kind="stable")[:most]
        return sorted(present[place] for place in order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An arm against the baseline on one class.

    Args:
        number: of the class.
        comparison: of the shares that are told, replicate by replicate.
        word: the verdict.
    """

    number: int
    comparison: Comparison
    word: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Hard:
    """A test case that most replicates of most arms get wrong.

    Args:
        case: its place in the test split.
        true: its class.
        taken: the class that it is most often taken for.
        share: of all trainings, those that get it wrong.
        arms: arms of which more than half of the replicates get it wrong.
        picture: of the case, between 0 and 1; ``None`` where none was kept.
    """

    case: int
    true: int
    taken: int
    share: float
    arms: int
    picture: Array | None


def classes(results: Results) -> Classes | None:
    """Shares by class of all arms; ``None`` where nothing was kept."""
    count, arms = results.card.outputs, len(results.arms)
    rows = [(arm, replicate, _counts(arrays, count)) for arm, replicate, arrays in found(results)]
    known = [(arm, replicate, counts) for arm, replicate, counts in rows if counts is not None]
    if not known:
        return None
    totals = known[0][2].totals
    replicates = 1 + max(replicate for _, replicate, _ in known)
    right = np.full((arms, replicates, count), np.nan)
    taken, number = np.zeros((arms, count, count), np.float32), np.zeros(arms)
    each = np.where(totals > 0, totals, np.nan)
    for arm, replicate, counts in known:
        right[arm, replicate] = counts.right / each
        taken[arm] += counts.matrix
        number[arm] += 1
    with np.errstate(invalid="ignore"):
        shares = taken / number[:, None, None] / each[:, None]
    return Classes(
        names=tuple(results.card.class_name(one) for one in range(count)),
        totals=totals,
        right=right,
        taken=shares,
        partly=any(counts.partly for *_, counts in known),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    totals: NDArray[np.int64]
    right: NDArray[np.int64]
    matrix: NDArray[Any]
    partly: bool


def _counts(arrays: Arrays, count: int) -> _Counts | None:
    """Counts of one training; ``None`` if they do not fit the data."""
    if "confusion" in arrays:
        matrix = arrays["confusion"].astype(np.int64)
        if matrix.shape != (count, count):
            return None
        return _Counts(
            totals=matrix.sum(axis=1), right=np.diag(matrix), matrix=matrix, partly=False
        )
    if not {"totals", "right", "pairs"} <= {*arrays} or len(arrays["totals"]) != count:
        return None
    totals, right = arrays["totals"].astype(np.int64), arrays["right"].astype(np.int64)
    matrix = np.zeros((count, count), np.float32)
    true, taken, times = arrays["pairs"].astype(np.int64).T
    matrix[true, taken] = times
    np.fill_diagonal(matrix, right)
    partly = bool(matrix.sum() < totals.sum())
    return _Counts(totals=totals, right=right, matrix=matrix, partly=partly)


def differences(results: Results, judged: Judged) -> list[Difference]:
    """Every arm against the baseline on every class that has a test case.

    By the rule of the study, on shares of the class, without a margin, at a level shared by all of
    these comparisons. Nothing is decided while trials are missing.
    """
    shares = classes(results)
    if shares is None:
        return []
    others = [verdict.arm for verdict in judged.verdicts]
    family = max(1, len(others) * len(shares.present))
    rule = replace(judged.rule, maximize=True, scale="identity", family=family, margin=None)
    replicates = shares.right.shape[1]
    diverged = np.zeros(shares.right.shape[:2], dtype=bool)
    known = judged.grid.diverged[:, :replicates]
    diverged[:, : known.shape[1]] = known
    rows = []
    for one in shares.present:
        scores = verdicts.scored(Grid(cells=shares.right[..., one], diverged=diverged), rule)
        for arm in others:
            found = verdicts.compare(arm, scores[arm], scores[judged.baseline], rule)
            word: Word = "no verdict" if judged.missing else verdicts.decide(found, rule)
            rows.append(Difference(number=one, comparison=found, word=word))
    return rows


def hardest(results: Results) -> list[Hard]:
    """The test cases that more than half of the replicates of more than half of the arms get wrong.

    Those that the most arms and trainings get wrong stand first. Where there are many test cases,
    only some are looked at; see ``stride``.
    """
    rows = [
        (arm, arrays)
        for arm, _, arrays in found(results, "true", "predicted", "stride")
        if arrays["predicted"].dtype.kind == "u"
    ]
    rows = [row for row in rows if np.array_equal(row[1]["true"], rows[0][1]["true"])]
    if not rows:
        return []
    true, step = rows[0][1]["true"].astype(np.int64), int(rows[0][1]["stride"])
    chosen = np.stack([arrays["predicted"] for _, arrays in rows]).astype(np.int64)
    of_arm = np.array([arm for arm, _ in rows])
    wrong = chosen != true
    known = np.unique(of_arm)
    missed = sum((wrong[of_arm == arm].mean(axis=0) > 0.5).astype(int) for arm in known)
    share = wrong.mean(axis=0)
    order = np.lexsort((np.arange(len(true)), -share, -np.asarray(missed)))
    pictures = _pictures(results)
    return [
        Hard(
            case=int(place) * step,
            true=int(true[place]),
            taken=_most_frequent(chosen[wrong[:, place], place]),
            share=float(share[place]),
            arms=int(np.asarray(missed)[place]),
            picture=pictures.get(int(place) * step),
        )
        for place in order
        if np.asarray(missed)[place] > len(known) / 2
    ]


def stride(results: Results) -> int:
    """Step from one test case that is looked at to the next; 1 if all of them are."""
    for *_, arrays in found(results, "true", "predicted", "stride"):
        return int(arrays["stride"])
    return 1


def _pictures(results: Results) -> dict[int, Array]:
    """Pictures of wrong cases that any training has kept, by case, each between 0 and 1."""
    kept: dict[int, Array] = {}
    for *_, arrays in found(results, "wrong", "wrong_cases", "range"):
        if arrays["wrong"].ndim < 3:
            continue
        for case, picture in zip(
            arrays["wrong_cases"].tolist(), between(arrays, "wrong"), strict=True
        ):
            low, high = arrays["range"].astype(np.float64)
            kept.setdefault(int(case), (picture - low) / (high - low or 1.0))
    return kept


def _most_frequent(numbers: NDArray[np.int64]) -> int:
    return int(np.bincount(numbers).argmax())


def _mean(values: NDArray[Any], axis: int) -> Array:
    """Mean without NaN; NaN where there is nothing else."""
    there = ~np.isnan(values)
    count = there.sum(axis=axis)
    total = np.where(there, values, 0).sum(axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
