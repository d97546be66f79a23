"""Folder of what is fetched: its place, its files by name, and the sums that tell them apart.

``HARNESS_DATA``, or ``keras-harness`` in the user's cache folder. It holds data sets and weights.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def folder() -> Path:
    """Folder that holds what was fetched."""
    if named := os.environ.get("HARNESS_DATA"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keras-harness"


def file(name: str) -> Path:
    """Path of the file for the arrays of a name, which need not exist yet."""
    return folder() / f"{name}.npz"


def content(arrays: Mapping[str, NDArray[np.generic]]) -> str:
    """SHA-256 of arrays by name, type, shape and bytes; labels count as 32-bit integers."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        if name.startswith("y") and array.dtype.kind in "iu":
            array = array.reshape(len(array)).astype(np.int32)
        array = np.ascontiguousarray(array)
        sha.update(f"{name}{array.dtype.str}{array.shape}".encode())
        sha.update(array.data)
    return sha.hexdigest()


def present(name: str, noun: str) -> Path:
    """Path of the file for the arrays of a name, which exists.

    Args:
        name: of the arrays.
        noun: kind of thing that they are, for the message.

    Raises:
        DataError: if it does not; the command that fetches it is named.
    """
    if not file(name).is_file():
        raise DataError(
            f"expected the {noun} {name!r} in {str(folder())!r}. Received: nothing. "
            f"'keras-harness data get {name}' fetches it."
        )
    return file(name)


def check(arrays: Mapping[str, NDArray[np.generic]], name: str, expected: str, where: str) -> None:
    """Refuse arrays that are not the recorded ones.

    Args:
        arrays: with any content.
        name: of the arrays that they should be.
        expected: the content of those.
        where: place that they were read from, for the message.

    Raises:
        DataError: naming both sums.
    """
    found = content(arrays)
    if found != expected:
        raise DataError(
            f"expected {name!r} with content {expected[:12]}. Received: content {found[:12]} from "
            f"{where}. If it is a file, delete it and get {name!r} again."
        )
