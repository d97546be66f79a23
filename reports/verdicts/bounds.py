"""Choices of the search at an end of their range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.spec import Range
from reports import frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reports.frames import Results

FEWEST = 3
"""Number of different values below which none lies inside, so that none is at an edge."""


def edges(results: Results) -> Mapping[int, str]:
    """Arms whose choice is the candidate nearest to a bound of the search space.

    The optimum may then lie outside: widen the range, and tune again.

    Returns:
        By index of the arm, such as ``learning_rate at its upper end``.
    """
    tune = results.study.tune
    found: dict[int, list[str]] = {}
    for name in (
        [name for name, space in tune.space.items() if isinstance(space, Range)] if tune else []
    ):
        values = results.candidates.set_index(["arm", "candidate"])[frames.column(name)]
        grouped = values.groupby(level="arm")
        spans = zip(grouped.min().items(), grouped.max(), grouped.nunique(), strict=True)
        for (arm, low), high, different in spans:
            if arm not in results.chosen or different < FEWEST:
                continue
            value = values.get((arm, results.chosen[arm]), np.nan)
            ends = {low: "lower", high: "upper"}
            if value in ends:
                found.setdefault(int(arm), []).append(f"{name} at its {ends[value]} end")
    return {arm: ", ".join(parts) for arm, parts in found.items()}
