"""The frozen question."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from harness.errors import StudyError
from harness.identity import digest
from harness.spec.diagnostics import Diagnostics  # noqa: TC001, pydantic
from harness.spec.metric import Metric, Quantity, validation_quantity
from harness.spec.published import Published, ScaleName  # noqa: TC001, pydantic
from harness.spec.sources import Arrays, Part, Source, Whole
from harness.spec.values import Class, Count, Frozen, Level, Number, Scalar, without_strings
from harness.targets import code_name

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


UNTRAINED = ("none", "longer")
"""Levels of ``source`` that start from no training: for as many epochs as the other arms, and for
so many more as make up for the steps of the longest source."""

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def _by_text(level: object) -> object:
    return {str(key): part for key, part in level.items()} if isinstance(level, dict) else level


def _coded(dataset: Whole) -> Whole:
    """A data set whose function, if it is one, is spelled in one way."""
    if isinstance(dataset, Arrays):
        return dataset.model_copy(update={"file": code_name(dataset.file)})
    return code_name(dataset) if isinstance(dataset, str) else dataset


def _spelled(dataset: Source) -> Source:
    """A data set, perhaps in parts, whose function is spelled in one way."""
    if isinstance(dataset, Part):
        return dataset.model_copy(update={"name": _coded(dataset.name)})
    return _coded(dataset)


class Range(Frozen):
    """An interval of a nuisance hyperparameter, drawn from uniformly or log-uniformly."""

    min: Number
    max: Number
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.min < self.max:
            raise ValueError(
                f"expected min below max. Received: min = {self.min}, max = {self.max}"
            )
        if self.scale == "log" and self.min <= 0:
            raise ValueError(f"expected min above 0 on a log scale. Received: min = {self.min}")
        return self


class Choices(Frozen):
    """A finite set of values of a nuisance hyperparameter."""

    values: Annotated[tuple[Scalar, ...], Field(min_length=1)]


def _kind(space: object) -> str:
    return (
        "choices"
        if isinstance(space, Choices) or (isinstance(space, dict) and "values" in space)
        else "range"
    )


Space = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_kind)
]


class Tune(Frozen):
    """Search for nuisance hyperparameters, with the same budget inside every arm.

    Args:
        space: what is searched, by name.
        oracle: the proposer, one of KerasTuner's.
        trials: candidates per arm.
        replicates: trainings per candidate; their mean objective counts.
        objective: what the choice goes by, on validation data. Default: the study's ``best``
            quantity at its best epoch.
    """

    space: Annotated[dict[str, Space], Field(min_length=1)]
    oracle: Literal["random"] = "random"
    trials: Count = 8
    replicates: Count = 1
    objective: str = ""

    @field_validator("objective")
    @classmethod
    def _on_validation(cls, text: str) -> str:
        if not text:
            return text
        metric = Metric.parse(text, "val")
        if metric.split != "val":
            raise ValueError(
                f"expected a validation metric, such as 'val/loss@best'. Received: {text!r}; "
                "the test split is for confirm trials only"
            )
        return str(metric)

    @property
    def aim(self) -> Metric:
        """The objective, once the study is laid out."""
        return Metric.parse(self.objective)


class Pretraining(Frozen):
    """A training that arms may start from, on data of its own.

    Args:
        dataset: as of a study.
        fixed: training settings of its own, such as ``epochs``; arguments of the template that
            differ from the study's. Default: arguments as in the arm, settings as a study has
            them that names none.

    Reference:
        Yosinski et al., "How Transferable Are Features in Deep Neural Networks?", 2014.
    """

    dataset: Source
    fixed: dict[str, Level] = Field(default_factory=dict)

    @field_validator("dataset")
    @classmethod
    def _by_module(cls, dataset: Source) -> Source:
        return _spelled(dataset)


class Study(Frozen):
    """A frozen question about trainings.

    Args:
        name: folder of the results; letters, digits, ``.``, ``_`` and ``-``.
        template: a built-in one, or a user's function ``module:function``.
        dataset: ``digits``, ``digits@500`` (a stratified subset), the path of an ``.npz``, a folder
            of images per class, a function ``module:function``, ``Columns``, ``Images``,
            ``Arrays``, or a ``Part`` of any of them; empty where arrays are given to
            ``harness.run``.
        normal: classes, by name or number, to train on alone; an autoencoder is then judged by
            how well its errors tell test cases of the other classes as anomalies.
        denoise: a corruption of the catalogue, such as ``gaussian``; an autoencoder is then shown
            validation and test cases with such noise, and judged by how well it removes it.
        task: ``reconstruction`` for a template of one's own that gives back its inputs; 'normal'
            and 'denoise' imply it, and template ``autoencoder`` does. Default: by the labels.
        references: methods that train no network, measured on the same splits.
        factors: what is compared: levels by factor. Arms are all their combinations.
        fixed: template arguments and training settings shared by all arms.
        tune: nuisance hyperparameters, tuned inside every arm.
        sources: trainings that arms may start from, by name, for setting ``source``; each is
            trained once per replicate, for all arms of it.
        diagnostics: what is measured inside the networks; default: nothing.
        published: the published comparison that it repeats, with its numbers and claims. Default:
            none.
        question: one sentence, printed above the answer.
        metric: the one that decides, ``split/metric@epoch``. Default: test accuracy (or mean
            squared error, for regression) at the best epoch.
        baseline: levels of the arm that the others are compared with. Factors left out take
            their first level; without a baseline it is the first arm.
        best: quantity on validation data whose optimum is the best epoch. Default:
            ``val/crossentropy``, or ``val/mean_squared_error`` for regression; unlike
            ``val/loss``, they leave penalties out.
        replicates: confirm trials per arm, paired over arms.
        seed: of all random streams.
        confidence: of the simultaneous intervals.
        margin: difference below which two arms count as equivalent: of shares such as accuracy a
            share (0.015 is 1.5 points), of losses and errors a relative one (0.05 is 5 %). Default:
            none, and no equivalence is claimed.
        threads: intra-operation threads of one training; part of a trial's identity.
        schema_version: of the study file; written ``schema`` there.

    Raises:
        StudyError: naming the key, what was expected and what was received.

    Example:
        >>> Study(name="a", template="mlp", dataset="digits",
        ...       factors={"activation": ["relu", "tanh"]}).replicates
        10
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    name: str
    question: str = ""
    template: str
    dataset: Source = ""
    normal: tuple[Class, ...] = ()
    denoise: str | dict[str, Level] = ""
    task: Literal["", "reconstruction"] = ""
    references: tuple[str | dict[str, Level], ...] = ()
    factors: Annotated[
        dict[str, Annotated[tuple[Level, ...], Field(min_length=1)]], Field(min_length=1)
    ]
    fixed: dict[str, Level] = Field(default_factory=dict)
    tune: Tune | None = None
    sources: dict[str, Pretraining] = Field(default_factory=dict)
    diagnostics: Diagnostics | None = None
    published: Published | None = None
    metric: str = ""
    baseline: dict[str, Level] = Field(default_factory=dict)
    best: str = ""
    replicates: Count = 10
    seed: Annotated[int, BeforeValidator(without_strings)] = 1
    confidence: Annotated[Number, Field(gt=0.5, lt=1)] = 0.95
    margin: Annotated[Number, Field(gt=0)] | None = None
    threads: Count = 1

    @field_validator("name")
    @classmethod
    def _safe_name(cls, name: str) -> str:
        if not NAME.fullmatch(name) or _RESERVED.fullmatch(name):
            raise ValueError(
                "expected 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or "
                f"digit, and no name that Windows reserves. Received: {name!r}"
            )
        return name

    @field_validator("fixed", "factors", mode="before")
    @classmethod
    def _numbered_classes(cls, given: object) -> object:
        """Class weights by number, as Keras takes them, are keys of a table like others."""
        if not isinstance(given, dict) or "class_weight" not in given:
            return given
        raw = given["class_weight"]
        named = [_by_text(one) for one in raw] if isinstance(raw, list | tuple) else _by_text(raw)
        return {**given, "class_weight": named}

    @field_validator("template", mode="before")
    @classmethod
    def _by_name(cls, template: object) -> object:
        if callable(template):
            raise ValueError(  # noqa: TRY004, pydantic
                "expected the name of a template, or a function as 'module:function', so that "
                f"worker processes can import it. Received: {template!r}"
            )
        return code_name(template) if isinstance(template, str) else template

    @field_validator("dataset")
    @classmethod
    def _by_module(cls, dataset: Source) -> Source:
        return _spelled(dataset)

    @field_validator("sources")
    @classmethod
    def _single_words(cls, sources: dict[str, Pretraining]) -> dict[str, Pretraining]:
        for name in sources:
            if not name.isidentifier() or name in UNTRAINED:
                raise ValueError(
                    "expected names of sources that are single words, other than "
                    f"{' and '.join(map(repr, UNTRAINED))}. Received: {name!r}"
                )
        return sources

    @model_validator(mode="after")
    def _has_what_is_claimed(self) -> Self:
        if self.published is not None:
            inside = self.diagnostics is not None
            self.published.check(self.factors, self.references, inside=inside)
        return self

    @field_validator("confidence", mode="before")
    @classmethod
    def _below_one(cls, given: object) -> object:
        if isinstance(given, int | float) and 1 < given < 100:
            raise ValueError(
                f"expected a share above 0.5 and below 1. Received: {given:g}. "
                f"{given / 100:g} is {given:g} %"
            )
        return given

    @field_validator("metric")
    @classmethod
    def _parses(cls, text: str) -> str:
        return str(Metric.parse(text)) if text else text

    @field_validator("best")
    @classmethod
    def _selects(cls, text: str) -> str:
        return str(validation_quantity(text)) if text else text

    @property
    def data(self) -> tuple[Source, ...]:
        """All data that its trials are trained on: its own, then that of its sources."""
        return (self.dataset, *(source.dataset for source in self.sources.values()))

    @property
    def deciding(self) -> Metric:
        """The metric that decides, once the study is laid out."""
        return Metric.parse(self.metric)

    @property
    def choosing(self) -> Quantity:
        """The quantity that chooses the best epoch, once the study is laid out."""
        return Quantity.parse(self.best)

    def scaled(self, name: ScaleName) -> Study:
        """The published comparison at one of its scales, with a name of its own.

        Raises:
            StudyError: if it has no such scale, or the scale leaves out an arm of a claim.
        """
        scales = self.published.scales if self.published else {}
        if name not in scales:
            raise StudyError(
                f"expected one of the study's scales ({', '.join(scales) or 'none'}). "
                f"Received: {name!r}.",
                key="published.scales",
            )
        scale, given = scales[name], self.model_dump(by_alias=True)
        changes = {
            "name": f"{self.name}-{name}",
            "replicates": self.replicates if scale.replicates is None else scale.replicates,
            "dataset": self.dataset if scale.dataset is None else scale.dataset,
            "fixed": {**self.fixed, **scale.fixed},
            "factors": {**self.factors, **scale.factors},
        }
        return Study(**{**given, **changes})

    def digest(self) -> str:
        """Identity of the definition; the order of factors, which numbers the arms, is part."""
        told = self.model_dump(mode="json", by_alias=True)
        for later in ("task", "sources", "diagnostics", "published"):
            if not told[later]:  # as before there was such a key
                del told[later]
        return digest([told, [*self.factors]])
