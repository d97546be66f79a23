"""What the README and the reference say is so."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import tables

from harness import datasets, design, studyfile
from harness.cli import app
from harness.errors import ExitCode
from harness.spec import Study

ROOT = Path(__file__).parent.parent
DESCRIBED = (
    ast.Module,
    ast.ClassDef,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Assign,
    ast.AnnAssign,
)
OPENERS = {"What", "Whether", "How", "Which", "That", "Why", "Where", "When"}

README, REFERENCE, MODEL = (
    (ROOT / page).read_text(encoding="utf-8")
    for page in ("README.md", "docs/reference.md", "docs/your-own-model.md")
)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language, text=README + REFERENCE):
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_study_file_is_a_valid_study():
    """The example can be copied and run."""
    study = studyfile.parse(blocks("toml")[0])
    laid = design.plan(study, datasets.describe(study.dataset, []), [])
    assert len(laid.arms) == 3


def test_the_users_network_is_a_template(tmp_path):
    """Function and study fragment fit together."""
    (tmp_path / "mynets.py").write_text(blocks("python", MODEL)[0])
    content = tomllib.loads(blocks("toml", MODEL)[0])
    study = Study(name="wide", dataset="digits", **content)
    laid = design.plan(study, datasets.describe("digits", []), [tmp_path])
    assert len(laid.arms) == 2


@pytest.mark.parametrize("block", [*blocks("python"), *blocks("python", MODEL)])
def test_python_is_python(block):
    """Every Python block parses."""
    ast.parse(block)


def test_commands_exist():
    """Every command that the two name is one, and every command is named."""
    named = set(re.findall(r"keras-harness ([a-z]+)", "\n".join(blocks("sh"))))
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    assert named == known


def test_make_targets_exist():
    """Every make target that the README names is in the Makefile; it begins with two of them."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^make ([a-z-]+)", "\n".join(blocks("sh")), flags=re.MULTILINE)
    assert named[:2] == ["demo", "test"]
    for target in named:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_exit_codes_are_told():
    """The reference lists every exit code."""
    sentence = re.search(r"Exit codes: (.*?)\.\n", REFERENCE, flags=re.DOTALL)
    told = set(map(int, re.findall(r"\b\d+\b", sentence.group(1))))
    assert told == set(map(int, ExitCode))


def test_every_key_of_a_study_file_is_explained():
    """The table of keys leaves nothing out."""
    table = REFERENCE[REFERENCE.index("| key |") : REFERENCE.index("## What can be swept")]
    told = set(re.findall(r"`([a-z.]+)`", table.replace("tune.", "")))
    names = {field.alias or name for name, field in Study.model_fields.items()}
    assert names - {"schema", "name", "question", "tune"} <= told
    assert (ROOT / "docs" / "report.png").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """To a file that is there, and to a heading of it."""
    for link in re.findall(
        r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    ):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def headings(page):
    """Of a page, as links name them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_the_readme_is_for_reading():
    """Tables for looking things up stand in docs/, and the README leads there."""
    assert len(README.splitlines()) <= 180
    assert {"docs/reference.md", "docs/catalog.md"} <= set(re.findall(r"\]\(([^)#\s]+)", README))
    for told in ("undecided", "9 to 11 % made a false claim", "not of other\n  data"):
        assert told in README


@pytest.mark.parametrize("page", tables.PAGES)
def test_tables_are_what_journeys_prove(page):
    """Every row of the pages about one's own model and data is a test; `make docs` writes them."""
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == tables.written(page)


def docstrings(tree):
    """Every docstring, and every string under a constant, with its line."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        before = node
        for statement in body if isinstance(body, list) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))) if isinstance(before, DESCRIBED):
                    yield statement.lineno, text
            before = statement


def modules():
    """Paths of all modules of the harness and the reports."""
    for folder in ("harness", "reports"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT)


def asking(module):
    """Docstrings of a module that open with a question word instead of a noun or a verb."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    return [
        f"{module}:{line} {text.strip().splitlines()[0]}"
        for line, text in docstrings(tree)
        if re.match(r"\w*", text.strip()).group() in OPENERS
    ]


def test_docstrings_open_with_a_noun_or_a_verb():
    """A newcomer reads them once."""
    assert [text for one in modules() for text in asking(one)] == []
