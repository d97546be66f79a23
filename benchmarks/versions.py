"""Two checkouts side by side: has anything become slower than it was, or faster?

    git worktree add /tmp/before v0.1.0
    python benchmarks/versions.py /tmp/before .
    python benchmarks/versions.py /tmp/before . --only report felt

Every round does the same with either checkout, in processes of their own, in turn: it trains
(seconds per trial after the first, by template), reports on a simulated study of 10,000 trials,
and runs a study of sixty small trainings from command to page. Prints wall seconds and seconds of
the processor, and their ratios within each round; a machine that is shared spoils the first more
than the second.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import felt

ROUNDS, TRIALS, REPLICATES = 5, 12, 100
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


class Spent(NamedTuple):
    """Seconds of a command and of all its processes."""

    wall: float
    processor: float


def commanded(checkout: Path, arguments: list[str], folder: Path) -> Spent:
    """What the command line of a checkout takes."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-P", "-m", "harness", *arguments]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(ended.stderr[-3000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(time.monotonic() - began, used)


def trained(name: str, before: Path, after: Path, rounds: int = ROUNDS) -> None:
    """Print a line for one template."""
    pairs = [
        (measured(before, STUDIES[name]), measured(after, STUDIES[name])) for _ in range(rounds)
    ]
    tell(name, "per trial", pairs)


def reported(before: Path, after: Path, rounds: int = ROUNDS, arms: int = 100) -> None:
    """Print the lines of ``report``, each time into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        roots = {
            checkout: Path(folder, str(place)) for place, checkout in enumerate((before, after))
        }
        for checkout, root in roots.items():
            simulated(checkout, root, arms)
        pairs = []
        for _ in range(rounds):
            found = []
            for checkout, root in roots.items():
                shutil.rmtree(root / "many" / "report", ignore_errors=True)
                arguments = ["report", "many", "--root", str(root)]
                found.append(commanded(checkout, arguments, root))
            pairs.append(found)
    tell_both("report", pairs)


def simulated(checkout: Path, root: Path, arms: int) -> None:
    """Fill a store by the code of a checkout, whose schema another one may not know."""
    root.mkdir()
    call = f"overhead.simulate(Path({str(root)!r}), {arms}, {REPLICATES})"
    code = f"import overhead; from pathlib import Path; {call}"
    paths = [str(checkout.resolve()), str(checkout.resolve() / "benchmarks")]
    subprocess.run(
        [sys.executable, "-P", "-c", code],
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def felt_(before: Path, after: Path, rounds: int = ROUNDS, replicates: int = 10) -> None:
    """Print the lines of a whole study, from command to page."""
    import ladder  # which loads Keras

    with tempfile.TemporaryDirectory() as folder:
        file = ladder.enlarge(Path(folder))["classification"]
        study = felt.lay_out(Path(folder), file, replicates)
        pairs = []
        for number in range(rounds):
            found = []
            for name, checkout in (("before", before), ("after", after)):
                arguments = ["run", study.name, "--root", f"{name}-{number}"]
                found.append(commanded(checkout, arguments, Path(folder)))
            pairs.append(found)
    tell_both("command to page", pairs)


def tell_both(name: str, pairs: list[list[Spent]]) -> None:
    """Print a line for the wall and one for the processor."""
    tell(name, "wall", [(early.wall, late.wall) for early, late in pairs])
    tell(name, "processor", [(early.processor, late.processor) for early, late in pairs])


def tell(name: str, what: str, pairs: list[tuple[float, float]]) -> None:
    """Print medians, and the ratio within each round."""
    ratios = sorted(late / early for early, late in pairs)
    early, late = (statistics.median(part) for part in zip(*pairs, strict=True))
    print(
        f"{name}, {what}: before {early:.4g} s, after {late:.4g} s, ratio "
        f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
        flush=True,
    )


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--only", nargs="+", default=[*STUDIES, "report", "felt"])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    checkouts = given.before.resolve(), given.after.resolve()
    for name in given.only:
        if name == "report":
            reported(*checkouts, given.rounds)
        elif name == "felt":
            felt_(*checkouts, given.rounds)
        else:
            trained(name, *checkouts, given.rounds)


if __name__ == "__main__":
    main()
