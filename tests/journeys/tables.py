"""The tables of docs/ that journeys prove: ``python tests/journeys/tables.py`` writes them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs"
PAGES = {
    "your-own-model.md": (("models*", "words"), ("what", "how it ends")),
    "your-own-data.md": (("data*",), ("what", "what becomes of it")),
}
BEGIN, END = "<!-- proved by tests/journeys -->\n", "<!-- end -->\n"


def table(page):
    """A table of Markdown with all rows that the journeys of a page prove."""
    from foreign import rows

    patterns, titles = PAGES[page]
    files = [file for one in patterns for file in sorted(HERE.glob(f"test_foreign_{one}.py"))]
    found = [one for file in files for one in rows(_load(file))]
    lines = [titles, ("---", "---"), *found]
    return "".join(f"| {what} | {ends} |\n" for what, ends in lines)


def _load(file):
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(page):
    """A page with its table written anew."""
    before, _, rest = (DOCS / page).read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}{table(page)}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]
    for page in PAGES:
        (DOCS / page).write_text(written(page), encoding="utf-8")
