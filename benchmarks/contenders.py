"""One way of training a study of short trials, in a process of its own.

Called by ``ladder.py`` with JSON on the command line; prints JSON: the seconds until the first
trial had ended (imports and compiling included), the seconds of every trial after it, and the
validation loss of every trial.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

START = time.monotonic()
EPOCHS, BATCH = 3, 64
RATES = (5e-4, 2e-3)
REPLICATES = 5
ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "silu")


def rates(count):
    """Learning rates, the same for (b) and (c)."""
    import numpy as np

    low, high = np.log(RATES)
    return np.exp(np.random.default_rng(1).uniform(low, high, count))


def load(data):
    """Training and validation part, split once."""
    import numpy as np

    with np.load(data) as archive:
        x, y = archive["x_train"], archive["y_train"]
    return (x[:5120], y[:5120]), (x[5120:], y[5120:])


def compiled(ask, rate):
    """A model as the Keras guides compile it."""
    import keras
    import models

    classes = ask["task"] == "classification"
    model = getattr(models, ask["model"])(tuple(ask["shape"]), ask["outputs"], width=ask["width"])
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classes else "mse",
        metrics=["accuracy"] if classes else ["mae"],
    )
    return model


def keras_tuner_search(ask):
    """(a) RandomSearch, as KerasTuner's documentation shows it."""
    import keras_tuner

    train, val = load(ask["data"])
    ends, losses = [], []

    class Search(keras_tuner.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            found = super().run_trial(trial, *args, **kwargs)
            ends.append(time.monotonic())
            losses.append(found[0].history["val_loss"][-1])
            return found

    def build(hp):
        return compiled(ask, hp.Float("learning_rate", *RATES, sampling="log"))

    with tempfile.TemporaryDirectory() as folder:
        search = Search(
            build, objective="val_loss", max_trials=ask["trials"], directory=folder, seed=1
        )
        search.search(*train, epochs=EPOCHS, batch_size=BATCH, validation_data=val, verbose=0)
    return ends, losses


def keras_tuner_grid(ask):
    """What a user would write to compare activations: a grid, ten executions of each."""
    import keras
    import keras_tuner
    import models

    train, val = load(ask["data"])

    def build(hp):
        activation = hp.Choice("activation", ACTIVATIONS)
        model = models.mlp(tuple(ask["shape"]), ask["outputs"], activation=activation)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"])
        return model

    with tempfile.TemporaryDirectory() as folder:
        search = keras_tuner.GridSearch(
            build,
            objective="val_accuracy",
            executions_per_trial=ask["replicates"],
            directory=folder,
        )
        search.search(*train, epochs=EPOCHS, batch_size=BATCH, validation_data=val, verbose=0)
        search.results_summary()
        best = [trial.score for trial in search.oracle.trials.values()]
    return [time.monotonic()], best


def fit_loop(ask):
    """(b) A plain loop over ``model.fit``."""
    train, val = load(ask["data"])
    ends, losses = [], []
    for rate in rates(ask["trials"]):
        model = compiled(ask, float(rate))
        history = model.fit(*train, epochs=EPOCHS, batch_size=BATCH, validation_data=val, verbose=0)
        losses.append(history.history["val_loss"][-1])
        ends.append(time.monotonic())
    return ends, losses


def simple_loop(ask):
    """(c) The best simple loop: one graph per epoch, reused; weights and slots set back."""
    import keras
    import models
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    (x, y), (xv, yv) = [tuple(map(tf.constant, part)) for part in load(ask["data"])]
    classes = ask["task"] == "classification"
    model = getattr(models, ask["model"])(tuple(ask["shape"]), ask["outputs"], width=ask["width"])
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    zeros = [(variable, variable.numpy()) for variable in optimizer.variables]
    steps = len(x) // BATCH

    def measures(labels, outputs):
        if classes:
            loss = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True)
            hit = tf.cast(tf.argmax(outputs, -1, tf.int32) == labels, tf.float32)
            return tf.reduce_mean(loss), tf.reduce_mean(hit)
        error = outputs - labels
        return tf.reduce_mean(tf.square(error)), tf.reduce_mean(tf.abs(error))

    @tf.function(jit_compile=not ask["convolves"], autograph=False)
    def epoch(order):
        def step(index, total):
            cases = order[index]
            labels = tf.gather(y, cases)
            with tf.GradientTape() as tape:
                loss, metric = measures(labels, model(tf.gather(x, cases), training=True))
            gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
            optimizer.apply(gradients, model.trainable_variables)
            return index + 1, total + tf.stack([loss, metric])

        _, total = tf.while_loop(lambda i, _: i < steps, step, (0, tf.zeros(2)))
        return total / steps, tf.stack(measures(yv, model(xv, training=False)))

    generator = np.random.default_rng(0)
    ends, losses = [], []
    initializer = keras.initializers.GlorotUniform
    orthogonal = keras.initializers.Orthogonal
    for seed, rate in enumerate(rates(ask["trials"])):
        for variable in model.trainable_variables:
            if "bias" not in variable.name:
                kind = orthogonal if "recurrent" in variable.name else initializer
                variable.assign(kind(seed=seed)(variable.shape))
            elif ask["model"] == "lstm" and variable.shape[0] == 4 * ask["width"]:
                forget = np.zeros(variable.shape, np.float32)
                forget[ask["width"] : 2 * ask["width"]] = 1
                variable.assign(forget)
            else:
                variable.assign(tf.zeros(variable.shape))
        for variable, value in zeros:
            variable.assign(value)
        optimizer.learning_rate.assign(rate)
        for _ in range(EPOCHS):
            order = generator.permutation(len(x)).astype(np.int32).reshape(steps, BATCH)
            _, val = epoch(tf.constant(order))
        losses.append(float(val[0]))
        ends.append(time.monotonic())
    return ends, losses


def harness_study(ask):
    """(d), (e) The same trials as a study with one arm."""
    from harness import Study
    from harness.coordinator import run
    from harness.store import reading

    here = Path(__file__).parent
    study = Study(
        name="ladder",
        template=f"models:{ask['model']}",
        dataset=ask["data"],
        factors={"width": [ask["width"]]},
        fixed={"epochs": EPOCHS, "batch_size": BATCH, "validation": ask["validation"]},
        tune={
            "trials": ask["trials"] // REPLICATES,
            "replicates": REPLICATES,
            "space": {"learning_rate": {"min": RATES[0], "max": RATES[1], "scale": "log"}},
        },
        replicates=1,
    )
    ends, seen = [], 0

    def note(progress):
        nonlocal seen
        done = progress.done[0, "tune"]
        ends.extend([time.monotonic()] * (done - seen))
        seen = done

    with tempfile.TemporaryDirectory() as folder:
        ended = run(study, root=folder, workers=ask["workers"], folders=[here], progress=note)
        if ended.problems:
            raise SystemExit(str(ended.problems))
        with reading(ended.folder) as db:
            rows = db.execute(
                "SELECT value FROM metric JOIN member USING (trial) "
                "WHERE phase = 'tune' AND metric = 'val/loss@last'"
            ).fetchall()
    return ends, [value for (value,) in rows]


CONTENDERS = {
    "a": keras_tuner_search,
    "b": fit_loop,
    "c": simple_loop,
    "d": harness_study,
    "e": harness_study,
    "grid": keras_tuner_grid,
}


def main():
    """Run one contender and print what it took."""
    ask = json.loads(sys.argv[1])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stdout = os.dup(1)
    os.dup2(2, 1)  # libraries may print; the answer is one line
    ends, losses = CONTENDERS[ask["contender"]](ask)
    answer = {"ends": [end - START for end in ends], "losses": losses}
    os.write(stdout, json.dumps(answer).encode())


if __name__ == "__main__":
    main()
