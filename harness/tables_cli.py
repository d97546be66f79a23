"""The verbs that read results for a paper: judge, export, compare, diff."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.errors import ExitCode, NothingToReportError, UsageError, nearest
from harness.locating import results_folder
from harness.terminal import Terminal, aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from reports import across, frames
    from reports.verdicts import Judged

FORMATS = {"csv": "csv", "parquet": "parquet", "markdown": "md", "latex": "tex"}
"""Formats of tables, and how their files end."""

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Results = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study's name, its file, or its results folder.")
]
Root = Annotated[Path, typer.Option(help="Folder of all results.")]


def judge(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV with the columns arm, replicate and value."),
    ],
    baseline: Annotated[
        str, typer.Option(help="Arm to compare with. [default: the first] [default: the first]")
    ] = "",
    lower: Annotated[bool, typer.Option("--lower", help="Lower values are better.")] = False,
    log: Annotated[
        bool, typer.Option("--log", help="Compare on the log scale, as ratios (for losses).")
    ] = False,
    margin: Annotated[
        float | None,
        typer.Option(help="Equivalence margin, in units of the value; a share with --log."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Joint confidence of all intervals.")] = 0.95,
    page: Annotated[Path | None, typer.Option(help="Write a page to this file.")] = None,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Show estimates even if runs are missing (no verdicts)."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Judge any table of runs by the same test as a study.

    Runs with the same replicate are pairs. A run without a finite value has failed.
    """
    from reports import runs, tables
    from reports.page import lay_out_runs

    table = runs.read(file)
    judged = runs.judge(
        table,
        baseline=baseline,
        maximize=not lower,
        log=log,
        margin=margin,
        confidence=confidence,
    )
    if judged.missing and not partial:
        raise NothingToReportError(
            f"expected a run of every replicate in every arm. Received: "
            f"{'; '.join(judged.missing[:5])}{' ...' if judged.missing[5:] else ''}. Enter a run "
            "that failed as a row with an empty value, or add --partial to see estimates without a "
            "verdict."
        )
    written = page and lay_out_runs(table, judged, page, declared=bool(baseline))
    if as_json:
        _print_json(tables.comparison_table(judged))
        return ExitCode.DONE
    out = Terminal()
    for line in runs.headline(judged, declared=bool(baseline)):
        out.print(line)
    out.print(tables.caption(judged), style="dim")
    _print_table(tables.printed(judged))
    if written:
        out.print(f"Report: {written}", soft_wrap=True)
    return ExitCode.DONE


def export(
    study: Results,
    kind: Annotated[str, typer.Option("--format", help="csv, parquet, markdown or latex.")] = "csv",
    table: Annotated[str, typer.Option(help="One table only. [default: all]")] = "",
    figures: Annotated[
        bool, typer.Option("--figures", help="Figures as SVG, PDF and PNG, and no tables.")
    ] = False,
    width: Annotated[str, typer.Option(help="Of figures: 6.3in or 160mm.")] = "6.3in",
    font_size: Annotated[float, typer.Option(min=1, help="Of text in figures, in points.")] = 8.0,
    methods: Annotated[
        bool, typer.Option("--methods", help="Print the methods as a paragraph, and no tables.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to. [default: export in the results]")
    ] = None,
    root: Root = Path("results"),
    partial: Annotated[
        bool, typer.Option("--partial", help="Export estimates although trials are missing.")
    ] = False,
) -> int:
    """Write the tables or the figures of a study for a paper, or its methods in words."""
    from reports import export as exporting

    if kind not in FORMATS:
        raise UsageError(
            f"expected a format: {', '.join(FORMATS)}. Received: {kind!r}. {nearest(kind, FORMATS)}"
        )
    inches = _inches(width)
    folder = results_folder(study, root)
    to = out or folder / "export"
    results, judged = judged_results(folder, partial=partial)
    if methods:
        Terminal().print(exporting.methods(results, judged), soft_wrap=True)
        return ExitCode.DONE
    if figures:
        written = exporting.plates(results, judged, to, width=inches, size=font_size)
    else:
        written = _tables(results, judged, kind, table, to)
    for file in written:
        Terminal().print(str(file), soft_wrap=True)
    return ExitCode.DONE


def compare(
    studies: Annotated[list[str], typer.Argument(metavar="STUDY...", help="Two or more.")],
    root: Root = Path("results"),
    as_json: Json = False,
) -> int:
    """Put all arms of several studies into one table.

    A verdict across studies is given only where their replicates are pairs.
    """
    from reports import across

    if len(studies) < 2:
        raise UsageError(f"expected two studies or more. Received: {', '.join(studies)}.")
    told = [_told(study, root) for study in studies]
    names = [study.name for study in told]
    if len(set(names)) < len(names):
        raise UsageError(f"expected every study once. Received: {', '.join(names)}.")
    table = across.compared(told)
    if as_json:
        _print_json(table)
        return ExitCode.DONE
    _print_table(table)
    for note in across.notes(told):
        Terminal().print(f"note: {note}", soft_wrap=True)
    return ExitCode.DONE


def diff(
    first: Results, second: Results, root: Root = Path("results"), as_json: Json = False
) -> int:
    """Show every setting and every verdict in which two studies differ."""
    from reports import across

    one, other = _told(first, root), _told(second, root)
    settings = across.settings(one.results, other.results)
    verdicts = across.changed_verdicts(one.judged, other.judged)
    if as_json:
        parts = {"settings": settings, "verdicts": verdicts}
        sys.stdout.write(
            json.dumps({key: _records(part) for key, part in parts.items()}, indent=2) + "\n"
        )
        return ExitCode.DONE
    names = {"First": one.name, "Second": other.name}
    if one.name == other.name:
        names = {"First": first, "Second": second}
    for table, what in ((settings, "setting"), (verdicts, "verdict")):
        if table.empty:
            Terminal().print(f"No {what} differs.")
        else:
            _print_table(table, names)
    return ExitCode.DONE


def _told(study: str, root: Path) -> across.Told:
    """A study with its verdicts, finished or not."""
    from reports import across

    results, judged = judged_results(results_folder(study, root), partial=True)
    return across.Told(name=results.study.name, results=results, judged=judged)


def judged_results(folder: Path, *, partial: bool) -> tuple[frames.Results, Judged]:
    """The results of a study with its verdicts.

    Args:
        folder: of the store.
        partial: whether results without a verdict will do.

    Raises:
        NothingToReportError: if trials are missing.
    """
    from reports import frames, verdicts

    results = frames.read(folder)
    judged = verdicts.judge(results)
    if judged.missing and not partial:
        raise NothingToReportError(
            f"expected a study with all its results. Received: {'; '.join(judged.missing[:5])}"
            f"{' ...' if judged.missing[5:] else ''}. Run it again: it continues where it "
            "stopped. Or add --partial to see the estimates so far, without a verdict."
        )
    return results, judged


def _tables(
    results: frames.Results, judged: Judged, kind: str, wanted: str, to: Path
) -> list[Path]:
    """Write tables in a format: as text for people, or as numbers for programs."""
    from reports import export as exporting
    from reports import tables

    text = kind in {"markdown", "latex"}
    found = exporting.readable(results, judged) if text else tables.collect(results, judged)
    if wanted:
        if wanted not in found:
            raise UsageError(
                f"expected a table of this study. Received: {wanted!r}. {nearest(wanted, found)}"
            )
        found = {wanted: found[wanted]}
    if kind == "csv":
        return exporting.write(found, to)
    written = []
    for name, one in found.items():
        if kind == "parquet":
            content = exporting.parquet(one)
        elif kind == "markdown":
            content = exporting.markdown(one).encode()
        else:
            title = f"{name.replace('_', ' ').capitalize()} of {results.study.name}"
            above = tables.caption(judged) if name == "verdicts" else title
            content = exporting.latex(one, above, f"tab:{name}").encode()
        written.append(exporting.keep(content, to / f"{name}.{FORMATS[kind]}"))
    return written


def _inches(width: str) -> float:
    """A width with its unit, in inches.

    Example:
        >>> _inches("3.25in"), _inches("127mm")
        (3.25, 5.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(in|mm)", width)
    if not match or not float(match[1]):
        raise UsageError(f"expected a width such as 3.25in or 85mm. Received: {width!r}.")
    return float(match[1]) / (25.4 if match[2] == "mm" else 1)


def _print_json(table: pd.DataFrame) -> None:
    sys.stdout.write(json.dumps(_records(table), indent=2) + "\n")


def _records(table: pd.DataFrame) -> Any:
    return json.loads(table.to_json(orient="records"))


def _print_table(table: pd.DataFrame, names: Mapping[str, str] | None = None) -> None:
    """Print a table of text, some of its columns under other names."""
    heads = [(names or {}).get(name, name) for name in table.columns]
    Terminal().print(aligned(heads, table.to_numpy().tolist()))


VERBS: dict[str, Callable[..., int]] = {
    "judge": judge,
    "export": export,
    "compare": compare,
    "diff": diff,
}
