"""Schedules whose shape Keras does not know; the others are compared with Keras' own."""

from __future__ import annotations

import numpy as np
import pytest

from harness import catalog
from harness.blocks import schedules


def test_one_cycle_rises_and_falls():
    """From start to the full rate in the first part, and down to the floor in the rest."""
    level = {"name": "one_cycle", "rise": 0.25, "start": 0.1, "floor": 0.01}
    rates = schedules.rates(catalog.choice("schedule", level), 2.0, 10, 8).ravel()
    assert rates[0] == pytest.approx(0.2)
    assert rates.argmax() == 20
    assert rates[20] == pytest.approx(2.0)
    assert (np.diff(rates[:21]) > 0).all()
    assert (np.diff(rates[20:]) < 0).all()
    assert rates[-1] == pytest.approx(0.02, rel=0.1)
    assert rates[10] == pytest.approx((0.2 + 2.0) / 2)


@pytest.mark.parametrize("name", sorted(catalog.SCHEDULES))
def test_warm_up_rises_to_where_every_schedule_begins(name):
    """In a straight line; what follows is the schedule of what is left of the training."""
    level = {"name": name, "warmup": 2.0}
    rates = schedules.rates(catalog.choice("schedule", level), 1.0, 10, 8).ravel()
    rest = catalog.choice("schedule", name)
    assert rates[:20] == pytest.approx(np.arange(1, 21) / 21)
    assert rates[20:] == pytest.approx(schedules.rates(rest, 1.0, 10, 6).ravel(), rel=1e-6)


@pytest.mark.parametrize("name", sorted(catalog.SCHEDULES))
def test_rates_are_finite_and_no_higher_than_the_rate(name):
    """With the defaults, for trainings of one step and of many."""
    for per_epoch, epochs in ((1, 4), (7, 5), (100, 30)):
        rates = schedules.rates(catalog.choice("schedule", name), 0.5, per_epoch, epochs)
        assert rates.shape == (epochs, per_epoch)
        assert np.isfinite(rates).all()
        assert (rates >= 0).all()
        assert rates.max() <= 0.5


def test_the_rate_falls_with_the_root_of_the_step():
    """With a decay of as many as an epoch has steps; step t is counted from one."""
    chosen = catalog.choice("schedule", {"name": "inverse_sqrt", "decay": 7})
    rates = schedules.rates(chosen, 0.5, 7, 3)
    np.testing.assert_allclose(rates.ravel(), 0.5 / np.sqrt(np.arange(1, 22)), rtol=1e-6)
