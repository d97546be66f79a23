"""The verbs that read results for a paper, and those around study files."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from synthetic import Script, study, write
from typer.testing import CliRunner

from harness import cli, files_cli, store, studyfile
from harness.errors import ExitCode, NothingToReportError, UsageError
from harness.spec import Study


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls a verb in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def called(*arguments):
        ended = CliRunner().invoke(cli.app, [str(one) for one in arguments])
        if ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return ended.stdout

    return called


def half(arm, phase, candidate, replicate):
    """Half of the confirm trials are pending."""
    return None if phase == "confirm" and replicate >= 5 else "completed"


def made(tmp_path, name="one", script=None, **changes):
    """Results in the default folder."""
    return write(
        tmp_path / "results" / name, study(name=name, replicates=10, **changes), script or Script()
    )


def test_judge_prints_the_table_and_writes_a_page(call, tmp_path):
    """As JSON too; a page only where it is asked for."""
    rows = [f"{arm},{r},{0.5 + 0.01 * r + 0.1 * (arm == 'b')}" for r in range(8) for arm in "ab"]
    file = tmp_path / "r.csv"
    file.write_text("arm,replicate,value\n" + "\n".join(rows))
    said = call("judge", file, "--baseline", "a", "--page", "p.html")
    assert "b beats a by 0.1" in said
    assert (tmp_path / "p.html").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"r.csv", "p.html"}
    found = json.loads(call("judge", file, "--json", "--lower"))
    assert [row["verdict"] for row in found] == ["baseline", "worse"]
    file.write_text("arm,replicate,value\n" + "\n".join(rows[:-1]))
    with pytest.raises(NothingToReportError, match="b, replicate 7: not in the table"):
        call("judge", file)
    assert "no verdict" in call("judge", file, "--partial")
    file.write_text("arm,replicate,score\n")
    with pytest.raises(UsageError) as raised:
        call("judge", file)
    assert raised.value.exit_code == ExitCode.USAGE == 2


def test_export_writes_what_is_asked_for(call, tmp_path):
    """One table or all, in every format; wrong names are answered with the right ones."""
    made(tmp_path)
    call("export", "one")
    assert (tmp_path / "results/one/export/verdicts.csv").is_file()
    for kind, end in (("latex", "tex"), ("markdown", "md"), ("parquet", "parquet")):
        call("export", "one", "--format", kind, "--table", "verdicts", "--out", kind)
        assert [path.name for path in (tmp_path / kind).iterdir()] == [f"verdicts.{end}"]
    assert "We compared 6 arms" in call("export", "one", "--methods")
    for wrong, said in (
        (["--format", "word"], "markdown"),
        (["--table", "verdict"], "'verdicts'"),
        (["--width", "85"], "85mm"),
    ):
        with pytest.raises(UsageError, match=said):
            call("export", "one", *wrong)
    made(tmp_path, "half", Script(status=half))
    with pytest.raises(NothingToReportError, match="--partial"):
        call("export", "half")


def test_compare_and_diff(call, tmp_path):
    """Tables on stdout, as JSON too."""
    made(tmp_path)
    made(tmp_path, "two", seed=2)
    said = call("compare", "one", "two")
    assert "not paired: no" in said
    assert "another seed" in said
    assert len(json.loads(call("compare", "one", "two", "--json"))) == 12
    found = json.loads(call("diff", "one", "two", "--json"))
    assert [row["Setting"] for row in found["settings"]] == ["name", "seed"]
    assert found["verdicts"] == []
    assert "No verdict differs." in call("diff", "one", "two")
    for wrong in (["one"], ["one", "one"]):
        with pytest.raises(UsageError):
            call("compare", *wrong)


def test_init_writes_a_study_that_is_valid_and_never_overwrites(call, tmp_path):
    """It is called as its file is."""
    call("init", "mine.toml")
    assert "valid. 3 arms" in call("check", "mine.toml")
    assert studyfile.load(tmp_path / "mine.toml").name == "mine"
    (tmp_path / "mine.toml").write_text("precious")
    with pytest.raises(UsageError, match="does not exist yet"):
        call("init", "mine.toml")
    assert (tmp_path / "mine.toml").read_text() == "precious"
    with pytest.raises(UsageError, match=r"\.toml"):
        call("init", "mine")


def test_list_tells_answers_only_where_they_are_current(call, tmp_path):
    """From the last report, unless the store has changed since; a broken store is named."""
    assert "no results" in call("list")
    folder = made(tmp_path)
    made(tmp_path, "half", Script(status=half))
    broken = tmp_path / "results" / "broken"
    broken.mkdir()
    (broken / "study.db").write_text("nonsense")
    rows = {row["name"]: row for row in json.loads(call("list", "--json"))}
    assert rows["one"]["trials"] == "90/90"
    assert rows["one"]["answer"] == "not reported yet"
    assert (rows["half"]["trials"], rows["half"]["answer"]) == ("60/90", "not finished")
    assert rows["broken"]["answer"].startswith("cannot be read")
    call("report", "one")
    assert json.loads(call("list", "--json"))[2]["answer"] == "5 better"
    with store.Store(folder) as opened:
        opened.note("looked at", {})
    assert json.loads(call("list", "--json"))[2]["answer"] == "changed since the last report"


def test_status_tells_arms_and_about_how_long(call, tmp_path):
    """At the pace of the trainings so far, for as many workers as there were."""
    made(tmp_path, "half", Script(status=half, workers=2))
    said = " ".join(call("status", "half").split())
    assert "relu, he_normal 5 of 5 5 of 10" in said
    assert (
        "60 of 90 trials have a result; the rest is about 26 s of training with 2 workers" in said
    )
    assert json.loads(call("status", "half", "--json")) == {
        "tune/completed": 30,
        "confirm/completed": 30,
        "confirm/pending": 30,
    }
    made(tmp_path)
    assert "All 90 trials have a result." in call("status", "one")


def test_trials_to_come_are_counted_before_they_are_enrolled():
    """A study that is tuning has not enrolled its confirm trials."""
    asked = Study(
        name="x",
        template="mlp",
        factors={"activation": ["relu", "tanh"]},
        replicates=7,
        tune={"trials": 3, "space": {"learning_rate": {"min": 0.1, "max": 1.0}}},
    )
    found = store.Progress(
        enrolled={(0, "tune"): 2}, done={}, seconds={"tune": 10.0}, workers=1, changed=""
    )
    planned = files_cli._planned(asked, found)
    assert planned == {(0, "tune"): 2, (1, "tune"): 3, (0, "confirm"): 7, (1, "confirm"): 7}
    assert files_cli._seconds_left(planned, found) == 190


def test_light_verbs_load_no_pandas(tmp_path):
    """They start at once."""
    made(tmp_path)
    code = (
        "import sys, harness.cli\n"
        "for line in (['init', 'x.toml'], ['list'], ['status', 'one']):\n"
        "    harness.cli.app(line, standalone_mode=False)\n"
        "assert not {'pandas', 'matplotlib', 'keras', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
