"""Networks that were trained on ImageNet, without heads: images in, pooled features out.

They take images with values from 0 to 1, grey or red-green-blue, and bring them into the form
that their weights were trained on: three channels, a square, a range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Sequence

FEATURES = "features"
"""Name of the layer that pools."""

_BYTE = 255.0


@keras.saving.register_keras_serializable("harness")
class Ranged(keras.layers.Rescaling):  # type: ignore[misc]
    """Images with values from 0 to 1, in the range that weights were trained on.

    A class of its own, because a network that scales what is in a file, as Keras' layer is meant
    to, is refused for images that are scaled already.
    """


def squeezenet(shape: Sequence[int], size: int) -> keras.Model:
    """SqueezeNet 1.1: fire modules, which squeeze channels and expand them by two widths of kernel.

    It was trained on blue-green-red; its first kernel has been turned, so that it takes
    red-green-blue.

    Args:
        shape: of an image: height, width, and channels (1 or 3) if it has any; values 0 to 1.
        size: side in pixels of the square that it is resized to; at least 32.

    Returns:
        Network whose output has shape ``(images, 512)``.

    Raises:
        TemplateError: if cases are no such images.

    Example:
        >>> squeezenet((32, 32, 3), 64).count_params()
        722496

    Reference:
        Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB
        model size", 2016; version 1.1 of the authors' code, which pools earlier.
    """
    mean = (122.679, 116.669, 104.006)
    inputs, x = _prepared(shape, size, _BYTE, [-one for one in mean])
    x = _convolution(x, 64, 3, "conv1", stride=2)
    x = keras.layers.MaxPooling2D(3, 2, name="pool1")(x)
    for index, squeezed, expanded in (
        (2, 16, 64),
        (3, 16, 64),
        (4, 32, 128),
        (5, 32, 128),
        (6, 48, 192),
        (7, 48, 192),
        (8, 64, 256),
        (9, 64, 256),
    ):
        x = _fire(x, squeezed, expanded, f"fire{index}")
        if index in {3, 5}:
            x = keras.layers.MaxPooling2D(3, 2, name=f"pool{index}")(x)
    return _pooled(inputs, x, "squeezenet")


def efficientnet_lite0(shape: Sequence[int], size: int) -> keras.Model:
    """EfficientNet-Lite0: inverted residual blocks without squeeze and excitation, with ReLU6.

    The network in inference: paths are not dropped. Batch normalization has epsilon 1e-3 and
    momentum 0.99.

    Args:
        shape: of an image: height, width, and channels (1 or 3) if it has any; values 0 to 1.
        size: side in pixels of the square that it is resized to.

    Returns:
        Network whose output has shape ``(images, 1280)``.

    Raises:
        TemplateError: if cases are no such images.

    Example:
        >>> efficientnet_lite0((32, 32, 3), 64).count_params()
        3413024

    Reference:
        Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        2019; the Lite form is Google's of 2020.
    """
    inputs, x = _prepared(shape, size, _BYTE / 128, -127 / 128)
    x = _normalized_convolution(x, 32, 3, "stem", stride=2)
    for stage, (count, kernel, stride, expansion, filters) in enumerate(
        (
            (1, 3, 1, 1, 16),
            (2, 3, 2, 6, 24),
            (2, 5, 2, 6, 40),
            (3, 3, 2, 6, 80),
            (3, 5, 1, 6, 112),
            (4, 5, 2, 6, 192),
            (1, 3, 1, 6, 320),
        ),
        start=1,
    ):
        for block in range(count):
            name = f"block{stage}{'abcd'[block]}"
            x = _residual(x, filters, kernel, 1 if block else stride, expansion, name)
    x = _normalized_convolution(x, 1280, 1, "top")
    return _pooled(inputs, x, "efficientnet_lite0")


def vgg16(shape: Sequence[int], size: int) -> keras.Model:
    """VGG16 without its dense layers: 3x3 convolutions, halved in size after each block.

    Channels are centred and scaled as PyTorch's weights expect, which is not the preparation of
    ``keras.applications.vgg16``.

    Args:
        shape: of an image: height, width, and channels (1 or 3) if it has any; values 0 to 1.
        size: side in pixels of the square that it is resized to; at least 32.

    Returns:
        Network whose output has shape ``(images, 512)``.

    Raises:
        TemplateError: if cases are no such images.

    Example:
        >>> vgg16((28, 28), 32).count_params()
        14714688

    Reference:
        Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
        Recognition", 2015.
    """
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    inputs, x = _prepared(
        shape,
        size,
        [1 / one for one in deviation],
        [-centre / one for centre, one in zip(mean, deviation, strict=True)],
    )
    for block, (count, filters) in enumerate(
        ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), start=1
    ):
        for index in range(1, count + 1):
            x = _convolution(x, filters, 3, f"block{block}_conv{index}")
        x = keras.layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    return _pooled(inputs, x, "vgg16")


def _prepared(shape: Sequence[int], size: int, scale: Any, offset: Any) -> tuple[Any, Any]:
    """Input, and the images as the first convolution takes them."""
    if len(shape) not in {2, 3} or tuple(shape[2:]) not in {(), (1,), (3,)}:
        raise TemplateError(
            "expected images of height, width and 1 or 3 channels, which a network trained on "
            f"ImageNet can look at. Received: cases of shape {tuple(shape)}."
        )
    inputs = x = keras.Input(tuple(shape), name="inputs")
    if len(shape) == 2:
        x = keras.layers.Reshape((*shape, 1), name="channel")(x)
    if x.shape[-1] == 1:
        x = keras.layers.Concatenate(name="three_channels")([x, x, x])
    if x.shape[1:3] != (size, size):
        x = keras.layers.Resizing(size, size, interpolation="bilinear", name="resized")(x)
    return inputs, Ranged(scale, offset, name="rescaled")(x)


def _pooled(inputs: Any, x: Any, name: str) -> keras.Model:
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name=FEATURES)(x), name=name)


def _convolution(x: Any, filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    return keras.layers.Conv2D(
        filters, kernel, strides=stride, padding="same", activation="relu", name=name
    )(x)


def _fire(x: Any, squeezed: int, expanded: int, name: str) -> Any:
    x = _convolution(x, squeezed, 1, f"{name}_squeeze1x1")
    sides = [_convolution(x, expanded, side, f"{name}_expand{side}x{side}") for side in (1, 3)]
    return keras.layers.Concatenate(name=name)(sides)


def _normalized_convolution(x: Any, filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    x = keras.layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    return _activated(x, f"{name}_bn", f"{name}_relu")


def _activated(x: Any, normalization: str, activation: str) -> Any:
    return keras.layers.Activation("relu6", name=activation)(_normalized(x, normalization))


def _normalized(x: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=name)(x)


def _residual(x: Any, filters: int, kernel: int, stride: int, expansion: int, name: str) -> Any:
    """A block that widens, filters each channel alone, narrows, and adds what it was given."""
    given = x
    if expansion > 1:
        x = _normalized_convolution(x, expansion * x.shape[-1], 1, f"{name}_expand")
    x = keras.layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_dwconv"
    )(x)
    x = _activated(x, f"{name}_bn", f"{name}_relu")
    x = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _normalized(x, f"{name}_project_bn")
    if stride == 1 and given.shape[-1] == filters:
        x = keras.layers.Add(name=f"{name}_add")([x, given])
    return x
