"""The wheel works where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TINY = """
schema = 1
name = "tiny"
template = "cnn"
dataset = "digits@200"
replicates = 2
[fixed]
epochs = 1
filters = [4]
units = []
[factors]
activation = ["relu", "tanh"]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy so that the checkout stays clean."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("harness", "reports", "studies", "README.md", "LICENSE", "pyproject.toml"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--wheel-dir", str(folder), str(source)),
        ],
        check=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def run(command, folder, **environment):
    """Run a command outside the checkout."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_wheel_runs_a_study(wheel, tmp_path):
    """Unpacked by pip into an empty folder, it finds its studies and trains."""
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    (work / "tiny.toml").write_text(TINY)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--no-compile", "--target", str(site), str(wheel)),
        ],
        check=True,
    )
    where = "import harness, reports, studies; print(harness.__file__, reports.__file__)"
    found = run([sys.executable, "-c", where], work, PYTHONPATH=str(site)).stdout.split()
    assert all(file.startswith(str(site)) for file in found)
    command = [sys.executable, "-m", "harness"]
    assert run([*command, "check", "quickstart"], work, PYTHONPATH=str(site)).returncode == 0
    ended = run([*command, "run", "tiny.toml", "--workers", "1"], work, PYTHONPATH=str(site))
    assert ended.returncode == 0, ended.stderr
    assert (work / "results" / "tiny" / "report" / "index.html").is_file()


@pytest.mark.slow
def test_wheel_in_an_empty_environment(wheel, tmp_path):
    """Installed by name of its file, with all that it declares and nothing else."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    subprocess.run(
        [
            *(str(environment / "bin" / "pip"), "install", "--quiet"),
            *("--constraint", str(ROOT / "constraints.txt"), str(wheel)),
        ],
        check=True,
    )
    work = tmp_path / "work"
    work.mkdir()
    (work / "tiny.toml").write_text(TINY)
    ended = run([str(environment / "bin" / "keras-harness"), "run", "tiny.toml"], work)
    assert ended.returncode == 0, ended.stderr
    assert "tanh" in ended.stdout
