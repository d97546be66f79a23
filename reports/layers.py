"""Learned features of layers: numbers by depth, and similarities of the features that were kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reports.estimates import ckas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from reports.frames import Results

LEARNED = (
    "probe_accuracy",
    "probe_chance",
    "effective_rank",
    "effective_rank_permuted",
    "purity",
    "purity_chance",
)
"""Quantities of the features of a layer."""

CODE = "encoder_code"
"""Layer that makes the code of an autoencoder; it is looked at in place of the last hidden one."""

_APART = ("start/", "picture/", "width/", "share/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Features that a training has left.

    Args:
        layers: by name, shape ``(cases, columns)``, in the order in which layers are called.
        widths: units of each of them.
        shares: of the variance of each that its columns hold; below 1 they are its leading
            principal components.
        labels: classes of the cases; ``None`` where they have none.
        pictures: by name, such as ``filters``.
        cases: what they are features of; equal for networks that can be compared.
    """

    layers: Mapping[str, NDArray[np.floating]]
    widths: Mapping[str, int]
    shares: Mapping[str, float]
    labels: NDArray[np.integer] | None
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    cases: tuple[Any, ...] = ()

    @property
    def told(self) -> str:
        """The layer that comparisons of networks are about: the code, or the last hidden one."""
        names = [*self.layers]
        return CODE if CODE in names else names[max(len(names) - 2, 0)]


def kept(results: Results, arm: int, replicate: int) -> Kept | None:
    """Features of a replicate; ``None`` where none were kept, or their file is gone or damaged."""
    arrays = results.kept(results.features, arm, replicate)
    if not arrays:
        return None
    rest = {"labels", "cases", "data"}
    names = [one for one in arrays if one not in rest and not one.startswith(_APART)]
    if not names:
        return None
    return Kept(
        layers={name: np.asarray(arrays[name], np.float64) for name in names},
        widths={name: int(arrays[f"width/{name}"]) for name in names},
        shares={name: float(arrays[f"share/{name}"]) for name in names},
        labels=arrays.get("labels"),
        pictures={
            name.removeprefix("picture/"): one
            for name, one in arrays.items()
            if name.startswith("picture/")
        },
        cases=(str(arrays["data"]), arrays["cases"].tobytes()),
    )


def profiles(results: Results) -> pd.DataFrame:
    """Quantities of features by layer, before the first step and at the end of the training.

    Returns:
        Columns ``arm``, ``label``, ``layer``, ``depth``, ``trained``, ``quantity``, the quartiles
        ``low``, ``median`` and ``high`` over replicates, and ``replicates``. Empty where nothing
        was measured.
    """
    names = ["arm", "label", "layer", "depth", "trained", "quantity"]
    rows = results.inside
    rows = rows[rows["quantity"].isin(LEARNED)] if len(rows) else rows
    if not len(rows):
        return pd.DataFrame(columns=[*names, "low", "median", "high", "replicates"])
    rows = rows.assign(trained=rows["epochs"] > 0)
    grouped = rows.groupby(names, sort=True)["value"]
    quartiles = {"low": 0.25, "median": 0.5, "high": 0.75}
    found = pd.DataFrame({name: grouped.quantile(share) for name, share in quartiles.items()})
    found["replicates"] = grouped.size()
    order = ["arm", "trained", "depth", "quantity"]
    return found.reset_index().sort_values(order, ignore_index=True)


def within(results: Results, arms: Iterable[int]) -> pd.DataFrame:
    """Similarity of every two layers of a network, as a mean over the replicates that were kept.

    Returns:
        Columns ``arm``, ``label``, ``first`` and ``second`` (layers), ``cka`` (NaN where it is not
        available), ``replicates``, ``cases``, and ``first_width`` and ``second_width``.
    """
    rows = []
    for arm in arms:
        for replicate in _replicates(results, arm):
            one = kept(results, arm, replicate)
            if one is None:
                continue
            values = ckas([*one.layers.values()])
            for (at, first), (to, second) in combinations_with_replacement(
                enumerate(one.layers), 2
            ):
                rows.append((arm, first, second, values[at, to], *_sizes(one, first, one, second)))
    names = ["arm", "first", "second", "cka", "cases", "first_width", "second_width"]
    frame = pd.DataFrame(rows, columns=names).astype({"cka": "float64"})
    place = [name for name in names if name != "cka"]
    grouped = frame.groupby(place, sort=False)["cka"]
    found = grouped.mean().reset_index()
    found["replicates"] = grouped.count().to_numpy()
    found.insert(1, "label", [results.arms[arm].label for arm in found["arm"]])
    return found


def between(results: Results, arms: Iterable[int]) -> pd.DataFrame:
    """Similarity of every two networks in the layer that they are compared by; see ``Kept.told``.

    Returns:
        Columns ``first_arm``, ``first_replicate``, ``first_layer``, ``first_width`` and likewise of
        the second; ``cases`` and ``cka``, NaN where it is not available, as of networks that were
        asked about different cases.
    """
    found = {
        (arm, replicate): one
        for arm in arms
        for replicate in _replicates(results, arm)
        if (one := kept(results, arm, replicate)) is not None
    }
    values = {}
    for which in {one.cases for one in found.values()}:
        alike = [place for place, one in found.items() if one.cases == which]
        matrix = ckas([found[place].layers[found[place].told] for place in alike])
        for (at, place), (to, other_place) in combinations(enumerate(alike), 2):
            values[place, other_place] = matrix[at, to]
    rows = []
    for (place, one), (other_place, other) in combinations(found.items(), 2):
        value = values.get((place, other_place))
        cases, width, other_width = _sizes(one, one.told, other, other.told)
        rows.append((*place, one.told, width, *other_place, other.told, other_width, cases, value))
    own = ["arm", "replicate", "layer", "width"]
    names = [f"{which}_{name}" for which in ("first", "second") for name in own]
    return pd.DataFrame(rows, columns=[*names, "cases", "cka"]).astype({"cka": "float64"})


def _sizes(one: Kept, first: str, other: Kept, second: str) -> Sequence[int]:
    """Cases, and the widths of two layers."""
    return len(one.layers[first]), one.widths[first], other.widths[second]


def _replicates(results: Results, arm: int) -> list[int]:
    return sorted(replicate for one, replicate in results.features if one == arm)
