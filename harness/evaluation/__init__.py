"""Evaluators over evidence: pure functions from what a training shows to numbers."""

from harness.evaluation.cases import in_own_unit, of_task
from harness.evaluation.evaluators import EVALUATORS, Evaluator, measure, needing
from harness.evaluation.evidence import Codes, Evidence, Made
from harness.evaluation.seen import Looked, seen

__all__ = [
    "EVALUATORS",
    "Codes",
    "Evaluator",
    "Evidence",
    "Looked",
    "Made",
    "in_own_unit",
    "measure",
    "needing",
    "of_task",
    "seen",
]
