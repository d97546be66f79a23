"""Types of catalogue entries: the facts that each entry states about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.card import Card
    from harness.spec import Value

Direction = Literal["minimize", "maximize"]
Scale = Literal["identity", "log"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number that an entry takes.

    Args:
        default: used where a study does not name it.
        low: smallest admissible number.
        high: largest admissible number.
        value: whether it is an input of the program rather than part of it.
        whole: whether it counts something.
    """

    default: float
    low: float = 0.0
    high: float = float("inf")
    value: bool = True
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that a study may name.

    Args:
        target: its implementation, as ``module:object``.
        numbers: numbers that it takes, by name.
        flags: switches that it takes, with their defaults; always structure.
        options: words that it takes, the default first; always structure.
        aliases: other names that users know it by.
        note: one line for ``keras-harness catalog``.
        source: the paper that introduced it.
        gated: whether it has half as many outputs as inputs.
    """

    target: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    note: str = ""
    source: str = ""
    gated: bool = False


def stock(group: str, name: str, **rest: object) -> Entry:
    """An entry that Keras implements."""
    return Entry(target=f"keras.{group}:{name}", **rest)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """Something measured on predictions.

    Args:
        direction: which way is better.
        scale: the scale on which differences are judged; ``log`` for losses.
        tasks: kinds of data that it can be computed for.
        percent: whether tables print it in percent.
        limited: whether it is at most 1 without being printed in percent.
        test_only: whether it needs all cases at once, and is computed on the test split alone.
        outputs: fewest outputs that it makes sense for.
        ranks: numbers of axes of a case that it makes sense for; none: any.
        tells_apart: whether it takes test cases of two classes at least.
        of_classes: whether every case has to have a class.
        modes: whether the data has to be a mixture of known modes.
        widest: most numbers that a case may have; there have to be more test cases than a case
            has numbers; 0: any.
        fewest: fewest test cases; 0: any.
        aliases: other names that users know it by.
        note: one line for ``keras-harness catalog``.
        unit: unit of its values, such as dB.
        power: which power of a regression's target it is counted in; 0: it has no such unit.
    """

    direction: Direction
    scale: Scale
    tasks: frozenset[str]
    percent: bool = False
    limited: bool = False
    test_only: bool = False
    outputs: int = 1
    ranks: tuple[int, ...] = ()
    tells_apart: bool = False
    of_classes: bool = False
    modes: bool = False
    widest: int = 0
    fewest: int = 0
    aliases: tuple[str, ...] = ()
    note: str = ""
    unit: str = ""
    power: int = 0

    @property
    def minimize(self) -> bool:
        """True where less is better."""
        return self.direction == "minimize"

    @property
    def sign(self) -> float:
        """A factor that turns the metric into one of which less is better."""
        return 1.0 if self.minimize else -1.0

    def misfit(self, card: Card) -> str:
        """Reason why the metric cannot be measured on some data, as a clause; empty if it can."""
        return next(self._misfits(card), "")

    def _misfits(self, card: Card) -> Iterator[str]:
        if card.task not in self.tasks:
            yield f"which is not for {card.task} data"
        if self.ranks and len(card.shape) not in self.ranks:
            yield f"which is for images, while cases have shape {card.shape}"
        if self.tells_apart and sum(map(bool, card.test_counts)) == 1:
            yield "while the test cases are all of one class, so that nothing can be told apart"
        if self.of_classes and not card.counts:
            yield "which takes a class for each case, while there are none"
        if self.modes and not card.modes:
            yield "which takes data with known modes, such as 'ring-8' or 'grid-25'"
        if self.widest and prod(card.shape) > self.widest:
            yield f"which takes cases of at most {self.widest} numbers, not of {prod(card.shape)}"
        fewest = max(self.fewest, prod(card.shape) + 1 if self.widest else 0)
        if card.tests < fewest:
            yield f"which takes at least {fewest} test cases, while there are {card.tests}"
        if card.outputs < self.outputs:
            yield f"which needs at least {self.outputs} classes, while there are {card.outputs}"

    def amount(self, margin: float) -> str:
        """A margin as people say it.

        Example:
            >>> accuracy = Metric(direction="maximize", scale="identity", tasks=frozenset(),
            ...                   percent=True)
            >>> accuracy.amount(0.015)
            '1.5 points'
        """
        if self.scale == "log":
            return f"{100 * margin:g} %"
        return f"{100 * margin:g} points" if self.percent else f"{margin:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A training loss, and the kind of target that it needs."""

    target: str
    tasks: frozenset[str]
    aliases: tuple[str, ...] = ()
    note: str = ""


Kind = Literal[
    "count",
    "counts",
    "token",
    "number",
    "fraction",
    "share",
    "real",
    "amount",
    "flag",
    "option",
    "word",
    "depth",
    "choice",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument of a template, or a setting of the training.

    Args:
        kind: ``count`` (integer >= 1), ``counts`` (list of them), ``token`` (integer >= 0, or -1
            for none), ``number`` (> 0),
            ``fraction`` (0 <= x < 1), ``share`` (0 < x < 1), ``real`` (any number),
            ``amount`` (>= 0), ``flag`` (true or false), ``option`` (one of ``options``), ``word``
            (any), ``depth`` (a number of first layers, or one of ``options``), or ``choice`` (of
            ``family``).
        default: used where a study does not name it. ``None`` means none.
        family: the catalogue family of a ``choice``; of a ``real``, one whose entries may take the
            place of the number.
        options: words to choose from.
        without: entries of the family that cannot be used here.
        value: whether it is an input of the program rather than part of it.
        initial: whether it is an input that only fills initial weights.
        outside: whether it is neither: a program is one epoch, called as often as wanted.
        later: whether it is left out of a trial that has its default, because trials were kept
            before there was such an argument.
        note: one line for ``keras-harness catalog``.
    """

    kind: Kind
    default: Value = None
    family: str = ""
    options: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    value: bool = False
    initial: bool = False
    outside: bool = False
    later: bool = False
    note: str = ""

    @property
    def compiled(self) -> bool:
        """True if each value of it needs a compiled program of its own."""
        return not (self.value or self.outside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A built-in family of networks.

    Args:
        target: function that builds one, as ``module:function``.
        arguments: its arguments.
        ranks: numbers of axes that a case may have.
        tasks: kinds of data that it is for.
        makes: task that it makes of any data, where that differs from the task of the labels.
        players: names of its players, where it has several.
        brings: whether it brings weights along.
        note: one line for ``keras-harness catalog``.
    """

    target: str
    arguments: Mapping[str, Argument]
    ranks: tuple[int, ...]
    tasks: frozenset[str] = frozenset({"classification", "multilabel", "regression"})
    makes: str = ""
    players: tuple[str, ...] = ()
    brings: bool = False
    note: str = ""
