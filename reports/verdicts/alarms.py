"""Alarms: signs of a known illness of trainings, each with its evidence.

An alarm is a remark. It changes no status and no verdict: an arm that alarms can still be the best.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness import catalog
from harness.records import NETWORK
from reports import diagnostics, wording
from reports.verdicts.bounds import edges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.frames import Results

SHARE = 0.25
"""Share of an arm's replicates that have to show a sign. One odd training in ten is no property of
an arm; of four or fewer, each one counts."""

VANISHING = 1e-3
"""Variance of back-propagated gradients, first hidden layer over last. Five tanh layers of 1,000
units have .007 with the usual initializer and train (Glorot & Bengio 2010); thirty of ReLU with a
variance of 1 / n have 2e-9 and do not (He et al. 2015)."""

EXPLODING = 1e3
"""The same the other way round; also the growth of a layer's gradients since the start."""

THROUGH_TIME = 1e-3
"""Norm of the gradient at the farthest step over that at the last one: with less than a thousandth,
a state that far back is learned from as good as never; with a thousand times more it is all that is
learned from."""

HALF = 0.5
"""Of a layer's units dead, or of its outputs saturated: most of it then learns nothing."""

RANK = 1.5
"""Effective rank of a layer's outputs. Two equal directions have 2, a single one has 1."""

ROOM = 3.0
"""Effective rank of the same outputs, each unit permuted by itself: below it the layer is so narrow
that it could have no more."""

RISE = 0.1
"""Share by which the validation loss lies above its best at the end. Both are
medians of three epochs, since a best of many noisy ones is too good."""

GAP = 1.2
"""Validation loss over training loss at the end, beyond which a rise is over-fitting."""

FALL = 0.1
"""Share by which both losses fell over the last quarter of the epochs: more epochs would pay."""

_EPOCHS = 6
"""Epochs below which a course says nothing."""

COLLAPSED = 0.5
"""Share of real cases without a generated one near them (the data itself: 3 %), or of the mass that
is at no mode or at the wrong one (a generator of one mode out of K: 1 - 1 / K)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One sign in one arm.

    Args:
        kind: its name, such as ``vanishing gradients``.
        arm: index of the arm.
        label: its levels.
        layers: layers that show it, from the first on; none where it is of the whole training.
        epochs: trained before it was first and last seen; ``None`` where it has no epoch.
        replicates: that show it.
        of: replicates that were measured.
        value: the worst number of each replicate that shows it, their median; NaN without one.
        evidence: the numbers in words.
    """

    kind: str
    arm: int
    label: str
    layers: tuple[str, ...]
    epochs: tuple[int, int] | None
    replicates: int
    of: int
    value: float
    evidence: str


def alarms(results: Results) -> list[Alarm]:
    """Every alarm of a study, by kind and arm; see the constants of this module for thresholds."""
    labels, asked = {arm.index: arm.label for arm in results.arms}, results.study.diagnostics
    courses = results.epochs[results.epochs["phase"] == "confirm"]
    found = [
        *_inside(results.inside, some=bool(asked and asked.layers)),
        *_searched(results),
        *(() if catalog.TASKS[results.card.task].generates else _fitted(courses, results)),
        *_generated(results),
    ]
    return [alarm for alarm in found if alarm.arm in labels]


def _inside(rows: pd.DataFrame, *, some: bool) -> list[Alarm]:
    """Alarms of what was measured inside networks, or inside some of their layers."""
    if rows.empty:
        return []
    layered = rows[rows["layer"] != NETWORK]
    hidden = layered if some else _hidden(layered)
    return [
        *_gradients(rows, hidden),
        *_growing(hidden),
        *_through_time(rows),
        *_raised("dead units", _of(hidden, "dead"), HALF, "{:.0%} of the units of a layer"),
        *_raised(
            "saturated units", _of(hidden, "saturated"), HALF, "{:.0%} of the outputs of a layer"
        ),
        *_collapsed_codes(hidden),
    ]


def _of(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    return rows[rows["quantity"] == quantity]


def _hidden(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of layers before the last one, whose outputs may be sure of themselves."""
    depth = rows["depth"].astype("float64")
    return rows[depth < depth.groupby(rows["arm"]).transform("max")]


def _raised(
    kind: str, rows: pd.DataFrame, limit: float, told: str, *, below: bool = False
) -> Iterator[Alarm]:
    """Alarms of the arms of which enough replicates pass a limit.

    Args:
        kind: of the alarm.
        rows: columns ``arm``, ``label``, ``replicate``, ``layer``, ``epochs`` and ``value``.
        limit: beyond which a value is a sign.
        told: evidence, with a place for the value.
        below: whether smaller values are the worse ones.
    """
    for arm, own in rows.groupby("arm", sort=True):
        hit = own[own["value"] < limit if below else own["value"] > limit]
        count, of = hit["replicate"].nunique(), own["replicate"].nunique()
        if not count or count < SHARE * of:
            continue
        worst = hit.groupby("replicate")["value"].agg("min" if below else "max")
        value = float(worst.median())
        yield Alarm(
            kind=kind,
            arm=int(str(arm)),
            label=str(own["label"].iloc[0]),
            layers=tuple(name for name in diagnostics.layers(hit) if name != NETWORK),
            epochs=(int(hit["epochs"].min()), int(hit["epochs"].max())),
            replicates=count,
            of=of,
            value=value,
            evidence=told.format(value).replace("%", " %"),
        )


def _gradients(rows: pd.DataFrame, hidden: pd.DataFrame) -> Iterator[Alarm]:
    """Gradients that fall or grow with depth, before the first step."""
    ratios = _of(rows, "gradient_ratio")
    ratios = ratios if len(ratios) else _ratios(_of(hidden, "preactivation_gradient_rms"))
    ratios = ratios[ratios["epochs"] == 0]
    told = "variance in the first hidden layer {:.1e} of that in the last"
    yield from _raised("vanishing gradients", ratios, VANISHING, told, below=True)
    yield from _raised(
        "exploding gradients", ratios, EXPLODING, told.replace(" of that", " times that")
    )


def _ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Variance of the first hidden layer over that of the last, from root mean squares."""
    place = ["arm", "label", "replicate", "epochs"]
    ordered = rows.sort_values("depth", kind="stable").groupby(place)["value"]
    ratio = (ordered.first() / ordered.last()) ** 2
    several = ordered.size() > 1
    return ratio[several].rename("value").reset_index().assign(layer=NETWORK, depth=np.nan)


def _growing(hidden: pd.DataFrame) -> Iterator[Alarm]:
    """Gradients of a layer that have grown since the start."""
    rows = _of(hidden, "weight_gradient_rms")
    place = ["arm", "replicate", "layer"]
    start = rows.loc[rows["epochs"] == 0, [*place, "value"]].rename(columns={"value": "before"})
    later = rows[rows["epochs"] > 0].merge(start, on=place)
    later = later[later["before"] > 0]
    grown = later.assign(value=later["value"] / later["before"])
    told = "gradients of a layer {:.1e} times what they were at the start"
    yield from _raised("exploding gradients in training", grown, EXPLODING, told)


def _through_time(rows: pd.DataFrame) -> Iterator[Alarm]:
    """Gradients that are lost, or grow, on their way back through time; before the first step."""
    rows = rows[rows["quantity"].str.startswith("time_") & (rows["epochs"] == 0)]
    if rows.empty:
        return
    steps = rows.assign(step=rows["quantity"].str.removeprefix("time_").astype(int))
    place = ["arm", "label", "replicate", "layer", "epochs"]
    ordered = steps.sort_values("step").groupby(place)["value"]
    ratio = (ordered.last() / ordered.first()).rename("value").reset_index().assign(depth=np.nan)
    told = "norm at the farthest step {:.1e} of that at the last"
    yield from _raised("gradients vanish in time", ratio, THROUGH_TIME, told, below=True)
    told = told.replace(" of that", " times that")
    yield from _raised("gradients explode in time", ratio, 1 / THROUGH_TIME, told)


def _collapsed_codes(hidden: pd.DataFrame) -> Iterator[Alarm]:
    """Layers whose outputs lie on one line, although they have room for more."""
    place = ["arm", "replicate", "layer", "epochs"]
    room = _of(hidden, "effective_rank_permuted")[[*place, "value"]]
    both = _of(hidden, "effective_rank").merge(
        room.rename(columns={"value": "room"}), on=place, how="left"
    )
    wide = both[(both["room"] > ROOM) & (both["epochs"] > 0)]
    yield from _raised("collapsed code", wide, RANK, "effective rank {:.2f}", below=True)


def _searched(results: Results) -> Iterator[Alarm]:
    """Learning rates at an end of what was searched."""
    for arm, text in sorted(edges(results).items()):
        rates = [part for part in text.split(", ") if part.split(" ")[0].endswith("learning_rate")]
        if rates:
            own = results.confirm[results.confirm["arm"] == arm]
            yield Alarm(
                kind="learning rate at an end",
                arm=arm,
                label=results.arms[arm].label,
                layers=(),
                epochs=None,
                replicates=len(own),
                of=len(own),
                value=float("nan"),
                evidence=", ".join(rates),
            )


def _fitted(courses: pd.DataFrame, results: Results) -> Iterator[Alarm]:
    """Courses of training and validation: over-fitting, under-fitting, ended too soon."""
    if not {"train/loss", "val/loss"} <= {*courses}:
        return
    labels = {arm.index: arm.label for arm in results.arms}
    guess = _guess(results)
    over, under, early = [], [], []
    ordered = courses.sort_values("epoch", kind="stable")
    for (arm, replicate), own in ordered.groupby(["arm", "replicate"], sort=True):
        if len(own) < _EPOCHS:
            continue
        row = {"arm": arm, "label": labels.get(arm, ""), "replicate": replicate, "layer": NETWORK}
        row |= {"epochs": int(own["epoch"].iloc[-1]) + 1, "depth": np.nan}
        train, val = own["train/loss"].to_numpy(), own["val/loss"].to_numpy()
        over.append({**row, "value": _rise(train, val)})
        early.append({**row, "value": _unfinished(train, val)})
        if guess is not None and "train/accuracy" in own:
            under.append({**row, "value": float(own["train/accuracy"].iloc[-1])})
    yield from _raised(
        "over-fitting", _table(over), RISE, "validation loss {:.0%} above its best at the end"
    )
    if guess is not None:
        told = "{:.1%} of the training cases right; " + f"a guess has up to {guess:.1%}"
        yield from _raised("under-fitting", _table(under), guess, told, below=True)
    yield from _raised(
        "ended while it improved", _table(early), FALL, "losses fell by {:.0%} in the last quarter"
    )


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    names = ["arm", "label", "replicate", "layer", "epochs", "depth", "value"]
    return pd.DataFrame(rows, columns=names)


def _rise(train: np.ndarray, val: np.ndarray) -> float:
    """Share by which validation ends above its best, while training goes on; NaN for none."""
    smooth = np.median([val[:-2], val[1:-1], val[2:]], axis=0)
    best, end = int(np.argmin(smooth)), float(smooth[-1])
    if smooth[best] <= 0 or end < GAP * train[-1] or train[-1] > train[best]:
        return float("nan")
    return end / float(smooth[best]) - 1


def _unfinished(train: np.ndarray, val: np.ndarray) -> float:
    """Share by which the slower of both losses still fell; NaN where validation was best before."""
    if np.argmin(val) < len(val) - _quarter(val):
        return float("nan")
    return float(np.minimum(_fall(train), _fall(val)))


def _quarter(losses: np.ndarray) -> int:
    return max(2, ceil(len(losses) / 4))


def _fall(losses: np.ndarray) -> float:
    """Share by which losses fell over the last quarter, two epochs averaged at either end."""
    quarter = _quarter(losses)
    before, after = float(np.mean(losses[-quarter - 2 : -quarter])), float(np.mean(losses[-2:]))
    return 1 - after / before if before > 0 and after > 0 else float("nan")


def _guess(results: Results) -> float | None:
    """Accuracy that the most frequent class has by chance, at most; ``None`` where unknown."""
    counts = results.card.counts
    if results.card.task != "classification" or not sum(counts):
        return None
    chance = max(counts) / sum(counts)
    return chance + 2 * sqrt(chance * (1 - chance) / sum(counts))


def _generated(results: Results) -> Iterator[Alarm]:
    """Generators that leave out most of the data."""
    metric = results.metric
    told = {
        "collapse": "{:.0%} of the real cases have no generated one near them",
        "mode_total_variation": "{:.0%} of the mass is not at its mode",
    }
    for name, text in told.items():
        quantity = f"{metric.split}/{name}@{metric.epoch}"
        if quantity not in results.confirm:
            continue
        rows = results.confirm.dropna(subset=quantity)
        last = rows.merge(
            results.epochs.groupby(["arm", "phase", "replicate"])["epoch"].max().reset_index(),
            on=["arm", "phase", "replicate"],
        )
        table = last.assign(
            value=last[quantity], epochs=last["epoch"] + 1, layer=NETWORK, depth=np.nan
        )
        yield from _raised("collapsed generator", table, COLLAPSED, text)
        return


def alarming(results: Results) -> list[str]:
    """One sentence that names the alarms of a study whose networks were looked into."""
    found = alarms(results) if len(results.inside) else []
    if not found:
        return []
    arms: dict[str, set[int]] = {}
    for alarm in found:
        arms.setdefault(alarm.kind, set()).add(alarm.arm)
    parts = [f"{kind} ({wording.count(len(of), 'arm')})" for kind, of in arms.items()]
    return [f"Alarms, which change no verdict: {wording.listed(parts, most=6)}."]
