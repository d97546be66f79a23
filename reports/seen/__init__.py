"""Answers of networks for test cases: read from the files that trainings have left.

Older stores have no such files, and one may be gone or damaged: what is read then is ``None``.
"""

from reports.seen.arrays import expected, labelled, meant
from reports.seen.classes import (
    Classes,
    Difference,
    Hard,
    classes,
    differences,
    hardest,
    stride,
)
from reports.seen.codes import Code, codes
from reports.seen.numbers import Fitted, fitted
from reports.seen.pictures import Pictures, pictures
from reports.seen.scores import Extreme, Scored, extremes, histogram, scored

__all__ = [
    "Classes",
    "Code",
    "Difference",
    "Extreme",
    "Fitted",
    "Hard",
    "Pictures",
    "Scored",
    "classes",
    "codes",
    "differences",
    "expected",
    "extremes",
    "fitted",
    "hardest",
    "histogram",
    "labelled",
    "meant",
    "pictures",
    "scored",
    "stride",
]
