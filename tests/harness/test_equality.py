"""A pairwise cover of settings: whatever is combined, a trial is what ``fit`` would train."""

from __future__ import annotations

from itertools import combinations, product

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
    "clip": ["none", *({"name": name, "limit": 0.5} for name in ("norm", "global_norm", "value"))],
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


@pytest.mark.parametrize("index", range(len(CASES)))
def test_combined_settings_equal_fit(plan, images, index):
    """One case of the cover, three epochs."""
    case = dict(CASES[index])
    template = case.pop("template")
    rate = 0.01 if case["optimizer"] in {"sgd", "adagrad", "ftrl", "adadelta"} else 0.002
    fixed = {"epochs": 3, "learning_rate": rate, "units": [6], **case}
    if template == "cnn":
        fixed["filters"] = [4]
    laid = plan(data=images, template=template, factors={"activation": ["tanh"]}, fixed=fixed)
    assert_equals_fit(laid)
