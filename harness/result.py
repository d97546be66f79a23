"""Result of ``harness.run`` in Python, which shows progress and returns what was found."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import fields
from typing import TYPE_CHECKING

from harness import coordinator, datasets
from harness.coordinator import Finished
from harness.progress import follow
from harness.terminal import Terminal
from reports.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike

    from harness.coordinator import Progress
    from harness.spec import Study


class Result(Finished, Answer):
    """Result of a run: how it ended, and what its trainings say.

    ``table``, ``headline`` and the figures are those of ``reports.load(folder)``; a notebook shows
    the verdict table, below what went wrong.
    """

    def _repr_html_(self) -> str:
        from markupsafe import escape

        from harness.printable import printable

        problems = "".join(f"<li>{escape(printable(one))}</li>" for one in self.problems[:10])
        failed = f"<p>{self.failed} trials failed:</p><ul>{problems}</ul>" if problems else ""
        return failed + super()._repr_html_()


def run(
    study: Study,
    *,
    data: tuple[ArrayLike, ArrayLike] | None = None,
    root: Path | str = "results",
    workers: int | None = None,
    folders: Sequence[Path | str] = (),
    yes: bool = False,
    mixed_environment: bool = False,
    replace: bool = False,
    progress: bool | Callable[[Progress], None] = True,
) -> Result:
    """Train what a study still lacks, and give back what its results say.

    Args:
        study: the question.
        data: cases and labels, instead of the study's ``dataset`` (which may be ``Arrays``
            without a file, to say how they are read); a stratified fifth becomes the fixed test
            split.
        root: folder of all results; this study's go to ``root/<name>``.
        workers: number of worker processes, default one per GPU, or one per core without any;
            0 trains in this process.
        folders: where relative data files and user modules are looked for, before the current
            folder.
        yes: whether more than 100,000 trials are meant.
        mixed_environment: whether to go on under other versions, or on another processor, than
            those of the results that are already there.
        replace: whether to take the place of a finished study of the same name, with another
            template or other data. Its results stay in the store.
        progress: whether to show it, or a function that is called whenever a trial begins or
            ends.

    Returns:
        How it ended and what was found. Trials that diverged are results; trials that failed are
        problems.

    Raises:
        HarnessError: before anything is trained, if something about the study is wrong.

    Example:
        >>> from harness import Study
        >>> study = Study(name="tiny", template="mlp", factors={"units": [[4], [8]]})
        >>> run(study, data=(x, y)).table  # doctest: +SKIP
    """
    console = Terminal(stderr=True)
    if data is None and progress is True:
        for one in study.data:
            datasets.obtain(one, console.print)
    shown = follow(console) if progress is True else nullcontext(progress or None)
    with shown as report:
        finished = coordinator.run(
            study,
            data=data,
            root=root,
            workers=workers,
            folders=folders,
            yes=yes,
            mixed_environment=mixed_environment,
            replace=replace,
            progress=report,
        )
    return Result(**{field.name: getattr(finished, field.name) for field in fields(finished)})
