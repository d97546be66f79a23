"""Inputs beside what was made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports.seen.arrays import between, first

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from reports.frames import Results

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The same test cases from every arm and reference.

    Args:
        original: shape ``(cases, height, width)``, with three colors behind, or of rows
            ``(cases, numbers)``.
        noisy: as networks were shown them; ``None``: as they are.
        restored: by arm or reference, references behind the arms that they are meant for.
        range: the two numbers that are black and white.
    """

    original: Array
    noisy: Array | None
    restored: Mapping[int, Array]
    range: tuple[float, float]

    def error(self, index: int) -> list[float]:
        """Mean squared error of every case, as far as 256 steps of brightness tell."""
        within = tuple(range(1, self.original.ndim))
        found: list[float] = np.square(self.restored[index] - self.original).mean(within).tolist()
        return found


def pictures(results: Results) -> Pictures | None:
    """Originals and reconstructions of the first replicate; ``None`` where none were kept."""
    kept = first(results, "original", "restored", "range")
    if not kept:
        return None
    one = next(iter(kept.values()))
    shape = one["original"].shape[1:]
    same = {
        index: arrays for index, arrays in kept.items() if arrays["restored"].shape[1:] == shape
    }
    # A file has as many cases as there was room for.
    count = min((len(arrays["restored"]) for arrays in same.values()), default=0)
    if not count:
        return None
    low, high = one["range"].tolist()
    return Pictures(
        original=between(one, "original")[:count],
        noisy=between(one, "noisy")[:count] if "noisy" in one else None,
        restored={index: between(arrays, "restored")[:count] for index, arrays in same.items()},
        range=(low, high),
    )
