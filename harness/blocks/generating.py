"""Networks that generate: the model of a game, its random streams, and an average of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from harness.blocks import drawing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PURPOSES = ("critic", "generator", "penalty", "evaluation", "shown")
"""Streams of random numbers: latent numbers for the steps of the two players, places of a penalty,
latent numbers of evaluations, and those of what is shown while a model trains."""


@keras.saving.register_keras_serializable("harness")
class Draws(keras.layers.Layer):  # type: ignore[misc]
    """Random numbers of a game, one stream per purpose.

    There are always all of them, in one order, used or not: games that differ in a penalty, or in
    the number of steps of a player, draw the same numbers for every other purpose.

    Args:
        width: of a latent vector.
        kind: ``"normal"``, or ``"ones"``: no draws at all, so that all vectors are one.
    """

    def __init__(self, width: int, kind: str = "normal", **kwargs: Any) -> None:
        """Make the streams, whose states a program sets back."""
        super().__init__(**kwargs)
        self.width, self.kind = width, kind
        # A saved file does not hold how far they are: it begins where these do.
        self.streams = {
            purpose: keras.random.SeedGenerator(place, name=f"{purpose}_draws")
            for place, purpose in enumerate(PURPOSES)
        }
        self.built = True

    def latent(self, purpose: str, count: Any) -> Any:
        """Vectors for a purpose, shape ``(count, width)``."""
        if self.kind == "ones":
            return ops.ones((count, self.width))
        return drawing.normal((count, self.width), self.streams[purpose])

    def places(self, shape: Sequence[int]) -> Any:
        """Numbers from 0 to 1 for a penalty."""
        return drawing.uniform(shape, self.streams["penalty"])

    def restart(self) -> None:
        """Let every stream begin anew, as in a model that has been saved and loaded."""
        for place, stream in enumerate(self.streams.values()):
            stream.state.assign([place, 0])

    def get_config(self) -> dict[str, Any]:
        """Width and kind, with which saved streams are made again, from their start."""
        return {**super().get_config(), "width": self.width, "kind": self.kind}


class Average(keras.layers.Layer):  # type: ignore[misc]
    r"""Exponential average of the trainable weights of a network, the newest ones included.

    :math:`a_0 = w_0` and :math:`a_t = d\, a_{t-1} + (1 - d)\, w_t` for the weights after t updates.
    ``follow`` is called before an update and adds the weights as it finds them; what is asked of
    the average adds those after the last update.

    Args:
        network: a built model. What else it holds, such as moving statistics of batches, is used
            as it is.
        decay: d, a number or a scalar variable.

    Reference:
        Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and
        Variation", 2018, with d = 0.999.
    """

    def __init__(self, network: Any, decay: Any, **kwargs: Any) -> None:
        """Make room for the average, without becoming an owner of the network."""
        super().__init__(**kwargs)
        self._parts: Callable[[], tuple[Any, Any]] = lambda: (network, decay)
        self.kept = [
            self.add_weight(
                name=f"kept_{place}", shape=one.shape, initializer="zeros", trainable=False
            )
            for place, one in enumerate(network.trainable_variables)
        ]
        self.begun = self.add_weight(name="begun", shape=(), initializer="zeros", trainable=False)
        self.built = True

    @property
    def decay(self) -> float:
        """The decay, as a number."""
        return float(self._parts()[1])

    def follow(self) -> None:
        """Add the network's weights as they are."""
        for slot, number in zip(self.kept, self.weights_now(), strict=True):
            slot.assign(number)
        self.begun.assign(ops.ones(()))

    def weights_now(self) -> list[Any]:
        """The average, with the network's weights as they are."""
        network, decay = self._parts()
        past = ops.convert_to_tensor(decay, dtype="float32") * self.begun
        return [
            past * slot + (1.0 - past) * one
            for slot, one in zip(self.kept, network.trainable_variables, strict=True)
        ]

    def outputs(self, inputs: Any) -> Any:
        """Outputs of the network with the average in the place of its weights."""
        network, _ = self._parts()
        rest = [ops.convert_to_tensor(one) for one in network.non_trainable_variables]
        return network.stateless_call(self.weights_now(), rest, inputs, training=False)[0]


def unchanged(network: Any, inputs: Any) -> Any:
    """Outputs of a network in training, as an opponent asks for them: nothing of it changes.

    Batch statistics are those of the inputs, as in training, but moving averages, vectors of power
    iterations and kernels that a layer projects stay as they are. So do random states: what is
    dropped stays the same until the network's own next step.

    Args:
        network: a built model.
        inputs: a batch; outputs are differentiable with respect to it.
    """
    weights, rest = (
        [ops.convert_to_tensor(one) for one in part]
        for part in (network.trainable_variables, network.non_trainable_variables)
    )
    return network.stateless_call(weights, rest, inputs, training=True)[0]


@keras.saving.register_keras_serializable("harness")
class Generating(keras.Model):  # type: ignore[misc]
    """As many generated cases as it is given real ones.

    Args:
        draws: random numbers, with the width of the latent vectors.
        generator: a built model that makes a case of each latent vector.
        critic: scores cases; it takes no part in the outputs.
        decay: of an average of the generator's weights, which is then used in their place, a
            number or a scalar variable; ``None``: no average.

    Attributes:
        average: that average; ``None`` if there is none.
    """

    def __init__(
        self, draws: Draws, generator: Any, critic: Any, decay: Any = None, **rest: Any
    ) -> None:
        """Keep the parts; draws first, so that no other seed stands before theirs."""
        super().__init__(**rest)
        self.draws, self.generator, self.critic = draws, generator, critic
        self.average = None if decay is None else Average(generator, decay, name="average")
        self.built = True  # as its parts are

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Generated cases, of the shape of the inputs, by the networks as in inference."""
        latent = self.draws.latent("shown" if training else "evaluation", ops.shape(inputs)[0])
        if self.average is None:
            return self.generator(latent, training=False)
        return self.average.outputs(latent)

    def get_config(self) -> dict[str, Any]:
        """All parts, with which a saved model is made again."""
        parts = {"draws": self.draws, "generator": self.generator, "critic": self.critic}
        made = {name: keras.saving.serialize_keras_object(one) for name, one in parts.items()}
        decay = None if self.average is None else self.average.decay
        return {**made, "decay": decay, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Generating:
        """The model, from its parts."""
        names = ("draws", "generator", "critic")
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in names}
        return cls(**{**config, **parts})
