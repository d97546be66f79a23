"""Page of a user's table of runs: the same verdicts, without the facts that need a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from harness.errors import DiskError
from harness.objects import write_atomic
from reports import runs as tables_of_runs
from reports import tables, wording
from reports.page.markup import Item, grid
from reports.page.sections import forest, rules, spread, verdict_caption
from reports.page.template import filled

if TYPE_CHECKING:
    from pathlib import Path

    from reports.page.markup import Section
    from reports.runs import Runs
    from reports.verdicts import Judged


def lay_out_runs(runs: Runs, judged: Judged, file: Path, *, declared: bool) -> Path:
    """Write the page of a table of runs.

    Args:
        runs: the table.
        judged: its verdicts.
        file: of the page.
        declared: whether the baseline was named.

    Raises:
        DiskError: if the disk refuses.
    """
    marked = [judged.baseline]
    sections: list[Section | None] = [forest(judged), spread(judged)]
    content = filled(
        name=runs.name,
        title=f"Which arm of {runs.name} is best?",
        headline=tables_of_runs.headline(judged, declared=declared),
        facts=_facts(judged),
        notes=[],
        verdicts=grid(tables.formatted(judged), marked),
        verdict_caption=verdict_caption(judged),
        readings=[verdict.reading for verdict in judged.verdicts],
        details=grid(tables.tested(judged), marked),
        sections=[section for section in sections if section is not None],
        provenance=grid(_provenance(runs, judged)),
        method=[*_pairs(), *rules(judged)],
        outlook=[],
        study_file="",
        files=[],
    )
    try:
        write_atomic(file, lambda stream: stream.write(content.encode()))
    except OSError as error:
        raise DiskError(f"the page could not be written: {error}.") from error
    return file


def _facts(judged: Judged) -> list[Item]:
    return [
        Item(name="Baseline", value=judged.labels[judged.baseline]),
        Item(name="Arms", value=str(len(judged.labels))),
        Item(name="Replicates", value=str(judged.replicates)),
        Item(name="Better", value="higher" if judged.rule.maximize else "lower"),
    ]


def _provenance(runs: Runs, judged: Judged) -> pd.DataFrame:
    rule = judged.rule
    scale = "difference of logarithms (a ratio)" if rule.scale == "log" else "difference"
    rows = [
        ("table", runs.name),
        ("content digest", runs.digest[:16]),
        ("direction", "maximize" if rule.maximize else "minimize"),
        ("scale of differences", scale),
        ("comparisons in the family", str(rule.family)),
        ("confidence, all together", wording.percent(rule.confidence)),
    ]
    if rule.margin:
        rows.append(("equivalence margin", judged.units.margin(rule.margin)))
    return pd.DataFrame(rows, columns=["item", "value"], dtype="str")


def _pairs() -> list[Item]:
    return [
        Item(
            name="Pairs",
            value="Runs with the same replicate are compared as a pair. That is right if they "
            "share what a replicate fixes (split, seed, order of batches) in every arm, and if "
            "replicates are independent of each other. The table cannot show whether they do.",
        ),
        Item(
            name="What it speaks of",
            value="Runs such as these, on this data and with these settings. Confidence is for a "
            "number of replicates fixed beforehand, and for all arms that were tried: leaving some "
            "out of the table, or adding replicates because the answer looked close, makes wrong "
            "verdicts more likely.",
        ),
        Item(
            name="Ties",
            value="Differences of less than five parts in ten million of the largest value are "
            "taken for rounding in single precision: they count as zero.",
        ),
    ]
