"""What planning, training and reporting need to know of a data set, without its arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from harness.identity import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    Shape = tuple[int, ...]

Drawing = Literal["stratified", "grouped", "ordered", "official"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is known of a data set without loading it.

    Args:
        reference: how a worker finds it.
        digest: content hash.
        task: ``classification``, ``sequence`` (a class at every step), ``multilabel`` or
            ``regression``; what a template makes of it, such as ``reconstruction``.
        shape: of one case, of its sequence where that has a length; empty where a case has
            several named inputs.
        cases: number of cases outside the test split.
        tests: number of test cases.
        outputs: classes, or numbers to predict.
        tokens: number of different tokens, where a case is a row of their numbers; else 0.
        padding: the token that fills cases up; -1: none.
        counts: cases of each class outside the test split; empty where there are no classes.
        normal: classes that are trained on, where the others are to be told as anomalies.
        noise: what is done to validation and test inputs, where it is to be undone; a choice of
            the catalogue's corruptions.
        name: what people call it, where that is not how a worker finds it.
        inputs: shape by name, where a case has several inputs.
        classes: what the classes are called, in the order of their numbers; none: by number.
        test_counts: test cases of each class.
        drawing: how validation cases are drawn for a replicate: ``stratified`` by class;
            ``grouped``, so that no group is on both sides; ``ordered``, the last ones in time;
            ``official``, the same ones always.
        held: number of official validation cases, the last of the cases outside the test split.
        scaling: one line on what happens to the inputs, such as ``0..255 -> 0..1``.
        target: what a regression predicts, as axes call it.
        unit: what one trained unit of a single target is in the unit of the data.
        reading: how arrays are read, where that is not the default: changes what is trained on.
        copies: how many test cases are copies of training cases, and how many of these bear
            another label; empty where nobody has counted.
        notes: what a reader of the results has to know of the data, a sentence each.
    """

    reference: str
    digest: str
    task: str
    shape: tuple[int, ...]
    cases: int
    tests: int
    outputs: int
    tokens: int = 0
    padding: int = -1
    counts: tuple[int, ...] = ()
    normal: tuple[int, ...] = ()
    noise: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    inputs: Mapping[str, Shape] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    test_counts: tuple[int, ...] = ()
    drawing: Drawing = "stratified"
    held: int = 0
    scaling: str = ""
    target: str = ""
    unit: float = 1.0
    reading: Mapping[str, Any] = field(default_factory=dict)
    copies: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.reference

    @property
    def has_lengths(self) -> bool:
        """Whether a case is a sequence of which it is told how long it is."""
        return self.inputs.get("lengths") == ()

    @property
    def form(self) -> str:
        """The shape of a case, or of each of its inputs, as messages have it.

        Example:
            >>> Card(reference="a", digest="", task="classification", shape=(2,), cases=8,
            ...      tests=2, outputs=2).form
            '(2,)'
        """
        if not self.inputs:
            return str(self.shape)
        return ", ".join(f"{name} {shape}" for name, shape in self.inputs.items())

    @property
    def frame(self) -> dict[str, Any]:
        """What a study makes of the data that it names, beyond what is trained on it."""
        normal = {"normal": list(self.normal)} if self.normal else {}
        reading = {"reading": dict(self.reading)} if self.reading else {}
        return {**normal, **({"noise": dict(self.noise)} if self.noise else {}), **reading}

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Card:
        """A card from what JSON made of it."""
        axes = {key: tuple(part) for key, part in fields.items() if isinstance(part, list)}
        inputs = {key: tuple(part) for key, part in fields.get("inputs", {}).items()}
        return cls(**{**fields, **axes, "inputs": inputs})

    def class_name(self, number: int) -> str:
        """What people call a class."""
        return self.classes[number] if self.classes else str(number)

    def lines(self) -> dict[str, str]:
        """What people want to know before they believe a result, a line each.

        Example:
            >>> card = Card(reference="a", digest="", task="classification", shape=(2,), cases=8,
            ...             tests=2, outputs=2, counts=(2, 6), classes=("no", "yes"))
            >>> card.lines()["classes"]
            'no 2, yes 6 (chance 75.0 %)'
        """
        found = {"task": self.task}
        if self.counts:
            shown = [
                f"{self.class_name(number)} {count}"
                for number, count in enumerate(self.counts[:SHOWN])
            ]
            rest = [f"and {len(self.counts) - SHOWN} more"] if len(self.counts) > SHOWN else []
            chance = 100 * max(self.counts) / max(1, sum(self.counts))
            found["classes"] = f"{', '.join([*shown, *rest])} (chance {chance:.1f} %)"
        if self.scaling:
            found["inputs"] = self.scaling
        if self.copies:
            found["copies"] = self._copied()
        return found

    def _copied(self) -> str:
        copies, relabelled = self.copies
        if not copies:
            return "no test case is a copy of a training case"
        other = f", {relabelled:,} of them with another label" if relabelled else ""
        return f"{copies:,} of {self.tests:,} test cases are copies of training cases{other}"


SHOWN = 12
"""Classes that are listed in one line."""


def framed_digest(whole: str, frame: Mapping[str, Any]) -> str:
    """Content hash of data of which a study makes something else; see ``Card.frame``."""
    return digest({"whole": whole, **frame}) if frame else whole
