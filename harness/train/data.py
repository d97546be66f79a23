"""The data of a trainer: loaded once, its inputs made ready for a replicate."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from harness import catalog, datasets, program, seeds
from harness.program import Inputs, Resident, Streamed
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.datasets.rows import Moments
    from harness.spec import Trial


def drawn(
    trial: Trial, data: datasets.Data, card: Card
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Training and validation cases of a trial's replicate."""
    share = cast("float", trial.settings["validation"])  # all that a reference has of a training
    replicate = trial.seed, trial.phase, trial.replicate
    train, held = datasets.draw(
        data.y,
        (card.training_cases(share), card.validation_cases(share)),
        replicate,
        groups=data.groups,
        last=data.drawing in {"official", "ordered"},
    )
    per_class, count = (
        cast("int | None", trial.settings.get(name)) for name in ("cases_per_class", "cases")
    )
    if per_class is not None:
        train = datasets.few(data.y, train, per_class, replicate)
    return train if count is None else datasets.some(train, count, replicate), held


def labelled(trial: Trial, card: Card, y: NDArray[np.generic], unit: float) -> NDArray[np.generic]:
    """Labels with the noise that a trial wants, the same one in all arms of a replicate.

    Args:
        trial: says how much, and which replicate.
        card: of the data.
        y: labels of all cases outside the test split.
        unit: what one trained unit of a standardized target is in its own.
    """
    amount = cast("float", trial.settings.get("label_noise", 0.0))
    if not amount:
        return y
    stream = seeds.stream(trial.seed, trial.phase, trial.replicate, "labels")
    return datasets.relabelled(y, amount / unit, card.outputs, stream)


def relabelled(trial: Trial, card: Card, inputs: Inputs, unit: float) -> Inputs:
    """Inputs with these labels; see ``labelled``."""
    if "label_noise" not in trial.settings:
        return inputs
    return inputs.relabelled(labelled(trial, card, np.asarray(inputs.y), unit))


def all_tests(inputs: Inputs) -> NDArray[np.int32]:
    """Places of all test cases."""
    return np.arange(len(inputs.y_test), dtype=np.int32)


def corruption(trial: Trial, card: Card) -> program.Corruption:
    """The noise that evaluations of a replicate are shown."""
    chosen = catalog.settled("corruption", dict(card.noise))
    (amount,) = chosen.numbers.values()
    layer = resolve(chosen.entry.target)(amount)
    return program.Corruption(layer, (trial.seed, trial.phase, trial.replicate))


class Prepared:
    """The data that all trials of a trainer use.

    Args:
        card: of the data.
        resident: bytes of inputs that may stay in memory; larger data is read in chunks.
        chunk: bytes of such a chunk.
    """

    def __init__(self, card: Card, resident: float, chunk: int) -> None:
        """Load nothing yet."""
        self._card, self._resident, self._chunk = card, resident, chunk
        self._data: datasets.Data | None = None
        self._made: tuple[tuple[bytes, ...], Inputs, float] | None = None

    def load(self) -> datasets.Data:
        """The data, its inputs perhaps still in their file."""
        if self._data is None:
            self._data = datasets.load(self._card)
        return self._data

    def moments(self, train: NDArray[np.int32]) -> Mapping[str, Moments]:
        """Means and deviations by which a replicate standardizes its inputs, by input.

        Args:
            train: its training cases.
        """
        return self.load().moments(train)

    def inputs(
        self, train: NDArray[np.int32], scaling: Mapping[str, Moments] | None = None
    ) -> tuple[Inputs, float]:
        """Inputs with labels as a program takes them, and the unit of a standardized target.

        What is standardized is so by the training cases alone, anew for every replicate.

        Args:
            train: the training cases.
            scaling: means and deviations of other data, to be standardized by; ``None``: its own.
        """
        data = self.load()
        parts = [one.mean.tobytes() for one in (scaling or {}).values()]
        key = (train.tobytes(), *parts) if data.standardize else ()
        if self._made is None or self._made[0] != key:
            stays = data.nbytes <= self._resident
            own = data.standardized(train, scaling)
            made = Resident.of(own) if stays else Streamed.of(own, self._chunk)
            self._made = key, made, own.unit
            if stays and not data.standardize:
                self._data = data.without_inputs()  # they are tensors now, for all replicates
        _, inputs, unit = self._made
        if isinstance(inputs, Streamed):
            inputs.check()
        return inputs, unit
