"""Data sets that are computed: exact definitions, each for any size.

``adding-100`` is the adding problem over 100 steps, ``copy-50`` copy memory over 50, ``ring-8``
eight Gaussians on a circle, ``grid-25`` 25 on a grid, ``shapes-32`` images of 32x32 pixels,
``quadratic-100`` a quadratic loss in 100 dimensions, ``noise-1000`` normal numbers with labels that
they do not tell, ``cyclic-3`` linear losses whose slopes come round every three steps, ``dirac-1``
the point 0 again and again. The same name is the same data everywhere: the draws have a fixed seed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness import seeds
from harness.card import Card
from harness.datasets import quadratic, shapes
from harness.datasets.splits import TEST_SEED
from harness.errors import DataError
from harness.identity import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]
    Drawn = tuple[NDArray[np.generic], ...]

CASES, TESTS = 10_000, 2_000
VERSION = 1
"""Version of the definitions, raised whenever their data changes."""

SYMBOLS, COPIED = 8, 10
"""Settings of copy memory: number of different symbols, and number of symbols to remember."""

_NAME = re.compile(r"([a-z]+)-([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """A family of data sets, one per size.

    Args:
        read: the arrays of a name and its size.
        card: what planning needs, by name and size.
        least: smallest size that makes sense.
        most: largest one.
        example: a size to show.
        size: noun for the number in the name.
        dtype: of the inputs before they are trained on in single precision.
        square: whether only square numbers make sense.
        note: one line: what it is.
        citation: whom to cite.
    """

    read: Callable[[str, int], Arrays]
    card: Callable[[str, int], Card]
    least: int
    most: int = 99_999
    example: int = 100
    size: str = "steps"
    dtype: str = "float32"
    square: bool = False
    note: str
    citation: str


def _drawn(draw: Callable[[int, int, np.random.Generator], Drawn]) -> Callable[[str, int], Arrays]:
    """Both parts of a data set, from a function that draws so many cases of a size."""

    def read(name: str, size: int) -> Arrays:
        parts = {}
        for part, cases in (("train", CASES), ("test", TESTS)):
            generator = seeds.stream(TEST_SEED, "data", 0, "synthetic", name, part)
            parts[f"x_{part}"], parts[f"y_{part}"] = draw(cases, size, generator)
        return parts

    return read


def _adding(cases: int, steps: int, generator: np.random.Generator) -> Drawn:
    """Numbers in [0, 1), two of them marked, and the sum of those two."""
    numbers = generator.random((cases, steps))
    marked = np.argsort(generator.random((cases, steps)), axis=1)[:, :2]
    marks = np.zeros((cases, steps))
    np.put_along_axis(marks, marked, 1.0, axis=1)
    x = np.stack([numbers, marks], axis=-1).astype(np.float32)
    return x, (numbers * marks).sum(axis=1).astype(np.float32)


def _copy(cases: int, steps: int, generator: np.random.Generator) -> Drawn:
    """Ten symbols, a wait of so many steps, then a signal to repeat them."""
    symbols = 1 + (generator.random((cases, COPIED)) * SYMBOLS).astype(np.int32)
    x = np.zeros((cases, steps + 2 * COPIED), np.int32)
    x[:, :COPIED], x[:, -COPIED - 1 :] = symbols, SYMBOLS + 1
    y = np.zeros_like(x)
    y[:, -COPIED:] = symbols
    return x, y


def _number_card(name: str, shape: tuple[int, ...]) -> Card:
    return Card(
        locator=name,
        digest=_digest(name),
        task="regression",
        shape=shape,
        cases=CASES,
        tests=TESTS,
        outputs=1,
    )


def _copy_card(name: str, steps: int) -> Card:
    return Card(
        locator=name,
        digest=_digest(name),
        task="sequence",
        shape=(steps + 2 * COPIED,),
        cases=CASES,
        tests=TESTS,
        outputs=SYMBOLS + 1,
        tokens=SYMBOLS + 2,
    )


CHANCE = 10
"""Classes of pure noise."""

RING_RADIUS, RING_SPREAD = 1.0, 0.01
GRID_STEP, GRID_SPREAD = 2.0, 0.05


def _labels(cases: int, classes: int, generator: np.random.Generator) -> NDArray[np.int32]:
    """Labels with an equal number of cases per class, in random order."""
    order = seeds.permutation(generator, cases)
    return (np.arange(cases) % classes)[order].astype(np.int32)


def _ring(cases: int, modes: int, generator: np.random.Generator) -> Drawn:
    """Points around places on a circle, labelled by the place."""
    y = _labels(cases, modes, generator)
    centre = _on_ring(modes)[y]
    return (centre + RING_SPREAD * seeds.normal(generator, (cases, 2))).astype(np.float32), y


def _grid(cases: int, modes: int, generator: np.random.Generator) -> Drawn:
    """Points around the places of a square grid, centred at zero."""
    y = _labels(cases, modes, generator)
    centre = _on_grid(modes)[y]
    return (centre + GRID_SPREAD * seeds.normal(generator, (cases, 2))).astype(np.float32), y


@dataclass(frozen=True, slots=True)
class Mixture:
    """Normal distributions of equal weight and one spread, which some data sets are drawn from.

    Args:
        centres: shape ``(modes, dimensions)``.
        spread: standard deviation along every axis.
    """

    centres: NDArray[np.float64]
    spread: float


def mixture(name: str) -> Mixture | None:
    """The distribution of a computed data set, where that is a mixture of normal ones.

    Example:
        >>> mixture("ring-4").centres.round(3).tolist()
        [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [-0.0, -1.0]]
        >>> mixture("adding-100") is None
        True
    """
    family, size = _parse(name)
    places = {"ring": (_on_ring, RING_SPREAD), "grid": (_on_grid, GRID_SPREAD)}
    found = places.get(name.partition("-")[0]) if family else None
    return None if found is None else Mixture(found[0](size), found[1])


def _on_ring(modes: int) -> NDArray[np.float64]:
    angle = 2 * np.pi * np.arange(modes) / modes
    return RING_RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _on_grid(modes: int) -> NDArray[np.float64]:
    side = math.isqrt(modes)
    places = np.stack(np.divmod(np.arange(modes), side), axis=1)
    return np.asarray(GRID_STEP * (places - (side - 1) / 2))


def _shapes(cases: int, side: int, generator: np.random.Generator) -> Drawn:
    """Images of one or two shapes, labelled by the shapes."""
    y = _labels(cases, shapes.CLASSES, generator)
    return shapes.draw(y, side, generator), y


def _noise(cases: int, width: int, generator: np.random.Generator) -> Drawn:
    """Standard normal numbers, and labels that have nothing to do with them."""
    y = _labels(cases, CHANCE, generator)
    return seeds.normal(generator, (cases, width)).astype(np.float32), y


def _teacher(cases: int, width: int, generator: np.random.Generator) -> Drawn:
    """Standard normal numbers, and what a linear teacher makes of them."""
    weights = teacher(width)
    x = seeds.normal(generator, (cases, width))
    return x.astype(np.float32), (x @ weights).astype(np.float32)


def teacher(width: int) -> NDArray[np.float64]:
    """Weights of the linear teacher of a width: in a random direction, their squares sum to 1.

    Example:
        >>> float(np.square(teacher(50)).sum().round(12))
        1.0
    """
    drawn = seeds.normal(
        seeds.stream(TEST_SEED, "data", 0, "synthetic", "teacher", width), (width,)
    )
    return np.asarray(drawn / np.linalg.norm(drawn))


SLOPE = 3.0
"""Weight of the one number that tells anything, in the logarithm of the odds."""


def _irrelevant(cases: int, width: int, generator: np.random.Generator) -> Drawn:
    """Standard normal numbers, the first of which alone says how likely the second class is.

    Both classes have equally many cases: where another class than the wanted one is drawn, the
    first number changes its sign, and with it the class, which is as likely.
    """
    y = _labels(cases, 2, generator)
    x = seeds.normal(generator, (cases, width))
    told = generator.random(cases) < 1 / (1 + np.exp(-SLOPE * x[:, 0]))
    x[:, 0] *= np.where(told == y, 1, -1)
    return x.astype(np.float32), y


def _dirac(cases: int, width: int, generator: np.random.Generator) -> Drawn:  # noqa: ARG001
    """Zeros, and zeros to predict."""
    return np.zeros((cases, width), np.float32), np.zeros(cases, np.float32)


def _read_quadratic(name: str, dimensions: int) -> Arrays:  # noqa: ARG001, as of the others
    """Points, and zeros to predict."""
    parts: dict[str, NDArray[np.generic]] = {}
    for part in quadratic.SEEDS:
        parts[f"x_{part}"] = quadratic.points(dimensions, part)
        parts[f"y_{part}"] = np.zeros((quadratic.CASES, dimensions), np.float32)
    return parts


def _read_cyclic(name: str, period: int) -> Arrays:  # noqa: ARG001, as of the others
    """Slopes in their order, and targets so far below that absolute errors are linear."""
    cases = CASES // period * period
    slopes = np.where(np.arange(cases) % period, -1.0, period).astype(np.float32)[:, None]
    targets = np.full_like(slopes, -(period + 1.0))
    return {
        "x_train": slopes,
        "y_train": targets,
        "x_test": slopes[:period],
        "y_test": targets[:period],
        "ordered": np.array(True),
    }


def _cyclic_card(name: str, period: int) -> Card:
    return Card(
        locator=name,
        digest=_digest(name),
        task="regression",
        shape=(1,),
        cases=CASES // period * period,
        tests=period,
        outputs=1,
        drawing="ordered",
    )


def _classes_card(name: str, shape: tuple[int, ...], classes: int) -> Card:
    return Card(
        locator=name,
        digest=_digest(name),
        task="classification",
        shape=shape,
        cases=CASES,
        tests=TESTS,
        outputs=classes,
        counts=tuple(len(range(one, CASES, classes)) for one in range(classes)),
        test_counts=tuple(len(range(one, TESTS, classes)) for one in range(classes)),
        modes=classes if mixture(name) else 0,
    )


def _quadratic_card(name: str, dimensions: int) -> Card:
    return Card(
        locator=name,
        digest=_digest(name),
        task="regression",
        shape=(dimensions,),
        cases=quadratic.CASES,
        tests=quadratic.CASES,
        outputs=dimensions,
    )


def _digest(name: str) -> str:
    return digest({"synthetic": name, "version": VERSION, "seed": TEST_SEED})


SYNTHETIC: Mapping[str, Synthetic] = {
    "adding": Synthetic(
        read=_drawn(_adding),
        card=lambda name, steps: _number_card(name, (steps, 2)),
        least=2,
        note="adding problem: the sum of the two marked numbers of a sequence; "
        "always saying 1 has a squared error of 1/6",
        citation="Hochreiter & Schmidhuber 1997; Le, Jaitly & Hinton 2015",
    ),
    "copy": Synthetic(
        read=_drawn(_copy),
        card=_copy_card,
        least=1,
        dtype="int32",
        note="copy memory: repeat ten symbols after so many steps; "
        "without memory the cross-entropy is 10 ln 8 / (steps + 20)",
        citation="Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016; Bai et al. 2018",
    ),
    "ring": Synthetic(
        read=_drawn(_ring),
        card=lambda name, modes: _classes_card(name, (2,), modes),
        least=2,
        most=1000,
        example=8,
        size="modes",
        note="Gaussians of deviation 0.01 on a circle of radius 1; the class is which",
        citation="Srivastava et al. 2017; Lin et al. 2018",
    ),
    "grid": Synthetic(
        read=_drawn(_grid),
        card=lambda name, modes: _classes_card(name, (2,), modes),
        least=4,
        most=900,
        example=25,
        size="modes",
        square=True,
        note="Gaussians of deviation 0.05 on a square grid of step 2; the class is which",
        citation="Srivastava et al. 2017; Lin et al. 2018",
    ),
    "shapes": Synthetic(
        read=_drawn(_shapes),
        card=lambda name, side: _classes_card(name, (side, side), shapes.CLASSES),
        least=8,
        most=128,
        example=32,
        size="pixels a side",
        dtype="uint8",
        note="one or two of triangle, parallelogram and ellipse: nine classes, like Shapeset-3x2",
        citation="Glorot & Bengio 2010",
    ),
    "quadratic": Synthetic(
        read=_read_quadratic,
        card=_quadratic_card,
        least=10,
        most=1000,
        size="dimensions",
        note="with template 'quadratic': the quadratic_deep problem of DeepOBS",
        citation="Schneider, Balles & Hennig 2019",
    ),
    "cyclic": Synthetic(
        read=_read_cyclic,
        card=_cyclic_card,
        least=3,
        most=1000,
        example=3,
        size="steps",
        note="a slope as large as the number of steps, then slopes of -1, over and over; the mean "
        "absolute error of slope * weight is linear in a weight from -1 to 1, and least at -1",
        citation="Reddi, Kale & Kumar 2018",
    ),
    "teacher": Synthetic(
        read=_drawn(_teacher),
        card=lambda name, width: _number_card(name, (width,)),
        least=1,
        most=4000,
        example=50,
        size="numbers",
        note="standard normal numbers, and what linear weights, whose squares sum to 1, make of "
        "them; label_noise makes it hard",
        citation="Krogh & Hertz 1991",
    ),
    "irrelevant": Synthetic(
        read=_drawn(_irrelevant),
        card=lambda name, width: _classes_card(name, (width,), 2),
        least=1,
        most=4000,
        size="numbers",
        note="standard normal numbers x, and a class of odds exp(3 x_1): all but the first are "
        "irrelevant",
        citation="Ng 2004",
    ),
    "noise": Synthetic(
        read=_drawn(_noise),
        card=lambda name, width: _classes_card(name, (width,), CHANCE),
        least=1,
        most=4000,
        size="numbers",
        note="standard normal numbers, and ten classes drawn by chance: learnt by heart or not",
        citation="Glorot & Bengio 2010; Zhang et al. 2017",
    ),
    "dirac": Synthetic(
        read=_drawn(_dirac),
        card=lambda name, width: _number_card(name, (width,)),
        least=1,
        most=1000,
        example=1,
        size="dimensions",
        note="the point 0 and nothing else: for games so small that theory knows how they end",
        citation="Mescheder et al. 2018",
    ),
}


EXAMPLES = tuple(f"{name}-{family.example}" for name, family in SYNTHETIC.items())
"""Examples of names; other sizes work, too."""


def describe(name: str) -> Card | None:
    """The card of a computed data set, or ``None`` if the name is no such thing.

    Raises:
        DataError: for a size that makes no sense.

    Example:
        >>> describe("adding-100").shape
        (100, 2)
    """
    family, size = _parse(name)
    if family is None:
        return None
    square = not family.square or math.isqrt(size) ** 2 == size
    if not family.least <= size <= family.most or not square:
        what = "a square number of" if family.square else "a number of"
        raise DataError(
            f"expected {what} {family.size} from {family.least} to {family.most}. "
            f"Received: {name!r}.",
            key="dataset",
        )
    return family.card(name, size)


def read(name: str) -> Arrays:
    """The arrays of a computed data set."""
    family, size = _parse(name)
    assert family
    return family.read(name, size)


def _parse(name: str) -> tuple[Synthetic | None, int]:
    found = _NAME.fullmatch(name)
    if not found or found[1] not in SYNTHETIC:
        return None, 0
    return SYNTHETIC[found[1]], int(found[2])
