"""Features of the layers of a network: numbers of them, and some to keep.

Features are what a layer gives for the cases of a probe: of images, the mean over all places; of a
recurrent layer, its last state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.evaluation import features

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

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


def flat(outputs: Arrays, recurrent: Collection[str]) -> dict[str, NDArray[np.floating]]:
    """Features of layers, shape ``(cases, width)``.

    Args:
        outputs: by layer, shape ``(cases, ..., width)``.
        recurrent: names of layers whose second axis is time.
    """
    found = {}
    for name, one in outputs.items():
        last = one[:, -1] if name in recurrent and one.ndim > 2 else one
        places = tuple(range(1, last.ndim - 1))
        found[name] = last.mean(axis=places) if places else last.reshape(len(last), -1)
    return found


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
    """Features of the first cases, small enough to be kept.

    All are centred and scaled as a whole. Where a layer has more units than there is room for, its
    leading principal components stand for them: they keep distances and similarities best.

    Args:
        layers: features.

    Returns:
        By layer, shape ``(cases, columns)``; ``width/<layer>`` its units and ``share/<layer>`` the
        share of its variance that the columns hold. Layers that do not vary are left out.
    """
    names = spaced([*layers], LAYERS)
    widths = [layers[name].shape[1] for name in names]
    # Twice, because what comes before the first step is kept too.
    columns = fair(widths, ROOM // (2 * min(CASES, len(layers[names[0]])) * 2)) if names else 0
    found: dict[str, Any] = {}
    for name in names:
        one = layers[name][:CASES]
        centred = features.centred(one) if np.isfinite(one).all() else None
        if centred is None:
            continue
        scaled = centred / np.sqrt(np.mean(centred**2))
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
    """The largest number of columns that every layer may have, if narrow ones leave theirs.

    Example:
        >>> fair([10, 512, 512], 70), fair([10, 20], 70)
        (30, 60)
    """
    rest, count = room, len(widths)
    for width in sorted(widths):
        if width * count >= rest:
            break
        rest, count = rest - width, count - 1
    return max(rest // max(count, 1), 1)


def spaced(names: Sequence[str], most: int) -> list[str]:
    """Names at even distances, the first and the last included.

    Example:
        >>> spaced(["a", "b", "c", "d", "e"], 3)
        ['a', 'c', 'e']
    """
    if len(names) <= most:
        return [*names]
    return [names[round(place)] for place in np.linspace(0, len(names) - 1, most)]
