"""Verdicts from the confirm trials: every arm against the baseline, in numbers and in words.

Word, interval and p come from one function, so that they cannot contradict each other: the
exact sign-flip test of the mean difference on the metric's declared scale, inverted, and
simultaneous over all arms. Where a pair holds a diverged trial there is no mean to speak of:
signed ranks decide, with the same margin.
"""

from reports.verdicts.alarms import SHARE, Alarm, alarms
from reports.verdicts.bounds import edges
from reports.verdicts.comparing import judge_grid, margin_ends, scored
from reports.verdicts.contrasting import Contrast, Direction, contrasts
from reports.verdicts.factors import DECIDED, Effect, Factorial, told
from reports.verdicts.headlines import (
    answer,
    answered,
    headline,
    incomplete,
    leader,
    reservations,
)
from reports.verdicts.judged import Bias, Judged, Measured, Verdict
from reports.verdicts.judging import judge
from reports.verdicts.ladders import LABELS, Ladder, ladders
from reports.verdicts.rules import (
    Comparison,
    Decider,
    Rule,
    Scores,
    Size,
    Word,
    compare,
    decide,
    sized,
)
from reports.verdicts.winning import RULE, Winner, winner

__all__ = [
    "DECIDED",
    "LABELS",
    "RULE",
    "SHARE",
    "Alarm",
    "Bias",
    "Comparison",
    "Contrast",
    "Decider",
    "Direction",
    "Effect",
    "Factorial",
    "Judged",
    "Ladder",
    "Measured",
    "Rule",
    "Scores",
    "Size",
    "Verdict",
    "Winner",
    "Word",
    "alarms",
    "answer",
    "answered",
    "compare",
    "contrasts",
    "decide",
    "edges",
    "headline",
    "incomplete",
    "judge",
    "judge_grid",
    "ladders",
    "leader",
    "margin_ends",
    "reservations",
    "scored",
    "sized",
    "told",
    "winner",
]
