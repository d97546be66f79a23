"""Cards that are kept in docs/reproductions: no claim is left out, and the index follows."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from harness.reproduce_cli import published
from reports import cards

FOLDER = Path(__file__).parent.parent / "docs" / "reproductions"
STUDIES = published()


def outcomes(name):
    """Outcome by claim, as the card has it."""
    with (FOLDER / name / "claims.csv").open(encoding="utf-8") as file:
        return {row["claim"]: row["outcome"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("name", STUDIES)
def test_every_claim_is_on_the_card(name):
    """Contradicted and undecided ones, too."""
    assert [*outcomes(name)] == [claim.id for claim in STUDIES[name].published.claims]


def test_the_index_follows_from_the_cards():
    """As ``keras-harness reproduce --index docs/reproductions`` writes it."""
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == cards.index(FOLDER)


@pytest.mark.parametrize(
    "card", sorted(FOLDER.glob("*/about.json")), ids=lambda file: file.parent.name
)
def test_the_short_form_says_what_the_card_says(card):
    about = json.loads(card.read_text(encoding="utf-8"))
    study = STUDIES[about["study"]]
    assert about["family"] == study.published.family
    assert {one["id"]: one["outcome"] for one in about["claims"]} == outcomes(card.parent.name)
    title = f"# {about['study']}-{about['scale']}\n"
    assert card.with_name("card.md").read_text(encoding="utf-8").startswith(title)
