"""Files that are written wholly or not at all."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from harness.errors import DiskError
from harness.identity import digest_file
from harness.objects import keep_arrays, write_atomic

ARRAYS = {"x": np.arange(6.0).reshape(2, 3), "y": np.array([0, 1])}


def names(folder):
    """What a folder holds."""
    return sorted(file.name for file in folder.iterdir())


def test_the_new_file_takes_the_place_of_the_old(tmp_path):
    """The folder is made, the old content is gone, nothing else is left behind."""
    file = tmp_path / "a" / "b" / "file"
    for content in (b"old", b"new"):
        write_atomic(file, lambda stream, content=content: stream.write(content))
        assert file.read_bytes() == content
    assert names(file.parent) == ["file"]


def test_an_exception_leaves_the_old_file(tmp_path):
    """A writer that fails halfway changes nothing, and its temporary file is removed."""
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def fail(stream):
        stream.write(b"half of the new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(file, fail)
    assert file.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "mkstemp", "replace"])
def test_a_refusing_disk_leaves_the_old_file(tmp_path, monkeypatch, call):
    """Whichever call the disk refuses."""

    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    file = tmp_path / "file"
    file.write_bytes(b"old")
    where = {"fsync": "os.fsync", "mkstemp": "tempfile.mkstemp", "replace": "pathlib.Path.replace"}
    with monkeypatch.context() as patch:
        patch.setattr(where[call], refuse)
        with pytest.raises(OSError, match="No space left"):
            write_atomic(file, lambda stream: stream.write(b"new"))
        with pytest.raises(DiskError, match=r"could not be stored in .*No space left"):
            keep_arrays(tmp_path / "store", ARRAYS)
    assert file.read_bytes() == b"old"
    assert set(names(tmp_path)) <= {"file", "store"}


STORM = """
import os, pathlib, random, signal, sys, time
from harness.objects import write_atomic
file, size, rng = pathlib.Path(sys.argv[1]), 1 << 20, random.Random(int(sys.argv[2]))
unfinished = 0
for _ in range(40):
    child = os.fork()
    if child == 0:
        for number in range(10**6):
            half = bytes([number % 251]) * (size // 2)
            write_atomic(file, lambda stream: (stream.write(half), stream.write(half)))
    time.sleep(rng.uniform(0.002, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if file.exists():
        content = file.read_bytes()
        assert len(content) == size, len(content)
        assert content == content[:1] * size
for left in file.parent.glob(".tmp-*"):
    unfinished += 1
print(file.exists(), unfinished)
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_storm(tmp_path, seed):
    """However a writer is killed, the final file is never torn."""
    command = [sys.executable, "-c", STORM, tmp_path / "file", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    exists, unfinished = done.stdout.split()
    assert exists == "True"
    assert int(unfinished) > 0  # some kills did hit a write


def test_arrays_are_kept_once_per_content(tmp_path):
    """Named by the hash of the file; the same arrays have the same name."""
    first, again = keep_arrays(tmp_path, ARRAYS), keep_arrays(tmp_path, ARRAYS)
    other = keep_arrays(tmp_path, ARRAYS | {"y": np.array([1, 0])})
    assert first == again != other
    assert first == tmp_path / "objects" / first.stem[:2] / f"{digest_file(first)}.npz"
    found = [file for file in (tmp_path / "objects").rglob("*") if file.is_file()]
    assert sorted(found) == sorted([first, other])


def test_arrays_are_read_back(tmp_path):
    """Bit for bit, without pickles."""
    with np.load(keep_arrays(tmp_path, ARRAYS), allow_pickle=False) as found:
        assert set(found.files) == set(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array, strict=True)


def test_a_folder_that_is_a_file(tmp_path):
    """The disk's refusal is one sentence."""
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(DiskError, match=r"could not be stored in '.*store'"):
        keep_arrays(tmp_path / "store", ARRAYS)
