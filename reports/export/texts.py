"""Tables as people read them: Markdown and LaTeX; and as Parquet."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

from harness.errors import UsageError
from reports import tables

if TYPE_CHECKING:
    import pandas as pd

    from reports.frames import Results
    from reports.verdicts import Judged

_NUMBER = re.compile(r"[+-]?[\d.,]+( ?%)?|")
_MINUS = re.compile(r"(?<![\w.\-])-(?=[\d.])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "_": r"\_",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # after the end of a row it would start an option
    "*": "{*}",  # likewise
    "`": "{`}",  # beside another one it would become a different sign
    "'": "{'}",
    "-": "{-}",
}


def readable(results: Results, judged: Judged) -> dict[str, pd.DataFrame]:
    """The tables of a study as text, by name; those without rows are left out."""
    found = {
        "verdicts": tables.formatted(judged),
        "details": tables.details(results, judged),
        "references": tables.formatted_references(results, judged),
        "tuning": tables.formatted_tuning(results),
        "selection_bias": tables.formatted_bias(results, judged),
        "effects": tables.formatted_effects(results, judged),
        "interactions": tables.formatted_interactions(judged),
        "variance": tables.formatted_shares(results, judged),
        "label_savings": tables.formatted_savings(results, judged),
        "class_differences": tables.formatted_class_differences(results, judged),
        "hard_cases": tables.formatted_hard_cases(results),
        "other_metrics": tables.formatted_others(results),
        "skipped": tables.formatted_skipped(results) if len(results.skipped) else results.skipped,
        "provenance": tables.provenance(results, judged),
    }
    return {name: table for name, table in found.items() if len(table)}


def markdown(table: pd.DataFrame) -> str:
    r"""A table of text as a pipe table.

    Example:
        >>> import pandas as pd
        >>> print(markdown(pd.DataFrame({"Arm": ["a|b"], "Mean": ["0.5"]})), end="")
        | Arm | Mean |
        | :-- | --: |
        | a\|b | 0.5 |
    """
    rows = [[str(name) for name in table.columns], *table.astype("str").to_numpy().tolist()]
    rule = ["--:" if number else ":--" for number in _numbers(table)]
    lines = [[_piped(text) for text in row] for row in rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [lines[0], rule, *lines[1:]])


def latex(table: pd.DataFrame, caption: str, label: str) -> str:
    r"""A table of text for LaTeX, with the rules of the package booktabs.

    Args:
        table: of text.
        caption: above it.
        label: to refer to it, such as ``tab:verdicts``; underscores become hyphens.

    Example:
        >>> import pandas as pd
        >>> "50\\%" in latex(pd.DataFrame({"share": ["50%"]}), "Shares", "tab:shares")
        True
    """
    heads = " & ".join(_escaped(str(name)) for name in table.columns)
    rows = [
        " & ".join(_escaped(str(text)) for text in row) + r" \\"
        for row in table.to_numpy().tolist()
    ]
    columns = "".join("r" if number else "l" for number in _numbers(table))
    anchor = label.replace("_", "-")
    lines = [
        "% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escaped(caption)}}}",
        rf"\label{{{anchor}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        rf"{heads} \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def parquet(table: pd.DataFrame) -> bytes:
    """A table as Parquet.

    Raises:
        UsageError: if pyarrow is not installed.
    """
    stream = BytesIO()
    try:
        table.to_parquet(stream, index=False)
    except ImportError as error:
        raise UsageError(
            "expected pyarrow, to write Parquet. It is not installed: "
            "pip install 'keras-harness[parquet]'."
        ) from error
    return stream.getvalue()


def _numbers(table: pd.DataFrame) -> list[bool]:
    """Flags for the columns that hold numbers only."""
    return [
        all(_NUMBER.fullmatch(str(text)) for text in table.iloc[:, place])
        for place in range(table.shape[1])
    ]


def _piped(text: str) -> str:
    escaped = re.sub(r"([\\|*_`<>\[\]])", r"\\\1", text)
    return re.sub(r"\s+", " ", escaped)


def _escaped(text: str) -> str:
    """Text that LaTeX prints as it is, with a real minus before numbers."""
    parts = _MINUS.split(re.sub(r"\s+", " ", text))
    return "$-$".join("".join(_LATEX.get(sign, sign) for sign in part) for part in parts)
