"""Numbers of the inside of networks, as a study would have measured them, made up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness.records import NETWORK
from reports import frames

if TYPE_CHECKING:
    from collections.abc import Iterator

ILL = {
    0: {},
    1: {"falls": 0.2, "saturates": 0.9},
    2: {"dies": 0.8},
    3: {"falls": 4.0},
}
"""By arm: a healthy one, one of saturated units and vanishing gradients, one that dies, and one
whose gradients explode."""


def inside(
    results: frames.Results,
    *,
    layers: int = 5,
    epochs: int = 10,
    ill: dict[int, dict[str, float]] | None = None,
    time: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """A frame in the declared format.

    Args:
        results: whose arms and replicates it is of.
        layers: of every network, the last one included.
        epochs: after each of which something is measured.
        ill: by arm: ``falls`` (factor of gradients from one layer to the one before),
            ``saturates`` and ``dies`` (share of units in the end).
        time: steps of recurrent layers that gradients were followed back through.
        seed: of the noise.
    """
    ill = ILL if ill is None else ill
    generator = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for arm in results.arms:
        for replicate in range(results.study.replicates):
            luck = generator.normal(0, 0.2)
            for epoch in range(epochs + 1):
                for layer, depth, quantity, value in _measured(
                    ill.get(arm.index, {}), layers, epoch, epochs, time, luck, generator
                ):
                    place = {"arm": arm.index, "label": arm.label, "replicate": replicate}
                    place |= {"layer": layer, "depth": depth, "epochs": epoch}
                    rows.append({**place, "quantity": quantity, "value": value})
    frame = pd.DataFrame(rows)
    dtypes = {column.name: column.dtype for column in frames.INSIDE}
    return frame[[*dtypes]].astype(dtypes)


def _measured(
    ill: dict[str, float],
    layers: int,
    epoch: int,
    epochs: int,
    time: int,
    luck: float,
    generator: np.random.Generator,
) -> Iterator[tuple[str, float, str, float]]:
    done = epoch / epochs
    falls = ill.get("falls", 0.9)
    first = 0.0
    for depth in range(1, layers + 1):
        name = "outputs" if depth == layers else f"hidden_{depth}"
        noise = np.exp(luck + generator.normal(0, 0.1, 4))
        back = 0.02 * falls ** (layers - 1 - depth) * (1 - 0.7 * done)
        first = first or back
        yield name, depth, "preactivation_gradient_rms", back * noise[0]
        yield name, depth, "weight_gradient_rms", 0.3 * back * noise[1]
        if epoch:
            yield name, depth, "update_ratio", 0.003 * falls ** (layers - depth) * noise[2]
        yield name, depth, "weight_norm", 8 + 3 * done + generator.normal(0, 0.2)
        spread = 0.8 * (0.8 if "falls" in ill else 0.98) ** depth * noise[3]
        yield name, depth, "activation_spread", spread
        yield name, depth, "activation_mean", generator.normal(0, 0.05)
        if depth == layers:
            continue
        if "saturates" in ill:
            share = ill["saturates"] * done * (1.3 - 0.3 * depth / layers) / 1.3
            yield name, depth, "saturated", float(np.clip(share + generator.normal(0, 0.03), 0, 1))
            edges = np.linspace(-1, 1, 21)
            middle = (edges[1:] + edges[:-1]) / 2
            shape = np.exp(-((middle / 0.5) ** 2)) * (1 - share) / 9
            shape[[0, -1]] += share / 2
            for place, part in enumerate(shape / shape.sum()):
                yield name, depth, f"hist_{place:02d}", float(part)
        else:
            share = ill.get("dies", 0.05) * done * (0.6 + 0.4 * depth / layers)
            dead = float(np.clip(share + generator.normal(0, 0.02), 0, 1))
            yield name, depth, "dead", dead
            yield name, depth, "dead_units", float(round(64 * dead))
        if time:
            for step in range(time):
                yield name, depth, f"time_{step:03d}", 0.1 * falls**step * noise[0]
    last = 0.02 * (1 - 0.7 * done)
    yield NETWORK, np.nan, "gradient_ratio", (first / last) ** 2 * np.exp(generator.normal(0, 0.2))
    yield NETWORK, np.nan, "loss", 2.3 * np.exp(-3 * done) * np.exp(luck)
    yield NETWORK, np.nan, "sharpness", 4 * np.exp(3 * done) * np.exp(generator.normal(0, 0.1))


def looked_into(results: frames.Results, **given: Any) -> frames.Results:
    """The same results, with planted numbers of the inside."""
    return replace(results, inside=inside(results, **given))
