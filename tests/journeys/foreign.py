"""What the journeys through other people's models and data share."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness import datasets, design
from harness.spec import Study
from harness.train import Trainer

if TYPE_CHECKING:
    from pathlib import Path


def row(what, ends):
    """Mark a test as the proof of a row of a table in docs.

    Args:
        what: the model or the data, as a user would call it.
        ends: how it ends: the route on which it trains, or that it is refused.
    """

    def marked(test):
        test.rows = [(what, ends), *getattr(test, "rows", [])]
        return test

    return marked


def rows(module):
    """All marked rows of a test module, in the order of its tests."""
    tests = [test for name, test in vars(module).items() if name.startswith("test_")]
    return [one for test in tests for one in getattr(test, "rows", [])]


@dataclass
class Foreign:
    """Somebody else's folder, with a module, data and a study of it."""

    folder: Path

    def module(self, text, name="theirs"):
        """Write a module; how a study names things in it starts with its name."""
        (self.folder / f"{name}.py").write_text(textwrap.dedent(text))
        return name

    def arrays(self, name="theirs.npz", **arrays):
        """Write an ``.npz``; its path."""
        np.savez(self.folder / name, **arrays)
        return str(self.folder / name)

    def plan(self, dataset, template="theirs:build", *, fixed=None, **changes):
        """Lay a study out: two epochs, batches of 32, one replicate, unless it says more."""
        given = {
            "name": "foreign",
            "template": template,
            "dataset": dataset,
            "factors": {"learning_rate": [0.01]},
            "fixed": {"epochs": 2, "batch_size": 32, **(fixed or {})},
            "replicates": 1,
        }
        study = Study(**(given | changes))
        return design.plan(study, datasets.describe(study.dataset, self.places), self.places)

    @property
    def places(self):
        """Where modules and data are looked for."""
        return [self.folder]

    def train(self, plan, *, arm=0, phase="confirm", replicate=0):
        """Train one trial in this process; its outcome, and the trainer that did it."""
        trainer = Trainer(plan.card, self.places)
        return trainer.run(plan.trial(plan.arms[arm], {}, phase, replicate)), trainer
