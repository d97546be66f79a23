"""Numbers as people read them: units, rounding, and the sign that says which way is up.

Plain ASCII throughout, for terminals; the page sets typographic signs itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import exp, expm1, floor, isfinite, log, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.catalog import Metric as Entry
    from harness.spec import Metric

_FOLDERS = re.compile(r"(?<![\w.~])~?/(?:[^\s/'\"]+/)+")


MANY_TIMES = 10.0
"""Ratio from which on a relative difference is told as a multiple, not in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Notation of one metric.

    Args:
        name: for sentences, such as ``test accuracy``.
        percent: whether values are printed in percent, differences in percentage points.
        relative: whether differences are of logarithms, printed as percent change.
        decimals: of differences and percentages.
        of: what an error is counted in, such as ``price squared``; empty where it has no unit.
        symbol: of the unit that every number carries, such as ``dB``.
    """

    name: str
    percent: bool
    relative: bool
    decimals: int = 1
    of: str = ""
    symbol: str = ""

    @property
    def axis(self) -> str:
        """Name of the metric and its unit, for axes.

        Example:
            >>> Units(name="test mean absolute error", percent=False, relative=True, of="MW").axis
            'test mean absolute error (MW)'
        """
        of = self.of or self.symbol
        return f"{self.name} ({of})" if of else self.name

    @property
    def unit(self) -> str:
        """The unit of a printed difference."""
        if self.relative:
            return "%"
        return "points" if self.percent else self.symbol

    def value(self, value: float, unit: str = " %") -> str:
        """A value of the metric; empty for NaN.

        Example:
            >>> Units(name="test accuracy", percent=True, relative=False).value(0.9712)
            '97.1 %'
        """
        if not isfinite(value):
            return ""
        if self.percent:
            return f"{value * 100:.{self.decimals}f}{unit}"
        return f"{value:#.4g} {self.symbol if unit else ''}".rstrip()

    def values(self, low: float, high: float) -> str:
        """An interval of values; empty for NaN."""
        if not (isfinite(low) and isfinite(high)):
            return ""
        return f"{self.value(low, unit='')} to {self.value(high)}"

    def change(self, difference: float) -> float:
        """A difference on the declared scale, in the printed unit."""
        if self.relative:
            return 100 * expm1(min(difference, 700.0))
        return 100 * difference if self.percent else difference

    def number(self, difference: float) -> str:
        """A difference with its sign but without its unit; empty for NaN.

        Example:
            >>> Units(name="test accuracy", percent=True, relative=False).number(0.0083)
            '+0.8'
            >>> Units(name="test loss", percent=False, relative=True).number(6.0)
            'x403'
        """
        if not isfinite(difference):
            return ""
        if self.relative and difference >= log(MANY_TIMES):
            return f"x{exp(min(difference, 700.0)):.3g}"
        # A rounded zero keeps its sign: it says whether an interval includes zero.
        return f"{self.change(difference):+.{self.decimals}f}" if difference else "0"

    def amount(self, difference: float) -> tuple[float, str]:
        """A difference without its sign: a number to sort by, and its text.

        Example:
            >>> Units(name="test accuracy", percent=True, relative=False).amount(-0.0083)[1]
            '0.8 points'
        """
        return abs(self.change(difference)), self.difference(difference).lstrip("+-")

    def bare(self, text: str) -> str:
        """Text of a number in this unit, without the unit."""
        return text.removesuffix(self.unit).rstrip() if self.unit else text

    def span(self, low: float, high: float) -> str:
        """An interval that excludes zero, without signs, the smaller end first.

        Example:
            >>> Units(name="test accuracy", percent=True, relative=False).span(-0.41, -0.04)
            '4.0 to 41.0'
        """
        ends = sorted((self.amount(low), self.amount(high)))
        return " to ".join(self.bare(text) for _, text in ends)

    def difference(self, difference: float) -> str:
        """A difference with sign and unit; empty for NaN."""
        text = self.number(difference)
        return f"{text} {self.unit}".strip() if text and text[0] != "x" else text

    def margin(self, ends: tuple[float, float] | None) -> str:
        """A margin as people say it: its upper end.

        Example:
            >>> Units(name="test accuracy", percent=True, relative=False).margin((-0.015, 0.015))
            '1.5 points'
        """
        return self.difference(ends[1]).lstrip("+") if ends else ""

    def differences(self, low: float, high: float) -> str:
        """An interval of differences; empty where it is open on both sides.

        Example:
            >>> accuracy = Units(name="test accuracy", percent=True, relative=False)
            >>> accuracy.differences(-0.02, 0.01), accuracy.differences(float("-inf"), -0.01)
            ('-2.0 to +1.0', 'below -1.0')
            >>> accuracy.differences(-0.0003, 0.02)
            '-0.03 to +2.00'
        """
        finer = (replace(self, decimals=self.decimals + more) for more in range(4))
        clear = (units for units in finer if not (units.hides(low) or units.hides(high)))
        shown = next(clear, self)
        if isfinite(low) and isfinite(high):
            return f"{shown.number(low)} to {shown.number(high)}"
        if isfinite(high):
            return f"below {shown.number(high)}"
        return f"above {shown.number(low)}" if isfinite(low) else ""

    def hides(self, difference: float) -> bool:
        """True if rounding turns a difference into zero, so that its sign alone tells its side."""
        return (
            isfinite(difference) and difference != 0 and not self.number(difference).strip("+-0.")
        )

    def effect(self, difference: float) -> str:
        """A difference as part of a sentence, such as ``+0.8 points of test accuracy``."""
        link = " of " if self.unit and not self.relative else " "
        return f"{self.difference(difference)}{link}{self.name}"


_POWERS = {1: "", 2: " squared"}
"""Unit of a regression error, written behind the name of its target, by its power."""


def units(
    metric: Metric,
    entry: Entry,
    halves: Iterable[float],
    target: str = "",
    *,
    relative: bool | None = None,
) -> Units:
    """The units of a metric, with enough decimals for two digits of a typical uncertainty.

    Args:
        metric: the one that decides.
        entry: its entry in the catalogue.
        halves: half-widths of intervals of differences, on the declared scale.
        target: name of the predicted quantity of a regression.
        relative: whether differences are of logarithms. Default: the metric's own.
    """
    relative = entry.scale == "log" if relative is None else relative
    factor = 100.0 if relative or entry.percent else 1.0
    sizes = sorted(factor * half for half in halves if isfinite(half) and half > 0)
    typical = sizes[len(sizes) // 2] if sizes else 1.0
    decimals = min(max(1 - floor(log10(typical)), 0 if factor > 1 else 1), 2 if factor > 1 else 6)
    return Units(
        name=f"{metric.split} {metric.name.replace('_', ' ')}",
        percent=entry.percent,
        relative=relative,
        decimals=decimals,
        of=target + _POWERS[entry.power] if target and entry.power else "",
        symbol="" if relative else entry.unit,
    )


def p_value(p: float) -> str:
    """A p as tables print it; empty for NaN.

    Example:
        >>> p_value(0.0123), p_value(0.00001), p_value(1.0), p_value(0.0503)
        ('0.012', '<0.001', '1', '0.0503')
    """
    if not isfinite(p):
        return ""
    if p >= 0.9995:
        return "1"
    if p < 0.001:
        return "<0.001"
    text = f"{p:.3f}"
    # Next to a common threshold three decimals would hide on which side.
    return f"{p:.4f}" if text in {"0.010", "0.050", "0.100"} and float(text) != p else text


def p_equals(p: float) -> str:
    """A p as part of a sentence.

    Example:
        >>> p_equals(0.0123), p_equals(0.00001)
        ('p = 0.012', 'p < 0.001')
    """
    text = p_value(p)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def percent(share: float) -> str:
    """Confidence in percent.

    Example:
        >>> percent(0.95), percent(0.999)
        ('95 %', '99.9 %')
    """
    return f"{100 * share:g} %"


def percent_of(share: float) -> str:
    """A share in whole percent, or with one digit below ten.

    Example:
        >>> percent_of(0.139), percent_of(0.0301)
        ('14 %', '3.0 %')
    """
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.1f} %"


def count(number: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> count(1, "arm"), count(3, "arm")
        ('1 arm', '3 arms')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def ranges(numbers: Sequence[int], most: int = 4) -> str:
    """Whole numbers in rising order, neighbours joined.

    Example:
        >>> ranges([0, 1, 2, 5, 7, 8])
        '0 to 2, 5 and 7 to 8'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return listed([" to ".join(map(str, run)) for run in runs], most)


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names as part of a sentence, the long tail as a number.

    Example:
        >>> listed(["a", "b", "c"]), listed(["a", "b", "c", "d"], most=2)
        ('a, b and c', 'a, b and 2 more')
        >>> listed(["a, x", "b, x"])
        'a, x; and b, x'
    """
    parts = list(names)
    if len(parts) > most + 1:
        parts = [*parts[:most], f"{len(parts) - most} more"]
    # An arm of several factors has commas of its own.
    separator, last = ("; ", "; and ") if any("," in part for part in parts) else (", ", " and ")
    return last.join([separator.join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def without_folders(text: str) -> str:
    """A message without the folders of the machine it comes from.

    Example:
        >>> without_folders("no file '/home/ann/data/x.npz'")
        "no file '.../x.npz'"
    """
    return _FOLDERS.sub(".../", text)


def sentence(text: str) -> str:
    """Remark as a sentence: with a capital in front and a full stop at its end.

    Example:
        >>> sentence("labels are one-hot")
        'Labels are one-hot.'
    """
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."
