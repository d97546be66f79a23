"""One contract for every executor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from harness import datasets, design
from harness.errors import HarnessError
from harness.executors import Attempt, Building, Died, Ended, Setup, Started, messages, slots
from harness.executors.inline import Inline
from harness.executors.slots import Slots
from harness.spec import Tune


def setup_in(folder, card):
    """What an executor needs, with its files in a folder."""
    return Setup(
        folder=folder,
        card=card,
        folders=(),
        threads=1,
        resident=10**9,
        attempts=folder / "attempts",
        logs=folder / "logs",
    )


@pytest.fixture
def setup(plan, tmp_path):
    """The same, for the plan of the fixture ``plan``."""
    return setup_in(tmp_path, plan().card)


@pytest.fixture(scope="module")
def place(blobs, tmp_path_factory):
    """What the executor below has been given."""
    return setup_in(tmp_path_factory.mktemp("slots"), datasets.describe(str(blobs), []))


@pytest.fixture(scope="module")
def slot(place):
    """One worker that serves all tests of the contract: it takes seconds to start."""
    made = Slots(place, 1)
    yield made
    made.close()


@pytest.fixture(params=["inline", "slots"])
def executor(request, setup):
    """Every kind of executor in turn."""
    if request.param == "slots":
        yield request.getfixturevalue("slot")
        return
    made = Inline(setup)
    yield made
    made.close()


def attempts(plan, count=3, fixed=None, **changes):
    """Some attempts of one arm."""
    # Dropout is not compiled by XLA, which would take most of the time.
    laid = plan(**changes, fixed={"dropout": 0.1, **(fixed or {})})
    trials = [laid.trial(laid.arms[0], {}, "tune", replicate) for replicate in range(count)]
    return [
        Attempt(trial=one, key=one.key, number=1, program=design.program_key(one, laid.card))
        for one in trials
    ]


def events(executor, count, seconds=60):
    """The next events."""
    found = []
    end = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        event = executor.next_event(0.5)
        if event:
            found.append(event)
    return found


class TestExecutor:
    """What the coordinator relies on."""

    def test_attempts_start_and_end_in_order(self, executor, plan):
        """Each attempt is announced, then has an outcome."""
        wanted = attempts(plan)
        for attempt in wanted:
            while not executor.free(ahead=True):
                pass
            executor.submit(executor.free(ahead=True)[0], attempt)
            if not executor.free(ahead=True):
                break
        given = wanted[: 2 if isinstance(executor, Slots) else 1]
        found = events(executor, 2 * len(given))
        assert [type(event) for event in found] == [Started, Ended] * len(given)
        assert [event.attempt.key for event in found[1::2]] == [one.key for one in given]
        assert all(event.report.outcome.status == "completed" for event in found[1::2])

    def test_rehearsals_are_answered(self, executor, plan):
        """Each network is built where its trials will go, or the reason why not is told."""
        (good,), (bad,) = attempts(plan, count=1), attempts(plan, count=1, fixed={"units": [9]})
        broken = bad.trial.model_copy(update={"template": "nowhere:net"})
        executor.rehearse({good.program: good.trial, bad.program: broken})
        begun, built, *rest = events(executor, 4)
        assert isinstance(begun, Building)
        assert begun.key == built.key
        found = {event.key: event.rehearsal.problem for event in (built, rest[-1])}
        assert found[good.key] == ""
        assert "nowhere" in found[broken.key]
        if isinstance(executor, Slots):
            assert good.program in executor.programs(0)
        executor.submit(0, good)
        assert events(executor, 2)[1].report.outcome.status == "completed"

    def test_programs_are_known_by_place(self, executor, plan):
        """A place that was given an attempt has its program, so that the next may follow."""
        (attempt,) = attempts(plan, count=1, fixed={"units": [7]})
        assert attempt.program not in executor.programs(0)
        executor.submit(0, attempt)
        events(executor, 2)
        assert attempt.program in executor.programs(0)

    def test_nothing_to_do_is_no_event(self, executor):
        """An idle executor reports nothing."""
        end = time.monotonic() + 10
        found = [executor.next_event(0.1) for _ in range(3) if time.monotonic() < end]
        assert found == [None] * len(found)

    def test_proposals_come_from_the_same_oracle(self, executor):
        """Where the oracle is asked makes no difference."""
        tune = Tune(space={"learning_rate": {"min": 1e-3, "max": 1e-1, "scale": "log"}}, trials=3)
        from harness import proposers

        assert executor.propose(tune, 5) == proposers.candidates(tune, 5)


@pytest.mark.xla
def test_equal_outcomes_in_every_executor(setup, plan):
    """A trial's curve does not depend on where it is trained."""
    (attempt,) = attempts(plan, count=1, fixed={"dropout": 0.0})
    curves = []
    for executor in (Inline(setup), Slots(setup, 1)):
        executor.submit(0, attempt)
        curves.append(events(executor, 2)[1].report.outcome.curve)
        executor.close()
    assert curves[0] == curves[1]


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGSEGV, marks=pytest.mark.slow)]
)
def test_a_dead_worker_costs_one_attempt(setup, plan, how):
    """What it trained is lost, what waited comes back, and another worker takes its place."""
    executor = Slots(setup, 1)
    long = attempts(plan, fixed={"epochs": 100_000}, count=1)
    short = attempts(plan, count=2)
    executor.submit(0, long[0])
    executor.submit(0, short[0])
    assert isinstance(events(executor, 1)[0], Started)
    os.kill(executor._slots[0].process.pid, how)
    (death,) = events(executor, 1)
    assert isinstance(death, Died)
    assert death.lost == long[0]
    assert death.unstarted == (short[0],)
    assert how.name in death.reason
    executor.submit(0, short[1])
    assert isinstance(events(executor, 2)[1], Ended)
    executor.close()


def test_a_result_is_on_disk_before_it_is_reported(slot, place, plan):
    """A coordinator that dies over a report finds it in a file."""
    (attempt,) = attempts(plan, count=1, fixed={"epochs": 3})
    slot.submit(0, attempt)
    ended = events(slot, 2)[1]
    assert messages.read_result(place.attempts, attempt.key, 1) == ended.report
    messages.result_file(place.attempts, attempt.key, 1).write_text('{"status": "compl')
    assert messages.read_result(place.attempts, attempt.key, 1) is None


def test_workers_die_with_the_coordinator(setup, tmp_path):
    """kill -9 of the coordinator leaves no worker behind."""
    code = (
        "import sys, time, pickle, pathlib\n"
        "from harness.executors.slots import Slots\n"
        "setup = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "slots = Slots(setup, 2)\n"
        "print(*[slot.process.pid for slot in slots._slots], flush=True)\n"
        "time.sleep(600)\n"
    )
    import pickle

    (tmp_path / "setup").write_bytes(pickle.dumps(setup))
    coordinator = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "setup")], stdout=subprocess.PIPE, text=True
    )
    workers = [int(word) for word in coordinator.stdout.readline().split()]
    coordinator.kill()
    coordinator.wait()
    coordinator.stdout.close()
    end = time.monotonic() + 10
    while any(map(_alive, workers)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(_alive, workers))


def _alive(process):
    try:
        with open(f"/proc/{process}/stat") as stream:
            return stream.read().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_that_cannot_start_says_why(setup, monkeypatch):
    """The end of its log is in the error: nobody waits for workers that never come."""
    monkeypatch.setattr(slots, "_CODE", "raise SystemExit('no TensorFlow here')")
    executor = Slots(setup, 1)
    with pytest.raises(HarnessError, match="no TensorFlow here"):
        events(executor, 1, seconds=20)
    executor.close()


def _first_runs_only(tmp_path, line):
    """Code of a worker that does something else the first time."""
    mark = tmp_path / "once"
    # Doubled braces: the code is formatted once more.
    once = (
        f"import os, pathlib, signal; mark = pathlib.Path({str(mark)!r}); "
        f"first = not mark.exists(); mark.touch(); first and {line}; "
    )
    return once + slots._CODE


@pytest.mark.slow
def test_a_worker_killed_while_it_loads_keras_is_replaced(setup, plan, tmp_path, monkeypatch):
    """One such death costs nothing: the attempt that waited is handed over again."""
    code = _first_runs_only(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr(slots, "_CODE", code)
    executor = Slots(setup, 1)
    (attempt,) = attempts(plan, count=1)
    executor.submit(0, attempt)
    (death,) = events(executor, 1)
    assert (death.lost, death.unstarted) == (None, (attempt,))
    executor.rehearse({"some program": attempt.trial})
    building, rehearsed = events(executor, 2)
    assert (building.place, rehearsed.rehearsal.problem) == (0, "")
    executor.close()


def test_a_worker_that_ends_before_it_is_spoken_to(setup, monkeypatch):
    """Its log is shown, however early it ended."""
    monkeypatch.setattr(slots, "_CODE", "raise SystemExit('no TensorFlow here')")
    send = messages.send

    def late(connection, kind, **content):
        time.sleep(1.5)
        send(connection, kind, **content)

    monkeypatch.setattr(messages, "send", late)
    executor = Slots(setup, 1)
    with pytest.raises(HarnessError, match="no TensorFlow here"):
        events(executor, 1, seconds=20)
    with pytest.raises(HarnessError, match="no TensorFlow here"):
        executor.propose(Tune(trials=2, space={"learning_rate": {"min": 0.1, "max": 1}}), 1)
    executor.close()


@pytest.mark.slow
def test_a_worker_that_has_compiled_much_is_replaced(plan, setup, monkeypatch):
    """Between two attempts: it takes no more, ends what it has, and none is lost."""
    monkeypatch.setattr(slots, "WORN", 1)
    executor = Slots(setup, 1)
    try:
        before = executor._slots[0].process
        first, second, third = attempts(plan)
        executor.submit(0, first)
        executor.submit(0, second)
        found = events(executor, 2)
        assert executor._slots[0].process is before
        assert executor.free(ahead=False) == []
        found += events(executor, 2)
        assert before.poll() is not None
        assert executor.free(ahead=True) == [0]
        executor.submit(0, third)
        found += events(executor, 2)
        assert [type(event) for event in found] == [Started, Ended] * 3
        assert {event.report.outcome.status for event in found[1::2]} == {"completed"}
    finally:
        executor.close()
