"""What follows from an event, with an executor that only pretends."""

from __future__ import annotations

from collections import deque

import pytest

from harness import environment, store
from harness.coordinator import run
from harness.design import Plan
from harness.errors import ExitCode
from harness.executors import Attempt, Died, Ended, Rehearsed, Started
from harness.records import Epoch, Outcome, Rehearsal, Report
from harness.spec import Study

TESTED = Epoch(epoch=0, quantities={"test/accuracy": 0.5})
GOOD = Outcome(status="completed", curve=(TESTED,), best_epoch=0)
REPORT = Report(outcome=GOOD, environment=environment.observe())


class Pretending:
    """An executor of two places that ends every attempt at once, unless it is told otherwise.

    Args:
        instead: events by number of the attempt that is handed over, for those that end otherwise.
    """

    workers = 2

    def __init__(self, instead):
        self.instead = instead
        self.events = deque()
        self.given: list[tuple[int, Attempt]] = []
        self.closed = False

    def places(self):
        return [0, 1]

    def rehearse(self, trials):
        self.events += [Rehearsed(key=one.key, rehearsal=Rehearsal()) for one in trials.values()]

    def free(self, *, ahead):
        return [] if self.events else [len(self.given) % 2]

    def programs(self, place):
        return frozenset(attempt.program for other, attempt in self.given if other == place)

    def submit(self, place, attempt):
        usual = [Started(attempt=attempt, place=place), Ended(attempt=attempt, report=REPORT)]
        self.events += self.instead.get(len(self.given), lambda _: usual)(attempt)
        self.given.append((place, attempt))

    def next_event(self, timeout):
        return self.events.popleft() if self.events else None

    def close(self):
        self.closed = True


@pytest.fixture
def pretend(blobs, tmp_path):
    """Runs a study of two programs and four trials; how it ended, and the executor."""

    def run_it(instead=None):
        made = []

        def executor(setup, workers):
            assert workers == 2
            made.append(Pretending(instead or {}))
            return made[0]

        study = Study(
            name="small",
            template="mlp",
            dataset=str(blobs),
            factors={"activation": ["relu", "tanh"]},
            fixed={"epochs": 1, "units": [4]},
            replicates=2,
        )
        ended = run(study, root=tmp_path, workers=2, executor=executor)
        assert all(one.closed for one in made)
        return ended, made[0] if made else None

    return run_it


def attempts(folder):
    """Status of every attempt, by number of the attempt."""
    with store.reading(folder) as db:
        return sorted(db.execute("SELECT number, status FROM attempt"))


def died(attempt):
    """A process that ends in the middle of a training."""
    return [Started(attempt=attempt, place=0), Died(lost=attempt, unstarted=(), reason="killed")]


def test_every_place_keeps_to_its_program(pretend):
    """Two places, two programs: neither compiles the other's."""
    ended, executor = pretend()
    assert (ended.trained, ended.exit_code) == (4, ExitCode.DONE)
    assert [len(executor.programs(place)) for place in (0, 1)] == [1, 1]


def test_a_death_costs_one_attempt(pretend):
    """The trial gets another."""
    ended, _ = pretend({0: died})
    assert (ended.trained, ended.failed) == (4, 0)
    assert attempts(ended.folder) == [
        (1, "completed"),
        (1, "completed"),
        (1, "completed"),
        (1, "lost"),
        (2, "completed"),
    ]


def test_a_trial_under_which_processes_die_is_given_up(pretend):
    """After its second attempt, and with the reason."""
    killed = []

    def always(attempt):
        killed.append(killed[0] if killed else attempt.key)
        return died(attempt) if attempt.key == killed[0] else usual(attempt)

    def usual(attempt):
        return [Started(attempt=attempt, place=0), Ended(attempt=attempt, report=REPORT)]

    ended, executor = pretend(dict.fromkeys(range(9), always))
    assert (ended.trained, ended.failed) == (3, 1)
    assert ended.problems == ("relu (confirm): lost: killed",)
    assert len(executor.given) == 5


def test_what_never_started_is_no_attempt_of_its_trial(pretend):
    """However often: it is handed over again, before others of its program."""

    def unstarted(attempt):
        return [Died(lost=None, unstarted=(attempt,), reason="killed")]

    ended, executor = pretend(dict.fromkeys(range(3), unstarted))
    assert (ended.trained, ended.failed) == (4, 0)
    keys = [attempt.key for _, attempt in executor.given]
    assert len(set(keys)) == 4
    assert [status for _, status in attempts(ended.folder)].count("interrupted") == 3


def test_what_is_told_twice_counts_once(pretend):
    """An attempt that is closed has no second end."""

    def twice(attempt):
        end = Ended(attempt=attempt, report=REPORT)
        return [Started(attempt=attempt, place=0), end, end]

    ended, _ = pretend({0: twice})
    assert ended.trained == 4


# -- trials that need others ---------------------------------------------------------------------


@pytest.fixture
def needing(monkeypatch):
    """Every trial needs one that both arms of its replicate share."""
    plain = Plan.trial

    def trial(self, row, hyperparameters, phase, replicate):
        made = plain(self, row, hyperparameters, phase, replicate)
        shared = plain(self, self.arms[0], hyperparameters, phase, replicate)
        shared = shared.model_copy(update={"seed": 99})
        return made.model_copy(update={"needs": (shared,)})

    monkeypatch.setattr(Plan, "trial", trial)


def order(executor):
    """The replicate and seed of every attempt, in the order in which they were handed over."""
    return [(one.trial.replicate, one.trial.seed) for _, one in executor.given]


@pytest.mark.usefixtures("needing")
def test_what_is_needed_comes_first_and_once(pretend):
    """Two prerequisites, each shared by two arms; they are in the store, in no arm."""
    ended, executor = pretend()
    assert (ended.trained, ended.failed, ended.exit_code) == (6, 0, ExitCode.DONE)
    handed = order(executor)
    for replicate in (0, 1):
        own = [place for place, one in enumerate(handed) if one[0] == replicate]
        assert [handed[place][1] for place in own] == [99, 1, 1]
    with store.reading(ended.folder) as db:
        assert db.execute("SELECT count(*) FROM need").fetchone() == (4,)
        assert db.execute("SELECT count(*) FROM member").fetchone() == (4,)
    again, _ = pretend()
    assert (again.trained, again.reused) == (0, 4)


@pytest.mark.usefixtures("needing")
@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_what_needs_a_failed_one_is_blocked(pretend, status):
    """It is named, with what it waits for; where that can be tried again, it runs then."""
    gone = Outcome(status=status, reason="no luck")

    def bad(attempt):
        report = Report(outcome=gone, environment=environment.observe())
        return [Started(attempt=attempt, place=0), Ended(attempt=attempt, report=report)]

    ended, executor = pretend({0: bad})
    key = executor.given[0][1].key
    assert ended.trained == 3 + (status == "diverged")
    assert len(executor.given) == 4
    assert any(f"blocked: trial {key[:8]}, which it needs, is {status}" in one
               for one in ended.problems)  # fmt: skip
    assert store.counts(ended.folder)["confirm", "blocked"] == 2
    again, executor = pretend()
    assert again.trained == (3 if status == "failed" else 0)
    assert bool(again.problems) == (status == "diverged")
