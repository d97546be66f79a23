"""Two checkouts side by side: is any template slower than it was?

    git worktree add /tmp/before v0.1.0
    python benchmarks/versions.py /tmp/before .

Every round trains the same trials with either checkout, in processes of their own, in turn. Prints
the seconds per trial after the first, and the ratio within each round.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS, TRIALS = 5, 12
STUDIES = {
    "mlp": {"template": "mlp", "dataset": "digits", "fixed": {"units": [128, 128], "epochs": 20}},
    "cnn": {"template": "cnn", "dataset": "digits", "fixed": {"epochs": 5}},
    "rnn": {"template": "rnn", "dataset": "digits", "fixed": {"epochs": 8}},
    "rnn of tokens": {
        "template": "rnn",
        "dataset": "copy-10@1000",
        "fixed": {"epochs": 3},
    },
    "autoencoder": {"template": "autoencoder", "dataset": "digits", "fixed": {"epochs": 15}},
}
CHILD = """
import json, sys, time
from harness import datasets, design
from harness.spec import Study
from harness.train import Trainer, set_up

ask = json.loads(sys.argv[1])
set_up(1)
factors = {"learning_rate": [1e-3]}
study = Study(name="speed", factors=factors, replicates=ask["trials"], **ask["study"])
laid = design.plan(study, datasets.describe(study.dataset, []), [])
trainer = Trainer(laid.card, [])
seconds = []
for replicate in range(ask["trials"]):
    began = time.perf_counter()
    outcome = trainer.run(laid.trial(laid.arms[0], {}, "confirm", replicate))
    assert outcome.status == "completed", outcome.reason
    seconds.append(time.perf_counter() - began)
print(json.dumps(seconds))
"""


def measured(checkout: Path, study: dict[str, object]) -> float:
    """Median seconds of a trial, the first one left out: it compiles."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3"}
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps({"study": study, "trials": TRIALS})],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(ended.stderr[-3000:])
    return statistics.median(json.loads(ended.stdout.splitlines()[-1])[1:])


def main(before: Path, after: Path) -> None:
    """Print one line per study."""
    for name, study in STUDIES.items():
        rounds = [(measured(before, study), measured(after, study)) for _ in range(ROUNDS)]
        ratios = sorted(late / early for early, late in rounds)
        early, late = (statistics.median(part) for part in zip(*rounds, strict=True))
        print(
            f"{name:15} before {early:.4f} s, after {late:.4f} s, ratio "
            f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
            flush=True,
        )


if __name__ == "__main__":
    main(*(Path(part).resolve() for part in sys.argv[1:3]))
