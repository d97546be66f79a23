"""Which trial a place gets, and where one goes whose attempt came to nothing."""

from __future__ import annotations

import pytest

from harness.coordinator.queueing import Queue, Queued
from harness.executors import Attempt

NONE: frozenset[str] = frozenset()


@pytest.fixture
def queue(plan):
    """Two trials of program ``a``, one of ``b``, one of ``c``; a key is its program and number."""
    laid = plan()
    trial = laid.trial(laid.arms[0], {}, "tune", 0)
    made = Queue()
    for key in ("a0", "b0", "a1", "c0"):
        made.add(Queued(trial=trial, key=key, program=key[0]))
    return made


def attempt(taken):
    """The first attempt of a trial."""
    return Attempt(trial=taken.trial, key=taken.key, number=1, program=taken.program)


def taken(queue, own=NONE, others=NONE):
    """Keys in the order in which one place would get them."""
    return [queue.take(own, others).key for _ in range(queue.count)]


@pytest.mark.parametrize(
    ("own", "others", "first"),
    [
        ("", "", "a0"),
        ("b", "", "b0"),
        ("bc", "b", "c0"),
        ("c", "ab", "c0"),
        ("", "a", "b0"),
        ("", "ab", "c0"),
        ("", "abc", "a0"),
        ("d", "a", "b0"),
    ],
)
def test_what_a_place_has_compiled_comes_first(queue, own, others, first):
    """Then what nobody has, then anything, and among equals what was enrolled first."""
    assert queue.take(frozenset(own), frozenset(others)).key == first


def test_every_trial_is_taken_once(queue):
    """One program after the other, each in the order of its trials."""
    assert queue.count == 4
    assert taken(queue) == ["a0", "a1", "b0", "c0"]
    assert not queue.ready


def test_one_sample_of_each_program(queue):
    """Enough to build all networks; the sample stays where it is."""
    assert [*queue.samples()] == ["a", "b", "c"]
    assert queue.count == 4


@pytest.mark.parametrize(("first", "order"), [(True, "a0 a1"), (False, "a1 a0")])
def test_what_came_to_nothing_is_ready_again(queue, first, order):
    """Before the others of its program if it never started, else behind them."""
    lost = attempt(queue.take(NONE, NONE))
    queue.retry(lost, first=first)
    assert taken(queue, own=frozenset("a"))[:2] == order.split()


def test_the_last_trial_of_a_program_can_be_ready_again(queue):
    """Although its program had no trials any more."""
    lost = attempt(queue.take(frozenset("c"), NONE))
    queue.retry(lost, first=True)
    assert taken(queue) == ["a0", "a1", "b0", "c0"]


def test_open_attempts_start_and_are_closed(queue):
    """Those that have not started can be taken back."""
    begun, waits = attempt(queue.take(NONE, NONE)), attempt(queue.take(NONE, NONE))
    queue.open |= {begun.key: begun, waits.key: waits}
    queue.running.add(begun.key)
    assert queue.unstarted() == [waits]
    queue.close(begun)
    queue.close(waits)
    assert (queue.open, queue.running) == ({}, set())
