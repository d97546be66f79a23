"""Factors to arms, and arms to trials: pure combinatorics, without Keras."""

from __future__ import annotations

from harness.design.checks import check_names, unpassed
from harness.design.parts import halves, parted
from harness.design.plans import (
    Plan,
    arms,
    baseline,
    changed_keys,
    changes,
    check_place,
    check_size,
    count,
    plan,
    programs,
)
from harness.design.sources import trunks
from harness.design.structure import own, program_key, settings, split
from harness.design.views import settle, viewed

__all__ = [
    "Plan",
    "arms",
    "baseline",
    "changed_keys",
    "changes",
    "check_names",
    "check_place",
    "check_size",
    "count",
    "halves",
    "own",
    "parted",
    "plan",
    "program_key",
    "programs",
    "settings",
    "settle",
    "split",
    "trunks",
    "unpassed",
    "viewed",
]
