"""The verb ``keras-harness verify``: is a store whole, and when was its study written down?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness import store
from harness.errors import ExitCode, NothingToReportError
from harness.locating import results_folder
from harness.terminal import Terminal

if TYPE_CHECKING:
    from harness.records import Revision

Results = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study's name, its file, or its results folder.")
]
Root = Annotated[Path, typer.Option(help="Folder of all results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def verify(study: Results, root: Root = Path("results"), as_json: Json = False) -> int:
    """Check that a study's results are whole, and show how it was changed since its first run.

    Every trial must be what its key says, and every finished one have its outcome.
    """
    folder = results_folder(study, root)
    problems = store.problems(folder)
    if problems and not as_json:
        for problem in problems[:10]:
            Terminal(stderr=True).print(problem, style="red", soft_wrap=True)
        more = f" {len(problems) - 10} more of that kind." if problems[10:] else ""
        Terminal(stderr=True).print(
            f"error: {folder} is not whole.{more} Nothing was changed; go back to a copy of the "
            "folder, or run the study under another --root.",
            style="red",
            soft_wrap=True,
        )
        return ExitCode.INVALID
    history = () if problems else _history(folder)
    if as_json:
        told = [one.model_dump(mode="json") for one in history]
        content = {"whole": not problems, "problems": problems, "history": told}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return ExitCode.INVALID if problems else ExitCode.DONE
    if not history:
        raise NothingToReportError(f"the store in {str(folder)!r} is whole, and holds no study.")
    finished = sum(count for (_, name), count in store.counts(folder).items() if name in _FINAL)
    Terminal().print(f"{folder}: whole, {finished} finished trials.", soft_wrap=True)
    for one in history:
        Terminal().print(_line(one), soft_wrap=True)
    return ExitCode.DONE


_FINAL = frozenset({"completed", "diverged"})


def _history(folder: Path) -> tuple[Revision, ...]:
    with store.reading(folder) as db:
        return store.history(db)


def _line(one: Revision) -> str:
    if one.number == 1:
        return f"{one.short}  {one.time}  first definition, stored before the first training"
    changed = ", ".join(one.changed) or "nothing that is named"
    return f"{one.short}  {one.time}  after {one.finished} finished trials, changed: {changed}"
