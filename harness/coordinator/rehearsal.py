"""Rehearsal: every network is built before the first is trained, so a mistake costs seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.coordinator import waiting
from harness.coordinator.waiting import TimeLimitError, Wait, place_name
from harness.errors import TemplateError
from harness.executors import Building, Rehearsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.design import Plan
    from harness.executors import Event, Executor
    from harness.spec import Trial

FEW = 5
"""Problems to name in one message."""

PAUSE = 0.2
"""Seconds to wait for an event at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsing:
    """Rehearsal of the networks of a plan.

    Args:
        plan: plan of the study.
        executor: executor that builds them.
        arm: function from a trial's key to the index of its arm.
        waits: waits of the run, kept up to date.
        look: function to call while nothing happens.
        stopped: function that is true once the run is to end.
    """

    plan: Plan
    executor: Executor
    arm: Callable[[str], int]
    waits: dict[str, Wait]
    look: Callable[[], None]
    stopped: Callable[[], bool]

    def rehearse(self, programs: Mapping[str, Trial]) -> dict[str, None]:
        """Build one network for each program.

        Returns:
            Sentences that a reader of the results should know, each once.

        Raises:
            TemplateError: if a network cannot be built, or if the metric that decides cannot be
                measured of it.
        """
        unmeasured = False
        notes: dict[str, None] = {}
        problems: list[tuple[int, str]] = []
        left = {trial.key for trial in programs.values()}
        self.executor.rehearse(programs)
        self.waits[""] = Wait(what="Keras to be loaded", quiet=waiting.QUIET_LOADING)
        for event in self._events(left, problems):
            if event:
                self.waits.pop("", None)
            match event:
                case Building(key=key, place=place):
                    label = self.plan.rows[self.arm(key)].label
                    self.waits[key] = Wait(
                        what=f"{label} to be built {place_name(place)}",
                        quiet=waiting.QUIET_BUILDING,
                        limit=waiting.BUILDING,
                    )
                case Rehearsed(key=key, rehearsal=found):
                    self.waits.pop(key, None)
                    left.discard(key)
                    notes |= dict.fromkeys(found.notes)
                    unmeasured = unmeasured or self.plan.metric.name in found.missing
                    if found.problem:
                        problems.append((self.arm(key), found.problem))
        self.waits.clear()
        if problems:
            raise TemplateError(_cannot_build(self.plan, sorted(problems)))
        if unmeasured:
            raise TemplateError(_cannot_measure(self.plan))
        return notes

    def _events(self, left: set[str], problems: list[tuple[int, str]]) -> Iterator[Event | None]:
        """Wait for events, until all is built or one network takes too long."""
        while left and not self.stopped():
            try:
                event = self.executor.next_event(PAUSE)
            except TimeLimitError:
                event = None
            over = [key for key, wait in self.waits.items() if wait.over]
            if over and not event:
                problems += [(self.arm(key), _too_long()) for key in over]
                return
            if not event:
                self.look()
            yield event


def _too_long() -> str:
    return (
        f"not built after {waiting.BUILDING:g} s, so it was given up. Building a network should "
        "take seconds: read files and download weights once, before the study."
    )


def _cannot_measure(plan: Plan) -> str:
    """Message about a model that lacks the layer by which the study decides."""
    return (
        f"expected a model with a layer named 'code', because {plan.metric} is measured of it. "
        f"Received: one without, of template {plan.study.template!r}. Nothing was trained. Name "
        "the layer 'code', as in keras.layers.Dense(8, name='code'), or let another metric decide."
    )


def _cannot_build(plan: Plan, problems: Sequence[tuple[int, str]]) -> str:
    """Message about the arms that cannot be built, the first few of them."""
    told = [f"  {plan.rows[arm].label}: {problem}" for arm, problem in problems[:FEW]]
    more = [f"  and {len(problems) - FEW} more"] if len(problems) > FEW else []
    first = (
        f"expected networks that can be built, of template {plan.study.template!r}. "
        f"Received: {len(problems)} that cannot. Nothing was trained."
    )
    return "\n".join([first, *told, *more])
