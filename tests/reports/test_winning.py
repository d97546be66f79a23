"""Which arm is the winner, and what is said of the others beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from synthetic import Script
from test_verdicts import judged, noisy

from reports import verdicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Maker


def won(make: Maker, value: Callable[[int, int], float]) -> verdicts.Winner:
    """The winner of relu (the baseline), tanh and sigmoid."""
    results, found, _ = judged(make, value)
    return verdicts.winner(results, found)


def test_the_best_of_the_better_ones_wins(make: Maker) -> None:
    """Both are better; the one with the better mean wins, and beats the others."""
    found = won(make, noisy(0.0, 0.03, 0.06))
    assert (found.arm, found.word) == (2, "better")
    assert found.others == {0: "worse", 1: "worse"}
    assert found.unbeaten == ()


def test_without_a_better_arm_the_baseline_wins(make: Maker) -> None:
    """However good the mean of an undecided arm is: nobody has shown that it is better."""
    found = won(make, noisy(0.0, 0.001, -0.06, noise=0.01))
    assert (found.arm, found.word) == (0, None)
    assert found.others == {1: "undecided", 2: "worse"}
    assert found.unbeaten == (1,)


def test_an_undecided_arm_is_not_beaten(make: Maker) -> None:
    """Two arms are better than the baseline, and alike among themselves."""
    found = won(make, noisy(0.0, 0.053, 0.05))
    assert found.word == "better"
    assert found.unbeaten == (3 - found.arm,)


def test_pairs_of_alternatives_share_their_level(make: Maker) -> None:
    """Results that choose the winner compare it, too: ten pairs need nine replicates."""
    value = noisy(0.0, 0.05, 0.1, 0.15, 0.2, 0.25)
    activation = ["relu", "tanh", "sigmoid", "elu", "gelu", "silu"]
    results, found, _ = judged(make, value, replicates=8, factors={"activation": activation})
    best = verdicts.winner(results, found)
    assert (best.arm, best.word) == (5, "better")
    assert best.others == {0: "worse"} | dict.fromkeys([1, 2, 3, 4], "undecided")


def test_an_arm_that_diverged_has_no_mean_to_win_by(make: Maker) -> None:
    """Its other trainings may be the best of all."""

    def status(*place: object) -> str:
        return "diverged" if place == (2, "confirm", 0, 0) else "completed"

    script = Script(value=noisy(0.0, 0.03, 0.06), status=status)
    results, found, _ = judged(make, script=script)
    assert np.isnan(found.means[2].mean)
    assert verdicts.winner(results, found).arm == 1
