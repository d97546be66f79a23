"""Tables of tuning: candidates of each arm, the choice, and how much it flatters itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from harness import catalog
from reports import frames, wording
from reports.verdicts import edges

if TYPE_CHECKING:
    from reports.frames import Results
    from reports.verdicts import Judged


def tuning(results: Results) -> pd.DataFrame:
    """Candidates by arm: hyperparameters, mean objective, whether chosen, and at which edge.

    Returns:
        ``results.candidates``, and ``edge``: which bounds the choice is nearest to.
    """
    found, frame = edges(results), results.candidates
    marked = zip(frame["arm"], frame["chosen"], strict=True)
    return frame.assign(edge=[found.get(arm, "") if chosen else "" for arm, chosen in marked])


def selection_bias(results: Results, judged: Judged) -> pd.DataFrame:
    """Optimism of tuning: how much better it looked than fresh replicates of the same choice.

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


def formatted_tuning(results: Results) -> pd.DataFrame:
    """The choice inside every arm, as text; all candidates are in ``tuning``."""
    table, tune = tuning(results), results.study.tune
    if tune is None or table.empty:
        return pd.DataFrame()
    units = _objective_units(results)
    tried = table.groupby("arm").size()
    lost = {kind: table[table[kind] > 0].groupby("arm").size() for kind in ("diverged", "failed")}
    rows = [
        {
            "Arm": row["label"],
            **{name: _setting(row[frames.column(name)]) for name in tune.space},
            f"{units.name} in the search": units.value(row["objective"]),
            "Candidates": str(tried[row["arm"]]),
            "Diverged": str(lost["diverged"].get(row["arm"], 0)),
            "Failed": str(lost["failed"].get(row["arm"], 0)),
            "At an edge": row["edge"],
        }
        for _, row in table[table["chosen"]].iterrows()
    ]
    frame = pd.DataFrame(rows, dtype="str")
    idle = {"At an edge": (table["edge"] == "").all(), "Failed": not len(lost["failed"])}
    return frame.drop(columns=[name for name, empty in idle.items() if empty])


def formatted_bias(results: Results, judged: Judged) -> pd.DataFrame:
    """Selection bias for people."""
    if not judged.biases:
        return pd.DataFrame()
    units = _objective_units(results)
    rows = [
        {
            "Arm": results.arms[bias.arm].label,
            "In the search": units.value(bias.tuned),
            "On fresh replicates": units.value(bias.fresh),
            "Search looked better by": _optimism(bias.optimism, bias.tuned, units),
            "n": str(bias.replicates),
        }
        for bias in judged.biases
    ]
    return pd.DataFrame(rows, dtype="str")


def _optimism(optimism: float, tuned: float, units: wording.Units) -> str:
    if not units.relative:
        return units.difference(optimism)
    share = f" ({100 * optimism / tuned:+.1f} %)" if tuned else ""
    return f"{optimism:+#.3g}{share}"


def _objective_units(results: Results) -> wording.Units:
    assert results.study.tune is not None
    metric = results.study.tune.aim
    units = wording.units(metric, catalog.METRICS[metric.name], ())
    return replace(units, name=units.name.replace("val ", "validation "))


def _setting(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
