"""Whatever settings are combined, a trial is what ``fit`` would train."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from fitting import assert_equals_fit

from harness import catalog

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
MOST = 4 * len(catalog.OPTIMIZERS) + 4


def cover(axes, strength=2):
    """Cases in which all levels of every so many axes occur together, found greedily."""
    names = list(axes)
    levels = [range(len(axes[name])) for name in names]
    open_ = {
        tuple(zip(chosen, picked, strict=True))
        for chosen in combinations(range(len(names)), strength)
        for picked in product(*(levels[axis] for axis in chosen))
    }
    cases = []
    while open_:
        case = dict(min(open_))
        for axis in range(len(names)):
            if axis not in case:
                others = list(combinations(case.items(), strength - 1))
                gain = {
                    level: sum(tuple(sorted([(axis, level), *some])) in open_ for some in others)
                    for level in levels[axis]
                }
                case[axis] = max(gain, key=gain.get)
        parts = sorted(case.items())
        open_ -= set(combinations(parts, strength))
        cases.append({names[axis]: axes[names[axis]][level] for axis, level in parts})
    return cases


CASES = cover(AXES)


@pytest.mark.parametrize(("strength", "most"), [(2, MOST), (3, 23 * len(catalog.OPTIMIZERS))])
def test_the_cover_is_one(strength, most):
    """Every pair, or triple, occurs in few cases."""
    cases = cover(AXES, strength)
    assert len(cases) <= most
    for axes in combinations(AXES, strength):
        found = {str([case[axis] for axis in axes]) for case in cases}
        assert found == {str(list(levels)) for levels in product(*(AXES[axis] for axis in axes))}


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


SOON = 8
"""Cases that every run trains: the first of the cover hold many of its pairs."""


def marks(index):
    """Every fourth case is compiled as in a study, the others are just traced."""
    compiled = [] if index % 4 else [pytest.mark.xla]
    return compiled if index < SOON else [*compiled, pytest.mark.slow]


@pytest.mark.parametrize(
    "index", [pytest.param(index, marks=marks(index)) for index in range(len(CASES))]
)
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


@pytest.mark.parametrize("penalty", ["l1", {"name": "l2", "l2": 0.1}])
def test_a_penalty_on_the_outputs_equals_fit(plan, uneven, penalty):
    """Of a linear model, whose only kernel it is."""
    fixed = {"epochs": 3, "units": [], "output_regularizer": penalty, "batch_size": 50}
    assert_equals_fit(plan(data=uneven, factors={"activation": ["tanh"]}, fixed=fixed))


@pytest.mark.slow
@pytest.mark.parametrize("template", AXES["template"])
@pytest.mark.parametrize("optimizer", AXES["optimizer"])
def test_any_three_settings_together_equal_fit(plan, uneven, optimizer, template):
    """The cases of one optimizer in one template, of some 300 in which every triple occurs."""
    for case in cover(AXES, 3):
        if (case["optimizer"], case["template"]) == (optimizer, template):
            fixed = fixed_settings(case)
            factors = {"activation": ["tanh"]}
            assert_equals_fit(plan(data=uneven, template=template, factors=factors, fixed=fixed))
