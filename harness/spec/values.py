"""Values that studies are made of: frozen, with numbers and names, and how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FiniteFloat,
    PositiveInt,
    ValidationError,
)
from typing_extensions import TypeAliasType

from harness.errors import StudyError, nearest
from harness.printable import printable

Scalar = bool | int | FiniteFloat | str


if TYPE_CHECKING:
    Value = bool | int | float | str | list[Any] | dict[str, Any] | None
    Level = bool | int | float | str | list[Any] | dict[str, Any]
else:  # pydantic checks the inside of lists and tables too
    Value = TypeAliasType("Value", Scalar | list["Value"] | dict[str, "Value"] | None)
    Level = TypeAliasType("Level", Scalar | list["Level"] | dict[str, "Level"])


def without_strings(number: object) -> object:
    """Refuse the silent conversions of text and truth values into numbers."""
    if isinstance(number, str | bool):
        raise ValueError(f"expected a number. Received: {number!r}")  # noqa: TRY004, pydantic
    return number


Number = Annotated[FiniteFloat, BeforeValidator(without_strings)]


Count = Annotated[PositiveInt, BeforeValidator(without_strings)]


def _class(named: object) -> object:
    """Refuse what is neither the name nor the number of a class."""
    number = isinstance(named, int) and not isinstance(named, bool) and named >= 0
    if not number and not (isinstance(named, str) and named):
        raise ValueError(f"expected the name or the number of a class. Received: {named!r}")
    return named


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


def label(level: Value) -> str:
    """Text of a level in tables, figures and messages.

    Example:
        >>> label({"name": "sgd", "momentum": 0.9}), label([16, 32]), label(0.5)
        ('sgd(momentum=0.9)', '[16, 32]', '0.5')
        >>> label([100, 100, 100, 100, 100])
        '5x100'
    """
    if isinstance(level, dict) and "name" in level:
        rest = ", ".join(f"{key}={label(part)}" for key, part in level.items() if key != "name")
        name = printable(str(level["name"]))
        return f"{name}({rest})" if rest else name
    if isinstance(level, dict):
        return "(" + ", ".join(f"{key}={label(part)}" for key, part in level.items()) + ")"
    if isinstance(level, bool):
        return str(level).lower()
    if (
        isinstance(level, list | tuple)
        and len(level) >= _MANY_EQUAL
        and len({*map(str, level)}) == 1
    ):
        return f"{len(level)}x{label(level[0])}"
    return _shortest(level) if isinstance(level, float) else printable(str(level))


_MANY_EQUAL = 3
"""Equal entries of a list that its label counts instead of repeating, as in 5x100 units."""


def _shortest(number: float) -> str:
    """Six digits where they say all, or as many as tell the number from its neighbours."""
    text = f"{number:g}"
    return text if float(text) == number else repr(number)


_TAGS = frozenset(
    {"range", "choices", "<columns>", "<images>", "<arrays>", "<part>", "<text>"}
    | {"better", "ordering", "bound", "equivalence", "threshold"}
)
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
        case "union_tag_invalid":
            key, context = f"{key}.kind", first["ctx"]
            text = f"expected one of {context['expected_tags']}. Received: {context['tag']!r}."
        case "union_tag_not_found":
            key, text = f"{key}.kind", "expected this key. Received: nothing."
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
    """True if pydantic added this part of a path for a member of ``Level``."""
    return part in {"bool", "int", "float", "str"} or part.startswith(("list[", "dict["))
