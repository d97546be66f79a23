"""The multilayer perceptron."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import keras

from harness.blocks.style import Style
from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Sequence


def mlp(
    shape: Sequence[int],
    outputs: int,
    style: Style = Style(),
    *,
    units: Sequence[int] = (64, 64),
    residual: bool = False,
    output_constraint: Any = None,
    output_regularizer: Any = None,
) -> keras.Model:
    """Dense layers on the flattened input.

    Args:
        shape: of one case, any number of axes.
        outputs: number of linear outputs.
        style: of the inputs and of every hidden layer.
        units: width of each hidden layer; an empty list gives a linear model.
        residual: whether the input of a hidden layer is added to its output, where both are
            equally wide.
        output_constraint: of the kernel of the outputs.
        output_regularizer: of the same.

    Raises:
        TemplateError: if groups of a normalization do not divide a width, or if there is nothing
            that a residual network could add.

    Example:
        >>> mlp((8, 8), 10, units=(32,)).count_params()
        2410
    """
    if residual and not any(first == second for first, second in pairwise(units)):
        raise TemplateError(
            "template 'mlp': expected two hidden layers of equal width one after another, because "
            f"residual = true adds the input of a layer to its output. Received: {list(units)}."
        )
    inputs = keras.Input(tuple(shape), name="inputs")
    x = keras.layers.Flatten(name="flatten")(style.disturbed(inputs))
    for index, width in enumerate(units, start=1):
        name, before = f"hidden_{index}", x
        x = style.behind(style.dense(width, name)(x), name)
        if residual and index > 1 and before.shape == x.shape:
            x = keras.layers.Add(name=f"{name}_add")([before, x])
    last = style.linear(
        outputs,
        "outputs",
        kernel_regularizer=output_regularizer,
        kernel_constraint=output_constraint,
    )
    return keras.Model(inputs, last(x), name="mlp")
