"""One trial, from its initial draw to its outcome."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from harness import catalog, datasets, design, initial, program, seeds, usercode
from harness.errors import HarnessError, UsageError
from harness.layers import resolve
from harness.records import Epoch, Outcome, Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from harness.program import Program
    from harness.spec import Card, Trial


def set_threads(threads: int) -> None:
    """Let one training use this many threads: part of a trial's identity.

    Raises:
        UsageError: if TensorFlow is already running with another number.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        found = tf.config.threading.get_intra_op_parallelism_threads()
        if found != threads:
            raise UsageError(
                f"expected TensorFlow with {threads} intra-op threads. Received: one already "
                f"started with {found or 'its default'}. Use workers=1 or more, or train before "
                "anything else uses TensorFlow in this process."
            ) from None


class Trainer:
    """Trains trials one after another and keeps what they can share.

    Args:
        card: of the data that all trials use.
        folders: where user modules are looked for.

    Attributes:
        programs: compiled programs by key.
    """

    def __init__(self, card: Card, folders: Sequence[Path]) -> None:
        """Load nothing yet."""
        self.programs: dict[str, Program] = {}
        self._networks: dict[str, program.Network] = {}
        self._card, self._folders = card, folders
        self._data: datasets.Data | None = None
        self._resident: tuple[Any, ...] = ()

    def run(self, trial: Trial) -> Outcome:
        """Train one trial.

        Returns:
            Its outcome; an exception in user code is a ``failed`` outcome, not an error here.
        """
        clock = _Clock()
        try:
            return self._run(trial, clock)
        except HarnessError as error:
            return Outcome(status="failed", reason=str(error), seconds=clock.seconds())
        except (MemoryError, tf.errors.ResourceExhaustedError):
            return Outcome(status="failed", reason="out of memory", seconds=clock.seconds())
        except Exception as error:  # noqa: BLE001, a user's function may raise anything
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            return Outcome(status="failed", reason=reason, seconds=clock.seconds())

    def _run(self, trial: Trial, clock: _Clock) -> Outcome:
        with clock.spent("data"):
            data = self._load()
        key = design.program_key(trial, self._card)
        reused = key in self.programs
        compiled = self.programs[key] if reused else self._compile(trial, key, clock)
        with clock.spent("data"):
            train, held = datasets.draw(
                data.y, float(trial.settings["validation"]), trial.seed, trial.phase, trial.replicate  # type: ignore[arg-type]
            )
            arrays = initial.draw(self._networks[key].weights, trial)
        _, values = design.split(trial)
        noise = seeds.stream(trial.seed, trial.phase, trial.replicate, "noise")
        compiled.reset(arrays, values, noise)
        curve, reason = self._epochs(compiled, trial, train, held, clock)
        metrics, best = _summary(curve, trial)
        if not reason and trial.phase == "confirm":
            with clock.spent("evaluate"):
                tested = self._tested(compiled)
            bad = [name for name, number in tested.items() if not math.isfinite(number)]
            reason = f"{bad[0]} is not finite" if bad else ""
            metrics |= tested
        return Outcome(
            status="diverged" if reason else "completed",
            reason=reason,
            curve=tuple(curve),
            metrics={} if reason else metrics,
            best_epoch=best,
            parameters=compiled.parameters,
            xla=compiled.xla,
            reused=reused,
            seconds=clock.seconds(),
        )

    def _load(self) -> datasets.Data:
        if self._data is None:
            self._data = datasets.load(self._card)
            self._resident = tuple(map(tf.constant, (
                self._data.x, self._data.y, self._data.x_test, self._data.y_test
            )))
        return self._data

    def _compile(self, trial: Trial, key: str, clock: _Clock) -> Program:
        with clock.spent("build"):
            network = program.build(trial, self._card, _template(trial, self._folders))
        with clock.spent("compile"):
            compiled = program.Program(trial, self._card, network)
            compiled.compile(*self._resident[:2])
        self._networks[key], self.programs[key] = network, compiled
        return compiled

    def _epochs(
        self, compiled: Program, trial: Trial, train: Any, held: Any, clock: _Clock
    ) -> tuple[list[Epoch], str]:
        """The curve, and why it ended early; empty if it did not."""
        order = seeds.stream(trial.seed, trial.phase, trial.replicate, "order")
        rates = np.full(compiled.sizes.steps, trial.settings["learning_rate"], np.float32)
        x, y, *_ = self._resident
        curve: list[Epoch] = []
        for epoch in range(int(trial.settings["epochs"])):  # type: ignore[arg-type]
            shuffled = train[seeds.permutation(order, len(train))]
            with clock.spent("train"):
                quantities, finite = compiled.epoch(x, y, shuffled, rates, held)
            bad = [name for name, number in quantities.items() if not math.isfinite(number)]
            if bad or not finite:
                return curve, f"{bad[0] if bad else 'a weight'} is not finite in epoch {epoch + 1}"
            curve.append(Epoch(epoch=epoch, quantities=quantities))
        return curve, ""

    def _tested(self, compiled: Program) -> dict[str, float]:
        *_, x, y = self._resident
        return {
            f"test/{name}@{epoch}": number
            for epoch in ("last", "best")
            for name, number in compiled.evaluate(x, y, epoch).items()
        }


def _template(trial: Trial, folders: Sequence[Path]) -> Callable[..., Any]:
    built_in = catalog.TEMPLATES.get(trial.template)
    if built_in:
        return resolve(built_in.target)  # type: ignore[no-any-return]
    return usercode.load(trial.template, folders)


def _summary(curve: list[Epoch], trial: Trial) -> tuple[dict[str, float], int | None]:
    """Train and validation quantities at the last and at the best epoch."""
    if not curve:
        return {}, None
    minimize = catalog.METRICS[trial.best.partition("/")[2]].direction == "minimize"
    pick = min if minimize else max
    best = pick(curve, key=lambda epoch: epoch.quantities[trial.best])
    chosen = {"best": best, "last": curve[-1]}
    found = {
        f"{name}@{which}": number
        for which, epoch in chosen.items()
        for name, number in epoch.quantities.items()
    }
    return found, best.epoch


class _Clock:
    """Where the time of an attempt goes; monotonic, so that no clock change matters."""

    def __init__(self) -> None:
        self._spent: dict[str, float] = {}

    @contextmanager
    def spent(self, part: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self._spent[part] = self._spent.get(part, 0.0) + time.monotonic() - start

    def seconds(self) -> Seconds:
        return Seconds(**self._spent)
