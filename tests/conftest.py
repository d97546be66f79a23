"""How networks are trained in these processes: traced, and compiled only where a test says so."""

from __future__ import annotations

import gc
import sys

import pytest

MANY = 40
"""Graphs that may stay in TensorFlow's registry of gradients: some 8 MB each, for ever."""


def _rewriting(wanted):
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not wanted})


@pytest.fixture(scope="module", autouse=True)
def traced_only():
    """Graphs that are neither rewritten nor compiled, where a module trains at all.

    XLA and TensorFlow's graph optimizer are most of the time of a small training, change results
    in the last digits only, and nothing gives back what XLA maps into memory. Workers are
    processes of their own, and compile as in a study.
    """
    if not {"harness.coordinator", "harness.train"} & sys.modules.keys():
        yield
        return
    from harness import program

    with pytest.MonkeyPatch.context() as patch:
        _rewriting(wanted=False)
        patch.setattr(program, "uses_xla", lambda learner, y: False)
        yield program.operations.uses_xla
        _rewriting(wanted=True)


@pytest.fixture(autouse=True)
def compiled_as_in_a_study(request, monkeypatch, traced_only):
    """XLA, where a test is marked with it; graphs of earlier tests are let go."""
    marked = request.node.get_closest_marker("xla") and traced_only
    if marked:
        from harness import program

        monkeypatch.setattr(program, "uses_xla", traced_only)
        _rewriting(wanted=True)
    yield
    if marked:
        _rewriting(wanted=False)
    if traced_only:
        _forget_gradients()


def _forget_gradients():
    from tensorflow.python.framework.ops import gradient_registry

    kept = gradient_registry._registry
    names = [name for name in kept if name.startswith("CustomGradient")]
    if len(names) > MANY:
        for name in names:
            del kept[name]
        gc.collect()
