"""Tests of what must not change unseen: the identity of trainings, and what comes of them."""

from __future__ import annotations

import json
import subprocess
import sys

import golden
import pytest

from harness import catalog


def test_keys_of_trials_are_those_that_they_have_always_had() -> None:
    """Otherwise everything that was ever trained would be trained again, without a word."""
    kept = json.loads(golden.FILES["keys"].read_text())
    assert golden.keys() == kept
    assert len(kept) >= 40
    assert len(set(kept.values())) == len(kept)


def test_what_is_added_leaves_what_stands() -> None:
    """A new template, or a new metric, changes no number that is held already."""
    kept = {"machine": {"processor": "a"}, "curves": {"mlp": {"train/loss 0": 1.0}}}
    new = {"train/loss 0": 2.0, "train/more 0": 3.0}
    found = {"machine": {"processor": "b"}, "curves": {"mlp": new, "linear": new}}
    assert golden.merged(found, kept) == {
        "machine": {"processor": "a"},
        "curves": {"mlp": {"train/loss 0": 1.0, "train/more 0": 3.0}, "linear": new},
    }


def test_every_template_is_among_them() -> None:
    """And every kind of data; those whose weights would have to be fetched by their keys alone."""
    drawn = {name for name, template in catalog.TEMPLATES.items() if not template.brings}
    for asked, wanted in ((golden.STUDIES, {*catalog.TEMPLATES}), (golden.TRAINED, drawn)):
        assert {given.get("template", "mlp") for given in asked.values()} >= wanted


def test_curves_are_those_that_they_have_always_been() -> None:
    """To the last bit on the kind of machine that they were written down on, else to 1e-6."""
    # In a process of its own, which compiles as in a study and has trained nothing before.
    ended = subprocess.run(
        [sys.executable, golden.__file__, "curves"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    found, kept = json.loads(ended.stdout), json.loads(golden.FILES["curves"].read_text())
    if found["machine"] == kept["machine"]:
        assert found == kept
    for name, numbers in kept["curves"].items():
        assert found["curves"][name] == pytest.approx(numbers, rel=1e-6, abs=1e-6), name
