"""Features of the layers of a network for its probe: numbers of them, and some to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.evaluation import features

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.floating]]
    Labels = NDArray[np.integer]
    Numbers = dict[str, float]

CASES = 512
"""Cases that are kept: as many as an unbiased similarity takes."""

LAYERS = 12
"""Layers that are kept at most, evenly spaced, the first and the last included."""

ROOM = 196_608
"""Bytes of features that a training leaves."""


def measured(
    layers: Arrays, labels: Labels | None, stream: Callable[[], np.random.Generator]
) -> dict[str, Numbers]:
    """Numbers by layer; what cannot be measured is left out.

    Args:
        layers: features.
        labels: classes of the cases; ``None`` where they have none.
        stream: permutes columns and labels; begins anew for every layer, so that all are alike.
    """
    return {name: _numbers(one, labels, stream) for name, one in layers.items()}


def _numbers(
    one: NDArray[np.floating], labels: Labels | None, stream: Callable[[], np.random.Generator]
) -> Numbers:
    if not np.isfinite(one).all():
        return {}
    found = {
        "effective_rank": features.effective_rank(one),
        "effective_rank_permuted": features.effective_rank(features.permuted(one, stream())),
    }
    if labels is not None:
        probe, near = features.probe(one, labels, stream()), features.purity(one, labels)
        if probe is not None:
            found |= {"probe_accuracy": probe.accuracy, "probe_chance": probe.chance}
        if near is not None:
            found |= {"purity": near.share, "purity_chance": near.chance}
    return {name: number for name, number in found.items() if number is not None}


def kept(layers: Arrays) -> dict[str, NDArray[np.float16]]:
    """Features of few cases, small enough to be kept.

    All are centred and scaled as a whole. Where a layer has more units than there is room for, its
    leading principal components stand for them: they keep distances and similarities best.

    Args:
        layers: features of ``CASES`` or fewer.

    Returns:
        By layer, shape ``(cases, columns)``; ``width/<layer>`` its units and ``share/<layer>`` the
        share of its variance that the columns hold. Layers that do not vary are left out.
    """
    names = spaced([*layers], LAYERS)
    widths = [layers[name].shape[1] for name in names]
    # Twice, because what comes before the first step is kept too.
    columns = fair(widths, ROOM // (2 * len(layers[names[0]]) * 2)) if names else 0
    found: dict[str, Any] = {}
    for name in names:
        one = layers[name]
        moved = features.centred(one) if np.isfinite(one).all() else None
        if moved is None:
            continue
        scaled = moved / np.sqrt(np.mean(moved**2))
        some = scaled if scaled.shape[1] <= columns else _leading(scaled, columns)
        found[name] = some.astype(np.float16)
        found[f"width/{name}"] = np.array(one.shape[1], np.int32)
        found[f"share/{name}"] = np.array(np.sum(some**2) / np.sum(scaled**2), np.float16)
    return found


def _leading(centred: NDArray[np.floating], columns: int) -> NDArray[np.floating]:
    """Principal components, the first ones, each with its largest loading above zero."""
    left, values, right = np.linalg.svd(centred, full_matrices=False)
    largest = np.take_along_axis(right, np.abs(right).argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.asarray((left * values * np.sign(largest))[:, :columns])


def fair(widths: Sequence[int], room: int) -> int:
    """The largest number of columns that a layer needs, if narrow ones leave it theirs.

    Example:
        >>> fair([10, 512, 512], 70), fair([10, 20], 70)
        (30, 20)
    """
    rest = room
    for place, width in enumerate(sorted(widths)):
        others = len(widths) - place
        if width * others > rest:
            return max(rest // others, 1)
        rest -= width
    return max(widths)


def spaced(names: Sequence[str], most: int) -> list[str]:
    """Names at even distances, the first and the last included.

    Example:
        >>> spaced(["a", "b", "c", "d", "e"], 3)
        ['a', 'c', 'e']
    """
    if len(names) <= most:
        return [*names]
    return [names[round(place)] for place in np.linspace(0, len(names) - 1, most)]
