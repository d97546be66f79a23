"""Progress of a study by arm, and the cost of its trainings so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.records import Seconds
from harness.store.reader import reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress on the current definition of a study.

    Args:
        enrolled: trials by arm and phase.
        done: those of them that have a result.
        seconds: mean length of a finished training, by phase.
        workers: trainings at the same time, when the last one began.
        changed: when the store was last written to, in ISO 8601; empty if never.
    """

    enrolled: Mapping[tuple[int, str], int]
    done: Mapping[tuple[int, str], int]
    seconds: Mapping[str, float]
    workers: int
    changed: str


def progress(folder: Path) -> Progress:
    """Read how far a study is, beside a process that may be running it.

    Raises:
        StoreError: if there is no store, or it is damaged.
    """
    spent = " + ".join(Seconds.model_fields)
    current = "member.revision = (SELECT max(revision) FROM study)"
    with reading(folder) as db:
        db.execute("BEGIN")
        rows = db.execute(
            "SELECT arm, phase, count(*), sum(status IN ('completed', 'diverged')) FROM member "  # noqa: S608, our own names
            f"JOIN trial ON trial = key WHERE {current} GROUP BY arm, phase"
        ).fetchall()
        seconds = db.execute(
            f"SELECT member.phase, avg({spent}) FROM member "  # noqa: S608, our own names
            "JOIN trial ON trial.key = member.trial JOIN attempt ON attempt.trial = trial.key "
            f"AND attempt.number = trial.attempt WHERE {current} "
            "AND attempt.status IN ('completed', 'diverged') GROUP BY member.phase"
        ).fetchall()
        last = db.execute("SELECT workers FROM attempt ORDER BY rowid DESC LIMIT 1").fetchone()
        (changed,) = db.execute("SELECT max(at) FROM event").fetchone()
    return Progress(
        enrolled={(arm, phase): count for arm, phase, count, _ in rows},
        done={(arm, phase): done for arm, phase, _, done in rows},
        seconds=dict(seconds),
        workers=max(1, last[0]) if last else 1,
        changed=changed or "",
    )
