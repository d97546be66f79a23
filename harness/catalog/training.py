"""Training settings of a trial, typed: what its canonical settings say, ready to be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from harness.catalog.choices import settled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.card import Card
    from harness.catalog.choices import Choice
    from harness.spec import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Settings that all players of a trial share; ``SETTINGS`` describes them.

    Args:
        epochs: passes over the training data.
        batch_size: cases per step.
        batch_order: ``shuffled`` in every epoch, as in the first one (``fixed``), or that of the
            data (``given``).
        last_batch: whether a smaller last batch of an epoch is trained on: ``keep`` or ``drop``.
        validation: share of the cases outside the test split.
        cases_per_class: training cases of each class; ``None``: all.
        cases: training cases; ``None``: all.
        patience: epochs without a better one after which a training ends; ``None``: never.
        loss: name of the loss.
        outputs: what a user's model gives; ``None``: as a forward pass tells.
        schedule: of the learning rate.
        class_weight: of the training loss.
    """

    epochs: int
    batch_size: int
    batch_order: str
    last_batch: str
    validation: float
    cases_per_class: int | None
    cases: int | None
    patience: int | None
    loss: str
    outputs: str | None
    schedule: Choice
    class_weight: Choice

    def trained_on(self, card: Card) -> int:
        """Number of training cases of a replicate.

        Args:
            card: of the data.
        """
        return card.training_cases(self.validation, self.cases_per_class, self.cases)

    def used(self, card: Card) -> int:
        """Number of cases that an epoch trains on: all, or those of whole batches."""
        cases = self.trained_on(card)
        return cases if self.last_batch == "keep" else cases - cases % self.batch_size

    def steps(self, card: Card) -> int:
        """Number of optimizer steps in an epoch."""
        return -(-self.used(card) // self.batch_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """Settings by which one player is updated.

    Args:
        optimizer: its optimizer.
        learning_rate: before the schedule.
        clip: of its gradients.
    """

    optimizer: Choice
    learning_rate: float
    clip: Choice


def training(settings: Mapping[str, Value]) -> Training:
    """Training settings of a trial.

    Args:
        settings: of the trial, in canonical form.
    """
    return Training(
        epochs=cast("int", settings["epochs"]),
        batch_size=cast("int", settings["batch_size"]),
        batch_order=cast("str", settings.get("batch_order", "shuffled")),
        last_batch=cast("str", settings.get("last_batch", "keep")),
        validation=cast("float", settings["validation"]),
        cases_per_class=cast("int | None", settings.get("cases_per_class")),
        cases=cast("int | None", settings.get("cases")),
        patience=cast("int | None", settings["patience"]),
        loss=cast("str", settings["loss"]),
        outputs=cast("str | None", settings.get("outputs")),
        schedule=settled("schedule", settings["schedule"]),
        class_weight=settled("class_weight", settings["class_weight"]),
    )


def updates(settings: Mapping[str, Value], own: str = "") -> Updates:
    """Settings of one player.

    Args:
        settings: of the trial, in canonical form.
        own: what stands before the names of the player's own, such as ``critic.``.
    """
    return Updates(
        optimizer=settled("optimizer", settings[f"{own}optimizer"]),
        learning_rate=cast("float", settings[f"{own}learning_rate"]),
        clip=settled("clip", settings[f"{own}clip"]),
    )
