"""Importing is cheap and changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LIGHT = [
    "harness",
    "harness.errors",
    "harness.identity",
    "harness.spec",
    "harness.seeds",
    "harness.usercode",
    "harness.records",
    "harness.catalog",
    "harness.environment",
    "harness.design",
    "harness.studyfile",
    "harness.store",
    "harness.objects",
    "harness.datasets",
    "harness.proposers",
    "harness.coordinator",
    "harness.cli",
]
HEAVY = ["keras", "keras_tuner", "tensorflow", "pandas", "matplotlib", "seaborn", "sklearn"]

PROBE = """
import importlib, json, os, sys
before = dict(os.environ), os.getcwd()
importlib.import_module(sys.argv[1])
changed = (dict(os.environ), os.getcwd()) != before
print(json.dumps({"changed": changed, "loaded": sorted(sys.modules)}))
"""


def _fresh(code, *arguments):
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_nothing_heavy_and_changes_nothing(module):
    """Planning starts at once: no Keras, no pandas; environment and directory stay as they were."""
    found = json.loads(_fresh(PROBE, module))
    assert not set(HEAVY) & set(found["loaded"])
    assert not found["changed"]


def test_importing_the_package_loads_none_of_its_modules():
    """Public names are loaded when they are first used."""
    loaded = json.loads(_fresh(PROBE, "harness"))["loaded"]
    assert [name for name in loaded if name.startswith("harness")] == ["harness"]
    assert not {"numpy", "pydantic"} & set(loaded)


def test_public_names_stay_what_they_are():
    """The function ``run`` is not replaced by the module of the same name on second use."""
    code = (
        "import harness\n"
        "for _ in range(3):\n"
        "    for name in harness.__all__:\n"
        "        assert getattr(harness, name).__name__ == name, name\n"
        "        assert callable(getattr(harness, name)), name\n"
    )
    assert not _fresh(code)


def test_unknown_public_names():
    """An attribute that does not exist is an AttributeError, as of any module."""
    code = "import harness\ntry: harness.nothing\nexcept AttributeError as error: print(error)"
    assert _fresh(code) == "module 'harness' has no attribute 'nothing'\n"
