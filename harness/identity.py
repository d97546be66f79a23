"""Canonical JSON and its digest, so that equal content has one name."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 1 << 20


def canonical(content: object) -> str:
    """JSON text that does not depend on key order or white space.

    Raises:
        ValueError: if the content holds a number that is not finite.

    Example:
        >>> canonical({"b": 1, "a": (2.5, None)})
        '{"a":[2.5,null],"b":1}'
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: object) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal.

    Example:
        >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        True
    """
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    sha = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            sha.update(chunk)
    return sha.hexdigest()
