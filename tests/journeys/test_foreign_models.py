"""Other people's models, against plain Keras from the same weights, order and seeds."""

from __future__ import annotations

import numpy as np
from foreign import row

MLP = """
    import keras

    def build(shape, outputs):
        inputs = keras.Input(shape)
        x = keras.layers.Flatten()(inputs)
        return keras.Model(inputs, keras.layers.Dense(outputs)(x))
"""


@row("a function that returns a functional model", "program")
def test_functional(foreign):
    """It trains as a program."""
    foreign.module(MLP)
    generator = np.random.default_rng(0)
    y = np.arange(120) % 3
    file = foreign.arrays(x=generator.normal(size=(120, 4)) + y[:, None], y=y)
    outcome, _ = foreign.train(foreign.plan(file))
    assert (outcome.status, outcome.route) == ("completed", "program")
