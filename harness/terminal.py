"""Console of the command line, the only way to the terminal."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from harness.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.text import Text


class Terminal(Console):
    """A console on which text is text: no markup, no emoji codes, no control characters.

    Args:
        stderr: whether it writes there instead of to stdout.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        """Make a console for text that may come from anybody's file."""
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def on_broken_pipe(self) -> None:
        """Go on in silence when nobody reads any more, as behind ``| head``."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())

    def render_str(self, text: str, **options: Any) -> Text:
        """Text as Rich lays it out; also that of titles and of cells."""
        return super().render_str(printable(text), **options)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what TensorFlow writes to file descriptor 2 at its start; errors stay exceptions."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def aligned(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table in plain columns, for a terminal.

    Example:
        >>> aligned(["arm", "n"], [["relu", 3]]).row_count
        1
    """
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    return table
