"""Gradients beside finite differences: a wrong one is found, right ones are not accused."""

from __future__ import annotations

import json

import pytest

from harness.cli import app
from harness.errors import ExitCode

OWN = """
import keras, tensorflow as tf

@tf.custom_gradient
def halved(x):
    return tf.tanh(x), lambda upstream: 0.5 * upstream

class Halved(keras.layers.Layer):
    def call(self, x):
        return halved(x)

def net(shape, outputs, wrong=False):
    given = keras.Input(tuple(shape))
    x = keras.layers.Dense(8, name="hidden")(keras.layers.Flatten()(given))
    x = Halved()(x) if wrong else keras.layers.Activation("tanh")(x)
    return keras.Model(given, keras.layers.Dense(outputs, name="outputs")(x))
"""


def checked(text, folder, capsys):
    """What ``check --gradients --json`` says of a study, and its exit code."""
    file = folder / "study.toml"
    file.write_text(f'name = "study"\nreplicates = 6\n{text}')
    code = app(["check", str(file), "--gradients", "--json"], standalone_mode=False)
    return json.loads(capsys.readouterr().out)["gradients"], code


def test_a_gradient_that_is_wrong_is_found(tmp_path, capsys):
    (tmp_path / "slopes_of_own.py").write_text(OWN)
    study = 'template = "slopes_of_own:net"\ndataset = "digits"\n[factors]\nwrong = [false, true]\n'
    (right, wrong), code = checked(study, tmp_path, capsys)
    assert code == ExitCode.SOME_TRIALS_FAILED
    assert right["agrees"]
    assert right["arms"] == ["wrong=false"]
    differing = {one["weight"] for one in wrong["weights"] if not one["agrees"]}
    assert differing == {"hidden/kernel", "hidden/bias"}


@pytest.mark.parametrize(
    "study",
    [
        'template = "cnn"\ndataset = "digits"\n[factors]\nactivation = ["relu"]\n',
        'template = "rnn"\ndataset = "digits"\n[factors]\ncell = ["gru"]\n[fixed]\nunits = [4]\n',
    ],
)
def test_built_in_templates_have_right_gradients(study, tmp_path, capsys):
    """Also rectifiers behind pixels that are zero, with biases that are zero."""
    found, code = checked(study, tmp_path, capsys)
    assert code == ExitCode.DONE
    assert all(one["agrees"] for one in found)
    assert all(weight["difference"] < 0.05 for one in found for weight in one["weights"])
