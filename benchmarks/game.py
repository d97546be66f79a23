"""Seconds per update of a generator: a study's program, the best simple loop, and ``model.fit``.

    python benchmarks/game.py              # ten rounds on the ring of eight
    python benchmarks/game.py --rounds 20

The networks of ``studies/gan-ring.toml``: two hidden layers of 128 units each, batches of 256. All
contenders train in one process, taking turns, so that what else the machine does hits all alike;
ratios are taken within each round. Writes ``benchmarks/results/game.md``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from harness import datasets, design, environment, studyfile
from harness.train import Trainer, set_up

HERE = Path(__file__).parent
LATENT, BATCH, RATE, EPOCHS = 16, 256, 2e-4, 10
AIMS = {"best simple loop": 1.15, "fit with a train_step": 0.1}


def networks():
    """The generator and the critic of the study, plain Keras."""
    hidden = [keras.layers.Dense(128, "relu") for _ in range(2)]
    generator = keras.Sequential([keras.Input((LATENT,)), *hidden, keras.layers.Dense(2)])
    hidden = [
        part
        for _ in range(2)
        for part in (keras.layers.Dense(128), keras.layers.LeakyReLU(negative_slope=0.2))
    ]
    return generator, keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(1)])


class Game(keras.Model):
    """What a user would write: two players in a training step of one's own."""

    def __init__(self, *, joined=False):
        """Networks and an optimizer each; perhaps the critic is asked once for real and made."""
        super().__init__()
        self.generator, self.critic = networks()
        self.built, self.joined = True, joined
        self.adams = [keras.optimizers.Adam(RATE, beta_1=0.5) for _ in range(2)]
        for adam, network in zip(self.adams, (self.critic, self.generator), strict=True):
            adam.build(network.trainable_variables)

    def train_step(self, real):
        """One update of the critic, then one of the generator."""
        made = self.generator(tf.random.normal((BATCH, LATENT)), training=True)
        with tf.GradientTape() as tape:
            true, false = self.scores(real, made)
            wrong = ops.mean(ops.softplus(-true)) + ops.mean(ops.softplus(false))
        self.move(0, tape, wrong, self.critic)
        with tf.GradientTape() as tape:
            made = self.generator(tf.random.normal((BATCH, LATENT)), training=True)
            found = ops.mean(ops.softplus(-self.critic(made, training=True)))
        self.move(1, tape, found, self.generator)
        return {"loss": wrong}

    def scores(self, real, made):
        """The critic's scores of real and of generated cases."""
        if self.joined:
            return tf.split(self.critic(tf.concat([real, made], axis=0), training=True), 2)
        return self.critic(real, training=True), self.critic(made, training=True)

    def move(self, place, tape, loss, network):
        """Gradients of a loss, applied to a network."""
        gradients = tape.gradient(loss, [one.value for one in network.trainable_variables])
        self.adams[place].apply(gradients, network.trainable_variables)


def simple_loop(x, *, xla, joined):
    """The same step inside one graph per epoch, which the loop calls."""
    game, data, steps = Game(joined=joined), tf.constant(x), len(x) // BATCH
    generator = np.random.default_rng(0)

    @tf.function(jit_compile=xla, autograph=False)
    def epoch(order):
        def body(step, total):
            return step + 1, total + game.train_step(tf.gather(data, order[step]))["loss"]

        return tf.while_loop(lambda step, _: step < steps, body, (0, 0.0))[1]

    def run():
        for _ in range(EPOCHS):
            order = generator.permutation(len(x))[: steps * BATCH].reshape(steps, BATCH)
            epoch(tf.constant(order.astype(np.int32))).numpy()

    return run


def fitted(x, *, xla):
    """``model.fit`` with a training step of one's own, a whole epoch per call of its graph."""
    game = Game(joined=True)
    game.compile(jit_compile=xla, steps_per_execution=len(x) // BATCH)
    return lambda: game.fit(x, epochs=EPOCHS, batch_size=BATCH, verbose=0)


def studied():
    """Epochs of the ready study, all that a trial does in one included."""
    study = studyfile.load(studyfile.built_in()["gan-ring"])
    study = study.model_copy(update={"fixed": {**study.fixed, "epochs": EPOCHS}})
    laid = design.plan(study, datasets.describe(study.dataset, []), [])
    trial = laid.trial(laid.arms[0], {}, "tune", 0)  # of which the test split is not measured
    trainer = Trainer(laid.card, [])

    def run():
        ended = trainer.run(trial)
        if ended.status != "completed":
            raise SystemExit(ended.reason)

    return run


def page(seconds: dict[str, list[float]]) -> str:
    """Milliseconds and ratios, medians over the rounds."""
    ours = seconds["harness"]
    lines = [
        "# A game of two networks",
        "",
        f"{environment.observe().processor}, {os.cpu_count()} cores; one thread.",
        f"Load {os.getloadavg()[0]:.1f} at the end.",
        "Template `gan` on `ring-8`, two layers of 128 units each, batches of 256;",
        f"{EPOCHS} epochs a round, {len(ours)} rounds in turns.",
        "A harness epoch also validates 2,000 generated cases and keeps the best weights;",
        "the best simple loop is the fastest of four: with and without XLA, the critic asked once",
        "or twice in its own update. `fit` runs a whole epoch per call, with XLA or without, as is",
        "faster. Both leave out the partial batch.",
        "",
        "| contender | ms per generator update | harness / it, median (range) | aim |",
        "|---|---|---|---|",
    ]
    for name, found in seconds.items():
        ratios = [one / other for one, other in zip(ours, found, strict=True)]
        shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        aim = f"at most {AIMS[name]:g}" if name in AIMS else ""
        lines.append(f"| {name} | {1e3 * statistics.median(found):.2f} | {shown} | {aim} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--to", type=Path, default=HERE / "results" / "game.md")
    arguments = parser.parse_args()
    set_up(1)
    card = datasets.describe("ring-8", [])
    x = np.asarray(datasets.load(card).x[: card.training_cases(0.2)])
    x = x[: len(x) // BATCH * BATCH]  # plain loops leave out the partial batch
    contenders = {
        "harness": studied(),
        **{
            f"best simple loop, {xla=}, {joined=}": simple_loop(x, xla=xla, joined=joined)
            for xla in (True, False)
            for joined in (True, False)
        },
        **{f"fit with a train_step, {xla=}": fitted(x, xla=xla) for xla in (True, False)},
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(arguments.rounds + 1):
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            if round_:  # the first one compiles
                cases = card.training_cases(0.2) if name == "harness" else len(x)
                updates = EPOCHS * cases / BATCH
                seconds[name].append((time.perf_counter() - began) / updates)
    for name in AIMS:
        alike = [one for one in seconds if one.startswith(name)]
        best = min(alike, key=lambda one: statistics.median(seconds[one]))
        print(f"taken: {best}")
        seconds[name] = seconds[best]
        for one in alike:
            del seconds[one]
    text = page(seconds)
    arguments.to.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
