"""A user's functions are read, not executed."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from harness import players, usercode
from harness.errors import StudyError
from harness.targets import names_code

BUILD = "def build(shape, outputs, width, depth=2, *, act, rate=0.1): pass\n"


@pytest.fixture
def write(tmp_path):
    """Write a file below the folder of user code; parents are made."""

    def written(name, text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return file

    return written


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nets:build", True),
        ("pack.nets:build", True),
        ("nets", False),
        ("nets:", False),
        (":build", False),
        ("nets:a.b", False),
        ("nets:a:b", False),
        ("../nets:build", False),
        ("/nets:build", False),
        ("pack..nets:build", False),
        ("", False),
    ],
)
def test_references(name, expected):
    """A reference is dotted identifiers, a colon, an identifier: never a path."""
    assert names_code(name) is expected


def test_signature(write, tmp_path):
    """Keyword arguments behind the leading ones, and which of them need a value."""
    write("nets.py", BUILD)
    found = usercode.signature("nets:build", [tmp_path], 2)
    assert found.names == ("width", "depth", "act", "rate")
    assert found.required == {"width", "act"}
    assert not found.open


def test_open_signature(write, tmp_path):
    """``**kwargs`` takes any argument."""
    write("nets.py", "def build(shape, outputs, **rest): pass")
    found = usercode.signature("nets:build", [tmp_path], 2)
    assert (found.names, found.required, found.open) == ((), frozenset(), True)


def test_nothing_is_executed(write, tmp_path):
    """Reading and fingerprinting a module leave no trace of it."""
    mark = tmp_path / "executed"
    effect = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nraise SystemExit(3)\n"
    write("nets_unsafe.py", f"import helper_unsafe\n{effect}{BUILD}")
    write("helper_unsafe.py", effect)
    usercode.signature("nets_unsafe:build", [tmp_path], 2)
    usercode.fingerprint("nets_unsafe:build", [tmp_path])
    assert not mark.exists()
    assert not {"nets_unsafe", "helper_unsafe"} & set(sys.modules)
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def biuld(shape, outputs): pass", "Received: 'build'. Did you mean 'biuld'?"),
        ("build = 3", "expected a function or class at the top level of"),
        ("class A:\n    def build(self): pass", "expected a function or class at the top level of"),
        ("def build(shape, outputs: pass", "nets.py is not valid Python: "),
        (b"def build(shape,\0 outputs): pass", "nets.py is not valid Python: "),
        ("build = " + "(" * 500, "nets.py is not valid Python: "),
    ],
)
def test_bad_modules_are_refused(write, tmp_path, text, expected):
    """The error names file and function."""
    write("nets.py", text)
    with pytest.raises(StudyError) as caught:
        usercode.signature("nets:build", [tmp_path], 2)
    assert expected in str(caught.value)


def test_modules_that_do_not_exist(tmp_path):
    """The error says where was looked."""
    with pytest.raises(StudyError) as caught:
        usercode.signature("pack.nets:build", [tmp_path, tmp_path / "b"], 2)
    assert "Received: 'pack.nets', found in none of: " in str(caught.value)
    assert f"{tmp_path}, {tmp_path / 'b'}." in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + BUILD.encode(),
        b"# coding: latin-1\n# \xe9\n" + BUILD.encode(),
        "# é\n" + BUILD,
    ],
)
def test_encodings(write, tmp_path, text):
    """Whatever Python reads is read: marks, declared encodings, UTF-8."""
    write("nets.py", text)
    assert usercode.signature("nets:build", [tmp_path], 2).names[0] == "width"
    usercode.fingerprint("nets:build", [tmp_path])


def test_the_first_folder_wins(write, tmp_path):
    """Folders are looked through in order, by signature and fingerprint alike."""
    write("one/nets.py", BUILD)
    write("two/nets.py", "def build(shape, outputs): pass")
    one, two = tmp_path / "one", tmp_path / "two"
    assert usercode.signature("nets:build", [two, one], 2).names == ()
    assert usercode.fingerprint("nets:build", [one, two]) == usercode.fingerprint(
        "nets:build", [one]
    )


IMPORTS = {
    "import": ("nets.py", "import near", "near.py"),
    "from": ("nets.py", "from near import thing", "near.py"),
    "inside a function": ("nets.py", "def f():\n    import near", "near.py"),
    "package": ("nets.py", "import pack.near", "pack/near.py"),
    "package itself": ("nets.py", "import pack.near", "pack/__init__.py"),
    "module from package": ("nets.py", "from pack import near", "pack/near.py"),
    "folder without __init__": ("nets.py", "from space import near", "space/near.py"),
    "relative": ("pack/nets.py", "from . import near", "pack/near.py"),
    "relative name": ("pack/nets.py", "from .near import thing", "pack/near.py"),
    "relative up": ("pack/deep/nets.py", "from ..near import thing", "pack/near.py"),
    "own package": ("pack/nets.py", "x = 1", "pack/__init__.py"),
    "relative in __init__": ("pack/__init__.py", "from . import near", "pack/near.py"),
    "at one remove": ("nets.py", "import between", "near.py"),
    "of a submodule of a submodule": ("nets.py", "import pack.deep.last", "pack/deep/last.py"),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_fingerprint_follows_imports(write, tmp_path, name):
    """A change in any local module that is imported, directly or not, changes it."""
    main, text, changed = IMPORTS[name]
    for folder in ("pack", "pack/deep"):
        write(f"{folder}/__init__.py", "")
    write("pack/near.py", "thing = 1")
    write("pack/deep/last.py", "")
    write("space/near.py", "thing = 1")
    write("between.py", "import near")
    write(changed, "thing = 1\n")
    write(main, f"{text}\n{BUILD}")
    module = main.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    before = usercode.fingerprint(f"{module}:build", [tmp_path])
    assert usercode.fingerprint(f"{module}:build", [tmp_path]) == before
    write(changed, (tmp_path / changed).read_text() + "# a remark\n")
    assert usercode.fingerprint(f"{module}:build", [tmp_path]) == before, "no code changed"
    write(changed, (tmp_path / changed).read_text() + "another = 2\n")
    assert usercode.fingerprint(f"{module}:build", [tmp_path]) != before


def test_a_module_hidden_by_an_installed_one_is_refused(write, tmp_path):
    """What would be imported is not what was fingerprinted."""
    write("this.py", BUILD)
    assert usercode.fingerprint("this:build", [tmp_path])
    with pytest.raises(StudyError, match=r"name of an installed module. Rename yours"):
        usercode.load("this:build", [tmp_path])


def test_two_studies_with_modules_of_one_name(tmp_path):
    """In one process, each study gets the function of its own folder, and its own neighbors."""
    found = []
    for number in (1, 2, 1):
        folder = tmp_path / str(number)
        folder.mkdir(exist_ok=True)
        (folder / "onename.py").write_text(
            "import neighbor\ndef build(shape, outputs):\n    return neighbor.number\n"
        )
        (folder / "neighbor.py").write_text(f"number = {number}\n")
        found.append(usercode.load("onename:build", [folder])((1,), 1))
    assert found == [1, 2, 1]


def test_fingerprint_ignores_the_rest(write, tmp_path):
    """Files that are not imported, and installed packages, do not enter."""
    write("nets.py", f"import os, numpy\nfrom pack import near\n{BUILD}")
    write("pack/near.py", "")
    before = usercode.fingerprint("nets:build", [tmp_path])
    write("other.py", "import nets")
    write("pack/far.py", "x = 1")
    write("notes.txt", "near")
    assert usercode.fingerprint("nets:build", [tmp_path]) == before


def test_fingerprint_follows_files_that_are_named(write, tmp_path):
    """Weights that a module loads are part of it: beside it, or beside the study."""
    write(
        "deep/nets.py", f"from pathlib import Path\nX = f'{{Path(__file__).parent}}/w.h5'\n{BUILD}"
    )
    write("main.py", f"import deep.nets\nTABLE = 'more/table.npy'\nTEXT = 'a\\nb'\n{BUILD}")
    found = {usercode.fingerprint("main:build", [tmp_path])}
    for name, content in (("deep/w.h5", b"1"), ("deep/w.h5", b"2"), ("more/table.npy", b"3")):
        write(name, content)
        found.add(usercode.fingerprint("main:build", [tmp_path]))
    assert len(found) == 4
    write("more/another.npy", b"4")
    assert usercode.fingerprint("main:build", [tmp_path]) in found


def test_fingerprint_does_not_depend_on_the_folder(write, tmp_path):
    """A copy elsewhere is the same code."""
    for place in ("a", "b"):
        write(f"{place}/nets.py", f"import near\n{BUILD}")
        write(f"{place}/near.py", "x = 1")
    one, two = (usercode.fingerprint("nets:build", [tmp_path / place]) for place in "ab")
    assert one == two


def test_this_package_is_no_code_of_a_user(write, tmp_path):
    """Where a study runs beside it: a class of it, loaded anew, would be another class."""
    write("nets.py", "from harness.players import Stage\n\n\ndef build(shape, outputs): ...")
    beside = [tmp_path, Path(usercode.__file__).parents[1]]
    alone = usercode.fingerprint("nets:build", [tmp_path])
    assert usercode.fingerprint("nets:build", beside) == alone
    usercode.forget("nets:build", beside)
    assert sys.modules.get("harness.players") is players


def test_imports_in_a_circle(write, tmp_path):
    """Modules that import each other are read once each."""
    write("nets.py", f"import near\n{BUILD}")
    write("near.py", "import nets")
    assert len(usercode.fingerprint("nets:build", [tmp_path])) == 64


@pytest.mark.parametrize("line", ["from . import near", "from ... import near", "from .. import x"])
def test_relative_imports_that_lead_nowhere(write, tmp_path, line):
    """A guarded import that only works inside of a package is passed over."""
    write("nets.py", f"try:\n    {line}\nexcept ImportError:\n    import near\n{BUILD}")
    write("near.py", "")
    before = usercode.fingerprint("nets:build", [tmp_path])
    write("near.py", "x = 1")
    assert usercode.fingerprint("nets:build", [tmp_path]) != before


def test_syntax_errors_behind_an_import(write, tmp_path):
    """The error names the file that is broken, not the one that was asked for."""
    write("nets.py", f"import near\n{BUILD}")
    write("near.py", "x = (")
    with pytest.raises(StudyError, match=r"near\.py is not valid Python"):
        usercode.fingerprint("nets:build", [tmp_path])


def test_load_imports_behind_everything_installed(write, tmp_path, monkeypatch):
    """Only ``load`` runs user code, from a folder at the end of the path, put there once."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    write("nets_loaded.py", "def build(shape, outputs): return shape, outputs")
    for _ in range(2):
        assert usercode.load("nets_loaded:build", [tmp_path])(1, 2) == (1, 2)
    assert sys.path[-1] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1
    del sys.modules["nets_loaded"]


WRITTEN = {
    "inside if": "if True:\n    def build(shape, outputs, width=3): pass",
    "inside else": "if False:\n    x = 1\nelse:\n    def build(shape, outputs, width=3): pass",
    "inside try": "try:\n    import no\nexcept ImportError:\n    def build(a, b, width=3): pass",
    "inside with": "with open('x'):\n    def build(shape, outputs, width=3): pass",
    "imported": "from helpers import build",
    "imported under another name": "from helpers import other as build",
    "imported at one remove": "from between import build",
    "imported with a star": "from helpers import *",
    "imported from beside": "try:\n    from . import x\nfinally:\n    from helpers import build",
    "another name": "def other(shape, outputs, width=3): pass\nbuild = other",
    "lambda": "build = lambda shape, outputs, width=3: None",
    "serializable": "@saving.register_keras_serializable()\ndef build(a, b, width=3): pass",
    "class": "class build:\n    def __init__(self, shape, outputs, width=3): pass",
}


@pytest.mark.parametrize("how", WRITTEN)
def test_definitions_as_people_write_them(write, tmp_path, how):
    """Wherever it is defined, its arguments are those that can be named."""
    write("helpers.py", "def build(shape, outputs, width=3): pass\nother = build\n")
    write("between.py", "from helpers import build")
    write("nets.py", WRITTEN[how])
    found = usercode.signature("nets:build", [tmp_path], 2, of_class=2)
    assert (found.names, found.required, found.open) == (("width",), frozenset(), False)


@pytest.mark.parametrize(
    "text",
    [
        "import functools\ndef f(a, b, c): pass\nbuild = functools.partial(f, c=1)",
        "def f(g): return g\n@f\ndef build(shape, outputs): pass",
        "import helpers\nbuild = helpers.build",
        "import keras\nclass build(keras.Model): pass",
    ],
)
def test_what_only_running_would_tell_takes_anything(write, tmp_path, text):
    """Results of calls, other decorators, and classes that inherit how they are made."""
    write("nets.py", text)
    assert usercode.signature("nets:build", [tmp_path], 2, of_class=2).open


def test_branches_are_joined(write, tmp_path):
    """Of two definitions either may be the one; only what both need is needed."""
    write(
        "nets.py",
        "try:\n    import nothing\n    def build(s, o, a, b): pass\n"
        "except ImportError:\n    def build(s, o, a, c=1): pass\n",
    )
    found = usercode.signature("nets:build", [tmp_path], 2)
    assert (found.names, found.required) == (("a", "b", "c"), {"a"})


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("nets:MobileNet", "from keras.applications import MobileNet"),
        ("keras.applications:MobileNet", ""),
    ],
)
def test_objects_of_installed_packages_need_an_adapter(write, tmp_path, reference, text):
    """The message holds it whole."""
    write("nets.py", text)
    with pytest.raises(StudyError) as caught:
        usercode.signature(reference, [tmp_path], 2)
    said = str(caught.value)
    assert "Received: 'keras.applications:MobileNet', of an installed package" in said
    adapter = textwrap.dedent(said.partition("\n\n")[2])
    assert len(adapter.splitlines()) <= 6
    write("mine.py", adapter)
    assert usercode.signature("mine:MobileNet", [tmp_path], 2).open


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("class build:\n    def __init__(self, classes): pass", "(classes)"),
        ("def build(): pass", "()"),
    ],
)
def test_what_does_not_take_shape_and_outputs_is_refused(write, tmp_path, text, received):
    """With a function that would."""
    write("nets.py", text)
    with pytest.raises(StudyError) as caught:
        usercode.signature("nets:build", [tmp_path], 2, of_class=2)
    assert f"Received: {received}. Write a function" in str(caught.value)
    assert "def build(shape, outputs, **arguments):" in str(caught.value)


def test_a_branch_that_is_not_taken(write, tmp_path):
    """What a module does not define when it is imported is told."""
    write("nets_untaken.py", "if False:\n    def build(shape, outputs): pass\n")
    with pytest.raises(StudyError, match="the branch that defines it was not taken"):
        usercode.load("nets_untaken:build", [tmp_path])
    del sys.modules["nets_untaken"]
