"""One trial, from its initial draw to its outcome."""

from __future__ import annotations

import math
import re
import time
import traceback
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from threadpoolctl import ThreadpoolController

from harness import (
    catalog,
    datasets,
    design,
    environment,
    initial,
    metrics,
    program,
    references,
    schedules,
    seeds,
    surroundings,
    usercode,
)
from harness.errors import DataError, HarnessError, TemplateError, UsageError
from harness.layers import resolve
from harness.program import Fallback, Inputs, Network, Program, Refillable, Resident, Streamed
from harness.records import Epoch, Outcome, Rehearsal, Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.spec import Trial


CALIBRATED = 512
"""Training cases by which an initializer that needs data scales weights."""

_EPOCHS = ("best", "last")
"""At which weights are tested."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def set_up(threads: int) -> None:
    """Let one training use this many threads, and no more of a GPU's memory than it needs.

    The threads are part of a trial's identity.

    Raises:
        UsageError: if TensorFlow is already running with another number.
    """
    with suppress(RuntimeError):  # somebody else has begun to use the GPU, and decided it
        for device in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(device, True)
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
        resident: bytes of inputs that may stay in memory; larger data is read in chunks.

    Attributes:
        programs: compiled programs by key.
    """

    def __init__(self, card: Card, folders: Sequence[Path], resident: float = math.inf) -> None:
        """Load nothing yet."""
        self.programs: dict[str, Compiled] = {}
        self._built: dict[str, tuple[Network, Refillable]] = {}
        self._broken: dict[str, Exception] = {}
        self._card, self._folders, self._resident = card, folders, resident
        self._data: datasets.Data | None = None
        self._made: tuple[bytes, Inputs, float] | None = None
        self._pools = ThreadpoolController()

    def run(self, trial: Trial) -> Outcome:
        """Train one trial, or measure a reference.

        Returns:
            Its outcome; an exception in user code is a ``failed`` outcome, not an error here.
        """
        clock = _Clock()
        try:
            # Idle threads of a linear algebra library spin, which costs the worker beside this one.
            with self._pools.limit(limits=trial.threads), ExitStack() as within:
                if trial.template in catalog.REFERENCES:
                    return self._refer(trial, clock)
                return self._run(trial, clock, within)
        except HarnessError as error:
            return Outcome(status="failed", reason=str(error), seconds=clock.seconds())
        except (MemoryError, tf.errors.ResourceExhaustedError):
            return Outcome(status="failed", reason="out of memory", seconds=clock.seconds())
        except (Exception, SystemExit) as error:  # noqa: BLE001, a user's function may raise anything
            return Outcome(status="failed", reason=_explain(error), seconds=clock.seconds())

    def network(self, trial: Trial) -> Network:
        """The network of a trial, built to be looked at.

        Raises:
            HarnessError: if it cannot be built.
        """
        try:
            return self._build(trial)[0]
        except HarnessError:
            raise
        except (Exception, SystemExit) as error:
            raise TemplateError(_explain(error)) from error

    def _import(self, trial: Trial) -> None:
        """Make the user's own objects of a trial importable. This runs user code."""
        for reference in design.own(trial.template, trial.settings):
            usercode.load(reference, self._folders)

    def rehearse(self, trial: Trial) -> Rehearsal:
        """Build a trial's network, and keep it for the trial. A reference has none."""
        if trial.template in catalog.REFERENCES:
            return Rehearsal()
        try:
            built = self._build(trial)
        except HarnessError as error:
            return Rehearsal(problem=str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001, a user's function may raise anything
            return Rehearsal(problem=_explain(error))
        self._built[design.program_key(trial, self._card)] = built
        codeless = trial.task == "reconstruction" and not _has_code(built[1])
        return Rehearsal(
            notes=(*built[0].notes, *initial.notes(built[0], trial)),
            missing=metrics.FROM_CODES if codeless else (),
        )

    def _run(self, trial: Trial, clock: _Clock, within: ExitStack) -> Outcome:
        with clock.spent("data"):
            data = self._load()
            train, held = _drawn(trial, data, self._card)
            inputs, unit = self._inputs(data, train)
        key = design.program_key(trial, self._card)
        reused = key in self.programs
        compiled = self._compiled(trial, key, inputs, clock)
        within.enter_context(surroundings.training(compiled.network, trial, self._folders))
        with clock.spent("data"):
            if compiled.program.part.denoises:
                inputs = inputs.corrupted(_corruption(trial, self._card), held)
            self._import(trial)  # an initializer may be another than that of the trial before
            compiled.fill(trial, data.y[train])
            compiled.calibrate(trial, inputs, train)
        curve, reason = _epochs(compiled.program, inputs, trial, train, held, clock)
        curve = [
            Epoch(epoch=one.epoch, quantities=metrics.in_own_unit(one.quantities, trial.task, unit))
            for one in curve
        ]
        measured, best = _summary(curve, trial)
        if not reason and trial.phase == "confirm":
            with clock.spent("evaluate"):
                tested = _tested(
                    compiled.program, inputs, train, last_is_best=best == len(curve) - 1
                )
            bad = [name for name, number in tested.items() if not math.isfinite(number)]
            reason = f"{bad[0]} is not finite" if bad else ""
            measured |= metrics.in_own_unit(tested, trial.task, unit)
        return Outcome(
            status="diverged" if reason else "completed",
            reason=reason,
            curve=tuple(curve),
            metrics={} if reason else measured,
            best_epoch=best,
            parameters=compiled.program.part.parameters,
            engine=compiled.program.engine,
            xla=compiled.program.xla,
            reused=reused,
            seconds=clock.seconds(),
            notes=(
                *compiled.network.notes,
                *initial.notes(compiled.network, trial),
                *compiled.program.notes,
            ),
        )

    def _refer(self, trial: Trial, clock: _Clock) -> Outcome:
        """Measure a method that trains no network; it has no epochs to choose from."""
        with clock.spent("data"):
            data = self._load()
            train, held = _drawn(trial, data, self._card)
            inputs, _ = self._inputs(data, train)
            if self._card.noise:
                inputs = inputs.corrupted(_corruption(trial, self._card), held)
            split = _split(inputs, data.y, train)
        with clock.spent("train"):
            found = references.measure(trial, split)
        bad = [name for name, number in found.items() if not math.isfinite(number)]
        if bad:
            return Outcome(
                status="failed", reason=f"{bad[0]} is not finite", seconds=clock.seconds()
            )
        measured = {f"test/{name}@{epoch}": found[name] for name in found for epoch in _EPOCHS}
        return Outcome(status="completed", metrics=measured, seconds=clock.seconds())

    def _load(self) -> datasets.Data:
        """The data, its inputs perhaps still in their file."""
        if self._data is None:
            self._data = datasets.load(self._card)
        return self._data

    def _inputs(self, data: datasets.Data, train: NDArray[np.int32]) -> tuple[Inputs, float]:
        """Inputs with labels as a program takes them, and the unit of a standardized target.

        What is standardized is so by the training cases alone, anew for every replicate.
        """
        key = train.tobytes() if data.standardize else b""
        if self._made is None or self._made[0] != key:
            kind = Resident if data.nbytes <= self._resident else Streamed
            own = data.standardized(train)
            self._made = key, kind.of(own), own.unit
            if kind is Resident and not data.standardize:
                self._data = data.without_inputs()  # they are tensors now, for all replicates
        _, inputs, unit = self._made
        if isinstance(inputs, Streamed):
            inputs.check()
        return inputs, unit

    def _compiled(self, trial: Trial, key: str, inputs: Inputs, clock: _Clock) -> Compiled:
        """The program of a trial; what could not be built once is not tried again."""
        if key in self._broken:
            raise self._broken[key]
        if key not in self.programs:
            try:
                self.programs[key] = self._compile(key, trial, inputs, clock)
            except Exception as error:
                self._broken[key] = error
                raise
        return self.programs[key]

    def _take(self, key: str) -> tuple[Network, Refillable] | None:
        """What a rehearsal has built, once: an engine that failed may have changed it."""
        return self._built.pop(key) if key in self._built else None

    def _build(self, trial: Trial) -> tuple[Network, Refillable]:
        with surroundings.building(trial, self._card, self._folders) as world:
            self._import(trial)
            network = program.build(trial, self._card, _template(trial, self._folders))
            if world:
                network = surroundings.look(network, world, trial, self._card, self._folders)
            part = Refillable(trial, self._card, network)
        said = (program.AVERAGED,) if part.finalizes else ()
        return replace(network, notes=(*network.notes, *said)), part

    def _compile(self, key: str, trial: Trial, inputs: Inputs, clock: _Clock) -> Compiled:
        """The first engine that can express the model.

        A built-in template is always a program. A user's model may hold operations that XLA
        lacks, or a training step of its own; then it is trained without XLA, or by ``fit``.
        """
        engines = ("rule", "graph", "fit") if trial.code else ("rule",)
        for engine in engines:
            with clock.spent("build"):
                network, part = self._take(key) or self._build(trial)
            try:
                with clock.spent("compile"), surroundings.tracing(network, trial, self._card):
                    made = _engine(engine, part, self._card)
                    made.compile(inputs)
            except TemplateError:
                raise
            except Exception:
                if engine == engines[-1]:
                    raise
            else:
                return Compiled(program=made, network=network)
        raise AssertionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The data of one trial, in the form in which it is trained and measured.

    Args:
        x_train: inputs to train on; of several inputs, arrays by name.
        y_train: their labels.
        x_val: inputs that the best epoch is chosen by, with noise where noise is to be removed.
        y_val: their labels.
        x_test: inputs that are tested, likewise.
        y_test: their labels.
        clean: validation and test inputs without that noise; the same ones where there is none.
        unit: what one trained unit of a standardized target is in its own.
        rates: learning rate of every step, shape ``(epochs, steps)``.
        class_weight: what every class counts; ``None``: all alike.
    """

    x_train: Any
    y_train: NDArray[np.generic]
    x_val: Any
    y_val: NDArray[np.generic]
    x_test: Any
    y_test: NDArray[np.generic]
    clean: tuple[Any, Any]
    unit: float
    rates: NDArray[np.float32]
    class_weight: NDArray[np.generic] | None


def cases(trial: Trial, card: Card) -> Cases:
    """The data that a trial was trained on: the split of its replicate, scaled as there.

    Args:
        trial: says which replicate.
        card: of the data.

    Raises:
        DataError: if the data is no longer what the card says, or does not fit into memory.
    """
    data = datasets.load(card)
    if data.nbytes > environment.room_for_data(1):
        raise DataError(
            f"expected data that fits into memory. Received: {data.nbytes:,} bytes of {card.label}."
        )
    train, held = _drawn(trial, data, card)
    own = data.standardized(train)
    inputs = Resident.of(own)
    if card.noise:
        inputs = inputs.corrupted(_corruption(trial, card), held)
    everything = _all_tests(inputs)
    clean = program.take(inputs, held)[0], program.take(inputs, everything, test=True)[0]
    shown, places = inputs.shown(held)
    weights = catalog.choice("class_weight", trial.settings["class_weight"]).name
    found = {
        "x_train": program.take(inputs, train)[0],
        "x_val": program.pick(shown, places),
        "x_test": program.noisy(inputs, clean[1], "test"),
        "clean": clean,
    }
    return Cases(
        **tf.nest.map_structure(lambda part: part.numpy(), found),
        y_train=own.y[train],
        y_val=own.y[held],
        y_test=own.y_test,
        unit=own.unit,
        rates=_rates(trial, program.sizes(trial, card).steps),
        class_weight=None
        if weights == "none"
        else np.asarray(_class_weights(trial, data.y[train], card.outputs)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A program and the network it was compiled for."""

    program: Program | Fallback
    network: Network

    def fill(self, trial: Trial, labels: NDArray[np.generic]) -> None:
        """Give it everything of a trial, and leave nothing of an earlier one.

        Args:
            trial: what to train.
            labels: of its training cases.
        """
        _, numbers = design.split(trial)
        values: dict[str, Any] = dict(numbers)
        if self.program.part.class_weight is not None:
            count = self.program.part.class_weight.shape[0]
            values["class_weight"] = _class_weights(trial, labels, count)
        noise = seeds.salted(trial, "noise")
        self.program.part.refill(initial.draw(self.network.weights, trial), values, noise)
        self.program.reset()

    def calibrate(self, trial: Trial, inputs: Inputs, train: NDArray[np.int32]) -> None:
        """Scale the initial weights by some training cases, if the trial's initializer does so."""
        variance = initial.variance(trial)
        if variance is not None:
            stream = seeds.salted(trial, "calibration")
            some = train[seeds.permutation(stream, len(train))][:CALIBRATED]
            initial.calibrate(self.network, program.take(inputs, some)[0], variance)
            self.program.part.restart()


def _class_weights(trial: Trial, labels: NDArray[np.generic], classes: int) -> NDArray[Any]:
    """What every class counts: as given, or all classes as much."""
    given = catalog.choice("class_weight", trial.settings["class_weight"]).words.get("weights")
    if given is not None:
        return np.array(given, np.float32)
    counts = np.bincount(labels.ravel(), minlength=classes)
    return labels.size / (classes * np.maximum(counts, 1))


def _drawn(
    trial: Trial, data: datasets.Data, card: Card
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Training and validation cases of a trial's replicate."""
    share = trial.settings["validation"]
    assert isinstance(share, float)
    return datasets.draw(
        data.y,
        (card.training_cases(share), card.validation_cases(share)),
        (trial.seed, trial.phase, trial.replicate),
        groups=data.groups,
        last=data.drawing in {"official", "ordered"},
    )


def _split(
    inputs: Inputs, labels: NDArray[np.generic], train: NDArray[np.int32]
) -> references.Split:
    """What a reference is given: all of it in memory."""
    x_test, y_test = program.take(inputs, _all_tests(inputs), test=True)
    return references.Split(
        x=program.take(inputs, train)[0].numpy(),
        y=labels[train],
        x_test=x_test.numpy(),
        y_test=y_test.numpy(),
        seen=program.noisy(inputs, x_test, "test").numpy(),
    )


def _all_tests(inputs: Inputs) -> NDArray[np.int32]:
    return np.arange(len(inputs.y_test), dtype=np.int32)


def _corruption(trial: Trial, card: Card) -> program.Corruption:
    """The noise that evaluations of a replicate are shown."""
    chosen = catalog.choice("corruption", dict(card.noise))
    (amount,) = chosen.numbers.values()
    layer = resolve(chosen.entry.target)(amount)
    return program.Corruption(layer, (trial.seed, trial.phase, trial.replicate))


def _explain(error: BaseException) -> str:
    """An exception of a user's function in one line; a worker's log keeps all of it."""
    traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _installed(frame.filename)]
    place = (own or frames)[-1]
    where = f"({Path(place.filename).name}, line {place.lineno})"
    # Keras puts its own sentence first, and marks the user's message in bold.
    lines = [_ANSI.sub("", line).strip() for line in str(error).splitlines()]
    said = " ".join([line for line in lines if line][:2])
    if isinstance(error, SystemExit):
        return f"the code called sys.exit({said}) {where}"
    return f"{type(error).__name__}: {said} {where}"


def _installed(file: str) -> bool:
    """Whether a file is of a package, or of ours, and not the user's."""
    return "site-packages" in file or Path(file).is_relative_to(Path(__file__).parent)


def _engine(name: str, part: Refillable, card: Card) -> Program | Fallback:
    if name == "fit":
        if part.clips:
            raise TemplateError(
                "expected clip = 'none' for a model that trains through fit, because of a "
                "training step of its own. Received: a limit. Clip inside that step."
            )
        return Fallback(part)
    if not program.is_expressible(part.model):
        raise NotImplementedError("a training step of its own")
    return Program(part, xla=name == "rule" and program.uses_xla(part.model, card))


def _epochs(
    compiled: Program | Fallback,
    inputs: Inputs,
    trial: Trial,
    train: NDArray[np.int32],
    held: NDArray[np.int32],
    clock: _Clock,
) -> tuple[list[Epoch], str]:
    """The curve, and why it ended early; empty if it did not."""
    order = seeds.salted(trial, "order")
    rates = _rates(trial, compiled.part.sizes.steps)
    patience = trial.settings["patience"]
    curve: list[Epoch] = []
    for epoch, scheduled in enumerate(rates):
        shuffled = train[seeds.permutation(order, len(train))]
        with clock.spent("train"):
            quantities, finite = compiled.epoch(inputs, shuffled, scheduled, held)
        bad = [name for name, number in quantities.items() if not math.isfinite(number)]
        if bad or not finite:
            return curve, f"{bad[0] if bad else 'a weight'} is not finite in epoch {epoch + 1}"
        curve.append(Epoch(epoch=epoch, quantities=quantities))
        if isinstance(patience, int) and epoch - _best(curve, trial).epoch >= patience:
            break
    return curve, ""


def _rates(trial: Trial, steps: int) -> NDArray[np.float32]:
    """The learning rate of every step, shape ``(epochs, steps)``."""
    rate, epochs = trial.settings["learning_rate"], trial.settings["epochs"]
    assert isinstance(rate, float)
    assert isinstance(epochs, int)
    return schedules.rates(trial.settings["schedule"], rate, steps, epochs)


def _best(curve: list[Epoch], trial: Trial) -> Epoch:
    """The first epoch whose validation quantity no other beats."""
    pick = min if catalog.METRICS[trial.best.partition("/")[2]].direction == "minimize" else max
    return pick(curve, key=lambda epoch: epoch.quantities[trial.best])


def _tested(
    compiled: Program | Fallback,
    inputs: Inputs,
    train: NDArray[np.int32],
    *,
    last_is_best: bool,
) -> dict[str, float]:
    """Test metrics by name and epoch; the same weights are not asked twice."""
    found = {"last": _measured(compiled, inputs, train, "last")}
    found["best"] = found["last"] if last_is_best else _measured(compiled, inputs, train, "best")
    return {
        f"test/{name}@{epoch}": number
        for epoch, numbers in found.items()
        for name, number in numbers.items()
    }


def _measured(
    compiled: Program | Fallback, inputs: Inputs, train: NDArray[np.int32], epoch: str
) -> dict[str, float]:
    means, outputs = compiled.test(inputs, epoch)
    part = compiled.part
    if not np.isfinite(outputs).all():
        return means | {"loss": math.nan}
    kept = compiled.counted(inputs)
    if not part.reconstructs:
        labels = np.asarray(inputs.y_test)
        if kept is not None:
            labels, outputs = labels[kept], outputs[kept]
        return means | metrics.from_outputs(part.task, labels, outputs, part.form)
    known, unknown = np.asarray(inputs.y), np.asarray(inputs.y_test)
    everything = _all_tests(inputs)
    x_test = program.take(inputs, everything, test=True)[0].numpy()
    exact = x_test if kept is None else np.where(_over(kept, x_test), x_test, np.nan)
    found = means | metrics.from_outputs(part.task, exact, outputs)
    if part.task == "anomaly":
        return found | metrics.from_errors(unknown, exact, outputs)
    if part.denoises or not _has_code(part):
        return found
    codes = compiled.codes(inputs, train), compiled.codes(inputs, everything, test=True)
    return found | metrics.from_codes(codes[0], known[train], codes[1], unknown, x_test)


def _has_code(part: Refillable) -> bool:
    return program.code_of(part.model) is not None


def _over(kept: NDArray[np.bool_], x: NDArray[np.float32]) -> NDArray[np.bool_]:
    """A mask of steps, with as many axes as what it is for."""
    return kept.reshape(kept.shape + (1,) * (x.ndim - kept.ndim))


def _template(trial: Trial, folders: Sequence[Path]) -> Callable[..., Any]:
    built_in = catalog.TEMPLATES.get(trial.template)
    if built_in:
        return resolve(built_in.target)  # type: ignore[no-any-return]
    return usercode.load(trial.template, folders)


def _summary(curve: list[Epoch], trial: Trial) -> tuple[dict[str, float], int | None]:
    """Train and validation quantities at the last and at the best epoch."""
    if not curve:
        return {}, None
    best = _best(curve, trial)
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
