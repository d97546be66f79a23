"""Studies killed in the middle of a training go on to the same numbers, inside and out."""

from __future__ import annotations

import subprocess
import sys

import pytest
from test_coordinator import table

from harness import store
from harness.coordinator import run
from harness.errors import ExitCode
from harness.spec import Study
from reports import frames

pytestmark = [pytest.mark.slow, pytest.mark.xla]

KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_killed import STUDIES
from harness.coordinator import run
from harness.train import epochs

plain, count = epochs.Epoch, 0

def counted(**given):
    global count
    count += 1
    if count == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(**given)

epochs.Epoch = counted
run(STUDIES[{name!r}], root={root!r}, workers=0)
"""

STUDIES = {
    "game": Study(
        name="game",
        template="gan",
        dataset="ring-8@400",
        replicates=2,
        fixed={"epochs": 3, "units": [8], "batch_size": 32},
        factors={"adversarial_loss": ["hinge", "non_saturating"]},
    ),
    "inside": Study(
        name="inside",
        template="mlp",
        dataset="digits",
        replicates=2,
        fixed={"epochs": 3, "units": [8, 8], "batch_size": 128, "dropout": 0.2},
        factors={"activation": ["relu", "tanh"]},
        diagnostics={"measures": ["gradients", "activations", "features"]},
    ),
}


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("at", [2, 7])
def test_killed_between_epochs(name, at, tmp_path):
    """With kill -9, in the first training and in the third."""
    whole = run(STUDIES[name], root=tmp_path / "whole", workers=0)
    root = tmp_path / "killed"
    code = KILLED.format(tests=__file__.rpartition("/")[0], at=at, name=name, root=str(root))
    ended = subprocess.run([sys.executable, "-c", code], check=False)
    assert ended.returncode == -9
    again = run(STUDIES[name], root=root, workers=0)
    assert again.exit_code == ExitCode.DONE
    assert again.trained < 4 or at == 2
    assert table(again.folder) == table(whole.folder)
    assert store.problems(again.folder) == []
    first, second = (frames.read(one.folder) for one in (whole, again))
    assert first.inside.equals(second.inside)
    assert (first.samples, first.seen, first.features) == (
        second.samples,
        second.seen,
        second.features,
    )
