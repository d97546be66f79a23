"""Evaluators over evidence: pure functions from what a training shows to numbers."""

from harness.evaluation.cases import in_own_unit, of_task
from harness.evaluation.evaluators import EVALUATORS, Evaluator, measure, needing
from harness.evaluation.evidence import Codes, Evidence

__all__ = [
    "EVALUATORS",
    "Codes",
    "Evaluator",
    "Evidence",
    "in_own_unit",
    "measure",
    "needing",
    "of_task",
]
