"""Somebody else's folder."""

from __future__ import annotations

import sys

import pytest
from foreign import Foreign


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A folder of somebody else's, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield Foreign(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
