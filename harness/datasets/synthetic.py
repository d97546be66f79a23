"""Data sets that are computed: exact definitions, for any number of steps.

``adding-100`` is the adding problem over 100 steps, ``copy-50`` copy memory over 50. The same
name is the same data everywhere: the draws have a fixed seed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness import seeds
from harness.datasets.splits import TEST_SEED
from harness.errors import DataError
from harness.identity import digest
from harness.spec import Card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]

CASES, TESTS = 10_000, 2_000
VERSION = 1
"""Of the definitions; raised whenever their data changes."""

SYMBOLS, COPIED = 8, 10
"""Of copy memory: different symbols, and how many of them are to be remembered."""

_NAME = re.compile(r"([a-z]+)-([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """A family of data sets, one per number of steps.

    Args:
        build: draws so many cases of so many steps.
        card: what planning needs, by number of steps.
        least: fewest steps that make sense.
        note: one line: what it is.
        citation: whom to cite.
    """

    build: Callable[[int, int, np.random.Generator], tuple[NDArray[np.generic], ...]]
    card: Callable[[str, int], Card]
    least: int
    note: str
    citation: str


def _adding(
    cases: int, steps: int, generator: np.random.Generator
) -> tuple[NDArray[np.generic], ...]:
    """Numbers in [0, 1), two of them marked, and the sum of those two."""
    numbers = generator.random((cases, steps))
    marked = np.argsort(generator.random((cases, steps)), axis=1)[:, :2]
    marks = np.zeros((cases, steps))
    np.put_along_axis(marks, marked, 1.0, axis=1)
    x = np.stack([numbers, marks], axis=-1).astype(np.float32)
    return x, (numbers * marks).sum(axis=1).astype(np.float32)


def _copy(
    cases: int, steps: int, generator: np.random.Generator
) -> tuple[NDArray[np.generic], ...]:
    """Ten symbols, a wait of so many steps, then a signal to repeat them."""
    symbols = 1 + (generator.random((cases, COPIED)) * SYMBOLS).astype(np.int32)
    x = np.zeros((cases, steps + 2 * COPIED), np.int32)
    x[:, :COPIED], x[:, -COPIED - 1 :] = symbols, SYMBOLS + 1
    y = np.zeros_like(x)
    y[:, -COPIED:] = symbols
    return x, y


def _adding_card(name: str, steps: int) -> Card:
    return Card(
        reference=name,
        digest=_digest(name),
        task="regression",
        shape=(steps, 2),
        cases=CASES,
        tests=TESTS,
        outputs=1,
    )


def _copy_card(name: str, steps: int) -> Card:
    return Card(
        reference=name,
        digest=_digest(name),
        task="sequence",
        shape=(steps + 2 * COPIED,),
        cases=CASES,
        tests=TESTS,
        outputs=SYMBOLS + 1,
        tokens=SYMBOLS + 2,
    )


def _digest(name: str) -> str:
    return digest({"synthetic": name, "version": VERSION, "seed": TEST_SEED})


SYNTHETIC: Mapping[str, Synthetic] = {
    "adding": Synthetic(
        build=_adding,
        card=_adding_card,
        least=2,
        note="adding problem: the sum of the two marked numbers of a sequence; "
        "always saying 1 has a squared error of 1/6",
        citation="Hochreiter & Schmidhuber 1997; Le, Jaitly & Hinton 2015",
    ),
    "copy": Synthetic(
        build=_copy,
        card=_copy_card,
        least=1,
        note="copy memory: repeat ten symbols after so many steps; "
        "without memory the cross-entropy is 10 ln 8 / (steps + 20)",
        citation="Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016; Bai et al. 2018",
    ),
}


EXAMPLES = tuple(f"{name}-100" for name in SYNTHETIC)
"""Names to show: any number of steps will do."""


def describe(name: str) -> Card | None:
    """The card of a computed data set, or ``None`` if the name is no such thing.

    Raises:
        DataError: if there are too few steps.

    Example:
        >>> describe("adding-100").shape
        (100, 2)
    """
    family, steps = _parse(name)
    if family is None:
        return None
    if steps < family.least:
        raise DataError(
            f"expected at least {family.least} steps. Received: {name!r}.", key="dataset"
        )
    return family.card(name, steps)


def read(name: str) -> Arrays:
    """The arrays of a computed data set."""
    family, steps = _parse(name)
    assert family
    parts = {}
    for part, cases in (("train", CASES), ("test", TESTS)):
        generator = seeds.stream(TEST_SEED, "data", 0, "synthetic", name, part)
        parts[f"x_{part}"], parts[f"y_{part}"] = family.build(cases, steps, generator)
    return parts


def _parse(name: str) -> tuple[Synthetic | None, int]:
    found = _NAME.fullmatch(name)
    if not found or found[1] not in SYNTHETIC:
        return None, 0
    return SYNTHETIC[found[1]], int(found[2])
