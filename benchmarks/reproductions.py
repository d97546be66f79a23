"""Seconds of the published comparisons, against the same trainings by ``model.fit``.

    keras-harness reproduce --all && python benchmarks/reproductions.py results
    python benchmarks/reproductions.py results --rounds 5

Of every family one study is the sample: a training of its baseline, by the harness with its program
compiled, and by the script that ``keras-harness best --code`` writes of it, a new model every time,
as a loop over trainings does. They take turns in one process, on one thread. Writes
``docs/reproductions/fit.json``, from which the index of the cards tells what all trainings would
have taken.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import chdir, redirect_stdout
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from harness import environment, script, store
from harness.errors import HarnessError
from harness.train import Trainer, set_up
from reports import frames

CARDS = Path(__file__).parent.parent / "docs" / "reproductions"


def stores(root):
    """Stores of the cards that are kept, by family, those that trained longest first."""
    found = {}
    for file in CARDS.glob("*/about.json"):
        about = json.loads(file.read_text("utf-8"))
        folder = root / f"{about['study']}-{about['scale']}"
        if folder.is_dir():
            found.setdefault(about["family"], []).append((about["seconds"], about["study"], folder))
    return {family: sorted(own, reverse=True) for family, own in sorted(found.items())}


class Fit:
    """Seconds that a script spends in ``model.fit``."""

    def __init__(self, text, folder):
        """Compile the script once."""
        self.code, self.folder, self.spent = compile(text, "fit", "exec"), folder, 0.0

    def __call__(self):
        """Run it; its own seconds of fitting."""
        plain = keras.Model.fit

        def timed(model, *words, **options):
            begun = time.perf_counter()
            try:
                return plain(model, *words, **{**options, "verbose": 0})
            finally:
                self.spent += time.perf_counter() - begun

        self.spent = 0.0
        keras.Model.fit = timed
        try:
            with chdir(self.folder), redirect_stdout(open(os.devnull, "w")):
                exec(self.code, {"__name__": "fit", "__file__": str(self.folder / "fit.py")})  # noqa: S102
        finally:
            keras.Model.fit = plain
        return self.spent


def sample(folder, rounds):
    """Median seconds of one training, by the harness and by ``fit``."""
    stored = store.trained(folder, frames.read(folder).baseline.index)
    trainer = Trainer(stored.card, [])
    with tempfile.TemporaryDirectory() as place:
        written = script.write(stored, Path(place) / "fit.py")
        fit = Fit(written.script.read_text("utf-8"), Path(place))
        ours, theirs = [], []
        for _ in range(rounds + 1):
            begun = time.perf_counter()
            trainer.run(stored.trial)
            ours.append(time.perf_counter() - begun)
            theirs.append(fit())
    return statistics.median(ours[1:]), statistics.median(theirs[1:])


def measured(own, rounds):
    """The sample of a family: its longest study that ``fit`` can express; ``None`` if none is."""
    for _, study, folder in own:
        try:
            ours, theirs = sample(folder, rounds)
        except HarnessError as error:
            print(f"{study}: left out, {error}")
            continue
        print(f"{study}: {ours:.3g} s, by fit {theirs:.3g} s")
        return {"study": study, "harness": round(ours, 4), "fit": round(theirs, 4)}
    return None


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path, help="folder of the results")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    sys.argv = ["fit.py"]  # what the scripts see: no seed of their own
    set_up(1)
    samples = {family: measured(own, asked.rounds) for family, own in stores(asked.root).items()}
    told = {
        "processor": environment.observe().processor,
        "load": round(os.getloadavg()[0], 1),
        "families": {family: one for family, one in samples.items() if one},
    }
    (CARDS / "fit.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
