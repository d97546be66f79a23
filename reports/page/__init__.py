"""One study as one self-contained HTML page: no network, same store, same bytes.

Its one script sorts and filters tables; without scripts the page says the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import DiskError
from harness.objects import write_atomic
from reports import export, frames, tables, verdicts
from reports.page.facts import facts, outlook, study_file
from reports.page.markup import grid
from reports.page.runs import lay_out_runs
from reports.page.sections import method, sections, verdict_caption
from reports.page.template import filled

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reports.frames import Results
    from reports.page.markup import Section
    from reports.verdicts import Judged

__all__ = ["lay_out", "lay_out_runs", "render", "write"]


def render(folder: Path) -> str:
    """The page of a store, as HTML.

    Raises:
        NothingToReportError: if no confirm trial has finished.
        StoreError: if there is no store in the folder.
    """
    results = frames.read(folder)
    judged = verdicts.judge(results)
    return _render(results, judged, sections(results, judged), tables.collect(results, judged))


def write(folder: Path, to: Path | None = None) -> Path:
    """Write the page of a store; beside it every table as CSV, every figure, and the study.

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
    """Write the page like ``write``, for results that have been read and judged already."""
    parts, collected = sections(results, judged), tables.collect(results, judged)
    _write(file, _render(results, judged, parts, collected).encode())
    export.write(collected, file.parent)
    _write(file.parent / "study.toml", study_file(results).encode())
    for part in parts:
        for plate in part.figures:
            for name, content in plate.files.items():
                _write(file.parent / name, content)
    return file


def _write(file: Path, content: bytes) -> None:
    try:
        write_atomic(file, lambda stream: stream.write(content))
    except OSError as error:
        raise DiskError(f"{file.name} could not be written: {error}.") from error


def _render(
    results: Results, judged: Judged, parts: Iterable[Section], collected: Iterable[str]
) -> str:
    """The page, given its parts and the names of the tables beside it."""
    study, marked = results.study, [judged.baseline]
    return filled(
        name=study.name,
        title=study.question or study.name,
        headline=verdicts.headline(results, judged),
        outlook=outlook(results, judged),
        facts=facts(results, judged),
        notes=tables.notes(results),
        verdicts=grid(tables.formatted(judged), marked),
        verdict_caption=verdict_caption(judged),
        readings=[verdict.reading for verdict in judged.verdicts],
        details=grid(tables.details(results, judged), marked),
        sections=parts,
        provenance=grid(tables.provenance(results, judged)),
        study_file=study_file(results),
        files=[f"{name}.csv" for name in collected],
        method=method(results, judged),
    )
