"""Some classes of a data set as a data set: by name, by number, or as half of a random split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness import seeds
from harness.card import SHOWN, view_digest
from harness.design import classes
from harness.errors import StudyError
from harness.spec import Part

if TYPE_CHECKING:
    from harness.card import Card
    from harness.spec import Source


def parted(source: Source, card: Card, seed: int) -> Card:
    """The card of what a source makes of a data set.

    Args:
        source: of a study; what is no ``Part`` is the whole.
        card: of the whole.
        seed: of the study, which decides the halves of a draw.

    Raises:
        StudyError: if a class is not there, or the data has none.

    Example:
        >>> from harness.card import Card
        >>> card = Card(locator="a", digest="", task="classification", shape=(2,), cases=9,
        ...             tests=3, outputs=3, counts=(2, 3, 4), test_counts=(1, 1, 1))
        >>> made = parted(Part(name="a", classes=[2, 0]), card, 1)
        >>> made.counts, made.classes, made.label
        ((2, 4), ('0', '2'), 'a (0, 2)')
    """
    if not isinstance(source, Part):
        return card
    _check_classes(card, source)
    return _only(card, _chosen(source, card, seed))


def halves(count: int, seed: int, draw: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A random split of the numbers of classes, the first half one larger if they are odd.

    Args:
        count: of all classes.
        seed: of the study.
        draw: which of its splits.

    Example:
        >>> halves(4, 1, 0)
        ((0, 3), (1, 2))

    Reference:
        Yosinski et al., "How Transferable Are Features in Deep Neural Networks?", 2014.
    """
    order = seeds.permutation(seeds.stream(seed, "data", draw, "halves"), count).tolist()
    middle = (count + 1) // 2
    return tuple(sorted(order[:middle])), tuple(sorted(order[middle:]))


def _check_classes(card: Card, source: Part) -> None:
    key = "dataset.half" if source.half else "dataset.classes"
    if card.task != "classification" or not card.counts or not card.test_counts:
        raise StudyError(
            f"expected data with one class per case, to take some of them. Received: {card.label!r}"
            f", {card.task} data. Name the data set itself.",
            key=key,
        )
    if card.held:
        raise StudyError(
            "expected data whose validation cases are drawn, to take some of its classes. "
            f"Received: {card.label!r}, which comes with {card.held} of them. Add them to the "
            "training cases.",
            key=key,
        )


def _chosen(source: Part, card: Card, seed: int) -> tuple[int, ...]:
    """Numbers of the classes that are meant."""
    key = "dataset.half" if source.half else "dataset.classes"
    if source.half:
        found = halves(card.outputs, seed, source.draw)["ab".index(source.half)]
    else:
        try:
            found = tuple(sorted({classes.number(card, one) for one in source.classes}))
        except StudyError as error:
            raise StudyError(error.message, key=key) from None
    empty = [one for one in found if not (card.counts[one] and card.test_counts[one])]
    if len(found) < FEWEST or empty:
        raise StudyError(
            f"expected at least {FEWEST} classes, each with cases inside and outside the test "
            f"split. Received: {_named(card, tuple(empty) or found)}"
            f"{', without' if empty else ''}. Choose others.",
            key=key,
        )
    return found


FEWEST = 2
"""Classes below which there is nothing to tell apart."""


def _only(card: Card, chosen: tuple[int, ...]) -> Card:
    """Data with these classes, under new numbers in the same order."""
    counts, tests = (
        tuple(whole[one] for one in chosen) for whole in (card.counts, card.test_counts)
    )
    part = {"classes": list(chosen)}
    return replace(
        card,
        digest=view_digest(card.digest, part),
        part=part,
        name=f"{card.label} ({_named(card, chosen)})",
        outputs=len(chosen),
        cases=sum(counts),
        tests=sum(tests),
        counts=counts,
        test_counts=tests,
        classes=tuple(map(card.class_name, chosen)),
        copies=(),  # counted among all classes
        modes=0,
        spare=max(card.spare, card.grain - 1),
        grain=1,
    )


def _named(card: Card, chosen: tuple[int, ...]) -> str:
    names = [card.class_name(one) for one in chosen]
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest
