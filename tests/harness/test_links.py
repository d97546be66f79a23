"""No link inside a store is followed, and nothing is deleted or emptied but what is ours."""

from __future__ import annotations

import os

import numpy as np
import pytest

from harness import objects, store
from harness.errors import StoreError
from harness.executors import messages
from harness.links import append_to
from harness.store.disk import MEMBERS


@pytest.fixture
def theirs(tmp_path):
    """A folder and a file of somebody's that must stay as they are."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    return folder


def content(folder):
    """All files below a folder."""
    return {str(file): file.read_text() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("kind", ["folder", "file", "nowhere"])
def test_a_store_with_a_link_in_it_is_refused(tmp_path, theirs, member, kind):
    """Before anything is opened: the target is as it was, and the message names the link."""
    folder = tmp_path / "results" / "a"
    with store.Store(folder):
        pass
    target = {"folder": theirs, "file": theirs / "thesis.txt", "nowhere": theirs / "no"}[kind]
    (folder / member).unlink(missing_ok=True)
    (folder / member).symlink_to(target)
    before = content(theirs)
    with pytest.raises(StoreError, match=rf"no link is followed. Received: .*{member}'"):
        store.Store(folder)
    if member != "study.db":
        with pytest.raises(StoreError, match="no link is followed"), store.reading(folder):
            pass
    else:
        with pytest.raises(StoreError), store.reading(folder):
            pass
    assert content(theirs) == before


def test_a_lock_of_somebody_elses_is_not_emptied(tmp_path, theirs):
    """Also where it is the same file under two names, which no look at links can tell."""
    folder = tmp_path / "a"
    folder.mkdir()
    os.link(theirs / "thesis.txt", folder / "lock")
    with pytest.raises(StoreError, match="expected the lock file of a study"):
        store.Store(folder)
    assert (theirs / "thesis.txt").read_text() == "years of work"


def test_results_may_lie_on_another_disk(tmp_path, theirs):
    """A link that leads to the whole folder is the user's own choice."""
    (tmp_path / "results").symlink_to(theirs)
    with store.Store(tmp_path / "results" / "a") as opened:
        assert opened.revision() == 0
    assert (theirs / "a" / store.FILE).is_file()
    with store.reading(tmp_path / "results" / "a"):
        pass


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        (f"{'a' * 64}.1.json", True),
        (".tmp-k3_9abcd", True),
        (".tmp-4711.npz", True),
        ("thesis.json", False),
        (f"{'a' * 64}.json", False),
        (f"{'A' * 64}.1.json", False),
        (f"{'a' * 64}.1.json.bak", False),
        (".tmp-", False),
    ],
)
def test_what_is_deleted_after_a_crash_has_a_name_of_ours(tmp_path, name, ours):
    """And is a file: no folder, and no link."""
    (tmp_path / name).write_text("x")
    assert messages.is_ours(tmp_path / name) == ours
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / name).symlink_to(tmp_path / name)
    assert not messages.is_ours(tmp_path / "links" / name)
    (tmp_path / "folders" / name).mkdir(parents=True)
    assert not messages.is_ours(tmp_path / "folders" / name)


def test_logs_and_objects_are_not_written_through_links(tmp_path, theirs):
    """A log would grow somebody's file; data would land in somebody's folder."""
    before = content(theirs)
    (tmp_path / "worker-0.log").symlink_to(theirs / "thesis.txt")
    with pytest.raises(StoreError, match="no link is followed"):
        append_to(tmp_path / "worker-0.log")
    arrays = {"x": np.zeros(3)}
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "objects").symlink_to(theirs)
    with pytest.raises(StoreError, match="no link is followed"):
        objects.keep_arrays(tmp_path / "a", arrays)
    (tmp_path / "b" / "objects").mkdir(parents=True)
    kept = objects.keep_arrays(tmp_path / "c", arrays)
    (tmp_path / "b" / "objects" / kept.parent.name).symlink_to(theirs)
    with pytest.raises(StoreError, match="no link is followed"):
        objects.keep_arrays(tmp_path / "b", arrays)
    assert content(theirs) == before


def test_a_log_goes_on_where_it_ended(tmp_path):
    """As a plain file does."""
    for text in (b"a", b"b"):
        with append_to(tmp_path / "log") as stream:
            stream.write(text)
    assert (tmp_path / "log").read_bytes() == b"ab"
