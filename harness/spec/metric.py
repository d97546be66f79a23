"""Quantities and metrics: ``split/name`` and ``split/name@epoch``."""

from __future__ import annotations

import re
from typing import Literal, Self

from harness.errors import StudyError
from harness.spec.values import Frozen

_METRIC = re.compile(r"(?:(train|val|test)[/_])?([a-z0-9_]+)(?:@(best|last))?")


class Quantity(Frozen):
    """``split/name``: what is measured, in every epoch of a training.

    Args:
        split: ``train``, ``val`` or ``test``.
        name: ``loss``, or an entry of the catalogue's metrics.
    """

    split: Literal["train", "val", "test"]
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` writes, such as ``val/loss``.

        Raises:
            StudyError: if the text does not have that form.
        """
        split, _, name = text.partition("/")
        return cls(split=split, name=name)

    def at(self, epoch: Literal["best", "last"]) -> Metric:
        """The same at one epoch."""
        return Metric(split=self.split, name=self.name, epoch=epoch)

    def __str__(self) -> str:
        """The text that ``parse`` reads."""
        return f"{self.split}/{self.name}"


def measured(text: str) -> str:
    """The name of what is measured, of a quantity or a metric.

    Example:
        >>> measured("val/loss"), measured("test/psnr@last")
        ('loss', 'psnr')
    """
    return text.partition("/")[2].partition("@")[0]


def validation_quantity(text: str) -> Quantity:
    """Read ``val/loss``, or ``loss``, ``val_loss``, ``val loss``.

    Raises:
        StudyError: if it is no quantity on validation data.
    """
    match = _METRIC.fullmatch(text.lower().replace(" ", "_"))
    if not match or match[1] not in {"val", None} or match[3]:
        raise StudyError(f"expected a validation quantity, such as 'val/loss'. Received: {text!r}.")
    return Quantity(split="val", name=match[2])


class Metric(Frozen):
    """``split/name@epoch``: what is measured, on which split, at which epoch.

    Args:
        split: ``train``, ``val`` or ``test``.
        name: an entry of the catalogue's metrics.
        epoch: ``best`` (by the study's ``best`` quantity, on validation data) or ``last``.
    """

    split: Literal["train", "val", "test"]
    name: str
    epoch: Literal["best", "last"]

    @classmethod
    def parse(cls, text: str, split: str = "test") -> Self:
        """Read ``test/accuracy@best``, or ``accuracy``, ``test_accuracy``, ``test accuracy``.

        Args:
            text: what a study says.
            split: where it names none; the epoch is then the best one.

        Raises:
            StudyError: if the text does not have that form.
        """
        match = _METRIC.fullmatch(text.lower().replace(" ", "_"))
        if not match:
            raise StudyError(
                "expected split/metric@epoch, such as 'test/accuracy@best' or 'val/loss@last'. "
                f"Received: {text!r}."
            )
        given, name, epoch = match.groups()
        return cls(split=given or split, name=name, epoch=epoch or "best")

    @property
    def quantity(self) -> Quantity:
        """The same without its epoch."""
        return Quantity(split=self.split, name=self.name)

    def __str__(self) -> str:
        """The text that ``parse`` reads."""
        return f"{self.split}/{self.name}@{self.epoch}"
