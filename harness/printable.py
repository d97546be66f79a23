"""Text from others, made safe to show."""

from __future__ import annotations

import re

_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that control a terminal, or change the order in which text is read."""


def printable(text: str) -> str:
    r"""Text whose control characters are shown instead of obeyed; line feeds and tabs stay.

    Names, questions, paths, logs and exceptions may hold what moves a cursor, renames a window or
    turns a line around.

    Example:
        >>> printable("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    return _ACTING.sub(lambda found: ascii(found.group())[1:-1], text)
