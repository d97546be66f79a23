"""Data of a user's own, and how it is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from harness.spec.values import Class, Count, Frozen, without_strings
from harness.targets import code_name, names_code


class Split(Frozen):
    """Column that keeps rows together which must not be on both sides of a split.

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
    if isinstance(given, Columns | Images | Arrays | Part):
        return f"<{type(given).__name__.lower()}>"
    if isinstance(given, dict):
        if "folder" in given:
            return "<images>"
        if "name" in given:
            return "<part>"
        file = code_name(str(given.get("file", "")))
        return "<arrays>" if not file or file.endswith(".npz") or names_code(file) else "<columns>"
    return "<text>"


Whole = Annotated[
    Annotated[Columns, Tag("<columns>")]
    | Annotated[Images, Tag("<images>")]
    | Annotated[Arrays, Tag("<arrays>")]
    | Annotated[str, Tag("<text>")],
    Discriminator(_source),
]


class Like(Frozen):
    """Images as those of another data set: colours, size and range by fixed rules.

    Args:
        shape: of one image: height, width, and channels (1 or 3) if it is to have any.
    """

    shape: tuple[Count, ...]

    @model_validator(mode="after")
    def _channels(self) -> Self:
        if len(self.shape) < 2 or self.shape[2:] not in {(), (1,), (3,)}:
            raise ValueError(
                f"expected height, width, and 1 or 3 channels or none. Received: {[*self.shape]}"
            )
        return self


class Part(Frozen):
    """Some classes of a data set, or its images in another shape, as a data set of its own.

    Args:
        name: the data set: a name, perhaps of a subset, or a table as for ``dataset`` itself.
        classes: by name or number; their cases are numbered 0, 1, ... in the order of the data.
        half: ``a`` or ``b``: one half of the classes, which are divided at random.
        draw: which random division; each study seed has its own. Halves ``a`` and ``b`` of one
            draw have no class in common, and together all. ``replicate``: each replicate has its
            own, the same for all arms.
        like: the shape that images are brought to.
    """

    name: Whole
    classes: tuple[Class, ...] = ()
    half: Literal["", "a", "b"] = ""
    draw: Annotated[int, BeforeValidator(without_strings), Field(ge=0)] | Literal["replicate"] = 0
    like: Like | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.classes and self.half:
            raise ValueError("expected either classes or half. Received: both")
        if not (self.classes or self.half or self.like):
            raise ValueError(
                "expected what is made of it: classes = [...], half = 'a' or 'b', or "
                "like = { shape = [...] }. Received: nothing; for all of it, name it alone"
            )
        if self.draw and not self.half:
            raise ValueError(
                "expected draw only beside half. Received: it beside classes. Leave it out"
            )
        return self


Source = Annotated[
    Annotated[Columns, Tag("<columns>")]
    | Annotated[Images, Tag("<images>")]
    | Annotated[Arrays, Tag("<arrays>")]
    | Annotated[Part, Tag("<part>")]
    | Annotated[str, Tag("<text>")],
    Discriminator(_source),
]


def whole(source: Source) -> Whole:
    """The data set that a source is, or is a part of.

    Example:
        >>> whole(Part(name="mnist", classes=[0, 1])), whole("digits")
        ('mnist', 'digits')
    """
    return source.name if isinstance(source, Part) else source
