"""Types that make up a study's verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reports.estimates import Interval
    from reports.frames import Grid
    from reports.verdicts.factors import Factorial
    from reports.verdicts.rules import Comparison, Rule, Size, Word
    from reports.wording import Units


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Verdict on one comparison.

    Args:
        comparison: the numbers.
        word: better or worse than the baseline (in the metric's direction), equivalent to it,
            undecided, or no difference observed; no verdict while results are missing.
        size: how a difference that is real compares with the margin.
        needed: about how many replicates would decide it, where it is undecided and some would.
        reading: one sentence in plain English.
    """

    comparison: Comparison
    word: Word
    size: Size
    needed: int | None
    reading: str

    @property
    def arm(self) -> int:
        """Index of the arm."""
        return self.comparison.arm

    @property
    def text(self) -> str:
        """The verdict as tables print it: the word, and what is known of the size."""
        return f"{self.word}, {self.size}" if self.size and self.word != "equivalent" else self.word


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A method that trains no network, and the arms against it.

    Args:
        reference: index of the method.
        label: its name and numbers.
        mean: with its own interval, in the metric's unit; NaN where it was not measured.
        verdicts: of the arms that it is meant for, each compared with the method.
    """

    reference: int
    label: str
    mean: Interval
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bias:
    """Optimism of tuning: how much better it looked than fresh replicates of the same choice.

    Args:
        arm: index of the arm.
        candidate: the one that was chosen.
        tuned: its mean objective in the search.
        fresh: mean of the same validation quantity over confirm trials.
        optimism: their difference; positive where tuning looked better.
        replicates: confirm trials behind ``fresh``.
    """

    arm: int
    candidate: int
    tuned: float
    fresh: float
    optimism: float
    replicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdicts of a study, or of anybody's table of runs.

    Args:
        labels: of all arms, in the order of the table.
        grid: the deciding metric by arm and replicate.
        replicates: that were planned for each arm.
        rule: how they were reached.
        units: how the metric is written.
        baseline: index of the arm that the others are compared with.
        verdicts: one per other arm, in the order of the table.
        means: one per arm, in the metric's unit (geometric on a log scale), each with its own
            interval; NaN where a trial diverged, for then there is no mean.
        biases: selection bias, one per arm whose choice can be traced.
        references: methods that train no network; their comparisons are a family of their own.
        missing: confirm trials without a result, in words; with any, nothing is decided.
        negative: whether a metric that is judged by ratios has values below zero, which have
            none: its differences are then judged as they are, without a margin.
        factorial: what each level of a factor does; ``None`` with fewer than two factors.
    """

    labels: tuple[str, ...]
    grid: Grid
    replicates: int
    rule: Rule
    units: Units
    baseline: int
    verdicts: tuple[Verdict, ...]
    means: tuple[Interval, ...]
    biases: tuple[Bias, ...] = ()
    references: tuple[Measured, ...] = ()
    missing: tuple[str, ...] = ()
    negative: bool = False
    factorial: Factorial | None = None

    @property
    def by_arm(self) -> Mapping[int, Verdict]:
        """Verdicts by index of the arm."""
        return {verdict.arm: verdict for verdict in self.verdicts}
