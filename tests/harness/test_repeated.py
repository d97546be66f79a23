"""Published comparisons that take seconds, repeated by their command, beside exact values."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest

from harness import cli, seeds
from harness.errors import ExitCode
from harness.reproduce_cli import published


@pytest.fixture
def repeat(tmp_path, monkeypatch):
    """A function that repeats a study quickly; gives outcomes by claim, and our numbers."""

    def repeated(name):
        words = ["keras-harness", "reproduce", name, "--workers", "0", "--root", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", words)
        assert cli.main() == ExitCode.DONE
        card = tmp_path / f"{name}-quick" / "card"
        with (card / "claims.csv").open(encoding="utf-8") as file:
            outcomes = {row["claim"]: row["outcome"] for row in csv.DictReader(file)}
        with (card / "values.csv").open(encoding="utf-8") as file:
            return outcomes, [float(row["ours"]) for row in csv.DictReader(file)]

    return repeated


def regret(point, *, amsgrad, steps=9989, rate=0.5, slope=3.0):
    """Regret per step on the cyclic losses, with the corrections of Keras, in double precision."""
    decay = 1 / (1 + slope**2)
    second = largest = lost = best = 0.0
    for step in range(1, steps + 1):
        gradient = slope if step % 3 == 1 else -1.0
        lost, best = lost + gradient * point, best - gradient
        second = decay * second + (1 - decay) * gradient**2
        largest = max(largest, second) if amsgrad else second
        corrected = rate / np.sqrt(step) * np.sqrt(1 - decay**step)
        point -= corrected * gradient / (np.sqrt(largest) + 1e-7)
        point = min(1.0, max(-1.0, point))
    return (lost - best) / steps


@pytest.mark.xla
def test_adam_keeps_its_regret(repeat):
    """As computed apart from the same starting points; AMSGrad loses it."""
    outcomes, ours = repeat("reddi2018")
    assert set(outcomes.values()) == {"reproduced"}
    study = published()["reddi2018"].scaled("quick")
    draws = [
        seeds.stream(study.seed, "confirm", one, "init", "1x1", 0).random()
        for one in range(study.replicates)
    ]
    for amsgrad, found in enumerate(ours):
        expected = np.mean([regret(2 * one - 1, amsgrad=bool(amsgrad)) for one in draws])
        # The best point loses a third per step, but for the last cycle, which is not whole.
        assert found == pytest.approx(11 / 3 + expected, abs=1e-3)
