"""Cards that are kept in docs/reproductions: no claim is left out, and the index counts them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from harness.reproduce_cli import published

FOLDER = Path(__file__).parent.parent / "docs" / "reproductions"
OUTCOMES = ["reproduced", "direction only", "contradicted", "undecided"]
STUDIES = published()


def outcomes(name):
    """Outcome by claim, as the card has it."""
    with (FOLDER / name / "claims.csv").open(encoding="utf-8") as file:
        return {row["claim"]: row["outcome"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("name", STUDIES)
def test_every_claim_is_on_the_card(name):
    """Contradicted and undecided ones, too."""
    assert [*outcomes(name)] == [claim.id for claim in STUDIES[name].published.claims]


def test_the_index_counts_what_the_cards_say():
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(.*?\) \| (.*?) \|$", index, flags=re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(STUDIES)
    for name, told in rows:
        family, scale, *numbers = told.split(" | ")
        counts = Counter(outcomes(name).values())
        assert family == STUDIES[name].published.family
        assert f"# {name}-{scale}\n" in (FOLDER / name / "card.md").read_text(encoding="utf-8")
        assert [*map(int, numbers)] == [counts.total(), *(counts[word] for word in OUTCOMES)]
