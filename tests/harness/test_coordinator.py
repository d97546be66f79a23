"""Whole studies: equal tables however they were run, and nothing trained twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from harness import store
from harness.coordinator import run
from harness.errors import BusyError, ExitCode, StoreError, StudyError, TemplateError
from harness.spec import Study

SMALL = {
    "template": "mlp",
    "replicates": 2,
    "factors": {"activation": ["relu", "tanh"]},
    # Dropout is not compiled by XLA, which would take most of the time.
    "fixed": {"epochs": 2, "units": [4], "dropout": 0.1},
    "tune": {
        "trials": 2,
        "space": {"learning_rate": {"min": 1e-3, "max": 1e-1, "scale": "log"}},
    },
}


def small(blobs, **changes):
    """A study of eight trials on the blobs."""
    return Study(**{"name": "small", "dataset": str(blobs), **SMALL, **changes})


def table(folder):
    """Everything that a study found, but for times and attempts."""
    with store.reading(folder) as db:
        return db.execute(
            "SELECT arm, phase, candidate, replicate, hyperparameters, trial.status, metric, value "
            "FROM member JOIN trial ON member.trial = key LEFT JOIN metric ON metric.trial = key "
            "WHERE revision = (SELECT max(revision) FROM study) ORDER BY 1, 2, 3, 4, 7"
        ).fetchall()


def attempts(folder):
    """Number of attempts by status."""
    with store.reading(folder) as db:
        return dict(db.execute("SELECT status, count(*) FROM attempt GROUP BY status"))


@pytest.fixture(scope="module")
def finished(blobs, tmp_path_factory):
    """The small study, run with one worker."""
    root = tmp_path_factory.mktemp("one")
    ended = run(small(blobs), root=root, workers=1)
    assert ended.exit_code == ExitCode.DONE
    return ended


@pytest.mark.xla
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_equal_tables_with_any_number_of_workers(finished, blobs, tmp_path, workers):
    """0, 1 and 2 workers find the same, to the last bit."""
    expected = table(finished.folder)
    assert len(expected) == 4 * 12 + 4 * 28
    ended = run(small(blobs), root=tmp_path, workers=workers)
    assert table(ended.folder) == expected


@pytest.mark.slow
@pytest.mark.xla
def test_equal_tables_of_what_xla_compiles(blobs, tmp_path):
    """The same, without the dropout that XLA is not used for."""
    study = small(blobs, fixed={"epochs": 2, "units": [4]})
    ended = [run(study, root=tmp_path / str(count), workers=count) for count in (0, 1, 2)]
    tables = [table(one.folder) for one in ended]
    assert tables[0] == tables[1] == tables[2]


@pytest.mark.parametrize("quantity", ["test/accuracy@best", "val/loss@best"])
def test_a_metric_that_was_not_measured_then_is_measured_now(blobs, tmp_path, quantity):
    """A trial is done when it holds what its study goes by; the others are reused."""
    study = small(blobs, tune={**SMALL["tune"], "objective": "val/loss@best"})
    ended = run(study, root=tmp_path, workers=0)
    expected = table(ended.folder)
    phase = "confirm" if quantity.startswith("test") else "tune"
    lacking = "trial IN (SELECT trial FROM member WHERE arm = 1 AND phase = ?)"
    with sqlite3.connect(ended.folder / store.FILE) as db:
        asked = db.execute(f"DELETE FROM wanted WHERE {lacking} AND metric = ?", (phase, quantity))
        assert asked.rowcount == 2
        name = quantity.partition("@")[0]
        db.execute(f"DELETE FROM fact WHERE {lacking} AND quantity = ?", (phase, name))
    db.close()
    again = run(study, root=tmp_path, workers=0)
    assert (again.trained, again.exit_code) == (2, ExitCode.DONE)
    told = f"2 finished trials were trained again, because they had not measured {quantity}"
    assert told in again.notes
    assert table(ended.folder) == expected
    assert store.problems(ended.folder) == []


def test_a_metric_that_a_trial_cannot_measure_is_asked_for_once(blobs, tmp_path):
    """Training again would bring nothing new; the report names what is missing."""
    study = small(blobs)
    ended = run(study, root=tmp_path, workers=0)
    missing = "quantity = ? AND trial IN (SELECT trial FROM member WHERE arm = 1)"
    with sqlite3.connect(ended.folder / store.FILE) as db:
        (metric,) = {metric for (metric,) in db.execute("SELECT metric FROM study")}
        assert db.execute(f"DELETE FROM fact WHERE {missing}", [metric.partition("@")[0]]).rowcount
    db.close()
    again = run(study, root=tmp_path, workers=0)
    assert (again.trained, again.exit_code) == (0, ExitCode.DONE)


def test_a_second_run_trains_nothing(finished, blobs):
    """What is done is not done again, and no worker is started for it."""
    before = attempts(finished.folder)
    again = run(small(blobs), root=finished.folder.parent, workers=1)
    assert (again.trained, again.reused) == (0, 8)
    assert attempts(finished.folder) == before


def test_growing_a_study_trains_only_what_is_new(blobs, tmp_path):
    """An arm more, then a replicate more; the rest is reused."""
    study = small(blobs)
    run(study, root=tmp_path, workers=0)
    wider = small(blobs, factors={"activation": ["relu", "tanh", "elu"]})
    ended = run(wider, root=tmp_path, workers=0)
    assert (ended.trained, ended.reused) == (4, 8)
    longer = small(blobs, factors={"activation": ["relu", "tanh", "elu"]}, replicates=3)
    ended = run(longer, root=tmp_path, workers=0)
    assert (ended.trained, ended.reused) == (3, 12)
    fresh = run(longer, root=tmp_path / "fresh", workers=0)
    assert table(ended.folder) == table(fresh.folder)


def test_arrays_in_memory(tmp_path):
    """A study of arrays needs no file, and its data is stored once."""
    generator = np.random.default_rng(0)
    data = generator.normal(size=(80, 3)), np.arange(80) % 2
    study = Study(name="arrays", **SMALL)
    first = run(study, data=data, root=tmp_path, workers=0)
    again = run(study, data=data, root=tmp_path, workers=0)
    assert (first.trained, again.trained) == (8, 0)
    with store.reading(first.folder) as db:
        left = {digest for (digest,) in db.execute("SELECT digest FROM artifact")}
    assert len({file.stem for file in first.folder.glob("objects/*/*.npz")} - left) == 1


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_networks_that_cannot_be_built_refuse_the_study(blobs, tmp_path, workers):
    """Before anything is trained, with the arms, the template and what is wrong with each."""
    (tmp_path / "wrong.py").write_text(
        "import keras\n"
        "def net(shape, outputs, *, kind):\n"
        "    if kind == 'layer':\n"
        "        return keras.layers.Dense(outputs)\n"
        "    if kind == 'raises':\n"
        "        raise ValueError('no such kind')\n"
        "    inputs = keras.Input(shape)\n"
        "    units = outputs + 1 if kind == 'wide' else outputs\n"
        "    return keras.Model(inputs, keras.layers.Dense(units)(inputs))\n"
    )
    study = Study(
        name="wrong",
        template="wrong:net",
        dataset=str(blobs),
        factors={"kind": ["good", "layer", "wide", "raises"]},
        fixed={"epochs": 1},
        replicates=3,
    )
    with pytest.raises(TemplateError) as caught:
        run(study, root=tmp_path, workers=workers, folders=[tmp_path])
    said = str(caught.value)
    assert "'wrong:net'. Received: 3 that cannot" in said
    for part in (
        "  layer: template 'wrong:net': expected a Keras model. Received: Dense.",
        "  wide: template 'wrong:net': expected a model with one output of shape (None, 2)",
        "  raises: ValueError: no such kind (wrong.py, line 6)",
    ):
        assert part in said
    assert "good" not in said
    assert attempts(tmp_path / "wrong") == {}


def test_failures_are_told_and_tried_again(blobs, tmp_path):
    """An exception in training fails its trials, not the study; a later run tries again."""
    code = tmp_path / "flaky.py"
    code.write_text(
        "import keras, pathlib\n"
        "class Flaky(keras.layers.Dense):\n"
        "    def call(self, inputs, training=None):\n"
        "        here = pathlib.Path(__file__)\n"
        "        if training and self.units == 3 and not here.with_name('mended').exists():\n"
        "            raise RuntimeError('width 3 is broken')\n"
        "        return super().call(inputs)\n"
        "def net(shape, outputs, *, width):\n"
        "    inputs = keras.Input(shape)\n"
        "    return keras.Model(inputs, keras.layers.Dense(outputs)(Flaky(width)(inputs)))\n"
    )
    study = Study(
        name="flaky",
        template="flaky:net",
        dataset=str(blobs),
        factors={"width": [2, 3]},
        fixed={"epochs": 1},
        replicates=2,
    )
    ended = run(study, root=tmp_path, workers=1, folders=[tmp_path])
    assert ended.exit_code == ExitCode.SOME_TRIALS_FAILED
    assert ended.trained == 2
    (problem,) = ended.problems
    assert "width 3 is broken" in problem
    assert "2 trials" in problem
    (tmp_path / "mended").touch()
    assert run(study, root=tmp_path, workers=0, folders=[tmp_path]).trained == 2


def test_another_environment_is_refused_unless_wanted(blobs, tmp_path, monkeypatch):
    """Results of other versions are not mixed in silently; nothing is changed by the refusal."""
    from harness import environment

    run(small(blobs), root=tmp_path, workers=0)
    monkeypatch.setitem(os.environ, "TF_ENABLE_ONEDNN_OPTS", "0")
    assert environment.observe().flags["TF_ENABLE_ONEDNN_OPTS"] == "0"
    more = small(blobs, replicates=3)
    with pytest.raises(StoreError, match="TF_ENABLE_ONEDNN_OPTS unset; here it is 0"):
        run(more, root=tmp_path, workers=0)
    assert run(more, root=tmp_path, workers=0, mixed_environment=True).trained == 2


def test_a_busy_study_is_refused(finished, blobs):
    """A second run of the same study says who runs it."""
    with store.Store(finished.folder), pytest.raises(BusyError, match=f"process {os.getpid()}"):
        run(small(blobs), root=finished.folder.parent, workers=0)


def test_invalid_studies_leave_nothing_behind(blobs, tmp_path):
    """No folder is made for a study that cannot be trained."""
    with pytest.raises(StudyError):
        run(small(blobs, fixed={"unit": [4]}), root=tmp_path, workers=0)
    with pytest.raises(StudyError, match="100,000 trials"):
        run(small(blobs, replicates=10**6), root=tmp_path, workers=0)
    assert [*tmp_path.iterdir()] == []


RUNNER = """
import sys, os, signal, random
from harness.coordinator import run
from harness import studyfile
from harness.store import Store
from pathlib import Path

study, root, workers, moment = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if moment >= 0:
    original, count = Store.end, iter(range(10**6))
    def end(self, key, attempt, *told):
        if next(count) == moment:
            os.kill(os.getpid(), signal.SIGKILL)  # reported, not yet committed
        return original(self, key, attempt, *told)
    Store.end = end
if __name__ == "__main__":
    ended = run(studyfile.load(Path(study)), root=root, workers=workers)
    print(ended.trained, ended.reused, flush=True)
"""


@pytest.fixture
def runner(blobs, tmp_path):
    """Starts the small study in a process of its own, which may be killed."""
    from harness import studyfile

    (tmp_path / "runner.py").write_text(RUNNER)
    (tmp_path / "small.toml").write_text(studyfile.dump(small(blobs, replicates=3)))

    def start(root, workers=2, moment=-1):
        return subprocess.Popen(
            [
                *(sys.executable, str(tmp_path / "runner.py"), str(tmp_path / "small.toml")),
                *(str(root), str(workers), str(moment)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.mark.slow
@pytest.mark.xla
def test_killed_between_report_and_commit(runner, blobs, tmp_path, finished):
    """kill -9 with a result reported but not committed: its file is taken in."""
    expected = table(run(small(blobs, replicates=3), root=tmp_path / "whole", workers=0).folder)
    process = runner(tmp_path / "killed", moment=3)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    folder = tmp_path / "killed" / "small"
    left = {file.name for file in (folder / "attempts").glob("*.json")}
    assert left, "the worker's result must be on disk"
    ended = run(small(blobs, replicates=3), root=tmp_path / "killed", workers=0)
    assert ended.reused >= 4, "three committed ones and the one in the file"
    assert table(folder) == expected
    assert [*(folder / "attempts").iterdir()] == []


@pytest.mark.slow
@pytest.mark.xla
@pytest.mark.parametrize("seed", range(4))
def test_kill_storm(runner, blobs, tmp_path, seed):
    """kill -9 at drawn moments until the study is done; the table is that of a quiet run."""
    expected = table(run(small(blobs, replicates=3), root=tmp_path / "whole", workers=0).folder)
    draw = random.Random(seed)
    for _ in range(12):
        process = runner(tmp_path / "storm", workers=draw.choice([1, 2]))
        try:
            process.communicate(timeout=draw.uniform(2.0, 9.0))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    ended = run(small(blobs, replicates=3), root=tmp_path / "storm", workers=2)
    assert ended.trained + ended.reused == 10
    assert table(tmp_path / "storm" / "small") == expected


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_signals_stop_cleanly(runner, tmp_path, number):
    """The first signal ends the run with everything finished kept and no attempt left open."""
    process = runner(tmp_path / "stopped", workers=1)
    database = Path(tmp_path / "stopped" / "small" / store.FILE)
    end = time.monotonic() + 60
    while time.monotonic() < end and not _some_done(database):
        time.sleep(0.02)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, "the runner itself ends normally"
    trained = int(out.split()[0])
    with store.reading(database.parent) as db:
        statuses = dict(db.execute("SELECT status, count(*) FROM trial GROUP BY status"))
    assert "running" not in statuses
    assert statuses["completed"] == trained


def _some_done(database):
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
            found = db.execute("SELECT count(*) FROM trial WHERE status = 'completed'").fetchone()
        db.close()
    except sqlite3.OperationalError:
        return False
    return found[0] > 0


@pytest.mark.xla
def test_a_killed_worker_costs_one_attempt(blobs, tmp_path):
    """The study goes on without it, and ends in the same table."""
    fixed = {**SMALL["fixed"], "epochs": 150}
    changes = {"fixed": fixed, "factors": {"activation": ["relu"]}}
    study = small(blobs, name="bumpy", **changes)
    killed = []

    def kill_once(progress):
        if not killed and progress.running.total():
            children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
            killed.append(int(children[-1]))
            os.kill(killed[0], signal.SIGKILL)

    ended = run(study, root=tmp_path, workers=1, progress=kill_once)
    assert killed
    assert ended.exit_code == ExitCode.DONE
    counts = attempts(ended.folder)
    assert counts["lost"] == 1
    assert counts["completed"] == 4
    quiet = run(study, root=tmp_path / "quiet", workers=0)
    assert table(ended.folder) == table(quiet.folder)
