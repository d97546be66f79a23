"""A second study under the name of a finished one: its results are not hidden unasked."""

from __future__ import annotations

import numpy as np
import pytest

from harness import store
from harness.coordinator import run
from harness.errors import StudyError, TemplateError
from harness.spec import Study

NETS = """
import keras

def net(shape, outputs, *, width):
    if width == 0:
        raise ValueError("no width")
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Dense(width)(inputs)))
"""


def study(blobs, **changes):
    """Two trials of one epoch."""
    given = {
        "name": "mine",
        "template": "mlp",
        "dataset": str(blobs),
        "factors": {"activation": ["relu", "tanh"]},
        "fixed": {"epochs": 1, "units": [2], "batch_size": 64},
        "replicates": 1,
    }
    return Study(**(given | changes))


@pytest.fixture
def root(blobs, tmp_path):
    """A finished study, and a module of networks beside it."""
    (tmp_path / "nets.py").write_text(NETS)
    assert run(study(blobs), root=tmp_path, workers=0).trained == 2
    return tmp_path


def shown(root):
    """What ``status`` and ``report`` see: the definition, and trials by status."""
    folder = root / "mine"
    return store.definition(folder), store.counts(folder)


def other(blobs, width):
    """Another study of the same name, with a network of the user's."""
    fixed = {"epochs": 1, "batch_size": 64}
    return study(blobs, template="nets:net", factors={"width": [width]}, fixed=fixed)


def test_another_study_needs_another_name(root, blobs):
    """Another template and other data are refused; nothing has changed; the message says why."""
    before = shown(root)
    with pytest.raises(StudyError) as caught:
        run(other(blobs, 3), root=root, workers=0, folders=[root])
    said = str(caught.value)
    for part in ("[name]", "'mine'", "2 finished trials", "template", "mlp", "--replace", "--root"):
        assert part in said
    generator = np.random.default_rng(1)
    np.savez(root / "more.npz", x=generator.normal(size=(300, 4)), y=np.arange(300) % 2)
    with pytest.raises(StudyError, match="with other data"):
        run(study(root / "more.npz"), root=root, workers=0)
    assert shown(root) == before


def test_nothing_changes_before_all_networks_were_built(root, blobs):
    """Even with --replace: a mistake leaves the store showing what it showed."""
    before = shown(root)
    for _ in range(2):
        with pytest.raises(TemplateError, match="no width"):
            run(other(blobs, 0), root=root, workers=0, folders=[root], replace=True)
        assert shown(root) == before
    wider = study(blobs, factors={"activation": ["relu", "tanh", "elu"]})
    assert (ended := run(wider, root=root, workers=0)).reused == 2
    assert (ended.trained, ended.kept) == (1, 0)


def test_what_is_replaced_is_kept(root, blobs):
    """It is counted, and comes back without training."""
    ended = run(other(blobs, 3), root=root, workers=0, folders=[root], replace=True)
    assert (ended.trained, ended.kept) == (1, 2)
    assert shown(root)[1] == {("confirm", "completed"): 1}
    with pytest.raises(StudyError, match="1 finished trials"):
        run(study(blobs), root=root, workers=0)
    again = run(study(blobs), root=root, workers=0, replace=True)
    assert (again.trained, again.reused, again.kept) == (0, 2, 1)


def test_edited_code_is_no_other_study(root, blobs):
    """It is told, and what it replaces is counted; no option is needed to work on a template."""
    run(other(blobs, 3), root=root, workers=0, folders=[root], replace=True)
    (root / "nets.py").write_text(NETS + "\nREMARK = 1\n")
    ended = run(other(blobs, 3), root=root, workers=0, folders=[root])
    assert (ended.changed, ended.trained, ended.kept) == (("your code",), 1, 1)


def test_what_is_written_at_once_is_seen_at_once(blobs, tmp_path):
    """A reader beside it sees the old state until the end, and after an error for good."""

    def revise_and_fail(opened):
        with opened.at_once():
            opened.revise(study(blobs), "test/accuracy@best", {"digest": "a"})
            assert store.definition(tmp_path / "a"), "seen too early"

    with store.Store(tmp_path / "a") as opened:
        with pytest.raises(AssertionError, match="seen"):
            revise_and_fail(opened)
        assert opened.revision() == 0
        with opened.at_once():
            opened.revise(study(blobs), "test/accuracy@best", {"digest": "a"})
        assert store.definition(tmp_path / "a").data == "a"
