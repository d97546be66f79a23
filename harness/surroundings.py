"""Global state under which user code builds a network and trials of it are trained."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness import catalog, design, isolation, program, seeds, usercode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from harness.card import Card
    from harness.isolation import World
    from harness.program import Network
    from harness.spec import Trial

REPLACED = (
    "compile() in the template is replaced: optimizer, loss and metrics are those of the study"
)
"""Note on a network that comes compiled."""


@contextmanager
def building(trial: Trial, card: Card, folders: Sequence[Path]) -> Iterator[World | None]:
    """The state in which a network is built: the same in every worker, whatever it has done before.

    Yields:
        What user code finds and leaves; ``None`` where all is built in.
    """
    if not trial.code:
        with isolation.settled():
            yield None
        return
    world = isolation.World()
    with world.entered(_of_program(trial, card)):
        _forget(_code(trial), folders)
        yield world


def look(
    network: Network, world: World, trial: Trial, card: Card, folders: Sequence[Path]
) -> Network:
    """A network of user code with its world, and with notes on what is particular about it.

    Raises:
        TemplateError: if it cannot be trained so that its record is right.
    """
    notes = [*_drawn(world), *design.unpassed(trial.template, folders)]
    if network.model.compiled:
        notes.append(REPLACED)
    isolation.check_precision(network.model, trial.template)
    with world.traced():
        nodes = _forward(network.model, card)
    isolation.check_operations(nodes)
    notes += _summed(network.model)
    return replace(network, world=world, notes=(*network.notes, *notes))


@contextmanager
def tracing(network: Network, trial: Trial, card: Card) -> Iterator[None]:
    """The state in which the graphs of a network are made; nothing may be drawn meanwhile."""
    if network.world is None:
        with isolation.settled():
            yield
        return
    with network.world.entered(_of_program(trial, card)), network.world.traced():
        yield


@contextmanager
def training(network: Network, trial: Trial, folders: Sequence[Path]) -> Iterator[None]:
    """The state in which a trial of a network is trained."""
    if network.world is None:
        with isolation.settled():
            yield
        return
    with network.world.entered(seeds.salted(trial, "unseeded")):
        _forget(design.own(trial.template, trial.settings), folders)
        yield


def _of_program(trial: Trial, card: Card) -> np.random.Generator:
    """Generator for everything drawn without a seed while a network is built."""
    return seeds.stream(trial.seed, "build", 0, design.program_key(trial, card))


def _code(trial: Trial) -> list[str]:
    """All code of the user's own that a trial names."""
    own = design.own(trial.template, trial.settings)
    return own if trial.template in catalog.TEMPLATES else [trial.template, *own]


def _forget(references: Sequence[str], folders: Sequence[Path]) -> None:
    for target in references:
        usercode.forget(target, folders)


def _forward(model: Any, card: Card) -> list[Any]:
    """Operations of a forward pass; empty if no graph can express it but ``fit`` might."""
    try:
        return program.forward(model, card)
    except Exception:  # noqa: BLE001, a user's layer may raise anything
        return []


def _drawn(world: World) -> list[str]:
    """Note on numbers drawn while a network was built, for readers of the results."""
    drawn = " and ".join(world.drawn())
    note = (
        f"numbers drawn from {drawn} while the network was built belong to its structure: they "
        "are the same in all replicates, and differ between structures"
    )
    return [note] if drawn else []


def _summed(model: Any) -> list[str]:
    """A sentence on every kind of layer whose ``add_loss`` was not given a single number."""
    layers = model._flatten_layers()  # noqa: SLF001, nested ones too
    kinds = [type(one).__name__ for one in layers if any(loss.shape.rank for loss in one._losses)]  # noqa: SLF001
    return [
        f"add_loss in {kind} is given one number per case, which Keras adds up: that part of the "
        "loss grows with the batch, and validation and test have batches of another size. "
        "keras.ops.mean makes it independent of that"
        for kind in dict.fromkeys(kinds)
    ]
