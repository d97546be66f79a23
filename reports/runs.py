"""Anybody's table of runs: read, checked, and judged by the same rule as a study."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from math import floor, isfinite, log10, nan
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import UsageError, nearest
from reports import verdicts, wording
from reports.frames import Grid
from reports.verdicts import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reports.estimates import Scale
    from reports.verdicts import Judged

COLUMNS = ("arm", "replicate", "value")
"""Columns of a table of runs, in any order."""

_FINEST = 15
"""Decimals that a difference is printed with at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """A table of runs.

    Args:
        name: of its file.
        digest: SHA-256 of its content.
        labels: of the arms, as they first appear.
        replicates: their names, as they first appear.
        grid: values by arm and replicate; a run without a finite value has failed.
        missing: runs that are not in the table although another arm has them, in words.
    """

    name: str
    digest: str
    labels: tuple[str, ...]
    replicates: tuple[str, ...]
    grid: Grid
    missing: tuple[str, ...]


def read(file: Path) -> Runs:
    """Read a CSV file with the columns ``arm``, ``replicate`` and ``value``.

    An empty value, ``nan`` and ``inf`` are runs that failed.

    Args:
        file: the table.

    Raises:
        UsageError: if it cannot be read, has other columns, repeats a run, holds a value that is
            no number, or has fewer than two arms; the message names the line.
    """
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"expected a CSV file in UTF-8. Received: {str(file)!r}, which cannot be read: {error}."
        ) from None
    found: dict[tuple[str, str], float] = {}
    lines: dict[tuple[str, str], int] = {}
    try:
        for line, arm, replicate, value in _rows(text, file.name):
            run = arm, replicate
            if run in found:
                raise UsageError(
                    f"{file.name}, line {line}: expected every run once. Received: arm {arm!r}, "
                    f"replicate {replicate!r}, which is also in line {lines[run]}."
                )
            found[run], lines[run] = value, line
    except csv.Error as error:
        raise UsageError(f"expected CSV. Received: {file.name}, where {error}.") from None
    arms = tuple(dict.fromkeys(arm for arm, _ in found))
    if len(arms) < 2:
        received = f"only {arms[0]!r}" if arms else "no run at all"
        raise UsageError(
            f"{file.name}: expected runs of two arms or more, to compare them. "
            f"Received: {received}."
        )
    replicates = tuple(dict.fromkeys(replicate for _, replicate in found))
    cells = np.array([[found.get((arm, one), nan) for one in replicates] for arm in arms])
    there = np.array([[(arm, one) in found for one in replicates] for arm in arms])
    finite = np.isfinite(cells)
    return Runs(
        name=file.name,
        digest=sha256(content).hexdigest(),
        labels=arms,
        replicates=replicates,
        grid=Grid(cells=np.where(finite, cells, nan), diverged=there & ~finite),
        missing=tuple(_missing(arms, replicates, there.tolist())),
    )


def judge(
    runs: Runs,
    *,
    baseline: str = "",
    maximize: bool = True,
    log: bool = False,
    margin: float | None = None,
    confidence: float = 0.95,
) -> Judged:
    """Compare every arm of a table with one of them; without a verdict while runs are missing.

    Args:
        runs: the table.
        baseline: the arm that the others are compared with. Default: the first one.
        maximize: whether higher values are better.
        log: whether differences are ratios, as is usual for losses.
        margin: difference that counts as equivalent; a share, such as 0.05, on the log scale.
        confidence: of all intervals together.

    Raises:
        UsageError: if there is no such arm, if a number is out of its range, or if a value below
            zero is to get a logarithm.
    """
    baseline = baseline or runs.labels[0]
    if baseline not in runs.labels:
        raise UsageError(
            f"expected an arm of {runs.name} as the baseline. Received: {baseline!r}. "
            f"{nearest(baseline, runs.labels)}"
        )
    if not 0.5 <= confidence < 1:
        raise UsageError(
            f"expected a confidence from 0.5 to below 1, such as 0.95. Received: {confidence:g}."
        )
    most = 1.0 if log else float("inf")
    if margin is not None and not 0 < margin < most:
        limits = "between 0 and 1, such as 0.05 for 5 %" if log else "above 0"
        raise UsageError(f"expected a margin {limits}. Received: {margin:g}.")
    if log and (runs.grid.cells < 0).any():
        arm, replicate = np.argwhere(runs.grid.cells < 0)[0].tolist()
        raise UsageError(
            "expected values of zero or more with --log, because differences are ratios. Received: "
            f"{runs.grid.cells[arm, replicate]:g} for arm {runs.labels[arm]!r}, replicate "
            f"{runs.replicates[replicate]!r}. Leave --log out."
        )
    scale: Scale = "log" if log else "identity"
    rule = Rule(
        maximize=maximize,
        scale=scale,
        level=round(1 - confidence, 12),
        family=len(runs.labels) - 1,
        margin=None if margin is None else verdicts.margin_ends(margin, scale),
    )
    return verdicts.judge_grid(
        runs.grid,
        runs.labels,
        runs.labels.index(baseline),
        rule,
        lambda halves: _units(halves, relative=log),
        replicates=len(runs.replicates),
        missing=runs.missing,
    )


def headline(judged: Judged, *, declared: bool) -> list[str]:
    """The answer of a table in a few sentences.

    Args:
        judged: its verdicts.
        declared: whether the baseline was named.
    """
    if judged.missing:
        return verdicts.incomplete(judged, "runs")
    baseline = judged.labels[judged.baseline]
    chosen = (
        f"No baseline was named: the first arm, {baseline}, serves as one. Verdicts depend on that "
        "choice."
    )
    return [
        *verdicts.answered(judged, lambda said: [judged.labels[arm] for arm in said]),
        *verdicts.leader(judged),
        f"This holds if runs of the same replicate are pairs, over {judged.replicates} of them.",
        *verdicts.reservations(judged),
        *([] if declared else [chosen]),
    ]


def _rows(text: str, name: str) -> Iterator[tuple[int, str, str, float]]:
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    heads = [head.strip() for head in next(reader, [])]
    if sorted(heads) != sorted(COLUMNS):
        raise UsageError(
            f"{name}, line 1: expected the columns {wording.listed(COLUMNS)}, each once, and no "
            f"others. Received: {', '.join(map(repr, heads)) or 'an empty file'}."
        )
    for cells in reader:
        if not cells:
            continue
        line = reader.line_num
        if len(cells) != len(heads):
            raise UsageError(
                f"{name}, line {line}: expected {len(heads)} cells. Received: {len(cells)}."
            )
        row = dict(zip(heads, (cell.strip() for cell in cells), strict=True))
        for key in ("arm", "replicate"):
            if not row[key]:
                raise UsageError(f"{name}, line {line}: expected a name of the {key}. It is empty.")
        yield line, row["arm"], row["replicate"], _number(row["value"], name, line)


def _number(text: str, name: str, line: int) -> float:
    try:
        return float(text) if text else nan
    except ValueError:
        raise UsageError(
            f"{name}, line {line}: expected a number, or nothing for a run that failed. "
            f"Received: {text!r}."
        ) from None


def _missing(
    arms: Sequence[str], replicates: Sequence[str], there: Sequence[Sequence[bool]]
) -> Iterator[str]:
    """Runs that another arm has, an arm at a time."""
    for arm, row in zip(arms, there, strict=True):
        gaps = [name for name, found in zip(replicates, row, strict=True) if not found]
        if gaps:
            noun = "replicate" if len(gaps) == 1 else "replicates"
            yield f"{arm}, {noun} {wording.listed(gaps)}: not in the table"


def _units(halves: Sequence[float], *, relative: bool) -> wording.Units:
    """Units of a value without a name, with two digits of a typical uncertainty."""
    factor = 100.0 if relative else 1.0
    sizes = sorted(factor * half for half in halves if isfinite(half) and half > 0)
    typical = sizes[len(sizes) // 2] if sizes else 1.0
    decimals = min(max(1 - floor(log10(typical)), 0), _FINEST)
    return wording.Units(name="value", percent=False, relative=relative, decimals=decimals)
