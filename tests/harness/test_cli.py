"""The command line as a person meets it: verbs, messages, exit codes."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest

from harness import cli, studyfile

STUDY = """
schema = 1
name = "tiny"
question = "Does it bend?"
template = "mlp"
dataset = "blobs.npz"
baseline = { activation = "linear" }
replicates = 3

[fixed]
epochs = 2
units = [4]

[factors]
activation = ["linear", "tanh"]
"""


@pytest.fixture
def folder(tmp_path, blobs):
    """A user's folder with a study and its data."""
    shutil.copy(blobs, tmp_path / "blobs.npz")
    (tmp_path / "tiny.toml").write_text(STUDY)
    return tmp_path


def call(folder, *words):
    """Run the command line in a folder, in this process: another one takes seconds to start."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["keras-harness", *words])
        code = cli.main()
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def start(folder, *words, module=False):
    """The same in a process of its own, as a person starts it."""
    command = [sys.executable, "-m", "harness"] if module else [SCRIPT]
    return subprocess.run(
        [*command, *words], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )


SCRIPT = os.path.join(os.path.dirname(sys.executable), "keras-harness")


@pytest.fixture(scope="module")
def done(tmp_path_factory, blobs):
    """The tiny study, run."""
    folder = tmp_path_factory.mktemp("done")
    shutil.copy(blobs, folder / "blobs.npz")
    (folder / "tiny.toml").write_text(STUDY)
    ended = start(folder, "run", "tiny.toml", "--workers", "1")
    assert ended.returncode == 0, ended.stderr
    return folder, ended


def test_run_prints_the_answer(done):
    """The table goes to stdout, progress to stderr, and the page is named."""
    folder, ended = done
    assert "Does it bend?" in ended.stdout
    assert "tanh" in ended.stdout
    assert "baseline" in ended.stdout
    assert "finished linear" in ended.stderr
    assert "6 trials trained" in ended.stderr
    assert "results/tiny/report/index.html" in ended.stdout.replace("\n", "")
    assert (folder / "results/tiny/report/index.html").is_file()


def test_report_by_name_by_file_and_by_folder(done):
    """All three say the same, byte for byte, and leave the same page."""
    folder, _ = done
    page = folder / "results/tiny/report/index.html"
    before = page.read_bytes()
    names = ("tiny", "tiny.toml", "results/tiny")
    said = {
        run(folder, "report", name).stdout
        for run, name in zip((start, call, call), names, strict=True)
    }
    assert len(said) == 1
    assert page.read_bytes() == before


def test_json_is_json(done):
    """Every verb that answers can answer a program."""
    folder, _ = done
    for words in (
        ("report", "tiny"),
        ("status", "tiny"),
        ("plan", "tiny.toml"),
        ("check", "tiny.toml"),
        ("catalog", "loss"),
    ):
        assert json.loads(call(folder, *words, "--json").stdout)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_catalogue_says_what_is_compiled_in(tmp_path, columns, monkeypatch):
    """By marks with a legend for people, by name for programs."""
    monkeypatch.setenv("COLUMNS", columns)
    said = call(tmp_path, "catalog", "clip").stdout
    assert max(map(len, said.splitlines())) <= int(columns)
    assert "clip*" in said
    assert "limit=1 " in said
    assert said.splitlines()[-1].startswith("* compiled in. Trials that differ only in what has")
    (adam,) = [row for row in _listed(tmp_path, "optimizer") if row["name"] == "adam"]
    assert adam["values"] == ["learning_rate", "beta_1", "beta_2", "epsilon"]
    assert adam["structure"] == ["name", "amsgrad"]
    assert "*" not in adam["takes"]


def test_a_family_that_is_never_compiled_has_no_legend(tmp_path):
    """Data sets and metrics are no matter of a program."""
    assert "compiled in" not in call(tmp_path, "catalog", "dataset").stdout
    assert "compiled in" in call(tmp_path, "catalog").stdout


def test_a_templates_arguments_are_listed(tmp_path):
    """With defaults and notes, under the template's name."""
    rows = {row["name"]: row for row in _listed(tmp_path, "cnn")}
    assert rows["filters"]["structure"] == ["filters"]
    assert rows["dropout"]["values"] == ["dropout"]
    assert "default [16, 32]" in rows["filters"]["note"]


def _listed(folder, family):
    return json.loads(call(folder, "catalog", family, "--json").stdout)


@pytest.mark.slow
def test_plan_builds_models_when_asked(folder):
    """Layers and parameters of every program, for people and for programs."""
    shown = start(folder, "plan", "tiny.toml", "--models")
    assert shown.returncode == 0
    assert "hidden_1  " in shown.stdout
    assert shown.stdout.count("30 parameters") == 2
    assert "I0000" not in shown.stderr
    linear, tanh = json.loads(call(folder, "plan", "tiny.toml", "--models", "--json").stdout)[
        "models"
    ]
    assert (linear["arms"], tanh["arms"]) == (["linear"], ["tanh"])
    assert linear["parameters"] == 4 * 4 + 4 + 4 * 2 + 2
    assert linear["layers"][-1] == ["outputs", "Dense", "(None, 2)", 10]
    assert "models" not in json.loads(call(folder, "plan", "tiny.toml", "--json").stdout)


def test_status_and_plan_see_what_is_done(done):
    """Finished trials are counted; the plan says what has changed since."""
    folder, _ = done
    assert json.loads(call(folder, "status", "tiny", "--json").stdout) == {"confirm/completed": 6}
    (folder / "more.toml").write_text(STUDY.replace("replicates = 3", "replicates = 4"))
    said = call(folder, "plan", "more.toml").stdout
    assert "6 finished trials" in said
    assert "changed since: replicates" in " ".join(said.split())


@pytest.mark.slow
def test_changed_code_is_told(folder):
    """Plan and run say that results of other code do not count."""
    (folder / "nets.py").write_text(
        "import keras\n"
        "def net(shape, outputs, *, width):\n"
        "    return keras.Sequential([keras.Input(shape), keras.layers.Dense(width),\n"
        "                             keras.layers.Dense(outputs)])\n"
    )
    text = STUDY.replace('"mlp"', '"nets:net"').replace("units = [4]", "")
    text = text.replace('{ activation = "linear" }', "{ width = 2 }")
    text = text.replace('activation = ["linear", "tanh"]', "width = [2, 3]")
    (folder / "tiny.toml").write_text(text)
    assert start(folder, "run", "tiny.toml", "--workers", "0").returncode == 0
    (folder / "nets.py").write_text((folder / "nets.py").read_text() + "# a remark\n")
    assert "unchanged since" in call(folder, "plan", "tiny.toml").stdout
    (folder / "nets.py").write_text((folder / "nets.py").read_text() + "other = 1\n")
    assert "changed since: your code" in " ".join(call(folder, "plan", "tiny.toml").stdout.split())
    ended = start(folder, "run", "tiny.toml", "--workers", "0")
    assert "Changed since the last run: your code." in ended.stderr
    assert "6 trials trained." in ended.stderr


def test_python_m_harness_is_the_same_command(folder):
    """Also where the current folder has packages of the same names."""
    for name in ("reports", "studies"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    said = start(folder, "check", "quickstart", module=True)
    assert said.returncode == 0, said.stderr
    assert said.stdout == start(folder, "check", "quickstart").stdout
    assert start(folder, "--help", module=True).returncode == 0


def test_a_users_studies_folder_does_not_hide_the_built_in_ones(folder):
    """Built-in names resolve beside the package, whatever the current folder holds."""
    (folder / "studies").mkdir()
    (folder / "studies" / "quickstart.toml").write_text("schema = 99")
    assert start(folder, "check", "quickstart").returncode == 0


WRONG = {
    "name": ('name = "tiny"', 'name = "../tiny"', "name", "../tiny"),
    "unknown key": ("replicates = 3", "replicate = 3", "replicate", "Did you mean 'replicates'?"),
    "unknown name": ('"linear", "tanh"', '"linear", "tanj"', "factors.activation", "'tanh'"),
    "unknown argument": ("units = [4]", "unit = [4]", "fixed.unit", "Did you mean 'units'?"),
    "wrong type": ("epochs = 2", 'epochs = "2"', "fixed.epochs", "Received: '2'"),
    "contradiction": ("units = [4]", 'activation = "relu"', "activation", "[fixed] and in"),
    "empty grid": ('activation = ["linear", "tanh"]', "activation = []", "activation", "none"),
    "no factors": ('activation = ["linear", "tanh"]', "", "factors", "Received: none"),
    "loss": ("units = [4]", 'loss = "mean_squared_error"', "fixed.loss", "classification"),
    "metric": ("replicates = 3", 'metric = "test/acuracy@best"', "metric", "'accuracy'"),
    "size": ("replicates = 3", "replicates = 3000000", "factors", "--yes"),
    "no TOML": ("schema = 1", "schema 1", "tiny.toml", "expected TOML"),
    "schema": ("schema = 1", "schema = 2", "schema", "newer keras-harness"),
    "dataset": ('"blobs.npz"', '"digit"', "tiny.toml", "Did you mean 'digits'?"),
    "rate": ("units = [4]", "learning_rate = 0", "fixed.learning_rate", "above 0"),
    "batch": ("units = [4]", "batch_size = 4000", "fixed.batch_size", "training cases"),
}


@pytest.mark.parametrize("what", sorted(WRONG))
@pytest.mark.parametrize("verb", ["check", "run"])
def test_wrong_studies_end_in_one_message(folder, verb, what):
    """File, key, expected, received, nearest name; exit code 4; nothing written."""
    old, new, *expected = WRONG[what]
    assert old in STUDY
    (folder / "tiny.toml").write_text(STUDY.replace(old, new))
    before = {file.name for file in folder.iterdir()}
    ended = call(folder, verb, "tiny.toml")
    said = " ".join(ended.stderr.split())
    assert ended.returncode == 4, said
    assert said.startswith("error: ")
    assert "Traceback" not in said
    assert "tiny.toml" in said
    for part in expected:
        assert part in said
    assert {file.name for file in folder.iterdir()} == before


def test_wrong_data_ends_in_one_message(folder):
    """Non-finite values, labels of one kind or of none, and no archive at all: exit code 4."""
    x = np.random.default_rng(0).normal(size=(50, 4))
    cases = {
        "finite": {"x": np.where(x > 2, np.nan, x), "y": np.arange(50) % 2},
        "at least 2 classes": {"x": x, "y": np.ones(50, int)},
        "as many labels": {"x": x, "y": np.arange(49) % 2},
        "whole numbers or words": {"x": x, "y": np.ones(50, complex)},
        "x and y": {"z": x},
    }
    for expected, arrays in cases.items():
        np.savez(folder / "blobs.npz", **arrays)
        ended = call(folder, "check", "tiny.toml")
        assert ended.returncode == 4, expected
        assert expected in " ".join(ended.stderr.split())
    (folder / "blobs.npz").write_bytes(b"not an archive")
    ended = call(folder, "run", "tiny.toml")
    assert ended.returncode == 4
    assert "cannot be read as .npz" in ended.stderr
    assert not (folder / "results").exists()


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("report", "tiny"), 2, "no results in 'results' yet"),
        (("report", "../tiny"), 2, "name of a study"),
        (("run", "nothing.toml"), 4, "does not exist"),
        (("run", "quickstrat"), 4, "Did you mean 'quickstart'?"),
        (("run",), 2, "STUDY"),
        (("walk",), 2, "walk"),
        (("run", "tiny.toml", "--workers", "-1"), 2, "workers"),
        (("run", "tiny.toml", "--workers", "5000"), 2, "a gigabyte of memory"),
        (("catalog", "activations"), 2, "'activation'"),
    ],
)
def test_wrong_commands(folder, words, code, expected):
    """Usage errors are 2, and say what there is."""
    ended = call(folder, *words)
    assert ended.returncode == code
    assert expected in " ".join((ended.stderr + ended.stdout).split())
    assert "Traceback" not in ended.stderr


def test_a_study_without_finished_trials_has_nothing_to_report(folder, monkeypatch):
    """Exit code 5, and no page."""
    from harness import datasets, design, store

    monkeypatch.chdir(folder)
    study = studyfile.load(folder / "tiny.toml")
    card = datasets.describe("blobs.npz", [folder])
    laid = design.plan(study, card, [folder])
    with store.Store(folder / "results" / "tiny") as opened:
        from dataclasses import asdict

        opened.revise(study, str(laid.metric), asdict(card))
    ended = call(folder, "report", "tiny")
    assert ended.returncode == 5
    assert not (folder / "results/tiny/report").exists()


def test_a_newer_store_is_refused_and_untouched(done, tmp_path):
    """Exit code 4 for every verb that opens it."""
    import sqlite3

    from harness.store import FILE

    folder, _ = done
    shutil.copytree(folder, tmp_path / "copy")
    file = tmp_path / "copy" / "results" / "tiny" / FILE
    db = sqlite3.connect(file)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = file.read_bytes()
    for words in (("run", "tiny.toml"), ("report", "tiny"), ("status", "tiny")):
        ended = call(tmp_path / "copy", *words)
        assert ended.returncode == 4
        assert "newer keras-harness" in " ".join(ended.stderr.split())
    assert file.read_bytes() == before


def test_a_busy_study_is_exit_75(done):
    """The message names the process that holds it."""
    from harness.store import Store

    folder, _ = done
    with Store(folder / "results" / "tiny"):
        ended = call(folder, "run", "tiny.toml")
    assert ended.returncode == 75
    assert f"process {os.getpid()}" in " ".join(ended.stderr.split())


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("check", "quickstart"),
        ("plan", "quickstart"),
        ("catalog",),
        ("status", "tiny"),
    ],
)
def test_answers_without_loading_keras(done, words):
    """Planning must be instant: none of the heavy libraries is imported for it."""
    folder, _ = done
    code = (
        "import sys\n"
        "from harness.cli import main\n"
        f"sys.argv = ['keras-harness', *{words!r}]\n"
        "main()\n"
        "heavy = {'keras', 'tensorflow', 'pandas', 'matplotlib', 'sklearn', 'scipy'}\n"
        "print('HEAVY', heavy & set(sys.modules))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert "HEAVY set()" in ended.stdout


def test_check_runs_no_user_code(folder):
    """A user's module is read, not imported."""
    (folder / "mine.py").write_text(
        "open('ran', 'w')\ndef net(shape, outputs, *, width=3):\n    return None\n"
    )
    (folder / "mine.toml").write_text(
        'schema = 1\nname = "mine"\ntemplate = "mine:net"\ndataset = "blobs.npz"\n'
        "[factors]\nwidth = [1, 2]\n"
    )
    for verb in ("check", "plan"):
        assert call(folder, verb, "mine.toml").returncode == 0
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("presses", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_ctrl_c_in_a_terminal(folder, presses):
    """Ctrl+C ends with 130 and says how to go on; the next run finishes the rest."""
    # Dropout is not compiled by XLA, which would take most of the time.
    text = STUDY.replace("epochs = 2", "epochs = 100\ndropout = 0.1")
    text = text.replace("replicates = 3", "replicates = 30")
    (folder / "tiny.toml").write_text(text)
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execv(SCRIPT, [SCRIPT, "run", "tiny.toml", "--workers", "1"])
    said = b""
    pressed = 0
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
        if not pressed and re.search(rb"\b5\d trials left", said):
            for _ in range(presses):
                os.write(terminal, b"\x03")
            pressed = presses
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130, said.decode()
    counts = json.loads(call(folder, "status", "tiny", "--json").stdout)
    assert "confirm/running" not in counts or presses == 2
