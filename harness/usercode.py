"""A user's functions, named as ``module:function``: found and read without being executed.

Only ``load`` runs user code. Planning needs a function's keyword arguments and a
fingerprint of its source; both come from the text of the file.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import StudyError, nearest
from harness.identity import digest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a user's function accepts.

    Args:
        names: its keyword arguments.
        required: those without a default.
        open: whether it also takes ``**kwargs``.
    """

    names: tuple[str, ...]
    required: frozenset[str]
    open: bool


def signature(reference: str, folders: Sequence[Path], leading: int) -> Signature:
    """Read the keyword arguments of a user's function or class from its source.

    Args:
        reference: ``module:function`` or ``module:class``.
        folders: where modules are looked for, in order.
        leading: how many leading positional arguments the harness itself passes to a function.

    Raises:
        StudyError: if the module, or such an object in it, does not exist.
    """
    file = _source(reference, folders)
    name = reference.partition(":")[2]
    defined = {
        node.name: node
        for node in _parse(file).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    if name not in defined:
        raise StudyError(
            f"expected a function or class at the top level of {file}. Received: {name!r}. "
            + nearest(name, defined)
        )
    node = defined[name]
    if isinstance(node, ast.FunctionDef):
        return _taken(node.args, leading)
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return _taken(part.args, 1)
    return Signature(names=(), required=frozenset(), open=True)  # whatever its parents take


def _taken(arguments: ast.arguments, leading: int) -> Signature:
    positional = [argument.arg for argument in arguments.posonlyargs + arguments.args]
    without_default = positional[: len(positional) - len(arguments.defaults)][leading:]
    only = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    required = [argument.arg for argument, default in only if default is None]
    return Signature(
        names=(*positional[leading:], *(argument.arg for argument in arguments.kwonlyargs)),
        required=frozenset((*without_default, *required)),
        open=arguments.kwarg is not None,
    )


def fingerprint(reference: str, folders: Sequence[Path]) -> str:
    """SHA-256 over a user's module and all local modules that it imports.

    What counts is the syntax tree: a comment or a line break changes nothing. Files whose names
    stand in it, such as weights that it loads, count by their content.
    """
    sha = hashlib.sha256()
    named: dict[str, Path] = {}
    for name, file in sorted(_closure(reference, folders).items()):
        tree = _parse(file)
        sha.update(name.encode() + b"\0" + ast.dump(tree).encode() + b"\0")
        named |= _named(tree, [file.parent, *folders])
    for text, file in sorted(named.items()):
        sha.update(text.encode() + b"\0" + digest_file(file).encode() + b"\0")
    return sha.hexdigest()


def _named(tree: ast.Module, folders: Sequence[Path]) -> dict[str, Path]:
    """Files by the strings of a module that name them, as a whole or by their last part."""
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    found = {}
    for text in texts:
        if "." not in text or text.endswith(".py") or not text.isprintable() or len(text) > 255:
            continue  # no name of a file, or source, which counts as a syntax tree
        for file in (folder / part for folder in folders for part in (text, text.lstrip("/"))):
            if file.is_file():
                found[text] = file
                break
    return found


@contextmanager
def contained() -> Iterator[None]:
    """Working directory and environment variables are afterwards what they were before."""
    place, variables = Path.cwd(), dict(os.environ)
    try:
        yield
    finally:
        os.chdir(place)
        if dict(os.environ) != variables:
            os.environ.clear()
            os.environ.update(variables)


def forget(reference: str, folders: Sequence[Path]) -> None:
    """Let a module and the local modules that it imports be run anew when they are next loaded.

    What they keep between two calls, such as a generator of random numbers, would make what they
    build depend on what was built before.
    """
    for name, file in _closure(reference, folders).items():
        if name in sys.modules and _is_from(sys.modules[name], file):
            del sys.modules[name]


def load(reference: str, folders: Sequence[Path]) -> Callable[..., Any]:
    """Import a user's function. This runs user code.

    Raises:
        StudyError: if a module of it has the name of an installed one, which would be imported
            in its place.
    """
    local = _closure(reference, folders)
    for name, file in local.items():
        _refuse_installed(name, file, folders)
    for folder in _searched:
        with suppress(ValueError):  # the caller may have tidied up already
            sys.path.remove(folder)
    _searched[:] = [str(folder) for folder in folders if str(folder) not in sys.path]
    sys.path.extend(_searched)  # behind everything installed: it can shadow nothing
    for name, file in local.items():
        if name in sys.modules and not _is_from(sys.modules[name], file):
            del sys.modules[name]  # of another study in this process
    importlib.invalidate_caches()
    module, _, function = reference.partition(":")
    loaded: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return loaded


_searched: list[str] = []
"""Folders of users that ``load`` has put behind the search path."""


def _refuse_installed(name: str, file: Path, folders: Sequence[Path]) -> None:
    top = name.partition(".")[0]
    own = {folder.resolve() for folder in folders} | {Path(folder) for folder in _searched}
    installed = [entry for entry in sys.path if Path(entry).resolve() not in own]
    if top in sys.stdlib_module_names or PathFinder.find_spec(top, installed) is not None:
        raise StudyError(
            f"expected a module name of your own for {file}. Received: {top!r}, which is also the "
            "name of an installed module. Rename yours."
        )


def _is_from(module: object, file: Path) -> bool:
    return Path(getattr(module, "__file__", None) or "").resolve() == file.resolve()


def _source(reference: str, folders: Sequence[Path]) -> Path:
    module = reference.partition(":")[0]
    file = _find(module, folders)
    if file is None:
        looked = ", ".join(str(folder) for folder in folders)
        raise StudyError(
            f"expected a Python module for {reference!r}. Received: {module!r}, found in none "
            f"of: {looked}."
        )
    return file


def _find(module: str, folders: Sequence[Path]) -> Path | None:
    if not module:  # "from . import x" outside of a package
        return None
    relative = Path(*module.split("."))
    for folder in folders:
        for file in (folder / relative.with_suffix(".py"), folder / relative / "__init__.py"):
            if file.is_file():
                return file
    return None


def _parse(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), filename=str(file))  # it finds the encoding itself
    except (SyntaxError, ValueError) as error:
        raise StudyError(f"{file} is not valid Python: {error}") from error


def _closure(reference: str, folders: Sequence[Path]) -> dict[str, Path]:
    """The user's module and the local modules it imports, directly or not."""
    start = reference.partition(":")[0]
    found = {start: _source(reference, folders)}
    waiting = [start]
    while waiting:
        current = waiting.pop()
        package = current if found[current].name == "__init__.py" else current.rpartition(".")[0]
        for name in (*_parents(current), *_imports(_parse(found[current]), package)):
            file = _find(name, folders)
            if file is not None and name not in found:
                found[name] = file
                waiting.append(name)
    return found


def _parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts)))


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package and node.level else []
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)
