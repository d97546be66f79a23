"""The verbs of ``keras-harness data``: what data sets and weights there are, fetch, check."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from harness import datasets
from harness.catalog import TRUNKS
from harness.datasets import synthetic, trunks
from harness.errors import UsageError, nearest
from harness.terminal import Terminal, aligned

app = typer.Typer(
    help="Data sets and pretrained weights: list them, fetch one, check one.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As 'data list' shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Show the data sets that a study can name, and the pretrained weights."""
    rows = [_row(name) for name in datasets.KNOWN] + [
        _computed(name) for name in synthetic.EXAMPLES
    ]
    weights = [_weights(name) for name in TRUNKS]
    if as_json:
        sys.stdout.write(json.dumps(rows + weights, indent=2) + "\n")
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
    out.print("")
    out.print(
        aligned(
            ("weights", "here", "parameters", "size", "features", "what they are"),
            [
                (
                    row["name"],
                    "yes" if row["here"] else "no",
                    f"{row['parameters']:,}",
                    row["size"],
                    row["features"],
                    row["note"],
                )
                for row in weights
            ],
        )
    )
    out.print(
        "Trained on ImageNet, without a head. size: side in pixels that images are resized to, "
        "unless another is asked for."
    )


@app.command()
def get(name: Name) -> None:
    """Fetch a data set or weights into the data folder (HARNESS_DATA), checking the content."""
    obtain = trunks.obtain if _known(name) in TRUNKS else datasets.obtain
    obtain(name, Terminal(stderr=True).print)
    _say(name)


@app.command()
def verify(name: Name) -> None:
    """Check that the copy of a data set or weights here has the recorded content."""
    if _known(name) in TRUNKS:
        trunks.verify(name)
    else:
        datasets.load(datasets.describe(name, []))
    _say(name)


def _row(name: str) -> dict[str, Any]:
    known = datasets.KNOWN[name]
    return {
        "name": name,
        "kind": "data set",
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
        "kind": "data set",
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


def _weights(name: str) -> dict[str, Any]:
    trunk = TRUNKS[name]
    return {
        "name": name,
        "kind": "weights",
        "here": trunks.is_here(name),
        "parameters": trunk.parameters,
        "size": trunk.size,
        "features": trunk.features,
        "note": trunk.note,
        "licence": trunk.licence,
        "citation": trunk.source,
        "source": trunk.origin,
        "content": trunk.content,
    }


def _known(name: str) -> str:
    names = [*datasets.KNOWN, *TRUNKS]
    if name not in names:
        raise UsageError(
            "expected the name of a data set or of pretrained weights. Received: "
            f"{name!r}. {nearest(name, names)}"
        )
    return name


def _say(name: str) -> None:
    for line in _lines_of_weights(name) if name in TRUNKS else _lines_of_data(name):
        Terminal().print(line)


def _lines_of_weights(name: str) -> tuple[str, ...]:
    trunk = TRUNKS[name]
    return (
        f"{name}: {trunk.note}.",
        f"{trunk.parameters:,} numbers, {trunk.features} features, images of {trunk.size} pixels.",
        f"Content {trunk.content[:12]}, as recorded.",
        f"Licence: {trunk.licence}. Cite: {trunk.source}.",
    )


def _lines_of_data(name: str) -> tuple[str, ...]:
    known = datasets.KNOWN[name]
    card = known.card
    return (
        f"{name}: {known.note}.",
        f"{card.cases} cases + {card.tests} of the test split, of shape {card.shape}.",
        *(f"{line}." for line in [card.lines().get("copies")] if line),
        f"Kept as {known.dtype}. Content {card.digest[:12]}, as recorded.",
        f"Licence: {known.licence}. Cite: {known.citation}.",
    )
