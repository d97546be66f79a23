"""What is missing of a study, and when a search is done."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.coordinator.enrolment import Enrolment, Search, chosen_candidate
from harness.coordinator.progress import Progress, Tally
from harness.coordinator.queueing import Queue
from harness.records import Epoch, Outcome, Result
from harness.store import Store

TUNE = {
    "trials": 2,
    "objective": "val/loss@best",
    "space": {"learning_rate": {"min": 1e-3, "max": 1e-1, "scale": "log"}},
}
PROPOSED = [{"learning_rate": 0.01}, {"learning_rate": 0.1}]
MEASURED = {"val/loss": 0.5, "test/accuracy": 0.5}


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    with Store(tmp_path / "small") as opened:
        yield opened


@pytest.fixture
def enrol(plan, store):
    """Enrols all that is known of a study on the blobs."""

    def all_of(executor="yes", **changes):
        laid = plan(**changes)
        proposer = SimpleNamespace(propose=lambda tune, seed: PROPOSED)
        made = Enrolment(
            plan=laid,
            store=store,
            revision=store.revise(laid.study, str(laid.metric), {}),
            executor=(lambda: proposer) if executor else None,
            queue=Queue(),
            progress=Progress(laid),
            tally=Tally(notes={}),
        )
        made.enrol_all()
        return made

    return all_of


def ready(enrolment):
    """Keys of what is ready, with what the trials are."""
    trials = [one for line in enrolment.queue.ready.values() for one in line]
    return {
        one.key: (
            one.trial.settings["activation"]["name"],
            one.trial.phase,
            one.trial.settings["learning_rate"],
            one.trial.replicate,
        )
        for one in trials
    }


def end(enrolment, key, status="completed", loss=0.5):
    """Let one trial end."""
    number = enrolment.store.begin(key, 1)
    measured = Epoch(epoch=0, quantities=MEASURED | {"val/loss": loss})
    curve = (measured,) if status == "completed" else ()
    enrolment.store.end(key, number, Outcome(status=status, curve=curve, best_epoch=0))
    enrolment.settle(key)


def test_a_search_is_done_when_no_trial_is_missing():
    """An empty one is done at once."""
    search = Search(None, {"a"})
    assert not search.done
    search.missing.discard("a")
    assert search.done


def test_without_a_search_all_is_known_at_once(enrol):
    """Arm after arm, replicate after replicate, each with the program that it needs."""
    enrolment = enrol()
    assert [*ready(enrolment).values()] == [
        (name, "confirm", 0.001, replicate) for name in ("relu", "tanh") for replicate in (0, 1)
    ]
    assert len(enrolment.queue.ready) == 2
    assert enrolment.progress.total == {(0, "confirm"): 2, (1, "confirm"): 2}


def test_what_is_finished_is_not_missing(enrol):
    """Only new trials are ready, and no executor is started where there are none."""
    first = enrol()
    for key in ready(first):
        end(first, key)
    assert not enrol(executor=None).queue.ready
    wider = enrol(factors={"activation": ["relu", "tanh", "elu"]})
    assert {name for name, *_ in ready(wider).values()} == {"elu"}
    assert wider.progress.done == {(0, "confirm"): 2, (1, "confirm"): 2}


def test_an_arm_is_confirmed_when_the_last_trial_of_its_search_ends(enrol):
    """Not before, not with another arm's, and with its own best candidate."""
    enrolment = enrol(tune=TUNE)
    tuned = ready(enrolment)
    assert {phase for _, phase, *_ in tuned.values()} == {"tune"}
    before = len(tuned)
    relu = {rate: key for key, (name, _, rate, _) in tuned.items() if name == "relu"}
    end(enrolment, relu[0.01], loss=0.9)
    assert len(ready(enrolment)) == before
    end(enrolment, relu[0.1], loss=0.1)
    new = [one for key, one in ready(enrolment).items() if key not in tuned]
    assert new == [("relu", "confirm", 0.1, 0), ("relu", "confirm", 0.1, 1)]
    assert [search.arm.label for search in enrolment.searches.values()] == ["tanh"]


def test_a_search_in_which_all_failed_confirms_nothing(enrol):
    """It is told, and nothing more is waited for."""
    enrolment = enrol(tune=TUNE)
    tuned = ready(enrolment)
    for key, (name, *_) in tuned.items():
        if name == "tanh":
            end(enrolment, key, status="failed")
    assert ready(enrolment).keys() == tuned.keys()
    assert enrolment.progress.total[1, "confirm"] == 0
    (problem,) = enrolment.tally.problems
    assert problem == "tanh: no trial of its search succeeded, so there is nothing to confirm"


def test_what_was_proposed_once_is_proposed_again(enrol):
    """The store remembers it; nobody is asked a second time."""
    first = enrol(tune=TUNE)
    for key in ready(first):
        end(first, key)
    for key in [key for key, (_, phase, *_) in ready(first).items() if phase == "confirm"]:
        end(first, key)
    again = enrol(executor=None, tune=TUNE)
    assert again.candidates == PROPOSED
    assert (again.queue.ready, again.searches) == ({}, {})


def test_a_metric_that_is_lacking_makes_a_trial_missing(enrol):
    """Only of the trials that lack it, and it is told how many they are."""
    first = enrol()
    for key in ready(first):
        end(first, key)
    again = enrol(metric="test/loss@best")
    assert len(ready(again)) == 4
    assert again.tally.list_notes() == (
        "4 finished trials were trained again, because they had not measured test/loss@best",
    )


@pytest.mark.parametrize(("objective", "chosen"), [("val/loss@best", 0), ("val/accuracy@last", 1)])
def test_the_best_candidate_by_the_direction_of_its_metric(objective, chosen):
    """The smallest loss, the largest accuracy."""
    tried = [
        [Result(status="completed", metrics={objective: number}, epochs=1)] for number in (0.1, 0.9)
    ]
    assert chosen_candidate(tried, objective) == chosen
