"""The verb ``keras-harness reproduce``: published comparisons, and the cards that judge them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness import datasets, studyfile
from harness.errors import ExitCode, UsageError
from harness.spec import ScaleName
from harness.terminal import Terminal, aligned

if TYPE_CHECKING:
    from harness.spec import Study
    from reports.frames import Results
    from reports.reproduction import Reproduction

STOPPED = {ExitCode.INTERRUPTED, ExitCode.TERMINATED}

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[STUDY]...", help="Published studies, or their files; none: list them."
    ),
]
Every = Annotated[bool, typer.Option("--all", help="Every built-in published study.")]
Index = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Train nothing; write FOLDER/README.md from its cards."),
]
Against = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Fail if a claim that a card in FOLDER reproduced is contradicted."
    ),
]
ScaleOption = Annotated[ScaleName, typer.Option("--scale", help="quick, standard or full.")]
Check = Annotated[
    bool, typer.Option("--check", help="Train nothing; compare the card with its store.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=0, help="Worker processes; 0: train in this one. [default: one per GPU or core]"
    ),
]
Root = Annotated[Path, typer.Option(help="Folder of all results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def reproduce(
    studies: Names = None,
    every: Every = False,
    scale: ScaleOption = "quick",
    check: Check = False,
    against: Against = None,
    index: Index = None,
    workers: Workers = None,
    root: Root = Path("results"),
    as_json: Json = False,
) -> int:
    """List the published studies, or repeat some and write their cards.

    A card has the claims of the paper and what became of them, its numbers beside ours, and every
    deviation from its protocol.
    """
    if index is not None:
        return _index(index)
    names = [*published()] if every else studies or []
    if not names:
        _list(as_json=as_json)
        return ExitCode.DONE
    files = [studyfile.find(name) for name in names]
    scaled = [(file.resolve().parent, _scaled(studyfile.load(file), scale)) for file in files]
    codes, claims = [], []
    for place, study in scaled:
        folder = root / study.name
        if not check:
            codes.append(_train(study, place, root, workers))
            if codes[-1] in STOPPED:
                return codes[-1]
        results, found = _judged(folder)
        if check:
            codes.append(_check(results, found, folder))
        else:
            claims += _told(results, found, folder, show=not as_json)
        if against is not None:
            codes.append(_turned(found, study.name, against))
    if as_json and not check:
        sys.stdout.write(json.dumps(claims, indent=2) + "\n")
    return max(codes)


def published() -> dict[str, Study]:
    """The built-in studies that repeat something published, by name."""
    loaded = {name: studyfile.load(file) for name, file in studyfile.built_in().items()}
    return {name: study for name, study in loaded.items() if study.published is not None}


def _scaled(study: Study, scale: ScaleName) -> Study:
    if study.published is None:
        raise UsageError(
            "expected a study with a [published] table. Received: "
            f"{study.name!r}, without one. `keras-harness reproduce` lists those that have one."
        )
    return study.scaled(scale)


def _list(*, as_json: bool) -> None:
    rows = [_row(study) for study in published().values()]
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    names = ("name", "family", "claims", "minutes", "citation")
    cells = [
        [row["name"], row["family"], row["claims"], _minutes(row["minutes"]), row["citation"]]
        for row in rows
    ]
    out = Terminal()
    out.print(aligned(names, cells))
    out.print("minutes: about, on two cores, at scale quick / standard / full.")


def _row(study: Study) -> dict[str, Any]:
    found = study.published
    assert found is not None  # or it is not listed
    return {
        "name": study.name,
        "family": found.family,
        "claims": len(found.claims),
        "minutes": {name: scale.minutes for name, scale in found.scales.items()},
        "citation": str(found.citation),
    }


def _minutes(by_scale: dict[str, float]) -> str:
    return " / ".join(
        f"{by_scale[name]:g}" if name in by_scale else "-" for name in ("quick", "standard", "full")
    )


def _train(study: Study, place: Path, root: Path, workers: int | None) -> int:
    from harness.coordinator import run
    from harness.progress import follow

    err = Terminal(stderr=True)
    for one in study.data:
        datasets.obtain(one, err.print)  # before the live table, so that it can be followed
    with follow(err) as show:
        finished = run(study, root=root, workers=workers, folders=(place,), progress=show)
    for problem in finished.problems[:10]:
        err.print(f"failed: {problem}", style="red")
    return finished.exit_code


def _judged(folder: Path) -> tuple[Results, Reproduction]:
    """Content of a store, and what became of its claims."""
    from reports import frames, reproduction

    results = frames.read(folder)
    return results, reproduction.reproduce(results)


def _told(
    results: Results, found: Reproduction, folder: Path, *, show: bool
) -> list[dict[str, Any]]:
    """Write the card of a study; its claims, a row per comparison."""
    from reports import card

    written = card.write(results, found, folder / "card")
    if show:
        out = Terminal()
        rows = [(one.claim.id, one.word, one.claim.sentence) for one in found.findings]
        out.print(aligned(("claim", "outcome", "in words"), rows))
        out.print(f"Card: {written}", soft_wrap=True)
    table = card.claims(found)
    table.insert(0, "study", folder.name)
    parsed: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return parsed


def _check(results: Results, found: Reproduction, folder: Path) -> int:
    from reports import card

    lines = card.differences(results, found, folder / "card")
    for line in lines:
        Terminal().print(line, soft_wrap=True)
    if lines:
        Terminal(stderr=True).print(
            f"error: the card in {folder / 'card'} does not follow from its store. Run the verb "
            "without --check to write it anew.",
            style="red",
            soft_wrap=True,
        )
        return ExitCode.SOME_TRIALS_FAILED
    Terminal().print(f"{folder / 'card'}: follows from its store.", soft_wrap=True)
    return ExitCode.DONE


def _turned(found: Reproduction, name: str, folder: Path) -> int:
    from reports import cards

    kept = folder / name.rpartition("-")[0]
    claims = cards.turned(found.findings, kept)
    for claim in claims:
        Terminal(stderr=True).print(
            f"error: {name}: {claim!r} is contradicted; {kept / 'card.md'} reproduced it.",
            style="red",
            soft_wrap=True,
        )
    return ExitCode.SOME_TRIALS_FAILED if claims else ExitCode.DONE


def _index(folder: Path) -> int:
    from reports import cards
    from reports.export import keep

    file = keep(cards.index(folder).encode(), folder / "README.md")
    Terminal().print(f"Index: {file}", soft_wrap=True)
    return ExitCode.DONE
