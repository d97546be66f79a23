"""The verbs around study files and results: init, list, status."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness import catalog, design, store
from harness.errors import DiskError, ExitCode, HarnessError, UsageError
from harness.locating import results_folder
from harness.spec import NAME
from harness.terminal import Terminal, aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.spec import Study

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Results = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study's name, its file, or its results folder.")
]
Root = Annotated[Path, typer.Option(help="Folder of all results.")]

_STATUSES = ("completed", "diverged", "failed", "lost", "interrupted", "running", "pending")

STARTER = """\
# A study: which of these choices trains the network better, by how much, how sure are we?
# `keras-harness check FILE` says whether it is right, `keras-harness run FILE` trains it.
schema = 1
name = "my-study"                      # results go to results/my-study
question = "Does dropout help a small MLP on digits?"
template = "mlp"                       # mlp, cnn, rnn, autoencoder, or "mynets:function"
dataset = "digits"                     # see `keras-harness data list`, or "my-data.npz"
metric = "test/accuracy@best"          # what decides: split/metric@epoch
baseline = { dropout = 0.0 }           # the other arms are compared with this one
replicates = 10                        # paired trainings per arm, after tuning
margin = 0.015                         # differences within 1.5 points count as equivalent

[fixed]                                # the same in every arm; see `keras-harness catalog setting`
epochs = 20
units = [64]
optimizer = { name = "sgd", momentum = 0.9 }

[factors]                              # arms are all combinations; see `keras-harness catalog mlp`
dropout = [0.0, 0.2, 0.5]

[tune]                                 # the same budget inside every arm
trials = 6
objective = "val/crossentropy@best"
space.learning_rate = { min = 1e-3, max = 1.0, scale = "log" }
"""


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Study file to write.")] = Path(
        "study.toml"
    ),
) -> int:
    """Write a commented study file to start from; an existing file is never overwritten."""
    if file.suffix != ".toml":
        raise UsageError(f"expected the name of a study file, ending in .toml. Received: {file}.")
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(STARTER.replace("FILE", str(file)).replace("my-study", _name(file)))
    except FileExistsError:
        raise UsageError(
            f"expected a file that does not exist yet. Received: {str(file)!r}. "
            "Nothing was changed."
        ) from None
    except OSError as error:
        raise DiskError(f"{str(file)!r} could not be written: {error}.") from error
    Terminal().print(f"{file}: written. Next: keras-harness check {file}", soft_wrap=True)
    return ExitCode.DONE


def list_(root: Root = Path("results"), as_json: Json = False) -> int:
    """List the studies that have results."""
    folders = sorted(folder for folder in root.glob("*") if store.exists(folder))
    rows = [_summary(folder) for folder in folders]
    if as_json:
        _print_json(rows)
        return ExitCode.DONE
    out = Terminal()
    if not rows:
        out.print(f"There are no results in {str(root)!r} yet.", soft_wrap=True)
        return ExitCode.DONE
    columns = ("name", "done", "changed", "question", "answer")
    shown = [
        [row["name"], row["trials"], row["changed"], row["question"], row["answer"]] for row in rows
    ]
    out.print(aligned(columns, shown))
    return ExitCode.DONE


def status(study: Results, root: Root = Path("results"), as_json: Json = False) -> int:
    """Show how far a study is, by phase and by arm, and about how long is left."""
    folder = results_folder(study, root)
    counts = store.counts(folder)
    if as_json:
        _print_json({f"{phase}/{name}": count for (phase, name), count in counts.items()})
        return ExitCode.DONE
    phases = sorted({phase for phase, _ in counts}, reverse=True)
    names = [name for name in _STATUSES if any(counts.get((phase, name)) for phase in phases)]
    rows = [[phase, *(str(counts.get((phase, name), 0)) for name in names)] for phase in phases]
    out = Terminal()
    out.print(str(folder), soft_wrap=True)
    out.print(aligned(["phase", *names], rows))
    defined, found = store.definition(folder), store.progress(folder)
    if defined is not None:
        planned = _planned(defined.study, found)
        phases = sorted({phase for _, phase in planned}, reverse=True)
        out.print(aligned(["arm", *phases], _by_arm(defined.study, planned, found, phases)))
        out.print(_left(planned, found))
    return ExitCode.DONE


def _name(file: Path) -> str:
    """Name of the study in a file: that of the file, if valid."""
    return file.stem if NAME.fullmatch(file.stem) else "my-study"


def _planned(study: Study, found: store.Progress) -> dict[tuple[int, str], int]:
    """Trials by arm and phase: those enrolled, or, where none are yet, those to come."""
    tune = study.tune
    coming = {"tune": tune.trials * tune.replicates} if tune else {}
    coming["confirm"] = study.replicates
    arms = range(math.prod(len(levels) for levels in study.factors.values()))
    return {(arm, phase): count for arm in arms for phase, count in coming.items()} | dict(
        found.enrolled
    )


def _seconds_left(planned: Mapping[tuple[int, str], int], found: store.Progress) -> float | None:
    """Estimate the seconds left at the pace so far; ``None`` while there is no pace."""
    if not found.seconds:
        return None
    usual = max(found.seconds.values())  # a phase without a finished training is like the slowest
    whole = sum(
        max(0, count - found.done.get((arm, phase), 0)) * found.seconds.get(phase, usual)
        for (arm, phase), count in planned.items()
    )
    return whole / found.workers


def _by_arm(
    study: Study,
    planned: Mapping[tuple[int, str], int],
    found: store.Progress,
    phases: Sequence[str],
) -> list[list[str]]:
    labels = [arm.label for arm in design.arms(study)]
    labels += [one.label for one in catalog.references(study)]
    return [
        [
            label,
            *(
                f"{found.done.get((arm, phase), 0)} of {planned[arm, phase]}"
                if (arm, phase) in planned
                else ""
                for phase in phases
            ),
        ]
        for arm, label in enumerate(labels)
    ]


def _left(planned: Mapping[tuple[int, str], int], found: store.Progress) -> str:
    seconds = _seconds_left(planned, found)
    total, done = sum(planned.values()), sum(found.done.values())
    if total and done >= total:
        return f"All {total} trials have a result."
    share = f"{done} of {total} trials have a result"
    if seconds is None:
        return f"{share}. How long the rest will take is not known before one is finished."
    workers = "1 worker" if found.workers == 1 else f"{found.workers} workers"
    return f"{share}; the rest is about {_duration(seconds)} of training with {workers}, as before."


def _duration(seconds: float) -> str:
    """A time as people say it.

    Example:
        >>> _duration(42), _duration(500), _duration(9000)
        ('42 s', '8 min', '2.5 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _summary(folder: Path) -> dict[str, Any]:
    """One study of a list; a store that cannot be read says why."""
    row = {"name": folder.name, "question": "", "trials": "", "answer": "", "changed": ""}
    try:
        defined, found = store.definition(folder), store.progress(folder)
    except HarnessError as error:
        return row | {"answer": f"cannot be read: {error}"}
    if defined is None:
        return row | {"answer": "no study yet"}
    planned, done = sum(_planned(defined.study, found).values()), sum(found.done.values())
    return row | {
        "question": defined.study.question,
        "trials": f"{done}/{planned}",
        "answer": _answer(folder, found.changed) if done >= planned else "not finished",
        "changed": found.changed[:10],
    }


def _answer(folder: Path, changed: str) -> str:
    """Counts of the verdicts in the last report; empty if the results are newer than the report."""
    file = folder / "report" / "verdicts.csv"
    try:
        reported = datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat()
        with file.open(encoding="utf-8", newline="") as stream:
            words = Counter(row.get("verdict") or "" for row in csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error):
        return "not reported yet"
    if reported < changed:
        return "changed since the last report"
    counts = [f"{count} {word}" for word, count in words.items() if word not in {"", "baseline"}]
    return ", ".join(counts) or "one arm"


def _print_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


VERBS: dict[str, Callable[..., int]] = {"init": init, "list": list_, "status": status}
