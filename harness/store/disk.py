"""Lock on a store's folder, and messages to users when the disk refuses."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from harness.errors import BusyError, DiskError, StoreError
from harness.links import refuse_links

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


HOLDER = "process "
"""Beginning of a lock file's content."""

REFUSALS = {
    "SQLITE_FULL",
    "SQLITE_IOERR_FSYNC",
    "SQLITE_IOERR_SHMSIZE",
    "SQLITE_IOERR_TRUNCATE",
    "SQLITE_IOERR_WRITE",
}


MEMBERS = (
    "attempts",
    "lock",
    "logs",
    "objects",
    "report",
    *(f"study.db{end}" for end in ("", "-journal", "-shm", "-wal", ".schema-1")),
)
"""Names of the files in a store's folder; other files there are left alone."""


def lock(folder: Path) -> Any:
    """Hold the folder until the process ends, however it ends.

    Raises:
        BusyError: if another process holds it.
        StoreError: if a part of it is a link, or the lock is a file of somebody else's.
    """
    refuse_links(*(folder / name for name in MEMBERS))
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    stream = os.fdopen(handle, "r+", encoding="utf-8", errors="replace")
    if not _taken(stream):
        stream.seek(0)
        holder = stream.read().strip() or "another process"
        stream.close()
        raise BusyError(
            f"{str(folder)!r} is in use by {holder}. Wait for it, or stop it; "
            "this command changed nothing."
        )
    stream.seek(0)
    if stream.read(len(HOLDER)) not in {"", HOLDER}:
        stream.close()
        raise StoreError(
            f"expected the lock file of a study. Received: {str(folder / 'lock')!r} with other "
            "content. Nothing was changed. Move that file elsewhere, or use another --root."
        )
    stream.seek(0)
    stream.truncate()
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    stream.write(f"{HOLDER}{os.getpid()} on {os.uname().nodename}, started {started}\n")
    stream.flush()
    return stream


def _taken(stream: TextIO) -> bool:
    """Take the lock, with patience for a process that merely tests whether it is free."""
    for _ in range(5):
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def is_free(folder: Path) -> bool:
    """True if no process holds the folder now."""
    try:
        with os.fdopen(os.open(folder / "lock", os.O_RDONLY | os.O_NOFOLLOW)) as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def is_full(error: sqlite3.DatabaseError) -> bool:
    """True if SQLite failed because of the disk."""
    return getattr(error, "sqlite_errorname", "") in REFUSALS


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a refusal of the disk, or a damaged file, into an error that explains it to the user."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # no fault of the file
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if isinstance(error, sqlite3.DatabaseError) and is_full(error):
            raise DiskError(_refused(folder, error)) from error
        raise StoreError(f"the store in {str(folder)!r} cannot be used: {error}.") from error
    except OSError as error:
        raise DiskError(_refused(folder, error)) from error


def _refused(folder: Path, error: Exception) -> str:
    near = folder if folder.exists() else folder.parent
    free = shutil.disk_usage(near).free // 1_000_000 if near.exists() else 0
    return (
        f"the disk refused to write in {str(folder)!r}: {error} ({free} MB free). "
        "All finished trials are kept; run again when there is room."
    )
