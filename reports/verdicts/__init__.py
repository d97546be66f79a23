"""What the confirm trials show: every arm against the baseline, in numbers and in words.

Verdict and interval come from one method, so that they cannot contradict each other: the
paired t on the metric's declared scale, simultaneous over all arms. Where a pair holds a
diverged trial there is no mean to speak of, and ranks decide.
"""

from reports.verdicts.judged import Bias, Judged, Measured, Verdict
from reports.verdicts.judging import judge, scaled
from reports.verdicts.rules import Comparison, Decider, Rule, Word, compare, decide
from reports.verdicts.sentences import headline

__all__ = [
    "Bias",
    "Comparison",
    "Decider",
    "Judged",
    "Measured",
    "Rule",
    "Verdict",
    "Word",
    "compare",
    "decide",
    "headline",
    "judge",
    "scaled",
]
