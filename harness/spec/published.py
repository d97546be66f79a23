"""Published comparison that a study repeats: its source, numbers, claims and scales."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.errors import StudyError, nearest
from harness.spec.metric import Metric
from harness.spec.sources import Source  # noqa: TC001, pydantic
from harness.spec.values import Count, Frozen, Level, Number

Levels = dict[str, Level]
"""Levels of an arm by factor; factors left out take the baseline's level.

Beside ``reference``, a method of the study that trains no network, they say which arms it is for.
"""

Target = Literal["V1", "V2", "C"]
"""Provenance of what may decide: read in the source, read where it is quoted, or computed."""

ScaleName = Literal["quick", "standard", "full"]

_LOOK = re.compile(r"inside/([a-z0-9_]+)(?:\[([\w.-]+)(?:/([\w.-]+))?\])?@(start|end)")


class Look(Frozen):
    """Quantity measured inside networks: ``inside/name[layer/over]@moment``.

    Args:
        name: such as ``gradient_ratio``.
        layer: where it was measured; empty: of the network as a whole.
        over: a second layer, whose value the first one's is divided by.
        moment: before the first step (``start``), or after the last one (``end``).
    """

    name: str
    layer: str = ""
    over: str = ""
    moment: Literal["start", "end"] = "start"

    def __str__(self) -> str:
        """The text that ``measurable`` reads."""
        place = f"[{self.layer}{'/' if self.over else ''}{self.over}]" if self.layer else ""
        return f"inside/{self.name}{place}@{self.moment}"


def measurable(text: str) -> Metric | Look:
    """Read a metric, or a quantity measured inside networks.

    Raises:
        StudyError: if the text is neither.

    Example:
        >>> measurable("test/accuracy@best").name, measurable("inside/dead[hidden_1]@end").layer
        ('accuracy', 'hidden_1')
        >>> str(measurable("inside/activation_spread[hidden_5/hidden_1]@start"))
        'inside/activation_spread[hidden_5/hidden_1]@start'
    """
    if not text.startswith("inside/"):
        return Metric.parse(text)
    match = _LOOK.fullmatch(text)
    if not match:
        raise StudyError(
            "expected inside/quantity@start or @end, perhaps of a layer or of the ratio of two, "
            "such as 'inside/activation_spread[hidden_5/hidden_1]@start'. "
            f"Received: {text!r}."
        )
    name, layer, over, moment = match.groups()
    return Look(name=name, layer=layer or "", over=over or "", moment=moment)


class Citation(Frozen):
    """Work that is repeated.

    Args:
        title: of the paper.
        authors: as it names them.
        year: of this version.
        place: where it was published.
        version: such as an arXiv id; numbers may differ between versions.
    """

    title: str
    authors: Annotated[tuple[str, ...], Field(min_length=1)]
    year: Count
    place: str
    version: str = ""

    def __str__(self) -> str:
        """One line, as a list of references has it."""
        version = f" ({self.version})" if self.version else ""
        year = "" if str(self.year) in self.place else f", {self.year}"
        return f'{", ".join(self.authors)}, "{self.title}", {self.place}{year}{version}'


class _Measured(Frozen):
    """Statement about a quantity."""

    quantity: str

    @field_validator("quantity")
    @classmethod
    def _parses(cls, text: str) -> str:
        return str(measurable(text))

    @property
    def measured(self) -> Metric | Look:
        """The quantity, parsed."""
        return measurable(self.quantity)


class Value(_Measured):
    """Published number.

    Args:
        name: for tables.
        quantity: ours that stands beside it.
        arm: its levels.
        minus: another arm, where the number is the difference of two.
        value: the number.
        spread: as published; ``None`` where none is.
        unit: of both; a published percentage is written as a share.
        n: trainings behind it; ``None`` where the source does not say.
        place: in the source, such as ``Table 1``.
        tag: ``V1`` read in the source, ``V2`` read where it is quoted, ``C`` computed, ``M`` from
            memory: shown, and never compared with.
    """

    name: str
    arm: Levels
    minus: Levels | None = None
    value: Number
    spread: Annotated[Number, Field(ge=0)] | None = None
    unit: str = ""
    n: Count | None = None
    place: str
    tag: Literal["V1", "V2", "C", "M"]

    @property
    def arms(self) -> tuple[Levels, ...]:
        """The arms that it is about."""
        return (self.arm,) if self.minus is None else (self.arm, self.minus)


class _Claim(_Measured):
    """Common part of all claims.

    Args:
        id: a short name.
        sentence: the claim in words.
        tag: provenance; nothing that stands on memory alone is a claim.
    """

    id: str
    sentence: str
    tag: Target


class Better(_Claim):
    """One arm beats another, by the metric's own direction.

    Args:
        a: the arm that is said to be better.
        b: the other one.
        by: how much better at least, on the scale that the metric is judged on: a share for
            accuracies, a relative difference for losses. Default: any difference.
    """

    kind: Literal["better"]
    a: Levels
    b: Levels
    by: Annotated[Number, Field(ge=0)] = 0.0

    @field_validator("quantity")
    @classmethod
    def _has_a_better_side(cls, text: str) -> str:
        if isinstance(measurable(text), Look):
            raise StudyError(
                "expected a metric, which has a better side. Received: "
                f"{text!r}. Claim kind = 'ordering' or 'bound' instead."
            )
        return text

    @property
    def arms(self) -> tuple[Levels, ...]:
        """The arms that it is about."""
        return self.a, self.b


class Ordering(_Claim):
    """The quantity rises from arm to arm.

    Args:
        order: arms, from the lowest value to the highest.
    """

    kind: Literal["ordering"]
    order: Annotated[tuple[Levels, ...], Field(min_length=2)]

    @property
    def arms(self) -> tuple[Levels, ...]:
        """The arms that it is about."""
        return self.order


class Bound(_Claim):
    """The centre of a quantity lies within limits.

    Args:
        arm: its levels.
        low: lower limit; ``None``: none.
        high: upper limit; ``None``: none.
        center: ``mean``, ``geometric`` mean, or ``median``, which a diverged training does not
            make infinite.
    """

    kind: Literal["bound"]
    arm: Levels
    low: Number | None = None
    high: Number | None = None
    center: Literal["mean", "geometric", "median"] = "mean"

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("expected 'low', 'high' or both. Received: neither")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"expected low below high. Received: {self.low} and {self.high}")
        return self

    @property
    def arms(self) -> tuple[Levels, ...]:
        """The arms that it is about."""
        return (self.arm,)


class Equivalent(_Claim):
    """Two arms differ by less than a margin.

    Args:
        a: one arm.
        b: the other one.
        margin: as of a study: a share of accuracies, a relative difference of losses.
    """

    kind: Literal["equivalence"]
    a: Levels
    b: Levels
    margin: Annotated[Number, Field(gt=0, lt=1)]

    @property
    def arms(self) -> tuple[Levels, ...]:
        """The arms that it is about."""
        return self.a, self.b


class Threshold(_Claim):
    """A share of the replicates reaches a value.

    Args:
        arm: its levels.
        share: that reaches it, at least.
        above: the value, where larger is reached; a diverged training never reaches it.
        below: the value, where smaller is reached.
    """

    kind: Literal["threshold"]
    arm: Levels
    share: Annotated[Number, Field(gt=0, lt=1)]
    above: Number | None = None
    below: Number | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.above is None) == (self.below is None):
            both = "neither" if self.above is None else "both"
            raise ValueError(f"expected one of 'above' and 'below'. Received: {both}")
        return self

    @property
    def arms(self) -> tuple[Levels, ...]:
        """The arms that it is about."""
        return (self.arm,)


Claim = Annotated[Better | Ordering | Bound | Equivalent | Threshold, Field(discriminator="kind")]


class Scale(Frozen):
    """Size at which a study is repeated: what is other than in the file.

    Args:
        minutes: that it takes about, on two cores.
        replicates: confirm trials per arm. Default: the study's.
        dataset: such as a subset. Default: the study's.
        fixed: settings that take the place of the study's.
        factors: levels that take the place of the study's.
    """

    minutes: Annotated[Number, Field(gt=0)]
    replicates: Count | None = None
    dataset: Source | None = None
    fixed: dict[str, Level] = Field(default_factory=dict)
    factors: dict[str, Annotated[tuple[Level, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )


class Published(Frozen):
    """Published comparison behind a study. It changes no training.

    Where a study is read, a table ``arms`` may name levels once, and values and claims then say the
    name: ``arms = {"wide": {"units": [512]}}`` and ``"a": "wide"``. A name is replaced by its
    levels, so that the definition is the same whichever way it was written.

    Args:
        citation: of the work, with its version.
        family: for listings, such as ``initializers``.
        values: published numbers.
        claims: testable statements, fixed before the first training.
        deviations: of the study from what was published, a sentence each.
        scales: sizes that it can be repeated at.
    """

    citation: Citation
    family: str
    values: tuple[Value, ...] = ()
    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]
    deviations: tuple[str, ...] = ()
    scales: Annotated[dict[ScaleName, Scale], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _arms_by_name(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "arms" not in given:
            return given
        arms = given["arms"]
        parts = {
            part: [_named(one, arms, f"published.{part}.{index}") for index, one in enumerate(rows)]
            for part in ("values", "claims")
            if isinstance(rows := given.get(part), list | tuple)
        }
        return {name: value for name, value in given.items() if name != "arms"} | parts

    @field_validator("claims")
    @classmethod
    def _told_apart(cls, claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
        ids = [claim.id for claim in claims]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"expected every id once. Received: {twice[0]!r} twice")
        return claims

    def check(
        self,
        factors: dict[str, tuple[Level, ...]],
        references: tuple[Level, ...],
        *,
        inside: bool,
    ) -> None:
        """Refuse numbers and claims about arms or quantities that the study does not have.

        Args:
            factors: levels of the study, by factor.
            references: methods of the study, as it writes them.
            inside: true if the study measures the inside of its networks.

        Raises:
            StudyError: naming the entry.
        """
        for part in ("claims", "values"):
            for index, one in enumerate(getattr(self, part)):
                key = f"published.{part}.{index}"
                for levels in one.arms:
                    _check_levels(levels, {**factors, "reference": references}, key)
                    _check_measurable(one, levels, key)
                if isinstance(one.measured, Look) and not inside:
                    raise StudyError(
                        "expected [diagnostics] in a study that speaks of the inside of networks. "
                        f"Received: quantity {one.quantity!r} and no such table.",
                        key=key,
                    )


def _named(entry: Any, arms: Any, key: str) -> Any:
    """An entry with levels in place of the names of arms."""
    if not isinstance(entry, dict) or not isinstance(arms, dict):
        return entry
    found = dict(entry)
    for name in ("arm", "minus", "a", "b"):
        if isinstance(entry.get(name), str):
            found[name] = _levels(entry[name], arms, f"{key}.{name}")
    if isinstance(entry.get("order"), list | tuple):
        found["order"] = [
            _levels(one, arms, f"{key}.order") if isinstance(one, str) else one
            for one in entry["order"]
        ]
    return found


def _levels(name: str, arms: dict[str, Any], key: str) -> Any:
    if name not in arms:
        raise StudyError(
            f"expected a name of [published.arms]. Received: {name!r}. {nearest(name, arms)}",
            key=key,
        )
    return arms[name]


def _check_measurable(one: Value | Claim, levels: Levels, key: str) -> None:
    """Refuse what is not measured of a method that trains no network."""
    measured = one.measured
    if "reference" in levels and (isinstance(measured, Look) or measured.split != "test"):
        raise StudyError(
            "expected a metric of the test split, because a reference has no training and no "
            f"inside. Received: {one.quantity!r}.",
            key=key,
        )


def _check_levels(levels: Levels, factors: dict[str, tuple[Level, ...]], key: str) -> None:
    for factor, level in levels.items():
        if level not in factors.get(factor, ()):
            valid = list(factors.get(factor, ())) or list(factors)
            raise StudyError(
                "expected levels of the study's factors, or one of its references. Received: "
                f"{factor} = {level!r}. "
                f"Valid: {', '.join(map(str, valid))}.",
                key=key,
            )
