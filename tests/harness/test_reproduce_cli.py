"""The verb ``keras-harness reproduce``: it lists, trains, writes a card, and checks it."""

from __future__ import annotations

import json
import re
import sys

import pytest
import synthetic
from test_published import CLAIM, PUBLISHED, VALUE, asked

from harness import cli, datasets, design, studyfile
from harness.errors import ExitCode
from harness.reproduce_cli import published
from reports import card, frames, reproduction
from reports.export import keep

NEAR = CLAIM | {"id": "near", "kind": "bound", "arm": CLAIM["a"], "low": 0.5}
NEAR = {key: part for key, part in NEAR.items() if key not in {"a", "b"}}


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls the verb in an empty folder; gives back its exit code."""
    monkeypatch.chdir(tmp_path)

    def called(*words):
        monkeypatch.setattr(sys, "argv", ["keras-harness", "reproduce", *map(str, words)])
        return cli.main()

    return called


@pytest.fixture
def file(tmp_path):
    """A study file with two claims."""
    study = asked(PUBLISHED | {"claims": [CLAIM, NEAR]}, fixed={"epochs": 1, "units": [8]})
    place = tmp_path / "units.toml"
    place.write_text(studyfile.dump(study))
    return place


def test_without_a_name_it_lists(call, capsys):
    """Every published study, with its claims and about how long it takes."""
    assert call("--json") == ExitCode.DONE
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"glorot2010", "he2015", "deepobs2019", "zhang2017"} <= {*rows}
    assert rows["glorot2010"]["claims"] == 7
    assert set(rows["glorot2010"]["minutes"]) == {"quick", "standard", "full"}
    assert call() == ExitCode.DONE
    listed = capsys.readouterr().out
    assert all(name in listed for name in rows)


@pytest.mark.parametrize("name", published())
def test_every_scale_of_a_published_study_can_decide(name):
    """It can be planned, and has the pairs that its claims take."""
    study = published()[name]
    for scale in study.published.scales:
        scaled = study.scaled(scale)
        laid = design.plan(scaled, datasets.describe_all(scaled, []), [])
        assert laid.notes == ()
        assert scaled.replicates >= 9
    assert {value.tag for value in study.published.values} <= {"V1", "V2", "C"}


def test_a_study_is_repeated_and_its_card_checked(call, file, capsys):
    assert call(file, "--workers", 0, "--json") == ExitCode.DONE
    rows = json.loads(capsys.readouterr().out)
    assert [row["claim"] for row in rows] == ["first", "near"]
    page = file.parent / "results" / "units-quick" / "card" / "card.md"
    assert "# units-quick" in page.read_text()
    assert call(file, "--check") == ExitCode.DONE


def written(folder):
    """The card of a store, written into it."""
    results = frames.read(folder)
    return card.write(results, reproduction.reproduce(results), folder / "card")


@pytest.fixture
def kept(file):
    """The card of a study whose results are made up."""
    folder = file.parent / "results" / "units-quick"
    synthetic.write(folder, studyfile.load(file).scaled("quick"), synthetic.Script())
    return written(folder)


def test_an_edited_card_is_found_out(call, file, kept, capsys):
    assert call(file, "--check") == ExitCode.DONE
    values = kept.with_name("values.csv")
    values.write_text(values.read_text().replace("0.97,0.01", "0.98,0.01"))
    capsys.readouterr()
    assert call(file, "--check") == ExitCode.SOME_TRIALS_FAILED
    told = capsys.readouterr()
    assert "--- values.csv, as written" in told.out
    assert any(line.startswith("-") and "0.98,0.01" in line for line in told.out.splitlines())
    assert "does not follow from its store" in told.err.replace("\n", " ")


@pytest.mark.parametrize("before", ["reproduced", "contradicted", "undecided"])
def test_a_claim_that_turned_fails(call, file, capsys, before):
    """Reproduced in a card that was kept, contradicted now."""
    file.write_text(studyfile.dump(asked(PUBLISHED | {"claims": [NEAR | {"low": 0.9999}]})))
    folder = file.parent / "results" / "units-quick"
    synthetic.write(folder, studyfile.load(file).scaled("quick"), synthetic.Script())
    written(folder)
    cards = file.parent / "cards"
    keep(
        json.dumps({"claims": [{"id": "near", "outcome": before}]}).encode(),
        cards / "units/about.json",
    )
    turned = before == "reproduced"
    assert call(file, "--check", "--against", cards) == int(turned)
    assert ("'near' is contradicted" in capsys.readouterr().err) is turned


def test_an_index_counts_claims_by_family(call, kept, capsys):
    folder = kept.parents[1]
    assert call("--index", folder) == ExitCode.DONE
    written = (folder / "README.md").read_text()
    assert "[units](card/card.md)" in written
    assert re.search(r"\| activations +\| +1 \| +2 ", written)
    assert call("--index", folder / "card") == ExitCode.NOTHING_TO_REPORT


def test_several_studies_are_repeated_in_one_command(call, file, capsys):
    other = file.with_name("other.toml")
    other.write_text(file.read_text().replace('name = "units"', 'name = "other"', 1))
    assert call(file, other, "--workers", 0, "--json") == ExitCode.DONE
    rows = json.loads(capsys.readouterr().out)
    assert {row["study"] for row in rows} == {"units-quick", "other-quick"}


def test_a_missing_card_is_told(call, file, kept, capsys):
    kept.unlink()
    assert call(file, "--check") == ExitCode.NOTHING_TO_REPORT
    assert "Leave --check out" in capsys.readouterr().err


def test_a_study_without_a_paper_is_refused(call, capsys):
    assert call("quickstart") == ExitCode.USAGE
    assert "with a [published] table. Received: 'quickstart'" in capsys.readouterr().err


def test_a_number_of_the_paper_is_in_the_card(kept):
    assert f"{VALUE['value']} +- {VALUE['spread']}" in kept.read_text()
