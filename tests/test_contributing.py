"""What CONTRIBUTING.md shows can still be done."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ADDITION = re.compile(r"^### \.\.\. (.*?)\n(.*?)(?=^###? )", flags=re.DOTALL | re.MULTILINE)
ADDITIONS = dict(ADDITION.findall(GUIDE))


def blocks(text, language):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


DIFFS = {name: diff for name, text in ADDITIONS.items() for diff in blocks(text, "diff")}


def applied(diff, *options):
    """What git says of a diff; nothing is changed."""
    return subprocess.run(
        ["git", "apply", "--check", *options, "-"],
        cwd=ROOT,
        input=diff,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_diff_belongs_to_an_addition():
    """None is left out by the tests below."""
    assert len(blocks(GUIDE, "diff")) == len(DIFFS) >= 7


@pytest.mark.skipif(shutil.which("git") is None, reason="git applies the diffs")
@pytest.mark.parametrize("name", DIFFS)
def test_a_diff_applies(name):
    """To the tree as it is: whoever copies it goes on from there."""
    tried = applied(DIFFS[name])
    assert tried.returncode == 0, tried.stderr


@pytest.mark.skipif(shutil.which("git") is None, reason="git applies the diffs")
def test_a_diff_of_another_tree_does_not_apply():
    """The test above can fail, also outside a clone."""
    diff = next(iter(DIFFS.values()))
    assert applied(diff.replace("\n ", "\n x")).returncode != 0


@pytest.mark.parametrize("name", DIFFS)
def test_an_addition_says_what_proves_it(name):
    """Behind its diff a command, whose files are there, and what usually goes wrong."""
    text = ADDITIONS[name]
    (shown,) = blocks(text, "sh")
    files = re.findall(r"(?:tests|harness)/\S+\.py", shown)
    assert files
    assert all((ROOT / file).is_file() for file in files)
    assert "*What goes wrong.*" in text


def test_files_that_are_named_are_there():
    """Paths in the text, but for what a diff makes."""
    prose = re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL)
    named = re.findall(r"`((?:harness|reports|tests|docs)/[\w/.-]+)`", prose)
    assert len(named) > 15
    assert [one for one in named if not (ROOT / one).exists()] == []
