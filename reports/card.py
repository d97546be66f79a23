"""Card of a published comparison: its numbers, ours, and what became of every claim."""

from __future__ import annotations

import json
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness.errors import NothingToReportError
from harness.spec import label
from reports import figures, reproduction
from reports.export import csv, keep, markdown, saved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.spec import Published
    from reports.frames import Results
    from reports.reproduction import Beside, Evidence, Finding, Reproduction

MEMORY = "from memory, no target"


def card(results: Results, found: Reproduction) -> Mapping[str, bytes]:
    """The files of a card, the same for the same store.

    Args:
        results: of a study with a ``[published]`` part.
        found: what became of its claims.

    Returns:
        Content by name: ``card.md``, ``claims.csv``, ``about.json``, which an index of cards reads,
        and, where numbers were published, ``values.csv`` and ``card.svg``.
    """
    figure = figures.published(found)
    files = {
        "about.json": (json.dumps(_about(results, found), indent=2) + "\n").encode(),
        "claims.csv": csv(claims(found)).encode(),
    }
    if figure is not None:
        with figures.styled():
            files["card.svg"] = saved(figure, "card", "svg")
        files["values.csv"] = csv(values(found)).encode()
    text = "\n".join(_lines(results, found, pictured=figure is not None)) + "\n"
    return {"card.md": text.encode(), **files}


def write(results: Results, found: Reproduction, folder: Path) -> Path:
    """Write a card into a folder, which is made when it does not exist.

    Returns:
        Its page, ``card.md``.

    Raises:
        DiskError: if the disk refuses.
    """
    for name, content in card(results, found).items():
        keep(content, folder / name)
    return folder / "card.md"


def differences(results: Results, found: Reproduction, folder: Path) -> list[str]:
    """Lines in which a card that was written is other than what follows from its store.

    Args:
        results: the store, read.
        found: what became of its claims.
        folder: of the card.

    Returns:
        A unified diff from the written card to the one that follows; none if they are equal.

    Raises:
        NothingToReportError: if no card was written.
    """
    if not (folder / "card.md").is_file():
        raise NothingToReportError(
            f"expected a card in {str(folder)!r}. Received: none. Leave --check out to write it."
        )
    lines: list[str] = []
    for name, content in card(results, found).items():
        file = folder / name
        kept = file.read_bytes() if file.is_file() else b""
        if kept != content:
            lines += _diff(kept, content, name)
    return lines


def _diff(kept: bytes, content: bytes, name: str) -> list[str]:
    before, after = (part.decode("utf-8", "replace").splitlines() for part in (kept, content))
    names = f"{name}, as written", f"{name}, from the store"
    return [*unified_diff(before, after, *names, n=0, lineterm="")]


def claims(found: Reproduction) -> pd.DataFrame:
    """Claims in numbers, a row per comparison that a claim makes."""
    return pd.DataFrame(
        [
            {
                "claim": finding.claim.id,
                "kind": finding.claim.kind,
                "quantity": finding.claim.quantity,
                "tag": finding.claim.tag,
                "outcome": finding.word,
                "reason": finding.reason,
                "about": one.about,
                "form": one.form,
                "estimate": one.estimate,
                "low": one.low,
                "high": one.high,
                "pairs": one.pairs,
                "p": one.p,
                "power": one.power,
                "needed": one.needed,
            }
            for finding in found.findings
            for one in finding.evidence
        ]
    )


def values(found: Reproduction) -> pd.DataFrame:
    """Published numbers beside ours, a row each."""
    return pd.DataFrame(
        [
            {
                "name": one.value.name,
                "quantity": one.value.quantity,
                "arm": one.label,
                "published": one.value.value,
                "spread": one.value.spread,
                "n": one.value.n,
                "unit": one.value.unit,
                "place": one.value.place,
                "tag": one.value.tag,
                "ours": one.ours.mean,
                "low": one.ours.low,
                "high": one.ours.high,
                "trainings": one.count,
            }
            for one in found.numbers
        ]
    )


def _about(results: Results, found: Reproduction) -> dict[str, Any]:
    """A card in short: what it repeats, what became of its claims, and how long it trained."""
    name, _, scale = results.study.name.rpartition("-")
    published = results.study.published
    assert published is not None  # or it had not been judged
    seconds = results.trials.filter(like="seconds_").sum(axis=None)
    return {
        "study": name,
        "scale": scale,
        "family": published.family,
        "year": published.citation.year,
        "claims": [
            {"id": one.claim.id, "outcome": one.word, "sentence": one.claim.sentence}
            for one in found.findings
        ],
        "trainings": len(results.trials),
        "seconds": round(float(seconds), 1),
    }


def _lines(results: Results, found: Reproduction, *, pictured: bool) -> Iterator[str]:
    study = results.study
    published = study.published
    assert published is not None  # or it had not been judged
    yield f"# {study.name}"
    yield ""
    yield f"{published.citation}."
    yield ""
    yield f"{study.question}" if study.question else ""
    yield ""
    counts = [(found.count(word), word) for word in reproduction.OUTCOMES]
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    yield f"**{len(found.findings)} claims: {told}.**"
    yield ""
    yield "## Claims"
    yield ""
    rows = [_claim_row(one, part) for one in found.findings for part in one.evidence]
    yield markdown(pd.DataFrame(rows)).rstrip("\n")
    yield ""
    for finding in found.findings:
        claim = finding.claim
        yield f"- **{claim.id}** [{claim.tag}]: {claim.sentence}{_why(finding)}"
    yield ""
    yield (
        f"The claims make {found.family} comparisons. All their intervals hold together with a "
        f"confidence of {found.confidence:.0%} (Bonferroni), p is for all of them, and nothing "
        f"is decided below {found.fewest} pairs. Power is the share of studies of this size, drawn "
        "from these results, that would decide; it is rough."
    )
    if pictured:
        yield from _beside(found)
    yield from _protocol(results, published)


def _beside(found: Reproduction) -> Iterator[str]:
    yield ""
    yield "## Numbers"
    yield ""
    yield markdown(pd.DataFrame([_value_row(one) for one in found.numbers])).rstrip("\n")
    yield ""
    yield (
        "Ours is the mean with Student's interval. Tags: V1 read in the source, V2 read where it "
        "is quoted, C computed, M from memory."
    )
    yield ""
    yield "![Published numbers beside ours](card.svg)"


def _protocol(results: Results, published: Published) -> Iterator[str]:
    study = results.study
    yield ""
    yield "## Protocol"
    yield ""
    fixed = ", ".join(f"{name} {label(level)}" for name, level in study.fixed.items())
    yield f"- Template {study.template} on {results.card.label}: {fixed}."
    for factor, levels in study.factors.items():
        yield f"- Compared: {factor} {'; '.join(map(label, levels))}."
    short = study.digest()[:12]
    yield f"- {study.replicates} paired replicates, seed {study.seed}, definition {short}."
    yield from _versions(results)
    yield ""
    yield "Deviations from what was published:"
    yield ""
    yield from (f"- {line}" for line in published.deviations or ("None that is known.",))


def _versions(results: Results) -> Iterator[str]:
    for one in results.environments.values():
        told = ", ".join(f"{name} {version}" for name, version in one.versions.items())
        yield f"- Trained with keras-harness {one.harness}, {told}."


def _why(finding: Finding) -> str:
    return f" Undecided: {finding.reason}." if finding.reason else ""


def _claim_row(finding: Finding, one: Evidence) -> dict[str, str]:
    return {
        "claim": finding.claim.id,
        "outcome": finding.word,
        "of": one.about,
        "estimate": f"{one.form} {_number(one.estimate)}",
        "interval": f"{_number(one.low)} to {_number(one.high)}",
        "pairs": str(one.pairs),
        "p": _number(one.p),
        "power": "" if np.isnan(one.power) else f"{one.power:.0%}",
    }


def _value_row(one: Beside) -> dict[str, str]:
    value = one.value
    spread = "" if value.spread is None else f" +- {_number(value.spread)}"
    unit = f" {value.unit}" if value.unit else ""
    place = f"{value.place} [{value.tag}]" + (f", {MEMORY}" if value.tag == "M" else "")
    return {
        "number": value.name,
        "arm": one.label,
        "published": f"{_number(value.value)}{spread}{unit}",
        "n": "" if value.n is None else str(value.n),
        "ours": f"{_number(one.ours.mean)}{unit}",
        "interval": f"{_number(one.ours.low)} to {_number(one.ours.high)}",
        "trainings": str(one.count),
        "place": place,
    }


def _number(number: float) -> str:
    """Four digits; nothing for what is no number."""
    return "" if np.isnan(number) else f"{number:.4g}"
