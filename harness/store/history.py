"""Times at which a study was written down, and the later changes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.records import Revision
from harness.store import typed

if TYPE_CHECKING:
    import sqlite3

_DEEP = ("factors", "fixed", "tune", "baseline")
"""Tables of a study, of which single keys are named."""


def history(db: sqlite3.Connection) -> tuple[Revision, ...]:
    """All definitions that a study had, the first one first.

    Args:
        db: of ``reading``.
    """
    begun = {
        _revision(seq, payload): (seq, at)
        for seq, at, payload in db.execute(
            "SELECT seq, at, payload FROM event WHERE kind = 'study revised' ORDER BY seq DESC"
        )
    }
    found: list[Revision] = []
    before: dict[str, Any] | None = None
    for number, text, card, code in db.execute(
        "SELECT revision, definition, card, code FROM study ORDER BY revision"
    ):
        study, (seq, at) = typed.study(number, text), begun.get(number, (0, ""))
        data = typed.fields("study", number, card).get("digest")
        told = {**typed.fields("study", number, text), "data": data, "code of yours": code}
        found.append(
            Revision(
                number=number,
                digest=study.digest(),
                at=at,
                changed=tuple(_changed(before, told)) if before else (),
                finished=_finished(db, seq),
            )
        )
        before = told
    return tuple(found)


def _revision(seq: int, payload: str) -> int | None:
    number = typed.fields("event", seq, payload).get("revision")
    return number if isinstance(number, int) else None


def _finished(db: sqlite3.Connection, seq: int) -> int:
    """Trials with a result at some point of the events."""
    ((count,),) = db.execute(
        "SELECT count(DISTINCT trial) FROM event WHERE kind = 'attempt ended' AND seq < ? "
        "AND json_extract(payload, '$.status') IN ('completed', 'diverged')",
        (seq,),
    )
    return int(count)


def _changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Keys of a study whose values differ, those of its tables one by one."""
    keys = []
    for key in dict.fromkeys((*after, *before)):
        old, new = before.get(key), after.get(key)
        if key in _DEEP and isinstance(old, dict) and isinstance(new, dict):
            parts = [part for part in dict.fromkeys((*new, *old)) if old.get(part) != new.get(part)]
            # The order of factors is the order of arms.
            keys += [f"{key}.{part}" for part in parts] or [key] * ([*old] != [*new])
        elif old != new:
            keys.append(key)
    return keys
