"""One trial, from its initial draw to its outcome."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from harness import catalog, datasets, design, initial, program, seeds, usercode
from harness.errors import HarnessError, UsageError
from harness.layers import resolve
from harness.program import Fallback, Network, Program, Resident
from harness.records import Epoch, Outcome, Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

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
        self.programs: dict[str, Compiled] = {}
        self._broken: dict[str, Exception] = {}
        self._card, self._folders = card, folders
        self._loaded: tuple[datasets.Data, Resident] | None = None

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
            data, resident = self._load()
        key = design.program_key(trial, self._card)
        reused = key in self.programs
        compiled = self._compiled(trial, key, resident, clock)
        with clock.spent("data"):
            share = trial.settings["validation"]
            assert isinstance(share, float)
            drawn = (trial.seed, trial.phase, trial.replicate)
            train, held = datasets.draw(data.y, share, *drawn)
            compiled.fill(trial)
        curve, reason = _epochs(compiled.program, resident, trial, train, held, clock)
        metrics, best = _summary(curve, trial)
        if not reason and trial.phase == "confirm":
            with clock.spent("evaluate"):
                tested = _tested(compiled.program, resident)
            bad = [name for name, number in tested.items() if not math.isfinite(number)]
            reason = f"{bad[0]} is not finite" if bad else ""
            metrics |= tested
        return Outcome(
            status="diverged" if reason else "completed",
            reason=reason,
            curve=tuple(curve),
            metrics={} if reason else metrics,
            best_epoch=best,
            parameters=compiled.program.part.parameters,
            engine=compiled.program.engine,
            xla=compiled.program.xla,
            reused=reused,
            seconds=clock.seconds(),
        )

    def _load(self) -> tuple[datasets.Data, Resident]:
        if self._loaded is None:
            data = datasets.load(self._card)
            names = ("x", "y", "x_test", "y_test")
            tensors = {name: tf.constant(getattr(data, name)) for name in names}
            self._loaded = data, Resident(**tensors)
        return self._loaded

    def _compiled(self, trial: Trial, key: str, resident: Resident, clock: _Clock) -> Compiled:
        """The program of a trial; what could not be built once is not tried again."""
        if key in self._broken:
            raise self._broken[key]
        if key not in self.programs:
            try:
                self.programs[key] = self._compile(trial, resident, clock)
            except Exception as error:
                self._broken[key] = error
                raise
        return self.programs[key]

    def _compile(self, trial: Trial, resident: Resident, clock: _Clock) -> Compiled:
        """The first engine that can express the model.

        A built-in template is always a program. A user's model may hold operations that XLA
        lacks, or a training step of its own; then it is trained without XLA, or by ``fit``.
        """
        engines = ("rule",) if trial.template in catalog.TEMPLATES else ("rule", "graph", "fit")
        for engine in engines:
            with clock.spent("build"):
                network = program.build(trial, self._card, _template(trial, self._folders))
                part = program.Refillable(trial, self._card, network)
            try:
                with clock.spent("compile"):
                    made = _engine(engine, part, self._card)
                    made.compile(resident)
            except Exception:
                if engine == engines[-1]:
                    raise
            else:
                return Compiled(program=made, network=network)
        raise AssertionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A program and the network it was compiled for."""

    program: Program | Fallback
    network: Network

    def fill(self, trial: Trial) -> None:
        """Give it everything of a trial, and leave nothing of an earlier one."""
        _, values = design.split(trial)
        noise = seeds.stream(trial.seed, trial.phase, trial.replicate, "noise")
        self.program.part.refill(initial.draw(self.network.weights, trial), values, noise)
        self.program.reset()


def _engine(name: str, part: program.Refillable, card: Card) -> Program | Fallback:
    if name == "fit":
        return Fallback(part)
    if not program.is_expressible(part.model):
        raise NotImplementedError("a training step of its own")
    return Program(part, xla=name == "rule" and program.uses_xla(part.model, card))


def _epochs(
    compiled: Program | Fallback,
    resident: Resident,
    trial: Trial,
    train: NDArray[np.int32],
    held: NDArray[np.int32],
    clock: _Clock,
) -> tuple[list[Epoch], str]:
    """The curve, and why it ended early; empty if it did not."""
    order = seeds.stream(trial.seed, trial.phase, trial.replicate, "order")
    steps = compiled.part.sizes.steps
    rates = np.full(steps, trial.settings["learning_rate"], np.float32)
    epochs = trial.settings["epochs"]
    assert isinstance(epochs, int)
    curve: list[Epoch] = []
    for epoch in range(epochs):
        shuffled = train[seeds.permutation(order, len(train))]
        with clock.spent("train"):
            quantities, finite = compiled.epoch(resident, shuffled, rates, held)
        bad = [name for name, number in quantities.items() if not math.isfinite(number)]
        if bad or not finite:
            return curve, f"{bad[0] if bad else 'a weight'} is not finite in epoch {epoch + 1}"
        curve.append(Epoch(epoch=epoch, quantities=quantities))
    return curve, ""


def _tested(compiled: Program | Fallback, resident: Resident) -> dict[str, float]:
    return {
        f"test/{name}@{epoch}": number
        for epoch in ("last", "best")
        for name, number in compiled.test(resident, epoch).items()
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
