"""The verbs that read results for a paper: judge, export, compare, diff."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import ExitCode, NothingToReportError
from harness.terminal import Terminal, aligned

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

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
    baseline: Annotated[str, typer.Option(help="Arm to compare with. [default: the first]")] = "",
    lower: Annotated[bool, typer.Option("--lower", help="Lower values are better.")] = False,
    log: Annotated[bool, typer.Option("--log", help="Differences are ratios, for losses.")] = False,
    margin: Annotated[
        float | None, typer.Option(help="Difference that counts as equivalent; a share with --log.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of all intervals together.")] = 0.95,
    page: Annotated[Path | None, typer.Option(help="Write a page to this file.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Show estimates although runs are missing.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Judge anybody's table of runs by the rule of a study.

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
            f"{'; '.join(judged.missing[:5])}{' ...' if judged.missing[5:] else ''}. A run that "
            "failed is a row with an empty value; --partial shows estimates, without a verdict."
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


def _print_json(table: pd.DataFrame) -> None:
    records = json.loads(table.to_json(orient="records"))
    sys.stdout.write(json.dumps(records, indent=2) + "\n")


def _print_table(table: pd.DataFrame) -> None:
    Terminal().print(aligned(list(table.columns), table.to_numpy().tolist()))


VERBS: dict[str, Callable[..., int]] = {"judge": judge}
