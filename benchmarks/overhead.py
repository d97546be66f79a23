"""What a trial costs outside its training: key, hand-over and store, at 10,000 trials.

    python benchmarks/overhead.py

Runs a study of 10,000 trials through the coordinator with an executor that answers at once, then
times ``status`` and ``report`` on the store that results, and writes
``benchmarks/results/overhead.md``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

import numpy as np

from harness import Study, datasets, design
from harness.coordinator.coordinator import Coordinator
from harness.environment import observe
from harness.executors import Ended, Rehearsed, Setup, Started
from harness.records import Epoch, Outcome, Rehearsal, Report, Seconds
from harness.store import Store

ARMS, REPLICATES, EPOCHS = 100, 100, 15
RESULTS = Path(__file__).parent / "results" / "overhead.md"

HERE = observe()


class Instant:
    """An executor whose trainings take no time."""

    workers = 1

    def __init__(self):
        self._events = deque()
        self._draw = np.random.default_rng(0)

    def places(self):
        return [0]

    def rehearse(self, trials):
        found = Rehearsal()
        self._events += [Rehearsed(key=trial.key, rehearsal=found) for trial in trials.values()]

    def free(self, *, ahead):
        return [0] if len(self._events) < 4 else []

    def programs(self, place):
        return frozenset()

    def submit(self, place, attempt):
        report = Report(outcome=self._outcome(), environment=HERE)
        ended = Ended(attempt=attempt, report=report)
        self._events += [Started(attempt=attempt, place=place), ended]

    def next_event(self, timeout):
        return self._events.popleft() if self._events else None

    def close(self):
        pass

    def _outcome(self):
        names = [f"{part}/{name}" for part in ("train", "val") for name in ("loss", "accuracy")]
        curve = tuple(
            Epoch(epoch=epoch, quantities=dict(zip(names, numbers, strict=True)))
            for epoch, numbers in enumerate(self._draw.random((EPOCHS, len(names))).tolist())
        )
        best = int(self._draw.integers(EPOCHS))
        curve[best].quantities["test/accuracy"] = float(self._draw.normal(0.9, 0.01))
        return Outcome(
            status="completed",
            curve=curve,
            best_epoch=best,
            parameters=1,
            seconds=Seconds(),
        )


def simulate(root: Path, arms: int = ARMS, replicates: int = REPLICATES) -> float:
    """Fill the store ``root/many``; seconds per trial that it took."""
    study = Study(
        name="many",
        template="mlp",
        dataset="digits",
        factors={"learning_rate": np.geomspace(1e-4, 1e-1, arms).tolist()},
        replicates=replicates,
    )
    plan = design.plan(study, datasets.describe("digits", []), [])
    folder = root / "many"
    setup = Setup(
        card=plan.card,
        folders=(),
        threads=1,
        resident=sys.maxsize,
        folder=folder,
        attempts=folder / "attempts",
        logs=folder / "logs",
    )
    began = time.monotonic()
    with Store(folder) as store:
        Coordinator(
            plan,
            store,
            setup,
            executor=lambda _: Instant(),
            mixed_environment=False,
            replace=False,
            report=lambda _: None,
        ).finish()
    return (time.monotonic() - began) / (arms * replicates)


def seconds(verb: str, root: Path) -> float:
    """What a verb takes on that store, in a process of its own."""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "harness", verb, "many", "--root", str(root)],
        check=True,
        capture_output=True,
    )
    return time.monotonic() - began


def main(to: Path = RESULTS, arms: int = ARMS, replicates: int = REPLICATES) -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        each = simulate(root, arms, replicates)
        status, report = seconds("status", root), seconds("report", root)
        size = (root / "many" / "study.db").stat().st_size / 1e6
    lines = [
        f"# Overhead at {arms * replicates:,} trials",
        "",
        f"{observe().processor}, load {os.getloadavg()[0]:.1f} at the end.",
        "",
        f"- outside training, per trial: {1000 * each:.2f} ms (aim: below 5 ms)",
        f"- `status`: {status:.2f} s (aim: below 1 s)",
        f"- `report`: {report:.1f} s (aim: below 30 s)",
        f"- `study.db`: {size:.0f} MB, {EPOCHS} epochs of 4 quantities per trial",
    ]
    to.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
