"""Where a training step of the larger MLP goes, in milliseconds of one core.

Three programs that each leave something out: the update, and the backward pass too.
"""

from __future__ import annotations

import json
import os
import time


def parts(width: int, steps: int = 80, repeats: int = 9) -> dict[str, float]:
    """Milliseconds of forward pass, backward pass and update of Adam; the best of eight."""
    import keras
    import models
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    batch = 64
    x, y = tf.random.normal((steps * batch, 28, 28)), tf.constant(np.arange(steps * batch) % 10)
    order = np.random.default_rng(0).permutation(steps * batch).astype(np.int32)

    def program(last):
        model = models.mlp((28, 28), 10, width=width)
        optimizer = keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
        entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        def step(index, total):
            cases = tf.slice(order, [index * batch], [batch])
            with tf.GradientTape() as tape:
                # The running total enters, or the compiler would do the work only once.
                inputs = tf.gather(x, cases) + 1e-9 * total
                loss = entropy(tf.gather(y, cases), model(inputs, training=True))
            if last == "forward":
                return index + 1, total + loss
            gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
            if last == "backward":
                return index + 1, total + loss + tf.add_n(list(map(tf.reduce_max, gradients)))
            optimizer.apply(gradients, model.trainable_variables)
            return index + 1, total + loss

        @tf.function(jit_compile=True, autograph=False)
        def epoch():
            return tf.while_loop(lambda index, _: index < steps, step, (0, 0.0))[1]

        return epoch

    programs = {last: program(last) for last in ("forward", "backward", "update")}
    best = dict.fromkeys(programs, float("inf"))
    for _ in range(repeats):  # the first one compiles
        for last, epoch in programs.items():
            began = time.perf_counter()
            epoch().numpy()
            best[last] = min(best[last], (time.perf_counter() - began) / steps * 1e3)
    return {
        "forward": best["forward"],
        "backward": best["backward"] - best["forward"],
        "update": best["update"] - best["backward"],
    }


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(json.dumps(parts(512)))
