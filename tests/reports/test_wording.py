"""Tests of how numbers are written."""

from __future__ import annotations

from math import inf, log, nan

import pytest

from harness import catalog
from harness.spec import Metric
from reports import wording

ACCURACY = wording.Units(name="test accuracy", percent=True, relative=False)
LOSS = wording.Units(name="test loss", percent=False, relative=True)


def test_differences_carry_sign_and_unit() -> None:
    """Points for shares, percent for losses; NaN is empty, and a tiny negative keeps its sign."""
    assert ACCURACY.effect(0.0083) == "+0.8 points of test accuracy"
    assert LOSS.effect(-0.105361) == "-10.0 % test loss"
    assert ACCURACY.difference(nan) == ""
    assert ACCURACY.number(-0.00001) == "-0.0"
    assert ACCURACY.number(0.0) == "0"
    assert LOSS.differences(-inf, inf) == ""


def test_large_ratios_are_multiples() -> None:
    """Nobody reads +38702 percent; a small ratio cannot be below -100 percent."""
    assert LOSS.difference(log(388.02)) == "x388"
    assert LOSS.difference(log(9.9)) == "+890.0 %"
    assert LOSS.differences(log(5), log(50)) == "+400.0 to x50"
    assert LOSS.difference(-log(388.02)) == "-99.7 %"
    assert LOSS.effect(log(20)) == "x20 test loss"


def test_values_are_in_the_unit_of_the_metric() -> None:
    """Percent for shares, four digits for losses, nothing for NaN."""
    assert ACCURACY.value(0.9712) == "97.1 %"
    assert ACCURACY.values(0.9, 0.95) == "90.0 to 95.0 %"
    assert LOSS.value(0.12345) == "0.1235"
    assert LOSS.value(nan) == ""


@pytest.mark.parametrize(
    ("half", "decimals"), [(0.1, 0), (0.02, 1), (0.003, 2), (0.0001, 2), (nan, 1)]
)
def test_decimals_follow_the_uncertainty(half: float, decimals: int) -> None:
    """Two digits of a typical half-width are shown, within bounds."""
    metric = Metric.parse("test/accuracy@best")
    units = wording.units(metric, catalog.METRICS["accuracy"], [half] * 3)
    assert units.decimals == decimals
    assert units.name == "test accuracy"


def test_paths_of_the_machine_are_left_out() -> None:
    """Folders go, file names and ordinary slashes stay."""
    assert (
        wording.without_folders("at /home/ann/x/y.npz and val/loss") == "at .../y.npz and val/loss"
    )
    assert wording.without_folders("~/secret/a.py:3") == ".../a.py:3"


def test_long_lists_end_in_a_number() -> None:
    """Names that hold commas are separated by semicolons; the rest is counted."""
    assert wording.listed(["a"]) == "a"
    assert wording.listed([]) == ""
    assert wording.listed([f"a{index}, b" for index in range(7)], most=2) == (
        "a0, b; a1, b; and 5 more"
    )
