"""Classes as a study names them: by name or by number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.errors import StudyError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.card import Card

_NUMERAL = re.compile(r"-?\d+(\.\d+)?")


def number(card: Card, named: str | int) -> int:
    """The number of a class.

    What is a name counts as one, also where it is written as a number: of the classes 1, 2 and 3
    the number 1 is the first.

    Raises:
        StudyError: if there is no such class.

    Example:
        >>> from harness.card import Card
        >>> card = Card(locator="a", digest="", task="classification", shape=(2,), cases=8,
        ...             tests=2, outputs=2, counts=(2, 6), classes=("no", "yes"))
        >>> number(card, "yes"), number(card, 0)
        (1, 0)
    """
    text = str(named)
    if text in card.classes:
        return card.classes.index(text)
    by_number = not card.classes or not all(map(_NUMERAL.fullmatch, card.classes))
    if by_number and text.isdecimal() and int(text) < card.outputs:
        return int(text)
    if card.classes:
        expected = f"expected a class of {card.label}. Received: {named!r}. "
        raise StudyError(expected + nearest(text, card.classes))
    raise StudyError(
        f"expected one of the classes 0 to {card.outputs - 1}, by number. Received: {named!r}."
    )


def weights(card: Card, given: Mapping[str, float]) -> list[float]:
    """The weight of every class, one where none is given.

    Raises:
        StudyError: if a class is unknown, or named twice.
    """
    found = {}
    for name, weight in given.items():
        place = number(card, name)
        if place in found:
            raise StudyError(
                f"expected one weight per class. Received: two for {card.class_name(place)}, "
                "perhaps one by name and one by number. Remove one of them."
            )
        found[place] = weight
    return [found.get(place, 1.0) for place in range(card.outputs)]
