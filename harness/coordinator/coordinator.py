"""Coordinator of a run: the only process that decides, and the only one that writes."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from harness import design
from harness.coordinator import waiting
from harness.coordinator.enrolment import Enrolment
from harness.coordinator.loop import Loop
from harness.coordinator.progress import Finished, Progress, Tally
from harness.coordinator.queueing import Queue
from harness.coordinator.recovery import recover
from harness.coordinator.rehearsal import Rehearsing
from harness.coordinator.signals import Stop, StoppedError, answered
from harness.coordinator.starting import OnDemand
from harness.coordinator.waiting import TimeLimitError
from harness.store import definition

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.design import Plan
    from harness.executors import Executor, Setup
    from harness.store import Store


class Coordinator:
    """Run of a study, from its definition to its last outcome.

    Args:
        plan: plan of the study.
        store: open store of the study.
        setup: settings for the executor.
        executor: function that makes the executor, called when there is a trial to train.
        mixed_environment: true if the store may hold results of other versions.
        replace: true to take the place of another study of the same name.
        report: function to call whenever a trial begins or ends.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        setup: Setup,
        *,
        executor: Callable[[Setup], Executor],
        mixed_environment: bool,
        replace: bool,
        report: Callable[[Progress], None],
    ) -> None:
        """Read and start nothing yet."""
        self._plan, self._store, self._setup = plan, store, setup
        self._replace, self._report = replace, report
        self._queue, self._stop, self._progress = Queue(), Stop(), Progress(plan)
        self._tally = Tally(notes=dict.fromkeys((*plan.card.notes, *plan.notes)))
        self._executor = OnDemand(
            make=executor,
            setup=setup,
            store=store,
            mixed_environment=mixed_environment,
            tick=self._tick,
        )

    def finish(self) -> Finished:
        """Train all missing trials, until a signal comes.

        Raises:
            StudyError: if this would hide the results of another study of the same name.
        """
        store = self._store
        before, earlier = definition(store.folder), store.revision()
        changed = design.changes(before, self._plan) if before else []
        if before and not self._replace:
            design.check_place(before, self._plan, store.finished(earlier))
        recover(store, self._setup.attempts)
        with answered(self._stop.answer), self._executor:
            enrolment = self._begin()
            if enrolment:
                self._loop(enrolment).train()
            else:
                changed = []
        return Finished(
            folder=store.folder,
            trained=self._tally.trained,
            reused=self._progress.reused,
            failed=self._tally.failed,
            changed=tuple(changed),
            kept=store.finished(earlier, outside=store.revision()),
            problems=self._tally.list_problems(),
            interrupted=self._stop.by,
            notes=self._tally.list_notes(),
        )

    def _begin(self) -> Enrolment | None:
        """Store the definition of the study, once all its networks could be built.

        Returns:
            The enrolment, or ``None`` if a signal came first. In that case, and after an error,
            the store is as it was before.
        """
        try:
            with self._store.at_once():
                enrolment = self._enrol()
                self._rehearse()
                self._stop.check()
        except StoppedError:
            return None
        return enrolment

    def _enrol(self) -> Enrolment:
        plan, store, progress = self._plan, self._store, self._progress
        enrolment = Enrolment(
            plan=plan,
            store=store,
            revision=store.revise(plan.study, str(plan.metric), asdict(plan.card), plan.code),
            executor=self._executor.get,
            queue=self._queue,
            progress=progress,
            tally=self._tally,
        )
        enrolment.enrol_all()
        progress.reused = progress.done.total()
        progress.started = time.monotonic()
        self._report(progress)
        return enrolment

    def _rehearse(self) -> None:
        """Build every network before the first is trained.

        Raises:
            TemplateError: if some cannot be built; the message names their arms.
        """
        programs = self._queue.samples()
        if not programs:
            return
        rehearsing = Rehearsing(
            plan=self._plan,
            executor=self._executor.get(),
            arm=lambda key: self._progress.place(key)[0],
            waits=self._progress.waits,
            look=self._look,
            stopped=lambda: self._stop.by is not None,
        )
        self._tally.notes |= rehearsing.rehearse(programs)

    def _loop(self, enrolment: Enrolment) -> Loop:
        return Loop(
            store=self._store,
            attempts=self._setup.attempts,
            executor=self._executor,
            enrolment=enrolment,
            queue=self._queue,
            progress=self._progress,
            tally=self._tally,
            stop=self._stop,
            report=self._report,
            look=self._look,
        )

    def _look(self) -> None:
        """Report the progress if a network or a training takes long."""
        if waiting.lasting(self._progress.waits):
            self._report(self._progress)

    def _tick(self) -> None:
        """Check the waits while this process builds or trains.

        Raises:
            TimeLimitError: if a network has been building for too long.
        """
        self._look()
        if any(wait.over for wait in self._progress.waits.values()):
            raise TimeLimitError
