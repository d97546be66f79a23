"""The autoencoder: dense or convolutional, with one of several bottlenecks."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import keras

from harness import catalog
from harness.blocks import layers
from harness.blocks.bottleneck import Contractive, Tied
from harness.blocks.style import Style
from harness.errors import TemplateError
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.spec import Value

SIGMOID_CODES = ("sparse_kl", "contractive")
"""Bottlenecks whose penalty is defined for a code between 0 and 1."""


def autoencoder(
    shape: Sequence[int],
    outputs: int,  # noqa: ARG001, every template is told; this one gives its inputs back
    style: Style = Style(),
    *,
    filters: Sequence[int] = (),
    kernel_size: int = 3,
    units: Sequence[int] = (128,),
    code: int = 32,
    bottleneck: Value = "plain",
    corruption: Value = "none",
    tied: bool = False,
    code_activation: Value = "linear",
    output_activation: Value = "linear",
) -> keras.Model:
    """An encoder, a code, and the encoder's mirror image.

    The encoder is strided convolutions (if there are ``filters``), then dense layers, then the
    code; the decoder is the same in reverse. Neither what makes the code nor the last layer is
    hidden.

    Args:
        shape: of one case; with ``filters``, (height, width) or (height, width, channels).
        outputs: not used.
        style: of all hidden layers; its constraint not of convolutions that enlarge.
        filters: of convolutions that halve the image, in front of the dense layers.
        kernel_size: of the convolutions.
        units: width of each dense layer in front of the code.
        code: width of the code.
        bottleneck: what is asked of the code, a catalogue entry.
        corruption: what is done to the inputs in training, an entry of ``corruption``.
        tied: whether dense decoder layers use the encoder's kernels, transposed.
        code_activation: of the code; a sigmoid for ``sparse_kl`` and ``contractive``.
        output_activation: of the outputs; a sigmoid keeps them between 0 and 1.

    Raises:
        TemplateError: for convolutions over what is no image, a penalty that needs a sigmoid
            code, a contractive code behind other layers, or tied convolutions.

    Example:
        >>> autoencoder((8, 8), 10, units=(16,), code=4).output_shape
        (None, 8, 8)
    """
    chosen = catalog.choice("bottleneck", _named(bottleneck)).name
    _check(shape, filters, units, chosen, code_activation, tied=tied)
    inputs = keras.Input(tuple(shape), name="inputs")
    x = _corrupted(inputs, corruption)
    x, undo = _convolved(x, shape, filters, kernel_size, style)
    dense = []
    for index, width in enumerate(units, start=1):
        dense.append(style.dense(width, f"encoder_{index}"))
        x = style.behind(dense[-1](x), f"encoder_{index}")
    widths = [prod(undo.shape), *units]
    x, last = _code(x, code, bottleneck, chosen, code_activation, style)
    dense.append(last)
    for index, width in reversed(list(enumerate(widths))):
        name = f"decoder_{index}" if index else "flat"
        final = index == 0 and not filters
        made = style.linear if final else style.dense
        x = (Tied(dense[index], name=name) if tied else made(width, name))(x)
        x = x if final else style.behind(x, name)
    x = undo.images(x, style, kernel_size)
    x = layers.activation(output_activation, "outputs_activation")(x)
    return keras.Model(inputs, keras.layers.Reshape(tuple(shape), name="outputs")(x))


class _Undo:
    """Layers that turn a flat vector into an image again: the convolutions in reverse."""

    def __init__(
        self, shape: Sequence[int], sides: Sequence[tuple[int, ...]], filters: Sequence[int]
    ) -> None:
        self.shape, self._sides, self._filters = shape, sides, filters

    def images(self, x: Any, style: Style, kernel_size: int) -> Any:
        if not self._filters:
            return x
        x = keras.layers.Reshape(tuple(self.shape), name="unflatten")(x)
        wanted = list(zip(self._sides[:-1], [self._sides[0][-1], *self._filters[:-1]], strict=True))
        for index, (side, width) in reversed(list(enumerate(wanted, start=1))):
            name = f"deconv_{index}"
            last = index == 1
            # This kernel has its outputs on another axis, so no constraint fits it.
            hidden = {**style.weights, "kernel_constraint": None, "use_bias": style.has_bias}
            shared = {"kernel_initializer": style.initializer} if last else hidden
            layer = keras.layers.Conv2DTranspose(
                width, kernel_size, 2, padding="same", name=name, **shared
            )
            # An odd side was rounded up when it was halved.
            surplus = [(0, found - one) for found, one in zip(_doubled(x), side[:2], strict=True)]
            x = keras.layers.Cropping2D(surplus, name=f"{name}_crop")(layer(x))
            x = x if last else style.behind(x, name)
        return x


def _doubled(x: Any) -> list[int]:
    return [2 * side for side in x.shape[1:3]]


def _convolved(
    x: Any, shape: Sequence[int], filters: Sequence[int], kernel_size: int, style: Style
) -> tuple[Any, _Undo]:
    """The flat output of the convolutions, and how they are undone."""
    if not filters:
        return keras.layers.Flatten(name="flatten")(x), _Undo(shape, [], ())
    if len(shape) == 2:
        x = keras.layers.Reshape((*shape, 1), name="channel")(x)
    sides = [tuple(x.shape[1:])]
    for index, width in enumerate(filters, start=1):
        name = f"conv_{index}"
        x = style.behind(style.convolution(width, kernel_size, 2, name)(x), name)
        sides.append(tuple(x.shape[1:]))
    return keras.layers.Flatten(name="flatten")(x), _Undo(sides[-1], sides, filters)


def _code(
    x: Any, width: int, kind: Any, chosen: str, activation: Value, style: Style
) -> tuple[Any, Any]:
    """The code, in a layer of that name, and the dense layer that makes it."""
    dense = style.linear(2 * width if chosen == "variational" else width, "encoder_code")
    x = layers.activation(activation, "code_activation")(dense(x))
    numbers = _numbers(kind, "bottleneck")
    match chosen:
        case "plain":
            layer = keras.layers.Identity(name="code")
        case "sparse_l1" if isinstance(numbers["weight"], float):
            layer = keras.layers.ActivityRegularization(l1=numbers["weight"], name="code")
        case "contractive":
            layer = Contractive(**numbers, encoder=dense, name="code")
        case _:
            made = resolve(catalog.BOTTLENECKS[chosen].target)
            if chosen == "variational" and isinstance(numbers["beta"], float):
                numbers["seed"] = None
            layer = made(**numbers, name="code")
    return layer(x), dense


def _corrupted(inputs: Any, corruption: Any) -> Any:
    chosen = catalog.choice("corruption", _named(corruption))
    if chosen.name == "none":
        return inputs
    (amount,) = _numbers(corruption, "corruption").values()
    return layers.disturbance(resolve(chosen.entry.target), amount, "corruption")(inputs)


def _named(level: Any) -> Value:
    """A catalogue entry's name, whatever numbers or variables come with it."""
    name: Value = level["name"] if isinstance(level, dict) else level
    return name


def _numbers(level: Any, family: str) -> dict[str, Any]:
    """The numbers of an entry: those given, which may be variables, else the defaults."""
    given = (
        {key: part for key, part in level.items() if key != "name"}
        if isinstance(level, dict)
        else {}
    )
    return {**catalog.choice(family, _named(level)).numbers, **given}


def _check(
    shape: Sequence[int],
    filters: Sequence[int],
    units: Sequence[int],
    kind: str,
    code_activation: Value,
    *,
    tied: bool,
) -> None:
    if filters and len(shape) not in {2, 3}:
        raise TemplateError(
            "template 'autoencoder': expected images for convolutions. Received: cases of shape "
            f"{tuple(shape)}. Leave out 'filters'."
        )
    sigmoid = catalog.choice("activation", _named(code_activation)).name == "sigmoid"
    if kind in SIGMOID_CODES and not sigmoid:
        raise TemplateError(
            "template 'autoencoder': expected code_activation = 'sigmoid' with bottleneck = "
            f"{kind!r}, whose penalty is defined for it. Received: {code_activation!r}."
        )
    if kind == "contractive" and (units or filters):
        raise TemplateError(
            "template 'autoencoder': expected one sigmoid layer with bottleneck = 'contractive', "
            "whose penalty has a closed form only there. Received: units = "
            f"{list(units)}, filters = {list(filters)}. Set both to []."
        )
    if tied and (filters or kind == "variational"):
        raise TemplateError(
            "template 'autoencoder': expected tied = true only for dense layers of one width each "
            f"way. Received: filters = {list(filters)}, bottleneck = {kind!r}. Leave it out."
        )
