"""Tests of what must not change unseen: the identity of trainings."""

from __future__ import annotations

import json

import golden

from harness import catalog


def test_keys_of_trials_are_those_that_they_have_always_had() -> None:
    """Otherwise everything that was ever trained would be trained again, without a word."""
    kept = json.loads(golden.FILE.read_text())
    assert golden.keys() == kept
    assert len(kept) >= 40
    assert len(set(kept.values())) == len(kept)


def test_every_template_is_among_them() -> None:
    """And every kind of data."""
    templates = {given.get("template", "mlp") for given in golden.STUDIES.values()}
    assert templates == set(catalog.TEMPLATES)
