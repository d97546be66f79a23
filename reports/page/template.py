"""The template that every page is laid out with, and its one script."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.printable import printable
from reports.page.markup import typeset

if TYPE_CHECKING:
    from jinja2 import Template

_LAYOUT = Path(__file__).with_name("layout")


def filled(**parts: Any) -> str:
    """The page with its parts, as HTML; the policy in its head names the script by its hash."""
    script = _script()
    page = _template().render(
        **parts,
        script=Markup(script),  # noqa: S704, a file of ours
        digest=b64encode(sha256(script.encode()).digest()).decode(),
    )
    return printable(page)


@lru_cache(maxsize=1)
def _script() -> str:
    return (_LAYOUT / "page.js").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_LAYOUT),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["typeset"] = typeset
    return environment.get_template("page.html.jinja")
