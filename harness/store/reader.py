"""Looking into a store: read-only, beside a running study."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from harness.errors import StoreError
from harness.links import refuse_links
from harness.records import Definition
from harness.spec import Study
from harness.store import disk, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def exists(folder: Path) -> bool:
    """Whether a folder holds a store."""
    return (folder / schema.FILE).is_file()


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection for looking only; works beside a running study.

    Raises:
        StoreError: if there is no store in the folder, or one that cannot be read, or if a part of
            it is a link.
    """
    if not exists(folder):
        raise StoreError(
            f"expected a folder with a study's results ({schema.FILE}). Received: {str(folder)!r}."
        )
    refuse_links(*(folder / name for name in disk.MEMBERS))
    address = f"{(folder / schema.FILE).resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as db:
            schema.check(db, folder)
            yield db
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise StoreError(f"{folder / schema.FILE} cannot be read: {error}.") from error


def counts(folder: Path) -> dict[tuple[str, str], int]:
    """Number of trials by phase and status, in the current definition of a study."""
    with reading(folder) as db:
        idle = disk.is_free(folder)
        rows = db.execute(
            "SELECT phase, status, count(*) FROM member JOIN trial ON trial = key "
            "WHERE revision = (SELECT max(revision) FROM study) GROUP BY phase, status"
        )
        # Without a process that runs it, what was running when it was killed is not.
        names = {"running": "interrupted"} if idle else {}
        found: Counter[tuple[str, str]] = Counter()
        for phase, status, count in rows:
            found[phase, names.get(status, status)] += count
        return dict(found)


def definition(folder: Path) -> Definition | None:
    """What a store was last run with; ``None`` if it was made but never given a study.

    Raises:
        StoreError: if there is no store, or it is damaged.
    """
    with reading(folder) as db:
        row = db.execute(
            "SELECT definition, card, code FROM study ORDER BY revision DESC LIMIT 1"
        ).fetchone()
    if row is None:
        return None
    try:
        data = json.loads(row[1])["digest"]
        return Definition(study=Study(**json.loads(row[0])), data=data, code=row[2])
    except (json.JSONDecodeError, KeyError) as error:
        raise StoreError(f"the definition in {str(folder)!r} is damaged: {error}.") from error
