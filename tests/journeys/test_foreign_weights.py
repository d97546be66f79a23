"""Other people's weights and ways of making them, against plain Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from foreign import row
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

HEAD = """
    import keras
    import numpy as np
    from pathlib import Path

    HERE = Path(__file__).parent
"""


def numbers(foreign, cases=120, width=4, classes=3, name="theirs.npz"):
    """Classes that can be told apart; where the file is."""
    y = np.arange(cases) % classes
    x = np.random.default_rng(0).normal(size=(cases, width)) + 2 * np.eye(classes, width)[y]
    return foreign.arrays(name, x=x.astype(np.float32), y=y)


def weights_of(trainer):
    """The weights of the only program, by the end of their paths, as they are now."""
    (compiled,) = trainer.programs.values()
    return {
        one.variable.path.split("/")[-1]: np.asarray(one.variable)
        for one in compiled.network.weights
    }


@pytest.fixture(scope="module")
def fitted():
    """A logistic regression of digits: inputs, classes, weights and bias."""
    data = load_digits()
    x = (data.data / 16).astype(np.float32)
    found = LogisticRegression(max_iter=2000, C=10).fit(x, data.target)
    return x, data.target, found.coef_.T.astype(np.float32), found.intercept_.astype(np.float32)


@row("a model that brings fitted weights (`set_weights`)", "program, starting from them")
@pytest.mark.parametrize("how", ["set_weights", "assign", "load_weights", "load_model"])
def test_fitted_weights(foreign, fitted, how):
    """A tiny learning rate leaves them as they are: what scikit-learn knew is still known."""
    x, y, kernel, bias = fitted
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    model.set_weights([kernel, bias])
    model.save_weights(foreign.folder / "w.weights.h5")
    model.save(foreign.folder / "w.keras")
    np.savez(foreign.folder / "w.npz", kernel=kernel, bias=bias)
    ways = {
        "set_weights": "model.set_weights([given['kernel'], given['bias']])",
        "assign": "model.layers[0].kernel.assign(given['kernel']); "
        "model.layers[0].bias.assign(given['bias'])",
        "load_weights": "model.load_weights(HERE / 'w.weights.h5')",
        "load_model": "model = keras.saving.load_model(HERE / 'w.keras')",
    }
    foreign.module(f"""{HEAD}
    def build(shape, outputs):
        given = np.load(HERE / "w.npz")
        model = keras.Sequential([keras.Input(shape), keras.layers.Dense(outputs)])
        {ways[how]}
        return model
    """)
    file = foreign.arrays(x=x, y=y)
    plan = foreign.plan(file, factors={"learning_rate": [1e-6]}, fixed={"epochs": 1})
    outcome, trainer = foreign.train(plan)
    assert outcome.engine == "program"
    assert outcome.metrics["test/accuracy@last"] > 0.98
    held = weights_of(trainer)
    assert held["kernel"] == pytest.approx(kernel, abs=1e-3)
    (note,) = outcome.notes
    assert note.startswith(
        "2 of 2 weights start from values that the template brings along "
        "(dense/kernel, dense/bias): the same in every replicate. "
        if how != "load_model"
        else "2 of 2 weights start from values that the template brings along ("
    )
