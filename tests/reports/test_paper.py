"""What a paper takes from a study: LaTeX, Markdown, Parquet, figures, and the methods."""

from __future__ import annotations

import re
import shutil
import subprocess
from io import BytesIO

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.text import Text
from synthetic import Script

from harness.errors import UsageError
from reports import export, figures, frames, verdicts
from reports.export import drawing

HOSTILE = r"""\ { } % _ & # $ ~ ^ < > | " [16] * ` ' -- ?` !`"""
TOKEN = re.compile(
    r"\\(?:[A-Za-z]+|[{}%_&#$\\])|%[^\n]*\n|\$-\$|[{}&]|[A-Za-z0-9 .,:;=+()/!?@\n\[\]*'`-]"
)


def judged(folder):
    """Results with their verdicts."""
    results = frames.read(folder)
    return results, verdicts.judge(results)


def checked(text):
    """The rows of a table that a strict reader of LaTeX accepts."""
    assert "".join(TOKEN.findall(text)) == text, "a sign that LaTeX would not print"
    depth = 0
    for token in TOKEN.findall(text):
        depth += (token == "{") - (token == "}")
        assert depth >= 0
    assert depth == 0
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [row for row in body.splitlines() if row.endswith(r" \\")]
    columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)[1]
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1
        assert not re.match(r"\s*[\[*]", row), "would be read as an option of the row before"
    return rows


def compiled(text, folder):
    """Compile a table where a LaTeX is installed."""
    found = [name for name in ("pdflatex", "tectonic") if shutil.which(name)]
    if not found:
        return
    head = "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs}"
    (folder / "t.tex").write_text(f"{head}\\begin{{document}}{text}\\end{{document}}")
    options = ["-halt-on-error", "-interaction=nonstopmode"] if found[0] == "pdflatex" else []
    subprocess.run([found[0], *options, "t.tex"], cwd=folder, check=True, capture_output=True)


def test_latex_prints_every_sign_as_it_is(tmp_path):
    """In cells, heads and the caption; also where a row begins with a bracket."""
    table = pd.DataFrame({HOSTILE: [HOSTILE, "[16, 32]", "* all"], "Mean": ["-1.5", "+0.3", ""]})
    text = export.latex(table, HOSTILE, "tab:x")
    rows = checked(text)
    assert len(rows) == 4
    assert r"50" not in rows[0]
    assert rows[1].endswith(r"& $-$1.5 \\")
    assert r"\begin{tabular}{lr}" in text
    compiled(text, tmp_path)


def test_the_strict_reader_can_refuse():
    """A table without escapes does not pass."""
    for sign in ("%", "_", "#", "$", "~", "^"):
        with pytest.raises(AssertionError):
            checked(export.latex(pd.DataFrame({"a": ["b"]}), "c", "d").replace("b", f"b{sign} b"))


def test_every_table_of_a_study_is_latex_and_markdown(shared, tmp_path):
    """With as many rows as it has."""
    for name, table in export.readable(*judged(shared)).items():
        text = export.latex(table, name, f"tab:{name}")
        assert len(checked(text)) == len(table) + 1
        compiled(text, tmp_path)
        lines = export.markdown(table).splitlines()
        assert len(lines) == len(table) + 2
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {table.shape[1] + 1}


def test_parquet_is_read_back(shared):
    """Whole and typed."""
    results, _ = judged(shared)
    table = results.trials
    again = pd.read_parquet(BytesIO(export.parquet(table)))
    pd.testing.assert_frame_equal(again, table, check_dtype=False)


def test_figures_have_the_width_and_text_that_was_asked_for(shared, tmp_path):
    """As SVG, PDF and PNG, the same bytes for the same results; nothing global is left behind."""
    before = dict(mpl.rcParams)
    found = [
        export.plates(*judged(shared), tmp_path / one, width=5.0, size=8.0) for one in ("a", "b")
    ]
    assert [file.read_bytes() for file in found[0]] == [file.read_bytes() for file in found[1]]
    names = {file.name for file in found[0]}
    assert {f"{name}.{kind}" for name in ("forest", "spread") for kind in drawing.FORMATS} <= names
    svg = (tmp_path / "a" / "forest.svg").read_text()
    assert 'width="360pt"' in svg
    sizes = {round(float(size), 3) for size in re.findall(r"font-size: ([\d.]+)px", svg)}
    assert sizes == {round(size * 8 / 11, 3) for size in (9.5, 10, 11)}
    assert (tmp_path / "a" / "forest.pdf").read_bytes().startswith(b"%PDF")
    assert dict(mpl.rcParams) == before
    assert figures.forest(judged(shared)[1]).get_figwidth() == 10


def test_a_width_without_room_for_data_is_refused(shared, tmp_path):
    """What would do is told, and does."""
    with pytest.raises(UsageError, match=r"4\.85 in or more.*up to 5\.5 pt"):
        export.plates(*judged(shared), tmp_path, width=85 / 25.4, size=8.0)
    assert export.plates(*judged(shared), tmp_path, width=85 / 25.4, size=5.4)


def test_all_text_is_scaled(shared):
    """A label that keeps its size would overlap others."""
    with figures.styled(), figures.laid_out(600):
        figure = figures.spread(judged(shared)[1])
        before = [one.get_fontsize() for one in figure.findobj(Text)]
        drawing._scale(figure, 0.5)
        after = [one.get_fontsize() for one in figure.findobj(Text)]
    assert after == [size / 2 for size in before]


def test_methods_say_what_was_done(make):
    """Design, budget, test, family, margin, failures, size and versions."""
    lost = Script(
        status=lambda a, p, c, r: "diverged" if (a, p, r) == (2, "confirm", 3) else "completed"
    )
    text = export.methods(*judged(make(lost, margin=0.01, replicates=10)))
    for said in (
        "6 arms, all combinations of activation (relu, tanh, sigmoid)",
        "10 paired replicates",
        "5 candidates (1 training each)",
        "0.0001 to 0.1 on a log scale",
        "5 comparisons (Bonferroni)",
        "exact sign-flip test",
        "of the baseline are equivalent",
        "1 training diverged",
        "90 trainings (30 to tune and 60 to compare)",
        "keras 3.15.1",
    ):
        assert said in text
    assert "No hyperparameter was tuned." in export.methods(*judged(make(tune=None)))
