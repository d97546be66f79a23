"""Alarms: raised where an illness was planted, and seldom where none was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from planted import inside, looked_into
from synthetic import Script

from harness.records import NETWORK
from harness.spec import Arm
from reports import frames, tables, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from synthetic import Maker

CASES, REPLICATES = 200, 4
Results = frames.Results


@pytest.fixture
def many(make: Maker) -> Results:
    """Results with as many arms as there are cases, and nothing inside them."""
    results = frames.read(make(factors={"activation": ["relu", "tanh"]}, tune=None, replicates=4))
    arms = tuple(Arm(index=index, levels={"activation": f"a{index}"}) for index in range(CASES))
    return replace(results, arms=arms, epochs=results.epochs.iloc[:0])


def rows(quantity: str, values: np.ndarray, epochs: int, layer: str, depth: object) -> pd.DataFrame:
    """Rows of the inside: values of shape ``(cases, replicates)``."""
    arm, replicate = np.indices(values.shape)
    return pd.DataFrame(
        {
            "arm": arm.ravel(), "label": [f"a{one}" for one in arm.ravel()],
            "replicate": replicate.ravel(), "layer": layer, "depth": depth, "epochs": epochs,
            "quantity": quantity, "value": values.ravel(),
        }
    )  # fmt: skip


def typed(*parts: pd.DataFrame) -> pd.DataFrame:
    """Rows in the declared format."""
    return pd.concat(parts).astype({column.name: column.dtype for column in frames.INSIDE})


def deep(quantity: str, values: np.ndarray, epochs: int) -> pd.DataFrame:
    """Rows of one hidden layer of two, with a last one that says nothing."""
    last = rows("weight_norm", np.ones(values.shape), epochs, "outputs", 3)
    return typed(rows(quantity, values, epochs, "hidden_1", 1), last)


def decades(generator: np.random.Generator, middle: float, spread: float) -> np.ndarray:
    """Positive numbers of some decades around a middle."""
    return middle * 10 ** generator.normal(0, spread, (CASES, REPLICATES))


def share(generator: np.random.Generator, middle: float) -> np.ndarray:
    """Shares of units around a middle, an arm's replicates alike."""
    arm = generator.normal(middle, 0.08, (CASES, 1))
    return np.clip(arm + generator.normal(0, 0.05, (CASES, REPLICATES)), 0, 1)


def ratios(middle: float) -> Callable[[np.random.Generator], pd.DataFrame]:
    """Ratios of variances before the first step, half a decade apart."""

    def plant(generator: np.random.Generator) -> pd.DataFrame:
        values = decades(generator, middle, 0.4)
        return typed(rows("gradient_ratio", values, 0, NETWORK, pd.NA))

    return plant


def ranks(middle: float) -> Callable[[np.random.Generator], pd.DataFrame]:
    """Effective ranks at the end, of layers that have room for 20."""

    def plant(generator: np.random.Generator) -> pd.DataFrame:
        values = 1 + (middle - 1) * np.exp(generator.normal(0, 0.3, (CASES, REPLICATES)))
        room = deep("effective_rank_permuted", np.full(values.shape, 20.0), 10)
        return typed(deep("effective_rank", values, 10), room)

    return plant


def backwards(middle: float) -> Callable[[np.random.Generator], pd.DataFrame]:
    """Gradients through time, of which the farthest is so large a part of the nearest."""

    def plant(generator: np.random.Generator) -> pd.DataFrame:
        near = decades(generator, 0.1, 0.1)
        far = near * decades(generator, middle, 0.4)
        return typed(rows("time_000", near, 0, "lstm_1", 1), rows("time_049", far, 0, "lstm_1", 1))

    return plant


PLANTED: Mapping[str, tuple[Any, Any]] = {
    "vanishing gradients": (ratios(0.2), ratios(1e-5)),
    "exploding gradients": (ratios(5.0), ratios(1e5)),
    "dead units": (
        lambda g: deep("dead", share(g, 0.2), 10),
        lambda g: deep("dead", share(g, 0.75), 10),
    ),
    "saturated units": (
        lambda g: deep("saturated", share(g, 0.2), 10),
        lambda g: deep("saturated", share(g, 0.75), 10),
    ),
    "collapsed code": (ranks(6.0), ranks(1.1)),
    "gradients vanish in time": (backwards(0.1), backwards(1e-5)),
    "gradients explode in time": (backwards(2.0), backwards(1e5)),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_of_two_hundred_healthy_and_ill_ones(many: Results, kind: str) -> None:
    """At most 2 % of the healthy ones alarm, and at most 2 % of the ill ones do not."""
    healthy, ill = (plant(np.random.default_rng(7)) for plant in PLANTED[kind])
    alarmed, found = (
        {one.arm for one in verdicts.alarms(replace(many, inside=frame)) if one.kind == kind}
        for frame in (healthy, ill)
    )
    assert len(alarmed) <= 0.02 * CASES
    assert len(found) >= 0.98 * CASES


def courses(train: np.ndarray, val: np.ndarray, accuracy: float) -> pd.DataFrame:
    """Epochs of all cases, of curves of shape ``(cases, replicates, epochs)``."""
    arm, replicate, epoch = (index.ravel() for index in np.indices(train.shape))
    return pd.DataFrame(
        {
            "arm": arm, "phase": "confirm", "candidate": 0, "replicate": replicate, "epoch": epoch,
            "train/loss": train.ravel(), "val/loss": val.ravel(), "train/accuracy": accuracy,
        }
    )  # fmt: skip


def noisy(curve: np.ndarray, seed: int) -> np.ndarray:
    """A curve of 20 epochs for every training, with noise of 3 %."""
    noise = np.random.default_rng(seed).normal(0, 0.03, (CASES, REPLICATES, len(curve)))
    return curve * np.exp(noise)


EPOCH = np.arange(20)
LEARNED = 0.2 + 2 * np.exp(-EPOCH / 2)
FALLING = 2.3 * np.exp(-EPOCH / 15)
WORSENED = 0.3 + 2 * np.exp(-EPOCH / 2) + 0.02 * np.maximum(EPOCH - 6, 0)


@pytest.mark.parametrize(
    ("kind", "train", "val", "accuracy"),
    [
        ("over-fitting", 0.1 * LEARNED, WORSENED, 0.99),
        ("under-fitting", np.full(20, 2.3), np.full(20, 2.3), 0.10),
        ("ended while it improved", FALLING, 1.1 * FALLING, 0.8),
    ],
)
def test_courses_of_two_hundred(
    many: Results, kind: str, train: np.ndarray, val: np.ndarray, accuracy: float
) -> None:
    """The same for what curves tell; a finished course with a usual gap is healthy."""
    counted = replace(many, card=replace(many.card, counts=(150,) * 10))
    healthy = courses(noisy(LEARNED, 1), noisy(1.3 * LEARNED, 2), 0.95)
    ill = courses(noisy(train, 3), noisy(val, 4), accuracy)
    alarmed, found = (
        {one.arm for one in verdicts.alarms(replace(counted, epochs=frame)) if one.kind == kind}
        for frame in (healthy, ill)
    )
    assert len(alarmed) <= 0.02 * CASES
    assert len(found) >= 0.98 * CASES


def test_evidence_names_layers_epochs_and_replicates(make: Maker) -> None:
    """Only the arm that was made ill alarms, with all that shows it."""
    factors = {"activation": ["relu", "tanh", "leaky_relu", "selu"]}
    results = looked_into(frames.read(make(factors=factors, replicates=6)))
    dead = [one for one in verdicts.alarms(results) if one.kind == "dead units"]
    assert [one.label for one in dead] == ["leaky_relu"]
    assert dead[0].layers == ("hidden_1", "hidden_2", "hidden_3", "hidden_4")
    assert (dead[0].replicates, dead[0].of) == (6, 6)
    assert dead[0].epochs is not None
    assert dead[0].epochs[1] == 10
    table = tables.formatted_alarms(results)
    row = table[table["Alarm"] == "dead units"].iloc[0]
    assert row["Layers"] == "hidden_1, hidden_2, hidden_3 and hidden_4"
    assert row["Seen"].startswith("from epoch ")
    assert row["Evidence"].endswith(" % of the units of a layer.")


def test_an_odd_training_of_many_is_no_alarm(many: Results) -> None:
    """One of five is not enough; one of four is."""
    dead = np.zeros((CASES, 5))
    dead[:, 0] = 0.9
    few = replace(many, inside=deep("dead", dead[:, :4], 3))
    assert len(verdicts.alarms(few)) == CASES
    assert not verdicts.alarms(replace(many, inside=deep("dead", dead, 3)))


def test_the_last_layer_may_be_sure(many: Results) -> None:
    """Its saturated outputs are no alarm, but for a study that looks at named layers only."""
    frame = typed(
        rows("saturated", np.full((CASES, 4), 0.1), 5, "hidden_1", 1),
        rows("saturated", np.full((CASES, 4), 0.9), 5, "outputs", 2),
    )
    assert not verdicts.alarms(replace(many, inside=frame))


def test_gradients_that_grow_in_training(many: Results) -> None:
    """A layer's gradients a thousand times those of the start."""
    quiet, loud = np.full((CASES, 4), 1e-3), np.full((CASES, 4), 5.0)
    frame = typed(deep("weight_gradient_rms", quiet, 0), deep("weight_gradient_rms", loud, 4))
    found = verdicts.alarms(replace(many, inside=frame))
    assert {one.kind for one in found} == {"exploding gradients in training"}
    assert found[0].epochs == (4, 4)


def test_learning_rates_at_an_end(make: Maker) -> None:
    """An arm that chose the highest rate of a narrow search alarms."""
    space = {"learning_rate": {"min": 1e-2, "max": 0.1}}
    results = frames.read(make(tune={"trials": 3, "space": space}))
    found = [one for one in verdicts.alarms(results) if one.kind == "learning rate at an end"]
    assert {one.arm for one in found} == {*tables.edges(results)}
    assert found[0].evidence.startswith("learning_rate at its ")


@pytest.mark.parametrize(("value", "alarmed"), [(0.9, True), (0.04, False)])
def test_a_collapsed_generator(make: Maker, value: float, *, alarmed: bool) -> None:
    """Most of the real cases have nothing near them."""
    folder = make(
        Script(value=lambda *_: value), metric="test/collapse@last", task="generation",
        tune=None, factors={"activation": ["relu", "tanh"]},
    )  # fmt: skip
    kinds = {one.kind for one in verdicts.alarms(frames.read(folder))}
    assert kinds == ({"collapsed generator"} if alarmed else set())


def test_one_sentence_of_the_answer_names_them(make: Maker) -> None:
    """Where networks were looked into; the rest of the answer stays as it is."""
    results = frames.read(make(factors={"activation": ["relu", "tanh", "elu", "selu"]}))
    judged = verdicts.judge(results)
    before = verdicts.headline(results, judged)
    after = verdicts.headline(replace(results, inside=inside(results)), judged)
    assert after[:-1] == before
    assert after[-1].startswith("Alarms, which change no verdict: vanishing gradients (1 arm)")
