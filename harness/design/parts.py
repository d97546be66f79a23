"""Some classes of a data set, or its images in another shape, as a data set."""

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


def is_redrawn(source: Source) -> bool:
    """True if a source has other classes in every replicate."""
    return isinstance(source, Part) and bool(source.half) and source.draw == "replicate"


def parted(source: Source, card: Card, seed: int, draw: int = 0) -> Card:
    """The card of what a source makes of a data set.

    Args:
        source: of a study; what is no ``Part`` is the whole.
        card: of the whole.
        seed: of the study, which decides the halves of a draw.
        draw: which one, for a source that is drawn anew in every replicate.

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
    made = card
    if source.classes or source.half:
        _check_classes(card, source)
        number = draw if source.draw == "replicate" else source.draw
        made = _only(card, _chosen(source, card, seed, number))
    if is_redrawn(source):
        name = f"{card.label} (half {source.half} of the classes, drawn for each replicate)"
        made = replace(made, name=name, classes=())
    if source.like:
        made = _alike(made, source.like.shape)
    return replace(made, digest=view_digest(card.digest, made.part))


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


def _chosen(source: Part, card: Card, seed: int, draw: int) -> tuple[int, ...]:
    """Numbers of the classes that are meant."""
    key = "dataset.half" if source.half else "dataset.classes"
    if source.half:
        found = halves(card.outputs, seed, draw)["ab".index(source.half)]
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
    return replace(
        card,
        part={"classes": list(chosen)},
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


def _alike(card: Card, shape: tuple[int, ...]) -> Card:
    """Data with images of this shape."""
    if not _are_images(card):
        raise StudyError(
            "expected images, pixels scaled to 0..1, to bring them to another shape. Received: "
            f"{card.label!r}, cases of shape {card.form}, "
            f"{card.scaling or 'without a declared range'}. Leave 'like' out.",
            key="dataset.like",
        )
    if shape == card.shape:
        return card
    before, after = ((*sides[2:], 1)[0] for sides in (card.shape, shape))
    colours = "colours by luminance, " if after < before else ""
    rule = f"{'grey levels repeated, ' if after > before else colours}bilinear"
    return replace(
        card,
        part={**card.part, "shape": list(shape)},
        shape=shape,
        scaled=True,
        scaling=f"{card.scaling or '0..1'}; {card.shape} -> {shape}: {rule}",
        copies=(),  # counted in the old shape
    )


def _are_images(card: Card) -> bool:
    """True if cases have height and width, perhaps colours, and the range 0..1.

    Images that come with the harness without a line on their scaling are kept in that range.
    """
    sides, colours = card.shape[:2], card.shape[2:]
    framed = len(sides) == 2 and min(sides) >= SIDE and colours in {(), (1,), (3,), (4,)}
    scaled = not card.scaling or card.scaling.endswith("-> 0..1") or card.scaling.startswith("0..1")
    return framed and scaled and not card.inputs and not card.tokens


SIDE = 8
"""Shortest side from which numbers in rows are taken for an image."""


def _named(card: Card, chosen: tuple[int, ...]) -> str:
    names = [card.class_name(one) for one in chosen]
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest
