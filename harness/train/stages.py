"""The loop over the stages of a trial."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.train.epochs import Course, train_epochs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.records import Epoch
    from harness.spec import Trial
    from harness.train.clock import Clock
    from harness.train.epochs import Leg


def train_stages(legs: Sequence[Leg], trial: Trial, clock: Clock) -> Course:
    """Train the stages of a trial one after another.

    Every stage begins with a fresh optimizer, with streams of its own, and with initial weights
    that are drawn, but for those that it takes over. An earlier stage is trained to its last
    epoch, and hands over the weights of that epoch, not of its best one. The last stage is judged.

    Args:
        legs: stages in order, each with the cases that it is trained on; these may differ.
        trial: trial that they make up.
        clock: clock of the attempt.

    Returns:
        The course of the last stage, with the epochs of those before. Where one of those
        diverges, the course ends there.
    """
    *before, judged = legs
    earlier: list[Epoch] = []
    for leg in before:
        course = _train(leg, trial, clock)
        earlier += course.curve
        if course.reason:
            return Course(curve=[], best=0, reason=course.reason, earlier=tuple(earlier))
        leg.compiled.program.learner.finalize()
    return replace(_train(judged, trial, clock), earlier=tuple(earlier))


def _train(leg: Leg, trial: Trial, clock: Clock) -> Course:
    """Train one stage, from wherever the stage before has ended."""
    with clock.spent("data"):
        leg.compiled.fill(trial, np.asarray(leg.inputs.y)[leg.train])
        leg.compiled.calibrate(trial, leg.inputs, leg.train)
    return train_epochs(leg, trial, clock)
