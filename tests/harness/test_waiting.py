"""What is waited for is named, later and later, and given up where it has a limit."""

from __future__ import annotations

import io
import time
from collections import Counter

import pytest
from rich.console import Console

from harness import progress as shown
from harness.coordinator import waiting
from harness.coordinator.progress import Progress
from harness.coordinator.signals import Stop, StoppedError, ticking
from harness.coordinator.waiting import TimeLimitError, Wait


@pytest.fixture
def passing(monkeypatch):
    """A clock that is moved by hand."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_wait_is_named_each_time_twice_as_late(passing, plan):
    """Silence at first, then a line at 15, 30, 60 seconds and so on."""
    out = io.StringIO()
    view = shown._Lines(Console(file=out, width=200))
    progress = Progress(plan(), total=Counter({(0, "confirm"): 1, (1, "confirm"): 1}))
    progress.waits["a"] = Wait(what="relu to be built in worker 0", quiet=15, since=1000.0)
    for passed in range(0, 121, 5):
        passing[0] = 1000.0 + passed
        view.show(progress)
    lines = out.getvalue().splitlines()
    assert lines[0] == "waiting for relu to be built in worker 0, 20 s so far"
    assert [line.split(", ")[1] for line in lines] == [
        f"{seconds} s so far" for seconds in (20, 40, 80)
    ]


def test_a_terminal_names_the_longest_waits(passing, plan):
    """Below its table, three at most."""
    progress = Progress(plan(), total=Counter({(0, "confirm"): 1, (1, "confirm"): 1}))
    for index in range(5):
        progress.waits[str(index)] = Wait(what=f"[red]{index}", quiet=15, since=1000.0 + index)
    assert not shown._table(progress).caption
    passing[0] += 30
    lines = str(shown._table(progress).caption).splitlines()
    assert lines == [f"waiting for [red]{index}, {30 - index} s so far" for index in range(3)]


def test_only_building_has_a_limit(passing):
    """A training may take as long as its epochs take."""
    building = Wait(what="a", quiet=1, limit=10, since=1000.0)
    training = Wait(what="b", quiet=1, since=1000.0)
    assert not building.over
    passing[0] += 11
    assert building.over
    assert not training.over
    assert set(waiting.lasting({"a": building, "b": training})) == {"a", "b"}


def test_ticking_ends_what_sleeps(monkeypatch):
    """What a look raises interrupts this thread, and nothing is left behind."""
    import signal

    from harness.coordinator import signals

    monkeypatch.setattr(signals, "TICK", 0.05)

    def look():
        raise TimeLimitError

    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(TimeLimitError), ticking(look):
        time.sleep(20)
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert not issubclass(TimeLimitError, Exception), "user code could keep it"


def test_a_second_signal_ends_at_once():
    """The first is kept, so that it can be told."""
    import signal

    stop = Stop()
    stop.check()
    stop.answer(signal.SIGTERM)
    with pytest.raises(StoppedError):
        stop.check()
    with pytest.raises(KeyboardInterrupt):
        stop.answer(signal.SIGINT)
    assert stop.by is signal.SIGTERM
