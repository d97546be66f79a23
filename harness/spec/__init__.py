"""The frozen question: a study, its parts, and the trials that it becomes."""

from harness.spec.diagnostics import CASES, INSIDE, Diagnostics
from harness.spec.metric import Metric, Quantity, measured
from harness.spec.published import Citation, Claim, Look, Published, ScaleName, measurable
from harness.spec.sources import Arrays, Columns, Images, Part, Source, Split, Whole, whole
from harness.spec.study import NAME, UNTRAINED, Choices, Pretraining, Range, Space, Study, Tune
from harness.spec.trial import ENGINE, Arm, Phase, Reference, Trial
from harness.spec.values import Class, Frozen, Level, Scalar, Value, label

__all__ = [
    "CASES",
    "ENGINE",
    "INSIDE",
    "NAME",
    "UNTRAINED",
    "Arm",
    "Arrays",
    "Choices",
    "Citation",
    "Claim",
    "Class",
    "Columns",
    "Diagnostics",
    "Frozen",
    "Images",
    "Level",
    "Look",
    "Metric",
    "Part",
    "Phase",
    "Pretraining",
    "Published",
    "Quantity",
    "Range",
    "Reference",
    "Scalar",
    "ScaleName",
    "Source",
    "Space",
    "Split",
    "Study",
    "Trial",
    "Tune",
    "Value",
    "Whole",
    "label",
    "measurable",
    "measured",
    "whole",
]
