"""Means over arms, by the levels of each factor: descriptions, not tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness.spec import label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts import Judged


def complete(judged: Judged) -> bool:
    """Whether every arm has a mean, so that means over arms compare like with like."""
    return not any(np.isnan(interval.mean) for interval in judged.means)


def marginals(results: Results, judged: Judged) -> pd.DataFrame:
    """Mean of the arm means by level of each factor, on the declared scale.

    Returns:
        Columns ``factor``, ``level``, ``arms`` and ``mean`` (in the metric's unit, geometric on
        a log scale). Empty unless the design is complete and has several factors.
    """
    names = ["factor", "level", "arms", "mean"]
    factors = results.study.factors
    if len(factors) < 2 or not complete(judged):
        return pd.DataFrame(columns=names)
    means = _scaled(judged).reshape([len(levels) for levels in factors.values()])
    rows = []
    for axis, (factor, levels) in enumerate(factors.items()):
        others = tuple(other for other in range(means.ndim) if other != axis)
        found = _back(means.mean(axis=others), judged)
        each = means.size // len(levels)
        rows += [
            (factor, label(level), each, mean)
            for level, mean in zip(levels, found.tolist(), strict=True)
        ]
    return pd.DataFrame(rows, columns=names)


def formatted_marginals(results: Results, judged: Judged) -> pd.DataFrame:
    """The marginal means for people."""
    rows = [
        {
            "Factor": row.factor,
            "Level": row.level,
            "Arms": str(row.arms),
            f"Mean {judged.units.name}": judged.units.value(row.mean),
        }
        for row in marginals(results, judged).itertuples()
    ]
    return pd.DataFrame(rows, dtype="str")


def cells(results: Results, judged: Judged) -> pd.DataFrame:
    """Arm means of a two-factor study, levels of the first factor by levels of the second.

    Returns:
        In the metric's unit, NaN where an arm has no mean. Empty for other studies.
    """
    if len(results.study.factors) != 2:
        return pd.DataFrame()
    (rows, down), (columns, across) = results.study.factors.items()
    means = np.array([interval.mean for interval in judged.means])
    return pd.DataFrame(
        means.reshape(len(down), len(across)),
        index=pd.Index([label(level) for level in down], name=rows),
        columns=pd.Index([label(level) for level in across], name=columns),
    )


def _scaled(judged: Judged) -> NDArray[np.float64]:
    means = np.array([interval.mean for interval in judged.means])
    return np.log(means) if judged.rule.scale == "log" else means


def _back(means: NDArray[np.float64], judged: Judged) -> NDArray[np.float64]:
    return np.exp(means) if judged.rule.scale == "log" else means
