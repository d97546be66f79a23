"""The data of one trial, as scripts and kept models want it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from harness import catalog, datasets, environment, program, seeds
from harness.errors import DataError
from harness.program import Resident
from harness.train.data import all_tests, corruption, drawn, labelled
from harness.train.epochs import in_order, rates
from harness.train.programs import class_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.card import Card
    from harness.spec import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The data of one trial, in the form in which it is trained and measured.

    Args:
        x_train: inputs to train on, those of the first epoch where one drops some, and in its order
            where all have that; of several inputs, arrays by name.
        y_train: their labels.
        x_val: inputs that the best epoch is chosen by, with noise where noise is to be removed.
        y_val: their labels.
        x_test: inputs that are tested, likewise.
        y_test: their labels.
        clean: validation and test inputs without that noise; the same ones where there is none.
        unit: what one trained unit of a standardized target is in its own.
        rates: learning rate of every step, shape ``(epochs, steps)``.
        class_weight: what every class counts; ``None``: all alike.
    """

    x_train: Any
    y_train: NDArray[np.generic]
    x_val: Any
    y_val: NDArray[np.generic]
    x_test: Any
    y_test: NDArray[np.generic]
    clean: tuple[Any, Any]
    unit: float
    rates: NDArray[np.float32]
    class_weight: NDArray[np.generic] | None


def cases(trial: Trial, card: Card) -> Cases:
    """The data that a trial was trained on: the split of its replicate, scaled as there.

    Args:
        trial: says which replicate.
        card: of the data.

    Raises:
        DataError: if the data is no longer what the card says, or does not fit into memory.
    """
    data = datasets.load(card)
    if data.nbytes > environment.room_for_data(1):
        raise DataError(
            f"expected data that fits into memory. Received: {data.nbytes:,} bytes of {card.label}."
        )
    train, held = drawn(trial, data, card)
    own, sizes = data.standardized(train), program.sizes(trial, card)
    own = replace(own, y=labelled(trial, card, own.y, own.unit))
    rule = catalog.training(trial.settings).batch_order
    if rule != "shuffled" or sizes.used < sizes.train:
        first = next(in_order(trial, train, seeds.salted(trial, "order")))[: sizes.used]
        train = np.sort(first) if rule == "shuffled" else first
    inputs = Resident.of(own)
    if card.noise:
        inputs = inputs.corrupted(corruption(trial, card), held)
    everything = all_tests(inputs)
    clean = program.take(inputs, held)[0], program.take(inputs, everything, test=True)[0]
    shown, places = inputs.shown(held)
    weights = catalog.training(trial.settings).class_weight.name
    found = {
        "x_train": program.take(inputs, train)[0],
        "x_val": program.pick(shown, places),
        "x_test": program.noisy(inputs, clean[1], "test"),
        "clean": clean,
    }
    return Cases(
        **tf.nest.map_structure(lambda part: part.numpy(), found),
        y_train=own.y[train],
        y_val=own.y[held],
        y_test=own.y_test,
        unit=own.unit,
        rates=rates(trial, sizes.steps),
        class_weight=None
        if weights == "none"
        else np.asarray(class_weights(trial, own.y[train], card.outputs)),
    )
