"""From what a study wrote to catalogue entries with all their numbers."""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.catalog.entries import Entry
from harness.catalog.families import FAMILIES, OPEN
from harness.catalog.objectives import LOSSES
from harness.errors import StudyError, nearest
from harness.targets import code_name, names_code
from harness.words import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.catalog.entries import Argument, Number
    from harness.spec import Value


LARGEST = sys.float_info.max

BY_CLASS = "by_class"
"""Name of class weights that a study gives as a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A catalogue entry as a study names it, with all its numbers filled in.

    Args:
        family: one of ``FAMILIES``.
        name: of the entry, or ``module:object`` of the user.
        numbers: all that the entry takes.
        flags: all switches.
        words: all options; whatever a user's own entry is given.
    """

    family: str
    name: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    words: Mapping[str, Value] = field(default_factory=dict)

    @property
    def entry(self) -> Entry:
        """The entry itself; a user's own takes what it takes."""
        return FAMILIES[self.family].get(self.name) or Entry(target=self.name)

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments that its target is called with."""
        return {**self.words, **self.flags, **self.numbers}

    def setting(self) -> dict[str, Value]:
        """The form in which a choice enters a trial."""
        return {"name": self.name, **self.arguments}

    def values(self) -> dict[str, float]:
        """Those numbers that are inputs of a program."""
        taken = self.entry.numbers
        return {key: self.numbers[key] for key, number in taken.items() if number.value}

    def structure(self) -> dict[str, Value]:
        """The rest: what the program is compiled for."""
        values = self.values()
        inside = {*values, *(["weights"] if self.name == BY_CLASS else [])}
        return {key: part for key, part in self.setting().items() if key not in inside}


def choice(family: str, raw: Value) -> Choice:
    """Resolve what a study wrote into an entry with all its numbers.

    Args:
        family: one of ``FAMILIES``.
        raw: a name or alias, whatever its case, or a table ``{"name": ..., number: ...}``, also in
            the form of a call, as tables print it. In some families also the user's own, as
            ``module:object``.

    Raises:
        StudyError: for an unknown name or number, or a number out of its range.

    Example:
        >>> choice("activation", "swish").name
        'silu'
        >>> choice("optimizer", {"name": "sgd", "momentum": 0.9}).numbers["momentum"]
        0.9
        >>> choice("regularizer", "L2(0.01)").setting()
        {'name': 'l2', 'l2': 0.01}
    """
    given = as_table(raw)
    name = given.pop("name", None)
    if isinstance(name, str) and family in OPEN and names_code(code_name(name)):
        given.pop("", None)
        return Choice(family=family, name=code_name(name), words=given)
    if family == "class_weight" and isinstance(raw, dict) and not (name and isinstance(name, str)):
        return _by_class(raw)
    if family == "class_weight" and name == BY_CLASS:
        weights = given.get("weights")
        if isinstance(weights, dict):
            return _by_class(weights)
        if isinstance(weights, list):
            return Choice(family=family, name=name, words=given)
    entries = FAMILIES[family]
    known = named(entries, name)
    if known is None:
        names = [alias for key, entry in entries.items() for alias in (key, *entry.aliases)]
        raise StudyError(
            f"expected the name of {_article(family)}. Received: {name!r}. "
            + nearest(name, names, f"keras-harness catalog {family}")
        )
    entry = entries[known]
    if "" in given:
        _place(given, entry, f"{family} {name!r}")
    accepted = [*entry.numbers, *entry.flags, *entry.options]
    for extra in given.keys() - {*accepted}:
        raise StudyError(
            f"expected a number that {family} {name!r} takes. Received: {extra!r}. "
            + (nearest(extra, accepted) if accepted else "It takes none.")
        )
    return Choice(
        family=family,
        name=known,
        numbers={
            key: _number(key, given.get(key, number.default), number)
            for key, number in entry.numbers.items()
        },
        flags={key: _flag(key, given.get(key, flag)) for key, flag in entry.flags.items()},
        words={
            key: _word(given.get(key, words[0]), words, f" for {key!r}")
            for key, words in entry.options.items()
        },
    )


def settled(family: str, setting: Value) -> Choice:
    """The choice that ``Choice.setting`` has written, nothing of which is left to be checked.

    Args:
        family: one of ``FAMILIES``.
        setting: of a trial, in canonical form.

    Example:
        >>> chosen = choice("optimizer", "Adam")
        >>> settled("optimizer", chosen.setting()) == chosen
        True
    """
    assert isinstance(setting, dict)
    given = dict(setting)
    name = str(given.pop("name"))
    entry = FAMILIES[family].get(name)
    if entry is None or name == BY_CLASS:
        return Choice(family=family, name=name, words=given)
    return Choice(
        family=family,
        name=name,
        # The learning rate of an optimizer is a setting of its own.
        numbers={key: given.get(key, number.default) for key, number in entry.numbers.items()},
        flags={key: given[key] for key in entry.flags},
        words={key: given[key] for key in entry.options},
    )


def _by_class(raw: Mapping[str, Value]) -> Choice:
    weights: dict[str, Value] = {}
    for name, weight in raw.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise StudyError(f"expected a number for class {name!r}. Received: {weight!r}.")
        weights[name] = _amount(weight)
    if not weights:
        raise StudyError("expected a weight for some class. Received: none.")
    return Choice(family="class_weight", name=BY_CLASS, words={"weights": weights})


_CALL = re.compile(r"\s*([^()\s]+)\s*\((.*)\)\s*", re.DOTALL)
_COMMA = re.compile(r",(?![^\[]*\])")


def as_table(raw: Value) -> dict[str, Any]:
    """Table with a name, from what a study wrote for a choice; under ``""`` a value without a key.

    Example:
        >>> as_table("sgd(momentum=0.9, nesterov=true)")
        {'name': 'sgd', 'momentum': 0.9, 'nesterov': True}
    """
    if isinstance(raw, dict):
        return dict(raw)
    call = _CALL.fullmatch(raw) if isinstance(raw, str) else None
    if call is None:
        return {"name": raw}
    table: dict[str, Any] = {"name": call[1]}
    for part in _COMMA.split(call[2]) if call[2].strip() else ():
        key, equals, text = part.partition("=")
        if not equals:
            key, text = "", part
        if (key := key.strip()) in table:
            raise StudyError(f"expected each number once, by name. Received: {raw!r}.")
        table[key] = _literal(text.strip())
    return table


def _literal(text: str) -> Any:
    """A value as a file would hold it: what is no number, list or truth value is a word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return {"True": True, "False": False}.get(text, text)


def _place(given: dict[str, Any], entry: Entry, what: str) -> None:
    """Give a lone value without a key to the one number that an entry takes."""
    if len(entry.numbers) != 1 or len(given) != 1:
        names = ", ".join(f"{key}=..." for key in (*entry.numbers, *entry.flags, *entry.options))
        raise StudyError(
            f"expected names for what {what} takes ({names or 'nothing'}). "
            f"Received: {given['']!r} without one."
        )
    (number,) = entry.numbers
    given[number] = given.pop("")


def named(entries: Mapping[str, Any], name: object) -> str | None:
    """The key of the entry that a name, an alias, or another spelling of either stands for."""
    if not isinstance(name, str):
        return None
    if name in entries:
        return name
    plain = fold(name)
    for key, entry in entries.items():
        if plain in {fold(alias) for alias in (key, *entry.aliases)}:
            return key
    return None


def check_argument(argument: Argument, raw: Value) -> Value:
    """The canonical form of what a study wrote for an argument.

    Raises:
        StudyError: if it is of the wrong kind or out of range.

    Example:
        >>> from harness.catalog import SETTINGS
        >>> check_argument(SETTINGS["epochs"], 20)
        20
    """
    if argument.kind == "choice":
        if argument.family == "loss":
            return _loss(raw)
        chosen = choice(argument.family, raw)
        _check_usable(argument, chosen)
        return chosen.setting()
    if argument.kind == "option":
        return _word(raw, argument.options)
    if argument.kind == "real" and argument.family and isinstance(raw, str | dict):
        return choice(argument.family, raw).setting()
    if argument.kind == "depth":
        return _depth(raw, argument.options)
    return _KINDS[argument.kind](raw)


def _check_usable(argument: Argument, chosen: Choice) -> None:
    if chosen.name in argument.without:
        names = [name for name in FAMILIES[argument.family] if name not in argument.without]
        raise StudyError(
            f"expected {_article(argument.family)} that this template can use here: "
            f"{', '.join(names)}. Received: {chosen.name!r}."
        )


def _loss(raw: Value) -> Value:
    name = named(LOSSES, raw)
    if raw is not None and name is None:
        raise StudyError(f"expected the name of a loss. Received: {raw!r}. {nearest(raw, LOSSES)}")
    return name


def _count(raw: Value) -> Value:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        raise StudyError(f"expected a whole number of at least 1. Received: {raw!r}.")
    return raw


def _token(raw: Value) -> Value:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < -1:
        raise StudyError(f"expected the number of a token, or -1 for none. Received: {raw!r}.")
    return raw


def _counts(raw: Value) -> Value:
    if isinstance(raw, int):
        return [_count(raw)]
    if not isinstance(raw, list | tuple):
        raise StudyError(f"expected a list of whole numbers, such as [16, 32]. Received: {raw!r}.")
    return [_count(part) for part in raw]


def _positive(raw: Value) -> Value:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 < raw <= LARGEST:
        raise StudyError(f"expected a finite number above 0. Received: {raw!r}.")
    return float(raw)


def _amount(raw: Value) -> Value:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= LARGEST:
        raise StudyError(f"expected a finite number of at least 0. Received: {raw!r}.")
    return float(raw) + 0.0  # which makes of -0.0 what it equals


def _truth(raw: Value) -> Value:
    if not isinstance(raw, bool):
        raise StudyError(f"expected true or false. Received: {raw!r}.")
    return raw


def _real(raw: Value) -> Value:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not abs(raw) <= LARGEST:
        raise StudyError(f"expected a finite number. Received: {raw!r}.")
    return float(raw) + 0.0


def _share(raw: Value) -> Value:
    if raw == 0:
        raise StudyError("expected a number above 0 and below 1. Received: 0.")
    return _fraction(raw)


def _depth(raw: Value, words: Sequence[str]) -> Value:
    if raw in words:
        return raw
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        known = " or ".join(map(repr, words))
        raise StudyError(f"expected a number of first layers, or {known}. Received: {raw!r}.")
    return raw


def _name(raw: Value) -> Value:
    if not isinstance(raw, str):
        raise StudyError(f"expected a name. Received: {raw!r}.")
    return raw


def _fraction(raw: Value) -> Value:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw < 1:
        raise StudyError(f"expected a number from 0 to below 1. Received: {raw!r}.")
    return float(raw) + 0.0


_KINDS = {
    "count": _count,
    "counts": _counts,
    "token": _token,
    "number": _positive,
    "fraction": _fraction,
    "share": _share,
    "real": _real,
    "amount": _amount,
    "flag": _truth,
    "word": _name,
}


def _flag(key: str, raw: Value) -> bool:
    if not isinstance(raw, bool):
        raise StudyError(f"expected true or false for {key!r}. Received: {raw!r}.")
    return raw


def _word(raw: Value, words: tuple[str, ...], where: str = "") -> str:
    if not isinstance(raw, str) or raw not in words:
        raise StudyError(
            f"expected one of {', '.join(words)}{where}. Received: {raw!r}. {nearest(raw, words)}"
        )
    return raw


def _number(key: str, raw: Value, number: Number) -> float:
    if (
        isinstance(raw, int | float)
        and not isinstance(raw, bool)
        and number.low <= raw <= number.high
        and abs(raw) <= LARGEST
        and not (number.whole and raw % 1)
    ):
        return int(raw) if number.whole else float(raw) + 0.0
    what = "a whole number" if number.whole else "a number"
    raise StudyError(
        f"expected {what} from {number.low:g} to {number.high:g} for {key!r}. Received: {raw!r}."
    )


def _article(family: str) -> str:
    return f"an {family}" if family[0] in "aeiou" else f"a {family}"
