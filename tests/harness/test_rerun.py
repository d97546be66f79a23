"""The winner's weights: trained again to the stored numbers, and saved for anybody."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from harness import rerun, store
from harness.coordinator import run
from harness.errors import StoreError, StudyError
from harness.spec import Study
from harness.train import cases

# Keras writes weights through an array interface that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def trained(images, tmp_path):
    """A function that runs a study of one replicate, and gives its first arm's training."""

    def train(folders=(), **changes):
        given = {
            "name": "one",
            "dataset": str(images),
            "replicates": 1,
            "factors": {"learning_rate": [0.01, 0.02]},
        }
        fixed = {"epochs": 3, "batch_size": 32} | changes.pop("fixed", {})
        study = Study(**(given | changes | {"fixed": fixed}))
        finished = run(study, root=tmp_path, workers=0, folders=folders)
        assert not finished.problems
        return store.trained(finished.folder, 0)

    return train


def accuracy(model, stored):
    """Of a model on the test cases that the study was judged by."""
    given = cases(stored.trial, stored.card)
    found = model.predict(given.x_test, verbose=0).argmax(-1)
    return float(np.mean(found == given.y_test))


def test_the_saved_model_is_the_one_that_was_judged(trained, tmp_path):
    """All stored metrics come out again to the last digit, and the file has the best epoch."""
    stored = trained(
        template="mlp",
        best="val/accuracy",
        fixed={
            "units": [8],
            "dropout": 0.3,
            "normalization": "batch",
            "activation": "elu",
            "regularizer": "l2",
        },
    )
    kept = rerun.keep(stored, tmp_path / "deep" / "winner.keras", [])
    assert dict(kept.metrics) == dict(stored.metrics)
    assert kept.notes == ()
    loaded = keras.models.load_model(kept.file)
    assert all(type(layer).__module__.startswith("keras.") for layer in loaded.layers)
    assert accuracy(loaded, stored) == pytest.approx(stored.metrics["test/accuracy@best"])


def test_a_number_that_does_not_come_out_again_is_no_winner(trained, tmp_path):
    """Nothing is written; the message says what differs."""
    stored = trained(template="mlp", fixed={"units": [4]})
    name = "val/crossentropy@best"
    other = replace(stored, metrics={**stored.metrics, name: stored.metrics[name] + 1e-7})
    with pytest.raises(StoreError, match=f"{name} = .*1 of .* metrics differ.*Nothing was written"):
        rerun.keep(other, tmp_path / "winner.keras", [])
    assert not (tmp_path / "winner.keras").exists()


def test_another_engine_is_refused(trained, tmp_path):
    """Its curves were others."""
    stored = trained(template="mlp", fixed={"units": [4]})
    older = stored.trial.model_copy(update={"engine": 1})
    with pytest.raises(StudyError, match="engine 1"):
        rerun.keep(replace(stored, trial=older), tmp_path / "winner.keras", [])


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        ({"tied": True, "units": [8]}, "would not keep them tied"),
        (
            {"bottleneck": "contractive", "units": [], "code_activation": "sigmoid"},
            "contractive penalty",
        ),
        ({"corruption": "masking", "units": [4]}, "import harness.building"),
    ],
)
def test_what_a_file_lacks_is_said(trained, fixed, said, tmp_path):
    """It predicts as the trained network, and its notes say what it is not."""
    stored = trained(template="autoencoder", fixed={"code": 3, **fixed})
    kept = rerun.keep(stored, tmp_path / "winner.keras", [])
    assert said in " ".join(kept.notes)
    given = cases(stored.trial, stored.card)
    made = keras.models.load_model(kept.file).predict(given.x_test, verbose=0)
    error = float(np.mean((made - given.x_test) ** 2))
    assert error == pytest.approx(stored.metrics["test/mean_squared_error@best"], rel=1e-4)


NETS = """
import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x

def net(shape, outputs, *, own=False):
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs)
    x = Twice()(x) if own else x
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))
"""


@pytest.mark.parametrize("own", [False, True])
def test_a_template_of_ones_own_is_saved_as_it_is(trained, own, tmp_path):
    """Layers of one's own cannot be loaded without being registered, and that is said."""
    module = f"rerun_nets_{own}"
    (tmp_path / f"{module}.py").write_text(NETS)
    stored = trained(template=f"{module}:net", folders=[tmp_path], fixed={"own": own})
    kept = rerun.keep(stored, tmp_path / "winner.keras", [tmp_path])
    if own:
        assert "register_keras_serializable" in kept.notes[0]
        return
    assert kept.notes == ()
    loaded = keras.models.load_model(kept.file)
    assert accuracy(loaded, stored) == pytest.approx(stored.metrics["test/accuracy@best"])


STUDY = """
schema = 1
name = "tiny"
template = "mlp"
dataset = "digits"
replicates = 6
[fixed]
epochs = 3
units = [32]
dropout = 0.1
learning_rate = 0.003
[factors]
initializer = ["zeros", "he_normal"]
"""


def command(*arguments, cwd):
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_winner_goes_anywhere(tmp_path):
    """A real study: the file loads in a process without us, the script reaches the losses."""
    (tmp_path / "tiny.toml").write_text(STUDY)
    ran = command("-m", "harness", "run", "tiny.toml", "--workers", "1", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    files = ["--weights", "winner.keras", "--code", "winner.py"]
    made = command("-m", "harness", "best", "tiny", "--json", *files, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert found["winner"] == "he_normal"
    assert found["others"] == {"zeros": "worse"}
    code = (
        "import sys, numpy as np, keras\n"
        "data = np.load('winner.npz')\n"
        "model = keras.models.load_model('winner.keras')\n"
        "right = model.predict(data['x_test'], verbose=0).argmax(-1) == data['y_test']\n"
        "assert not any(name.startswith('harness') for name in sys.modules)\n"
        "print(np.mean(right))\n"
    )
    loaded = command("-P", "-c", code, cwd=tmp_path)
    exact = found["weights"]["metrics"]["test/accuracy@best"]
    assert float(loaded.stdout) == pytest.approx(exact), loaded.stderr
    losses = []
    for seed in "012":
        script = command("-P", "winner.py", seed, cwd=tmp_path)
        assert script.returncode == 0, script.stderr
        tail = script.stdout.splitlines()[-1]
        losses.append(float(tail.split("test/crossentropy@best = ")[1].split(",")[0]))
    with sqlite3.connect(tmp_path / "results" / "tiny" / "study.db") as db:
        rows = db.execute(
            "SELECT value FROM metric JOIN member USING (trial) WHERE arm = 1 "
            "AND metric = 'test/crossentropy@best'"
        )
        stored = np.array([value for (value,) in rows])
    error = stored.std(ddof=1) * np.sqrt(1 / len(stored) + 1 / len(losses))
    assert abs(np.mean(losses) - stored.mean()) < 4 * error
