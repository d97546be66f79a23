"""One trial, from its initial draw to its outcome."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from threadpoolctl import ThreadpoolController

from harness import catalog, evaluation, initial, program, references, surroundings
from harness.errors import HarnessError, TemplateError
from harness.program import CHUNK, Network
from harness.records import Artifact, Epoch, Outcome, Rehearsal
from harness.train import excerpts, handing
from harness.train.clock import Clock
from harness.train.data import Prepared, all_tests, corruption, drawn, relabelled
from harness.train.epochs import Leg
from harness.train.failures import explain
from harness.train.inside import Insides
from harness.train.measuring import has_code, tested
from harness.train.programs import Compiled, Programs, load_code
from harness.train.showing import Showing
from harness.train.slopes import CASES, Slope, slopes
from harness.train.stages import train_stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.card import Card
    from harness.evaluation import Evidence
    from harness.program import Inputs
    from harness.spec import Diagnostics, Trial


class Trainer:
    """Trains trials one after another and keeps what they can share.

    Args:
        card: of the data that all trials use, with that of their sources.
        folders: where user modules are looked for.
        resident: bytes of inputs that may stay in memory; larger data is read in chunks.
        chunk: bytes of a chunk.
        keep: folder of the store in whose objects files are kept; ``None``: none are.
        diagnostics: what is measured inside networks, of attempts that want it; ``None``: nothing.
    """

    def __init__(
        self,
        card: Card,
        folders: Sequence[Path],
        resident: float = math.inf,
        *,
        chunk: int = CHUNK,
        keep: Path | None = None,
        diagnostics: Diagnostics | None = None,
    ) -> None:
        """Load nothing yet."""
        self._card, self._folders, self._keep = card, folders, keep
        self._insides = Insides(diagnostics)
        self._data = {(one.digest, one.task): Prepared(one, resident, chunk) for one in card.family}
        self._programs = Programs(card, folders)
        self._pools = ThreadpoolController()

    @property
    def programs(self) -> Mapping[str, tuple[Compiled, ...]]:
        """Compiled programs by key, one per stage."""
        return self._programs.compiled

    def run(
        self,
        trial: Trial,
        key: str | None = None,
        *,
        given: Sequence[str] = (),
        hands_on: bool = False,
        wanted: Sequence[str] = (),
    ) -> Outcome:
        """Train one trial, or measure a reference.

        Args:
            trial: what to train.
            key: of its program, where that is known.
            given: hashes of the files with the weights of the trials that it needs.
            hands_on: whether the weights of its best epoch are kept, for trials that need it.
            wanted: metrics and diagnostics that are to be measured; all metrics are anyway.

        Returns:
            Its outcome; an exception in user code is a ``failed`` outcome, not an error here.
        """
        clock = Clock()
        try:
            # Idle threads of a linear algebra library spin, which costs the worker beside this one.
            with self._pools.limit(limits=trial.threads), ExitStack() as within:
                if trial.template in catalog.REFERENCES:
                    return self._refer(trial, clock)
                program = key or self._programs.key(trial)
                return self._run(trial, program, clock, within, given, wanted, hands_on=hands_on)
        except HarnessError as error:
            return Outcome(status="failed", reason=str(error), seconds=clock.seconds())
        except (MemoryError, tf.errors.ResourceExhaustedError):
            return Outcome(status="failed", reason="out of memory", seconds=clock.seconds())
        except (Exception, SystemExit) as error:  # noqa: BLE001, a user's function may raise anything
            return Outcome(status="failed", reason=explain(error), seconds=clock.seconds())

    def networks(self, trial: Trial) -> tuple[Network, ...]:
        """The networks of a trial, one per stage, built to be looked at.

        Raises:
            HarnessError: if one cannot be built.
        """
        try:
            return tuple(network for network, _ in self._programs.build(trial))
        except HarnessError:
            raise
        except (Exception, SystemExit) as error:
            raise TemplateError(explain(error)) from error

    def slopes(self, trial: Trial) -> tuple[Slope, ...]:
        """Gradients of a trial's last stage beside finite differences, at its initial weights.

        Raises:
            HarnessError: if its network cannot be built, or has no such loss.
        """
        train, _, inputs, _ = self._cases(trial)
        *_, (network, learner) = self._programs.build(trial)
        one = Compiled(program=program.Program(learner, xla=False), network=network)
        one.fill(trial, np.asarray(inputs.y)[train])
        some = program.take(inputs, train[:CASES])
        return slopes(learner, network.model, trial, *some)

    def rehearse(self, trial: Trial, key: str | None = None) -> Rehearsal:
        """Build a trial's networks, and keep them for their programs. A reference has none.

        Args:
            trial: whose networks are built.
            key: of its program, where that is known.
        """
        if trial.template in catalog.REFERENCES:
            return Rehearsal()
        try:
            built = self._programs.prepare(key or self._programs.key(trial), trial)
            self._insides.check(built[-1][0], trial.template)
        except HarnessError as error:
            return Rehearsal(problem=str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001, a user's function may raise anything
            return Rehearsal(problem=explain(error))
        of_codes = frozenset({"codes", "probe"}) & catalog.TASKS[trial.task].evidence
        notes = [(*network.notes, *initial.notes(network, trial)) for network, _ in built]
        return Rehearsal(
            notes=_once(notes),
            missing=() if has_code(built[-1][1]) else evaluation.needing(of_codes),
        )

    def _run(
        self,
        trial: Trial,
        key: str,
        clock: Clock,
        within: ExitStack,
        given: Sequence[str],
        wanted: Sequence[str],
        *,
        hands_on: bool,
    ) -> Outcome:
        card = self._card.of(trial.data, trial.task)
        with clock.spent("data"):
            train, held, inputs, unit = self._cases(trial)
        reused = key in self.programs
        compiled = self._programs.of(key, trial, inputs, clock)
        judged = compiled[-1].program
        within.enter_context(surroundings.training(compiled[-1].network, trial, self._folders))
        with clock.spent("data"):
            if judged.learner.objective.denoises:
                inputs = inputs.corrupted(corruption(trial, card), held)
            # An initializer may be another than that of the trial before.
            load_code(trial, self._folders)
            source = compiled[0].network.source
            if source:
                handing.take(source, self._keep, *given)
        legs = [Leg(compiled=one, inputs=inputs, train=train, held=held) for one in compiled]
        showing = Showing(program=judged, inputs=inputs, trial=trial)
        if self._keep and judged.judging and trial.phase == "confirm":
            legs[-1] = replace(legs[-1], look=showing.look)
        watching = self._insides.watch(key, legs[-1], trial, wanted, clock)
        if watching.looks:
            legs[-1] = replace(legs[-1], look=watching.look)
        course = train_stages(legs, trial, clock)
        reason, shown = course.reason, None
        if not reason and trial.phase == "confirm":
            with clock.spent("evaluate"):
                found, shown = tested(
                    judged,
                    inputs,
                    train,
                    card,
                    last_is_best=course.best == len(course.curve) - 1,
                )
            reason = _not_finite(found)
            course = course if reason else course.tested(found)
        course = course.in_unit(trial.task, unit)
        artifacts = (*showing.keep(self._keep), *watching.keep(self._keep)) if self._keep else ()
        if shown is not None and not reason and not hands_on:
            artifacts += self._excerpt(shown, trial, inputs, unit, course.best)
        if hands_on and self._keep and not reason:
            artifacts += (handing.keep(judged, course.best, self._keep),)
        return Outcome(
            status="diverged" if reason else "completed",
            reason=reason,
            curve=(*course.earlier, *course.curve),
            best_epoch=course.best if course.curve else None,
            parameters=judged.learner.parameters,
            route=judged.route,
            xla=judged.xla,
            reused=reused,
            seconds=clock.seconds(),
            notes=_once([*(one.notes(trial) for one in compiled), watching.notes]),
            artifacts=artifacts,
            inside=tuple(watching.found),
        )

    def _cases(self, trial: Trial) -> tuple[NDArray[np.int32], NDArray[np.int32], Inputs, float]:
        """Training and validation cases, inputs with labels, and the unit of a target."""
        card = self._card.of(trial.data, trial.task)
        prepared = self._data[trial.data, trial.task]
        train, held = drawn(trial, prepared.load(), card)
        scaling = None
        for one in trial.needs if prepared.load().standardize else ():
            source = self._data[one.data, one.task]
            cases, _ = drawn(one, source.load(), self._card.of(one.data, one.task))
            scaling = source.moments(cases)
        inputs, unit = prepared.inputs(train, scaling)
        return train, held, relabelled(trial, card, inputs, unit), unit

    def _excerpt(
        self, shown: Evidence, trial: Trial, inputs: Inputs, unit: float, epoch: int
    ) -> tuple[Artifact, ...]:
        """Keep what was said of some test cases, where files are kept."""
        card = self._card.of(trial.data, trial.task)
        truth = self._data[trial.data, trial.task].load().y_test
        cases = excerpts.looked(inputs, card, trial, truth, unit)
        return excerpts.keep(shown, trial, card, cases, epoch, self._keep) if self._keep else ()

    def _refer(self, trial: Trial, clock: Clock) -> Outcome:
        """Measure a method that trains no network; it has no epochs to choose from."""
        card = self._card.of(trial.data, trial.task)
        with clock.spent("data"):
            train, held, inputs, unit = self._cases(trial)
            if card.noise:
                inputs = inputs.corrupted(corruption(trial, card), held)
            split = _split(inputs, train)
        with clock.spent("train"):
            shown = references.answer(trial, split)
            found = references.measure(shown, card)
        measured = {f"test/{name}": number for name, number in found.items()}
        measured = evaluation.in_own_unit(measured, trial.task, unit)
        reason = _not_finite({"last": measured})
        if reason:
            return Outcome(status="failed", reason=reason, seconds=clock.seconds())
        only = Epoch(epoch=0, quantities=measured)
        return Outcome(
            status="completed",
            curve=(only,),
            best_epoch=0,
            seconds=clock.seconds(),
            artifacts=self._excerpt(shown, trial, inputs, unit, 0),
        )


def _not_finite(found: Mapping[str, Mapping[str, float]]) -> str:
    """Reason why a test brought no result; empty if all its numbers are finite."""
    for rule, numbers in found.items():
        for name, number in numbers.items():
            if not math.isfinite(number):
                return f"{name}@{rule} is not finite"
    return ""


def _once(notes: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Sentences on the stages of a trial, each but once."""
    return tuple(dict.fromkeys(note for found in notes for note in found))


def _split(inputs: Inputs, train: NDArray[np.int32]) -> references.Split:
    """Data that a reference is given, all of it in memory."""
    x, y = program.take(inputs, train)
    x_test, y_test = program.take(inputs, all_tests(inputs), test=True)
    return references.Split(
        x=x.numpy(),
        y=y.numpy(),
        x_test=x_test.numpy(),
        y_test=y_test.numpy(),
        seen=program.noisy(inputs, x_test, "test").numpy(),
    )
