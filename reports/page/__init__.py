"""One study as one self-contained HTML page: no scripts, no network, same store, same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import DiskError
from harness.objects import write_atomic
from harness.printable import printable
from reports import export, frames, tables, verdicts
from reports.page.markup import grid
from reports.page.runs import lay_out_runs
from reports.page.sections import facts, method, sections, verdict_caption
from reports.page.template import template

if TYPE_CHECKING:
    from pathlib import Path

    from reports.frames import Results
    from reports.verdicts import Judged

__all__ = ["lay_out", "lay_out_runs", "render", "write"]


def render(folder: Path) -> str:
    """The page of a store, as HTML.

    Raises:
        NothingToReportError: if no confirm trial has finished.
        StoreError: if there is no store in the folder.
    """
    results = frames.read(folder)
    return _render(results, verdicts.judge(results))


def write(folder: Path, to: Path | None = None) -> Path:
    """Write the page of a store, with a CSV file of every table beside it.

    Args:
        folder: of the store.
        to: the page's file. Default: ``report/index.html`` in the folder.

    Returns:
        The page's file.

    Raises:
        DiskError: if the disk refuses.
        NothingToReportError: if no confirm trial has finished.
        StoreError: if there is no store in the folder.
    """
    results = frames.read(folder)
    return lay_out(results, verdicts.judge(results), to or folder / "report" / "index.html")


def lay_out(results: Results, judged: Judged, file: Path) -> Path:
    """As ``write``, for results that have been read and judged."""
    content = _render(results, judged).encode()
    try:
        write_atomic(file, lambda stream: stream.write(content))
    except OSError as error:
        raise DiskError(f"the page could not be written: {error}.") from error
    export.write(tables.collect(results, judged), file.parent)
    return file


def _render(results: Results, judged: Judged) -> str:
    study, marked = results.study, [judged.baseline]
    page = template().render(
        name=study.name,
        title=study.question or study.name,
        headline=verdicts.headline(results, judged),
        facts=facts(results, judged),
        notes=tables.notes(results),
        verdicts=grid(tables.formatted(judged), marked),
        verdict_caption=verdict_caption(judged),
        readings=[verdict.reading for verdict in judged.verdicts],
        details=grid(tables.details(results, judged), marked),
        sections=sections(results, judged),
        provenance=grid(tables.provenance(results, judged)),
        method=method(results, judged),
    )
    return printable(page)
