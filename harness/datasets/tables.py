"""Named columns of a table as inputs and targets, and what was made of each of them.

All that is learned from the rows, such as the median that fills a gap or the words that a column
may hold, comes from the rows outside the test split.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import seeds
from harness.datasets.cells import COMMA, Column, decide, may_be_grouped
from harness.datasets.splits import TEST_SEED, TEST_SHARE, test_mask
from harness.datasets.tablefiles import rows as rows_of
from harness.datasets.tablefiles import with_tests
from harness.datasets.tabletargets import check_known, target
from harness.errors import DataError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.spec import Columns

    Arrays = Mapping[str, NDArray[np.generic]]
    Mask = NDArray[np.bool_]
    Spread = Mapping[str, Sequence[tuple[str, NDArray[np.float64], bool]]]

WORDS = 50
"""Different words that an input column may have; each becomes a column of zeros and ones."""

NAMED_WORDS = 1000
"""Different words that a column may have if the study calls it categorical."""

MANY = 20
"""Number of values beyond which a column that only rises, or never repeats, numbers the rows."""

_NAMELESS = re.compile(r"(Unnamed: \d+(\.\d+)*|__index_level_\d+__)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A table with the part that each column plays.

    Args:
        file: file that the rows are from.
        rows: a pandas frame; those of a test file are its last.
        test: which rows are from a test file.
        targets: columns to predict.
        inputs: columns to predict from.
        notes: remarks on its treatment so far.
    """

    file: Path
    rows: Any
    test: Mask
    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    notes: tuple[str, ...]


def read(source: Columns, file: Path, test: Path | None = None) -> Arrays:
    """The arrays of a table: ``x_train``, ``y_train``, ``x_test``, ``y_test``, and their names.

    Inputs and real targets are the numbers of the file. Where they are to be shifted and scaled,
    ``standardize`` says which inputs. Groups of columns are several inputs, ``x_train/NAME``.

    Args:
        source: which columns, and what becomes of them.
        file: the table.
        test: a table of test cases.

    Raises:
        DataError: naming file, column and row.
    """
    try:
        return _arrays(source, _chosen(source, file, test))
    except DataError as error:
        raise DataError(f"{file.name}: {error.message}", key="dataset") from None


def _arrays(source: Columns, table: _Table) -> Arrays:
    columns = _decided(source, table)
    notes = [*table.notes, *_forms(columns)]
    inputs = _measured(source, [columns[name] for name in table.inputs], ~table.test, notes)
    complete = _complete(source, [columns[one] for one in (*table.targets, *_key(source))])
    complete &= _complete_inputs(source, inputs, notes)
    if not complete.all():
        notes.append(f"{(~complete).sum():,} of {len(complete):,} rows lack a value: left out")
    inputs = [column.only(complete) for column in inputs]
    targets = [columns[name].only(complete) for name in table.targets]
    y, task, classes = target(targets, source.task, notes)
    test, order, drawn = _split(source, columns, table.test[complete], y, complete)
    check_known(y, test, classes)
    _few_words(source, inputs, ~test)
    spread = {one.name: [*_spread(one, ~test, source, notes)] for one in inputs}
    parts = _grouped(source, _varied(spread, ~test, notes))
    x = {key: np.stack([one for _, one, _ in part], axis=1) for key, part in parts.items()}
    known, unknown = (order[chosen[order]] for chosen in (~test, test))
    named = {"classes": np.array(classes)} if classes else {"target_name": np.array(table.targets)}
    return {
        **{f"x_train{key}": part[known] for key, part in x.items()},
        "y_train": y[known],
        **{f"x_test{key}": part[unknown] for key, part in x.items()},
        "y_test": y[unknown],
        **{f"columns{key}": np.array([one for one, _, _ in part]) for key, part in parts.items()},
        "task": np.array(task),
        **(_numbers(parts) if source.standardize else {}),
        **named,
        **{name: part[known] if name == "groups" else part for name, part in drawn.items()},
        **({"notes": np.array(notes)} if notes else {}),
    }


# -- the file ------------------------------------------------------------------------------------


def _chosen(source: Columns, file: Path, test: Path | None) -> _Table:
    """File with its columns sorted into those that are meant."""
    rows, notes = rows_of(file, source.decimal)
    names = [*map(str, rows.columns)]
    targets = (source.target,) if isinstance(source.target, str) else source.target
    for name in (*targets, *source.named, *source.categorical, *source.drop, *_key(source)):
        if name not in names:
            raise DataError(f"expected a column. Received: {name!r}. {nearest(name, names)}")
    nameless = [name for name in names if _NAMELESS.fullmatch(name)]
    others = {*targets, *source.drop, *_key(source), *nameless}
    inputs = source.named or tuple(name for name in names if name not in others)
    if {*inputs} & {*targets, *source.drop} or not inputs or not targets:
        raise DataError(
            "expected a target column, and input columns that are neither target nor dropped. "
            f"Received: inputs {', '.join(inputs) or 'none'}."
        )
    if nameless and not {*nameless} & {*inputs}:
        notes.append("a column without a name, such as a table's index, is no input")
    tested = np.zeros(len(rows), bool)
    if test is not None:
        rows, tested = with_tests(rows, test, source.decimal, (*targets, *inputs))
    return _Table(
        file=file, rows=rows, test=tested, targets=targets, inputs=inputs, notes=tuple(notes)
    )


def _key(source: Columns) -> list[str]:
    """Name of the column that decides the splits, if there is one."""
    return [source.split.group or source.split.time] if source.split else []


# -- what columns are ----------------------------------------------------------------------------


def _decided(source: Columns, table: _Table) -> dict[str, Column]:
    """Decide the kind of all columns in use; report everything wrong with them at once."""
    columns, wrong = {}, []
    for name in dict.fromkeys((*table.targets, *table.inputs, *_key(source))):
        named = name in source.categorical
        try:
            columns[name] = decide(table.rows[name], name, source.decimal, categorical=named)
        except DataError as error:
            wrong.append(error.message)
    if wrong:
        raise DataError("\n".join(wrong[:10]))
    _one_decimal(source, columns, table.file)
    return columns


def _one_decimal(source: Columns, columns: Mapping[str, Column], file: Path) -> None:
    """Refuse a file with a decimal comma in one column and doubtful points in another."""
    commas = [name for name, column in columns.items() if column.form == COMMA]
    if not commas or source.decimal or file.suffix == ".parquet":
        return
    written, _ = rows_of(file, ",")
    for name, column in columns.items():
        plain = column.numbers is not None and not (column.form or column.date or column.whole)
        if plain and may_be_grouped(written[name]):
            raise DataError(
                f"expected numbers that can be read in one way. Received: a decimal comma in "
                f"column {commas[0]!r}, and points in {name!r} that may stand between thousands. "
                "Say decimal = ',' if they do; else rewrite one of the columns."
            )


def _forms(columns: Mapping[str, Column]) -> Iterator[str]:
    for form in sorted({column.form for column in columns.values() if column.form}):
        named = [name for name, column in columns.items() if column.form == form]
        yield f"{form}: {_listed(named)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _measured(
    source: Columns, inputs: Sequence[Column], known: Mask, notes: list[str]
) -> list[Column]:
    """Columns without the empty ones and those that only identify rows."""
    empty = [one.name for one in inputs if one.missing[known].all()]
    if empty:
        notes.append(f"not inputs, because they are empty: {_listed(empty)}")
    kept = {*source.named, *source.categorical}
    left = [
        one.name
        for one in inputs
        if one.name not in kept and one.name not in empty and _identifies(one, known)
    ]
    if left:
        notes.append(
            f"not inputs, because they number or name the rows: {_listed(left)} (to keep one, "
            "list it in 'inputs')"
        )
    made = [one for one in inputs if one.name not in {*left, *empty}]
    if not made:
        raise DataError(
            "expected an input column that describes the cases. Received: only columns that are "
            "empty, or that number or name the rows. To keep one, list it in 'inputs'."
        )
    return made


def _identifies(column: Column, known: Mask) -> bool:
    """True if a column numbers or names its rows, so that it says nothing about new rows."""
    given = known & ~column.missing
    if column.words is not None:
        words = column.words[given]
        return len(words) > MANY and len({*words}) == len(words)
    assert column.numbers is not None
    numbers = column.numbers[given]
    different = len(np.unique(numbers))
    if different <= MANY or column.date:
        return False
    steps = np.diff(numbers)
    rises = bool((steps >= 0).all() or (steps <= 0).all())
    return (column.whole and (rises or different == len(numbers))) or (
        rises and different == len(numbers)
    )


# -- missing values ------------------------------------------------------------------------------


def _complete(source: Columns, columns: Sequence[Column]) -> Mask:
    """Mask of rows that have a value in all columns that cannot be filled in."""
    missing = np.stack([column.missing for column in columns])
    gaps = [one for one, gap in zip(columns, missing, strict=True) if gap.any()]
    if gaps and source.missing != "drop":
        raise DataError(
            f"expected a value in every row. Received: none in {_gaps(gaps)}. Say missing = 'drop' "
            "to leave these rows out."
        )
    complete: Mask = np.logical_not(missing.any(axis=0))
    return complete


def _complete_inputs(source: Columns, inputs: Sequence[Column], notes: list[str]) -> Mask:
    """Mask of the rows in use, after inputs without a value are treated as the study says."""
    gaps = [column for column in inputs if column.missing.any()]
    if gaps and not source.missing:
        raise DataError(
            f"expected a value in every row. Received: none in {_gaps(gaps)}. Say missing = "
            "'median' (fill them in), 'indicator' (and say where) or 'drop' (leave these rows "
            "out), or leave columns out by drop = [...]."
        )
    if source.missing == "drop":
        complete: Mask = ~np.any([column.missing for column in inputs], axis=0)
        return complete
    numbers = [column.name for column in gaps if column.numbers is not None]
    if numbers:
        more = ", and where is an input too" if source.missing == "indicator" else ""
        median = "filled in with the median of the rows outside the test split"
        notes.append(f"{median}: {_listed(numbers)}{more}")
    words = [column.name for column in gaps if column.words is not None]
    if words:
        notes.append(f"no value counts as a word of its own in: {_listed(words)}")
    return np.ones(len(inputs[0].missing), bool)


def _gaps(columns: Sequence[Column]) -> str:
    shown = [
        f"{len(rows):,} of {len(column.missing):,} rows of {column.name!r} (first: {rows[0] + 1})"
        for column in columns[:10]
        for rows in [np.flatnonzero(column.missing)]
    ]
    more = f", and in {len(columns) - 10} more columns" if len(columns) > 10 else ""
    return ", ".join(shown) + more


# -- splits --------------------------------------------------------------------------------------


def _split(
    source: Columns,
    columns: Mapping[str, Column],
    official: Mask,
    y: NDArray[np.generic],
    complete: Mask,
) -> tuple[Mask, NDArray[np.intp], Arrays]:
    """Mask of test cases, order of all cases, and the basis for drawing validation cases."""
    if source.test and not official.any():
        raise DataError(
            "expected test cases with a value in every column. Received: none. Say missing = "
            "'median' to fill gaps, or leave columns out by drop = [...]."
        )
    order = np.arange(len(y))
    if source.split is None:
        return (official if official.any() else test_mask(y)), order, {}
    by = columns[source.split.group or source.split.time].only(complete)
    if source.split.group:
        values = by.words if by.numbers is None else by.numbers
        assert values is not None
        _, groups = np.unique(values, return_inverse=True)
        test = official if official.any() else _some_groups(groups, by.name)
        return test, order, {"groups": groups.astype(np.int64)}
    if by.numbers is None:
        raise DataError(
            f"expected dates such as 2020-12-31, or numbers, in column {by.name!r}, to split by "
            "time."
        )
    order = np.argsort(by.numbers, kind="stable")
    test = official if official.any() else _latest(by.numbers, by.name)
    return test, order, {"ordered": np.array(True)}


def _some_groups(groups: NDArray[np.integer], name: str) -> Mask:
    """Mask of all rows of a fifth of the groups."""
    count = int(groups.max()) + 1
    if count < 3:
        raise DataError(
            f"expected at least 3 groups in column {name!r}: to train, to validate and to test. "
            f"Received: {count}."
        )
    shuffled = seeds.permutation(seeds.stream(TEST_SEED, "data", 0, "test"), count)
    return np.isin(groups, shuffled[: max(1, round(count * TEST_SHARE))])


def _latest(times: NDArray[np.float64], name: str) -> Mask:
    """Mask of the last fifth of the rows by time; rows of one time stay together."""
    first = np.sort(times)[len(times) - max(1, round(len(times) * TEST_SHARE))]
    late: Mask = times >= first
    if late.all():
        raise DataError(
            f"expected at least 2 different times in column {name!r}, to split by time. "
            "Received: too few. Name another column, or leave 'split' out."
        )
    return late


def _few_words(source: Columns, inputs: Sequence[Column], known: Mask) -> None:
    """Refuse columns with too many words, as each would become an input; they rather name cases."""
    many = {
        column.name: words
        for column in inputs
        if column.words is not None
        for words in [sorted({*column.words[known]})]
        if len(words) > (NAMED_WORDS if column.name in source.categorical else WORDS)
    }
    if many:
        shown = [f"{len(words)} in {name!r}, such as {words[0]!r}" for name, words in many.items()]
        raise DataError(
            f"expected numbers or at most {WORDS} different words in a column. Received: "
            f"{'; '.join(shown[:10])}. Leave out by drop = {[*many]}, or name in 'categorical'."
        )


# -- inputs --------------------------------------------------------------------------------------


def _spread(
    column: Column, known: Mask, source: Columns, notes: list[str]
) -> Iterator[tuple[str, NDArray[np.float64], bool]]:
    """A column of numbers, or one of zeros and ones for each of its words, with its name."""
    if column.numbers is not None:
        yield from _filled(column, known, source, notes)
        return
    assert column.words is not None
    words = sorted({*column.words[known]})
    unseen = sorted({*column.words[~known]} - {*words})
    if unseen:
        notes.append(
            f"words of column {column.name} that only test cases have count as none of its words: "
            f"{_listed(unseen)}"
        )
    for word in words:
        yield f"{column.name}={word}", (column.words == word).astype(np.float64), False


def _filled(
    column: Column, known: Mask, source: Columns, notes: list[str]
) -> Iterator[tuple[str, NDArray[np.float64], bool]]:
    assert column.numbers is not None
    numbers, missing = column.numbers, column.missing
    given = numbers[known & ~missing]
    if not len(given):
        return
    if column.date:
        day = np.datetime64(int(given.min()), "D")
        notes.append(f"column {column.name} is read as days since {day}")
        if source.split is None and not source.test:
            notes.append(
                "test cases are drawn by chance from all times; to test on the latest say split = "
                f"{{ time = {column.name!r} }}"
            )
        numbers = numbers - np.floor(given.min())
        given = given - np.floor(given.min())
    yield column.name, np.where(missing, np.median(given), numbers), True
    if missing.any() and source.missing == "indicator":
        yield f"{column.name} missing", missing.astype(np.float64), False


def _varied(spread: Spread, known: Mask, notes: list[str]) -> Spread:
    """Inputs without those that are the same in all rows outside the test split."""
    every = [part for parts in spread.values() for part in parts]
    constant = {label for label, numbers, _ in every if np.ptp(numbers[known]) == 0}
    if constant:
        notes.append(
            f"not inputs, because they are the same in every row: {_listed(sorted(constant))}"
        )
    left = {
        name: [part for part in parts if part[0] not in constant] for name, parts in spread.items()
    }
    if not any(left.values()):
        raise DataError(
            "expected an input column whose values differ between rows. Received: none, the test "
            "split aside. Add columns that vary."
        )
    return left


def _grouped(source: Columns, spread: Spread) -> Spread:
    """Input parts by the ending of array names: empty, or ``/NAME`` for each group of columns."""
    if not isinstance(source.inputs, dict):
        return {"": [part for parts in spread.values() for part in parts]}
    groups = {
        f"/{group}": [part for name in dict.fromkeys(names) for part in spread.get(name, ())]
        for group, names in source.inputs.items()
    }
    nothing = [repr(key[1:]) for key, parts in groups.items() if not parts]
    if nothing:
        raise DataError(
            "expected a column with differing values in each group of inputs. Received: none in "
            f"{', '.join(nothing)}. Add one there, or leave the group out."
        )
    return groups


def _numbers(parts: Spread) -> Arrays:
    """Flags for the numeric inputs, which are to be shifted and scaled."""
    return {
        f"standardize{key}": np.array([number for _, _, number in part])
        for key, part in parts.items()
    }
