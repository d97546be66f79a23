"""Tables of what was measured inside networks: estimates, alarms, and what goes with the result."""

from __future__ import annotations

from math import exp, isfinite
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reports import diagnostics, verdicts, wording
from reports import estimates as statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from reports.diagnostics import Moment
    from reports.estimates import Relation
    from reports.frames import Results
    from reports.verdicts import Contrast, Judged

    Array = NDArray[np.float64]

_EARLY: tuple[Moment, ...] = ("start", "first")
_FEWEST = 3
"""Replicates of an arm below which nothing inside an arm goes with anything."""


def estimates(results: Results, judged: Judged) -> pd.DataFrame:
    """Quantities by arm and layer, before the first step and at the end, against the baseline.

    Returns:
        Columns ``quantity``, ``layer``, ``moment`` (start, end), ``arm``, ``label``, ``n``,
        ``mean``, ``low``, ``high`` (of the arm's own mean: geometric where ``scale`` is log),
        ``scale``, ``pairs``, ``difference``, ``difference_low``, ``difference_high`` (on that
        scale, simultaneous over the arms), ``p``, ``adjusted_p`` and ``word``.
    """
    rows = [
        {
            "quantity": one.quantity,
            "layer": one.layer,
            "moment": one.moment,
            "arm": one.arm,
            "label": results.arms[one.arm].label,
            "n": one.n,
            "mean": one.mean.mean,
            "low": one.mean.low,
            "high": one.mean.high,
            "scale": one.scale,
            "pairs": one.pairs,
            "difference": one.tested.estimate,
            "difference_low": one.tested.low,
            "difference_high": one.tested.high,
            "p": one.tested.p,
            "adjusted_p": one.tested.adjusted,
            "word": one.word,
        }
        for one in verdicts.contrasts(results, judged)
    ]
    return pd.DataFrame(rows)


def formatted_estimates(results: Results, found: Sequence[Contrast]) -> pd.DataFrame:
    """Differences from the baseline for people, those that are clear first, the larger first.

    Args:
        results: that they are of.
        found: contrasts; the baseline's are left out.
    """
    others = [one for one in found if one.word != "baseline"]
    order = sorted(others, key=_clearness)
    rows = [
        {
            "Quantity": diagnostics.diagnostic(one.quantity).words,
            "Layer": one.layer,
            "When": diagnostics.WHEN[one.moment],
            "Arm": results.arms[one.arm].label,
            "Mean": _number(one.mean.mean),
            "Against the baseline": _change(one.tested.estimate, one),
            "Interval": _span(one),
            "Adjusted p": wording.p_value(one.tested.adjusted),
            "Difference is": one.word,
        }
        for one in order
    ]
    return pd.DataFrame(rows, dtype="str")


def _clearness(one: Contrast) -> tuple[float, float]:
    """Sort key: p, then how far the difference stands out from its interval."""
    half = (one.tested.high - one.tested.low) / 2
    out = abs(one.tested.estimate) / max(half, 1e-12) if isfinite(half) else 0.0
    if half == np.inf and isfinite(one.tested.estimate):
        out = abs(one.tested.estimate)
    return one.tested.adjusted, -out


def _number(value: float) -> str:
    return f"{value:.3g}" if isfinite(value) else ""


def _change(difference: float, one: Contrast) -> str:
    """A ratio on a log scale, a difference with its sign elsewhere."""
    if np.isnan(difference) or np.isinf(difference):
        return ""
    return f"x{exp(min(difference, 700.0)):.3g}" if one.scale == "log" else f"{difference:+.3g}"


def _span(one: Contrast) -> str:
    low, high = _change(one.tested.low, one), _change(one.tested.high, one)
    if low and high:
        return f"{low} to {high}"
    return f"above {low}" if low else f"below {high}" if high else ""


def alarms(results: Results) -> pd.DataFrame:
    """Alarms with their evidence, a row each.

    Returns:
        Columns ``kind``, ``arm``, ``label``, ``layers``, ``first_epochs`` and ``last_epochs``
        (trained before it was first and last seen), ``replicates``, ``of``, ``value`` (the worst
        of each replicate that shows it, their median) and ``evidence``.
    """
    rows = [
        {
            "kind": one.kind,
            "arm": one.arm,
            "label": one.label,
            "layers": ", ".join(one.layers),
            "first_epochs": one.epochs[0] if one.epochs else pd.NA,
            "last_epochs": one.epochs[1] if one.epochs else pd.NA,
            "replicates": one.replicates,
            "of": one.of,
            "value": one.value,
            "evidence": one.evidence,
        }
        for one in verdicts.alarms(results)
    ]
    table = pd.DataFrame(rows)
    return table if table.empty else table.astype({"first_epochs": "Int64", "last_epochs": "Int64"})


def formatted_alarms(results: Results) -> pd.DataFrame:
    """Alarms for people."""
    rows = [
        {
            "Alarm": one.kind,
            "Arm": one.label,
            "Layers": wording.listed(one.layers),
            "Seen": _seen(one.epochs),
            "Replicates": f"{one.replicates} of {one.of}",
            "Evidence": wording.sentence(one.evidence),
        }
        for one in verdicts.alarms(results)
    ]
    return pd.DataFrame(rows, dtype="str")


def _seen(epochs: tuple[int, int] | None) -> str:
    """Epochs after which something was seen.

    Example:
        >>> _seen((0, 0)), _seen((0, 9)), _seen((4, 4)), _seen(None)
        ('at the start', 'from the start to epoch 9', 'after epoch 4', 'in the search')
    """
    if epochs is None:
        return "in the search"
    first, last = epochs
    if first == last:
        return f"after epoch {last}" if last else "at the start"
    return f"from {f'epoch {first}' if first else 'the start'} to epoch {last}"


def relations(results: Results, judged: Judged) -> pd.DataFrame:
    """Early diagnostics against the final deciding metric, by rank correlation.

    Returns:
        One row per quantity, layer, moment (``start``, ``first``) and kind: ``within`` arms,
        ``partial`` (the same, the training loss of the first epoch held constant) and ``pooled``
        over arms; columns ``quantity``, ``layer``, ``moment``, ``kind``, ``n``, ``r``, ``low``,
        ``high`` (approximate), ``looks`` (rows of that kind), ``low_adjusted``, ``high_adjusted``
        (simultaneous over them) and ``clear`` (whether these exclude zero). Trainings that
        diverged are left out.
    """
    keys, early = _early(results)
    if not keys:
        return pd.DataFrame()
    level = judged.rule.confidence
    outcome = np.where(judged.grid.diverged, np.nan, judged.grid.cells)[:, : early.shape[-1]]
    if judged.rule.scale == "log":
        with np.errstate(divide="ignore"):
            outcome = np.log(outcome)
    loss = _first_losses(results, early.shape[-1])
    parts = []
    kinds: dict[str, Callable[[float], Relation]] = {
        "within": lambda sure: statistics.within(early, outcome, sure),
        "partial": lambda sure: statistics.within(early, outcome, sure, loss),
        "pooled": lambda sure: statistics.pooled(early, outcome, sure),
    }
    for kind, looked in kinds.items():
        plain = looked(level)
        looks = max(1, int(np.isfinite(plain.r).sum()))
        parts.append(_rows(keys, kind, plain, looked(1 - (1 - level) / looks), looks))
    table = pd.concat(parts, ignore_index=True)
    return table[table["r"].notna()].reset_index(drop=True)


def _rows(
    keys: Sequence[tuple[str, str, Moment]],
    kind: str,
    plain: Relation,
    adjusted: Relation,
    looks: int,
) -> pd.DataFrame:
    table = pd.DataFrame(keys, columns=["quantity", "layer", "moment"])
    return table.assign(
        kind=kind,
        n=plain.n,
        r=plain.r,
        low=plain.low,
        high=plain.high,
        looks=looks,
        low_adjusted=adjusted.low,
        high_adjusted=adjusted.high,
        clear=(adjusted.low > 0) | (adjusted.high < 0),
    )


def _early(results: Results) -> tuple[list[tuple[str, str, Moment]], Array]:
    """Early values on their scales, shape ``(looks, arms, replicates)``, and their keys."""
    rows = diagnostics.measured(results)
    keys: list[tuple[str, str, Moment]] = []
    found: list[Array] = []
    if rows.empty:
        return keys, np.empty(0)
    for moment in _EARLY:
        cells = diagnostics.cells(results, diagnostics.at(results, rows, moment))
        for (quantity, layer), values in cells.items():
            if (~np.isnan(values)).sum(axis=1).max() >= _FEWEST:
                keys.append((quantity, layer, moment))
                found.append(diagnostics.scaled(values, quantity))
    return keys, np.array(found)


def _first_losses(results: Results, replicates: int) -> Array:
    """Logarithm of the training loss of the first epoch, by arm and replicate."""
    found = np.full((len(results.arms), replicates), np.nan)
    rows = results.epochs
    if "train/loss" in rows:
        rows = rows[(rows["phase"] == "confirm") & (rows["epoch"] == 0)]
        rows = rows[rows["replicate"] < replicates]
        losses = rows["train/loss"].to_numpy(dtype=np.float64)
        positive = bool((losses[~np.isnan(losses)] > 0).all())
        found[rows["arm"], rows["replicate"]] = np.log(losses) if positive else losses
    return found


def formatted_relations(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """The strongest relations within arms for people, and beside each the other two kinds.

    Args:
        table: as ``relations`` gives it.
        most: rows.
    """
    if table.empty:
        return table
    place = ["quantity", "layer", "moment"]
    kinds = {kind: rows.set_index(place) for kind, rows in table.groupby("kind")}
    if "within" not in kinds:
        return pd.DataFrame()
    order = _by_evidence(kinds["within"])
    rows = []
    for key in order.index[:most]:
        cells = {
            name: _relation(kinds.get(kind), key)
            for kind, name in (
                ("within", "Within arms"),
                ("partial", "Early loss held"),
                ("pooled", "Over all arms"),
            )
        }
        quantity, layer, moment = key
        rows.append(
            {
                "Quantity": diagnostics.diagnostic(quantity).words,
                "Layer": layer,
                "When": diagnostics.WHEN[moment],
                "n": str(order.loc[key, "n"]),
                **cells,
                "Clear": "yes" if order.loc[key, "clear"] else "no",
            }
        )
    return pd.DataFrame(rows, dtype="str")


def _by_evidence(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose interval keeps farthest from zero first."""
    nearest = np.where(rows["r"] > 0, rows["low"], -rows["high"])
    order = np.argsort(-np.nan_to_num(nearest, nan=-1.0), kind="stable")
    return rows.iloc[order]


def _relation(rows: pd.DataFrame | None, key: object) -> str:
    if rows is None or key not in rows.index:
        return "not available"
    one = rows.loc[[key]].iloc[0]
    if not isfinite(one["low"]):
        return f"{one['r']:+.2f}"
    return f"{one['r']:+.2f} ({one['low']:+.2f} to {one['high']:+.2f})"
