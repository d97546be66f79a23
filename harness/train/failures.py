"""Explanations of failures in code of a user's, in one line."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def explain(error: BaseException) -> str:
    """An exception of a user's function in one line; a worker's log keeps all of it."""
    traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _installed(frame.filename)]
    place = (own or frames)[-1]
    where = f"({Path(place.filename).name}, line {place.lineno})"
    # Keras puts its own sentence first, and marks the user's message in bold.
    lines = [_ANSI.sub("", line).strip() for line in str(error).splitlines()]
    said = " ".join([line for line in lines if line][:2])
    if isinstance(error, SystemExit):
        return f"the code called sys.exit({said}) {where}"
    return f"{type(error).__name__}: {said} {where}"


def _installed(file: str) -> bool:
    """True if a file is of a package, or of ours, and not the user's."""
    return "site-packages" in file or Path(file).is_relative_to(Path(__file__).parent)
