"""Other people's code: what it draws from, what it changes, how it is written, how it ends."""

from __future__ import annotations

import os
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from foreign import row

from harness import datasets
from harness.coordinator import run, signals, waiting
from harness.errors import DataError, StudyError, TemplateError
from harness.program import take
from harness.train import Trainer, drawn

NOISES = (
    "tf.random.normal(tf.shape(x))",
    "tf.random.uniform(tf.shape(x), -1.0, 1.0)",
    "tf.cast(tf.random.uniform(tf.shape(x), 0, 3, tf.int32), tf.float32)",
    "tf.random.truncated_normal(tf.shape(x))",
    "tf.random.shuffle(x)",
    "tf.cast(tf.random.categorical(tf.zeros((1, 4)), 4), tf.float32)",
    "keras.random.normal(keras.ops.shape(x))",
    "keras.random.normal(keras.ops.shape(x), seed=GENERATOR)",
    "tf.nn.dropout(x, 0.5)",
)

NOISY = """
    import keras
    import numpy as np
    import random
    import tensorflow as tf

    GENERATOR = keras.random.SeedGenerator(3)
    THEIRS = tf.random.Generator.from_seed(1)

    class Noise(keras.layers.Layer):
        def call(self, x, training=False):
            return x + 0.5 * ({noise}) if training else x

    def build(shape, outputs, width=4):
        inputs = keras.Input(shape)
        x = keras.layers.Dense(width, activation="relu")(Noise()(inputs))
        return keras.Model(inputs, keras.layers.Dense(outputs)(x))
"""


@pytest.fixture
def blobs(foreign):
    """Three overlapping classes in four dimensions."""
    generator = np.random.default_rng(0)
    y = np.arange(120) % 3
    return foreign.arrays(x=generator.normal(size=(120, 4)) + y[:, None], y=y)


def trained(foreign, plan, *orders):
    """Curves of replicates, each order of them in a trainer of its own, as in a worker."""
    found = []
    for order in orders:
        trainer = Trainer(plan.card, foreign.places)
        trials = [plan.trial(plan.arms[arm], {}, "confirm", replicate) for arm, replicate in order]
        outcomes = [trainer.run(trial) for trial in trials]
        assert {outcome.status for outcome in outcomes} == {"completed"}, outcomes[0].reason
        found.append(outcomes)
    return found


@row("noise in call from tf.random, or from keras.random without a seed", "program")
def test_unseeded_noise_follows_the_trial(foreign, blobs):
    """The same trial gives the same numbers alone, and behind another one; replicates differ."""
    foreign.module(NOISY.format(noise=" + ".join(NOISES)))
    plan = foreign.plan(blobs, replicates=2)
    (alone,), (other, second) = trained(foreign, plan, [(0, 0)], [(0, 1), (0, 0)])
    assert alone.route == "program"
    assert alone.curve == second.curve
    assert alone.metrics == second.metrics
    assert alone.curve != other.curve


@row("noise in a train_step of its own", "fit")
def test_noise_in_a_training_step(foreign, blobs):
    """Through fit as well, a trial's numbers are its own."""
    foreign.module("""
        import keras
        import tensorflow as tf

        class Net(keras.Model):
            def train_step(self, data):
                x, y = data
                return super().train_step((x + 0.1 * tf.random.normal(tf.shape(x)), y))

        def build(shape, outputs):
            inputs = keras.Input(shape)
            return Net(inputs, keras.layers.Dense(outputs)(inputs))
    """)
    plan = foreign.plan(blobs, replicates=2)
    (alone,), (other, second) = trained(foreign, plan, [(0, 0)], [(0, 1), (0, 0)])
    assert alone.route == "fit"
    assert alone.curve == second.curve
    assert alone.curve != other.curve


@row("noise in call from NumPy, or from Python's random", "refused: it would be drawn once")
@pytest.mark.parametrize(
    ("noise", "said"),
    [
        ("np.random.normal(size=4)", "a call of numpy.random in the network's call"),
        ("np.random.default_rng().normal(size=4)", "a call of numpy.random in the network's call"),
        ("random.random()", "a call of random in the network's call"),
        (
            "tf.raw_ops.RandomStandardNormal(shape=tf.shape(x), dtype=tf.float32)",
            "the TensorFlow operation RandomStandardNormal, at",
        ),
        (
            "THEIRS.normal(tf.shape(x))",
            "the TensorFlow operation RngReadAndSkip, at",
        ),
    ],
)
def test_noise_that_no_trial_can_draw_anew_is_refused(foreign, blobs, noise, said):
    """Before anything is trained, by name, with what to write instead."""
    foreign.module(NOISY.format(noise=noise))
    plan = foreign.plan(blobs)
    trial = plan.trial(plan.arms[0], {}, "confirm", 0)
    problem = Trainer(plan.card, foreign.places).rehearse(trial).problem
    assert said in problem
    assert "keras.random.SeedGenerator() made in __init__" in problem


@row("noise in a train_step from NumPy", "failed: it would be drawn once")
def test_numpy_in_a_training_step(foreign, blobs):
    """The trial fails, because the numbers would be a constant of the graph."""
    foreign.module("""
        import keras
        import numpy as np

        class Net(keras.Model):
            def train_step(self, data):
                x, y = data
                return super().train_step((x + np.random.normal(size=4), y))

        def build(shape, outputs):
            inputs = keras.Input(shape)
            return Net(inputs, keras.layers.Dense(outputs)(inputs))
    """)
    outcome, _ = foreign.train(foreign.plan(blobs))
    assert outcome.status == "failed"
    assert "a call of numpy.random" in outcome.reason


@row("numbers drawn while the template builds", "program; printed: the same in all replicates")
def test_numbers_drawn_while_building(foreign, blobs):
    """Two workers build the same network, in whatever order, and the study says what is shared."""
    foreign.module("""
        import keras
        import numpy as np

        GENERATOR = np.random.RandomState(0)

        def build(shape, outputs, width=4):
            inputs = keras.Input(shape)
            fresh = np.random.default_rng().normal(size=width)
            drawn = np.random.normal(size=width) + GENERATOR.normal(size=width) + fresh
            hidden = keras.layers.Dropout(0.1)(keras.layers.Dense(width)(inputs))
            hidden = hidden * drawn.astype("float32")
            return keras.Model(inputs, keras.layers.Dense(outputs)(hidden))
    """)
    plan = foreign.plan(blobs, factors={"width": [4, 5]}, replicates=2)
    (first, other), (second,) = trained(foreign, plan, [(0, 0), (1, 0)], [(1, 0)])
    assert other.curve == second.curve
    assert first.notes == second.notes
    (note,) = first.notes
    assert note.startswith("numbers drawn from numpy.random while the network was built belong to")


@pytest.mark.slow
def test_what_initializers_draw_is_not_told(foreign, blobs):
    """A trial draws initial weights anew, whoever's initializer it is."""
    foreign.module("""
        import keras
        import numpy as np
        import tensorflow as tf

        keras.utils.set_random_seed(3)

        def theirs(shape, dtype=None):
            return tf.random.normal(shape) + np.random.normal(size=shape)

        def build(shape, outputs):
            inputs = keras.Input(shape)
            x = keras.layers.Dense(4, kernel_initializer=theirs)(inputs)
            return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Dropout(0.1)(x)))
    """)
    plan = foreign.plan(blobs, replicates=2)
    (alone,), (other, second) = trained(foreign, plan, [(0, 0)], [(0, 1), (0, 0)])
    assert alone.notes == ()
    assert alone.curve == second.curve
    assert alone.curve != other.curve


CHANGED = {
    "eager": "tf.config.run_functions_eagerly(True)",
    "debug": "tf.data.experimental.enable_debug_mode()",
    "epsilon": "keras.config.set_epsilon(1e-2)",
    "image_data_format": "keras.config.set_image_data_format('channels_first')",
    "determinism": "tf.config.experimental.enable_op_determinism()",
    "jit": "tf.config.optimizer.set_jit('autoclustering')",
    "logging": "keras.config.disable_interactive_logging()",
    "seeds": "keras.utils.set_random_seed(3)",
    "session": "keras.utils.clear_session()",
    "floating_errors": "np.seterr(all='raise')",
    "directory": "os.chdir('/')",
    "environment": "os.environ['TF_SET_BY_A_TEMPLATE'] = '1'",
}
SETTING = """
    import os
    import keras
    import numpy as np
    import tensorflow as tf

    {imported}

    def build(shape, outputs, kind=""):
        if kind == "changes":
            {built}
        inputs = keras.Input(shape)
        x = keras.layers.Dropout(0.1)(inputs)
        return keras.Model(inputs, keras.layers.Dense(outputs)(x))
"""


def state():
    """What other arms of the worker would find."""
    return (
        keras.config.floatx(),
        keras.config.dtype_policy().name,
        keras.config.epsilon(),
        keras.config.image_data_format(),
        tf.config.functions_run_eagerly(),
        tf.config.optimizer.get_jit(),
        keras.config.is_interactive_logging_enabled(),
        np.geterr(),
        os.getcwd(),
        dict(os.environ),
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
    )


@row(
    "a template that sets eager mode, epsilon, data format, seeds or the working directory",
    "program; it holds for its own network only",
)
def test_global_state_stays_with_the_template(foreign, blobs):
    """Another arm of the worker gives what it gives alone, and finds nothing changed."""
    changes = "; ".join(CHANGED.values())
    foreign.module(SETTING.format(imported=changes, built=changes))
    plan = foreign.plan(blobs, factors={"kind": ["changes", ""]})
    before = state()
    (_, second), (alone,) = trained(foreign, plan, [(0, 0), (1, 0)], [(1, 0)])
    assert alone.curve == second.curve
    assert state() == before


@row("a template in mixed precision, or in float64", "refused: precision is part of a trial")
@pytest.mark.parametrize(
    ("imported", "built", "said"),
    [
        ("", "keras.config.set_dtype_policy('mixed_float16')", "dtype policy 'mixed_float16'"),
        ("keras.config.set_dtype_policy('bfloat16')", "pass", "dtype policy 'bfloat16'"),
        ("keras.config.set_floatx('float64')", "pass", "set_floatx('float64')"),
    ],
)
def test_another_precision_is_refused(foreign, blobs, imported, built, said):
    """Its record would say float32; the other arm is not touched by it."""
    foreign.module(SETTING.format(imported=imported, built=built))
    plan = foreign.plan(blobs, factors={"kind": ["changes", ""]})
    trainer = Trainer(plan.card, foreign.places)
    trials = [plan.trial(arm, {}, "confirm", 0) for arm in plan.arms]
    assert said in trainer.rehearse(trials[0]).problem
    outcome = trainer.run(trials[1])
    assert imported or outcome.status == "completed", outcome.reason
    assert state()[:2] == ("float32", "float32")


def test_the_process_does_not_set_the_precision(foreign, blobs):
    """What was set before a study, as in a notebook, does not reach its networks."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_epsilon(1e-3)
    try:
        plan = foreign.plan(blobs, "mlp", fixed={"units": [4], "epochs": 1})
        trainer = Trainer(plan.card, [])
        (network,) = trainer.networks(plan.trial(plan.arms[0], {}, "confirm", 0))
        assert {layer.compute_dtype for layer in network.model.layers} == {"float32"}
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
        keras.config.set_epsilon(1e-7)


ENDING = """
    import os, sys, time
    import keras

    def build(shape, outputs, kind=""):
        if kind == "exits":
            sys.exit(0)
        if kind == "hangs":
            while True:
                try:
                    time.sleep(0.01)
                except Exception:
                    pass
        if kind == "dies":
            os._exit(0)
        inputs = keras.Input(shape)
        return keras.Model(inputs, keras.layers.Dense(outputs)(inputs))
"""


def ended(foreign, blobs, kind, workers):
    """How a study ends whose template does something to its process; and what was said."""
    foreign.module(ENDING)
    study = foreign.plan(blobs, factors={"kind": [kind]}, fixed={"epochs": 1}).study
    seen = set()

    def watch(progress):
        seen.update(wait.what for wait in waiting.lasting(progress.waits).values())

    with pytest.raises(TemplateError) as caught:
        run(
            study,
            root=foreign.folder,
            workers=workers,
            folders=foreign.places,
            progress=watch,
        )
    return str(caught.value), seen


@row("a template that calls sys.exit", "refused: the call is named; nothing was trained")
def test_a_template_that_exits(foreign, blobs):
    """In this process, its exit code is not that of the command."""
    said, _ = ended(foreign, blobs, "exits", workers=0)
    assert "exits: the code called sys.exit(0) (theirs.py, line 7)" in said
    assert "Nothing was trained" in said


@row("a template that hangs", "named while it is waited for, refused after ten minutes")
@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_template_that_hangs(foreign, blobs, workers, monkeypatch):
    """It is named while it builds, and given up when it has had its time."""
    monkeypatch.setattr(waiting, "BUILDING", 3.0)
    monkeypatch.setattr(waiting, "QUIET_BUILDING", 0.5)
    monkeypatch.setattr(signals, "TICK", 0.3)
    said, seen = ended(foreign, blobs, "hangs", workers)
    assert "hangs: not built after 3 s, so it was given up" in said
    place = "in worker 0" if workers else "in this process"
    assert seen == {f"hangs to be built {place}"}


@row("a template that ends its process", "refused after two workers; nothing was trained")
@pytest.mark.slow
def test_a_template_that_kills_its_worker(foreign, blobs):
    """Other networks are built all the same, and the one that does it is named."""
    said, _ = ended(foreign, blobs, "dies", workers=1)
    assert "dies: its process ended with exit code 0 while the network was built, 2 times" in said


@row("a class of a local module, imported inside try", "program")
def test_classes_and_imported_definitions(foreign, blobs):
    """They are found without being run, and trained."""
    foreign.module(
        """
        import keras

        class Net(keras.Model):
            def __init__(self, shape, outputs, width=3):
                inputs = keras.Input(shape)
                x = keras.layers.Dropout(0.1)(keras.layers.Dense(width)(inputs))
                super().__init__(inputs, keras.layers.Dense(outputs)(x))
        """,
        "helpers",
    )
    foreign.module("""
        try:
            from helpers import Net
        except ImportError:
            raise
    """)
    plan = foreign.plan(blobs, "theirs:Net", factors={"width": [2, 5]})
    outcome, _ = foreign.train(plan, arm=1)
    assert outcome.status == "completed", outcome.reason
    assert outcome.parameters == 4 * 5 + 5 + 5 * 3 + 3


COMPILED = """
    import keras

    def build(shape, outputs, width=3, optimizer="sgd", learning_rate=0.5):
        inputs = keras.Input(shape)
        model = keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Dropout(0.1)(inputs)))
        model.compile(optimizer=optimizer, loss="mse")
        return model
"""


@row(
    "a template with arguments such as optimizer, that compiles its model",
    "program; printed: they are not passed, and compile() is replaced",
)
def test_what_a_template_is_not_given_is_said_once(foreign, blobs):
    """By check and plan without running it; by run and page with what is replaced."""
    foreign.module(COMPILED)
    plan = foreign.plan(blobs, factors={"width": [2, 5]})
    note = (
        "optimizer, learning_rate are settings of every study: theirs:build is called without, "
        "and trains as they say"
    )
    assert plan.notes[0] == note
    assert not any("theirs" in other for other in plan.notes[1:])
    outcome, trainer = foreign.train(plan)
    replaced = "compile() in the template is replaced: optimizer, loss and metrics are those of"
    assert outcome.notes[0] == note
    assert outcome.notes[1].startswith(replaced)
    assert trainer.rehearse(plan.trial(plan.arms[1], {}, "confirm", 0)).notes == outcome.notes


def test_a_setting_that_a_template_requires_is_refused(foreign, blobs):
    """It would never be given."""
    foreign.module("def build(shape, outputs, optimizer): pass")
    with pytest.raises(StudyError, match="expected a default for argument 'optimizer' of"):
        foreign.plan(blobs, fixed={"optimizer": "adam"})


@row("add_loss with one number per case", "program; printed: it depends on the batch")
def test_a_vector_in_add_loss_is_summed_as_keras_does(foreign, blobs):
    """The loss of the first batch equals that of fit, and the study says what it depends on."""
    foreign.module("""
        import keras

        class Penalty(keras.layers.Layer):
            def call(self, x):
                self.add_loss(0.01 * keras.ops.mean(keras.ops.square(x), axis=-1))
                return x

        def build(shape, outputs):
            inputs = keras.Input(shape)
            x = keras.layers.Dense(4, kernel_initializer="ones")(Penalty()(inputs))
            return keras.Model(inputs, keras.layers.Dense(outputs, kernel_initializer="ones")(x))
    """)
    plan = foreign.plan(blobs, fixed={"epochs": 1, "batch_size": 77})
    outcome, trainer = foreign.train(plan)
    (note,) = outcome.notes
    assert note.startswith("add_loss in Penalty is given one number per case, which Keras adds up")
    assert outcome.route == "program"
    (network,) = trainer.networks(plan.trial(plan.arms[0], {}, "confirm", 0))
    found = outcome.curve[0].quantities["train/loss"]
    (data,) = trainer._data.values()
    train, _ = drawn(plan.trial(plan.arms[0], {}, "confirm", 0), data.load(), plan.card)
    x, y = take(data.inputs(train)[0], train)
    network.model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    expected = network.model.evaluate(x, y, batch_size=len(y), verbose=0)
    assert found == pytest.approx(expected, rel=1e-5)


@row("a data function that calls sys.exit, or changes the working directory", "refused; undone")
def test_a_data_function_keeps_to_itself(foreign):
    """Its exit code is not that of the command, and results go where they were asked for."""
    foreign.module("""
        import os, sys

        def data():
            os.chdir("/")
            sys.exit(0)
    """)
    with pytest.raises(DataError, match="theirs:data raised SystemExit: 0"):
        datasets.read_own("theirs:data", foreign.places)
    assert os.getcwd() == str(foreign.folder)
