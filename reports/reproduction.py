"""Claims of a published comparison, judged by the study's own rule.

Every claim gets one word. It is read off intervals alone, which hold together over all comparisons
that the claims make (Bonferroni), and nothing is decided below the pairs that this takes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import special

from harness import catalog
from harness.errors import UsageError
from harness.records import NETWORK
from harness.spec import Look
from reports import diagnostics, estimates, frames
from reports.frames import Grid
from reports.verdicts import Rule, compare, margin_ends, scored, sized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.spec import Claim, Level, Metric
    from harness.spec.published import Bound, Levels, Threshold, Value
    from reports.estimates import Interval, Tested
    from reports.frames import Results
    from reports.verdicts import Comparison

    Array = NDArray[np.float64]

Outcome = Literal["reproduced", "direction only", "contradicted", "undecided"]

OUTCOMES: tuple[Outcome, ...] = ("reproduced", "direction only", "contradicted", "undecided")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One comparison that a claim makes.

    Args:
        about: the arms, in words.
        form: of the estimate: ``difference`` or ``ratio`` of two arms, ``mean``, ``geometric
            mean``, ``median`` or ``share`` of one.
        estimate: in the unit of the form.
        low: of the simultaneous interval; infinite where nothing is excluded.
        high: of the simultaneous interval.
        pairs: replicates behind it.
        p: two-sided, for all comparisons together: of no difference, or of the limit or the margin
            that is nearest.
        power: share of such studies that would decide; NaN where it is not estimated.
        needed: about how many replicates would decide it, where these do not; ``None`` where none
            would, or it is not known.
    """

    about: str
    form: str
    estimate: float
    low: float
    high: float
    pairs: int
    p: float
    power: float
    needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Outcome of one claim.

    Args:
        claim: as the study says it.
        word: what became of it.
        evidence: the comparisons behind the word.
        reason: why nothing could be decided, as a clause; empty where that was possible.
    """

    claim: Claim
    word: Outcome
    evidence: tuple[Evidence, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A published number and ours.

    Args:
        value: the published one.
        label: of its arm, or of both.
        ours: mean and Student's interval; NaN where a training diverged, for there is no mean.
        count: trainings, or pairs of them, behind ours.
    """

    value: Value
    label: str
    ours: Interval
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """Outcome of a published comparison.

    Args:
        findings: one per claim, in the order of the study.
        numbers: published ones beside ours.
        family: comparisons that all claims make together.
        confidence: of all their intervals together.
        fewest: pairs below which none of them is decided.
    """

    findings: tuple[Finding, ...]
    numbers: tuple[Beside, ...]
    family: int
    confidence: float
    fewest: int

    def count(self, word: Outcome) -> int:
        """Number of claims with an outcome."""
        return sum(finding.word == word for finding in self.findings)


def reproduce(results: Results) -> Reproduction:
    """Judge the claims of a study.

    Args:
        results: of a study with a ``[published]`` part.

    Raises:
        UsageError: if it has none.
    """
    published = results.study.published
    if published is None:
        raise UsageError(
            "expected a study with a [published] table, which names its claims. Received: "
            f"{results.study.name!r}, without one."
        )
    level = round(1 - results.study.confidence, 12)
    family = sum(map(_comparisons, published.claims))
    rule = Rule(maximize=True, scale="identity", level=level, family=family, margin=None)
    return Reproduction(
        findings=tuple(_found(results, claim, rule) for claim in published.claims),
        numbers=tuple(_beside(results, value) for value in published.values),
        family=family,
        confidence=results.study.confidence,
        fewest=rule.fewest,
    )


def measured(results: Results, quantity: Metric | Look) -> Grid:
    """One quantity by replicate, of the arms and then of the references; NaN where there is none.

    Args:
        results: of the study.
        quantity: a metric, or one of the inside of networks.
    """
    if not isinstance(quantity, Look):
        arms = frames.grid(results, str(quantity))
        others = frames.reference_cells(results, str(quantity))
        return Grid(
            cells=np.vstack([arms.cells, others]),
            diverged=np.vstack([arms.diverged, np.zeros(others.shape, dtype=np.bool_)]),
        )
    rows = diagnostics.at(results, results.inside, quantity.moment)
    found = {} if rows.empty else diagnostics.cells(results, rows)
    nothing = np.full((len(results.arms), results.study.replicates), np.nan)
    values = found.get((quantity.name, quantity.layer or NETWORK), nothing)
    if quantity.over:
        values = values / found.get((quantity.name, quantity.over), nothing)
    return Grid(cells=values, diverged=np.zeros(values.shape, dtype=np.bool_))


def index(results: Results, levels: Levels) -> int:
    """The arm, or the reference, that levels name; factors left out take the baseline's."""
    wanted: dict[str, Level] = {**results.baseline.levels, **levels}
    if "reference" not in wanted:
        return next(arm.index for arm in results.arms if arm.levels == wanted)
    alone = results.study.model_copy(update={"references": (wanted["reference"],)})
    named = next(
        one
        for one in catalog.references(alone)
        if all(wanted[factor] == level for factor, level in one.levels.items())
    )
    same = {"method": named.method, "levels": named.levels}
    return next(
        one.index
        for one in results.references
        if {"method": one.method, "levels": one.levels} == same
    )


def _label(results: Results, row: int) -> str:
    """Name of an arm or a reference."""
    behind = row - len(results.arms)
    return results.arms[row].label if behind < 0 else results.references[behind].label


def _comparisons(claim: Claim) -> int:
    """Comparisons that a claim makes: neighbours in an order, and its two ends."""
    return len(_steps(len(claim.arms))) if claim.kind == "ordering" else 1


def _steps(arms: int) -> list[tuple[int, int]]:
    """Places in an order that are compared."""
    neighbours = [(place, place + 1) for place in range(arms - 1)]
    return neighbours if arms == 2 else [*neighbours, (0, arms - 1)]


class _Parts(NamedTuple):
    """Parts that a claim is judged by.

    Args:
        grid: rows are the arms of the claim, in its order.
        labels: of these.
        rule: with the scale and the direction of the quantity.
    """

    grid: Grid
    labels: tuple[str, ...]
    rule: Rule


def _found(results: Results, claim: Claim, rule: Rule) -> Finding:
    whole = measured(results, claim.measured)
    arms = [index(results, levels) for levels in claim.arms]
    grid = Grid(cells=whole.cells[arms], diverged=whole.diverged[arms])
    parts = _Parts(
        grid, tuple(_label(results, arm) for arm in arms), _ruled(claim.measured, grid, rule)
    )
    word, evidence = _judged(claim, parts)
    reason = _reason(parts, results.study.replicates, evidence)
    return Finding(
        claim=claim,
        word="undecided" if reason else word,
        evidence=evidence,
        reason=reason,
    )


def _ruled(quantity: Metric | Look, grid: Grid, rule: Rule) -> Rule:
    """The rule on the quantity's own scale, in its own direction; one inside networks rises."""
    if isinstance(quantity, Look):
        return replace(rule, scale=diagnostics.compared_on(grid.cells, quantity.name))
    entry = catalog.METRICS[quantity.name]
    scale = "identity" if (grid.cells < 0).any() else entry.scale
    return replace(rule, scale=scale, maximize=not entry.minimize)


def _reason(parts: _Parts, planned: int, evidence: Sequence[Evidence]) -> str:
    """The reason why nothing can be decided, as a clause; empty where something can."""
    there = (~np.isnan(parts.grid.cells) | parts.grid.diverged)[:, :planned]
    missing = planned * len(parts.labels) - int(there.sum())
    if missing:
        return f"{missing} of {planned * len(parts.labels)} results are missing"
    if planned < parts.rule.fewest:
        return f"nothing is decided below {parts.rule.fewest} replicates"
    if any(np.isnan(one.estimate) and one.form.endswith("mean") for one in evidence):
        return "there is no such mean of values that are not finite"
    return ""


def _judged(claim: Claim, parts: _Parts) -> tuple[Outcome, tuple[Evidence, ...]]:
    match claim.kind:
        case "better":
            return _better(parts, claim.by)
        case "ordering":
            return _ordered(parts)
        case "equivalence":
            return _equivalent(parts, claim.margin)
        case "bound":
            return _bounded(claim, parts)
        case "threshold":
            return _reached(claim, parts)


def _better(parts: _Parts, by: float) -> tuple[Outcome, tuple[Evidence, ...]]:
    rule = parts.rule
    rule = replace(rule, margin=margin_ends(by, rule.scale) if by else None)
    found = _compared(parts, 0, 1, rule)
    evidence = (_evidence(found, parts, 0, 1),)
    if not found.sign:
        return "undecided", evidence
    if (found.sign > 0) != rule.maximize:
        return "contradicted", evidence
    enough = not by or sized(found, rule) == "by more than the margin"
    return "reproduced" if enough else "direction only", evidence


def _ordered(parts: _Parts) -> tuple[Outcome, tuple[Evidence, ...]]:
    steps = _steps(len(parts.labels))
    found = [_compared(parts, high, low, parts.rule) for low, high in steps]
    evidence = tuple(
        _evidence(one, parts, high, low) for one, (low, high) in zip(found, steps, strict=True)
    )
    signs = [one.sign for one in found]
    if min(signs) > 0:
        return "reproduced", evidence
    if min(signs) < 0:
        return "contradicted", evidence
    return "direction only" if signs[-1] > 0 else "undecided", evidence


def _equivalent(parts: _Parts, margin: float) -> tuple[Outcome, tuple[Evidence, ...]]:
    ends = margin_ends(margin, parts.rule.scale)
    rule = replace(parts.rule, margin=ends)
    found = _compared(parts, 0, 1, rule)
    evidence = (_against(_evidence(found, parts, 0, 1), found, ends, rule),)
    if ends[0] < found.low and found.high < ends[1]:
        return "reproduced", evidence
    beyond = sized(found, rule) == "by more than the margin"
    return "contradicted" if beyond else "undecided", evidence


def _against(
    evidence: Evidence, found: Comparison, ends: tuple[float, float], rule: Rule
) -> Evidence:
    """Evidence against the nearer end of a margin instead of against zero."""
    apart = np.array(found.differences) - min(ends, key=lambda end: abs(end - found.difference))
    if not np.isfinite(apart).all():
        return evidence
    decided = found.low >= ends[1] or found.high <= ends[0]
    decided |= ends[0] < found.low and found.high < ends[1]
    return replace(
        evidence,
        p=estimates.sign_flips(apart, rule.level, rule.family).adjusted,
        power=estimates.power(apart, rule.level, rule.family),
        needed=None if decided else _needed(apart, rule),
    )


def _compared(parts: _Parts, one: int, other: int, rule: Rule) -> Comparison:
    scores = scored(parts.grid, rule)
    return compare(one, scores[one], scores[other], rule)


def _evidence(found: Comparison, parts: _Parts, one: int, other: int) -> Evidence:
    """A comparison in words; differences of logarithms are told as ratios."""
    rule, log = parts.rule, parts.rule.scale == "log"
    center = found.difference if np.isfinite(found.difference) else found.typical
    numbers = np.array([center, found.low, found.high])
    estimate, low, high = (np.exp(numbers) if log else numbers).tolist()
    return Evidence(
        about=f"{parts.labels[one]} {'over' if log else 'minus'} {parts.labels[other]}",
        form="ratio" if log else "difference",
        estimate=estimate,
        low=low,
        high=high,
        pairs=found.pairs,
        p=found.adjusted,
        power=estimates.power(found.differences, rule.level, rule.family),
        needed=None if found.sign else _needed(np.array(found.differences), rule),
    )


def _needed(differences: Array, rule: Rule) -> int | None:
    return estimates.replicates_needed(differences, rule.level, rule.family)


def _bounded(claim: Bound, parts: _Parts) -> tuple[Outcome, tuple[Evidence, ...]]:
    log, rule = claim.center == "geometric", parts.rule
    values = np.where(parts.grid.diverged[0], rule.worst, parts.grid.cells[0])
    values = _logarithms(values[~np.isnan(values)]) if log else values[~np.isnan(values)]
    limits = [-np.inf if claim.low is None else claim.low]
    limits += [np.inf if claim.high is None else claim.high]
    low, high = _logarithms(np.array(limits)).tolist() if log else limits
    found = _center(values, claim, rule)
    limits = [limit for limit in (low, high) if np.isfinite(limit)]
    near = min(limits, key=lambda limit: abs(limit - found.estimate))
    apart = values - near
    above, below = claim.low is None or low < found.low, claim.high is None or found.high < high
    inside = above and below  # a median may be infinite, and within a limit that is not there
    outside = found.high < low or found.low > high
    numbers = np.array([found.estimate, found.low, found.high])
    estimate, lower, upper = (np.exp(numbers) if log else numbers).tolist()
    evidence = Evidence(
        about=parts.labels[0],
        form="geometric mean" if log else claim.center,
        estimate=estimate,
        low=lower,
        high=upper,
        pairs=len(values),
        p=_center(apart, claim, rule).adjusted,
        power=estimates.power(apart, rule.level, rule.family),
        needed=None if inside or outside else _needed(apart, rule),
    )
    return ("reproduced" if inside else "contradicted" if outside else "undecided"), (evidence,)


def _center(values: Array, claim: Bound, rule: Rule) -> Tested:
    """The center that a claim speaks of, with its interval; NaN of a mean that is not finite."""
    if claim.center == "median":
        return estimates.median(values, rule.level, rule.family)
    if not np.isfinite(values).all():
        return estimates.sign_flips([], rule.level, rule.family)
    return estimates.sign_flips(values, rule.level, rule.family)


def _logarithms(values: Array) -> Array:
    """Logarithms; minus infinity of what has none."""
    return np.log(values, out=np.full(values.shape, -np.inf), where=values > 0)


def _reached(claim: Threshold, parts: _Parts) -> tuple[Outcome, tuple[Evidence, ...]]:
    grid, rule = parts.grid, parts.rule
    reached = grid.cells[0] < claim.below if claim.above is None else grid.cells[0] > claim.above
    there = ~np.isnan(grid.cells[0]) | grid.diverged[0]
    hits, count = int((reached & ~grid.diverged[0]).sum()), int(there.sum())
    level = rule.level / rule.family
    found = estimates.share(hits, count, 1 - level)
    evidence = Evidence(
        about=f"{parts.labels[0]}: {hits} of {count}",
        form="share",
        estimate=found.share,
        low=found.low,
        high=found.high,
        pairs=count,
        p=min(1.0, rule.family * _tail(hits, count, claim.share)),
        power=float("nan"),
    )
    if found.low > claim.share:
        return "reproduced", (evidence,)
    return "contradicted" if found.high < claim.share else "undecided", (evidence,)


def _tail(hits: int, count: int, share: float) -> float:
    """Probability of a result as far from a share; one-sided where the interval is."""
    if not count:
        return 1.0
    above = float(special.bdtrc(hits - 1, count, share)) if hits else 1.0
    below = float(special.bdtr(hits, count, share))
    sides = 1 if hits in {0, count} else 2
    return min(1.0, sides * min(above, below))


def _beside(results: Results, value: Value) -> Beside:
    grid = measured(results, value.measured)
    arms = [index(results, levels) for levels in value.arms]
    label = " minus ".join(_label(results, arm) for arm in arms)
    rows = np.where(grid.diverged[arms], np.inf, grid.cells[arms])
    ours = rows[0] if len(arms) == 1 else estimates.differences(rows[0], rows[1])
    ours = ours[~np.isnan(ours)]
    finite = bool(np.isfinite(ours).all())
    return Beside(
        value=value,
        label=label,
        ours=estimates.t_interval(ours if finite else [], results.study.confidence),
        count=len(ours),
    )
