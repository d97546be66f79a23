"""Seconds of a training with frozen layers: asked once for every case, and asked in every step.

    python benchmarks/frozen.py              # three rounds
    python benchmarks/frozen.py --rounds 5

The network of ``studies/transfer-digits.toml`` with all its copied layers frozen, on all images of
five digits. Both contenders train in one process, taking turns; ratios are taken within each round.
Writes ``benchmarks/results/frozen.md``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from harness import datasets, design, environment, studyfile
from harness.program import features
from harness.train import Trainer, set_up

HERE = Path(__file__).parent
AIM = 10.0
CASES, EPOCHS = 1000, 20


def laid_out():
    """Random layers, frozen, as many images of each class as said, and the trial of them."""
    study = studyfile.load(studyfile.find("transfer-digits"))
    fixed = {**study.fixed, "epochs": EPOCHS, "cases_per_class": CASES}
    levels = {"source": ("none",), "source_layers": (4,), "frozen_layers": ("all",)}
    study = study.model_copy(
        update={"fixed": fixed, "factors": levels, "sources": {}, "baseline": {}}
    )
    laid = design.plan(study, datasets.describe_all(study, []), [])
    return laid, laid.trial(laid.arms[0], {}, "confirm", 0)


def trainers(laid, trial):
    """A trainer that keeps features, and one that has no room for them, each warmed up."""
    made = {}
    for name, room in (("asked once", features.ROOM), ("asked in every step", 0)):
        features.ROOM = room
        made[name] = Trainer(laid.card, [])
        made[name].run(trial)
    return made


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    set_up(1)
    laid, trial = laid_out()
    made = trainers(laid, trial)
    seconds = {name: [] for name in made}
    found = {}
    for _ in range(rounds):
        for name, trainer in made.items():
            begun = time.perf_counter()
            found[name] = trainer.run(trial).metrics
            seconds[name].append(time.perf_counter() - begun)
    once, every = seconds.values()
    ratios = [slow / fast for fast, slow in zip(once, every, strict=True)]
    first, second = found.values()
    apart = max(abs(first[name] - second[name]) for name in first)
    here = environment.observe()
    text = (
        "# Frozen layers, asked once\n\n"
        f"{CASES} images of each of five digits, {EPOCHS} epochs, four layers frozen, the last one "
        f"trained. Median of {rounds} rounds, on {here.processor}.\n\n"
        "| | seconds a training |\n|---|---|\n"
        + "".join(f"| {name} | {statistics.median(one):.2f} |\n" for name, one in seconds.items())
        + f"\nRatio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}); aim "
        f"{AIM:.0f}. No metric differs by more than {apart:.1g}.\n"
    )
    print(text)
    (HERE / "results" / "frozen.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
