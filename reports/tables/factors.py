"""Tables of factors: means of each level over arms, effects with verdicts, shares of variance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness.spec import label
from reports import estimates, verdicts, wording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from reports.frames import Results
    from reports.verdicts import Effect, Judged, Word

_INTERACTS: Mapping[Word, str] = {
    "better": "more favourable",
    "worse": "less favourable",
    "equivalent": "alike within the margin",
}


def marginals(results: Results, judged: Judged) -> pd.DataFrame:
    """Mean of the arm means by level of each factor, on the declared scale.

    Returns:
        Columns ``factor``, ``level``, ``arms`` and ``mean`` (in the metric's unit, geometric on
        a log scale). Empty unless every training of a study of several factors has a number;
        without the factors whose effect an interaction turns or hides, for they have no mean that
        speaks for their levels.
    """
    names = ["factor", "level", "arms", "mean"]
    factors, found = results.study.factors, judged.factorial
    if found is None or found.why:
        return pd.DataFrame(columns=names)
    means = _scaled(judged).reshape([len(levels) for levels in factors.values()])
    rows = []
    for axis, (factor, levels) in enumerate(factors.items()):
        others = tuple(other for other in range(means.ndim) if other != axis)
        averages = _back(means.mean(axis=others), judged)
        each = means.size // len(levels)
        rows += [
            (factor, label(level), each, mean)
            for level, mean in zip(levels, averages.tolist(), strict=True)
            if factor not in found.contradicted
        ]
    return pd.DataFrame(rows, columns=names)


def effects(judged: Judged) -> pd.DataFrame:
    """Every effect of a level that was tested, as numbers on the declared scale.

    Returns:
        Columns ``kind`` (``main``, ``interaction`` or ``simple``, a family each), ``factor``,
        ``level``, ``against`` (the baseline's level), ``given`` (levels of other factors),
        ``difference``, ``low``, ``high``, ``p``, ``p_adjusted``, ``verdict`` and
        ``contradicted_by`` (factors that make a main effect no summary). Empty where nothing was
        tested.
    """
    found = judged.factorial
    told = (*found.main, *found.interactions, *found.simple) if found else ()
    rows = [
        {
            "kind": one.kind,
            "factor": one.factor,
            "level": label(one.level),
            "against": label(one.against),
            "given": verdicts.told(one.given),
            "difference": one.comparison.difference,
            "low": one.comparison.low,
            "high": one.comparison.high,
            "p": one.comparison.p,
            "p_adjusted": one.comparison.adjusted,
            "verdict": one.word,
            "contradicted_by": ", ".join(one.contradicted),
        }
        for one in told
    ]
    return pd.DataFrame(rows)


def formatted_effects(results: Results, judged: Judged) -> pd.DataFrame:
    """Effect of each level, for people: on average, or at each level that it depends on."""
    found = judged.factorial
    if found is None or found.why:
        return pd.DataFrame()
    means = {(row.factor, row.level): row.mean for row in marginals(results, judged).itertuples()}
    rows = []
    for factor, levels in results.study.factors.items():
        if factor in found.contradicted:
            theirs = [one for one in found.simple if one.factor == factor]
            rows += [_row(one, verdicts.told(one.given), "", judged) for one in theirs]
            continue
        mains = {label(one.level): one for one in found.main if one.factor == factor}
        for level in map(label, levels):
            mean = judged.units.value(means[factor, level])
            if level in mains:
                rows.append(_row(mains[level], "on average", mean, judged))
            elif mains:
                named = {"Factor": factor, "Level": level, "With": "on average"}
                rows.append({**named, "Verdict": "baseline", "Mean": mean})
    return _texts(rows)


def formatted_interactions(judged: Judged) -> pd.DataFrame:
    """Change of each level's effect with a level of another factor, for people."""
    found = judged.factorial.interactions if judged.factorial else ()
    rows = [
        _row(one, verdicts.told(one.given), "", judged)
        | {"Verdict": _INTERACTS.get(one.word, one.word)}
        for one in found
    ]
    return _texts(rows).drop(columns="Mean", errors="ignore")


def variance_shares(results: Results, judged: Judged) -> pd.DataFrame:
    """Shares of the metric's variance by source, on the declared scale.

    Returns:
        Columns ``source``, ``df``, ``sum_sq``, ``share`` (eta squared) and ``partial_omega``
        (squared). Empty unless every training of a study of several factors has a number.
    """
    found = judged.factorial
    if found is None or found.why:
        return pd.DataFrame()
    factors = results.study.factors
    numbers = np.array([one.numbers for one in verdicts.scored(judged.grid, judged.rule)])
    cube = numbers.reshape(*map(len, factors.values()), -1)
    rows = [
        (" x ".join(one.terms) or one.name, one.freedom, one.squares, one.share, one.omega)
        for one in estimates.variance_shares([*factors], cube)
    ]
    return pd.DataFrame(rows, columns=["source", "df", "sum_sq", "share", "partial_omega"])


def formatted_shares(results: Results, judged: Judged) -> pd.DataFrame:
    """Shares of variance by source, for people."""
    rows = [
        {
            "Source": row.source,
            "Share of variance": f"{100 * row.share:.1f} %",
            "Partial omega squared": _omega(row.partial_omega),
        }
        for row in variance_shares(results, judged).itertuples()
    ]
    return pd.DataFrame(rows, dtype="str")


def _omega(omega: float) -> str:
    return "" if np.isnan(omega) else f"{omega:.3f}"


def _row(one: Effect, given: str, mean: str, judged: Judged) -> dict[str, str]:
    found, units = one.comparison, judged.units
    unit = f" ({units.unit})" if units.unit else ""
    return {
        "Factor": one.factor,
        "Level": f"{label(one.level)} against {label(one.against)}",
        "With": given,
        "Verdict": one.word,
        f"Difference{unit}": units.number(found.difference),
        f"{wording.percent(judged.rule.confidence)} simultaneous interval": units.differences(
            found.low, found.high
        ),
        "Adjusted p": wording.p_value(found.adjusted),
        "Mean": mean,
    }


def _texts(rows: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Rows of text, in the order of the columns of the fullest."""
    longest = max(rows, key=len, default={})
    return pd.DataFrame(rows, columns=[*longest], dtype="str").fillna("")


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
