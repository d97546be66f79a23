"""Targets, ``module:object``: where the catalogue and a study name code."""

from __future__ import annotations

import importlib
import re
from typing import Any

_FILE = re.compile(r"(?:\./)?((?:[^\W\d]\w*/)*[^\W\d]\w*)\.py:([^\W\d]\w*)")


def names_code(name: str) -> bool:
    """True for a name of the form ``module:function``, which is code of the user's own."""
    module, _, function = name.partition(":")
    return bool(function.isidentifier() and all(part.isidentifier() for part in module.split(".")))


def code_name(name: str) -> str:
    """The form ``module:function`` of ``folder/module.py:function``; any other name unchanged.

    Example:
        >>> code_name("nets/mine.py:build"), code_name("digits")
        ('nets.mine:build', 'digits')
    """
    match = _FILE.fullmatch(name)
    return f"{match[1].replace('/', '.')}:{match[2]}" if match else name


def resolve(target: str) -> Any:
    """The object behind a target; its module is imported.

    Raises:
        ImportError: if there is no such module.
        AttributeError: if it does not define such an object.

    Example:
        >>> resolve("math:pi")
        3.141592653589793
    """
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
