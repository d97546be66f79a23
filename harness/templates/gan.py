"""Two networks in a game: a generator of cases, and a critic that tells them from real ones."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from harness import catalog
from harness.blocks import layers, spectral
from harness.blocks.adversarial import packed
from harness.blocks.critics import Judging
from harness.blocks.generating import Draws, Generating, unchanged
from harness.blocks.initializers import Received
from harness.blocks.style import Style
from harness.catalog.adversarial import (
    ADVERSARIAL_LOSSES,
    CRITIC_NORMALIZATIONS,
    CRITIC_PENALTIES,
)
from harness.errors import TemplateError, nearest
from harness.players import Player, Stage, Turn
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.catalog import Entry
    from harness.spec import Value

TURNS = ("alternating", "simultaneous")
LEAKY: Value = {"name": "leaky_relu", "negative_slope": 0.2}
"""Activation of the critic in DCGAN."""


def gan(
    shape: Sequence[int],
    outputs: int,  # noqa: ARG001, every template is told; this one makes cases
    style: Style = Style(),
    *,
    latent: int = 16,
    latent_kind: str = "normal",
    units: Sequence[int] = (128, 128),
    filters: Sequence[int] = (),
    kernel_size: int = 4,
    output_activation: Value = "linear",
    transposed_fan: str = "keras",
    critic_activation: Value = LEAKY,
    critic_initializer: Any = "glorot_uniform",
    critic_regularizer: Any = None,
    critic_normalization: Value = "none",
    critic_dropout: Any = 0.0,
    adversarial_loss: Value = "non_saturating",
    penalty: Value = "none",
    weight_limit: Any = 0.0,
    packing: int = 1,
    critic_steps: int = 1,
    turns: str = "alternating",
    average: Any = 0.0,
) -> Stage:
    """A generator and a critic, updated in turns: first the critic, as often as is said.

    Without ``filters`` both are dense layers. With them, the critic halves an image with every
    convolution and scores what is left, and the generator is its mirror image, as in DCGAN.

    All steps of a turn see the same real cases. Each draws as many latent vectors as there are
    real cases, anew for the critic and for the generator, from a stream per player. A player's
    step changes nothing of the other's network. In training, batch statistics are those of the
    batch at hand, of which real and generated cases form one each; moving averages of them follow
    in the steps of their own player only, and are what generated cases are evaluated with.

    Args:
        shape: of one case; with ``filters``, (height, width) or (height, width, channels).
        outputs: not used.
        style: of the generator; whether there are biases holds of the critic, too.
        latent: width of the vectors that cases are made of.
        latent_kind: of these: ``"normal"``, standard normal numbers, or ``"ones"``, of which one
            and the same case is made: with ``units=()`` and a style without biases the smallest of
            all games (Mescheder et al. 2018).
        units: width of each hidden dense layer of both networks, where there are no ``filters``.
        filters: of the critic's convolutions, and in reverse of the generator.
        kernel_size: height and width of all filters.
        output_activation: of the generated cases: a sigmoid keeps them between 0 and 1.
        transposed_fan: the count that scales the initial weights of transposed convolutions:
            ``"keras"`` or ``"received"``; see ``harness.blocks.initializers.Received``.
        critic_activation: of the critic's hidden layers.
        critic_initializer: of all kernels of the critic.
        critic_regularizer: of the critic's hidden kernels, added to its loss.
        critic_normalization: of the critic, an entry of ``CRITIC_NORMALIZATIONS``.
        critic_dropout: rate behind each of the critic's hidden layers.
        adversarial_loss: of both players, an entry of ``ADVERSARIAL_LOSSES``.
        penalty: on the critic's slope, an entry of ``CRITIC_PENALTIES``.
        weight_limit: largest size of each of the critic's weights, as in WGAN; 0: none.
        packing: cases that the critic judges as one, as in PacGAN; real cases of a step stay as
            many as they are.
        critic_steps: updates of the critic per update of the generator.
        turns: ``"alternating"``, so that the generator faces the critic as it has just become, or
            ``"simultaneous"``, so that the gradients of both are those at the same weights.
        average: decay of an exponential average of the generator's weights, which evaluations use
            in their place; 0: none.

    Returns:
        A stage with players ``critic`` and ``generator``; its model gives as many generated cases
        as it is shown real ones.

    Raises:
        TemplateError: for convolutions over what is no image, a penalty on the slope of a critic
            with batch normalization, simultaneous turns with several of one player, or an unknown
            entry.

    Reference:
        Goodfellow et al., "Generative Adversarial Nets", 2014; Radford, Metz & Chintala,
        "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
        Networks", 2016.

    Example:
        >>> stage = gan((2,), 8, critic_steps=5)
        >>> [player.name for player in stage.players], stage.order
        (['critic', 'generator'], (0, 0, 0, 0, 0, 1))
    """
    normalization = _name(critic_normalization)
    _check(shape, filters, normalization, penalty)
    _check_turns(turns, critic_steps)
    judging = Judging(
        activation=critic_activation,
        initializer=critic_initializer,
        regularizer=critic_regularizer,
        normalization=normalization,
        dropout=critic_dropout,
        limit=weight_limit,
        bias=style.bias,
    )
    generator = _generator(shape, style, latent, units, filters, kernel_size, output_activation,
                           received=transposed_fan == "received")  # fmt: skip
    critic = judging.critic(
        _judged(shape, packing), units=units, filters=filters, kernel_size=kernel_size
    )
    decay = None if isinstance(average, int | float) and average == 0 else average
    model = Generating(
        Draws(latent, latent_kind, name="draws"), generator, critic, decay, name="gan"
    )
    attack, defend = _losses(model, adversarial_loss, penalty, packing)
    told = _telling(model, adversarial_loss, packing)
    together = turns == "simultaneous"
    order = (Turn(player="critic", times=critic_steps), Turn(player="generator"))
    return Stage(
        model=model,
        players=(
            Player(name="critic", layers=("critic",), loss=attack),
            Player(name="generator", layers=("generator",), loss=defend),
        ),
        # The critic's pass moves vectors of its spectral layers, which the generator must not see.
        turns=order[::-1] if together else order,
        simultaneous=together,
        told=told,
    )


def _telling(
    model: Generating, adversarial_loss: Value, packing: int
) -> Callable[[Any], Any] | None:
    """Function of cases that is true where the critic takes them for real, pack by pack.

    ``None`` for a loss whose scores have no threshold.
    """
    entry, numbers = _chosen("adversarial_loss", ADVERSARIAL_LOSSES, adversarial_loss)
    threshold = resolve(entry.target)(**numbers).threshold
    if threshold is None:
        return None

    def real(cases: Any) -> Any:
        shaped = ops.reshape(cases, (cases.shape[0], *_judged(cases.shape[1:], 1)))
        return model.critic(packed(shaped, packing), training=False) > threshold

    return real


def _losses(
    model: Generating, adversarial_loss: Value, penalty: Value, packing: int
) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """Losses of the critic and of the generator, of a batch of real cases."""
    draws, generator, critic = model.draws, model.generator, model.critic
    entry, numbers = _chosen("adversarial_loss", ADVERSARIAL_LOSSES, adversarial_loss)
    pair = resolve(entry.target)(**numbers)
    added, coefficients = _chosen("penalty", CRITIC_PENALTIES, penalty)

    def judged(cases: Any) -> Any:
        return packed(ops.reshape(cases, (cases.shape[0], *_judged(cases.shape[1:], 1))), packing)

    def attack(real: Any, _: Any) -> Any:
        made = unchanged(generator, draws.latent("critic", real.shape[0]))
        true, false = judged(real), judged(made)
        loss = pair.critic(critic(true, training=True), critic(false, training=True))
        loss += _penalties(critic)
        if added.target:
            slope = resolve(added.target)
            scores = lambda points: critic(points, training=True)  # noqa: E731
            loss += slope(scores, true, false, draws.places, **coefficients)
        spectral.iterate(critic)
        return loss

    def defend(real: Any, _: Any) -> Any:
        if model.average is not None:
            model.average.follow()
        made = generator(draws.latent("generator", real.shape[0]), training=True)
        return pair.generator(unchanged(critic, judged(made))) + _penalties(generator)

    return attack, defend


def _penalties(network: Any) -> Any:
    """The sum of a network's penalties on its weights; the number zero without any."""
    return sum(ops.sum(loss) for loss in network.losses)


def _judged(shape: Sequence[int], packing: int) -> tuple[int, ...]:
    """The shape of what a critic judges as one; images have an axis of channels there."""
    *places, width = (*shape, 1) if len(shape) == 2 else shape
    return (*places, packing * width)


def _generator(
    shape: Sequence[int],
    style: Style,
    latent: int,
    units: Sequence[int],
    filters: Sequence[int],
    kernel_size: int,
    output_activation: Value,
    *,
    received: bool,
) -> Any:
    inputs = keras.Input((latent,), name="latent")
    if filters:
        x = _image(inputs, _judged(shape, 1), style, filters, kernel_size, received=received)
    else:
        x = inputs
        for index, width in enumerate(units, start=1):
            name = f"generator_{index}"
            x = style.behind(style.dense(width, name)(x), name)
        x = style.linear(prod(shape), "generator_flat")(x)
    x = layers.activation(output_activation, "generator_activation")(x)
    x = keras.layers.Reshape(tuple(shape), name="generated")(x)
    return keras.Model(inputs, x, name="generator")


def _image(
    x: Any,
    shape: Sequence[int],
    style: Style,
    filters: Sequence[int],
    kernel_size: int,
    *,
    received: bool,
) -> Any:
    """A small image of many maps, doubled by each transposed convolution."""
    sides = [tuple(shape[:2])]
    for _ in filters:
        sides.append(tuple(-(-side // 2) for side in sides[-1]))
    maps = layers.width(filters[-1], style.activation)
    hidden = {"kernel_regularizer": style.regularizer, "use_bias": style.has_bias}
    first = {"kernel_initializer": style.initializer, **hidden}
    x = keras.layers.Dense(prod(sides[-1]) * maps, name="generator_0", **first)(x)
    x = keras.layers.Reshape((*sides[-1], maps), name="generator_unflat")(x)
    x = style.behind(x, "generator_0")
    wanted = zip(reversed(sides[:-1]), [*reversed(filters[:-1]), shape[-1]], strict=True)
    for index, (side, width) in enumerate(wanted, start=1):
        name, last = f"generator_{index}", index == len(filters)
        x = keras.layers.Conv2DTranspose(
            width if last else layers.width(width, style.activation),
            kernel_size,
            2,
            padding="same",
            # One instance per layer, since one that Keras makes of a name repeats its draws.
            kernel_initializer=Received(style.initializer, 2) if received else style.initializer,
            name=name,
            **({"use_bias": style.bias} if last else hidden),
        )(x)
        # An odd side was rounded up when it was halved.
        surplus = [(0, found - one) for found, one in zip(x.shape[1:3], side, strict=True)]
        x = keras.layers.Cropping2D(surplus, name=f"{name}_crop")(x)
        x = x if last else style.behind(x, name)
    return x


def _chosen(argument: str, table: Mapping[str, Entry], level: Any) -> tuple[Entry, dict[str, Any]]:
    """An entry of a table, and what its target is called with; numbers may be variables."""
    given = dict(level) if isinstance(level, dict) else {"name": level}
    name = catalog.named(table, given.pop("name", None))
    known = {} if name is None else {
        **{key: one.default for key, one in table[name].numbers.items()}, **table[name].flags
    }  # fmt: skip
    if name is None or given.keys() - known.keys():
        raise TemplateError(
            f"template 'gan': expected an entry for {argument!r} and numbers that it takes. "
            f"Received: {level!r}. {nearest(level, table)}"
        )
    return table[name], {**known, **given}


def _check_turns(turns: str, critic_steps: int) -> None:
    if turns not in TURNS:
        raise TemplateError(
            f"template 'gan': expected turns to be one of {', '.join(TURNS)}. Received: {turns!r}."
        )
    if turns == "simultaneous" and critic_steps > 1:
        raise TemplateError(
            "template 'gan': expected critic_steps = 1 with turns = 'simultaneous', in which each "
            f"player moves once per step. Received: critic_steps = {critic_steps}. Leave one out."
        )


def _name(level: Value) -> str:
    """The name in a level, which may be a table."""
    return str(level["name"] if isinstance(level, dict) else level)


def _check(
    shape: Sequence[int], filters: Sequence[int], normalization: str, penalty: Value
) -> None:
    if filters and len(shape) not in {2, 3}:
        raise TemplateError(
            "template 'gan': expected images for convolutions. Received: cases of shape "
            f"{tuple(shape)}. Leave out 'filters'."
        )
    if normalization not in CRITIC_NORMALIZATIONS:
        raise TemplateError(
            "template 'gan': expected an entry for 'critic_normalization'. Received: "
            f"{normalization!r}. {nearest(normalization, CRITIC_NORMALIZATIONS)}"
        )
    entry, _ = _chosen("penalty", CRITIC_PENALTIES, penalty)
    if normalization == "batch" and entry.target:
        raise TemplateError(
            "template 'gan': expected a critic without batch normalization for a penalty on its "
            "slope, which is that of one case and not of a batch. Received: "
            f"critic_normalization = 'batch', penalty = {penalty!r}. Use 'layer' or 'spectral'."
        )
