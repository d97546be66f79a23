"""Cost of looking inside networks while they train, against the same done by a Keras callback.

    python benchmarks/inside.py              # three rounds
    python benchmarks/inside.py --rounds 5

A network of ten layers of 128 units on 8,000 cases of 784 numbers, batches of 32, a probe of 1,024
cases at every epoch. The contenders take turns in one process; ratios are taken within each round.
Writes ``benchmarks/results/inside.md``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from threadpoolctl import threadpool_limits

from harness import datasets, design, environment
from harness.program import Probing, Resident
from harness.spec import Study
from harness.train import Trainer, set_up

HERE = Path(__file__).parent
LAYERS, UNITS, CASES, PROBE, EPOCHS, BATCH = 10, 128, 10_000, 1024, 5, 32
AIMS = {"harness": "at most 1.15", "Keras callback": "at least 1.5 (not ours)"}
STEPS = 3


def laid_out(file):
    """A study of one arm, and the trial of it."""
    stream = np.random.default_rng(0)
    x, y = stream.normal(size=(CASES, 784)), stream.integers(10, size=CASES)
    np.savez(file, x=x.astype(np.float32), y=y)
    study = Study(
        name="inside",
        template="mlp",
        dataset=str(file),
        factors={"activation": ["relu"]},
        fixed={"units": [UNITS] * LAYERS, "epochs": EPOCHS, "batch_size": BATCH},
        diagnostics={"cases": PROBE},
    )
    laid = design.plan(study, datasets.describe(study.dataset, []), [])
    return laid, laid.trial(laid.arms[0], {}, "confirm", 0)


class Looking(keras.callbacks.Callback):
    """What people write: layer outputs and gradients of a probe, in a function of its own."""

    def __init__(self, x, y):
        """Keep the probe."""
        super().__init__()
        self.x, self.y, self.found = tf.constant(x), tf.constant(y), []

    def set_model(self, model):
        """Ask for the outputs of all layers."""
        super().set_model(model)
        self.inner = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])

    @tf.function
    def ask(self):
        """Outputs, and gradients by them and by the weights."""
        with tf.GradientTape() as tape:
            outputs = self.inner(self.x, training=False)
            loss = self.model.compute_loss(x=self.x, y=self.y, y_pred=outputs[-1])
        weights = [one.value for one in self.model.trainable_variables]
        return outputs, *tape.gradient(loss, (outputs, weights))

    def on_epoch_end(self, epoch, logs=None):
        """Reduce them to numbers, as NumPy does."""
        outputs, backs, slopes = self.ask()
        told = [(one.numpy().mean(), one.numpy().std()) for one in (*outputs, *backs, *slopes)]
        dead = [float((np.abs(one.numpy()).max(0) == 0).mean()) for one in outputs]
        norms = [np.linalg.norm(one.numpy(), 2) for one in slopes if len(one.shape) == 2]
        self.found.append((told, dead, norms))


def fitted(file):
    """A function that trains the same network by ``fit``, with some callbacks; seconds."""
    arrays = np.load(file)
    x, y = arrays["x"][:8000], arrays["y"][:8000]
    layers = [
        layer for _ in range(LAYERS) for layer in (keras.layers.Dense(UNITS), keras.layers.ReLU())
    ]
    model = keras.Sequential([keras.Input((784,)), *layers, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, jit_compile=True)

    def train(*callbacks):
        begun = time.perf_counter()
        model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[*callbacks])
        return time.perf_counter() - begun

    return train, Looking(x[:PROBE], y[:PROBE])


def seconds(function):
    """Seconds of one call."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def of_one_look(trainer, trial, rounds):
    """Seconds of one measurement, and of one training step on as many cases."""
    (compiled,) = next(iter(trainer.programs.values()))
    learner = compiled.program.learner
    stream = np.random.default_rng(1)
    x = tf.constant(stream.normal(size=(PROBE, 784)), tf.float32)
    y = tf.constant(stream.integers(10, size=PROBE), tf.int32)
    data = Resident(x=x, y=y, x_test=x[:1], y_test=y[:1])
    probing, cases = Probing(learner, compiled.network.model), np.arange(PROBE, dtype=np.int32)
    step = tf.function(compiled.program._step, jit_compile=compiled.program.xla)  # noqa: SLF001
    rate = tf.constant(0.0)
    looks, steps = [], []
    for _ in range(rounds + 1):
        looks.append(seconds(lambda: probing.measure(data, cases, 0.0)))
        steps.append(seconds(lambda: step(x, y, rate).numpy()))
    return statistics.median(looks[1:]), statistics.median(steps[1:])


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    set_up(1)
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name) / "inside.npz"
    laid, trial = laid_out(file)
    trainer = Trainer(laid.card, [], diagnostics=laid.study.diagnostics)
    fit, looking = fitted(file)
    wanted = [laid.study.diagnostics.text]
    contenders = {
        "harness": (lambda: trainer.run(trial), lambda: trainer.run(trial, wanted=wanted)),
        "Keras callback": (fit, lambda: fit(looking)),
    }
    assert all(trainer.run(trial, wanted=one).status == "completed" for one in ([], wanted))
    fit()
    fit(looking)
    ratios = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (plain, looks) in contenders.items():
            ratios[name].append(1 / (seconds(plain) / seconds(looks)))
    folder.cleanup()
    with threadpool_limits(1):  # as in a training
        look, step = of_one_look(trainer, trial, 5)
    here = environment.observe()
    rows = "".join(
        f"| {name} | {statistics.median(own):.2f} ({min(own):.2f} to {max(own):.2f}) "
        f"| {AIMS[name]} |\n"
        for name, own in ratios.items()
    )
    text = (
        "# Looking inside networks\n\n"
        f"{LAYERS} layers of {UNITS} units, {CASES} cases, batches of {BATCH}, {EPOCHS} epochs, a "
        f"probe of {PROBE} cases before the first and after every epoch. {rounds} rounds in turns, "
        f"on {here.processor}; load {os.getloadavg()[0]:.1f} at the end.\n\n"
        "| contender | seconds with / without, median (range) | aim |\n|---|---|---|\n"
        f"{rows}\n"
        f"One measurement takes {1000 * look:.0f} ms, as long as {look / step:.1f} training steps "
        f"on as many cases ({1000 * step:.0f} ms); aim: at most {STEPS} each for gradients and "
        "activations.\n"
    )
    print(text)
    (HERE / "results" / "inside.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
