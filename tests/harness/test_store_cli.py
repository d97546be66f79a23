"""Whether a store is whole, and what its study was before: ``keras-harness verify``."""

from __future__ import annotations

import json
import sqlite3
import sys

import pytest

from harness import cli, objects, store
from harness.coordinator import run
from harness.errors import StoreError
from harness.records import Environment, Epoch, Member, Outcome
from harness.spec import Study, Trial

STUDY = Study(name="one", template="mlp", dataset="digits", factors={"units": [[4], [8]]})


@pytest.fixture
def folder(tmp_path):
    """A small store, as a run would have left it."""
    place = tmp_path / "results" / "one"
    with store.Store(place) as kept:
        _fill(kept, STUDY)
    return place


def _fill(kept, study):
    revision = kept.revise(study, "test/accuracy@best", {"digest": "d"})
    environment = kept.remember(Environment(harness="0", versions={}, processor="some", flags={}))
    for arm, units in enumerate(study.factors["units"]):
        trial = Trial(
            template="mlp",
            settings={"units": units, "rate": 1.0, "decay": None},
            dataset="digits",
            data="d",
            task="classification",
            seed=study.seed,
            phase="confirm",
            replicate=0,
            best="val/crossentropy",
            threads=1,
        )
        place = {"arm": arm, "phase": "confirm", "candidate": 0, "replicate": 0}
        member = Member(**place, hyperparameters={}, trial=trial.key)
        kept.enrol(revision, arm, "confirm", [(member, trial)])
        if trial.key not in kept.statuses(arm, "confirm", revision) or kept._rows(
            "SELECT status FROM trial WHERE key = ?", (trial.key,)
        ) != [("pending",)]:
            continue
        number = kept.begin(trial.key, 1)
        curve = (Epoch(epoch=0, quantities={"val/loss": 1.0, "test/accuracy": 0.5}),)
        outcome = Outcome(status="completed", curve=curve, best_epoch=0)
        kept.end(trial.key, number, outcome, environment)


def _verify(monkeypatch, folder, *words):
    monkeypatch.setattr(sys, "argv", ["keras-harness", "verify", str(folder), *words])
    return cli.main()


def test_a_whole_store_shows_digest_and_history(folder, monkeypatch, capsys):
    """The first definition, and each later one with its keys and what had finished by then."""
    grown = STUDY.model_copy(update={"factors": {"units": ([4], [8], [16])}, "margin": 0.1})
    with store.Store(folder) as kept:
        _fill(kept, grown)
    assert _verify(monkeypatch, folder) == 0
    whole, first, second = capsys.readouterr().out.splitlines()
    assert whole.endswith("one: whole, 3 finished trials.")
    assert first.startswith(STUDY.digest()[:8])
    assert first.endswith("first definition, stored before the first training")
    assert second.startswith(grown.digest()[:8])
    assert second.endswith("after 2 finished trials, changed: factors.units, margin")


def test_json_has_everything(folder, monkeypatch, capsys):
    """For machines: whole digests and times."""
    assert _verify(monkeypatch, folder, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["whole"] is True
    assert told["history"][0]["digest"] == STUDY.digest()


DAMAGES = {
    "UPDATE trial SET definition = replace(definition, '\"seed\":1', '\"seed\":2')": "its key",
    "UPDATE study SET definition = replace(definition, '10', '12')": "its digest",
    "UPDATE study SET card = '{}'": "its digest",
    "UPDATE study SET code = 'c'": "its digest",
    "UPDATE attempt SET epochs = 2": "its outcome is not there",
    "UPDATE attempt SET status = 'failed'": "its outcome is not there",
    "DELETE FROM attempt": "its outcome is not there",
    "DELETE FROM fact": "its outcome is not there",
    "UPDATE trial SET definition = 'x'": "its key",
    "DELETE FROM trial": "does not hold",
}


@pytest.mark.parametrize("statement", DAMAGES)
def test_what_is_not_whole_is_named(folder, monkeypatch, capsys, statement):
    """With exit code 4, and without a change."""
    with sqlite3.connect(folder / "study.db") as db:
        db.execute(statement)
    assert _verify(monkeypatch, folder) == 4
    said = capsys.readouterr()
    assert DAMAGES[statement] in said.err
    assert "is not whole" in said.err
    assert said.out == ""
    assert _verify(monkeypatch, folder, "--json") == 4
    told = json.loads(capsys.readouterr().out)
    assert told["whole"] is False
    assert told["problems"]


def test_a_damaged_file_is_named(folder, monkeypatch, capsys):
    """Bytes that were overwritten, whether SQLite can read around them or not."""
    with sqlite3.connect(folder / "study.db") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = folder / "study.db"
    content = bytearray(file.read_bytes())
    page = int.from_bytes(content[16:18], "big")
    content[2 * page : 3 * page] = bytes(page)
    file.write_bytes(content)
    assert _verify(monkeypatch, folder) == 4
    assert "error" in capsys.readouterr().err


def test_a_store_without_a_study_has_nothing_to_report(tmp_path, monkeypatch, capsys):
    """It is whole, and empty."""
    with store.Store(tmp_path / "empty"):
        pass
    assert _verify(monkeypatch, tmp_path / "empty") == 5
    assert "holds no study" in capsys.readouterr().err


def test_no_store_is_no_damage(tmp_path, monkeypatch):
    """The folder is named as for every other verb."""
    monkeypatch.chdir(tmp_path)
    assert _verify(monkeypatch, "nothing") == 2
    with pytest.raises(StoreError, match="expected a folder"):
        store.problems(tmp_path)


def test_files_of_trials_are_looked_at(tmp_path, monkeypatch, capsys):
    """Weights that others start from, for instance: gone, or with another content."""
    study = Study(
        name="a",
        template="mlp",
        dataset="digits@100",
        replicates=1,
        fixed={"epochs": 1, "units": [4]},
        factors={"source": ["low", "none"]},
        sources={"low": {"dataset": "digits@100", "fixed": {"epochs": 1}}},
    )
    run(study, root=tmp_path, workers=0)
    assert _verify(monkeypatch, tmp_path / "a") == 0
    with store.reading(tmp_path / "a") as db:
        ((digest,),) = db.execute("SELECT digest FROM artifact WHERE kind = 'weights'").fetchall()
    file = objects.place(tmp_path / "a", digest)
    file.write_bytes(file.read_bytes()[:-1])
    assert _verify(monkeypatch, tmp_path / "a") == 4
    file.unlink()
    assert _verify(monkeypatch, tmp_path / "a") == 4
    told = "".join(capsys.readouterr())
    assert told.count("again where they are needed") == 2
