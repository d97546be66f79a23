"""A trunk that was trained before, with outputs of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from harness.blocks import trunks
from harness.blocks.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence


def pretrained(
    shape: Sequence[int],
    outputs: int,
    style: Style = Style(),
    *,
    trunk: str = "squeezenet",
    size: int | None = None,
    weights: str = "trained",
) -> keras.Model:
    """A trunk with a linear layer behind its pooled features.

    Args:
        shape: of one case.
        outputs: number of linear outputs.
        style: of which their kernel has the initializer.
        trunk: a name of ``catalog.TRUNKS``, or the path of a ``.keras`` file.
        size: side in pixels that images are resized to. Default: the trunk's.
        weights: ``"trained"``, or ``"drawn"`` anew as in a training from scratch.

    Raises:
        TemplateError: if there is no such trunk, or it cannot take such cases.
        DataError: if its weights have not been fetched.
    """
    model = trunks.build(trunk, shape, size, trained=weights == "trained")
    return keras.Model(
        model.input, style.linear(outputs, "outputs")(model.output), name="pretrained"
    )
