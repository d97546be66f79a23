"""Entries of the user's own: read when a study is planned, run when it is trained."""

from __future__ import annotations

import pytest

from harness import design
from harness.errors import StudyError
from harness.train import Trainer

CODE = """
import keras

def bend(inputs, slope=1.0):
    return keras.ops.tanh(slope * inputs)

class Bend(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.tanh(inputs)

class Start(keras.initializers.Initializer):
    def __init__(self, value=0.1):
        self.value = value

    def __call__(self, shape, dtype=None):
        return keras.ops.full(shape, self.value, dtype=dtype)

def start(shape, dtype=None, value=0.1):
    return keras.ops.full(shape, value, dtype=dtype)

class Ridge(keras.regularizers.Regularizer):
    def __init__(self, factor=0.01):
        self.factor = factor

    def __call__(self, weight):
        return self.factor * keras.ops.sum(keras.ops.square(weight))

def ridge(weight, factor=0.01):
    return factor * keras.ops.sum(keras.ops.square(weight))

class Plain(keras.optimizers.SGD):
    pass

def plain(learning_rate, momentum=0.0):
    return keras.optimizers.SGD(learning_rate, momentum=momentum)

def wrong(learning_rate):
    return "sgd"
"""
SAME = [
    ("activation", "tanh", "bend"),
    ("activation", "tanh", {"name": "bend", "slope": 1.0}),
    ("activation", "tanh", "Bend"),
    ("initializer", {"name": "constant", "value": 0.3}, {"name": "Start", "value": 0.3}),
    ("initializer", {"name": "constant", "value": 0.3}, {"name": "start", "value": 0.3}),
    ("regularizer", {"name": "l2", "l2": 0.2}, {"name": "Ridge", "factor": 0.2}),
    ("regularizer", {"name": "l2", "l2": 0.2}, {"name": "ridge", "factor": 0.2}),
    ("optimizer", {"name": "sgd", "momentum": 0.5}, {"name": "Plain", "momentum": 0.5}),
    ("optimizer", {"name": "sgd", "momentum": 0.5}, {"name": "plain", "momentum": 0.5}),
]


@pytest.fixture
def folder(tmp_path):
    """A folder with a module of the user's; every test has its own."""
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path


def of(level, module="mine"):
    """A level that names an object of a module."""
    given = {"name": level} if isinstance(level, str) else level
    return {**given, "name": f"{module}:{given['name']}"}


@pytest.mark.parametrize(("family", "stock", "own"), SAME)
def test_an_own_entry_trains_like_the_same_thing_built_in(plan, folder, family, stock, own):
    """Function or class, with arguments of its own."""
    fixed = {"learning_rate": 0.05, "epochs": 3}
    laid = plan(factors={family: [stock, of(own)]}, fixed=fixed, folders=[folder])
    trainer = Trainer(laid.card, [folder])
    ours, theirs = (trainer.run(laid.trial(arm, {}, "tune", 0)) for arm in reversed(laid.arms))
    assert ours.status == "completed", ours.reason
    for one, other in zip(ours.curve, theirs.curve, strict=True):
        assert one.quantities == pytest.approx(other.quantities, rel=1e-4)


@pytest.mark.slow
def test_arguments_reach_an_own_entry(plan, folder):
    """Another slope is another training, and a program of its own."""
    levels = [of({"name": "bend", "slope": slope}) for slope in (0.5, 2.0)]
    laid = plan(factors={"activation": levels}, folders=[folder])
    trainer = Trainer(laid.card, [folder])
    curves = [trainer.run(laid.trial(arm, {}, "tune", 0)).curve for arm in laid.arms]
    assert curves[0] != curves[1]
    assert len(trainer.programs) == 2


def test_planning_does_not_run_it(plan, folder):
    """The file is read; its first line would raise."""
    (folder / "mine.py").write_text("raise SystemExit\n" + CODE)
    laid = plan(factors={"activation": ["tanh", "mine:bend"]}, folders=[folder])
    assert len(laid.arms) == 2


def test_a_change_of_the_code_changes_the_trials_that_use_it(plan, folder):
    """And no others: they are not trained again."""

    def keys():
        laid = plan(factors={"activation": ["tanh", "mine:bend"]}, folders=[folder])
        return laid.code, [laid.trial(arm, {}, "tune", 0).key for arm in laid.arms]

    code, before = keys()
    (folder / "mine.py").write_text(CODE.replace("slope * inputs", "slope * inputs * 2"))
    changed, after = keys()
    assert code != changed
    assert before[0] == after[0]
    assert before[1] != after[1]
    without = plan(factors={"activation": ["tanh", "relu"]})
    assert without.code == ""
    assert without.trial(without.arms[0], {}, "tune", 0).key == before[0]


@pytest.mark.parametrize(
    ("family", "level", "expected"),
    [
        ("activation", "nowhere:bend", "expected a Python module for 'nowhere:bend'"),
        ("activation", "mine:bent", "Received: 'bent'. Did you mean 'bend'?"),
        ("regularizer", {"name": "mine:Ridge", "factr": 1}, "Did you mean 'factor'?"),
        ("normalization", "mine:bend", "expected the name of a normalization"),
        ("optimizer", "mine:Plain", "expected a learning_rate for 'mine:Plain'"),
    ],
)
def test_what_does_not_exist_is_refused_before_anything_trains(
    plan, folder, family, level, expected
):
    """With the key, and the nearest name."""
    with pytest.raises(StudyError) as caught:
        plan(factors={family: [level]}, folders=[folder])
    assert expected in str(caught.value)
    assert caught.value.key == f"factors.{family}"


def test_what_is_no_optimizer_is_told(plan, folder):
    """When it is built."""
    laid = plan(
        factors={"optimizer": ["mine:wrong"]}, fixed={"learning_rate": 0.1}, folders=[folder]
    )
    reason = Trainer(laid.card, [folder]).rehearse(laid.trial(laid.arms[0], {}, "tune", 0)).problem
    assert "expected a Keras optimizer from 'mine:wrong'. Received: str" in reason


def test_own_objects_of_a_trial_are_named(plan, folder):
    """Those of its arm alone."""
    laid = plan(
        factors={"activation": ["tanh", "mine:bend"]},
        fixed={"regularizer": "mine:ridge"},
        folders=[folder],
    )
    named = [design.own("mlp", laid.trial(arm, {}, "tune", 0).settings) for arm in laid.arms]
    assert named == [["mine:ridge"], ["mine:bend", "mine:ridge"]]
