"""Excerpts of what a network, or a method without one, said of the test cases, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import catalog

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.evaluation.evidence import Evidence

    Array = NDArray[Any]
    Arrays = dict[str, Array]

EACH, PICTURED = 10_000, 21_000
"""Bytes that are kept of a trial, and of one in whose replicate pictures are kept."""

CASES, CODES, NUMBERS = 2000, 500, 500
"""Test cases of which classes or scores, codes, and predicted numbers are kept at most."""

PICTURES, EXTREMES = 8, 4
"""Cases that are shown, and those at either end of a range of scores."""

DENSE, PAIRS = 40, 150
"""Classes up to which all confusions are kept, and how many of the most frequent ones else."""

SIDE, LENGTH = 32, 512
"""Pixels along a side of a picture, and numbers of a row."""

_OVERHEAD = 280  # bytes that an array takes in a file beside its numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Test cases as people may look at them.

    Args:
        take: gives the inputs of some test cases, by their places.
        noisy: the first test cases as a network is shown them, where noise is to be removed.
        truth: targets in their own unit.
        unit: what one trained unit of a target is in its own.
        pictured: whether pictures and codes are kept, as in one replicate of a study.
    """

    take: Callable[[NDArray[np.int64]], Array]
    noisy: Array | None = None
    truth: Array | None = None
    unit: float = 1.0
    pictured: bool = True


def seen(shown: Evidence, card: Card, cases: Looked) -> Arrays:
    """Arrays to be kept of a trial, by name: at most some ten kilobytes.

    Of classes: ``true`` and ``predicted`` of every ``stride``-th test case, ``confusion`` of all
    of them (rows are true classes; beyond ``DENSE`` classes ``totals``, ``right`` and the most
    frequent ``pairs`` with their counts) and pictures of the worst errors, ``wrong``. Of
    anomalies: ``scores``, in units of ``scale``, with ``anomalous`` as bits, and the cases at both
    ends. Of reconstructions: ``original``, ``noisy`` and ``restored``, and ``code`` with
    ``code_classes``, wider ones on their two principal axes. Of a number: ``true`` and
    ``predicted``. Pictures are bytes between the two numbers of ``range``.

    Args:
        shown: the evidence.
        card: of the data.
        cases: the test cases.

    Returns:
        Empty where there is nothing to look at, such as of generated cases or several labels.
    """
    task = catalog.TASKS[card.task]
    if shown.outputs is None and shown.scores is None:
        return {}
    if task.classes:
        return _classes(shown, card, cases)
    if card.task == "regression":
        return _numbers(shown, cases) if card.outputs == 1 else {}
    if card.task == "anomaly":
        return _anomalies(shown, card, cases)
    return _reconstructions(shown, card, cases) if task.reconstructs and cases.pictured else {}


def _classes(shown: Evidence, card: Card, cases: Looked) -> Arrays:
    scores = np.asarray(shown.predictions.raw)
    true = np.asarray(shown.labels).reshape(-1).astype(np.int64)
    chosen = scores.argmax(axis=-1).reshape(-1)
    if len(true) != len(chosen):
        return {}
    found = _confusion(true, chosen, card.outputs)
    if card.task != "classification":  # a step is no case to look at
        return found
    narrow = np.dtype(np.uint8 if card.outputs <= 1 << 8 else np.uint16)
    stride = -(-len(true) // (CASES // narrow.itemsize))
    found |= {
        "true": true[::stride].astype(narrow),
        "predicted": chosen[::stride].astype(narrow),
        "stride": np.array(stride),
    }
    return found | _worst(scores, true, chosen, card, cases, EACH - _size(found))


def _confusion(true: Array, chosen: Array, classes: int) -> Arrays:
    """Counts of every class and of what it was taken for."""
    narrow = np.uint16 if len(true) < 1 << 16 else np.uint32
    if classes <= DENSE:
        flat = np.bincount(true * classes + chosen, minlength=classes**2)
        return {"confusion": flat.reshape(classes, classes).astype(narrow)}
    wrong = true != chosen
    pairs, counts = np.unique(true[wrong] * classes + chosen[wrong], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:PAIRS]
    rows = (pairs[order] // classes, pairs[order] % classes, counts[order])
    return {
        "totals": np.bincount(true, minlength=classes).astype(narrow),
        "right": np.bincount(true[~wrong], minlength=classes).astype(narrow),
        "pairs": np.stack(rows, axis=1).astype(narrow),
    }


def _worst(
    scores: Array, true: Array, chosen: Array, card: Card, cases: Looked, left: int
) -> Arrays:
    """Pictures of the wrong cases whose class was ranked lowest, as many as there is room for."""
    room = min(_fitting(card, left), PICTURES)
    wrong = np.flatnonzero(true != chosen)
    if not room or not len(wrong):
        return {}
    behind = scores[wrong, true[wrong]] - scores[wrong, chosen[wrong]]
    worst = wrong[np.argsort(behind, kind="stable")[:room]]
    found = _quantized({"wrong": _looks(cases.take(worst), card)})
    return {**found, "wrong_cases": worst.astype(np.uint32)}


def _numbers(shown: Evidence, cases: Looked) -> Arrays:
    labels, outputs = (np.asarray(part).reshape(-1) for part in (shown.labels, shown.outputs))
    truth = labels if cases.truth is None else np.asarray(cases.truth, np.float64).reshape(-1)
    if not len(labels) == len(outputs) == len(truth):
        return {}
    stride = -(-len(truth) // NUMBERS)
    predicted = truth + (np.asarray(outputs, np.float64) - labels) * cases.unit
    return {
        "true": truth[::stride].astype(np.float32),
        "predicted": predicted[::stride].astype(np.float32),
        "stride": np.array(stride),
    }


def _anomalies(shown: Evidence, card: Card, cases: Looked) -> Arrays:
    given = shown.of("scores")
    if given is None:
        return {}
    anomalous, scores = given
    if len(scores) != len(anomalous) or not np.isfinite(scores).all():
        return {}
    stride = -(-len(scores) // CASES)
    scale = float(np.median(np.abs(scores))) or 1.0
    some = np.clip(scores[::stride] / scale, -6e4, 6e4)
    found: Arrays = {
        "scores": some.astype(np.float16),
        "scale": np.array(scale),
        "anomalous": np.packbits(anomalous[::stride]),
        "stride": np.array(stride),
    }
    if not cases.pictured or not _fitting(card, PICTURED - _size(found)):
        return found
    order = np.argsort(scores, kind="stable")
    count = min(EXTREMES, _fitting(card, PICTURED - _size(found)) // 2, len(order) // 2)
    ends = np.concatenate([order[:count], order[::-1][:count]])  # an empty part keeps its axes
    return {
        **found,
        **_quantized({"extreme": _looks(cases.take(ends), card)}),
        "extreme_cases": ends.astype(np.uint32),
        "extreme_scores": scores[ends].astype(np.float32),
        "extreme_anomalous": anomalous[ends],
    }


def _reconstructions(shown: Evidence, card: Card, cases: Looked) -> Arrays:
    found = _code(shown) if "codes" in catalog.TASKS[card.task].evidence else {}
    parts = 2 if cases.noisy is None else 3
    count = min(_fitting(card, PICTURED - _size(found), parts), PICTURES, len(shown.labels))
    if not count or shown.outputs is None:
        return found
    first = np.arange(count)
    pictures = {"original": cases.take(first), "restored": shown.outputs[:count]}
    if cases.noisy is not None:
        pictures["noisy"] = cases.noisy[:count]
    return found | _quantized({name: _looks(part, card) for name, part in pictures.items()})


def _code(shown: Evidence) -> Arrays:
    """Codes of some test cases, wider ones on two axes, and their classes where they have some."""
    if shown.codes is None:
        return {}
    stride = -(-len(shown.codes.test) // CODES)
    code = np.asarray(shown.codes.test[::stride], np.float64).reshape(
        len(shown.codes.test[::stride]), -1
    )
    found = {
        "code": _on_two_axes(code).astype(np.float32),
        "code_width": np.array(code.shape[1]),
        "stride": np.array(stride),
    }
    if shown.codes.told:
        found["code_classes"] = shown.codes.test_labels[::stride].astype(np.uint16)
    return found


def _on_two_axes(code: Array) -> Array:
    """Codes of more than two numbers on their principal axes, the signs of which are fixed."""
    if code.shape[1] <= 2:
        return code
    centred = code - code.mean(axis=0)
    *_, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(len(axes)), largest])
    return np.asarray(centred @ (axes * signs[:, None]).T)


def _looks(x: Array, card: Card) -> Array:
    """Cases as pictures, shape ``(cases, height, width)`` with three colors behind, or as rows."""
    x = np.asarray(x, np.float32)
    if not _is_picture(card):
        x = x.reshape(len(x), -1)
        return x[:, :: -(-x.shape[1] // LENGTH)]
    x = x.reshape(*x.shape[:3], -1)
    step = -(-max(x.shape[1:3]) // SIDE)
    high, wide = x.shape[1] // step, x.shape[2] // step
    cut = x[:, : high * step, : wide * step].reshape(len(x), high, step, wide, step, -1)
    small = cut.mean(axis=(2, 4))
    return np.asarray(small[..., 0] if small.shape[-1] == 1 else small)


def _is_picture(card: Card) -> bool:
    shape = card.shape
    flat = len(shape) == 2 or (len(shape) == 3 and shape[-1] in {1, 3})
    return flat and min(shape[:2]) >= 4 and not card.tokens


def _fitting(card: Card, left: int, parts: int = 1) -> int:
    """Number of cases that there is room for, each in several pictures; 0 if none can be shown."""
    shape = card.shape
    row = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
    if card.inputs or card.tokens or not (row or _is_picture(card)):
        return 0
    numbers = _looks(np.zeros((1, *shape), np.float32), card).size
    return max(0, (left - (parts + 4) * _OVERHEAD) // (parts * numbers))


def _quantized(parts: Arrays) -> Arrays:
    """Pictures as bytes between two numbers; of images these are those of the originals."""
    known = np.nan_to_num(parts.get("original", next(iter(parts.values()))))
    if known.ndim == 2:
        known = np.nan_to_num(np.concatenate([part.reshape(-1) for part in parts.values()]))
    low, high = float(known.min()), float(known.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    span = high - low or 1.0
    found = {
        name: np.round(np.clip((np.nan_to_num(part) - low) / span, 0, 1) * 255).astype(np.uint8)
        for name, part in parts.items()
    }
    return {**found, "range": np.array([low, low + span], np.float32)}


def _size(arrays: Arrays) -> int:
    return sum(array.nbytes + _OVERHEAD for array in arrays.values())
