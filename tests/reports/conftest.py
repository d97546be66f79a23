"""Fixtures of the reports' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from synthetic import Maker

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    """A maker of synthetic stores."""
    return Maker(tmp_path)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the plain two-factor study, for tests that only read it."""
    return Maker(tmp_path_factory.mktemp("shared"))()
