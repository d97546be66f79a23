"""Cards of published comparisons, kept in one folder: their index, and verdicts that turned."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.errors import NothingToReportError
from reports.reproduction import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from reports.reproduction import Finding

TRIED = "contradicted.md"
"""File beside the index that says, by hand, what was tried about contradicted claims."""


def index(folder: Path) -> str:
    """List the cards of a folder, by family, with what became of their claims.

    Args:
        folder: each folder in it that has an ``about.json`` is a card.

    Returns:
        Markdown, with links relative to the folder.

    Raises:
        NothingToReportError: if there is no card.
    """
    cards = sorted(_cards(folder), key=lambda card: (card["family"], card["year"], card["place"]))
    if not cards:
        raise NothingToReportError(
            f"expected cards in {str(folder)!r}, such as `keras-harness reproduce` writes. "
            "Received: none."
        )
    lines = [*_lines(cards), *_against_fit(cards, folder / FIT)]
    return "\n".join([*lines, *_contradicted(cards, tried=(folder / TRIED).is_file())]) + "\n"


FIT = "fit.json"
"""File beside the index with seconds of sample trainings, such as a benchmark writes."""


def turned(findings: Iterable[Finding], kept: Path) -> list[str]:
    """Claims that were reproduced by a kept card, and are contradicted now.

    Args:
        findings: of the study, trained again.
        kept: folder of its card; without one, nothing has turned.
    """
    file = kept / "about.json"
    if not file.is_file():
        return []
    before = {one["id"]: one["outcome"] for one in json.loads(file.read_text("utf-8"))["claims"]}
    return [
        one.claim.id
        for one in findings
        if one.word == "contradicted" and before.get(one.claim.id) == "reproduced"
    ]


def _cards(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*/about.json")):
        yield json.loads(file.read_text("utf-8")) | {"place": file.parent.name}


def _lines(cards: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "# Published comparisons, repeated"
    yield ""
    yield (
        "Each card has the claims of a paper, encoded before the first training, what became of "
        "them, the paper's numbers beside ours, and every deviation. `keras-harness reproduce` "
        "lists the studies; `keras-harness reproduce NAME` trains one; [how to](how-to.md) add one."
    )
    yield ""
    yield from _table([_row(card) for card in cards])
    yield ""
    yield "## By family"
    yield ""
    yield from _table([*_families(cards)])
    yield ""
    yield "Minutes are those of all trainings, one after another on one core."


def _against_fit(cards: Sequence[dict[str, Any]], file: Path) -> Iterator[str]:
    """Lines on the time that ``model.fit`` would have taken, where samples were measured."""
    if not file.is_file():
        return
    told = json.loads(file.read_text("utf-8"))
    samples = told["families"]
    known = [card for card in cards if card["family"] in samples]
    if not known:
        return
    ratios = {family: one["fit"] / one["harness"] for family, one in samples.items()}
    ours = sum(card["seconds"] for card in known)
    fit = sum(card["seconds"] * ratios[card["family"]] for card in known)
    yield ""
    yield "## Against model.fit"
    yield ""
    yield from _table([{"family": family, **one} for family, one in samples.items()])
    yield ""
    yield (
        "Seconds of one sample training per family, its program compiled, and of the same by "
        f"`model.fit` with a new model, in turns, on one thread of {told['processor']} at a load "
        f"of {told['load']}. All trainings of these families took {ours / 60:.0f} minutes; by "
        f"their samples they would take {fit / 60:.0f} by `model.fit`, {fit / ours:.1f} times as "
        "long. Families of which no sample can be trained by `model.fit` are left out."
    )


def _table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A pipe table; unlike that of a report, its cells may hold links."""
    yield f"| {' | '.join(rows[0])} |"
    yield f"|{'|'.join('--:' if isinstance(cell, int) else '---' for cell in rows[0].values())}|"
    for row in rows:
        yield f"| {' | '.join(map(str, row.values()))} |"


def _row(card: dict[str, Any]) -> dict[str, Any]:
    return {
        "card": f"[{card['study']}]({card['place']}/card.md)",
        "family": card["family"],
        "scale": card["scale"],
        **_counts([card]),
        "trainings": card["trainings"],
        "minutes": f"{card['seconds'] / 60:.1f}",
    }


def _families(cards: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for family in sorted({card["family"] for card in cards}):
        mine = [card for card in cards if card["family"] == family]
        yield {"family": family, "cards": len(mine), **_counts(mine)}
    yield {"family": "all", "cards": len(cards), **_counts(cards)}


def _counts(cards: Sequence[dict[str, Any]]) -> dict[str, int]:
    counts = Counter(claim["outcome"] for card in cards for claim in card["claims"])
    return {"claims": counts.total(), **{word: counts[word] for word in OUTCOMES}}


def _contradicted(cards: Sequence[dict[str, Any]], *, tried: bool) -> Iterator[str]:
    lines = [
        f"- [{card['study']}]({card['place']}/card.md): {claim['sentence']}"
        for card in cards
        for claim in card["claims"]
        if claim["outcome"] == "contradicted"
    ]
    if lines:
        yield from ("", "## Contradicted claims", "", *lines)
    if lines and tried:
        yield ""
        yield f"[What was tried about them]({TRIED})."
