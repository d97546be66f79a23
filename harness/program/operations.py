"""Operations of a graph, by which XLA compiles it or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from harness.program.taking import outline

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.card import Card
    from harness.program.learner import Learner

_SLOW_UNDER_XLA = re.compile(
    r"(Depthwise)?Conv|(?!StatelessRandomUniformFullIntV2).*Random|RngReadAndSkip"
)
"""Operations that XLA makes slower on a CPU, by up to forty times: it does not use oneDNN's
convolutions, and expands random operations into long integer code. The words of one named
generator, such as ``blocks.drawing`` asks for, take as long with it as without; where the choice
is left to TensorFlow, ``StatelessRandomGetKeyCounter`` stands beside them."""

_LOOP = re.compile(r"(Stateless)?While")
"""Of a loop inside the gradient that a loss takes, the second derivative is slow under XLA."""


def uses_xla(learner: Learner, y: Any) -> bool:
    """The fixed rule of device and operations, read from the graphs of a step.

    These are a forward pass in training, and losses of the players' own.

    Args:
        learner: what is to be trained.
        y: labels of the data.
    """
    if tf.config.list_logical_devices("GPU"):
        return True
    nodes = forward(learner.model, learner.card)
    for loss in filter(None, learner.losses):
        # Through a lambda, because the name of an argument becomes one of a node.
        nodes += _nodes(lambda x, y, loss=loss: loss(x, y), *_batch(learner, y))
    return not any(map(_is_slow, nodes))


def _is_slow(node: Any) -> bool:
    """True for an operation that XLA makes slower."""
    twice = node.name.startswith("gradient_tape") and _LOOP.match(node.op)
    return bool(twice or _SLOW_UNDER_XLA.match(node.op))


def _batch(learner: Learner, y: Any) -> tuple[Any, Any]:
    """TensorFlow's description of the inputs and the targets of a batch."""
    count = min(learner.sizes.batch, learner.sizes.train)
    x = tf.nest.map_structure(
        lambda one: tf.TensorSpec((count, *one.shape[1:]), one.dtype), outline(learner.card)
    )
    targets = tf.TensorSpec((count, *y.shape[1:]), y.dtype)
    return x, x if learner.objective.reconstructs else targets


def forward(model: Any, card: Card) -> list[Any]:
    """All nodes of the graph of a forward pass in training."""
    return _nodes(lambda x: model(x, training=True), outline(card))


def _nodes(function: Callable[..., Any], *given: Any) -> list[Any]:
    """All nodes of the graph of a function."""
    traced = tf.function(function, autograph=False)
    graph = traced.get_concrete_function(*given).graph.as_graph_def()
    return [*graph.node, *(node for part in graph.library.function for node in part.node_def)]
