"""Content-addressed files: named by their SHA-256, written wholly or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DiskError
from harness.identity import digest_file
from harness.links import refuse_links

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from numpy.typing import NDArray


def write_atomic(file: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that a reader sees the old one or the whole new one.

    Args:
        file: the final name; its folder is made when it does not exist.
        write: called with the open temporary file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
        _sync(file.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def keep_arrays(folder: Path, arrays: Mapping[str, NDArray[np.generic]]) -> Path:
    """Store arrays as an uncompressed ``.npz`` under ``folder/objects``, once per content.

    Raises:
        DiskError: if the disk refuses.
        StoreError: if a link stands in the way.
    """
    refuse_links(folder / "objects")
    try:
        staged = folder / "objects" / f".tmp-{os.getpid()}.npz"
        write_atomic(staged, lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]
        digest = digest_file(staged)
        final = place(folder, digest)
        refuse_links(final.parent)
        final.parent.mkdir(exist_ok=True)
        staged.replace(final)
    except OSError as error:
        raise DiskError(f"the data could not be stored in {str(folder)!r}: {error}.") from error
    return final


def read_arrays(folder: Path, digest: str) -> dict[str, NDArray[np.generic]] | None:
    """Arrays that ``keep_arrays`` has stored; ``None`` if the file is not there, or not whole.

    Raises:
        StoreError: if a link stands in the way.
    """
    file = place(folder, digest)
    refuse_links(folder / "objects", file.parent, file)
    if not file.is_file() or digest_file(file) != digest:
        return None
    with np.load(file, allow_pickle=False) as found:
        return dict(found)


def is_whole(folder: Path, digest: str) -> bool:
    """True if a file that ``keep_arrays`` has stored is there, undamaged."""
    file = place(folder, digest)
    return file.is_file() and digest_file(file) == digest


def place(folder: Path, digest: str) -> Path:
    """Path of the file with some content."""
    return folder / "objects" / digest[:2] / f"{digest}.npz"


def digest_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> str:
    """SHA-256 of the file in which ``keep_arrays`` would store arrays."""
    with tempfile.NamedTemporaryFile(prefix="keras-harness-") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
        stream.flush()
        return digest_file(Path(stream.name))


def _sync(folder: Path) -> None:
    """Make a rename in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
