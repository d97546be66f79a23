"""Search: what is proposed, and what is chosen of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import proposers
from harness.records import Result
from harness.spec import Tune

RATE = {"learning_rate": {"min": 1e-4, "max": 1e-1, "scale": "log"}}
MIXED = {
    **RATE,
    "dropout": {"min": 0, "max": 0.5},
    "units": {"values": [8, 16]},
    "act": {"values": ["relu", True, 1.5]},
}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of KerasTuner's own


@pytest.fixture(scope="module")
def draw(tmp_path_factory):
    """Candidates by the oracle; it is imported once, in an empty folder."""

    def drawn(space, trials, seed=1):
        return proposers.candidates(Tune(space=space, trials=trials), seed)

    here = tmp_path_factory.mktemp("cwd")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        yield drawn
    assert not [*here.iterdir()]  # nothing is left where the user works


def test_candidates_are_in_the_space(draw):
    """Each names everything that is searched, with values of the right kind, in range."""
    found = draw(MIXED, 30)
    assert len(found) == 30
    for one in found:
        assert list(one) == list(MIXED)
        assert 1e-4 <= one["learning_rate"] <= 1e-1
        assert 0 <= one["dropout"] <= 0.5
        assert one["units"] in {8, 16}
        assert type(one["units"]) is int
        assert any(one["act"] is value for value in MIXED["act"]["values"])
    assert {one["units"] for one in found} == {8, 16}
    assert len({str(one["act"]) for one in found}) == 3


def test_log_ranges_are_drawn_in_the_logarithm(draw):
    """Each third of the orders of magnitude gets its share."""
    found = sorted(math.log10(one["learning_rate"]) for one in draw(RATE, 90))
    assert 15 <= sum(number < -3 for number in found) <= 45
    assert 15 <= sum(number > -2 for number in found) <= 45


def test_candidates_are_fixed_by_the_seed(draw):
    """Equal over calls, others for another seed; zero is a seed like any other."""
    assert draw(MIXED, 5) == draw(MIXED, 5)
    assert draw(MIXED, 5, seed=0) == draw(MIXED, 5, seed=0)
    assert len({str(draw(MIXED, 5, seed=seed)) for seed in range(-1, 5)}) == 6


def test_more_trials_begin_with_the_same(draw):
    """A study that is given more trials reuses those it has."""
    whole = draw(MIXED, 12)
    for trials in (1, 5, 11):
        assert draw(MIXED, trials) == whole[:trials]


@pytest.mark.parametrize("seed", range(8))
def test_a_finite_space_is_exhausted(draw, seed):
    """Every candidate once: fewer than asked for only where there are no more."""
    space = {"units": {"values": list(range(8))}}
    for trials in (8, 12):
        found = [one["units"] for one in draw(space, trials, seed=seed)]
        assert sorted(found) == list(range(8))


def test_nothing_is_printed(draw, capfd):
    """What KerasTuner says of its own files is not for the user."""
    draw(RATE, 2)
    assert capfd.readouterr().out == ""


def test_tokens_name_what_proposals_depend_on():
    """Space, oracle, number and seed; neither the objective nor the replicates."""
    tune = Tune(space=MIXED, trials=4)
    token = proposers.token(tune, 1)
    same = Tune(space=MIXED, trials=4, objective="val/accuracy@last", replicates=3)
    assert proposers.token(same, 1) == token
    others = [Tune(space=MIXED, trials=5), Tune(space=RATE, trials=4)]
    assert token not in {proposers.token(other, 1) for other in others}
    assert proposers.token(tune, 2) != token


# -- choosing ----------------------------------------------------------------------------------


def done(*values):
    """Completed replicates with these objectives."""
    return [Result(status="completed", metrics={"m": value}, epochs=5) for value in values]


def other(status, epochs=1):
    """A replicate without an objective."""
    return Result(status=status, metrics={}, epochs=epochs)


@pytest.mark.parametrize(
    ("tried", "chosen"),
    [
        ([done(3.0), done(1.0), done(2.0)], 1),
        ([done(2.0), done(1.0, 4.0), done(1.5, 1.5)], 2),  # means, not the best of many
        ([done(1.0), done(1.0)], 0),  # the first among equals
        ([[*done(0.1), other("diverged")], done(9.0)], 1),  # diverged loses to any without
        ([[other("diverged", 2)], [other("diverged", 4)], [other("diverged", 4)]], 1),
        ([[other("failed")], done(9.0)], 1),
        ([[*done(0.1), other("failed")], [other("diverged")]], 1),
        ([[*done(0.1), other("running")], done(9.0)], 1),
        ([[other("failed")], [other("lost")], [other("pending")]], None),
        ([], None),
    ],
)
def test_the_best_mean_wins(tried, chosen):
    """What failed never wins, what diverged only among its own."""
    assert proposers.choose(tried, "m", minimize=True) == chosen


NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=8))
def test_directions_mirror_each_other(values):
    """The largest mean wins where large is good."""
    tried = [done(*pair) for pair in values]
    turned = [done(*(-value for value in pair)) for pair in values]
    assert proposers.choose(tried, "m", minimize=False) == proposers.choose(
        turned, "m", minimize=True
    )


@given(st.lists(NUMBERS, min_size=1, max_size=8), st.booleans())
def test_no_candidate_is_better_than_the_chosen_one(values, minimize):
    """With one replicate each it is the optimum."""
    chosen = proposers.choose([done(value) for value in values], "m", minimize=minimize)
    assert values[chosen] == (min if minimize else max)(values)
