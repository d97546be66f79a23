"""Proposes hyperparameters, and chooses among them once they have been tried.

The oracles are KerasTuner's, asked and told in memory; its tuner, storage and retries are not
used. Every arm is given the same candidates: the budget is equal, and no arm is luckier.
"""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from contextlib import redirect_stdout
from io import StringIO
from itertools import count
from typing import TYPE_CHECKING

from harness.identity import digest
from harness.spec import Choices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.records import Result
    from harness.spec import Scalar, Tune


TRIES = 50
"""Number of times an oracle is asked again before its space counts as exhausted."""


def token(tune: Tune, seed: int) -> str:
    """Identity of a search: everything that its proposals depend on."""
    return digest([tune.model_dump(mode="json", include={"space", "oracle", "trials"}), seed])


def candidates(tune: Tune, seed: int) -> list[dict[str, Scalar]]:
    """Draw the candidates of a random search with KerasTuner's oracle. Imports Keras.

    Args:
        tune: search space and number of candidates.
        seed: the study's seed.

    Returns:
        Distinct hyperparameters, fewer than asked for only where the space holds no more.
        A larger number of trials begins with the same candidates.
    """
    import keras_tuner

    space = keras_tuner.HyperParameters()
    for name, part in tune.space.items():
        if isinstance(part, Choices):
            space.Int(name, 0, len(part.values) - 1)
        else:
            space.Float(name, part.min, part.max, sampling=part.scale)
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=keras_tuner.Objective("score", "min"),
        max_trials=tune.trials,
        seed=_seed(seed),
        hyperparameters=space,
        tune_new_entries=False,
        allow_new_entries=False,
    )
    with (
        tempfile.TemporaryDirectory() as scratch,
        redirect_stdout(StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", DeprecationWarning)  # KerasTuner's own use of threading
        keras_tuner.engine.base_tuner.BaseTuner(oracle, directory=scratch)
        # One name per open trial: an oracle answers a name that it knows with the same trial.
        asked = (oracle.create_trial(f"candidate-{index}") for index in count())
        # It gives up after 20 draws that it had before, so it is asked more than once.
        patience = TRIES
        drawn: list[dict[str, Scalar]] = []
        while patience and len(drawn) < tune.trials:
            trial = next(asked)
            if trial.status == "STOPPED":
                patience -= 1
            else:
                patience = TRIES
                drawn.append(_named(tune, trial.hyperparameters.values))
    return drawn


def choose(tried: Sequence[Sequence[Result]], objective: str, *, minimize: bool) -> int | None:
    """The candidate to confirm.

    The best mean objective wins; a candidate with a diverged training loses to any without.
    Where all diverged, the one that lasted longest is taken, so that the arm is still judged.

    Args:
        tried: for each candidate, the results of its replicates.
        objective: the metric that counts.
        minimize: its direction.

    Returns:
        Index of the candidate, the first among equals; ``None`` if every one failed.
    """
    sign = 1.0 if minimize else -1.0
    ranks = {}
    for index, results in enumerate(tried):
        if any(result.status not in {"completed", "diverged"} for result in results):
            continue
        if all(result.status == "completed" for result in results):
            mean = sum(result.metrics[objective] for result in results) / len(results)
            ranks[index] = (0, sign * mean)
        else:
            ranks[index] = (1, -float(sum(result.epochs for result in results)))
    return min(ranks, key=lambda index: ranks[index]) if ranks else None


def _seed(seed: int) -> int:
    """Seed for KerasTuner that is never zero, which it would take as a request to draw one."""
    return 1 + int.from_bytes(hashlib.sha256(f"oracle/{seed}".encode()).digest()[:4], "big") // 2


def _named(tune: Tune, values: Mapping[str, float]) -> dict[str, Scalar]:
    named: dict[str, Scalar] = {}
    for name, part in tune.space.items():
        drawn = values[name]
        named[name] = part.values[int(drawn)] if isinstance(part, Choices) else float(drawn)
    return named
