"""What was tried inside each arm, what was chosen, and how much the choice flatters itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness import catalog
from harness.spec import Range
from reports import frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reports.frames import Results
    from reports.verdicts import Judged

FEWEST = 3
"""Different values below which there is no inside, so no edge either."""


def tuning(results: Results) -> pd.DataFrame:
    """Candidates by arm: hyperparameters, mean objective, whether chosen, and at which edge.

    Returns:
        One row per arm and candidate; ``objective`` is NaN where a trial of the candidate
        diverged or has no result. Empty without tuning.
    """
    tune = results.study.tune
    names = [frames.column(name) for name in tune.space] if tune else []
    keys = ["arm", "label", "candidate"]
    columns = [*keys, *names, "objective", "replicates", "diverged", "chosen", "edge"]
    if tune is None or results.tune.empty:
        return pd.DataFrame(columns=columns)
    rows = results.tune
    objective = rows[tune.objective] if tune.objective in rows else pd.Series(np.nan, rows.index)
    rows = rows.assign(
        objective=objective.where(rows["counted"]), diverged=rows["status"] == "diverged"
    )
    grouped = rows.groupby(["arm", "candidate"], sort=True)
    frame = grouped[["label", *names]].first()
    frame["objective"] = grouped["objective"].mean().where(grouped["objective"].count() == grouped.size())
    frame["replicates"] = grouped["counted"].sum()
    frame["diverged"] = grouped["diverged"].sum()
    chosen = frames.chosen(results)
    frame = frame.reset_index()
    frame["chosen"] = frame["arm"].map(chosen).eq(frame["candidate"]).to_numpy(dtype=bool)
    frame["edge"] = ""
    found = edges(results)
    frame.loc[frame["chosen"], "edge"] = frame.loc[frame["chosen"], "arm"].map(found).fillna("")
    return frame[columns]


def edges(results: Results) -> Mapping[int, str]:
    """Arms whose choice is the candidate nearest to a bound of the search space.

    The optimum may then lie outside: widen the range, and tune again.

    Returns:
        By index of the arm, such as ``learning_rate at its upper end``.
    """
    tune = results.study.tune
    chosen = frames.chosen(results)
    found: dict[int, list[str]] = {}
    tried = results.tune.drop_duplicates(["arm", "candidate"])
    for name in [name for name, space in tune.space.items() if isinstance(space, Range)] if tune else []:
        values = tried.set_index(["arm", "candidate"])[frames.column(name)]
        grouped = values.groupby(level="arm")
        spans = zip(grouped.min().items(), grouped.max(), grouped.nunique(), strict=True)
        for (arm, low), high, different in spans:
            if arm not in chosen or different < FEWEST:
                continue
            value = values.get((arm, chosen[arm]), np.nan)
            ends = {low: "lower", high: "upper"}
            if value in ends:
                found.setdefault(int(arm), []).append(f"{name} at its {ends[value]} end")
    return {arm: ", ".join(parts) for arm, parts in found.items()}


def selection_bias(results: Results, judged: Judged) -> pd.DataFrame:
    """How much better tuning looked than fresh replicates of the same choice.

    Returns:
        One row per arm: the validation objective in the search and over confirm trials, and
        ``optimism``, their difference, positive where tuning looked better than it was.
    """
    rows = [
        {
            "arm": bias.arm,
            "label": results.arms[bias.arm].label,
            "objective": results.study.tune.objective if results.study.tune else "",
            "tuned": bias.tuned,
            "fresh": bias.fresh,
            "optimism": bias.optimism,
            "replicates": bias.replicates,
        }
        for bias in judged.biases
    ]
    names = ["arm", "label", "objective", "tuned", "fresh", "optimism", "replicates"]
    return pd.DataFrame(rows, columns=names)


def objective_name(results: Results) -> str:
    """The catalogue's name of what tuning goes by; empty without tuning."""
    tune = results.study.tune
    name = tune.objective.partition("/")[2].partition("@")[0] if tune else ""
    return name if name in catalog.METRICS else ""
