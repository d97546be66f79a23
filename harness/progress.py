"""Shows how far a run has come: a live table in a terminal, a line per arm elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table

from harness.coordinator import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from harness.coordinator import Progress
    from harness.coordinator.waiting import Wait

ROWS = 16
"""Arms shown at a time, so that the table fits a terminal."""


WAITS = 3
"""Long trainings named at a time."""


class Follower:
    """Shows progress on a console; before the first training it says what the plan notes.

    Attributes:
        told: the notes that were said.
    """

    def __init__(self, console: Console, show: Callable[[Progress], None]) -> None:  # noqa: D107
        self._console, self._show = console, show
        self.told: tuple[str, ...] = ()

    def __call__(self, progress: Progress) -> None:
        """Show the progress."""
        if not self.told:
            self.told = progress.plan.notes
            for note in self.told:
                self._console.print(f"note: {note}", soft_wrap=True)
        self._show(progress)


@contextmanager
def follow(console: Console) -> Iterator[Follower]:
    """Show progress on a console for as long as the context lasts."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            yield Follower(console, lambda progress: live.update(_table(progress)))
    else:
        yield Follower(console, _Lines(console).show)


class _Lines:
    """Prints one line for each arm that has finished."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[int] | None = None
        self._named: dict[str, float] = {}

    def show(self, progress: Progress) -> None:
        self._show_waits(progress)
        if self._told is None:  # arms that earlier runs finished are not news
            arms = progress.plan.rows
            self._told = {arm.index for arm in arms if _finished(progress, arm.index)}
        for arm in progress.plan.rows:
            if arm.index not in self._told and _finished(progress, arm.index):
                self._told.add(arm.index)
                self._console.print(
                    f"finished {arm.label} ({len(self._told)} of {len(progress.plan.rows)}; "
                    f"{progress.left} trials left{_time(progress)})",
                    soft_wrap=True,
                )

    def _show_waits(self, progress: Progress) -> None:
        """Name what is waited for, each time twice as long as the last time."""
        lasting = waiting.lasting(progress.waits)
        self._named = {key: told for key, told in self._named.items() if key in lasting}
        for key, wait in lasting.items():
            if wait.seconds >= 2 * self._named.get(key, 0.0):
                self._named[key] = wait.seconds
                line = f"waiting for {wait.what}, {_lasted(wait)}"
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _lasted(wait: Wait) -> str:
    return f"{wait.seconds:.0f} s so far"


def _finished(progress: Progress, arm: int) -> bool:
    places = [(arm, phase) for phase in ("tune", "confirm")]
    return all(progress.done[place] >= progress.total[place] for place in places)


def _table(progress: Progress) -> Table:
    title = f"{progress.plan.study.name}: {progress.left} trials left{_time(progress)}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("arm")
    phases = [phase for phase in ("tune", "confirm") if any(p == phase for _, p in progress.total)]
    for phase in phases:
        table.add_column(f"{phase}: done", justify="right")
        table.add_column("running", justify="right")
        table.add_column("left", justify="right")
    arms = progress.plan.rows
    if len(arms) > ROWS:
        arms = tuple(arm for arm in arms if not _finished(progress, arm.index))
    for arm in arms[:ROWS]:
        cells = [cell for phase in phases for cell in _cells(progress, (arm.index, phase))]
        table.add_row(arm.label, *cells, style="dim" if _finished(progress, arm.index) else "")
    if len(arms) > ROWS:
        table.add_row(f"... and {len(arms) - ROWS} more")
    waits = sorted(waiting.lasting(progress.waits).values(), key=lambda wait: wait.since)
    lines = [f"waiting for {wait.what}, {_lasted(wait)}" for wait in waits[:WAITS]]
    table.caption, table.caption_justify = "\n".join(lines), "left"
    return table


def _cells(progress: Progress, place: tuple[int, str]) -> tuple[str, str, str]:
    done, running = progress.done[place], progress.running[place]
    left = progress.total[place] - done - running
    return str(done), str(running or ""), str(left or "")


def _time(progress: Progress) -> str:
    seconds = progress.seconds_left()
    if seconds is None or not progress.left:
        return ""
    if seconds < 90:
        return f", about {seconds:.0f} s"
    return f", about {seconds / 60:.0f} min"
