"""Whatever settings are combined, a trial is what ``fit`` would train."""

from __future__ import annotations

import gc
from itertools import combinations, product

import numpy as np
import pytest
import tensorflow as tf
from fitting import (
    TEMPLATES,
    Refit,
    assert_equals_fit,
    assert_same_curve,
    by_fit,
    initial_weights,
)
from tensorflow.python.framework.ops import gradient_registry

from harness import catalog, design, program
from harness.train import Trainer

AXES = {
    "optimizer": sorted(catalog.OPTIMIZERS),
    "schedule": [
        "constant",
        {"name": "step", "every": 1, "factor": 0.5},
        {"name": "linear", "floor": 0.1},
        {"name": "cosine", "floor": 0.1},
    ],
    "clip": ["none", *({"name": name, "limit": 0.1} for name in ("norm", "global_norm", "value"))],
    "regularizer": ["none", {"name": "l1", "l1": 1e-3}, {"name": "l2", "l2": 1e-2}],
    "normalization": ["none", "batch", "layer"],
    "template": ["mlp", "cnn"],
    "class_weight": ["none", "balanced"],
    "batch_size": [30, 50],
}
MOST = 60


def cover(axes):
    """Cases in which every pair of levels of every two axes occurs, found greedily."""
    names = list(axes)
    open_ = {
        ((a, i), (b, j))
        for a, b in combinations(range(len(names)), 2)
        for i, j in product(range(len(axes[names[a]])), range(len(axes[names[b]])))
    }
    cases = []
    while open_:
        (a, i), (b, j) = min(open_)
        case = {a: i, b: j}
        for axis in range(len(names)):
            if axis not in case:
                gain = {
                    level: sum(
                        (min((axis, level), part), max((axis, level), part)) in open_
                        for part in case.items()
                    )
                    for level in range(len(axes[names[axis]]))
                }
                case[axis] = max(gain, key=gain.get)
        parts = sorted(case.items())
        open_ -= set(combinations(parts, 2))
        cases.append({names[axis]: axes[names[axis]][level] for axis, level in parts})
    return cases


CASES = cover(AXES)


def test_the_cover_is_one():
    """Every pair occurs, in few cases."""
    assert len(CASES) <= MOST
    for a, b in combinations(AXES, 2):
        for i, j in product(AXES[a], AXES[b]):
            assert any(case[a] == i and case[b] == j for case in CASES)


def fixed_settings(case):
    """A case of either template, as settings of a study: tiny, three epochs."""
    slow = case["optimizer"] in {"sgd", "adagrad", "ftrl", "adadelta"}
    fixed = {"epochs": 3, "learning_rate": 0.01 if slow else 0.002, "units": [6], **case}
    if fixed.pop("template") == "cnn":
        fixed["filters"] = [4]
    return fixed


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """Images of three classes, 70, 50 and 30 of them: equal ones would have equal weights."""
    y = np.repeat([0, 1, 2], [70, 50, 30])
    x = np.random.default_rng(1).normal(size=(150, 8, 8)).astype(np.float32)
    x[:, :, 0] += y[:, None]
    file = tmp_path_factory.mktemp("data") / "uneven.npz"
    np.savez(file, x=x, y=y)
    return file


@pytest.mark.parametrize("index", range(len(CASES)))
def test_combined_settings_equal_fit(plan, uneven, index):
    """One case of the cover."""
    case = CASES[index]
    fixed = fixed_settings(case)
    laid = plan(
        data=uneven, template=case["template"], factors={"activation": ["tanh"]}, fixed=fixed
    )
    assert_equals_fit(laid)


def test_smoothed_labels_with_class_weights_equal_fit(plan, uneven):
    """The weight is of the label as it is, the loss of the smoothed one; a partial last batch."""
    fixed = {"epochs": 3, "class_weight": "balanced", "label_smoothing": 0.2, "batch_size": 50}
    assert_equals_fit(plan(data=uneven, factors={"activation": ["tanh"]}, fixed=fixed))


CELL = ("optimizer", "template", "normalization", "regularizer")
INSIDE = ("clip", "class_weight", "batch_size", "schedule")
CELLS = list(product(*(AXES[axis] for axis in CELL)))


def cell_id(cell):
    """Its levels by name."""
    return "-".join(level["name"] if isinstance(level, dict) else level for level in cell)


def lay_out(plan, data, cell):
    """A study whose arms are all combinations inside a cell."""
    case = dict(zip(CELL, cell, strict=True))
    fixed = {**fixed_settings(case), "activation": "tanh"}
    if case["template"] == "cnn":
        fixed["units"] = []  # the output is dense too
    factors = {axis: AXES[axis] for axis in INSIDE}
    return plan(data=data, template=case["template"], factors=factors, fixed=fixed)


def test_a_compiled_fit_can_be_used_again(plan, uneven):
    """For each of its trials it finds what a fresh ``fit`` finds, whatever came before."""
    laid = lay_out(plan, uneven, ("adam", "mlp", "batch", AXES["regularizer"][2]))
    clipped = [arm for arm in laid.arms if arm.levels["clip"] == AXES["clip"][1]]
    trials = [laid.trial(clipped[index], {}, "confirm", 1) for index in (0, 6, 15)]
    network = program.build(trials[0], laid.card, TEMPLATES["mlp"])
    again = Refit(trials[0], laid.card)
    for trial in trials:
        weights = initial_weights(network, trial)
        fresh = by_fit(trial, laid.card, weights)
        for found, expected in zip(again.curve(trial, weights), fresh, strict=True):
            assert found == pytest.approx(expected, rel=1e-6)


@pytest.fixture
def light(monkeypatch):
    """Graphs that are neither rewritten nor kept, because a cell makes twenty of them.

    XLA and TensorFlow's graph optimizer are most of the time of a small training, and change
    results in the last digits only. TensorFlow holds every graph that has an optimizer in a
    registry of gradients: some 8 MB each, for ever.
    """
    monkeypatch.setattr(program, "uses_xla", lambda model, card: False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    for name in [name for name in gradient_registry._registry if name.startswith("CustomGradient")]:
        del gradient_registry._registry[name]
    gc.collect()


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=cell_id)
def test_all_combinations_equal_fit(plan, uneven, light, cell):
    """The full product of all axes: 64 trials in each of 234 cells.

    Trials that differ only in values share a program, and those of a clipping share a compiled
    ``fit``. What is left is some 12 s per cell on one core, nearly all of it tracing.
    """
    laid = lay_out(plan, uneven, cell)
    trainer, fits, curves = Trainer(laid.card, []), {}, set()
    for arm in laid.arms:
        trial = laid.trial(arm, {}, "confirm", 1)
        outcome = trainer.run(trial)
        network = trainer.programs[design.program_key(trial, laid.card)].network
        clip = trial.settings["clip"]["name"]
        if clip not in fits:
            fits[clip] = Refit(trial, laid.card)
        curve = fits[clip].curve(trial, initial_weights(network, trial))
        assert_same_curve(outcome, curve, 1e-5, arm.label)
        curves.add(str(outcome.curve))
    assert len(trainer.programs) == 16
    assert len(curves) > len(laid.arms) // 2, "one of the axes makes no difference"
