"""The networks of the ladder, as anyone would write them, at two sizes each."""

from __future__ import annotations

import keras


def mlp(shape, outputs, *, width=128, activation="relu"):
    """Two dense layers."""
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs)
    for _ in range(2):
        x = keras.layers.Dense(width, activation=activation)(x)
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))


def cnn(shape, outputs, *, width=16):
    """Two convolutions with pooling."""
    inputs = keras.Input(shape)
    x = keras.layers.Reshape((*shape, 1))(inputs)
    for filters in (width, 2 * width):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Flatten()(x)))


def lstm(shape, outputs, *, width=32):
    """One LSTM over the rows of an image."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.LSTM(width)(inputs)))


def gru(shape, outputs, *, width=32):
    """One GRU over the rows of an image."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.GRU(width)(inputs)))


def dense_autoencoder(shape, outputs, *, width=128):
    """Dense encoder and decoder around a code a quarter as wide."""
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs)
    for units in (width, width // 4, width):
        x = keras.layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))


def conv_autoencoder(shape, outputs, *, width=8):
    """Strided convolutions down, transposed ones up; ELU, as so few ReLUs may all die."""
    inputs = keras.Input(shape)
    x = keras.layers.Reshape((*shape, 1))(inputs)
    for filters in (width, 2 * width):
        x = keras.layers.Conv2D(filters, 3, 2, padding="same", activation="elu")(x)
    for filters in (2 * width, width):
        x = keras.layers.Conv2DTranspose(filters, 3, 2, padding="same", activation="elu")(x)
    x = keras.layers.Conv2D(1, 3, padding="same")(x)
    return keras.Model(inputs, keras.layers.Reshape((outputs,))(x))


SIZES = {
    "mlp": (128, 512),
    "cnn": (8, 16),
    "lstm": (32, 64),
    "gru": (32, 64),
    "dense_autoencoder": (128, 512),
    "conv_autoencoder": (4, 8),
}
RECONSTRUCT = {"dense_autoencoder", "conv_autoencoder"}
CONVOLVE = {"cnn", "conv_autoencoder"}
