"""Refusal of links inside a store's folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO


def append_to(file: Path) -> BinaryIO:
    """Open a file for writing at its end; make it if it does not exist.

    Raises:
        StoreError: if it is a link, which is not followed.
    """
    refuse_links(file)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    return os.fdopen(os.open(file, flags, 0o600), "ab")


def refuse_links(*files: Path) -> None:
    """Refuse files and folders of a store that are links to other places.

    A link could lead what is written or deleted to somebody's own files. A link that leads to a
    study's whole folder, or further up, was made by its user and is followed.

    Raises:
        StoreError: naming the first that is a link.
    """
    for file in files:
        if file.is_symlink():
            raise StoreError(
                "expected files and folders, not links, because no link is followed. Received: "
                f"{str(file)!r}, a link to {str(file.readlink())!r}. Nothing was changed. Remove "
                "the link; to keep results elsewhere, link the folder above it, or use --root."
            )
