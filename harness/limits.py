"""Limits of what is read: beyond them a file is damaged, or was made to wear a reader out."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from harness.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Mapping

STUDY_FILE = 1_000_000
"""Characters of a study file."""

TEXT = 16_000_000
"""Characters of a definition, a card or another JSON text in a store."""

DEPTH = 64
"""Lists and tables inside each other."""

FACTORS = 100
"""Factors of a study."""

ARMS = 100_000
"""Arms of a study, and levels of all its factors together."""

COUNT = 1_000_000
"""Replicates, candidates, epochs and attempts, each, in a store."""

SECONDS = 1e9
"""Length of an attempt, or of a part of it."""

NUMBER = 1e39
"""Size of a measured number: no number of 32 bits is as large. A training beyond it diverged."""


def refuse_deep(content: object) -> None:
    """Refuse lists and tables that stand in one another more than ``DEPTH`` times.

    Raises:
        ValueError: naming the limit.

    Example:
        >>> refuse_deep({"units": [[8], [16]]})
    """
    level, depth = [content], 0
    while level := [part for one in level for part in _parts(one)]:
        depth += 1
        if depth > DEPTH:
            raise ValueError(f"expected at most {DEPTH} lists and tables in one another")


def refuse_large(study: Mapping[str, Any]) -> None:
    """Refuse a study that nobody can train, before anything is made of its factors.

    Args:
        study: its fields, not yet checked.

    Raises:
        StudyError: naming the limit.

    Example:
        >>> refuse_large({"factors": {"activation": ["relu", "tanh"]}})
    """
    factors = study.get("factors")
    if not isinstance(factors, dict):
        return  # told by the study itself
    if len(factors) > FACTORS:
        raise StudyError(
            f"expected at most {FACTORS} factors. Received: {len(factors):,}.", key="factors"
        )
    levels = [len(one) for one in factors.values() if isinstance(one, list | tuple)]
    if sum(levels) > ARMS or prod(levels) > ARMS:
        raise StudyError(
            f"expected at most {ARMS:,} arms. Received: {sum(levels):,} levels of "
            f"{len(factors)} factors. Split it into several studies, and `compare` them.",
            key="factors",
        )


def _parts(one: object) -> list[object]:
    if isinstance(one, dict):
        return [*one.values()]
    return one if isinstance(one, list) else []
