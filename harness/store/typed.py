"""Rows of a store as typed values: the one place where their texts are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness import limits
from harness.card import Card
from harness.errors import StoreError, StudyError
from harness.printable import printable
from harness.records import Artifact, Environment, Member, Seconds, Status
from harness.spec import Metric, Study, Trial

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_SAID = 200
"""Characters of a message that are quoted from a damaged row."""


def _one_of(column: str, *names: str) -> str:
    return f"{column} NOT IN ({', '.join(map(repr, names))})"


def _between(low: float, high: float, *columns: str) -> dict[str, str]:
    return {column: f'"{column}" NOT BETWEEN {low} AND {high}' for column in columns}


_BEGUN = (*get_args(Status), "running")
_WRONG = {
    "member": (
        "'revision ' || revision || ', arm ' || arm || ', replicate ' || replicate",
        {
            "phase": _one_of("phase", *get_args(Member.model_fields["phase"].annotation)),
            **_between(0, limits.COUNT, "arm", "candidate", "replicate"),
        },
    ),
    "trial": (
        "key",
        {
            "status": _one_of("status", *_BEGUN, "pending"),
            **_between(0, limits.COUNT, "attempt"),
            "definition": "NOT json_valid(definition)",
        },
    ),
    "attempt": (
        "'trial ' || trial || ', number ' || number",
        {
            "status": _one_of("status", *_BEGUN),
            "route": _one_of("route", "", "program", "fit"),
            **_between(0, 1, "xla", "reused"),
            **_between(1, limits.COUNT, "number"),
            **_between(0, limits.COUNT, "workers", "epochs", "best_epoch"),
            **_between(0, limits.SECONDS, *Seconds.model_fields),
        },
    ),
    "artifact": (
        "'trial ' || trial",
        {
            "kind": _one_of("kind", *get_args(Artifact.model_fields["kind"].annotation)),
            **_between(-1, limits.COUNT, "epoch"),
            # It becomes the name of a file.
            "digest": "length(digest) <> 64 OR digest GLOB '*[^0-9a-f]*'",
        },
    ),
}
"""By table: words that tell a row from others, and what no version writes in its columns."""

_WRONG_FACTS = {
    "fact": (
        "'trial ' || trial || ', epoch ' || epoch || ', quantity ' || quantity",
        {
            "value": f"NOT abs(value) <= {limits.NUMBER}",
            **_between(-1, limits.COUNT, "epoch"),
            "quantity": "quantity NOT GLOB '?*/?*'",
        },
    )
}


def check(db: sqlite3.Connection) -> None:
    """Refuse rows, but for facts, with values that no reader knows what to make of.

    Args:
        db: of a store of the current schema.

    Raises:
        StoreError: naming table and row.
    """
    _check(db, _WRONG)


def check_facts(db: sqlite3.Connection) -> None:
    """Refuse measured numbers that no training can have.

    Raises:
        StoreError: naming the row.
    """
    _check(db, _WRONG_FACTS)


def _check(db: sqlite3.Connection, wrong: Mapping[str, tuple[str, Mapping[str, str]]]) -> None:
    for table, (place, columns) in wrong.items():
        told = " ".join(
            f"WHEN {condition} THEN '{column} ' || quote(\"{column}\")"
            for column, condition in columns.items()
        )
        found = db.execute(
            f"SELECT {place}, CASE {told} END AS told FROM {table} WHERE told NOT NULL LIMIT 1"  # noqa: S608, our own text
        ).fetchone()
        if found is not None:
            raise refused(table, *found)


@contextmanager
def row(table: str, place: object) -> Iterator[None]:
    """Tell whatever goes wrong with the content of a row as an error that names it.

    Args:
        table: its name.
        place: what tells the row from others.

    Raises:
        StoreError: naming both.
    """
    try:
        yield
    except StoreError:
        raise
    except RecursionError:
        raise refused(table, place, "lists or tables without end") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise refused(table, place, f"{key}: {first['msg']}, not {first['input']!r}") from error
    except (StudyError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise refused(table, place, str(error)) from error


def refused(table: str, place: object, received: str) -> StoreError:
    """The error of a row that cannot be read.

    Args:
        table: its name.
        place: what tells the row from others.
        received: what stands there.
    """
    return StoreError(
        f"expected a row of table {table!r} as this version writes it. Received, in row "
        f"{_quoted(place)}: {_quoted(received)}. A newer keras-harness wrote it, which can read "
        "it, or it is damaged: go back to a copy of the folder. Nothing was changed."
    )


def _quoted(received: object) -> str:
    told = printable(" ".join(str(received).split())).rstrip(".")
    return told.encode(errors="backslashreplace").decode()[:_SAID]


def parsed(text: str) -> Any:
    """Content of a JSON text, within the limits, all of it fit to be written again.

    Raises:
        ValueError: if it is none.
        RecursionError: if it is nested without end.
    """
    if len(text) > limits.TEXT:
        raise ValueError(f"expected at most {limits.TEXT:,} characters")
    content = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    limits.refuse_deep(content)
    json.dumps(content, ensure_ascii=False).encode()  # half a pair of surrogates is no text
    return content


def _no_number(text: str) -> float:
    raise ValueError(f"expected a finite number. Received: {text}")


def _finite(text: str) -> float:
    return float(text) if isfinite(float(text)) else _no_number(text)


def table(text: str) -> dict[str, Any]:
    """Content of a JSON text that is a table, with names for keys.

    Raises:
        ValueError: as ``parsed``; also if it is something else.
    """
    content = parsed(text)
    if not isinstance(content, dict):
        raise ValueError(f"expected a table. Received: {text[:40]}")  # noqa: TRY004, as others
    return content


def study(revision: int, text: str) -> Study:
    """The definition of a revision."""
    with row("study", revision):
        fields = table(text)
        limits.refuse_large(fields)
        return Study(**fields)


def fields(name: str, place: object, text: str) -> dict[str, Any]:
    """Fields of a table in a row's JSON text, as they stand there."""
    with row(name, place):
        return table(text)


def metric(revision: int, text: str) -> Metric:
    """The metric that decides in a revision."""
    with row("study", revision):
        return Metric.parse(text)


def card(revision: int, text: str) -> Card:
    """The card of the data of a revision."""
    with row("study", revision):
        found = Card.read(table(text))
        _check_card(found)
        return found


def trial(key: str, text: str) -> Trial:
    """A training, which is the one that its key was made of."""
    with row("trial", key):
        found = Trial(**table(text))
        if found.key != key:
            raise ValueError(f"expected the trial of this key. Received: that of {found.key[:8]}")
        return found


def environment(digest: str, text: str) -> Environment:
    """The circumstances of attempts."""
    with row("environment", digest):
        return Environment(**table(text))


def hyperparameters(place: object, text: str) -> dict[str, Any]:
    """Values that were proposed for a place in the study."""
    with row("member", place):
        found = table(text)
        for name, value in found.items():
            if not isinstance(value, str | int | float):
                raise ValueError(f"expected a number or a name. Received: {name} = {value}")  # noqa: TRY004, as others
            if not isinstance(value, str):
                _ = float(value)  # or it is too large
        return found


def time(text: str) -> datetime:
    """Time of an event."""
    with row("event", text):
        return datetime.fromisoformat(text)


def _check_card(found: Card) -> None:
    """Refuse values of other types than a card's own, in its sources and other draws too."""
    for one in found.family:
        for name, kind in _kinds().items():
            try:
                kind.validate_python(getattr(one, name))
            except ValidationError as error:
                said = error.errors(include_url=False)[0]
                raise ValueError(f"{name}: {said['msg']}, not {said['input']!r}") from None


@cache
def _kinds() -> dict[str, TypeAdapter[Any]]:
    """Types of a card's fields, but for the cards inside of it."""
    hints = get_type_hints(Card, localns={"Mapping": Mapping, "Shape": tuple[int, ...]})
    own = {name: kind for name, kind in hints.items() if name not in {"sources", "draws"}}
    return {name: TypeAdapter(kind, config=ConfigDict(strict=True)) for name, kind in own.items()}
