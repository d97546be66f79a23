"""Measurements inside networks equal what plain TensorFlow and NumPy find there."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.program import Probing, Resident, is_shown, layer_names
from harness.program.sharpness import sharpest

CASES = np.arange(600, dtype=np.int32)


@pytest.fixture(autouse=True)
def _same_weights():
    keras.utils.set_random_seed(3)


def _data(*shape, classes=3, tokens=0):
    stream = np.random.default_rng(5)
    x = stream.integers(tokens, size=(600, *shape)) if tokens else stream.normal(size=(600, *shape))
    y = stream.integers(classes, size=600)
    x, y = tf.constant(x, tf.float32), tf.constant(y, tf.int32)
    return Resident(x=x, y=y, x_test=x[:3], y_test=y[:3])


def _lost(y, outputs):
    return tf.reduce_mean(
        keras.losses.sparse_categorical_crossentropy(y, outputs, from_logits=True)
    )


class _Player:
    def __init__(self, variables, optimizer):
        self.variables, self.optimizer = variables, optimizer
        optimizer.build(variables)

    def clip(self, gradients):
        return gradients

    def update(self, rate, gradients):
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply(gradients, self.variables)


def _probing(model, optimizer=None, layers=()):
    """A probing of a model, without all that stands around one in a study."""
    player = _Player(model.trainable_variables, optimizer or keras.optimizers.SGD())
    goal = SimpleNamespace(reconstructs=False, total=_lost)
    learner = SimpleNamespace(objective=goal, players=[player], variables=model.trainable_variables)
    return Probing(learner, model, layers)


def _dense(activation="tanh", widths=(8, 6), inputs=5):
    given = x = keras.Input((inputs,))
    for place, width in enumerate(widths, start=1):
        x = keras.layers.Dense(width, name=f"hidden_{place}")(x)
        x = keras.layers.Activation(activation)(x)
    return keras.Model(given, keras.layers.Dense(3, name="outputs")(x))


def test_gradients_equal_those_of_one_tape():
    model, data = _dense(), _data(5)
    found = _probing(model).measure(data, CASES, 0.1)
    with tf.GradientTape() as tape:
        s = model.layers[1](data.x)
        h = tf.tanh(s)
        t = model.layers[3](h)
        loss = _lost(data.y, model.layers[5](tf.tanh(t)))
    kernel = model.layers[1].kernel.value
    by_s, by_kernel = tape.gradient(loss, [s, kernel])
    one = found["hidden_1"]
    assert one["preactivation_gradient_rms"] == pytest.approx(
        np.sqrt(np.mean((600 * by_s.numpy()) ** 2)), rel=1e-5
    )
    assert one["weight_gradient_rms"] == pytest.approx(
        np.sqrt(np.mean(by_kernel.numpy() ** 2)), rel=1e-5
    )
    assert one["weight_gradient_variance"] == pytest.approx(np.var(by_kernel.numpy()), rel=1e-4)
    assert one["activation_mean"] == pytest.approx(h.numpy().mean(), abs=1e-6)
    assert one["activation_spread"] == pytest.approx(h.numpy().std(), rel=1e-5)
    assert one["update_ratio"] == pytest.approx(
        0.1 * np.linalg.norm(by_kernel) / np.linalg.norm(kernel), rel=1e-4
    )
    assert one["weight_norm"] == pytest.approx(np.linalg.norm(kernel), rel=1e-6)
    assert one["spectral_norm"] == pytest.approx(np.linalg.norm(kernel, 2), rel=1e-5)
    assert found[""]["loss"] == pytest.approx(float(loss), rel=1e-6)


def test_an_activation_inside_its_layer_is_seen_like_one_behind_it():
    apart = _dense()
    given = x = keras.Input((5,))
    for place, width in enumerate((8, 6), start=1):
        x = keras.layers.Dense(width, "tanh", name=f"hidden_{place}")(x)
    inside = keras.Model(given, keras.layers.Dense(3, name="outputs")(x))
    inside.set_weights(apart.get_weights())
    data = _data(5)
    one, other = (_probing(model).measure(data, CASES, 0.1) for model in (apart, inside))
    for layer in other:
        assert one[layer] == pytest.approx(other[layer], rel=1e-5)
    assert inside.layers[1].activation is keras.activations.tanh


def test_dead_units_are_counted():
    model = _dense("relu", widths=(8,))
    kernel, bias = model.layers[1].get_weights()
    bias[:3] = -100
    model.layers[1].set_weights([kernel, bias])
    one = _probing(model).measure(_data(5), CASES, 0.1)["hidden_1"]
    assert (one["dead_units"], one["dead"]) == (3, 3 / 8)
    assert "saturated" not in one


def test_a_channel_is_a_unit():
    given = keras.Input((6, 6, 2))
    layer = keras.layers.Conv2D(4, 3, name="conv")
    x = keras.layers.Flatten()(keras.layers.ReLU()(layer(given)))
    model = keras.Model(given, keras.layers.Dense(3, name="outputs")(x))
    layer.set_weights([layer.get_weights()[0], np.array([-100, 0, 0, 0], np.float32)])
    assert _probing(model).measure(_data(6, 6, 2), CASES, 0.1)["conv"]["dead_units"] == 1


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturation_is_closeness_to_a_limit(activation):
    model = _dense(activation, widths=(4,))
    kernel, _ = model.layers[1].get_weights()
    model.layers[1].set_weights([kernel * 0, np.array([-9, 0, 0, 9], np.float32)])
    one = _probing(model).measure(_data(5), CASES, 0.1)["hidden_1"]
    assert one["saturated"] == 0.5
    hist = [one[f"hist_{place:02d}"] for place in range(20)]
    assert (hist[0], sum(hist[9:11]), hist[19]) == (0.25, 0.5, 0.25)


@pytest.mark.parametrize("layer", [keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU])
def test_gradients_by_the_states_of_every_step(layer):
    given = keras.Input((4, 2))
    cell = layer(3, name="cells")
    model = keras.Model(given, keras.layers.Dense(3, name="outputs")(cell(given)))
    data = _data(4, 2)
    one = _probing(model).measure(data, CASES, 0.1)["cells"]
    with tf.GradientTape() as tape:
        state = [tf.zeros((600, 3))] * (2 if layer is keras.layers.LSTM else 1)
        states = []
        for step in range(4):
            _, after = cell.cell(data.x[:, step], state)
            after = after if isinstance(after, list | tuple) else [after]
            state = [tf.identity(part) for part in after]
            tape.watch(state)
            states.append(state)
        loss = _lost(data.y, model.layers[-1](state[0]))
    found = tape.gradient(loss, states, unconnected_gradients="zero")
    for back, parts in enumerate(reversed(found)):
        norm = np.sqrt(sum(np.sum((600 * part.numpy()) ** 2) for part in parts) / 600)
        assert one[f"time_{back:03d}"] == pytest.approx(norm, rel=1e-4)


def test_backwards_layers_count_from_the_step_that_they_read_last():
    given = keras.Input((4, 2))
    cell = keras.layers.SimpleRNN(3, go_backwards=True, name="cells")
    model = keras.Model(given, keras.layers.Dense(3, name="outputs")(cell(given)))
    data = _data(4, 2)
    forth = keras.layers.SimpleRNN(3, name="cells")
    other = keras.Model(given, keras.layers.Dense(3, name="outputs")(forth(given)))
    other.set_weights(model.get_weights())
    turned = Resident(x=data.x[:, ::-1], y=data.y, x_test=data.x_test, y_test=data.y_test)
    one = _probing(model).measure(data, CASES, 0.1)["cells"]
    two = _probing(other).measure(turned, CASES, 0.1)["cells"]
    assert one == pytest.approx(two, rel=1e-5)


def test_nothing_is_left_changed_behind_a_measurement():
    given = keras.Input((5,))
    x = keras.layers.Dense(8, name="hidden")(given)
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
    model = keras.Model(given, keras.layers.Dense(3, name="outputs")(keras.layers.ReLU()(x)))
    optimizer = keras.optimizers.Adam()
    probing = _probing(model, optimizer)
    before = [one.numpy() for one in (*model.variables, *optimizer.variables)]
    probing.measure(_data(5), CASES, 0.1)
    probing.sharpness(_data(5), CASES)
    after = [one.numpy() for one in (*model.variables, *optimizer.variables)]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batch_normalization_is_seen_as_in_training():
    given = keras.Input((5,))
    x = keras.layers.Dense(8, name="hidden")(given * 100)
    x = keras.layers.Activation("tanh")(keras.layers.BatchNormalization()(x))
    model = keras.Model(given, keras.layers.Dense(3, name="outputs")(x))
    assert _probing(model).measure(_data(5), CASES, 0.1)["hidden"]["activation_spread"] < 0.7


def test_adam_moves_a_kernel_by_its_learning_rate():
    model = _dense()
    found = _probing(model, keras.optimizers.Adam()).measure(_data(5), CASES, 0.01)
    kernel = model.layers[1].kernel.numpy()
    assert found["hidden_1"]["update_ratio"] == pytest.approx(
        0.01 * np.sqrt(kernel.size) / np.linalg.norm(kernel), rel=0.01
    )


def test_nested_models_name_their_layers():
    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, name="a")], name="inner")
    given = keras.Input((5,))
    model = keras.Model(given, keras.layers.Dense(3, name="outputs")(inner(given)))
    assert layer_names(model) == ["inner/a", "outputs"]
    assert {*_probing(model).measure(_data(5), CASES, 0.1)} == {"inner/a", "outputs", ""}


def test_chosen_layers_alone_are_measured():
    found = _probing(_dense(), layers=["hidden_2"]).measure(_data(5), CASES, 0.1)
    assert {*found} == {"hidden_2", ""}
    assert "gradient_ratio" not in found[""]


def test_a_subclassed_model_is_not_shown():
    class Own(keras.Model):
        def call(self, x):
            return x

    assert not is_shown(Own())


def test_outputs_are_those_of_the_activations():
    model, data = _dense(), _data(5)
    shown = _probing(model).outputs(data, CASES)
    inner = keras.Model(model.inputs, model.layers[2].output)
    np.testing.assert_allclose(shown["hidden_1"], inner(data.x), rtol=1e-5, atol=1e-6)
    assert [*shown] == ["hidden_1", "hidden_2", "outputs"]


def test_the_largest_eigenvalue_of_a_known_matrix():
    values = np.array([-9.0, 0.5, 2.0, 7.0, 7.5, *np.linspace(0, 1, 40)])
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(len(values), len(values))))
    matrix = turn @ np.diag(values) @ turn.T
    found = sharpest(lambda v: matrix @ v, len(values))
    assert found["sharpness"] == pytest.approx(7.5, rel=1e-3)
    assert found["sharpness_residual"] < 1e-2


def test_sharpness_equals_that_of_the_whole_hessian():
    model, data = _dense(widths=(3,)), _data(5)
    probing = _probing(model)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = _lost(data.y, model(data.x))
        slopes = inner.gradient(loss, [one.value for one in model.trainable_variables])
        flat = tf.concat([tf.reshape(one, [-1]) for one in slopes], axis=0)
    rows = outer.jacobian(flat, [one.value for one in model.trainable_variables])
    hessian = np.concatenate([one.numpy().reshape(len(flat), -1) for one in rows], axis=1)
    found = probing.sharpness(data, CASES)
    assert found["sharpness"] == pytest.approx(np.linalg.eigvalsh(hessian).max(), rel=1e-3)
