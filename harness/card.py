"""Facts about a data set that planning, training and reporting need, without its arrays."""

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
    """Facts that are known of a data set without loading its arrays.

    Args:
        locator: how a worker finds it.
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
        part: what is made of the data at its place, such as ``{"classes": [0, 1]}``, before all
            else; empty: nothing.
        noise: what is done to validation and test inputs, where it is to be undone; a choice of
            the catalogue's corruptions.
        name: name for people, where it differs from the locator.
        inputs: shape by name, where a case has several inputs.
        classes: what the classes are called, in the order of their numbers; none: by number.
        test_counts: test cases of each class.
        drawing: how validation cases are drawn for a replicate: ``stratified`` by class;
            ``grouped``, so that no group is on both sides; ``ordered``, the last ones in time;
            ``official``, the same ones always.
        held: number of official validation cases, the last of the cases outside the test split.
        scaling: one line on what happens to the inputs, such as ``0..255 -> 0..1``.
        target: name of the predicted quantity of a regression, for axes.
        reading: how arrays are read, where that is not the default: changes what is trained on.
        scaled: whether anything happens to the inputs before a network sees them.
        spare: largest number of cases that sit out in a replicate so that groups stay whole.
        grain: cases of a group, where all groups have as many.
        tail: whole number that most cases end in at least twice, as if filled up with it; -1: none.
        largest: largest input, where all are whole numbers that may be tokens; else -1.
        centred: whether inputs, and real targets with them, are standardized.
        modes: number of normal distributions that it is a mixture of; 0: it is no such data.
        chance: share of the most frequent class, of labels per step; mean squared error of the
            mean, of a single target; 0: not known.
        copies: how many test cases are copies of training cases, and how many of these bear
            another label; empty where nobody has counted.
        notes: remarks on the data for readers of the results, a sentence each.
        sources: other data that trials of a study start from, by name of the source.
        draws: the same data with other classes, of other replicates.
    """

    locator: str
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
    part: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    inputs: Mapping[str, Shape] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    test_counts: tuple[int, ...] = ()
    drawing: Drawing = "stratified"
    held: int = 0
    scaling: str = ""
    target: str = ""
    reading: Mapping[str, Any] = field(default_factory=dict)
    copies: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    scaled: bool = False
    spare: int = 0
    grain: int = 1
    tail: int = -1
    largest: int = -1
    centred: bool = False
    chance: float = 0.0
    modes: int = 0
    sources: Mapping[str, Card] = field(default_factory=dict)
    draws: tuple[Card, ...] = ()

    def of(self, data: str, task: str) -> Card:
        """The card of data with some content and task, among ``family``; or else itself."""
        return next((one for one in self.family if (one.digest, one.task) == (data, task)), self)

    @property
    def family(self) -> tuple[Card, ...]:
        """This card, those of other draws, and of its sources likewise."""
        sources = (one for source in self.sources.values() for one in source.family)
        return (self, *self.draws, *sources)

    @property
    def label(self) -> str:
        """Name of the data set, for people."""
        return self.name or self.locator

    @property
    def has_lengths(self) -> bool:
        """True if cases are sequences whose lengths are given."""
        return self.inputs.get("lengths") == ()

    @property
    def form(self) -> str:
        """The shape of a case, or of each of its inputs, as messages have it.

        Example:
            >>> Card(locator="a", digest="", task="classification", shape=(2,), cases=8,
            ...      tests=2, outputs=2).form
            '(2,)'
        """
        if not self.inputs:
            return str(self.shape)
        return ", ".join(f"{name} {shape}" for name, shape in self.inputs.items())

    @property
    def view(self) -> dict[str, Any]:
        """Study settings that change the data, its training cases aside: normal classes, noise."""
        normal = {"normal": list(self.normal)} if self.normal else {}
        return {**normal, **({"noise": dict(self.noise)} if self.noise else {})}

    def validation_cases(self, share: float) -> int:
        """Number of validation cases of a replicate, taken from the cases outside the test split.

        Args:
            share: share of these cases; unused where the data brings official validation cases.
        """
        if self.held:
            return self.held
        wanted = max(1, round(self.cases * share))
        return -(-wanted // self.grain) * self.grain

    def training_cases(
        self, share: float, per_class: int | None = None, some: int | None = None
    ) -> int:
        """Number of training cases of a replicate, taken from the cases outside the test split.

        Args:
            share: share of these cases for validation.
            per_class: how many of each class are used. Default: all.
            some: how many are used, whatever their class. Default: all.

        Example:
            >>> Card(locator="digits", digest="", task="classification", shape=(8, 8),
            ...      cases=1438, tests=359, outputs=10).training_cases(0.2)
            1150
        """
        if per_class is not None:
            return per_class * len(self.counts)
        if some is not None:
            return some
        return self.cases - self.validation_cases(share) - self.spare

    def rarest(self, share: float) -> tuple[int, int]:
        """The class with the fewest training cases in a replicate, and how many it has.

        Args:
            share: share of the cases outside the test split that validates, drawn by class.

        Example:
            >>> Card(locator="a", digest="", task="classification", shape=(2,), cases=50,
            ...      tests=2, outputs=2, counts=(10, 40)).rarest(0.2)
            (0, 8)
        """
        held = _quotas(self.counts, self.validation_cases(share))
        left = [count - quota for count, quota in zip(self.counts, held, strict=True)]
        return left.index(min(left)), min(left)

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Card:
        """Card from its JSON form."""
        axes = {key: tuple(part) for key, part in fields.items() if isinstance(part, list)}
        inputs = {key: tuple(part) for key, part in fields.get("inputs", {}).items()}
        sources = {name: cls.read(part) for name, part in fields.get("sources", {}).items()}
        draws = tuple(map(cls.read, fields.get("draws", ())))
        return cls(**{**fields, **axes, "inputs": inputs, "sources": sources, "draws": draws})

    def class_name(self, number: int) -> str:
        """Name of a class, for people."""
        return self.classes[number] if self.classes else str(number)

    def lines(self) -> dict[str, str]:
        """Facts that people check before they believe a result, a line each.

        Example:
            >>> card = Card(locator="a", digest="", task="classification", shape=(2,), cases=8,
            ...             tests=2, outputs=2, counts=(2, 6), classes=("no", "yes"))
            >>> card.lines()["classes"]
            'no 2, yes 6 (chance 75.0 %)'
        """
        found = {"task": self.task, **self._told()}
        if absent := self.absent():
            found["absent"] = absent
        if self.drawing in DRAWN:
            found["validation"] = DRAWN[self.drawing].format(self)
        if self.scaling:
            found["inputs"] = self.scaling
        if self.copies:
            found["copies"] = self._copied()
        return found

    def _told(self) -> dict[str, str]:
        """Line on what is to be told of the cases, or generated; none where nothing is known."""
        if self.normal:
            return {"normal": self._divided()}
        if self.draws:
            return {"classes": f"{self.outputs}, other ones in each replicate"}
        if self.task == "generation":
            known = f"{self.modes} normal distributions of equal weight"
            return {"modes": known if self.modes else "not known"}
        if self.counts:
            shown = [
                f"{self.class_name(number)} {count}"
                for number, count in enumerate(self.counts[:SHOWN])
            ]
            rest = [f"and {len(self.counts) - SHOWN} more"] if len(self.counts) > SHOWN else []
            chance = 100 * max(self.counts) / max(1, sum(self.counts))
            return {"classes": f"{', '.join([*shown, *rest])} (chance {chance:.1f} %)"}
        if self.task == "sequence":
            best = f" (chance {100 * self.chance:.1f} %)" if self.chance else ""
            return {"classes": f"{self._named(self.outputs)} at every step{best}"}
        return self._predicted()

    def _predicted(self) -> dict[str, str]:
        """Line on several labels, or on numbers."""
        if self.task == "multilabel" and self.classes:
            return {"labels": self._named(self.outputs)}
        if self.task == "regression" and (self.target or self.chance):
            mean = f"; the mean alone has an error of {self.chance:.4g} squared"
            trained = "; trained on with mean 0 and deviation 1" if self.centred else ""
            named = self.target or "one number"
            return {"target": named + trained + (mean if self.chance else "")}
        return {}

    def _divided(self) -> str:
        """Sentence that names the classes trained on and those that count as anomalies."""
        others = [one for one in range(self.outputs) if one not in self.normal]
        normal, rest = (", ".join(map(self._numbered, part)) for part in (self.normal, others))
        return f"{normal}; anomalies, in the test split alone: {rest}"

    def _numbered(self, one: int) -> str:
        name = self.class_name(one)
        return name if name == str(one) else f"{one} ({name})"

    def _named(self, count: int) -> str:
        """Names of the classes, or how many there are."""
        if not self.classes:
            return f"{count} classes"
        rest = f" and {count - SHOWN} more" if count > SHOWN else ""
        return ", ".join(self.classes[:SHOWN]) + rest

    def absent(self, validation: float = 0.2) -> str:
        """Names of classes without a test case or a validation case; empty if all have both.

        Args:
            validation: share of the cases outside the test split that validates.

        Example:
            >>> Card(locator="a", digest="", task="classification", shape=(2,), cases=50,
            ...      tests=2, outputs=2, counts=(1, 49), test_counts=(0, 2)).absent()
            'no test case: 0; no validation case: 0'
        """
        if self.task != "classification":
            return ""
        parts = {"test": self.test_counts}
        if self.counts and self.drawing == "stratified":
            parts["validation"] = _quotas(self.counts, max(1, round(self.cases * validation)))
        names = {
            part: [self.class_name(one) for one, count in enumerate(counts) if not count]
            for part, counts in parts.items()
        }
        return "; ".join(
            f"no {part} case: {_few(missing)}" for part, missing in names.items() if missing
        )

    def _copied(self) -> str:
        copies, relabelled = self.copies
        if not copies:
            return "no test case is a copy of a training case"
        other = f", {relabelled:,} of them with another label" if relabelled else ""
        return f"{copies:,} of {self.tests:,} test cases are copies of training cases{other}"


DRAWN = {
    "official": "the {0.held} cases that come with the data, in every replicate",
    "grouped": "drawn by groups, none of which is in two parts",
    "ordered": "the last cases in time before the test cases, in every replicate",
}
"""Descriptions of the ways to draw validation cases other than by class."""

SHOWN = 12
"""Classes that are listed in one line."""


def _quotas(counts: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Number of cases of each class in a stratified draw, as ``datasets.splits`` draws it."""
    exact = [count * (size / sum(counts)) for count in counts]
    quota = [int(part) for part in exact]
    by_rest = sorted(range(len(counts)), key=lambda one: quota[one] - exact[one])
    for one in by_rest[: size - sum(quota)]:
        quota[one] += 1
    return tuple(quota)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def view_digest(whole: str, view: Mapping[str, Any]) -> str:
    """Content hash of data after a study's changes to it; see ``Card.view``."""
    return digest({"whole": whole, **view}) if view else whole
