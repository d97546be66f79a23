"""Synthetic stores: what the harness would have written, without training anything."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.records import Environment, Epoch, Member, Outcome, Seconds
from harness.spec import Study, Trial
from harness.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

EPOCHS = 6
ENVIRONMENT = Environment(
    harness="0.1.0",
    versions={"python": "3.11.9", "keras": "3.15.1", "tensorflow": "2.21.0"},
    processor="Some Processor 6 85",
    flags={},
)
CARD = {
    "locator": "digits",
    "digest": "d" * 64,
    "task": "classification",
    "shape": [8, 8, 1],
    "cases": 1438,
    "tests": 359,
    "outputs": 10,
}


def accuracy(arm: int, replicate: int) -> float:
    """A test accuracy with an effect of the arm, of the replicate, and some noise."""
    block = np.random.default_rng(replicate).normal(0, 0.01)
    noise = np.random.default_rng([arm, replicate]).normal(0, 0.004)
    return float(min(0.995, 0.94 + 0.012 * arm + block + noise))


@dataclass
class Script:
    """What the trials of a synthetic study do.

    Args:
        value: deciding metric by arm and replicate.
        status: by arm, phase, candidate and replicate; ``None`` leaves a trial pending.
        order: seed of the order in which trials finish.
        workers: recorded with every attempt.
        killed: how many trials are interrupted once before they finish.
        environment: by arm and replicate.
        reason: of trials that did not complete.
        rising: arms whose last epoch is their best.
        card: what is other than in ``CARD``.
        settings: of an arm, beside its levels and what was proposed.
    """

    value: Callable[[int, int], float] = accuracy
    status: Callable[[int, str, int, int], str | None] = lambda *_: "completed"
    order: int = 0
    workers: int = 1
    killed: int = 0
    environment: Callable[[int, int], Environment] = lambda *_: ENVIRONMENT
    reason: str = "val/loss is not finite in epoch 3"
    metrics: Mapping[str, float] = field(default_factory=dict)
    rising: frozenset[int] = frozenset()
    card: Mapping[str, Any] = field(default_factory=dict)
    settings: Callable[[int], Mapping[str, Any]] = lambda _: {}


def study(**changes: Any) -> Study:
    """A two-factor study with tuning."""
    given: dict[str, Any] = {
        "name": "activations",
        "question": "Which activation trains a small network best?",
        "template": "mlp",
        "dataset": "digits",
        "factors": {
            "activation": ["relu", "tanh", "sigmoid"],
            "initializer": ["glorot_uniform", "he_normal"],
        },
        "tune": {
            "trials": 5,
            "space": {"learning_rate": {"min": 1e-4, "max": 1e-1, "scale": "log"}},
        },
        "replicates": 6,
    }
    asked = Study(**({"best": "val/loss"} | given | changes))
    if asked.tune is None:
        return asked
    objective = asked.tune.objective or "val/loss@best"
    return asked.model_copy(update={"tune": asked.tune.model_copy(update={"objective": objective})})


def write(
    folder: Path,
    asked: Study,
    script: Script,
    *,
    metric: str = "test/accuracy@best",
    task: str = "classification",
) -> Path:
    """Fill a store with the trials of a study."""
    plan = list(_members(asked, script))
    with Store(folder) as store:
        revision = store.revise(asked, metric, CARD | {"task": task} | script.card)
        for arm, phase in sorted({(member.arm, member.phase) for member, *_ in plan}):
            store.enrol(revision, arm, phase, _of(plan, arm, phase))
        shuffled = np.random.default_rng(script.order).permutation(len(plan))
        for place, index in enumerate(shuffled.tolist()):
            member, trial, status = plan[index]
            if status is None:
                continue
            environment = store.remember(script.environment(member.arm, member.replicate))
            if place < script.killed:
                attempt = store.begin(trial.key, script.workers)
                store.end(trial.key, attempt, Outcome(status="interrupted", reason="killed"))
            attempt = store.begin(trial.key, script.workers)
            if status != "running":
                outcome = _outcome(asked, script, member, status, metric, place)
                store.end(trial.key, attempt, outcome, environment)
    return folder


Planned = tuple[Member, Trial, str | None]


def _of(plan: list[Planned], arm: int, phase: str) -> list[tuple[Member, Trial]]:
    return [
        (member, trial) for member, trial, _ in plan if (member.arm, member.phase) == (arm, phase)
    ]


def _members(asked: Study, script: Script) -> Iterator[Planned]:
    arms = [
        dict(zip(asked.factors, levels, strict=True)) for levels in product(*asked.factors.values())
    ]
    for arm in range(len(arms)):
        proposals = _proposals(asked, arm)
        tuned = range(asked.tune.replicates) if asked.tune else range(0)
        places = [("tune", candidate, r) for candidate in range(len(proposals)) for r in tuned]
        winner = _winner(asked, script, arm, proposals)
        places += [("confirm", winner, replicate) for replicate in range(asked.replicates)]
        for phase, candidate, replicate in places:
            proposed = proposals[candidate] if proposals else {}
            trial = Trial(
                template=asked.template,
                settings={**script.settings(arm), **arms[arm], **proposed},
                dataset="digits",
                data="d" * 64,
                task="classification",
                seed=asked.seed,
                phase=phase,
                replicate=replicate,
                best=asked.best,
                threads=asked.threads,
            )
            member = Member(
                arm=arm,
                phase=phase,
                candidate=candidate,
                replicate=replicate,
                hyperparameters=proposed,
                trial=trial.key,
            )
            yield member, trial, script.status(arm, phase, candidate, replicate)


def _proposals(asked: Study, arm: int) -> list[dict[str, float]]:
    if asked.tune is None:
        return []
    generator = np.random.default_rng([7, arm])
    rates = 10 ** generator.uniform(-4, -1, size=asked.tune.trials)
    return [{"learning_rate": float(f"{rate:.4g}")} for rate in rates]


def _objective(proposed: Mapping[str, float]) -> float:
    """A bowl in the logarithm of the learning rate, best at 0.003."""
    rate = proposed.get("learning_rate", 0.003)
    return 0.12 + 0.15 * (math.log10(rate) - math.log10(0.003)) ** 2


def _winner(asked: Study, script: Script, arm: int, proposals: list[dict[str, float]]) -> int:
    fine = [
        candidate
        for candidate in range(len(proposals))
        if script.status(arm, "tune", candidate, 0) == "completed"
    ]
    return min(fine, key=lambda candidate: _objective(proposals[candidate]), default=0)


def _outcome(
    asked: Study, script: Script, member: Member, status: str, metric: str, place: int
) -> Outcome:
    if status not in {"completed", "diverged"}:
        return Outcome(status=status, reason=script.reason)
    value = script.value(member.arm, member.replicate)
    wobble = float(np.random.default_rng([member.arm, member.replicate, 3]).normal(0, 0.01))
    best = _objective(member.hyperparameters) + 0.004 * member.arm + wobble**2
    if member.phase == "confirm":
        best += 0.01
    last = EPOCHS if status == "completed" else 2
    decider = metric.partition("/")[2].partition("@")[0]
    curve = []
    for epoch in range(last):
        progress = 1 - math.exp(-(epoch + 1) / 1.5)
        quantities = {
            "train/loss": 2.3 - 2.2 * progress,
            "val/loss": best + 2 * (1 - progress) + 0.02 * abs(wobble),
        }
        if decider in {"accuracy", "mean_squared_error"}:
            quantities |= {f"train/{decider}": progress, f"val/{decider}": value * progress}
        curve.append(Epoch(epoch=epoch, quantities=quantities))
    best_epoch = last - 1 if member.arm in script.rising else 0
    if status == "completed":
        metrics = {"val/loss@last": best + 0.01, "val/loss@best": best, **script.metrics}
        if member.phase == "confirm":
            metrics[metric] = value
        for name, number in metrics.items():
            quantity, _, rule = name.partition("@")
            curve[best_epoch if rule == "best" else last - 1].quantities[quantity] = number
    return Outcome(
        status=status,
        reason="" if status == "completed" else script.reason,
        curve=tuple(curve),
        best_epoch=best_epoch,
        parameters=5000 + member.arm,
        seconds=Seconds(build=0.1, compile=0.5, data=0.01, train=1 + 0.001 * place, evaluate=0.1),
    )


@dataclass(frozen=True)
class Maker:
    """Makes synthetic stores in fresh folders."""

    root: Path

    def __call__(self, script: Script | None = None, **changes: Any) -> Path:
        """A store of the study ``study(**changes)``; ``metric`` and ``task`` go to the store."""
        kept = {key: changes.pop(key) for key in ("metric", "task") if key in changes}
        folder = self.root / f"store-{len(list(self.root.iterdir()))}"
        return write(folder, study(**changes), script or Script(), **kept)
