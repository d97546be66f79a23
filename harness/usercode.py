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
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Arguments that a user's function accepts.

    Args:
        names: its keyword arguments.
        required: those without a default.
        open: whether it also takes ``**kwargs``.
    """

    names: tuple[str, ...]
    required: frozenset[str]
    open: bool


def signature(
    target: str, folders: Sequence[Path], leading: int, *, of_class: int = 0
) -> Signature:
    """Read the keyword arguments of a user's function or class from its source.

    Args:
        target: ``module:function`` or ``module:class``.
        folders: folders to search for modules, in order.
        leading: how many leading positional arguments the harness itself passes to a function.
        of_class: how many it passes to a class.

    Raises:
        StudyError: if the module, or such an object in it, does not exist, or does not take the
            leading arguments.
    """
    module, _, name = target.partition(":")
    file = _source(target, folders, leading)
    found = [
        _read(node, leading, of_class, target) if isinstance(node, _Definition) else _OPEN
        for node in _definitions(module, name, folders, leading)
    ]
    if not found:
        bound = _bindings(_parse(file).body)
        known = {name for name, node in bound if isinstance(node, _Definition)}
        raise StudyError(
            f"expected a function or class at the top level of {file}. Received: {name!r}. "
            + nearest(name, known)
        )
    return Signature(  # of several, in the branches of an if, any may be the one that is defined
        names=tuple(dict.fromkeys(name for one in found for name in one.names)),
        required=frozenset.intersection(*(one.required for one in found)),
        open=any(one.open for one in found),
    )


_Definition = ast.FunctionDef | ast.ClassDef | ast.Lambda
_TEMPLATE = 2
"""Leading arguments of a template, which tell it from other code of a user's."""

_SHAPES = "the shape of a case and the number of outputs"
_OPEN = Signature(names=(), required=frozenset(), open=True)
_TRANSPARENT = frozenset({"register_keras_serializable", "cache", "lru_cache", "wraps"})
"""Decorators that leave the arguments of a function as they are."""


def _definitions(
    module: str, name: str, folders: Sequence[Path], leading: int, seen: tuple[str, ...] = ()
) -> Iterator[ast.AST]:
    """Definitions, and calls that make an object, which a name of a module may stand for.

    Raises:
        StudyError: if it comes from an installed package.
    """
    file, here = _find(module, folders), f"{module}:{name}"
    if file is None or here in seen:
        return
    for bound, node in _bindings(_parse(file).body):
        if isinstance(node, ast.ImportFrom):
            base = _base(node, _package(module, file))
            for original in _imported(node, name):
                if _find(base, folders) is None and "*" not in {one.name for one in node.names}:
                    raise StudyError(_adapter(f"{base}:{original}", name, leading))
                yield from _definitions(base, original, folders, leading, (*seen, here))
        elif bound == name and isinstance(node, ast.Name):
            yield from _definitions(module, node.id, folders, leading, (*seen, here))
        elif bound == name and isinstance(node, _Definition | ast.Call | ast.Attribute):
            yield node


def _imported(node: ast.ImportFrom, name: str) -> Iterator[str]:
    """Names that an imported name has in the module it comes from."""
    for alias in node.names:
        if alias.name == "*":
            yield name
        elif (alias.asname or alias.name) == name:
            yield alias.name


def _bindings(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Names that a module binds, anywhere outside of functions and classes."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                yield node.name, node
            case ast.ImportFrom():
                yield "", node
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case _:
                for part in ("body", "orelse", "finalbody"):
                    yield from _bindings(getattr(node, part, []))
                for handler in getattr(node, "handlers", []):
                    yield from _bindings(handler.body)


def _read(
    node: ast.FunctionDef | ast.ClassDef | ast.Lambda, leading: int, of_class: int, target: str
) -> Signature:
    if isinstance(node, ast.ClassDef):
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                return _taken(part.args, 1, of_class, target)
        return _OPEN  # whatever its parents take
    if isinstance(node, ast.FunctionDef) and not all(map(_is_transparent, node.decorator_list)):
        return _OPEN
    return _taken(node.args, 0, leading, target)


def _is_transparent(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(named).rpartition(".")[2] in _TRANSPARENT


def _adapter(target: str, name: str, leading: int) -> str:
    """Error message with the code to write for using an object of an installed package."""
    module, _, original = target.partition(":")
    takes, gives = "*given", "*given"
    if leading == _TEMPLATE:
        takes, gives = "shape, outputs", "input_shape=shape, classes=outputs"
    return (
        f"expected code of your own. Received: {target!r}, of an installed package. Write a module "
        f"beside the study, such as mine.py, and name 'mine:{name}'; give it what it takes:\n\n"
        f"    from {module} import {original} as theirs\n\n\n"
        f"    def {name}({takes}, **arguments):\n"
        f"        return theirs({gives}, **arguments)\n"
    )


def _taken(arguments: ast.arguments, own: int, leading: int, target: str) -> Signature:
    """Signature of the arguments that remain for a study to name.

    Args:
        arguments: of a function.
        own: how many of them Python itself passes, such as ``self``.
        leading: how many the harness passes behind them.
        target: name of the function, for the error message.

    Raises:
        StudyError: if it does not take so many.
    """
    positional = [argument.arg for argument in arguments.posonlyargs + arguments.args]
    first = own + leading
    if len(positional) < first and arguments.vararg is None:
        name = target.partition(":")[2]
        what, example = "the array that it is applied to", "apply(x, **arguments)"
        if leading == _TEMPLATE:
            what, example = _SHAPES, "build(shape, outputs, **arguments)"
        raise StudyError(
            f"expected {target!r} to take {what} first. Received: "
            f"({', '.join(positional[own:])}). Write a function that calls it as it needs:\n\n"
            f"    def {example}:\n"
            f"        return {name}(**arguments)\n"
        )
    without_default = positional[: len(positional) - len(arguments.defaults)][first:]
    only = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    required = [argument.arg for argument, default in only if default is None]
    return Signature(
        names=(*positional[first:], *(argument.arg for argument in arguments.kwonlyargs)),
        required=frozenset((*without_default, *required)),
        open=arguments.kwarg is not None,
    )


def fingerprint(target: str, folders: Sequence[Path]) -> str:
    """SHA-256 over a user's module and all local modules that it imports.

    What counts is the syntax tree: a comment or a line break changes nothing. Files whose names
    stand in it, such as weights that it loads, count by their content.
    """
    sha = hashlib.sha256()
    named: dict[str, Path] = {}
    for name, file in sorted(_closure(target, folders).items()):
        tree = _parse(file)
        sha.update(name.encode() + b"\0" + ast.dump(tree).encode() + b"\0")
        named |= _named(tree, [file.parent, *folders])
    for text, file in sorted(named.items()):
        sha.update(text.encode() + b"\0" + digest_file(file).encode() + b"\0")
    return sha.hexdigest()


def _named(tree: ast.Module, folders: Sequence[Path]) -> dict[str, Path]:
    """Files named by strings in a module, by their whole path or by its last part."""
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    found = {}
    for text in texts:
        if "." not in text or text.endswith(".py") or not text.isprintable() or len(text) > 255:
            continue  # not a file's name, or source, which counts elsewhere
        for file in (folder / part for folder in folders for part in (text, text.lstrip("/"))):
            if file.is_file():
                found[text] = file
                break
    return found


@contextmanager
def contained() -> Iterator[None]:
    """Restore the working directory and the environment variables afterwards."""
    place, variables = Path.cwd(), dict(os.environ)
    try:
        yield
    finally:
        os.chdir(place)
        if dict(os.environ) != variables:
            os.environ.clear()
            os.environ.update(variables)


def forget(target: str, folders: Sequence[Path]) -> None:
    """Let a module and its local imports run anew when they are next loaded.

    What they keep between two calls, such as a generator of random numbers, would make what they
    build depend on what was built before.
    """
    for name, file in _closure(target, folders).items():
        if name in sys.modules and _is_from(sys.modules[name], file):
            del sys.modules[name]


def load(target: str, folders: Sequence[Path]) -> Callable[..., Any]:
    """Import a user's function. This runs user code.

    Raises:
        StudyError: if a module of it has the name of an installed one, which would be imported
            in its place.
    """
    local = _closure(target, folders)
    for name, file in local.items():
        _refuse_installed(name, file, folders)
    for folder in _searched:
        with suppress(ValueError):  # the caller may have removed it
            sys.path.remove(folder)
    _searched[:] = [str(folder) for folder in folders if str(folder) not in sys.path]
    sys.path.extend(_searched)  # at the end, to shadow nothing that is installed
    for name, file in local.items():
        if name in sys.modules and not _is_from(sys.modules[name], file):
            del sys.modules[name]  # loaded for another study in this process
    for name in _parents(target.partition(":")[0]):
        if name not in local and not hasattr(sys.modules.get(name), "__path__"):
            sys.modules.pop(name, None)  # a module for another study, a folder for this one
    importlib.invalidate_caches()
    module, _, function = target.partition(":")
    if not hasattr(importlib.import_module(module), function):
        raise StudyError(
            f"expected {module!r} to define {function!r} when it is imported. Received: a module "
            "without it, perhaps because the branch that defines it was not taken."
        )
    return resolve(target)  # type: ignore[no-any-return]


_searched: list[str] = []
"""Folders of users that ``load`` has added to the search path."""


def _refuse_installed(name: str, file: Path, folders: Sequence[Path]) -> None:
    top = name.partition(".")[0]
    if _installed(top, folders):
        raise StudyError(
            f"expected a module name of your own for {file}. Received: {top!r}, which is also the "
            "name of an installed module. Rename yours."
        )


def _installed(top: str, folders: Sequence[Path]) -> bool:
    """True if a module of this name is found outside the users' folders."""
    own = {folder.resolve() for folder in folders} | {Path(folder) for folder in _searched}
    places = [entry for entry in sys.path if Path(entry).resolve() not in own]
    return top in sys.stdlib_module_names or PathFinder.find_spec(top, places) is not None


def _is_from(module: object, file: Path) -> bool:
    return Path(getattr(module, "__file__", None) or "").resolve() == file.resolve()


def _source(target: str, folders: Sequence[Path], leading: int = 0) -> Path:
    module = target.partition(":")[0]
    file = _find(module, folders)
    if file is None:
        if _installed(module.partition(".")[0], folders):
            raise StudyError(_adapter(target, target.partition(":")[2], leading))
        looked = ", ".join(str(folder) for folder in folders)
        raise StudyError(
            f"expected a Python module for {target!r}. Received: {module!r}, found in none "
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


def _closure(target: str, folders: Sequence[Path]) -> dict[str, Path]:
    """The user's module and the local modules it imports, directly or not."""
    start = target.partition(":")[0]
    found = {start: _source(target, folders)}
    waiting = [start]
    while waiting:
        current = waiting.pop()
        package = _package(current, found[current])
        for name in (*_parents(current), *_imports(_parse(found[current]), package)):
            file = _find(name, folders)
            if file is not None and name not in found and not _is_ours(file):
                found[name] = file
                waiting.append(name)
    return found


def _is_ours(file: Path) -> bool:
    """True for this package, which lies among the user's folders where a study runs beside it."""
    return file.resolve().is_relative_to(Path(__file__).resolve().parent)


def _parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts)))


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            yield base
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _package(module: str, file: Path) -> str:
    """The package that relative imports of a module start from."""
    return module if file.name == "__init__.py" else module.rpartition(".")[0]


def _base(node: ast.ImportFrom, package: str) -> str:
    """The module that names are imported from."""
    parts = package.split(".") if package and node.level else []
    above = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])
