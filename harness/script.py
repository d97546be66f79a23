"""Writes a trial as a short script of plain Keras, with its data beside it."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from harness import building, catalog, design, environment, program
from harness.activations import Given
from harness.errors import DataError, TemplateError
from harness.train import Cases, cases

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.card import Card
    from harness.spec import Trial
    from harness.store import Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A script and its data.

    Args:
        script: its file.
        data: the file that it reads.
        notes: where it is not what the study did, a sentence each; they stand in the script, too.
    """

    script: Path
    data: Path
    notes: tuple[str, ...]


def write(stored: Trained, file: Path) -> Written:
    """Write a script that trains as a trial did, and the data of its replicate.

    Runs no code of a user's: the script imports it.

    Args:
        stored: a completed trial.
        file: of the script; the data goes beside it, with the ending ``.npz``.

    Raises:
        TemplateError: if a built-in template uses activations or other code of a user's.
        DataError: if the data does not fit into memory.
    """
    trial, card = stored.trial, stored.card
    _check(trial, card)
    given = cases(trial, card)
    notes = tuple(_notes(trial, card))
    file.parent.mkdir(parents=True, exist_ok=True)
    data = file.with_suffix(".npz")
    np.savez_compressed(data, **_arrays(trial, given))
    file.write_text(_text(stored, given, data.name, notes), encoding="utf-8")
    return Written(script=file, data=data, notes=notes)


def _check(trial: Trial, card: Card) -> None:
    own = design.own(trial.template, trial.settings)
    if own:
        raise TemplateError(
            f"expected a winner of built-in entries to write as plain Keras. Received: {own[0]!r}, "
            "which is code of yours. --weights takes it away as a trained model."
        )
    size = 4 * prod(card.shape) * (card.cases + card.tests)
    if size > environment.room_for_data(1):
        raise DataError(
            f"expected data that fits into memory, to be written beside the script. Received: "
            f"{size:,} bytes of {card.label}."
        )


def _arrays(trial: Trial, given: Cases) -> dict[str, Any]:
    """What the script reads: the cases of the replicate, and the rates if they change."""
    parts: dict[str, Any] = {
        "x_train": given.x_train,
        "x_val": given.x_val,
        "x_test": given.x_test,
    }
    if trial.task in catalog.RECONSTRUCTIONS:
        labels = {"y_train": given.x_train, "y_val": given.clean[0], "y_test": given.clean[1]}
    else:
        labels = {"y_train": given.y_train, "y_val": given.y_val, "y_test": given.y_test}
    if (given.rates != given.rates.flat[0]).any():
        parts["rates"] = given.rates
    flat: dict[str, Any] = {}
    for name, part in {**parts, **labels}.items():
        if isinstance(part, dict):
            flat |= {f"{name}_{key}": array for key, array in part.items()}
        else:
            flat[name] = part
    return flat


def _notes(trial: Trial, card: Card) -> Iterator[str]:
    """Where the script is not what the study did."""
    metric = trial.best.partition("/")[2]
    settings = trial.settings
    yield (
        "The script draws its own initial weights, batches and dropout: its numbers are those of "
        "one more replicate on the same split, not those of the store."
    )
    if building.names_lsuv(settings):
        yield (
            "Initializer lsuv: the study scaled every layer by training data; the script starts "
            "from the orthogonal weights as they are."
        )
    if metric not in _MEASURED.get(trial.task, ()):
        yield f"The study chose the best epoch by {trial.best}; the script does by val_loss."
    if settings["optimizer"]["name"] == "sgd":  # type: ignore[index, call-overload]
        return
    if trial.task == "anomaly":
        yield "The script measures reconstruction of the test cases, not how it tells anomalies."
    if card.inputs and trial.template not in catalog.TEMPLATES:
        yield "Inputs are given by name."


_MEASURED: Mapping[str, tuple[str, ...]] = {
    "classification": ("crossentropy", "accuracy", "loss"),
    "sequence": ("crossentropy", "accuracy", "loss"),
    "multilabel": ("crossentropy", "accuracy", "loss"),
    "regression": ("mean_squared_error", "mean_absolute_error", "loss"),
    "reconstruction": ("mean_squared_error", "mean_absolute_error", "loss"),
    "denoising": ("mean_squared_error", "mean_absolute_error", "loss"),
    "anomaly": ("mean_squared_error", "mean_absolute_error", "loss"),
}
"""What the script measures of each kind of data."""
