"""Every benchmark runs, on next to nothing, so that none can rot."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.cli import app

ROOT = Path(__file__).parents[2]
ASK = {
    "model": "mlp",
    "width": 4,
    "task": "classification",
    "shape": [6, 6],
    "outputs": 3,
    "validation": 0.2,
    "replicates": 1,
}


@pytest.fixture(autouse=True)
def bench(monkeypatch):
    """A way to a benchmark's module, with short trainings."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    contenders = importlib.import_module("contenders")
    monkeypatch.setattr(contenders, "EPOCHS", 1)
    monkeypatch.setattr(contenders, "load", lambda file: _halves(np.load(file)))
    return importlib.import_module


@pytest.fixture
def data(tmp_path):
    """A file of tiny images of three classes."""
    draw = np.random.default_rng(0)
    x, y = draw.random((192, 6, 6), np.float32), (np.arange(192) % 3).astype(np.int32)
    file = tmp_path / "tiny.npz"
    np.savez(file, x_train=x[:128], y_train=y[:128], x_test=x[128:], y_test=y[128:])
    return file


def _halves(archive):
    x, y = archive["x_train"], archive["y_train"]
    return (x[:64], y[:64]), (x[64:], y[64:])


def _here(*arguments: str) -> None:
    assert not app(list(arguments), standalone_mode=False)


def test_overhead_fills_a_store_that_can_be_reported(bench, tmp_path, monkeypatch):
    """Six paired replicates of three arms, and both verbs on them."""
    overhead, asked = bench("overhead"), []

    def seconds(verb, root):
        asked.append(verb)
        _here(verb, "many", "--root", str(root))
        return 1.0

    monkeypatch.setattr(overhead, "seconds", seconds)
    overhead.main(tmp_path / "overhead.md", arms=3, replicates=6)
    assert asked == ["status", "report"]
    assert "# Overhead at 18 trials" in (tmp_path / "overhead.md").read_text(encoding="utf-8")


def test_two_checkouts_report_on_stores_of_their_own(bench, monkeypatch, capsys, tmp_path):
    """In turn, each into an empty folder; schemas may differ."""
    versions = bench("versions")
    other = tmp_path / "other"
    other.symlink_to(ROOT)
    asked = []

    def commanded(checkout, arguments, folder):
        assert not (folder / "many" / "report").exists()
        assert (folder / "many" / "study.db").exists()
        asked.append((checkout, arguments[:2], folder.name))
        return versions.Spent(*{ROOT: (1.0, 3.0)}.get(checkout, (2.0, 4.0)))

    monkeypatch.setattr(versions, "commanded", commanded)
    monkeypatch.setattr(versions, "REPLICATES", 2)
    versions.reported(other, ROOT, rounds=1, arms=2)
    assert asked == [(other, ["report", "many"], "0"), (ROOT, ["report", "many"], "1")]
    told = capsys.readouterr().out
    assert "report, wall: before 2 s, after 1 s, ratio 0.500 (0.500 to 0.500)" in told
    assert "report, processor: before 4 s, after 3 s, ratio 0.750 (0.750 to 0.750)" in told


def test_a_checkout_is_asked_in_a_process_of_its_own(bench, tmp_path):
    """Wall and processor seconds of the command and its children."""
    spent = bench("versions").commanded(ROOT, ["--help"], tmp_path)
    assert spent.wall > 0
    assert spent.processor > 0


def test_trainings_of_a_checkout_are_timed(bench, monkeypatch, capsys):
    """What a child process runs, in this one."""
    study = {"template": "mlp", "dataset": "digits", "fixed": {"units": [4], "epochs": 1}}
    given = json.dumps({"study": study, "trials": 2})
    monkeypatch.setattr(sys, "argv", ["child", given])
    exec(bench("versions").CHILD, {})
    assert len(json.loads(capsys.readouterr().out)) == 2


@pytest.mark.slow
def test_a_whole_study_is_felt(bench, data, tmp_path, monkeypatch):
    """The study's file, and its run."""
    felt = bench("felt")
    monkeypatch.setattr(felt, "ACTIVATIONS", ("relu", "tanh"))
    monkeypatch.setattr(felt, "EPOCHS", 1)
    # A user's `models` is not the one that other benchmarks have loaded.
    monkeypatch.delitem(sys.modules, "models", raising=False)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(ROOT / "benchmarks")])
    study = felt.lay_out(tmp_path, data, replicates=1)
    _here("run", str(study), "--root", str(tmp_path), "--workers", "0")
    assert (tmp_path / "felt" / "report" / "index.html").is_file()


@pytest.mark.parametrize("name", ["b", "c"])
def test_simple_contenders_train(bench, data, name):
    """A loss for each trial."""
    ends, losses = bench("contenders").CONTENDERS[name](
        {**ASK, "data": str(data), "trials": 1, "convolves": True}
    )
    assert len(ends) == len(losses) == 1
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("name", ["a", "grid"])
def test_contenders_of_keras_tuner_train(bench, data, name, monkeypatch):
    """A loss or a score for each trial; where what KerasTuner imports is installed."""
    pytest.importorskip("tensorboard")
    contenders = bench("contenders")
    monkeypatch.setattr(contenders, "ACTIVATIONS", ("relu",))
    _, losses = contenders.CONTENDERS[name]({**ASK, "data": str(data), "trials": 1})
    assert len(losses) == 1


@pytest.mark.slow
def test_the_harness_as_a_contender(bench, data):
    """Five replicates of one candidate, in this process."""
    ask = {**ASK, "data": str(data), "trials": 5, "workers": 0}
    ends, losses = bench("contenders").CONTENDERS["d"](ask)
    assert len(ends) == len(losses) == 5


def test_a_step_is_taken_apart(bench, monkeypatch):
    """Three programs, one without the update, one without the backward pass too."""
    import tensorflow as tf

    function = tf.function
    monkeypatch.setattr(tf, "function", lambda jit_compile, **given: function(**given))
    parts = bench("step").parts(4, steps=2, repeats=2)
    assert list(parts) == ["forward", "backward", "update"]


def test_the_ladder_writes_its_page(bench, monkeypatch, tmp_path):
    """All figures, with contenders that answer at once."""
    ladder = bench("ladder")
    found = {"cold": 1.0, "marginal": 0.5, "wall": 2.0, "losses": [0.4, 0.5]}
    monkeypatch.setattr(ladder, "measure", lambda contender, model, width, files: dict(found))
    monkeypatch.setattr(ladder, "enlarge", lambda folder: {"classification": folder})
    monkeypatch.setattr(ladder, "core_rate", lambda: 100.0)
    monkeypatch.setattr(ladder, "step_parts", lambda: {"forward": 1.0})
    for name in ("harness", "keras_tuner"):
        monkeypatch.setattr(ladder.felt, name, lambda data: 1.0)
    to = tmp_path / "ladder.md"
    monkeypatch.setattr(
        sys, "argv", ["ladder", "--models", "mlp", "--repeats", "2", "--to", str(to)]
    )
    ladder.main()
    page = to.read_text(encoding="utf-8")
    assert "| mlp 128 | 0.500 | 0.500 | 0.500 | 0.500 | 0.500 | 0.250 |" in page
    assert "- ratio: 1.00 (1.00 to 1.00); aim 4" in page
