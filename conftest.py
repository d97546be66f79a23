"""What all tests and doctests share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def single_thread() -> None:
    """TensorFlow as a study sets it up, before any test has used it otherwise."""
    from harness.train import set_up

    set_up(1)
