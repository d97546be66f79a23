"""Salt: arms that are equal but for chance, on the same splits."""

from __future__ import annotations

import numpy as np
import pytest

from harness import design, initial, seeds
from harness.errors import StudyError
from harness.train import Trainer
from harness.train import trainer as training

FIXED = {"units": [4], "epochs": 2, "dropout": 0.2}


def _trials(plan, **changes):
    laid = plan(**{"fixed": FIXED, **changes})
    return laid.card, [laid.trial(arm, {}, "confirm", 3) for arm in laid.arms]


PINNED = "7ab65a00cd4188ab66288816302447a80543ef0c6dc7af6563dd41f4949039bb"
"""Key of a trial before there was any salt."""


def test_a_trial_without_salt_is_what_it_was(ask, card):
    """Neither its key nor a stream knows that there is such a setting."""
    laid = design.plan(ask(factors={"activation": ["relu"]}), card, [])
    assert laid.trial(laid.arms[0], {}, "confirm", 0).key == PINNED
    trial = laid.trial(laid.arms[0], {}, "confirm", 3)
    assert "salt" not in trial.settings
    for purpose in (("order",), ("noise",), ("init", "64x4", 0)):
        told = seeds.stream(trial.seed, "confirm", 3, *purpose)
        assert seeds.salted(trial, *purpose).random() == told.random()


def test_salts_differ_in_every_draw_of_a_training_and_share_the_split(plan, monkeypatch):
    """Initial weights, order and noise are others; the cases that train and validate are not."""
    splits = []
    drawn = training.drawn
    monkeypatch.setattr(
        training, "drawn", lambda *given: splits.append(drawn(*given)) or splits[-1]
    )
    card, trials = _trials(plan, factors={"salt": [1, 2]})
    trainer = Trainer(card, [])
    weights = [initial.draw(trainer.networks(trial)[0].weights, trial) for trial in trials]
    kernels = [[one for one in draws if one.ndim == 2] for draws in weights]
    assert all(not np.array_equal(*pair) for pair in zip(*kernels, strict=True))
    for purpose in ("order", "noise", "calibration", "unseeded"):
        assert len({seeds.salted(trial, purpose).random() for trial in trials}) == 2
    found = [trainer.run(trial) for trial in trials]
    assert len(trainer.programs) == 1
    assert found[0].curve != found[1].curve
    for first, second in zip(*splits, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("purpose", ["init", "order", "noise"])
def test_each_stream_alone_changes_the_curve(plan, monkeypatch, purpose):
    """No stream of a training goes past the salt."""
    card, (trial, _) = _trials(plan)
    told = seeds.salted

    def salted(one, *given):
        return told(one, *given, *(("salt", "1") if given[0] == purpose else ()))

    before = Trainer(card, []).run(trial)
    monkeypatch.setattr(seeds, "salted", salted)
    assert Trainer(card, []).run(trial).curve != before.curve


def test_the_same_salt_is_the_same_training(plan):
    """To the last bit, in another trainer and after other trials."""
    card, trials = _trials(plan, factors={"salt": [1, 2]})
    first, second = Trainer(card, []), Trainer(card, [])
    second.run(trials[1])
    ours, theirs = first.run(trials[0]), second.run(trials[0])
    assert (ours.curve, ours.metrics) == (theirs.curve, theirs.metrics)


def test_salts_have_keys_of_their_own_and_one_program(plan):
    """They are other trainings of the same graph."""
    card, trials = _trials(plan, factors={"salt": [1, 2]})
    (*_, plain) = _trials(plan)[1]
    assert len({trial.key for trial in (*trials, plain)}) == 3
    assert len({design.program_key(trial, card) for trial in trials}) == 1


def test_a_search_over_salts_is_refused(plan):
    """It would choose the luckiest draw."""
    with pytest.raises(StudyError, match="which would choose lucky"):
        plan(tune={"space": {"salt": {"values": [1, 2]}}})
