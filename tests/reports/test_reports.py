"""Tests of the package as a whole: importing it trains nothing and changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import reports

ROOT = Path(reports.__file__).parent
MODULES = sorted(
    ".".join(["reports", *file.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
    for file in ROOT.rglob("*.py")
)
PROBE = """
import json, os, sys
import matplotlib, seaborn
state = lambda: [dict(matplotlib.rcParams), dict(os.environ), os.getcwd()]
before = state()
for name in sys.argv[1:]:
    __import__(name)
print(json.dumps({"same": state() == before, "loaded": sorted(sys.modules)}))
"""


def probe(*names: str) -> dict[str, object]:
    """What importing does in a process of its own."""
    command = [sys.executable, "-c", PROBE, *names]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT.parent)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_importing_changes_nothing() -> None:
    """All modules together leave rcParams, environment and directory alone, and load no Keras."""
    assert "reports.page.markup" in MODULES
    found = probe(*MODULES)
    assert found["same"]
    loaded = found["loaded"]
    assert isinstance(loaded, list)
    assert not {"keras", "tensorflow", "keras_tuner", "ray"} & set(loaded)
    trainers = {"harness.train", "harness.program", "harness.coordinator", "harness.datasets"}
    assert not trainers & set(loaded)


def test_low_modules_need_no_high_ones() -> None:
    """They can be imported without the page."""
    loaded = probe("reports.estimates", "reports.wording", "reports.export")["loaded"]
    assert isinstance(loaded, list)
    assert "reports.page" not in loaded


def test_the_page_is_imported_without_what_few_pages_need() -> None:
    """A second each: for a heat map, for two functions, and for windows that nobody opens."""
    code = "import sys, reports.page; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT.parent)
    unneeded = {"seaborn", "scipy.stats", "statsmodels", "matplotlib.pyplot"}
    assert not unneeded & set(done.stdout.split())
