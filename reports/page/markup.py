"""The parts of a page: tables as cells, figures as SVG and PNG, text as people set it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
from markupsafe import Markup, escape

from reports import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

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
_FONT = re.compile(r"&quot;DejaVu Sans&quot;|'DejaVu Sans'|DejaVu Sans")
_MOST = 9
_RANKS = {word: rank for rank, word in enumerate(dict.fromkeys(_WORDS.values()))}
_TEXT = frozenset(
    {
        "Alarm",
        "Arm",
        "At an edge",
        "Chosen hyperparameters",
        "Class",
        "Decided by",
        "Digest",
        "Factor",
        "Layer",
        "Layers",
        "Level",
        "Quantity",
        "Seen",
        "Networks",
        "Source",
        "Taken for",
        "When",
        "With",
        "Phase",
        "Reference",
        "Trials",
        "item",
    }
)
_LONG = frozenset({"Changed", "Evidence", "Why", "value"})
_MINUS = re.compile(r"(?<![\w.\-])-(?=\d)")
_NUMBER = re.compile(r"[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?")
_THEMED = (*dict.fromkeys([*figures.COLORS.values(), *figures.SERIES]),)
"""Colors of figures; the page may name a brighter one for dark ground, such as ``--c-1a80bb``."""

_PRINTED = {figures.INK: "#1c2127", figures.PAPER: "#ffffff"}
"""Colors that replace those of the page in a figure saved as a file of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table.

    Args:
        text: text of the cell.
        kind: how it is aligned.
        word: its verdict, if it is one.
        key: a number to sort by; empty where the text itself is sorted by.
        best: whether it is the best of its column.
    """

    text: str
    kind: str = "text"
    word: str = ""
    key: str = ""
    best: bool = False


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

    @property
    def wide(self) -> bool:
        """True if the table has too many columns for paper, where each row becomes a card."""
        return len(self.heads) > _MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A figure with its title and caption.

    Args:
        title: what it shows.
        caption: how to read it.
        pictures: inline SVG: the figure, and what a phone shows in its place, if there is such.
        files: by name, the figure as a file of its own.
    """

    title: str
    caption: str
    pictures: tuple[Markup, ...]
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A part that is opened on demand, and open on paper."""

    title: str
    texts: tuple[str, ...] = ()
    tables: tuple[Grid, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page."""

    id: str
    title: str
    texts: tuple[str, ...] = ()
    figures: tuple[Plate, ...] = ()
    tables: tuple[Grid, ...] = ()
    folds: tuple[Fold, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A named line."""

    name: str
    value: str


def grid(
    table: pd.DataFrame,
    marked: Collection[int] = (),
    best: Collection[tuple[int, str]] = (),
) -> Grid:
    """A table of text, laid out: numbers to the right, verdicts as labels.

    Args:
        table: of strings.
        marked: positions of rows to stand out.
        best: rows and columns of cells that hold the best of their column.
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
                key=_key(text, kind, str(name)),
                best=(index, name) in best,
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


def _key(text: str, kind: str, name: str) -> str:
    """Sort key of a cell: the rank of a verdict, or the first number in it.

    Example:
        >>> _key("97.1 %", "number", "Mean"), _key("<0.001", "number", "p")
        ('97.1', '0.000999')
        >>> _key("x403", "number", "Difference (%)"), _key("relu", "text", "Arm")
        ('40200', '')
    """
    if name == "Verdict":
        return str(_RANKS.get(_word(text), len(_RANKS)))
    match = _NUMBER.search(text) if kind == "number" else None
    if match is None:
        return ""
    number = float(match[0].replace(",", ""))
    before = text[: match.start()]
    if before.endswith("x") and "(%)" in name:  # a multiple among percents
        number = 100 * (number - 1)
    if before.endswith("<"):
        number *= 0.999
    return f"{number:.12g}"


def typeset(text: object) -> Markup:
    """Escaped text with a real minus before numbers, and units kept on their line.

    Example:
        >>> typeset("-1.5 % <b>")
        Markup('\u22121.5\u202f% &lt;b&gt;')
    """
    plain = _MINUS.sub("\u2212", str(text)).replace(" %", "\u202f%")
    return escape(plain)


def plate(
    figure: Figure, name: str, title: str, caption: str, narrow: Figure | None = None
) -> Plate:
    """A figure, laid out.

    Args:
        figure: drawn by ``reports.figures``.
        name: of its files; unique in the page.
        title: what it shows.
        caption: how to read it.
        narrow: the same drawn for a phone.
    """
    label, drawn = f"{title}. {caption}", _drawn(figure, name)
    pictures = [_inline(drawn, name, label)]
    if narrow:
        small = f"{name}-narrow"
        pictures.append(_inline(_drawn(narrow, small), small, label))
    files = {
        f"figures/{name}.svg": _alone(drawn),
        f"figures/{name}.png": _png(figure),
    }
    return Plate(title=title, caption=caption, pictures=tuple(pictures), files=files)


def narrow(draw: Callable[[], Figure | None]) -> Figure | None:
    """Same figure for a phone."""
    with figures.laid_out(figures.NARROW):
        return draw()


def _inline(drawn: str, name: str, label: str) -> Markup:
    """An SVG element that follows the page's theme, with ids of its own and what is read aloud."""
    text = drawn
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


def _alone(drawn: str) -> bytes:
    """An SVG file on white ground."""
    text = re.sub(_FONT, _FONTS, drawn)
    for stand_in, color in _PRINTED.items():
        text = text.replace(stand_in, color)
    opening, end, rest = text.partition(">")
    ground = '\n <rect width="100%" height="100%" fill="white"/>'
    return f"{opening}{end}{ground}{rest}".encode()


def _png(figure: Figure) -> bytes:
    """A figure as a PNG file on white ground, twice as large as on the page."""
    stream = io.BytesIO()
    with figures.styled():
        figure.savefig(
            stream, format="png", dpi=144, facecolor="white", metadata={"Software": None}
        )
    return stream.getvalue()


def _drawn(figure: Figure, name: str) -> str:
    """A figure as Matplotlib writes it, the same for the same figure."""
    stream = io.StringIO()
    with figures.styled(), mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)


def _themed(match: re.Match[str]) -> str:
    """Colors of the page in place of the figures' own, and its fonts."""
    style = (
        match.group(2).replace(figures.INK, "currentColor").replace(figures.PAPER, "var(--paper)")
    )
    for color in _THEMED:
        style = style.replace(color, f"var(--c-{color[1:]}, {color})")
    return f'{match.group(1)}="{re.sub(_FONT, _FONTS, style)}"'
