"""The parts of a page: tables as cells, figures as inline SVG, text as people set it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
from markupsafe import Markup, escape

from reports import figures

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd
    from matplotlib.figure import Figure

_FONTS = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"
_WORDS = {
    "better": "better",
    "worse": "worse",
    "equivalent": "equivalent",
    "undecided": "undecided",
    "no difference observed": "same",
    "no verdict": "undecided",
    "baseline": "baseline",
}
_TEXT = frozenset(
    {
        "Arm",
        "At an edge",
        "Chosen hyperparameters",
        "Decided by",
        "Digest",
        "Factor",
        "Level",
        "Source",
        "With",
        "Phase",
        "Reference",
        "Trials",
        "item",
    }
)
_LONG = frozenset({"Changed", "Why", "value"})
_MINUS = re.compile(r"(?<![\w.\-])-(?=\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table: its text, its alignment, and its verdict if it is one."""

    text: str
    kind: str = "text"
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table; the baseline's is marked."""

    cells: tuple[Cell, ...]
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table as the page lays it out."""

    heads: tuple[Cell, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A figure with its title and caption."""

    title: str
    svg: Markup
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page."""

    id: str
    title: str
    texts: tuple[str, ...] = ()
    figures: tuple[Plate, ...] = ()
    tables: tuple[Grid, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A named line."""

    name: str
    value: str


def grid(table: pd.DataFrame, marked: Collection[int] = ()) -> Grid:
    """A table of text, laid out: numbers to the right, verdicts as labels.

    Args:
        table: of strings.
        marked: positions of rows to stand out.
    """
    kinds = [_kind(str(name)) for name in table.columns]
    heads = [
        Cell(text=str(name), kind=kind) for name, kind in zip(table.columns, kinds, strict=True)
    ]
    rows = []
    for index, values in enumerate(table.itertuples(index=False, name=None)):
        cells = [
            Cell(
                text=text,
                kind=kind,
                word=_word(text) if name == "Verdict" else "",
            )
            for name, text, kind in zip(table.columns, values, kinds, strict=True)
        ]
        rows.append(Row(cells=tuple(cells), marked=index in marked))
    return Grid(heads=tuple(heads), rows=tuple(rows))


def _word(text: str) -> str:
    return _WORDS.get(text.partition(",")[0], "")


def _kind(name: str) -> str:
    if name in _LONG:
        return "long"
    return "text" if name in _TEXT or name == "Verdict" else "number"


def typeset(text: object) -> Markup:
    """Escaped text with a real minus before numbers, and units kept on their line.

    Example:
        >>> typeset("-1.5 % <b>")
        Markup('\u22121.5\u202f% &lt;b&gt;')
    """
    plain = _MINUS.sub("\u2212", str(text)).replace(" %", "\u202f%")
    return escape(plain)


def svg(figure: Figure, name: str, label: str) -> Markup:
    """A figure as an inline SVG element that follows the page's theme.

    Args:
        figure: drawn by ``reports.figures``.
        name: unique in the page; makes the ids of this figure its own.
        label: what a screen reader says.
    """
    stream = io.StringIO()
    with figures.styled(), mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'\b(style|font-family)="([^"]*)"', _themed, text)
    referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(
        r' id="([^"]+)"',
        lambda match: f' id="{name}-{match[1]}"' if match[1] in referred else "",
        text,
    )
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"\s*\n\s*", "\n", text)
    opening = re.search(r'viewBox="[^"]+"', text)
    assert opening is not None
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{opening.group()} role="img" aria-label="{escape(label)}" '
        'style="stroke-linejoin: round; stroke-linecap: butt">'
    )
    return Markup(root + text[text.index(">") + 1 :])  # noqa: S704, Matplotlib escapes text


def _themed(match: re.Match[str]) -> str:
    """Colors of the page in place of the figures' sentinels, and its fonts."""
    style = (
        match.group(2).replace(figures.INK, "currentColor").replace(figures.PAPER, "var(--paper)")
    )
    style = re.sub(r"&quot;DejaVu Sans&quot;|'DejaVu Sans'|DejaVu Sans", _FONTS, style)
    return f'{match.group(1)}="{style}"'
