"""Arrays of one training, checked before anything is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness import catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from reports.frames import Results

    Arrays = Mapping[str, NDArray[Any]]


def expected(results: Results) -> bool:
    """True if trainings of such data leave something to look at.

    Of several labels, of several numbers and of generated cases they leave nothing of this kind.
    """
    task = results.card.task
    if task == "regression":
        return results.card.outputs == 1
    known = catalog.TASKS[task]
    return known.classes or (known.reconstructs and not known.generates)


def found(results: Results, *names: str) -> Iterator[tuple[int, int, Arrays]]:
    """Arms and references with their replicates and arrays, those that have all of some names.

    Args:
        results: that were read.
        names: of arrays that must be there.
    """
    for arm, replicate in sorted(results.seen):
        arrays = results.kept(results.seen, arm, replicate)
        if arrays is not None and all(name in arrays for name in names):
            yield arm, replicate, arrays


def first(results: Results, *names: str) -> dict[int, Arrays]:
    """Arrays of the first replicate that has some, by arm or reference, as ``ordered`` has them."""
    kept: dict[int, Arrays] = {}
    for arm, _, arrays in found(results, *names):
        kept.setdefault(arm, arrays)
    return {index: kept[index] for index in ordered(results, kept)}


def ordered(results: Results, indices: Iterable[int]) -> list[int]:
    """Arms in their order; references for some arms behind the last of these."""
    indices = [*indices]
    arms = [index for index in indices if index < len(results.arms)]
    behind: dict[int, list[int]] = {}
    for index in (index for index in indices if index >= len(results.arms)):
        own = [arm for arm in arms if meant(results, index, arm)]
        behind.setdefault(own[-1] if own else -1, []).append(index)
    return [*behind.get(-1, []), *(one for arm in arms for one in (arm, *behind.get(arm, [])))]


def meant(results: Results, index: int, arm: int) -> bool:
    """True if a reference is meant for an arm."""
    return results.references[index - len(results.arms)].meets(results.arms[arm])


def labelled(results: Results, index: int) -> str:
    """Name of an arm, or of a reference, which are counted behind the arms."""
    behind = index - len(results.arms)
    return results.arms[index].label if behind < 0 else results.references[behind].label


def between(arrays: Arrays, name: str) -> NDArray[np.float64]:
    """Pictures as numbers between the two of ``range``."""
    low, high = arrays["range"].astype(np.float64)
    return np.asarray(low + arrays[name].astype(np.float64) / 255 * (high - low))
