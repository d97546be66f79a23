"""Reading of the cells of one table column as numbers, dates or words.

A column is decided as a whole. Numbers may be written with a decimal comma or in thousands, if all
of the column can be read in one way only; what stands for "no value" among numbers, such as ``?``
or ``NA``, is a word like any other among words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Texts = NDArray[np.object_]
    Floats = NDArray[np.float64]

MISSING = frozenset({"", "?", "-", ".", "n/a", "na", "nan", "null", "none", "<na>", "#n/a"})
"""Cells, in lower case, that mean a missing value where all others are numbers or dates."""

MOSTLY = 0.9
"""Share of numbers from which a column counts as numbers, so that a word in it is refused."""

COMMA, THOUSANDS = "read with a decimal comma", "read with commas between thousands"
MIXED = "taken as words, though some are numbers"
"""Notes on how a column was read."""

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_PLAIN = re.compile(rf"[+-]?(?:\d+\.?\d*|\.\d+){_EXPONENT}|[+-]?inf(?:inity)?", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d+")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_GROUPED_BY_DOTS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+")
_COMMA = re.compile(rf"[+-]?(?:\d{{1,3}}(?:\.\d{{3}})+|\d+)?,\d+{_EXPONENT}")
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_LOCAL_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})(?: .*)?")
_UNITS = "%$€£ \u00a0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Column of a table with its kind decided.

    Args:
        name: in the file.
        numbers: one per row, NaN where there is none; dates as days since 1970.
        words: one per row, empty where there is none; only where there are no numbers.
        date: whether the numbers are dates.
        form: how cells are written, where that needs to be said.
    """

    name: str
    numbers: Floats | None = None
    words: Texts | None = None
    date: bool = False
    form: str = ""

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Mask of the cells that have no value."""
        if self.numbers is not None:
            return np.isnan(self.numbers)
        assert self.words is not None
        empty: NDArray[np.bool_] = self.words == ""
        return empty

    @property
    def whole(self) -> bool:
        """True if all values are whole numbers."""
        if self.numbers is None or self.date:
            return False
        return bool((np.mod(self.numbers[~self.missing], 1) == 0).all())

    def only(self, rows: NDArray[Any]) -> Column:
        """Column with some of its rows."""
        parts = (None if one is None else one[rows] for one in (self.numbers, self.words))
        numbers, words = parts
        return Column(name=self.name, numbers=numbers, words=words, date=self.date, form=self.form)


def decide(column: Any, name: str, decimal: str = "", *, categorical: bool = False) -> Column:
    """Read a column as numbers, dates or words.

    Args:
        column: a pandas series.
        name: of the column.
        decimal: decimal sign in texts, ``.`` or ``,``; empty: find out.
        categorical: whether numbers are names too.

    Raises:
        DataError: if its cells cannot be read in one way, or a number is infinite.

    Example:
        >>> import pandas as pd
        >>> decide(pd.Series(["3,14", "?", "2"]), "size").numbers
        array([3.14,  nan, 2.  ])
        >>> decide(pd.Series(["None", "a"]), "kind").words.tolist()
        ['None', 'a']
    """
    import pandas as pd

    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else ""
    types = pd.api.types
    if kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
        return Column(name=name, numbers=_days(column), date=True)
    nullable = types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype)
    if kind in set("iuf") or (not kind and nullable):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        if categorical:
            return Column(name=name, words=np.array([*map(_written, numbers)], object))
        return Column(name=name, numbers=_finite(numbers, name))
    texts = np.array([text.strip() for text in column.astype(object).fillna("").map(str)], object)
    if categorical or isinstance(column.dtype, pd.CategoricalDtype) or kind == "b":
        return Column(name=name, words=texts)
    return _decided(texts, name, decimal)


def may_be_grouped(column: Any) -> bool:
    """True if every point in a column of texts could separate thousands."""
    texts = {text.strip() for text in column.astype(str)}
    given = [text for text in texts if text.lower() not in MISSING]
    return all(_WHOLE.fullmatch(text) or _GROUPED_BY_DOTS.fullmatch(text) for text in given)


def _written(number: float) -> str:
    """Text of a number, used as a name; empty where there is no number."""
    if np.isnan(number):
        return ""
    return str(int(number)) if number % 1 == 0 else str(float(number))


def _days(column: Any) -> Floats:
    import pandas as pd

    times = pd.to_datetime(column, utc=True)
    days: Floats = ((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)).to_numpy(np.float64)
    return days


def _finite(numbers: Floats, name: str) -> Floats:
    rows = np.flatnonzero(np.isinf(numbers))
    if len(rows):
        raise DataError(
            f"column {name!r}: expected finite numbers. Received: {numbers[rows[0]]} in row "
            f"{rows[0] + 1}{_more(len(rows) - 1, 'infinite')}."
        )
    return numbers


def _more(count: int, what: str) -> str:
    return f", and {count:,} more that are {what}" if count else ""


def _decided(texts: Texts, name: str, decimal: str) -> Column:
    """Column of texts, read by its different texts."""
    import pandas as pd

    codes, found = pd.factorize(texts)
    given = [text for text in found if text.lower() not in MISSING]
    if not given:
        return Column(name=name, words=texts)
    read, form = _number_form(given, name, decimal)
    if read is not None:
        by_text = [_missing_or(text, read) for text in found]
        return Column(name=name, numbers=_finite(np.array(by_text)[codes], name), form=form)
    if all(map(_ISO.fullmatch, given)):
        return Column(name=name, numbers=_dates(found, name)[codes], date=True)
    if all(map(_LOCAL_DATE.fullmatch, given)):
        raise DataError(
            f"column {name!r}: expected dates that begin with the year, such as 2020-12-31. "
            f"Received: {given[0]!r}, whose day and month may be either. Rewrite them, or name "
            "the column in 'drop'."
        )
    _refuse_mostly_numbers(texts, given, name)
    mixed = any(map(_looks_like_number, given))
    return Column(name=name, words=texts, form=MIXED if mixed else "")


def _dates(found: Sequence[str], name: str) -> Floats:
    import pandas as pd

    given = pd.Series([None if text.lower() in MISSING else text for text in found])
    try:
        return _days(pd.to_datetime(given, utc=True, format="ISO8601"))
    except ValueError as error:
        raise DataError(f"column {name!r}: expected dates. Received: {error}.") from None


def _missing_or(text: str, read: Callable[[str], float]) -> float:
    return float("nan") if text.lower() in MISSING else read(text)


def _number_form(
    given: Sequence[str], name: str, decimal: str
) -> tuple[Callable[[str], float] | None, str]:
    """Function that reads texts as numbers, if all of them are, and a note on their format."""
    plain = all(map(_PLAIN.fullmatch, given))
    if plain and decimal != ",":
        return float, ""
    points = all(_PLAIN.fullmatch(text) or _GROUPED.fullmatch(text) for text in given)
    commas = all(
        _WHOLE.fullmatch(text) or _COMMA.fullmatch(text) or _GROUPED_BY_DOTS.fullmatch(text)
        for text in given
    )
    if points and commas and not decimal:
        example = next(text for text in given if "," in text)
        raise DataError(
            f"column {name!r}: expected numbers that can be read in one way. Received: "
            f"{example!r}, {_as_point(example):g} or {_as_comma(example):g}. Say decimal = '.' or "
            "decimal = ','."
        )
    if points and decimal != ",":
        return _as_point, THOUSANDS
    if commas and decimal != ".":
        return _as_comma, COMMA
    return None, ""


def _as_point(text: str) -> float:
    return float(text.replace(",", ""))


def _as_comma(text: str) -> float:
    return float(text.replace(".", "").replace(",", "."))


def _looks_like_number(text: str) -> bool:
    bare = text.strip(_UNITS)
    return any(form.fullmatch(bare) for form in (_PLAIN, _GROUPED, _COMMA, _GROUPED_BY_DOTS))


def _refuse_mostly_numbers(texts: Texts, given: Sequence[str], name: str) -> None:
    """Refuse a column of numbers with a few words, or every number would become an input."""
    numbers = {text for text in given if _looks_like_number(text)}
    others = {text for text in given if text not in numbers}
    rows = np.array([text in numbers for text in texts])
    words = np.array([text in others for text in texts])
    if rows.sum() <= MOSTLY * (rows.sum() + words.sum()):
        return
    unread = sorted(others) or sorted(
        (text for text in numbers if not _PLAIN.fullmatch(text)), key=len
    )
    shown = ", ".join(map(repr, unread[:5]))
    first = 1 + int(np.flatnonzero(texts == unread[0])[0])
    raise DataError(
        f"column {name!r}: expected numbers, as nearly all of its cells are. Received: {shown}"
        f"{', ...' if len(unread) > 5 else ''} (row {first}). Leave such cells empty, write "
        "numbers bare and in one form, or name the column in 'categorical' or 'drop'."
    )
