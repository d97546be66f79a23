"""``keras-harness best``: what it prints, and when it has nothing to say."""

from __future__ import annotations

import json
import sqlite3
import sys

import pytest

from harness import cli
from harness.coordinator import run
from harness.spec import Study


@pytest.fixture(scope="module")
def results(blobs, tmp_path_factory):
    """A study of three arms with tuned learning rates; one arm cannot learn."""
    root = tmp_path_factory.mktemp("best") / "results"
    study = Study(
        name="three",
        template="mlp",
        dataset=str(blobs),
        factors={"initializer": ["zeros", "he_normal", "glorot_normal"]},
        fixed={"epochs": 4, "units": [8, 8], "batch_size": 16},
        tune={"trials": 2, "space": {"learning_rate": {"values": [0.01, 0.03]}}},
        metric="test/crossentropy@best",
        replicates=8,
    )
    assert not run(study, root=root, workers=0).problems
    return root


def told(monkeypatch, capsys, *arguments):
    """Exit code, stdout and stderr of ``best three``."""
    monkeypatch.setattr(sys, "argv", ["keras-harness", "best", *map(str, arguments)])
    code = cli.main()
    return (code, *capsys.readouterr())


def test_the_winner_is_named(results, monkeypatch, capsys):
    """With what was tuned, its verdict, and the arms beside it."""
    code, out, _ = told(monkeypatch, capsys, "three", "--root", results)
    assert code == 0
    lines = dict(line.split(":", 1) for line in out.splitlines() if ":" in line)
    assert lines["winner"].strip() in {"he_normal", "glorot_normal"}
    assert lines["tuned"].strip().startswith("learning_rate = 0.0")
    assert lines["verdict"].strip().startswith("better")
    assert lines["beaten"].strip() == "zeros"
    assert "the baseline, if none is" in lines["rule"]


def test_the_winner_as_json(results, monkeypatch, capsys):
    """The same, for programs."""
    code, out, _ = told(monkeypatch, capsys, results / "three", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["winner"] == found["levels"]["initializer"]
    assert found["baseline"] == "zeros"
    assert found["verdict"].startswith("better")
    assert found["metric"] == "test/crossentropy@best"
    assert set(found["hyperparameters"]) == {"learning_rate"}
    assert len(found["others"]) == 2


@pytest.mark.parametrize(("option", "file"), [("--weights", "winner.h5"), ("--code", "winner.txt")])
def test_a_file_is_what_its_name_says(results, option, file, monkeypatch, capsys):
    """Nothing is trained for a name that will not do."""
    code, _, err = told(monkeypatch, capsys, "three", "--root", results, option, file)
    assert code == 2
    assert file in err


def test_no_file_is_overwritten(results, monkeypatch, capsys, tmp_path):
    """Not even the one beside a script, which may be somebody's data."""
    (tmp_path / "winner.npz").write_text("mine")
    code, _, err = told(
        monkeypatch, capsys, "three", "--root", results, "--code", tmp_path / "winner.py"
    )
    assert (code, (tmp_path / "winner.npz").read_text()) == (2, "mine")
    assert "winner.npz" in err


def test_nothing_has_won_while_trials_are_missing(results, monkeypatch, capsys):
    """As with ``report``: exit code 5, and what is missing."""
    with sqlite3.connect(results / "three" / "study.db") as db:
        (key,) = db.execute(
            "SELECT trial FROM member WHERE arm = 1 AND phase = 'confirm' AND replicate = 3"
        ).fetchone()
        db.execute("UPDATE trial SET status = 'interrupted' WHERE key = ?", (key,))
    code, out, err = told(monkeypatch, capsys, "three", "--root", results)
    assert (code, out) == (5, "")
    assert "no arm has won" in err
