"""The frozen question: a study, its parts, and the trials that it becomes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    PositiveInt,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from typing_extensions import TypeAliasType

from harness.errors import StudyError, nearest
from harness.identity import digest
from harness.printable import printable

Scalar = bool | int | FiniteFloat | str
if TYPE_CHECKING:
    Value = bool | int | float | str | list[Any] | dict[str, Any] | None
    Level = bool | int | float | str | list[Any] | dict[str, Any]
else:  # pydantic checks the inside of lists and tables too
    Value = TypeAliasType("Value", Scalar | list["Value"] | dict[str, "Value"] | None)
    Level = TypeAliasType("Level", Scalar | list["Level"] | dict[str, "Level"])
Phase = Literal["tune", "confirm"]

ENGINE = 3
"""Version of the engine; raised whenever the curves it produces change."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_METRIC = re.compile(r"(?:(train|val|test)[/_])?([a-z0-9_]+)(?:@(best|last))?")


def names_code(name: str) -> bool:
    """Whether a name has the form ``module:function``, code of the user's own."""
    module, _, function = name.partition(":")
    return bool(function.isidentifier() and all(part.isidentifier() for part in module.split(".")))


_FILE = re.compile(r"(?:\./)?((?:[^\W\d]\w*/)*[^\W\d]\w*)\.py:([^\W\d]\w*)")


def code_name(name: str) -> str:
    """The form ``module:function`` of ``folder/module.py:function``; any other name unchanged.

    Example:
        >>> code_name("nets/mine.py:build"), code_name("digits")
        ('nets.mine:build', 'digits')
    """
    match = _FILE.fullmatch(name)
    return f"{match[1].replace('/', '.')}:{match[2]}" if match else name


def _no_strings(number: object) -> object:
    """Refuse the silent conversions of text and truth values into numbers."""
    if isinstance(number, str | bool):
        raise ValueError(f"expected a number. Received: {number!r}")  # noqa: TRY004, pydantic
    return number


Number = Annotated[FiniteFloat, BeforeValidator(_no_strings)]
Count = Annotated[PositiveInt, BeforeValidator(_no_strings)]


def _class(named: object) -> object:
    """Refuse what is neither the name nor the number of a class."""
    number = isinstance(named, int) and not isinstance(named, bool) and named >= 0
    if not number and not (isinstance(named, str) and named):
        raise ValueError(f"expected the name or the number of a class. Received: {named!r}")
    return named


def _by_text(level: object) -> object:
    return {str(key): part for key, part in level.items()} if isinstance(level, dict) else level


Class = Annotated[str | int, BeforeValidator(_class)]


class Frozen(BaseModel):
    """A value: immutable, without unknown fields, its errors told as a ``StudyError``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def __init__(self, /, **fields: Any) -> None:
        """Validate, and say which key is wrong in the words of a study file.

        Raises:
            StudyError: if a field is unknown, missing or of the wrong kind.
        """
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _explain(error, type(self)) from None


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

    def __str__(self) -> str:
        """The text that ``parse`` reads."""
        return f"{self.split}/{self.name}@{self.epoch}"


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
    """How nuisance hyperparameters are chosen: the same budget inside every arm.

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


class Split(Frozen):
    """What keeps rows of a table together that must not be on both sides of a split.

    Args:
        group: a column; all rows with the same value stay together in test, training or validation.
        time: a column of dates or numbers; the last fifth is the test split, and of the rest the
            last rows validate.
    """

    group: str = ""
    time: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.group) == bool(self.time):
            raise ValueError(
                "expected a column to split by, { group = ... } or { time = ... }. "
                f"Received: {'both' if self.group else 'none'}"
            )
        return self


def _columns(given: object) -> object:
    """Refuse what is neither a list of columns nor groups of them by name."""
    groups = given if isinstance(given, dict) else {"all": given}
    lists = [one for one in groups.values() if isinstance(one, list | tuple)]
    names = [*groups, *(name for one in lists for name in one)]
    full = len(lists) == len(groups) and (lists == [given] or (lists and all(lists)))
    if not full or not all(isinstance(name, str) and name for name in names):
        raise ValueError(
            "expected a list of columns, or lists by name, such as { image = ['a', 'b'], meta = "
            f"['c'] }}. Received: {given!r}"
        )
    return given


class Columns(Frozen):
    """Named columns of a CSV, TSV or Parquet file.

    Args:
        file: its path.
        target: the column to predict; several for several numbers, or for several labels, each of
            them 0 or 1.
        inputs: columns to predict from, numbers or words; groups of them by name are several
            inputs. Default: all others that are measurements, which row numbers and identifiers
            are not.
        task: default: text, truth values and few whole numbers are classes, real numbers are
            predicted.
        standardize: whether numbers, predicted ones too, are shifted and scaled to mean 0 and
            deviation 1 over the training cases.
        cases: of a stratified subset; default: all of them.
        categorical: columns whose numbers are names.
        drop: columns that are not looked at.
        missing: what becomes of inputs without a value: ``median`` fills them in, ``indicator``
            also says where, ``drop`` leaves such rows out. Default: they are refused.
        test: path of a table with the test cases. Default: a fifth of the rows.
        split: what the test split and validation go by. Default: chance.
        decimal: what stands before decimals, ``.`` or ``,``. Default: as can be told.
    """

    file: Annotated[str, Field(min_length=1)]
    target: str | tuple[str, ...]
    inputs: Annotated[tuple[str, ...] | dict[str, tuple[str, ...]], BeforeValidator(_columns)] = ()
    task: Literal["", "classification", "multilabel", "regression"] = ""
    standardize: bool = True
    cases: Count | None = None
    categorical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    missing: Literal["", "median", "indicator", "drop"] = ""
    test: str = ""
    split: Split | None = None
    decimal: Literal["", ".", ","] = ""

    @property
    def named(self) -> tuple[str, ...]:
        """Columns that are named as inputs, each once."""
        groups = self.inputs.values() if isinstance(self.inputs, dict) else [self.inputs]
        return tuple(dict.fromkeys(name for group in groups for name in group))


class Images(Frozen):
    """A folder with a folder of images per class, perhaps below ``train`` and ``test``.

    Args:
        folder: its path.
        size: height and width that images are brought to; default: they are equal already.
        gray: whether colours are left out.
        cases: of a stratified subset; default: all of them.
    """

    folder: Annotated[str, Field(min_length=1)]
    size: tuple[Count, Count] | None = None
    gray: bool = False
    cases: Count | None = None


class Arrays(Frozen):
    """Arrays of an ``.npz`` file, of a function, or given to ``harness.run``, and how to read them.

    Args:
        file: path of the ``.npz``, or a function ``module:function``; empty for given arrays.
        task: what the labels are; default: as can be told from them.
        scale: whether whole numbers 0..255 or 0..65535 become 0..1; default: if they look like
            pictures.
        standardize: whether inputs get mean 0 and deviation 1 over the training cases of each
            replicate, along their last axis as in ``keras.layers.Normalization``; and what is to
            be predicted with them, whose errors are reported in its own unit all the same.
        channels: where the channels of images stand: ``"last"`` or ``"first"``.
        cases: of a stratified subset; default: all of them.
    """

    file: str = ""
    task: Literal["", "classification", "sequence", "multilabel", "regression"] = ""
    scale: bool | None = None
    standardize: bool = False
    channels: Literal["last", "first"] = "last"
    cases: Count | None = None

    @property
    def reading(self) -> dict[str, Any]:
        """All that is not the default: it changes what is trained on."""
        return self.model_dump(exclude={"file", "cases"}, exclude_defaults=True)


def _source(given: object) -> str:
    if isinstance(given, Columns | Images | Arrays):
        return f"<{type(given).__name__.lower()}>"
    if isinstance(given, dict):
        if "folder" in given:
            return "<images>"
        file = code_name(str(given.get("file", "")))
        return "<arrays>" if not file or file.endswith(".npz") or names_code(file) else "<columns>"
    return "<text>"


Source = Annotated[
    Annotated[Columns, Tag("<columns>")]
    | Annotated[Images, Tag("<images>")]
    | Annotated[Arrays, Tag("<arrays>")]
    | Annotated[str, Tag("<text>")],
    Discriminator(_source),
]


class Study(Frozen):
    """A frozen question about trainings.

    Args:
        name: folder of the results; letters, digits, ``.``, ``_`` and ``-``.
        template: a built-in one, or a user's function ``module:function``.
        dataset: ``digits``, ``digits@500`` (a stratified subset), the path of an ``.npz``, a folder
            of images per class, a function ``module:function``, ``Columns``, ``Images`` or
            ``Arrays``; not needed when arrays are given to ``harness.run``.
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
    metric: str = ""
    baseline: dict[str, Level] = Field(default_factory=dict)
    best: str = ""
    replicates: Count = 10
    seed: Annotated[int, BeforeValidator(_no_strings)] = 1
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
        if isinstance(dataset, Arrays):
            return dataset.model_copy(update={"file": code_name(dataset.file)})
        return code_name(dataset) if isinstance(dataset, str) else dataset

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
        if not text:
            return text
        match = _METRIC.fullmatch(text.lower().replace(" ", "_"))
        if not match or match[1] not in {"val", None} or match[3]:
            raise ValueError(
                f"expected a validation quantity, such as 'val/loss'. Received: {text!r}"
            )
        return f"val/{match[2]}"

    def digest(self) -> str:
        """Identity of the definition; the order of factors, which numbers the arms, is part."""
        told = self.model_dump(mode="json", by_alias=True)
        if not self.task:  # as before there was such a key
            del told["task"]
        return digest([told, [*self.factors]])


class Arm(Frozen):
    """One combination of levels.

    Args:
        index: its place in the table.
        levels: level by factor, as the study wrote them.
    """

    index: int
    levels: dict[str, Level]

    @property
    def label(self) -> str:
        """A short name, such as ``relu, dropout=0.2``.

        What does not speak for itself, a number or ``none``, is told by its factor.
        """
        named = {factor: _is_named(level) for factor, level in self.levels.items()}
        return ", ".join(
            label(level) if named[factor] else f"{factor}={label(level)}"
            for factor, level in self.levels.items()
        )


class Reference(Frozen):
    """A method that trains no network, on the same splits as the arms.

    Args:
        index: its place, behind the arms.
        method: name and numbers, as the study wrote them.
        levels: of the arms that it is meant for, by factor; none: all arms.
    """

    index: int
    method: dict[str, Level]
    levels: dict[str, Level] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """A short name, such as ``pca(components=8)``."""
        return label(self.method)

    def meets(self, arm: Arm) -> bool:
        """Whether it is meant for an arm."""
        return all(arm.levels[factor] == level for factor, level in self.levels.items())


class Trial(Frozen):
    """One training, with everything that its result depends on.

    Args:
        template: name of the template, or of a method that trains no network.
        settings: all template arguments and training settings, in canonical form.
        dataset: where the data is.
        data: content hash of the data.
        task: ``classification`` or ``regression``.
        code: fingerprint of user code; empty for a built-in template.
        seed: the study's seed.
        phase: ``tune`` trials never see the test split.
        replicate: with the phase, fixes all random streams.
        best: quantity whose optimum is the best epoch.
        threads: intra-operation threads.
        engine: version of the engine.
        precision: floating-point type.
        xla: ``rule``: compiled by XLA where device and operations allow.
        deterministic: whether TensorFlow's op determinism is on.
    """

    template: str
    settings: dict[str, Value]
    dataset: str
    data: str
    task: str
    code: str = ""
    seed: int
    phase: Phase
    replicate: int
    best: str
    threads: int
    engine: int = ENGINE
    backend: Literal["tensorflow"] = "tensorflow"
    precision: Literal["float32"] = "float32"
    xla: Literal["rule"] = "rule"
    deterministic: bool = False

    @property
    def key(self) -> str:
        """Content hash: the same training has the same key in every study."""
        return digest(self.model_dump(mode="json", exclude={"dataset"}))


def _is_named(level: Level) -> bool:
    if isinstance(level, dict):
        return "name" in level
    return isinstance(level, str) and level.lower() != "none"


def label(level: Value) -> str:
    """How a level is written in tables, figures and messages.

    Example:
        >>> label({"name": "sgd", "momentum": 0.9}), label([16, 32]), label(0.5)
        ('sgd(momentum=0.9)', '[16, 32]', '0.5')
    """
    if isinstance(level, dict) and "name" in level:
        rest = ", ".join(f"{key}={label(part)}" for key, part in level.items() if key != "name")
        name = printable(str(level["name"]))
        return f"{name}({rest})" if rest else name
    if isinstance(level, dict):
        return "(" + ", ".join(f"{key}={label(part)}" for key, part in level.items()) + ")"
    if isinstance(level, bool):
        return str(level).lower()
    return f"{level:g}" if isinstance(level, float) else printable(str(level))


_TAGS = frozenset({"range", "choices", "<columns>", "<images>", "<arrays>", "<text>"})
"""Of unions; what stands before or behind them is the key."""


def _explain(error: ValidationError, model: type[BaseModel]) -> StudyError:
    """The first of pydantic's findings, as one sentence about one key."""
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"] if str(part) not in _TAGS]
    tags = [index for index, part in enumerate(path) if _is_union_tag(part)]
    if tags:
        path, text = path[: tags[0]], "expected text, a finite number, a truth value or a list"
        return StudyError(f"{text}. Received: {first['input']!r}.", key=".".join(path))
    key, received = ".".join(path), first["input"]
    match first["type"]:
        case "extra_forbidden":
            names = [field.alias or name for name, field in model.model_fields.items()]
            text = f"expected a known key. Received: {path[-1]!r}. {nearest(path[-1], names)}"
        case "missing":
            text = "expected this key. Received: nothing."
        case "too_short":
            text = "expected at least one entry. Received: none."
        case "value_error":
            cause = first["ctx"]["error"]
            if isinstance(cause, StudyError):
                key = ".".join(part for part in (key, cause.key) if part)
                text = cause.message
            else:
                text = f"{cause}."
        case _:
            expected = first["msg"].replace("Input should be", "expected").replace("tuple", "list")
            text = f"{expected}. Received: {received!r}."
    return StudyError(text, key=key)


def _is_union_tag(part: str) -> bool:
    """Whether pydantic added this part of a path for a member of ``Level``."""
    return part in {"bool", "int", "float", "str"} or part.startswith(("list[", "dict["))
