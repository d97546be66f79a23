"""Command ``keras-harness best``: print the winner of a study, save it, or write it as a script."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from math import isnan
from typing import TYPE_CHECKING, Any

from harness import store
from harness.errors import ExitCode, NothingToReportError, UsageError
from harness.spec import label
from harness.terminal import Terminal, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from reports.frames import Results
    from reports.verdicts import Judged, Winner


def check(weights: Path | None, code: Path | None) -> None:
    """Refuse file names with an unfitting ending, and files that exist already.

    Raises:
        UsageError: naming the option.
    """
    for option, file, ending in (("--weights", weights, ".keras"), ("--code", code, ".py")):
        if file is not None and file.suffix != ending:
            raise UsageError(f"expected {option} FILE{ending}. Received: {str(file)!r}.")
    data = [code.with_suffix(".npz")] if code is not None else []
    for file in (weights, code, *data):
        if file is not None and file.exists():
            raise UsageError(
                f"expected a file that is not there yet. Received: {str(file)!r}. "
                "Name another, or move it away."
            )


def answer(
    folder: Path,
    places: Sequence[Path],
    weights: Path | None,
    code: Path | None,
    *,
    as_json: bool,
) -> int:
    """Print the winner, and write what is asked for.

    Args:
        folder: of the results.
        places: folders to search for user modules.
        weights: file to save the winner in.
        code: file to write its script to.
        as_json: whether to print JSON.

    Raises:
        NothingToReportError: if trials are missing.
    """
    from reports import frames, verdicts

    results = frames.read(folder)
    judged = verdicts.judge(results)
    if judged.missing:
        raise NothingToReportError(
            "expected a study with all its results, because before that no arm has won. "
            f"Received: {'; '.join(judged.missing[:5])}{' ...' if judged.missing[5:] else ''}. "
            "Run the study again: it continues where it stopped."
        )
    won = verdicts.winner(results, judged)
    found = _content(results, judged, won, folder)
    written = _written(folder, won.arm, places, weights, code)
    if as_json:
        sys.stdout.write(json.dumps({**found, **written}, indent=2) + "\n")
        return ExitCode.DONE
    _show(found, written, results, judged, won)
    return ExitCode.DONE


def _content(results: Results, judged: Judged, won: Winner, folder: Path) -> dict[str, Any]:
    from reports import verdicts

    mean = judged.means[won.arm]
    hyperparameters: dict[str, Any] = {}
    with suppress(NothingToReportError):  # raised if all its trainings diverged
        hyperparameters |= store.trained(folder, won.arm).hyperparameters
    return {
        "study": results.study.name,
        "rule": verdicts.RULE,
        "winner": results.arms[won.arm].label,
        "arm": won.arm,
        "levels": dict(results.arms[won.arm].levels),
        "hyperparameters": hyperparameters,
        "metric": str(results.metric),
        "mean": None if isnan(mean.mean) else mean.mean,
        "baseline": results.arms[judged.baseline].label,
        "verdict": judged.by_arm[won.arm].text if won.word else "baseline",
        "others": {results.arms[arm].label: word for arm, word in won.others.items()},
    }


def _written(
    folder: Path, arm: int, places: Sequence[Path], weights: Path | None, code: Path | None
) -> dict[str, Any]:
    """Files that were asked for, with what has to be known of each."""
    found: dict[str, Any] = {}
    if weights is None and code is None:
        return found
    stored = store.trained(folder, arm)
    # The training comes first: it decides how many threads TensorFlow has.
    if weights is not None:
        with quiet():
            from harness import rerun

            kept = rerun.keep(stored, weights, places)
        found["weights"] = {
            "file": str(kept.file),
            "replicate": stored.trial.replicate,
            "metrics": dict(kept.metrics),
            "notes": [*kept.notes],
        }
    if code is not None:
        with quiet():
            from harness import script

            wrote = script.write(stored, code)
        found["code"] = {"file": str(code), "data": str(wrote.data), "notes": [*wrote.notes]}
    return found


def _show(
    found: dict[str, Any], written: dict[str, Any], results: Results, judged: Judged, won: Winner
) -> None:
    out = Terminal()
    mean = judged.units.value(judged.means[won.arm].mean) or "no mean, a training diverged"
    out.print(f"winner:     {found['winner']}", style="bold", soft_wrap=True)
    if found["hyperparameters"]:
        tuned = ", ".join(
            f"{key} = {label(part)}" for key, part in found["hyperparameters"].items()
        )
        out.print(f"tuned:      {tuned}", soft_wrap=True)
    replicates = results.study.replicates
    out.print(f"{'mean:':<12}{mean}, {judged.units.name} over {replicates} replicates")
    if won.word:
        reading = judged.by_arm[won.arm].reading
        out.print(f"verdict:    {found['verdict']}. {reading}", soft_wrap=True)
    else:
        out.print("verdict:    it is the baseline, and no arm is better", soft_wrap=True)
    for word, told in _GROUPS.items():
        arms = [results.arms[arm].label for arm, one in won.others.items() if one == word]
        if arms:
            out.print(f"{told + ':':<12}{'; '.join(arms)}", soft_wrap=True)
    out.print(f"rule:       {found['rule']}", style="dim", soft_wrap=True)
    if "code" in written:
        out.print(f"code:       {written['code']['file']}, data in {written['code']['data']}")
    if "weights" in written:
        made = written["weights"]
        out.print(
            f"weights:    {made['file']}: replicate {made['replicate']} trained again, all "
            f"{len(made['metrics'])} metrics as stored; {found['metric']} = "
            f"{made['metrics'][found['metric']]:.6g}",
            soft_wrap=True,
        )
    for part in written.values():
        for note in part["notes"]:
            out.print(f"note:       {note}", soft_wrap=True)


_GROUPS = {
    "worse": "beaten",
    "equivalent": "equivalent",
    "no difference observed": "alike",
    "undecided": "not beaten",
    "better": "better",
}
"""Headings for the other arms, by how each of them compares with the winner."""
