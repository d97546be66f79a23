"""What stands beside a verdict: unfinished trainings, coarse metrics, guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from synthetic import Script

from reports import frames, verdicts
from reports.page import render

if TYPE_CHECKING:
    from pathlib import Path

    from synthetic import Maker

ONE = {"factors": {"activation": ["relu", "tanh", "sigmoid"]}, "tune": None}


def said(folder: Path) -> str:
    """The answer of a store, in sentences."""
    results = frames.read(folder)
    return " ".join(verdicts.headline(results, verdicts.judge(results)))


def test_nothing_is_said_without_a_reason(make: Maker) -> None:
    """A study whose trainings ended well before their last epoch, far above chance."""
    text = said(make(Script(card={"counts": [144] * 10}), **ONE))
    for word in ("had their best epoch last", "coarse", "chance", "less than one case"):
        assert word not in text


@pytest.mark.parametrize(
    ("rising", "expected"),
    [
        ({0, 1, 2}, "Most trainings had their best epoch last (18 of 18)"),
        ({2}, "Most trainings of sigmoid had their best epoch last (6 of 6)"),
    ],
)
def test_trainings_that_were_still_improving(make: Maker, rising, expected: str) -> None:
    """They are counted, and named where it is some arms only; on the page once."""
    folder = make(Script(rising=frozenset(rising)), **ONE)
    assert expected in said(folder)
    assert render(folder).count("had their best epoch last") == 1


def test_a_metric_that_ties(make: Maker) -> None:
    """Of 114 test cases one is 0.88 points: what ties is told, and what tells more apart."""
    script = Script(value=lambda _arm, replicate: 0.9 + replicate / 114, card={"tests": 114})
    text = said(make(script, **ONE))
    assert (
        "12 of 12 pairs tie, and one test case of 114 is 0.88 points. "
        "'test/crossentropy@best' tells more apart." in text
    )


def test_a_difference_below_one_case(make: Maker) -> None:
    """Such a verdict holds, but says little."""
    script = Script(
        value=lambda arm, replicate: 0.9 + (arm == 1) * (0.002 + replicate * 1e-4),
        card={"tests": 100},
    )
    text = said(make(script, **ONE | {"replicates": 8}))
    assert "tanh beats relu by 0.23 points of test accuracy" in text
    assert "tanh differs from relu by less than one case in test accuracy" in text
    assert "one test case of 100 is 1 point" in text


@pytest.mark.parametrize(
    ("best", "expected"),
    [(0.53, True), (0.57, True), (0.64, False)],
)
def test_arms_that_do_not_beat_a_guess(make: Maker, best: float, expected: bool) -> None:
    """With 55 % of 400 test cases in one class, luck alone reaches 60 %."""
    card = {"counts": [700, 300], "test_counts": [220, 180], "tests": 400, "outputs": 2}
    script = Script(value=lambda arm, replicate: best - 0.01 * arm + replicate / 1e4, card=card)
    text = said(make(script, **ONE))
    assert ("most frequent class is right for 55.0 % of the cases" in text) == expected


def test_a_regression_that_is_no_better_than_the_mean(make: Maker) -> None:
    """An r2 of zero is that of a constant."""
    given = {"metric": "test/mean_squared_error@best", "task": "regression", **ONE}
    best = "val/mean_squared_error"
    for r2, expected in ((-0.1, True), (0.0, True), (0.2, False)):
        script = Script(value=lambda *_: 1.0, metrics={"test/r2@best": r2})
        text = said(make(script, best=best, **given))
        assert ("than the mean of the test targets" in text) == expected
