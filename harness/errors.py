"""The errors that a user can meet, each with the exit code it ends in."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from harness.words import near

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    DONE = 0
    SOME_TRIALS_FAILED = 1
    USAGE = 2
    INTERNAL = 3
    INVALID = 4
    NOTHING_TO_REPORT = 5
    DISK = 74
    BUSY = 75
    INTERRUPTED = 130
    TERMINATED = 143


class HarnessError(Exception):
    """An expected failure: its text is all that a user needs to see."""

    exit_code = ExitCode.INTERNAL


class UsageError(HarnessError):
    """A command was called in a way that it cannot answer."""

    exit_code = ExitCode.USAGE


class StudyError(HarnessError, ValueError):
    """A study says something that cannot be trained.

    Args:
        message: text with what was expected and what was received.
        key: dotted path of the offending key, such as ``factors.activation``.
        source: file that the study was read from; filled in by ``within``.
    """

    exit_code = ExitCode.INVALID

    def __init__(self, message: str, *, key: str = "", source: str = "") -> None:
        """Keep the parts apart, so that a file name can be added later."""
        super().__init__(message)
        self.message, self.key, self.source = message, key, source

    def __str__(self) -> str:
        """Text of the error: its place, then its message."""
        key = f"[{self.key}]" if self.key else ""
        where = " ".join(part for part in (self.source, key) if part)
        return f"{where}: {self.message}" if where else self.message

    def within(self, source: str) -> StudyError:
        """The same error, located in a file."""
        return type(self)(self.message, key=self.key, source=source)


class DataError(StudyError):
    """A data set cannot be found or read, or its content cannot be trained on."""


class TemplateError(HarnessError):
    """A template, or a user's function, returned something that cannot be trained."""

    exit_code = ExitCode.INVALID


class StoreError(HarnessError):
    """A store cannot be read or written."""

    exit_code = ExitCode.INVALID


class DiskError(HarnessError):
    """The disk refused a write."""

    exit_code = ExitCode.DISK


class BusyError(HarnessError):
    """Another process is running this study."""

    exit_code = ExitCode.BUSY


class NothingToReportError(HarnessError):
    """A store holds no finished trial yet."""

    exit_code = ExitCode.NOTHING_TO_REPORT


def nearest(word: object, names: Iterable[str], listed: str = "") -> str:
    """A sentence that names the valid name that is meant, or all of them when none is near.

    Args:
        word: name that was received.
        names: valid names.
        listed: the command that lists them, told instead of more than ``MANY`` names.

    Example:
        >>> nearest("gleu", ["relu", "gelu"])
        "Did you mean 'gelu'?"
        >>> nearest("zzz", ["relu", "gelu"])
        'Valid: gelu, relu.'
    """
    names = sorted(set(names))
    meant = near(word if isinstance(word, str) else str(word), names)
    if meant is not None:
        return f"Did you mean {meant!r}?"
    if listed and len(names) > MANY:
        return f"`{listed}` lists what there is."
    return f"Valid: {', '.join(names)}." if names else "There is no valid name."


MANY = 20
"""Number of names that one message lists."""
