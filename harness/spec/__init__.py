"""The frozen question: a study, its parts, and the trials that it becomes."""

from harness.spec.metric import Metric, Quantity, measured
from harness.spec.sources import Arrays, Columns, Images, Source, Split
from harness.spec.study import NAME, Choices, Class, Range, Space, Study, Tune
from harness.spec.trial import ENGINE, Arm, Phase, Reference, Trial
from harness.spec.values import Frozen, Level, Scalar, Value, label

__all__ = [
    "ENGINE",
    "NAME",
    "Arm",
    "Arrays",
    "Choices",
    "Class",
    "Columns",
    "Frozen",
    "Images",
    "Level",
    "Metric",
    "Phase",
    "Quantity",
    "Range",
    "Reference",
    "Scalar",
    "Source",
    "Space",
    "Split",
    "Study",
    "Trial",
    "Tune",
    "Value",
    "label",
    "measured",
]
