"""The template that every page is laid out with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports.page.markup import typeset

if TYPE_CHECKING:
    from jinja2 import Template


@lru_cache(maxsize=1)
def template() -> Template:
    """The template, compiled once."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("layout")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["typeset"] = typeset
    return environment.get_template("page.html.jinja")
