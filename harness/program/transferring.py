"""Networks that start from another one: what they take, what is trained, and at which rates.

Layers are counted from the inputs on: those with kernels or tables, each with the normalization
and the activation behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras

from harness import catalog
from harness.blocks import layers
from harness.blocks.layers import Drawn
from harness.blocks.penalties import Anchored
from harness.errors import TemplateError
from harness.players import Player, Stage
from harness.program import taking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.spec import Trial

HEAD, WHOLE = "head", "all"
"""Names of the stages, where new layers are trained first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Start of a trial, as its settings say.

    Args:
        layers: how many of the first ones may come from the source; ``None``: all but the last.
        frozen: how many of the first ones are not trained; ``None``: as many as may come from it.
        still: whether batch normalization among these layers keeps what it has.
        head: widths of new layers behind them; ``None``: the template's own layers.
        epochs: for which new layers are trained first.
        decay: whether learning rates decay from layer to layer.
        anchored: whether the distance to the source is penalized.
    """

    layers: int | None
    frozen: int | None
    still: bool
    head: Sequence[int] | None
    epochs: int
    decay: bool
    anchored: bool


def transfer(trial: Trial) -> Transfer | None:
    """Start of a trial; ``None`` where its settings say nothing of one."""
    if catalog.TASKS[trial.task].generates:  # what such a trial needs is a judge, and no start
        return None
    given = {name: trial.settings[name] for name in catalog.TRANSFER if name in trial.settings}
    if not given and not trial.needs:
        return None
    return Transfer(
        layers=_count(given.get("source_layers")),
        frozen=_count(given.get("frozen_layers", 0)),
        still=bool(given.get("frozen_normalization")),
        head=given.get("new_head"),  # type: ignore[arg-type]
        epochs=given.get("head_epochs", 0),  # type: ignore[arg-type]
        decay="layer_decay" in given,
        anchored="l2_sp" in given,
    )


def _count(depth: Any) -> int | None:
    return depth if isinstance(depth, int) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    """A network of a template that starts from a source.

    Args:
        make: builds the network, which has one stage with one player.
        trial: any trial of the structure.
        source: trained before; ``None``: nothing is taken.
        inputs: variables through which numbers enter, by name.
        outputs: number of outputs.
        blank: some cases, to build what waits for its inputs.
    """

    make: Callable[[], Any]
    trial: Trial
    source: Stage | None
    inputs: Mapping[str, Any]
    outputs: int
    blank: Any

    def stages(self, asked: Transfer) -> tuple[Stage, ...]:
        """Stages of the training.

        Args:
            asked: what the trial says.

        Raises:
            TemplateError: if there are fewer layers than asked for, or none is left to train.
        """
        whole = self._stage(asked)
        brought = self.source is not None or catalog.may_bring(self.trial.template)
        if not asked.epochs or not brought:
            return (whole,)
        first = self._stage(replace(asked, frozen=None, decay=False))
        first = replace(first, name=HEAD, epochs=asked.epochs)
        everything = tuple(layer.name for layer in whole.model.layers if layer.weights)
        return first, replace(whole, name=WHOLE, takes=everything)

    def _stage(self, asked: Transfer) -> Stage:
        made = self._made()
        model, count = made.model, self._count(groups(made.model), asked)
        if asked.head is not None:
            chosen = isinstance(self.trial.settings.get("initializer"), dict)
            drawn = Drawn("initializer") if chosen else "glorot_uniform"
            model = headed(model, self.trial, self.outputs, asked.head, drawn)
        counted = groups(model)
        frozen = self._frozen(counted, asked, count)
        taken = [layer for group in counted[:count] for layer in group]
        kept = [layer for group in counted[:frozen] for layer in group]
        if asked.still:
            normalizing = (one for one in taken if isinstance(one, keras.layers.BatchNormalization))
            kept += [layer for layer in normalizing if layer not in kept]
        if asked.anchored and self.source is not None:
            moving = [layer for layer in taken if layer not in kept]
            _anchor(moving, self.source, self.inputs["l2_sp"])
        stage = replace(
            made,
            model=model,
            takes=tuple(layer.name for layer in taken) if self.source else (),
            frozen=tuple(layer.name for layer in kept),
        )
        return _graded(stage, counted[frozen:], kept) if asked.decay else stage

    def _made(self) -> Stage:
        """The network as the template makes it, built."""
        found = self.make()
        made = Stage(model=found) if isinstance(found, keras.Model) else found
        if not isinstance(made, Stage) or made.players or made.takes or made.frozen:
            raise TemplateError(
                f"{self._where}: expected a network that one player trains in one stage, to start "
                "it from another. Received: players or stages of its own. Leave [sources] and what "
                "belongs to it out, or the stages."
            )
        if not made.model.built:
            made.model(self.blank, training=False)
        return made

    def _count(self, counted: Sequence[Sequence[Any]], asked: Transfer) -> int:
        """Number of first layers that may come from the source."""
        most = len(counted) - 1
        count = most if asked.layers is None else asked.layers
        if not 1 <= count <= most:
            raise TemplateError(
                f"{self._where}: expected source_layers from 1 to {most}, because behind them the "
                f"network has outputs of its own. Received: {count}. Its layers: "
                f"{', '.join(group[0].name for group in counted)}."
            )
        return count

    def _frozen(self, counted: Sequence[Sequence[Any]], asked: Transfer, count: int) -> int:
        """Number of first layers that are not trained."""
        frozen = count if asked.frozen is None else asked.frozen
        if frozen >= len(counted) or (self.source is not None and frozen > count):
            raise TemplateError(
                f"{self._where}: expected frozen_layers up to {count}, as many as start from the "
                f"source. Received: {frozen}. Lower it, or raise 'source_layers'."
            )
        return frozen

    @property
    def _where(self) -> str:
        return f"template {self.trial.template!r}"


def groups(model: Any) -> list[list[Any]]:
    """Layers of a network that are counted, each with those behind it that are not.

    Layers without weights are in none.

    Example:
        >>> layer = keras.layers
        >>> model = keras.Sequential([layer.Input((4,)), layer.Dense(3, name="a"),
        ...     layer.BatchNormalization(name="b"), layer.ReLU(), layer.Dense(2, name="c")])
        >>> [[one.name for one in group] for group in groups(model)]
        [['a', 'b'], ['c']]
    """
    found: list[list[Any]] = []
    for layer in model.layers:
        if not layer.weights:
            continue
        if found and (isinstance(layer, _BESIDE) or all(len(w.shape) < 2 for w in layer.weights)):
            found[-1].append(layer)
        else:
            found.append([layer])
    return found


_BESIDE = (keras.layers.PReLU, keras.layers.Normalization)
"""Layers that are not counted, although their weights may have several axes."""


def headed(model: Any, trial: Trial, outputs: int, widths: Any, drawn: Any) -> Any:
    """The first layers of a network, as many as a trial says, with new ones behind them.

    Args:
        model: a functional or sequential Keras model that has been built.
        trial: says how many layers stay, and the activation of the new ones (default: ReLU).
        outputs: number of outputs.
        widths: of the new layers before these.
        drawn: initializer of their kernels.

    Raises:
        TemplateError: if the model cannot be cut there.
    """
    asked, counted, where = transfer(trial), groups(model), f"template {trial.template!r}"
    count = asked.layers if asked and asked.layers else len(counted) - 1
    if not isinstance(model, keras.Sequential | keras.src.models.Functional):
        raise TemplateError(
            f"{where}: expected a functional or sequential Keras model, whose layers new_head can "
            f"replace. Received: {type(model).__name__}, which is called by its own code. Leave "
            "'new_head' out."
        )
    call = taking.called(model, counted[count][0])
    x = call.input_tensors[0] if call else counted[count][0].input
    below = {layer.name for layer in keras.Model(model.inputs, x).layers if layer.weights}
    if below != {layer.name for group in counted[:count] for layer in group}:
        raise TemplateError(
            f"{where}: expected layers one behind the other, to cut the network behind the first "
            f"{count}. Received: branches around {counted[count - 1][0].name!r}. Choose another "
            "'source_layers'."
        )
    if len(x.shape) > 2:
        x = keras.layers.Flatten(name="new_flatten")(x)
    activation = trial.settings.get("activation") or "relu"
    for index, width in enumerate(widths, start=1):
        wide = layers.width(width, activation)
        x = keras.layers.Dense(wide, kernel_initializer=drawn, name=f"new_{index}")(x)
        x = layers.activation(activation, f"new_{index}_activation")(x)
    last = keras.layers.Dense(
        outputs,
        activation=getattr(counted[-1][0], "activation", None),
        kernel_initializer=drawn,
        name="new_outputs",
    )
    return keras.Model(model.input, last(x), name=model.name)


def _anchor(taken: Sequence[Any], source: Stage, amount: Any) -> None:
    """Penalize the distance of layers to those of a source, beside penalties of their own."""
    theirs = {layer.name: layer for layer in source.model.layers}
    for layer in taken:
        if layer.name not in theirs:
            continue  # which is told of all of them together
        pairs = zip(layer.trainable_weights, theirs[layer.name].trainable_weights, strict=False)
        for variable, start in pairs:
            variable.regularizer = Anchored(amount, start, variable.regularizer)


def _graded(stage: Stage, counted: Sequence[Sequence[Any]], kept: Sequence[Any]) -> Stage:
    """The stage with a player for every layer that is trained, all updated at once."""
    trained = [[layer.name for layer in group if layer not in kept] for group in counted]
    players = tuple(
        Player(name=f"layer_{place}", layers=tuple(names), depth=len(trained) - place)
        for place, names in enumerate(trained, start=1)
        if names  # a player without layers has all of them
    )
    return replace(stage, players=players, simultaneous=len(players) > 1)
