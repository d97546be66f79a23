"""The verbs of ``keras-harness data``: what data sets there are, fetch one, check one."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from harness import datasets
from harness.datasets import synthetic
from harness.errors import UsageError, nearest
from harness.terminal import Terminal

app = typer.Typer(help="Data sets: list them, fetch one, check one.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As 'data list' shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Show the data sets that a study can name."""
    rows = [_row(name) for name in datasets.KNOWN] + [
        _computed(name) for name in synthetic.EXAMPLES
    ]
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "here", "cases", "copies", "shape", "what it is"):
        table.add_column(column, no_wrap=column != "what it is")
    for row in rows:
        cases, shape = f"{row['cases']} + {row['tests']}", "x".join(map(str, row["shape"]))
        here = "yes" if row["here"] else "no"
        copies = "" if row["copies"] is None else str(row["copies"])
        table.add_row(row["name"], here, cases, copies, shape, row["note"])
    out = Terminal()
    out.print(table)
    out.print(
        "cases: outside the test split + in it. copies: test cases that are copies of others. "
        "What is not here is fetched when a study runs, "
        "or by 'data get NAME'. Any of them takes @SIZE for a stratified subset.",
    )


@app.command()
def get(name: Name) -> None:
    """Fetch a data set into the data folder (HARNESS_DATA), checking its content."""
    datasets.obtain(_known(name), Terminal(stderr=True).print)
    _say(name)


@app.command()
def verify(name: Name) -> None:
    """Check that the copy of a data set here has the recorded content."""
    datasets.load(datasets.describe(_known(name), []))
    _say(name)


def _row(name: str) -> dict[str, Any]:
    known = datasets.KNOWN[name]
    return {
        "name": name,
        "here": datasets.is_here(name),
        "task": known.card.task,
        "shape": list(known.card.shape),
        "dtype": known.dtype,
        "cases": known.card.cases,
        "tests": known.card.tests,
        "copies": known.card.copies[0],
        "relabelled": known.card.copies[1],
        "outputs": known.card.outputs,
        "note": known.note,
        "licence": known.licence,
        "citation": known.citation,
        "source": str(known.package or "scikit-learn"),
        "content": known.card.digest,
    }


def _computed(name: str) -> dict[str, Any]:
    card, family = datasets.describe(name, []), synthetic.SYNTHETIC[name.partition("-")[0]]
    return {
        "name": name,
        "here": True,
        "task": card.task,
        "shape": list(card.shape),
        "dtype": family.dtype,
        "cases": card.cases,
        "tests": card.tests,
        "copies": None,
        "relabelled": None,
        "outputs": card.outputs,
        "note": f"{family.note}; any number of {family.size}",
        "licence": "none needed: it is computed",
        "citation": family.citation,
        "source": "computed",
        "content": card.digest,
    }


def _known(name: str) -> str:
    if name not in datasets.KNOWN:
        raise UsageError(
            f"expected the name of a data set. Received: {name!r}. {nearest(name, datasets.KNOWN)}"
        )
    return name


def _say(name: str) -> None:
    known = datasets.KNOWN[name]
    card = known.card
    lines = (
        f"{name}: {known.note}.",
        f"{card.cases} cases + {card.tests} of the test split, of shape {card.shape}.",
        *(f"{line}." for line in [card.lines().get("copies")] if line),
        f"Kept as {known.dtype}. Content {card.digest[:12]}, as recorded.",
        f"Licence: {known.licence}. Cite: {known.citation}.",
    )
    for line in lines:
        Terminal().print(line)
