"""Errors: exit codes, and where and how they point."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import errors
from harness.errors import ExitCode, HarnessError, StudyError, nearest


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HarnessError, 3),
        (errors.UsageError, 2),
        (errors.StudyError, 4),
        (errors.DataError, 4),
        (errors.TemplateError, 4),
        (errors.StoreError, 4),
        (errors.NothingToReportError, 5),
        (errors.DiskError, 74),
        (errors.BusyError, 75),
    ],
)
def test_exit_code_of_every_error(error, code):
    """Scripts can tell failures apart by documented numbers, which never change."""
    assert issubclass(error, HarnessError)
    assert error("x").exit_code == code


def test_every_error_is_in_the_table_above():
    """A new error type has to be given its exit code here."""
    found = [thing for thing in vars(errors).values() if isinstance(thing, type)]
    assert sum(issubclass(thing, HarnessError) for thing in found) == 9


def test_interrupts_follow_the_shell():
    """The exit codes of signals are 128 plus their numbers."""
    assert (ExitCode.DONE, ExitCode.SOME_TRIALS_FAILED) == (0, 1)
    assert (ExitCode.INTERRUPTED, ExitCode.TERMINATED) == (128 + 2, 128 + 15)


@pytest.mark.parametrize(
    ("key", "source", "text"),
    [
        ("", "", "wrong"),
        ("fixed.a", "", "[fixed.a]: wrong"),
        ("", "a.toml", "a.toml: wrong"),
        ("fixed.a", "a.toml", "a.toml [fixed.a]: wrong"),
    ],
)
def test_study_error_says_where(key, source, text):
    """File and key stand in front of the message, as far as they are known."""
    assert str(StudyError("wrong", key=key, source=source)) == text


def test_study_error_is_located_later():
    """A file name can be added without losing the key."""
    assert str(StudyError("wrong", key="a").within("b.toml")) == "b.toml [a]: wrong"


def test_study_error_is_a_value_error():
    """Validators of pydantic may raise it."""
    assert issubclass(StudyError, ValueError)


@given(st.sets(st.text(min_size=1), min_size=1), st.data())
def test_nearest_to_a_valid_name_is_itself(names, data):
    """A name that exists is always its own suggestion."""
    name = data.draw(st.sampled_from(sorted(names)))
    assert nearest(name, names) == f"Did you mean {name!r}?"


@pytest.mark.parametrize("word", [None, 3, ["relu"], {"name": "relu"}])
def test_nearest_takes_anything(word):
    """What a study wrote in place of a name may be of any kind."""
    assert "relu" in nearest(word, ["relu"])


def test_nearest_of_nothing():
    """Without any valid name the sentence still reads."""
    assert nearest("a", []) == "There is no valid name."
