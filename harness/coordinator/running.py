"""Run of a study in one call."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from harness import datasets, design, environment, objects
from harness.coordinator.coordinator import Coordinator
from harness.datasets import trunks
from harness.errors import StudyError, UsageError
from harness.executors import Setup
from harness.executors.inline import Inline
from harness.executors.slots import Slots
from harness.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

    from harness.card import Card
    from harness.coordinator.progress import Finished, Progress
    from harness.design import Plan
    from harness.executors import Executor
    from harness.spec import Source, Study


def local(setup: Setup, workers: int) -> Executor:
    """Make an executor on this machine.

    Args:
        setup: settings for it.
        workers: number of worker processes; 0 trains in this process.
    """
    return Slots(setup, workers) if workers else Inline(setup)


def run(
    study: Study,
    *,
    data: tuple[ArrayLike, ArrayLike] | None = None,
    root: Path | str = "results",
    workers: int | None = None,
    folders: Sequence[Path | str] = (),
    yes: bool = False,
    mixed_environment: bool = False,
    replace: bool = False,
    progress: Callable[[Progress], None] | None = None,
    executor: Callable[[Setup, int], Executor] = local,
) -> Finished:
    """Train what a study still lacks; ``harness.run`` documents what this takes and raises.

    ``progress`` is called whenever a trial begins or ends. Nothing is shown, and no result read.
    ``executor`` is called with the setup and the number of workers; it makes the executor.
    """
    count = _workers(workers, design.count(study))
    folder = Path(root) / study.name
    places = tuple(dict.fromkeys(Path(place).resolve() for place in (*folders, Path.cwd())))
    design.check_size(study, yes=yes)
    others = {name: _card(one.dataset, None, folder, places) for name, one in study.sources.items()}
    card = dataclasses.replace(_card(study.dataset, data, folder, places), sources=others)
    plan = _compared(design.plan(study, card, places))
    for name in design.trunks(plan.study):
        trunks.obtain(name)
    with Store(folder) as store:
        setup = Setup(
            card=plan.card,
            folders=places,
            threads=study.threads,
            resident=environment.room_for_data(count),
            folder=folder.resolve(),
            attempts=folder.resolve() / "attempts",
            logs=folder.resolve() / "logs",
            diagnostics=study.diagnostics,
        )
        coordinator = Coordinator(
            plan,
            store,
            setup,
            executor=lambda setup: executor(setup, count),
            mixed_environment=mixed_environment,
            replace=replace,
            report=progress or (lambda _: None),
        )
        return coordinator.finish()


def _workers(wanted: int | None, trials: int) -> int:
    """Number of worker processes to start.

    Raises:
        UsageError: if so many would not fit into memory.
    """
    room = environment.room_for_workers()
    if wanted is None:
        return max(1, min(len(environment.gpus()) or environment.cores(), trials, room))
    if not 0 <= wanted <= max(room, 1):
        raise UsageError(
            f"expected 0 to {max(room, 1)} workers: each needs about a gigabyte of memory, and "
            f"this machine has {environment.cores()} cores. Received: {wanted}."
        )
    return min(wanted, trials)


def _compared(plan: Plan) -> Plan:
    """The plan, with a note on every source that trains on test cases."""
    card = plan.card
    if not card.sources:
        return plan
    for one in card.family:
        datasets.obtain(one.locator)
    notes = (*card.notes, *datasets.shared_cases(card))
    return dataclasses.replace(plan, card=dataclasses.replace(card, notes=notes))


def _card(
    dataset: Source,
    data: tuple[ArrayLike, ArrayLike] | None,
    folder: Path,
    places: Sequence[Path],
) -> Card:
    """Card of the data; arrays are first stored in a file that workers can read."""
    source, _ = datasets.sized(dataset)
    if data is None and not datasets.is_own(source, places):
        return datasets.describe(dataset, places)
    if data is None:
        arrays = datasets.read_own(source, places)
    elif source:
        raise StudyError(
            f"expected either a data set or arrays. Received: {dataset!r} and arrays.",
            key="dataset",
        )
    else:
        arrays = datasets.flat({"x": data[0], "y": data[1]})
    name = datasets.title(source)
    datasets.check(arrays, name, dataset)
    kept = objects.keep_arrays(folder, datasets.without_notes(arrays)).resolve()
    return dataclasses.replace(datasets.describe_kept(kept, dataset, arrays), name=name)
