"""What a user feels: seconds from command to table, everything included.

Six activations, ten replicates each, of the ladder's small MLP: ``keras-harness run`` against
KerasTuner's GridSearch with ten executions per trial.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from contenders import ACTIVATIONS, BATCH, EPOCHS

HERE = Path(__file__).parent
REPLICATES = 10
STUDY = """
name = "felt"
template = "models:mlp"
dataset = "{data}"
replicates = {replicates}
[factors]
activation = {activations}
[fixed]
epochs = {epochs}
batch_size = {batch}
validation = 0.2
learning_rate = 1e-3
"""


def lay_out(folder: Path, data: Path, replicates: int = REPLICATES) -> Path:
    """Write the study's file, and the networks that it names beside it."""
    (folder / "models.py").write_text((HERE / "models.py").read_text(encoding="utf-8"))
    text = STUDY.format(
        data=data,
        replicates=replicates,
        activations=json.dumps(ACTIVATIONS),
        epochs=EPOCHS,
        batch=BATCH,
    )
    (folder / "felt.toml").write_text(text, encoding="utf-8")
    return folder / "felt.toml"


def harness(data: Path, replicates: int = REPLICATES) -> float:
    """Seconds that the command takes, report and page included."""
    with tempfile.TemporaryDirectory() as folder:
        study = lay_out(Path(folder), data, replicates)
        return _seconds([sys.executable, "-m", "harness", "run", study.name], Path(folder))


def keras_tuner(data: Path, replicates: int = REPLICATES) -> float:
    """Seconds of the same trainings by KerasTuner."""
    ask = {
        "contender": "grid",
        "data": str(data),
        "shape": [28, 28],
        "outputs": 10,
        "replicates": replicates,
    }
    return _seconds([sys.executable, str(HERE / "contenders.py"), json.dumps(ask)], HERE)


def _seconds(command: list[str], folder: Path) -> float:
    began = time.monotonic()
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stderr[-3000:])
    return time.monotonic() - began
