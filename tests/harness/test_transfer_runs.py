"""Studies with sources, run: nothing is lost, and nothing is trained twice."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from test_coordinator import attempts, table

from harness import store
from harness.coordinator import run
from harness.errors import ExitCode, StoreError
from harness.spec import Study
from harness.train import handing

LOW = {"name": "digits", "classes": [0, 1]}
FIXED = {"units": [4], "epochs": 1, "batch_size": 100}


def small(frozen=("none", "all"), rate=0.01, **changes):
    """A study of six trials, behind one source for each of two replicates."""
    asked = {
        "name": "small",
        "template": "mlp",
        "dataset": {"name": "digits", "classes": [8, 9]},
        "replicates": 2,
        "fixed": FIXED,
        "factors": {"source": ["none", "low"], "frozen_layers": [*frozen]},
        "sources": {"low": {"dataset": LOW, "fixed": {"epochs": 1, "learning_rate": rate}}},
    }
    return Study(**asked | changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The study, run without a break."""
    ended = run(small(), root=tmp_path_factory.mktemp("whole"), workers=0)
    assert (ended.trained, ended.exit_code) == (10, ExitCode.DONE)
    return ended


def weights(folder):
    """Files with weights that were handed on, by key of the source."""
    with store.reading(folder) as db:
        kept = db.execute("SELECT trial, digest FROM artifact WHERE kind = 'weights'").fetchall()
    return {key: folder / "objects" / digest[:2] / f"{digest}.npz" for key, digest in kept}


def test_a_source_is_trained_once_per_replicate(whole):
    """It is in no arm, and its weights are in the store."""
    assert attempts(whole.folder) == {"completed": 10}
    with store.reading(whole.folder) as db:
        assert db.execute("SELECT count(*) FROM need").fetchone() == (4,)
        assert db.execute("SELECT count(*) FROM member").fetchone() == (8,)
    kept = weights(whole.folder)
    assert len(kept) == 2
    assert all(file.is_file() for file in kept.values())


def test_a_finished_study_trains_nothing(whole):
    """No worker is started, also where a file with weights is gone that nobody needs any more."""
    file = next(iter(weights(whole.folder).values()))
    file.rename(file.with_suffix(".away"))

    def none(setup, workers):
        raise AssertionError

    again = run(small(), root=whole.folder.parent, workers=0, executor=none)
    file.with_suffix(".away").rename(file)
    assert (again.trained, again.reused, again.exit_code) == (0, 8, ExitCode.DONE)


@pytest.mark.parametrize("harm", [pytest.param("deleted", marks=pytest.mark.slow), "damaged"])
def test_weights_that_are_gone_are_made_again(whole, tmp_path, harm):
    """Of that one source, where something is missing behind it; all else is as it was."""
    first = run(small(frozen=["none"]), root=tmp_path, workers=0)
    assert first.trained == 6
    file = next(iter(weights(first.folder).values()))
    if harm == "deleted":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    ended = run(small(), root=tmp_path, workers=0)
    assert (ended.trained, ended.reused, ended.exit_code) == (4 + 1, 4, ExitCode.DONE)
    assert table(ended.folder) == table(whole.folder)
    assert store.problems(ended.folder) == []


def test_a_source_that_fails_blocks_what_starts_from_it(whole, tmp_path, monkeypatch):
    """Both are named; when it succeeds, what is missing is trained."""

    def full(*args):
        raise StoreError("no space left")

    monkeypatch.setattr(handing, "keep", full)
    ended = run(small(), root=tmp_path, workers=0)
    assert (ended.trained, ended.exit_code) == (4, ExitCode.SOME_TRIALS_FAILED)
    told = " ".join(ended.problems)
    assert "no space left" in told
    assert "which it needs, is failed" in told
    assert store.counts(ended.folder)["confirm", "blocked"] == 4
    monkeypatch.undo()
    ended = run(small(), root=tmp_path, workers=0)
    assert (ended.trained, ended.reused, ended.exit_code) == (6, 4, ExitCode.DONE)
    assert table(ended.folder) == table(whole.folder)


@pytest.mark.slow
def test_a_source_that_diverges_blocks_what_starts_from_it(tmp_path):
    """With other settings it is another source, and what waited is run."""
    ended = run(small(rate=1e30), root=tmp_path, workers=0)
    assert "which it needs, is diverged" in " ".join(ended.problems)
    assert store.counts(ended.folder)["confirm", "blocked"] == 4
    again = run(small(rate=1e30), root=tmp_path, workers=0)
    assert again.trained == 0
    assert again.exit_code == ExitCode.SOME_TRIALS_FAILED
    better = run(small(), root=tmp_path, workers=0)
    assert (better.trained, better.exit_code) == (6, ExitCode.DONE)


@pytest.mark.slow
@pytest.mark.xla
def test_any_number_of_workers_finds_the_same(tmp_path):
    """Weights go from one process to another by their hash."""
    ended = [run(small(), root=tmp_path / str(count), workers=count) for count in (0, 1, 2)]
    tables = [table(one.folder) for one in ended]
    assert tables[0] == tables[1] == tables[2]
    digests = [{file.name for file in weights(one.folder).values()} for one in ended]
    assert digests[0] == digests[1] == digests[2]


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_transfer_runs import small
from harness.coordinator import run
from harness.train import trainer
plain = trainer.train_stages
count = 0

def train_stages(legs, trial, clock):
    global count
    count += bool(trial.needs) == {target}
    if count == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(legs, trial, clock)

trainer.train_stages = train_stages
run(small(), root={root!r}, workers=0)
"""


@pytest.mark.slow
@pytest.mark.xla
@pytest.mark.parametrize("target", [False, True])
def test_killed_in_the_middle(tmp_path, target):
    """kill -9 while a source or scratch is trained, and while a start from one is."""
    expected = table(run(small(), root=tmp_path / "whole", workers=0).folder)
    root = tmp_path / "killed"
    code = KILLED.format(tests=__file__.rpartition("/")[0], root=str(root), target=target)
    ended = subprocess.run([sys.executable, "-c", code], check=False)
    assert ended.returncode == -9
    again = run(small(), root=root, workers=0)
    assert again.exit_code == ExitCode.DONE
    assert again.trained < 10
    assert table(again.folder) == expected
    assert store.problems(again.folder) == []


@pytest.mark.slow
@pytest.mark.xla
@pytest.mark.parametrize("seed", range(2))
def test_kill_storm(tmp_path, seed):
    """kill -9 at drawn moments, with workers, until the study is done."""
    expected = table(run(small(), root=tmp_path / "whole", workers=0).folder)
    draw = random.Random(seed)
    code = f"import sys; sys.path.insert(0, {__file__.rpartition('/')[0]!r})\n"
    code += "from test_transfer_runs import small\nfrom harness.coordinator import run\n"
    code += f"run(small(), root={str(tmp_path / 'storm')!r}, workers=2)"
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", code])
        try:
            process.communicate(timeout=draw.uniform(10, 30))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    ended = run(small(), root=tmp_path / "storm", workers=0)
    assert ended.exit_code == ExitCode.DONE
    assert table(ended.folder) == expected
